import { mimes } from "mrmime";

/**
 * The type of each extension: a Map, since `constructor` is an extension like
 * any other.
 */
const TYPES: ReadonlyMap<string, string> = new Map(Object.entries({
  ...mimes,
  avi: "video/x-msvideo",
  flac: "audio/flac",
  ico: "image/x-icon",
  jsonl: "application/jsonl",
  m4v: "video/mp4",
  mkv: "video/matroska",
}));

const EXTENSION_REGEXP = /\.([^./\\]+)$/;

/**
 * A type as text with its charset: always UTF-8, so that no browser guesses
 * another one.
 */
function withCharset(type: string): string {
  return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
}

/**
 * Tells the media type of a file.
 *
 * @param name Its name, or a path that ends in it.
 * @param start Its first bytes; where the name tells nothing, or `.ts` could be
 *   a video as well, they tell whether it is text.
 */
export function mediaTypeOf(name: string, start: Uint8Array): string {
  const extension = EXTENSION_REGEXP.exec(name)?.[1]?.toLowerCase() ?? "";
  const type = TYPES.get(extension);
  if (type !== undefined && type !== "video/mp2t") return withCharset(type);
  return isText(start)
    ? "text/plain; charset=utf-8"
    : type ?? "application/octet-stream";
}

/**
 * Whether bytes have none that text never has: controls other than tab, line
 * ends, form feed and escape.
 */
function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) =>
    byte >= 0x20 && byte !== 0x7f || byte >= 0x09 && byte <= 0x0d ||
    byte === 0x1b
  );
}

const COMPRESSIBLE_REGEXP =
  /^(?:text\/|application\/(?:json|jsonl|xml|javascript|wasm|toml|yaml|rtf|x-sh)|[^;]*\+(?:json|xml)|font\/(?:ttf|otf)|image\/(?:bmp|x-icon|svg))/;

/** Whether files of a type get much smaller by compressing them. */
export function isCompressible(mediaType: string): boolean {
  return COMPRESSIBLE_REGEXP.test(mediaType);
}
