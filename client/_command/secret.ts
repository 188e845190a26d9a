import { textToOctets } from "../../message/_octets.ts";

/** Ctrl-C, Ctrl-D, and Enter in both its forms. */
const ENDS = [3, 4, 10, 13];
/** Ctrl-U, and Backspace, with what they take back: all, or a character. */
const TAKEN_BACK_REGEXP =
  // deno-lint-ignore no-control-regex
  /(?:^.*\x15|(?:[\xc0-\xff][\x80-\xbf]*|.)?[\b\x7f])$/s;

/** Asks on the terminal, which shows nothing of what is typed. */
export function askSecret(question: string): string {
  const { stdin, stderr } = Deno;
  const octet = new Uint8Array(1);
  let typed = "";
  stdin.setRaw(true);
  try {
    stderr.writeSync(new TextEncoder().encode(question));
    while (stdin.readSync(octet) && !ENDS.includes(octet[0]!)) {
      typed = takeBack(typed + String.fromCharCode(octet[0]!));
    }
  } finally {
    stdin.setRaw(false);
    stderr.writeSync(textToOctets("\n"));
  }
  if (octet[0] === ENDS[0]) throw new DOMException("Ctrl-C", "AbortError");
  return new TextDecoder().decode(textToOctets(typed));
}

/** Octets of UTF-8 without those that the last one takes back. */
export function takeBack(typed: string): string {
  return typed.replace(TAKEN_BACK_REGEXP, "");
}
