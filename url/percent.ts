const PERCENT = 0x25;
const HEX_BYTE_REGEXP = /^[0-9a-f]{2}$/i;
const ASCII_LENGTH = 0x80;
/** Each byte, percent-encoded. */
export const ESCAPES: readonly string[] = Array.from(
  { length: 0x100 },
  (_, byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
);

/** The characters that have to be percent-encoded in one part of a URL. */
export class PercentEncodeSet {
  /** The set, as written between the brackets of a regular expression. */
  readonly characters: string;
  readonly #regexp: RegExp;
  /** Whether the set has each ASCII character. */
  readonly #has: readonly boolean[];

  constructor(characters: string) {
    this.characters = characters;
    this.#regexp = new RegExp(`[${characters}]`);
    this.#has = Array.from({ length: ASCII_LENGTH }, (_, code) => {
      return this.#regexp.test(String.fromCharCode(code));
    });
  }

  /** Percent-encodes, as UTF-8, the set, which includes all beyond ASCII. */
  encode(text: string): string {
    const first = text === "" ? -1 : text.search(this.#regexp);
    if (first === -1) return text;
    // A loop, since String.replace() with a function is much slower.
    const source = text.toWellFormed();
    let encoded = "";
    let start = 0;
    for (let i = first; i < source.length; i++) {
      const code = source.codePointAt(i)!;
      if (code < ASCII_LENGTH && !this.#has[code]) continue;
      encoded += source.slice(start, i) + escape(code);
      if (code > 0xffff) i++; // two code units
      start = i + 1;
    }
    return encoded + source.slice(start);
  }
}

/** Percent-encodes a character: its bytes in UTF-8 (RFC 3629 section 3). */
function escape(code: number): string {
  if (code < 0x80) return ESCAPES[code]!;
  const last = ESCAPES[0x80 | code & 0x3f]!;
  if (code < 0x800) return ESCAPES[0xc0 | code >> 6]! + last;
  const end = ESCAPES[0x80 | code >> 6 & 0x3f]! + last;
  if (code < 0x10000) return ESCAPES[0xe0 | code >> 12]! + end;
  return ESCAPES[0xf0 | code >> 18]! + ESCAPES[0x80 | code >> 12 & 0x3f]! + end;
}

// URL standard 1.3: each set extends another.
const C0_CONTROL = String.raw`\0-\x1f\x7f-\uffff`;
const QUERY = C0_CONTROL + ' "#<>';
const PATH = QUERY + "?^`{}";
const USERINFO = PATH + String.raw`/:;=@[\\\]|`;
const FRAGMENT = C0_CONTROL + ' "<>`';

/** The set for a username or a password. */
export const USERINFO_SET: PercentEncodeSet = new PercentEncodeSet(USERINFO);
/** The set for a path; slashes stay. */
export const PATH_SET: PercentEncodeSet = new PercentEncodeSet(PATH);
/** The set for the params, after `?`. */
export const PARAMS_SET: PercentEncodeSet = new PercentEncodeSet(QUERY + "'");
/** The set for the fragment, after `#`. */
export const FRAGMENT_SET: PercentEncodeSet = new PercentEncodeSet(FRAGMENT);

/**
 * Decodes a text into bytes: each `%` with two hexadecimal digits becomes one
 * byte, and the rest is encoded as UTF-8 (URL standard 1.3).
 *
 * A `%` without two digits stays.
 *
 * @param text A part of a URL, such as a username.
 * @returns The bytes.
 *
 * @example Usage
 * ```ts
 * import { percentDecode } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * const text = new TextDecoder().decode(percentDecode("a%20b%zz"));
 * assertEquals(text, "a b%zz");
 * ```
 *
 * @category URLs
 */
export function percentDecode(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const hex = String.fromCharCode(bytes[i + 1]!, bytes[i + 2]!);
    const isEscape = bytes[i] === PERCENT && HEX_BYTE_REGEXP.test(hex);
    bytes[length++] = isEscape ? parseInt(hex, 16) : bytes[i]!;
    if (isEscape) i += 2;
  }
  return bytes.subarray(0, length);
}
