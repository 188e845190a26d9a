import { textToOctets } from "../../message/_octets.ts";

/** The keys that end the input: Ctrl-C, Ctrl-D, and both forms of Enter. */
const END_KEYS = [3, 4, 10, 13];
/** Ctrl-U with all that it deletes, or Backspace with a character. */
const ERASED_REGEXP =
  // deno-lint-ignore no-control-regex
  /(?:^.*\x15|(?:[\xc0-\xff][\x80-\xbf]*|.)?[\b\x7f])$/s;

/** Asks on the terminal, without an echo of what is typed. */
export function askSecret(question: string): string {
  const { stdin, stderr } = Deno;
  const octet = new Uint8Array(1);
  let typed = "";
  stdin.setRaw(true);
  try {
    stderr.writeSync(new TextEncoder().encode(question));
    while (stdin.readSync(octet) && !END_KEYS.includes(octet[0]!)) {
      typed = applyErase(typed + String.fromCharCode(octet[0]!));
    }
  } finally {
    stdin.setRaw(false);
    stderr.writeSync(textToOctets("\n"));
  }
  if (octet[0] === END_KEYS[0]) throw new DOMException("Ctrl-C", "AbortError");
  return new TextDecoder().decode(textToOctets(typed));
}

/** Carries out the Ctrl-U or Backspace at the end of UTF-8 octets, if any. */
export function applyErase(typed: string): string {
  return typed.replace(ERASED_REGEXP, "");
}
