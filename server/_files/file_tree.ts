// The one place that asks the file system for names. A path is resolved to its
// real one, which must lie in the real root; only regular files and directories
// exist, so that no pipe or device is ever opened.

/** A regular file or directory that may be served. */
export interface Found {
  /** What it is. */
  readonly kind: "file" | "directory";
  /** The names that lead to it from the root. */
  readonly names: readonly string[];
  /** Its path without symbolic links. */
  readonly path: string;
  /** The version that was found. */
  readonly version: Version;
}

/**
 * What tells versions of files apart: less than the file system says, since it
 * is kept for each file that is known.
 */
export interface Version {
  /** The size in bytes. */
  readonly size: number;
  /**
   * When it was last changed, in milliseconds since 1970; 0 if that is not
   * known.
   */
  readonly modified: number;
  /** Which file it is: the number of its device, and its own on that. */
  readonly dev: number;
  readonly ino: number | null;
  /**
   * Whether a change right after the look would show in the time of the file:
   * some systems count whole seconds.
   */
  readonly isSettled: boolean;
}

/** The status for what is not there, or may not be read. */
export type Absence = 403 | 404;

/**
 * So long after a change a further one may leave the time of a file as it was.
 */
const UNSETTLED_MS = 2_000;

/** What a tree needs to know beside its root. */
export interface FileTreeOptions {
  /** Whether links may lead out of it. */
  readonly followSymlinks: boolean;
  /**
   * How long what was found is trusted, in milliseconds by the time of
   * requests.
   */
  readonly trustedFor: number;
}

/** A directory, and how long it is trusted to be still there and the same. */
interface Trusted {
  readonly found: Found | Absence;
  readonly until: number;
}

/** How many directories are remembered. */
const MAX_DIRECTORIES = 1_024;

/** The files below a root. */
export class FileTree {
  readonly #root: string;
  readonly #followSymlinks: boolean;
  readonly #directories = new Map<string, Trusted>();
  /**
   * How long what was found is trusted, in milliseconds by the time of
   * requests.
   */
  readonly trustedFor: number;

  constructor(root: string, options: FileTreeOptions) {
    this.#root = root;
    this.#followSymlinks = options.followSymlinks;
    this.trustedFor = options.trustedFor;
  }

  /** Finds what names lead to. */
  find(names: readonly string[]): Found | Absence {
    try {
      const path = Deno.realPathSync(this.#pathOf(names));
      if (!this.#followSymlinks) {
        if (!isInside(path, Deno.realPathSync(this.#root))) return 404;
      }
      // A link here would mean that the file was swapped after its path was
      // resolved
      const info = Deno.lstatSync(path);
      if (!info.isFile && !info.isDirectory) return 404;
      const kind = info.isFile ? "file" : "directory";
      return { kind, names, path, version: versionOf(info) };
    } catch (error) {
      return absenceOf(error);
    }
  }

  /**
   * Finds the directory that a file lies in; it is looked at once for all of
   * its files, as long as that is trusted.
   */
  findDirectoryOf({ names }: Found, time: number): Found | Absence {
    const above = names.slice(0, -1);
    const key = above.join("/");
    const known = this.#directories.get(key);
    if (known !== undefined && known.until > time) return known.found;
    const found = this.find(above);
    this.#directories.delete(key);
    this.#directories.set(key, { found, until: time + this.trustedFor });
    if (this.#directories.size > MAX_DIRECTORIES) this.#directories.clear();
    return found;
  }

  /**
   * Whether what was found is there still, by the same way and in the same
   * version.
   */
  isUnchanged(found: Found, time: number): boolean {
    const { path, version } = found;
    try {
      return version.isSettled &&
        isSameVersion(versionOf(Deno.lstatSync(path)), version) &&
        this.#leadsTo(found, time);
    } catch (error) {
      absenceOf(error);
      return false;
    }
  }

  /**
   * Whether names lead to a path that is no link: surely if they do so directly
   * from a directory that they lead to.
   */
  #leadsTo(found: Found, time: number): boolean {
    const { names, path } = found;
    const directory = this.findDirectoryOf(found, time);
    return typeof directory === "object" &&
        path === `${directory.path}/${names.at(-1)}` ||
      Deno.realPathSync(this.#pathOf(names)) === path;
  }

  #pathOf(names: readonly string[]): string {
    return [this.#root, ...names].join("/");
  }
}

/** The version of a file that the file system tells of. */
export function versionOf(info: Deno.FileInfo): Version {
  const { size, mtime, dev, ino } = info;
  const modified = mtime?.getTime() ?? 0;
  const isSettled = modified <= Date.now() - UNSETTLED_MS;
  return { size, modified, dev, ino, isSettled };
}

/** Whether two looks at one file saw the same version of it. */
export function isSameVersion(a: Version, b: Version): boolean {
  return a.size === b.size && a.modified === b.modified && a.ino === b.ino &&
    a.dev === b.dev;
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
 * The status for an error of the file system: a strange name is a missing file,
 * not a fault of the server.
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
