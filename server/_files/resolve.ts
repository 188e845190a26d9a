// From names in a directory to what is served: a file, a list of a directory,
// or a redirect to the right path.

import { HttpError } from "../_http_error.ts";
import type { FileEntry, FileSystem } from "./file_system.ts";
import {
  isHidden,
  isWindowsTrap,
  parseRequestPath,
  type RequestPath,
  writeRequestPath,
} from "./path.ts";

/** A file that a path leads to. */
export interface ResolvedFile {
  readonly kind: "file";
  readonly file: FileEntry;
  /**
   * What it is cached by: the canonical path. A file that stands in for missing
   * ones is cached by its name, without a leading slash, so that no request
   * path is equal to it.
   */
  readonly key: string;
}

/** What a request path leads to. */
export type Resolution =
  | ResolvedFile
  | { readonly kind: "directory"; readonly directory: FileEntry }
  | { readonly kind: "redirect"; readonly path: string };

/** Which paths lead where. */
export interface PathResolverOptions {
  readonly urlRoot: readonly string[];
  readonly showDirListing: boolean;
  readonly showDotfiles: boolean;
  readonly showIndex: boolean;
  readonly cleanUrls: boolean;
  readonly fallback: readonly string[] | null;
  /** The name of the one file that is served; null for a directory. */
  readonly singleFile: string | null;
}

const INDEX = "index.html";
const EXTENSION_REGEXP = /\.[^.]+$/;

/** Finds what request paths lead to. */
export class PathResolver {
  readonly #fileSystem: FileSystem;
  readonly #options: PathResolverOptions;

  constructor(fileSystem: FileSystem, options: PathResolverOptions) {
    this.#fileSystem = fileSystem;
    this.#options = options;
  }

  /**
   * Finds what a path, percent-encoded, leads to.
   *
   * @throws {HttpError} 400 if it is malformed, 404 if it leads to nothing, 403
   *   if that may not be read.
   */
  resolve(requestPath: string): Resolution {
    const { urlRoot, singleFile } = this.#options;
    const path = parseRequestPath(requestPath);
    if (path === null) throw new HttpError(400, "Cannot parse path");
    const isBelowRoot = urlRoot.every((name, i) => name === path.names[i]);
    const names = path.names.slice(urlRoot.length);
    if (!isBelowRoot || !names.every((name) => this.isServed(name))) {
      throw notServed();
    }
    if (!path.isCanonical) return redirect(path, path.endsInSlash);
    return singleFile === null
      ? this.#resolveNames(path, names)
      : this.#resolveSingle(path, names);
  }

  /** Whether an entry of a directory has a name that is served. */
  isServed(name: string): boolean {
    return (this.#options.showDotfiles || !isHidden(name)) &&
      !(Deno.build.os === "windows" && isWindowsTrap(name));
  }

  #resolveSingle(path: RequestPath, names: readonly string[]): Resolution {
    const asked = names.join("/");
    if (asked !== "" && asked !== this.#options.singleFile) throw notServed();
    return direct(path, this.#findFile([]));
  }

  #resolveNames(path: RequestPath, names: readonly string[]): Resolution {
    const { showIndex, showDirListing } = this.#options;
    const found = this.#find(names);
    if (found === null) return this.#resolveMissing(path, names);
    const isDirectory = found.kind === "directory";
    if (path.endsInSlash !== isDirectory) return redirect(path, isDirectory);
    if (!isDirectory) return direct(path, found);
    const index = showIndex
      ? this.#fileSystem.findFile([...names, INDEX])
      : null;
    if (index !== null) return direct(path, index);
    return showDirListing
      ? { kind: "directory", directory: found }
      : this.#resolveMissing(path, names);
  }

  /** Null if there is nothing. */
  #find(names: readonly string[]): FileEntry | null {
    try {
      return this.#fileSystem.find(names);
    } catch (error) {
      if (error instanceof HttpError && error.status === 404) return null;
      throw error;
    }
  }

  #findFile(names: readonly string[]): FileEntry {
    const found = this.#fileSystem.find(names);
    if (found.kind !== "file") throw notServed();
    return found;
  }

  /** A page without its extension, or the page for all paths without one. */
  #resolveMissing(path: RequestPath, names: readonly string[]): Resolution {
    const { cleanUrls, fallback } = this.#options;
    const last = names.at(-1) ?? "";
    if (cleanUrls && !path.endsInSlash) {
      const page = [...names.slice(0, -1), `${last}.html`];
      const file = this.#fileSystem.findFile(page);
      if (file !== null) return standIn(file);
    }
    if (fallback === null || EXTENSION_REGEXP.test(last)) throw notServed();
    return standIn(this.#findFile(fallback));
  }
}

function direct(path: RequestPath, file: FileEntry): Resolution {
  const key = writeRequestPath(path.names, path.endsInSlash);
  return { kind: "file", file, key };
}

function standIn(file: FileEntry): Resolution {
  return { kind: "file", file, key: file.names.join("/") };
}

function redirect({ names }: RequestPath, endsInSlash: boolean): Resolution {
  return { kind: "redirect", path: writeRequestPath(names, endsInSlash) };
}

function notServed(): HttpError {
  return new HttpError(404, "Cannot serve path: nothing is served at it");
}
