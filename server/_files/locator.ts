import type { FileTree, Found } from "./file_tree.ts";
import {
  isHidden,
  isWindowsTrap,
  readRequestPath,
  type RequestPath,
  writeRequestPath,
} from "./request_path.ts";

/** What a request path leads to. */
export type Place =
  | { readonly kind: "directory"; readonly found: Found }
  /**
   * Direct if no other file could take its place, as one could that of a
   * fallback.
   */
  | { readonly kind: "file"; readonly found: Found; readonly isDirect: boolean }
  | { readonly kind: "redirect"; readonly path: string }
  | { readonly kind: "absent"; readonly status: 400 | 403 | 404 };

/** Which paths lead where. */
export interface LocatorOptions {
  readonly urlRoot: readonly string[];
  readonly showDirListing: boolean;
  readonly showDotfiles: boolean;
  readonly showIndex: boolean;
  readonly cleanUrls: boolean;
  readonly fallback: readonly string[] | null;
  /** The name of the one file that is served, null where it is a directory. */
  readonly singleFile: string | null;
}

const INDEX = "index.html";
const EXTENSION_REGEXP = /\.[^.]+$/;

/** Finds the files for request paths. */
export class Locator {
  readonly #tree: FileTree;
  readonly #options: LocatorOptions;

  constructor(tree: FileTree, options: LocatorOptions) {
    this.#tree = tree;
    this.#options = options;
  }

  /** Says what a path, percent-encoded, leads to. */
  locate(path: string): Place {
    const asked = readRequestPath(path);
    if (asked === null) return absent(400);
    const names = this.#belowUrlRoot(asked.names);
    if (names === null || !names.every((name) => this.isServed(name))) {
      return absent(404);
    }
    if (asked.isCrooked) return redirect(asked, asked.endsInSlash);
    if (this.#options.singleFile !== null) return this.#locateSingle(names);
    const found = this.#tree.find(names);
    if (found === 404) return this.#locateMissing(asked, names);
    if (typeof found === "number") return absent(found);
    const isDirectory = found.kind === "directory";
    if (asked.endsInSlash !== isDirectory) return redirect(asked, isDirectory);
    return isDirectory ? this.#locateIndex(asked, found) : fileAt(found);
  }

  /** Tells whether an entry of a directory has a name that is served. */
  isServed(name: string): boolean {
    return (this.#options.showDotfiles || !isHidden(name)) &&
      !(Deno.build.os === "windows" && isWindowsTrap(name));
  }

  /**
   * The names behind the path that the site is mounted at; null for a path
   * elsewhere.
   */
  #belowUrlRoot(names: readonly string[]): readonly string[] | null {
    const { urlRoot } = this.#options;
    const isBelow = urlRoot.every((name, index) => name === names[index]);
    return isBelow ? names.slice(urlRoot.length) : null;
  }

  #locateSingle(names: readonly string[]): Place {
    const { singleFile } = this.#options;
    const isAsked = names.length === 0 ||
      names.length === 1 && names[0] === singleFile;
    return this.#fileOr404(isAsked ? [] : null);
  }

  #locateIndex(asked: RequestPath, directory: Found): Place {
    const { showIndex, showDirListing } = this.#options;
    const index = showIndex
      ? this.#fileOr404([...directory.names, INDEX])
      : absent(404);
    if (index.kind === "file") return index;
    return showDirListing
      ? { kind: "directory", found: directory }
      : this.#locateMissing(asked, directory.names);
  }

  /** A page without its extension, or the page for all paths without one. */
  #locateMissing(asked: RequestPath, names: readonly string[]): Place {
    const { cleanUrls, fallback } = this.#options;
    const last = names.at(-1) ?? "";
    if (cleanUrls && !asked.endsInSlash) {
      const page = this.#fileOr404([...names.slice(0, -1), `${last}.html`]);
      if (page.kind === "file") return indirect(page);
    }
    return indirect(
      this.#fileOr404(EXTENSION_REGEXP.test(last) ? null : fallback),
    );
  }

  #fileOr404(names: readonly string[] | null): Place {
    const found = names === null ? 404 : this.#tree.find(names);
    if (typeof found === "number") return absent(found);
    return found.kind === "file" ? fileAt(found) : absent(404);
  }
}

function fileAt(found: Found): Place {
  return { kind: "file", found, isDirect: true };
}

function indirect(place: Place): Place {
  return place.kind === "file" ? { ...place, isDirect: false } : place;
}

function absent(status: 400 | 403 | 404): Place {
  return { kind: "absent", status };
}

function redirect({ names }: RequestPath, endsInSlash: boolean): Place {
  return { kind: "redirect", path: writeRequestPath(names, endsInSlash) };
}
