// From the path of a request to what is served: a file, a directory listing, or
// a redirect to the right path. The path is decoded once, then checked name by
// name. The rules and the file system see the same decoded names: servers in
// which these differed were broken into.

import type { Absence, FileEntry, FileSystem } from "./file_system.ts";

/** The names that a request path leads through. */
export interface RequestPath {
  /** The decoded names, without `.` and `..`. */
  readonly names: readonly string[];
  /** Whether the path asks for a directory. */
  readonly endsInSlash: boolean;
  /**
   * False if it has empty names or encoded slashes; the client is then
   * redirected to the path without them.
   */
  readonly isCanonical: boolean;
}

const NOT_CANONICAL_REGEXP = /\/\/|%2f/i;

/**
 * Parses the path of a request.
 *
 * `..` never leads above the root, as in every client that resolves a URL (RFC
 * 3986 section 5.2.4).
 *
 * @param path The path, percent-encoded.
 * @returns The names; null if the path is malformed: no leading slash, bad
 *   percent-encoding, not UTF-8, or a NUL.
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
  const endsInSlash = ["", ".", ".."].includes(parts.at(-1)!);
  return { names, endsInSlash, isCanonical: !NOT_CANONICAL_REGEXP.test(path) };
}

function decode(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null; // URIError: bad percent-encoding, or bytes that are not UTF-8
  }
}

/**
 * Writes the canonical spelling of a path. It is safe in a redirect: it starts
 * with exactly one slash, and contains nothing that a browser or a header could
 * take for more than a name.
 */
export function writeRequestPath(
  names: readonly string[],
  endsInSlash: boolean,
): string {
  const path = (endsInSlash ? [...names, ""] : names).join("/");
  // Other delimiters stay as clients send them: the cache knows this spelling
  return encodeURI(`/${path}`).replace(/[?#]/g, encodeURIComponent);
}

/**
 * Whether a name is hidden by convention; `.well-known` is meant to be found
 * (RFC 8615).
 */
export function isHidden(name: string): boolean {
  return name.startsWith(".") && name !== ".well-known";
}

// Windows opens a device by its name in any directory, with any extension. A
// name must not contain a stream (`x::$DATA`), a drive, another separator or a
// wildcard, end in what Windows drops, or look like a short name (`PROGRA~1`)
// deno-lint-ignore no-control-regex
const WINDOWS_CHARACTER_REGEXP = /[\x00-\x1f<>:"|?*\\]|[. ]$|~\d/;
const WINDOWS_DEVICE_REGEXP =
  /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\.|$)/i;

/** Whether Windows would open something other than a file of this name. */
export function isWindowsTrap(name: string): boolean {
  return WINDOWS_CHARACTER_REGEXP.test(name) ||
    WINDOWS_DEVICE_REGEXP.test(name);
}

/** A file or directory that a path leads to. */
export interface ResolvedEntry extends FileEntry {
  /**
   * The cache key: the canonical path. A file that stands in for missing ones
   * has its name as the key, without a leading slash, so that no request path
   * is equal to it.
   */
  readonly key: string;
}

/** What a request path leads to, and why, if that is not what it names. */
export type Resolution =
  | ResolvedEntry
  | { readonly kind: "redirect"; readonly path: string; readonly why: string }
  | Absence & { readonly status: 400 | 404 };

/** The rules by which paths are resolved. */
export interface PathResolverOptions {
  readonly urlRoot: readonly string[];
  readonly showDirListing: boolean;
  readonly showDotfiles: boolean;
  readonly showIndex: boolean;
  readonly cleanUrls: boolean;
  readonly fallback: readonly string[] | null;
  /** The name of the only file that is served; null for a directory. */
  readonly singleFile: string | null;
}

const INDEX = "index.html";
const EXTENSION_REGEXP = /\.[^.]+$/;

/** Finds what request paths lead to. */
export class PathResolver {
  /** The files that the paths lead to. */
  readonly fileSystem: FileSystem;
  /** The rules. */
  readonly options: PathResolverOptions;

  constructor(fileSystem: FileSystem, options: PathResolverOptions) {
    this.fileSystem = fileSystem;
    this.options = options;
  }

  /**
   * Finds what a percent-encoded path leads to.
   *
   * @throws The error of the system if that may not be read.
   */
  resolve(requestPath: string): Resolution {
    const { urlRoot, singleFile } = this.options;
    const path = parseRequestPath(requestPath);
    if (path === null) return notFound("bad percent-encoding", 400);
    const isBelowRoot = urlRoot.every((name, i) => name === path.names[i]);
    if (!isBelowRoot) return notFound("it is not below --url-root");
    const names = path.names.slice(urlRoot.length);
    if (!names.every((name) => this.isServed(name))) return notFound(HIDDEN);
    const key = writeRequestPath(path.names, path.endsInSlash);
    if (!path.isCanonical) return redirect(key, "it has // or %2F");
    if (singleFile === null) return this.#resolveNames(path, names);
    const isNamed = ["", singleFile].includes(names.join("/"));
    if (!isNamed) return notFound("only that one file is served");
    return this.#fileOrNothing([], key);
  }

  /** Whether an entry of a directory is served, by its name. */
  isServed(name: string): boolean {
    return (this.options.showDotfiles || !isHidden(name)) &&
      !(Deno.build.os === "windows" && isWindowsTrap(name));
  }

  #resolveNames(path: RequestPath, names: readonly string[]): Resolution {
    const { showIndex, showDirListing } = this.options;
    const found = this.fileSystem.find(names);
    if (found.kind === "nothing") return this.#resolveMissing(path, found.why);
    const key = writeRequestPath(path.names, path.endsInSlash);
    if (found.kind === "file") {
      return path.endsInSlash
        ? redirect(writeRequestPath(path.names, false), "it is a file")
        : { ...found, key };
    }
    const indexNames = [...names, INDEX];
    const index = showIndex ? this.fileSystem.findFile(indexNames) : null;
    // With clean URLs, the page for `docs` may be `docs.html` beside it
    if (index === null && !showDirListing) {
      return this.#resolveMissing(path, "no index.html, and --no-dir-listing");
    }
    if (!path.endsInSlash) {
      // Relative, so that it works behind a proxy that strips a prefix
      const to = "." + writeRequestPath(path.names.slice(-1), true);
      return redirect(to, "it is a directory");
    }
    return { ...(index ?? found), key };
  }

  /** Tries the path with `.html` added, then the fallback. */
  #resolveMissing(path: RequestPath, why: string): Resolution {
    const { cleanUrls, fallback, urlRoot } = this.options;
    const names = path.names.slice(urlRoot.length);
    const last = names.at(-1) ?? "";
    if (cleanUrls && !path.endsInSlash) {
      const page = [...names.slice(0, -1), `${last}.html`];
      const file = this.fileSystem.findFile(page);
      if (file !== null) return { ...file, key: page.join("/") };
    }
    return fallback === null || EXTENSION_REGEXP.test(last)
      ? notFound(why)
      : this.#fileOrNothing(fallback, fallback.join("/"));
  }

  #fileOrNothing(names: readonly string[], key: string): Resolution {
    const found = this.fileSystem.find(names);
    if (found.kind === "file") return { ...found, key };
    return notFound(found.kind === "nothing" ? found.why : "a directory");
  }
}

const HIDDEN = "hidden: a name starts with a dot (--dotfiles)";

function notFound(why: string, status: 400 | 404 = 404): Resolution {
  return { kind: "nothing", why, status };
}

function redirect(path: string, why: string): Resolution {
  return { kind: "redirect", path, why };
}

/** Says what a path leads to, and why. */
export function describeResolution(found: Resolution): string {
  if (found.kind === "nothing") return `nothing: ${found.why}`;
  if (found.kind === "redirect") return `${found.path}, since ${found.why}`;
  return `${found.kind} ${JSON.stringify(found.path)}`;
}
