// URL standard 1.3. Each expression finds what its part may not contain as it is:
// all below U+0021, all above U+007E, and the characters that would end the part.
// The text must be well-formed: then encodeURIComponent() cannot fail, and it
// leaves none of these as they are but the apostrophe.

const USERINFO_UNSAFE_REGEXP = /[^!$%&'()*+,\-.0-9A-Z_a-z~]+/g;
const PATH_UNSAFE_REGEXP = /[^!$%&'()*+,\-./0-9:;=@A-Z[\\\]_a-z|~]+/g;
const QUERY_UNSAFE_REGEXP = /[^!$%&()*+,\-./0-9:;=?@A-Z[\\\]^_`a-z{|}~]+/g;
const FRAGMENT_UNSAFE_REGEXP = /[^!#$%&'()*+,\-./0-9:;=?@A-Z[\\\]^_a-z{|}~]+/g;
const PERCENT = 0x25;

/** Percent-encodes a username or a password. */
export function encodeUserinfo(text: string): string {
  return text.replace(USERINFO_UNSAFE_REGEXP, encodeURIComponent);
}

/** Percent-encodes a path; its slashes and backslashes stay. */
export function encodePath(text: string): string {
  return text.replace(PATH_UNSAFE_REGEXP, encodeURIComponent);
}

/** Percent-encodes what follows `?`. */
export function encodeParams(text: string): string {
  return text.replace(QUERY_UNSAFE_REGEXP, encodeRun);
}

function encodeRun(run: string): string {
  return encodeURIComponent(run).replaceAll("'", "%27");
}

/** Percent-encodes what follows `#`. */
export function encodeFragment(text: string): string {
  return text.replace(FRAGMENT_UNSAFE_REGEXP, encodeURIComponent);
}

/**
 * Turns a text into bytes, each `%` with two hexadecimal digits into the byte
 * that they stand for and all else into UTF-8 (URL standard 1.3).
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
    const value = bytes[i] === PERCENT
      ? hexValue(bytes[i + 1]) * 16 + hexValue(bytes[i + 2])
      : NaN;
    bytes[length++] = Number.isNaN(value) ? bytes[i]! : value;
    if (!Number.isNaN(value)) i += 2;
  }
  return bytes.subarray(0, length);
}

function hexValue(byte: number | undefined): number {
  if (byte === undefined) return NaN;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : NaN;
}
