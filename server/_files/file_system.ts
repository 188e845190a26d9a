// The one place that resolves names in the file system. A path leads to its
// real path, which must lie in the real root. Only regular files and
// directories count as existing, so that no pipe or device is ever opened.

import { HttpError } from "../http_response.ts";
import { isOutOfDescriptors } from "../limits.ts";
import { type FileStat, isSameStat, statOf } from "./file_stat.ts";

/** A regular file or directory that may be served. */
export interface FileEntry {
  /** What it is. */
  readonly kind: "file" | "directory";
  /** The names that lead to it from the root. */
  readonly names: readonly string[];
  /** Its path without symbolic links. */
  readonly path: string;
  /** Its stat results. */
  readonly stat: FileStat;
  /** For a directory, when it was last validated, by the time of requests. */
  checkedAt: number;
}

/** Nothing that may be served, and why, for whoever runs the server. */
export type Absence = { readonly kind: "nothing"; readonly why: string };

/** How often files that are never served are looked up, in milliseconds. */
const SECRETS_TTL = 200;
/** How many directories are known at once. */
const MAX_DIRECTORIES = 4_096;

/** The files below a root. */
export class FileSystem {
  readonly #root: string;
  readonly #followSymlinks: boolean;
  /** The real paths of files that are never served. */
  readonly #secretPaths: Set<string>;
  /** The paths as they were given, and which file each one now is. */
  readonly #secrets: Map<string, string>;
  #secretsCheckedAt = -Infinity;
  /** The directories that were found, by their names. */
  readonly #directories = new Map<string, FileEntry>();

  /**
   * Makes a file system.
   *
   * @param root The path of the root.
   * @param followSymlinks Whether links may lead out of it.
   * @param withheld The paths of files that are never served.
   * @throws {Deno.errors.NotFound} If one of these does not exist.
   */
  constructor(
    root: string,
    followSymlinks: boolean,
    withheld: readonly string[] = [],
  ) {
    // A build may replace the current directory, so `.` is resolved now
    this.#root = /^\.\/*$/.test(root) ? Deno.realPathSync(root) : root;
    this.#followSymlinks = followSymlinks;
    this.#secretPaths = new Set(withheld.map((it) => Deno.realPathSync(it)));
    this.#secrets = new Map(withheld.map((path) => [path, ""]));
  }

  /**
   * Whether a file is never served, whatever name leads to it. These files are
   * looked up again from time to time: the path of a key may be a link that is
   * switched when the key is renewed.
   *
   * @param path Its real path.
   * @param file Its stat results.
   */
  isWithheld(path: string, { dev, ino }: FileStat | Deno.FileInfo): boolean {
    if (this.#secrets.size === 0) return false;
    const now = performance.now();
    if (now - this.#secretsCheckedAt > SECRETS_TTL) this.#findSecrets(now);
    return this.#secretPaths.has(path) ||
      this.#secrets.values().some((file) => file === `${dev} ${ino}`);
  }

  #findSecrets(now: number): void {
    this.#secretsCheckedAt = now;
    for (const path of this.#secrets.keys()) {
      try {
        const { dev, ino } = Deno.statSync(path);
        if (ino !== null) this.#secrets.set(path, `${dev} ${ino}`);
        this.#secretPaths.add(Deno.realPathSync(path));
      } catch {
        // It is gone for now: the file that it was stays withheld
      }
    }
  }

  /**
   * Finds the file or directory that names lead to.
   *
   * @throws The error of the system if it may not be read.
   */
  find(names: readonly string[]): FileEntry | Absence {
    try {
      const path = Deno.realPathSync(this.#pathOf(names));
      const root = this.#followSymlinks ? null : Deno.realPathSync(this.#root);
      const isOutside = root !== null && !isInside(path, root);
      if (isOutside) return absence("a link leads out (--follow-symlinks)");
      // Not stat(): a link here means that the file was swapped after its path
      // was resolved
      const info = Deno.lstatSync(path);
      if (this.isWithheld(path, info)) return absence("a key or password file");
      if (!info.isFile && !info.isDirectory) return absence("no regular file");
      const kind = info.isFile ? "file" : "directory";
      const stat = statOf(info);
      return { kind, names, path, stat, checkedAt: -Infinity };
    } catch (error) {
      // Most encoded copies do not exist: no error is made for each
      if (isMissing(error)) return absence("no such file");
      throw error;
    }
  }

  /** Finds a regular file; null if the names lead to none that may be read. */
  findFile(names: readonly string[]): FileEntry | null {
    const found = orNull(() => this.find(names));
    return found?.kind === "file" ? found : null;
  }

  /**
   * Finds the directory of a file, in one object for all of its files; null if
   * it cannot be read.
   */
  findDirectory({ names }: FileEntry): FileEntry | null {
    const parentNames = names.slice(0, -1);
    const key = parentNames.join("/");
    const known = this.#directories.get(key);
    if (known !== undefined && this.isUnchanged(known)) return known;
    const found = orNull(() => this.find(parentNames));
    if (found?.kind !== "directory") return null;
    if (this.#directories.size >= MAX_DIRECTORIES) this.#directories.clear();
    this.#directories.set(key, found);
    return found;
  }

  /**
   * Whether a file is still there, by the same way, with the same stat results.
   *
   * @param directory A directory that has not changed; null for none. Names in
   *   it lead where they led before, so links are not resolved again.
   */
  isUnchanged(entry: FileEntry, directory: FileEntry | null = null): boolean {
    const { names, path, stat } = entry;
    try {
      return stat.isSettled && isSameStat(statOf(Deno.lstatSync(path)), stat) &&
        !this.isWithheld(path, stat) &&
        (path === `${directory?.path}/${names.at(-1)}` ||
          Deno.realPathSync(this.#pathOf(names)) === path);
    } catch (error) {
      toHttpError(error);
      return false;
    }
  }

  #pathOf(names: readonly string[]): string {
    return [this.#root, ...names].join("/");
  }
}

function absence(why: string): Absence {
  return { kind: "nothing", why };
}

/** Whether a path is in a root: `/srv/www-private` is not in `/srv/www`. */
export function isInside(path: string, root: string): boolean {
  const separator = Deno.build.os === "windows" ? "\\" : "/";
  const prefix = root.endsWith(separator) ? root : root + separator;
  return path === root || path.startsWith(prefix);
}

const NOT_FOUND_REGEXP = /^E(?:NOENT|NOTDIR|LOOP|NAMETOOLONG|INVAL|ILSEQ)$/;

/** Whether nothing is there; a strange name is not the server's fault. */
function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    NOT_FOUND_REGEXP.test(String(Object(error).code));
}

/**
 * Turns an error of the file system into one with a response status.
 *
 * @throws Any other error as it is, such as that of a broken disk.
 */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const { NotCapable, PermissionDenied } = Deno.errors;
  if (error instanceof PermissionDenied || error instanceof NotCapable) {
    return new HttpError(403, "Cannot read file: permission denied");
  }
  if (isOutOfDescriptors(error)) {
    return new HttpError(503, "Cannot open file: no descriptor is left");
  }
  if (isMissing(error)) {
    return new HttpError(404, "Cannot find file: nothing is there");
  }
  throw error;
}

/** Returns null in place of an error that has a response status. */
export function orNull<Value>(act: () => Value): Value | null {
  try {
    return act();
  } catch (error) {
    toHttpError(error); // throws any other error
    return null;
  }
}
