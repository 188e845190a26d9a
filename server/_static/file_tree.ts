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

/** So long after a change a further one may leave the time of a file as it was. */
const UNSETTLED_MS = 2_000;

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

  /** Whether what was found is there still, by the same way and in the same version. */
  isUnchanged({ names, path, info }: Found): boolean {
    try {
      return isSettled(info) && isSameVersion(Deno.lstatSync(path), info) &&
        Deno.realPathSync([this.#root, ...names].join("/")) === path;
    } catch (error) {
      absenceOf(error);
      return false;
    }
  }
}

/** Whether two looks at one file saw the same version of it. */
export function isSameVersion(a: Deno.FileInfo, b: Deno.FileInfo): boolean {
  return a.size === b.size && a.mtime?.getTime() === b.mtime?.getTime() &&
    a.ino === b.ino && a.dev === b.dev;
}

/**
 * Whether a change of now would show in the time of a file: some systems count whole seconds.
 */
export function isSettled({ mtime }: Deno.FileInfo): boolean {
  return (mtime?.getTime() ?? 0) <= Date.now() - UNSETTLED_MS;
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
