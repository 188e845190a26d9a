// From the path of a request to names in a directory: decoded once, then judged
// name by name. The rules and the file system see the same decoded names;
// servers in which they did not were broken into by the difference.

/** The names that a request path leads through. */
export interface RequestPath {
  /** The decoded names, without `.` and `..`. */
  readonly names: readonly string[];
  /** Whether the path asks for a directory. */
  readonly endsInSlash: boolean;
  /**
   * False if it has empty names or encoded slashes: then clients are redirected
   * to the path without.
   */
  readonly isCanonical: boolean;
}

const ENCODED_SLASH_REGEXP = /%2f/i;

/**
 * Parses the path of a request.
 *
 * `..` never leads above the root, as in every client that resolves a URL (RFC
 * 3986 section 5.2.4).
 *
 * @param path The path, percent-encoded.
 * @returns The names; null if the path is malformed: no leading slash, bad
 *   percent-encoding, no UTF-8, or a NUL.
 */
export function parseRequestPath(path: string): RequestPath | null {
  const decoded = decode(path);
  if (decoded === null || decoded.includes("\0")) return null;
  const [first, ...parts] = decoded.split("/");
  if (first !== "" || parts.length === 0) return null;
  const names: string[] = [];
  for (const part of parts) {
    if (part === "..") names.pop();
    else if (part !== "" && part !== ".") names.push(part);
  }
  const last = parts.at(-1);
  return {
    names,
    endsInSlash: last === "" || last === "." || last === "..",
    isCanonical: !parts.slice(0, -1).includes("") &&
      !ENCODED_SLASH_REGEXP.test(path),
  };
}

function decode(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null; // URIError: a bad percent-encoding, or bytes that are no UTF-8
  }
}

/**
 * Writes a path in the one spelling that all others of it are led back to. A
 * redirect may lead to it: it starts with exactly one slash, and has nothing
 * that a browser or a header could take for more than a name.
 */
export function writeRequestPath(
  names: readonly string[],
  endsInSlash: boolean,
): string {
  const path = "/" + names.map(encodeURIComponent).join("/");
  return endsInSlash && names.length > 0 ? path + "/" : path;
}

/**
 * Whether a name is hidden by custom; `.well-known` is meant to be found (RFC
 * 8615).
 */
export function isHidden(name: string): boolean {
  return name.startsWith(".") && name !== ".well-known";
}

// Devices are devices with any extension and in any directory; a name may
// neither have a stream (`x::$DATA`), a drive, another separator or a wildcard
// in it, nor end in what Windows drops, nor look like a short name (`PROGRA~1`)
// deno-lint-ignore no-control-regex
const WINDOWS_CHARACTER_REGEXP = /[\x00-\x1f<>:"|?*\\]|[. ]$|~\d/;
const WINDOWS_DEVICE_REGEXP =
  /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\.|$)/i;

/** Whether Windows would open something other than a file of this name. */
export function isWindowsTrap(name: string): boolean {
  return WINDOWS_CHARACTER_REGEXP.test(name) ||
    WINDOWS_DEVICE_REGEXP.test(name);
}
