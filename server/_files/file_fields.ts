// What the name of a file and its first bytes tell clients: its type, and how
// long they may use it without revalidating it.

import mime from "npm:mime@^4.1.0";
import { octetsToText } from "../../message/_octets.ts";

/** Text that people open to read; with its own type, browsers would save it. */
const PLAIN =
  "bat c cc cjsx clj coffee cpp cs csh csv cts cu cxx dart diff dtd go h hh " +
  "hpp ics java json5 jsonl jsx kt lua org patch php pl pm ps1 py r rb rs " +
  "sass scm scss sh sql srt swift tcl tex toml tsv tsx vue xaml yaml yml zig";

/**
 * Types that the package lacks, or has under a name that hardly anyone uses: a
 * Map, because `constructor` is an extension like any other.
 */
const TYPES: ReadonlyMap<string, string> = new Map([
  ["cjs", "text/javascript"],
  ["flac", "audio/flac"],
  ["ipynb", "application/json"],
  ["vcf", "text/vcard"],
  ...PLAIN.split(" ").map((extension) => [extension, "text/plain"] as const),
]);

const EXTENSION_REGEXP = /\.([^./\\]+)$/;

/** JSON without an extension (Apple's universal links). */
const JSON_NAME_REGEXP = /(?:^|[/\\])apple-app-site-association$/;

/** Finds a charset other than UTF-8 that a page declares. */
const OTHER_CHARSET_REGEXP =
  /^[^]*?<meta\b[^<>]*\bcharset *= *["']?(?!utf-?8)\w/i;

/**
 * Adds the charset to a type of text, so that no browser guesses: UTF-8, unless
 * a page declares another one. In browsers this field would win over the page.
 */
function withCharset(type: string, firstBytes: Uint8Array): string {
  if (!/^text\/[^;]*$/.test(type)) return type;
  const page = type === "text/html" ? octetsToText(firstBytes) : "";
  return OTHER_CHARSET_REGEXP.test(page) ? type : `${type}; charset=utf-8`;
}

/**
 * Finds the media type of a file.
 *
 * @param name Its name, or a path that ends in it.
 * @param firstBytes They tell whether it is text if the name says nothing, or
 *   if a `.ts` or `.mts` could also be a video; and whether a page declares a
 *   charset.
 * @param overrides Types by extension that take precedence over all others.
 */
export function mediaTypeOf(
  name: string,
  firstBytes: Uint8Array,
  overrides?: ReadonlyMap<string, string>,
): string {
  if (JSON_NAME_REGEXP.test(name)) return "application/json";
  const extension = EXTENSION_REGEXP.exec(name)?.[1]?.toLowerCase() ?? "";
  const type = overrides?.get(extension) ?? TYPES.get(extension) ??
    mime.getType(extension) ?? "";
  const mayBeText = type === "" || type === "video/mp2t";
  if (mayBeText && isText(firstBytes)) return "text/plain; charset=utf-8";
  return withCharset(type || "application/octet-stream", firstBytes);
}

/** Control characters other than tab, line ends, form feed and escape. */
// deno-lint-ignore no-control-regex
const BINARY_REGEXP = /[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]/;

/** Whether bytes have none that text never has. */
function isText(bytes: Uint8Array): boolean {
  return !BINARY_REGEXP.test(octetsToText(bytes));
}

const COMPRESSIBLE_REGEXP =
  /^(?:text\/|application\/(?:json|jsonl|xml|javascript|wasm|toml|yaml|rtf|x-sh)|[^;]*\+(?:json|xml)|font\/(?:ttf|otf)|image\/(?:bmp|vnd\.microsoft\.icon|svg))/;

/** Whether compression makes files of a type much smaller. */
export function isCompressible(mediaType: string): boolean {
  return COMPRESSIBLE_REGEXP.test(mediaType);
}

/**
 * A name with a hash. Such a file is cached for good, because another version
 * has another name. A build puts the hash before the extension, as in
 * `app-3f2a9c1b.js` and `app-3f2a9c1b.js.map`. It is hexadecimal, with a digit
 * and a letter, or base64url, with a digit and a capital; if it has a dash, it
 * has 8 characters.
 */
const HASHED_NAME_REGEXP =
  /[-.](?=[\w-]*\d)(?:(?=\d*[a-fA-F])[\da-fA-F]{8,}|(?=[\w-]*[A-Z])(?:\w{8,22}|[\w-]{8}))\.\w+(?:\.map)?$/;

/**
 * Writes the Cache-Control field of a file.
 *
 * HTML is always revalidated: it names the other files of a build, which are
 * gone after the next one.
 *
 * @param name The name of the file.
 * @param mediaType Its media type.
 * @param maxAge How many seconds files may be used; null to revalidate them.
 */
export function cacheControlOf(
  name: string,
  mediaType: string,
  maxAge: number | null,
): string {
  const isHtml = /^(?:text\/html|application\/xhtml)/.test(mediaType);
  if (maxAge === null || isHtml) return "no-cache";
  const immutable = HASHED_NAME_REGEXP.test(name) ? ", immutable" : "";
  return `max-age=${maxAge}${immutable}`;
}
