const ASCII_LENGTH = 128;

/** The characters that one part of a URL holds only percent-encoded. */
export class PercentEncodeSet {
  /** The set as it stands between the brackets of a regular expression. */
  readonly characters: string;
  readonly #regexp: RegExp;
  readonly #escapes: readonly string[];

  constructor(characters: string) {
    this.characters = characters;
    this.#regexp = new RegExp(`[${characters}]`);
    this.#escapes = Array.from({ length: ASCII_LENGTH }, (_, code) => {
      const hex = code.toString(16).toUpperCase().padStart(2, "0");
      return this.#regexp.test(String.fromCharCode(code)) ? `%${hex}` : "";
    });
  }

  /** Percent-encodes these characters as UTF-8 bytes; all others stay. */
  encode(text: string): string {
    if (!this.#regexp.test(text)) return text;
    // A loop, as String.replace() with a function takes five times as long.
    let encoded = "";
    let start = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < ASCII_LENGTH && this.#escapes[code] === "") continue;
      encoded += text.slice(start, i);
      const end = code < ASCII_LENGTH ? i + 1 : asciiIndex(text, i);
      encoded += this.#escapes[code] ??
        encodeURIComponent(text.slice(i, end).toWellFormed());
      start = end;
      i = end - 1;
    }
    return encoded + text.slice(start);
  }
}

/** Where the next ASCII character stands. */
function asciiIndex(text: string, start: number): number {
  let end = start;
  while (text.charCodeAt(end) >= ASCII_LENGTH) end++;
  return end;
}

// URL standard 1.3, each set made from another as there.
const C0_CONTROL = "\\0-\\x1f\\x7f-\\uffff";
const QUERY = C0_CONTROL + ' "#<>';
const PATH = QUERY + "?^`{}";

/** For a username or a password. */
export const USERINFO_SET: PercentEncodeSet = new PercentEncodeSet(
  PATH + "/:;=@[\\\\\\]|",
);
/** For a path; its slashes stay. */
export const PATH_SET: PercentEncodeSet = new PercentEncodeSet(PATH);
/** For what follows `?`. */
export const PARAMS_SET: PercentEncodeSet = new PercentEncodeSet(QUERY + "'");
/** For what follows `#`. */
export const FRAGMENT_SET: PercentEncodeSet = new PercentEncodeSet(
  C0_CONTROL + ' "<>`',
);

const PERCENT = 0x25;
const HEX_DIGIT_REGEXP = /^[0-9A-Fa-f]$/;

/**
 * Turns a text into bytes: each `%` with two hexadecimal digits into the byte
 * that they stand for, all else into UTF-8 (URL standard 1.3).
 *
 * A `%` without two digits stays as it is.
 *
 * @param text A part of a URL, such as one segment of a path.
 * @returns The bytes.
 *
 * @example Usage
 * ```ts
 * import { percentDecode } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(percentDecode("a%20b%zz"), new TextEncoder().encode("a b%zz"));
 * ```
 */
export function percentDecode(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const escaped = bytes[i] === PERCENT
      ? hexDigit(bytes[i + 1]) * 16 + hexDigit(bytes[i + 2])
      : NaN;
    const isEscape = !Number.isNaN(escaped);
    bytes[length++] = isEscape ? escaped : bytes[i]!;
    if (isEscape) i += 2;
  }
  return bytes.subarray(0, length);
}

/** NaN when the byte is no hexadecimal digit. */
function hexDigit(byte = NaN): number {
  const digit = String.fromCharCode(byte);
  return HEX_DIGIT_REGEXP.test(digit) ? parseInt(digit, 16) : NaN;
}
