// The one place that asks the file system for names. A path is resolved to its real one, which must lie in the real root;
// only regular files and directories exist, so that no pipe or device is ever opened.

/** A regular file or directory that may be served. */
export interface Found {
  /** What it is. */
  readonly kind: "file" | "directory";
  /** The names that lead to it from the root. */
  readonly names: readonly string[];
  /** Its path without symbolic links. */
  readonly path: string;
  /** What the file system says of it. */
  readonly info: Deno.FileInfo;
}

/** The status for what is not there, or may not be read. */
export type Absence = 403 | 404;

/** The files below a root. */
export class FileTree {
  readonly #root: string;
  readonly #followSymlinks: boolean;

  constructor(root: string, followSymlinks: boolean) {
    this.#root = root;
    this.#followSymlinks = followSymlinks;
  }

  /** Finds what names lead to. */
  find(names: readonly string[]): Found | Absence {
    try {
      const path = Deno.realPathSync([this.#root, ...names].join("/"));
      if (!this.#followSymlinks) {
        if (!isInside(path, Deno.realPathSync(this.#root))) return 404;
      }
      // A link here would mean that the file was swapped after its path was resolved
      const info = Deno.lstatSync(path);
      if (!info.isFile && !info.isDirectory) return 404;
      return { kind: info.isFile ? "file" : "directory", names, path, info };
    } catch (error) {
      return absenceOf(error);
    }
  }
}

/** With the separator: `/srv/www-private` is not inside `/srv/www`. */
function isInside(path: string, root: string): boolean {
  const separator = Deno.build.os === "windows" ? "\\" : "/";
  const prefix = root.endsWith(separator) ? root : root + separator;
  return path === root || path.startsWith(prefix);
}

const ABSENT_CODES = new Set([
  "ENOENT",
  "ENOTDIR",
  "ELOOP",
  "ENAMETOOLONG",
  "EINVAL",
  "EILSEQ",
]);

/**
 * The status for an error of the file system: a strange name is a missing file, not a fault of the server.
 *
 * @throws What is no matter of names: no descriptor left, a broken disk.
 */
export function absenceOf(error: unknown): Absence {
  if (
    error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable
  ) return 403;
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (error instanceof Deno.errors.NotFound || ABSENT_CODES.has(String(code))) {
    return 404;
  }
  throw error;
}
