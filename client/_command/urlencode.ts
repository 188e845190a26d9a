import { octetsToText } from "../../message/_octets.ts";
import { type InputContext, readInput } from "./input.ts";

/**
 * Encodes a value for a query or a form, as curl takes it: `CONTENT`,
 * `=CONTENT`, `NAME=CONTENT`, `@FILE` or `NAME@FILE`. The name stays as it is.
 *
 * @throws {CommandError} If the file cannot be read.
 */
export async function encodeValue(
  text: string,
  input: InputContext,
): Promise<string> {
  const [, name = "", sign, content = text] = /^([^=]*)(=)(.*)$/s.exec(text) ??
    /^([^@]*)(@)(.*)$/s.exec(text) ?? [];
  const bytes = sign === "@"
    ? await readInput(content, input)
    : new TextEncoder().encode(content);
  const encoded = percentEncode(bytes, /[^\w.~ -]/g).replaceAll(" ", "+");
  return name === "" ? encoded : `${name}=${encoded}`;
}

/** Encodes octets, whatever their charset. */
export function percentEncode(bytes: Uint8Array, which: RegExp): string {
  return octetsToText(bytes).replace(which, (octet) => {
    const code = octet.charCodeAt(0).toString(16).toUpperCase();
    return `%${code.padStart(2, "0")}`;
  });
}
