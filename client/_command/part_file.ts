import { ifExists } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { writeAllSync, writeError } from "./output.ts";

/** File systems allow names of 255 bytes; 15 of them are left for a suffix. */
const MAX_NAME_BYTES = 240;
const SHORT_NAME_LENGTH = 60;

/**
 * Returns the name of a file that belongs to another one. A long name is cut,
 * and a checksum of the whole name is added to tell it from others.
 */
export function beside(path: string, suffix: string): string {
  const start = path.lastIndexOf("/") + 1;
  const name = new TextEncoder().encode(path.slice(start));
  if (name.length <= MAX_NAME_BYTES) return path + suffix;
  const sum = name.reduce((sum, byte) => (sum * 31 + byte) % 2 ** 32, 0);
  return `${path.slice(0, start + SHORT_NAME_LENGTH)}-${sum}${suffix}`;
}

/**
 * A file that is written under another name until it is complete.
 *
 * Another user may have put a link or a pipe in its place, so only a regular
 * file with one link is ever written to.
 */
export class PartFile {
  /** Its path. */
  readonly path: string;
  /** Its size in bytes. */
  size: number;
  /** Whether it holds nothing from an earlier run. */
  isNew: boolean;
  readonly #file: Deno.FsFile;
  #isOpen = true;

  /** Opens or creates the file, with this mode, and locks out other runs. */
  constructor(path: string, mode: number) {
    this.path = path;
    this.#file = openRegular(path, mode & 0o777);
    this.size = this.#file.seekSync(0, Deno.SeekMode.End);
    this.isNew = this.size === 0;
    try {
      if (this.#file.tryLockSync(true)) return;
    } catch {
      return; // some file systems have no locks
    }
    this.#file.close();
    throw new Deno.errors.Busy(`another run is writing ${quote(path)}`);
  }

  /** Appends bytes. The write is synchronous, which is faster. */
  write(chunk: Uint8Array): void {
    writeAllSync(this.#file, chunk);
    this.size += chunk.length;
  }

  /** Empties the file. */
  clear(): void {
    this.size = 0;
    this.isNew = true;
    this.#file.truncateSync();
    this.#file.seekSync(0, Deno.SeekMode.Start);
  }

  /** Closes the file, if it is open. */
  close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }

  /** Closes the file, as Windows requires, and renames it. */
  moveTo(path: string): void {
    this.close();
    try {
      Deno.renameSync(this.path, path);
    } catch (error) {
      if ((error as { code?: string }).code !== "EBUSY") throw error;
      // A file that is mounted by itself, as into a container
      Deno.copyFileSync(this.path, path);
      Deno.removeSync(this.path);
    }
  }

  /** Closes and removes the file. */
  remove(): void {
    this.close();
    ifExists(() => Deno.removeSync(this.path));
  }
}

/**
 * Writes a file whole or not at all.
 *
 * @param mode Its permissions, if it is new.
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
    // A pipe or device is written to in place; a pipe waits for its reader
    if (old?.isFile === false) return await Deno.writeFile(name, bytes);
    // Nobody else has this name: other runs may write the same file, such as
    // cookies, and other users must not be able to read them
    const suffix = `.knock-${crypto.randomUUID().slice(0, 8)}`;
    part = new PartFile(beside(path, suffix), old?.mode ?? mode);
    part.write(bytes);
    part.moveTo(path);
  } catch (error) {
    part?.remove();
    throw writeError(name, error);
  }
}

/**
 * Creates the folder of a file.
 *
 * @throws {CommandError} If it cannot be created.
 */
export async function makeFolder(name: string): Promise<void> {
  const { ensureDir } = await import("@std/fs/ensure-dir");
  const folder = name.slice(0, name.lastIndexOf("/") + 1) || ".";
  await ensureDir(folder).catch((error) => {
    throw writeError(name, error);
  });
}

/**
 * Looks up the file that a new one replaces, following links.
 *
 * @throws {Error} If it cannot be written to, since renaming a new file would
 *   replace it all the same.
 */
export function findTarget(name: string) {
  const old = ifExists(() => Deno.statSync(name));
  // Anything but a file may have no path, like the pipe that is /dev/stdout
  if (!old?.isFile) return { old, path: name };
  Deno.openSync(name, { write: true }).close();
  // Only of a link, since Deno knows no path that is not UTF-8
  const { isSymlink } = Deno.lstatSync(name);
  return { old, path: isSymlink ? Deno.realPathSync(name) : name };
}

/** Opens or creates a file. Rejects a link, or anything but a regular file. */
function openRegular(path: string, mode: number): Deno.FsFile {
  const found = ifExists(() => Deno.lstatSync(path));
  if (found === null) {
    return Deno.openSync(path, { write: true, createNew: true, mode });
  }
  if (found.isFile && (found.nlink ?? 1) === 1) {
    const file = Deno.openSync(path, { write: true });
    const opened = file.statSync();
    if (opened.ino === found.ino && opened.dev === found.dev) return file;
    file.close();
  }
  throw new Error(`${quote(path)} is in the way: it is a link, or not a file`);
}
