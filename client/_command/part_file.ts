import { quote } from "../../command/quote.ts";
import { writeAllSync, writeError } from "./output.ts";

/** File systems take names of 255 bytes, and a suffix has at most 15. */
const MAX_NAME_BYTES = 240;
const SHORT_NAME_LENGTH = 60;

/**
 * Makes the name of a file that belongs to another one. A long name is cut, and
 * told from others by a number made of all of it.
 */
export function beside(path: string, suffix: string): string {
  const start = path.lastIndexOf("/") + 1;
  const name = new TextEncoder().encode(path.slice(start));
  if (name.length <= MAX_NAME_BYTES) return path + suffix;
  const sum = name.reduce((sum, byte) => (sum * 31 + byte) % 2 ** 32, 0);
  return `${path.slice(0, start + SHORT_NAME_LENGTH)}-${sum}${suffix}`;
}

/**
 * A file that is written before it gets its name.
 *
 * Somebody else may have laid out a link or a pipe of its name, so only a
 * regular file with one link is ever written to.
 */
export class PartFile {
  /** Where it is. */
  readonly path: string;
  /** How many bytes it holds. */
  size: number;
  /** Whether it holds nothing of an earlier run. */
  isOurs: boolean;
  readonly #file: Deno.FsFile;
  #isOpen = true;

  /** Opens it, with these permissions, and locks out other runs. */
  constructor(path: string, mode: number) {
    this.path = path;
    this.#file = openOwn(path, mode & 0o777);
    this.size = this.#file.seekSync(0, Deno.SeekMode.End);
    this.isOurs = this.size === 0;
    if (this.#file.tryLockSync(true)) return;
    this.#file.close();
    throw new Error(`another run is at it, in ${quote(path)}`);
  }

  /** Writes without yielding, which is faster. */
  write(chunk: Uint8Array): void {
    writeAllSync(this.#file, chunk);
    this.size += chunk.length;
  }

  /** Begins anew. */
  clear(): void {
    this.size = 0;
    this.isOurs = true;
    this.#file.truncateSync();
    this.#file.seekSync(0, Deno.SeekMode.Start);
  }

  /** Closes it, if it is open. */
  close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }

  /** Gives it another name, once it is closed: Windows insists. */
  moveTo(path: string): void {
    this.close();
    Deno.renameSync(this.path, path);
  }

  /** Removes it, once it is closed. */
  remove(): void {
    this.close();
    ifExists(() => Deno.removeSync(this.path));
  }
}

/**
 * Writes a file whole or not at all.
 *
 * @param mode Its permissions, if there is none yet.
 * @throws {CommandError} If it cannot be written.
 */
export async function replaceFile(
  name: string,
  bytes: Uint8Array,
  mode: number,
): Promise<void> {
  let part: PartFile | null = null;
  try {
    const { old, path } = findTarget(name);
    // A pipe waits for its reader
    if (old?.isFile === false) return await Deno.writeFile(name, bytes);
    part = new PartFile(beside(path, ".knock"), old?.mode ?? mode);
    part.clear();
    part.write(bytes);
    part.moveTo(path);
  } catch (error) {
    part?.remove();
    throw writeError(name, error);
  }
}

/** Makes the folder that a file is to be in. */
export async function makeFolder(name: string): Promise<void> {
  const { ensureDir } = await import("@std/fs/ensure-dir");
  await ensureDir(name.slice(0, name.lastIndexOf("/") + 1) || ".");
}

/**
 * Looks at the file that a new one replaces, and where it is behind a link.
 *
 * @throws {Error} If it cannot be written to: a new one would take its place
 *   all the same.
 */
export function findTarget(
  name: string,
): { old: Deno.FileInfo | null; path: string } {
  const old = ifExists(() => Deno.statSync(name));
  if (old?.isDirectory) throw new Deno.errors.IsADirectory();
  // What is no file may have no path: such is a pipe behind /dev/stdout
  if (!old?.isFile) return { old, path: name };
  Deno.openSync(name, { write: true }).close();
  return { old, path: Deno.realPathSync(name) };
}

/** Opens a file, unless it could be another one than its name says. */
function openOwn(path: string, mode: number): Deno.FsFile {
  const found = ifExists(() => Deno.lstatSync(path));
  if (found === null) {
    return Deno.openSync(path, { write: true, createNew: true, mode });
  }
  if (isOwn(found)) {
    const file = Deno.openSync(path, { write: true });
    const opened = file.statSync();
    const isSame = opened.ino === found.ino && opened.dev === found.dev;
    if (isSame && isOwn(opened)) return file;
    file.close();
  }
  throw new Error(`${quote(path)} is in the way: it is no file, or a link`);
}

function isOwn({ isFile, nlink }: Deno.FileInfo): boolean {
  return isFile && (nlink ?? 1) === 1;
}

/** The result of an operation on a file; null if there is no such file. */
export function ifExists<T>(act: () => T): T | null {
  try {
    return act();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
