import { type FileReader, HttpError } from "../http_response.ts";
import { type FileStat, isSameStat, isSetBack, statOf } from "./file_stat.ts";
import { type FileEntry, orNull } from "./file_system.ts";

/** How many times the path of an open file is checked. */
const PATH_CHECKS = 4;

/** An open file, and the stat results of its handle. */
export interface OpenFile {
  /** The handle; whoever holds this closes it. */
  readonly file: Deno.FsFile;
  /** The stat results of the handle. */
  readonly stat: FileStat;
}

/**
 * Opens a file.
 *
 * Between finding and opening, the file or a directory above it may have been
 * swapped for a link that leads elsewhere. So the open file must be the one
 * that the path leads to without links. The checks have an order: first whether
 * there are links, then which file is there.
 *
 * @param entry The file that was found.
 * @param wasOpen Whether its stat results come from an open handle. If the new
 *   handle has the same ones, it is that file, and the other checks are
 *   skipped, which take half of the time.
 * @throws {HttpError} 404 if the file was swapped.
 * @throws The error of the system if it is gone, or may not be read.
 */
export function openFile(entry: FileEntry, wasOpen: boolean): OpenFile {
  const file = openRegular(entry.path);
  try {
    const info = file.statSync();
    const stat = statOf(info);
    if (wasOpen && isSameStat(stat, entry.stat) || isAt(entry.path, info)) {
      return { file, stat };
    }
    throw new HttpError(404, "Cannot open file: another one took its place");
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * Opens a regular file. Opening a FIFO would block the whole program until it
 * has a writer. A short moment remains between the check and the opening,
 * because Deno cannot open without blocking.
 */
function openRegular(path: string): Deno.FsFile {
  if (Deno.lstatSync(path).isFile) return Deno.openSync(path, { read: true });
  throw new HttpError(404, "Cannot open file: it is not a regular file");
}

/**
 * Whether a path without links leads to the open file. Two checks decide, but a
 * directory that was swapped back and forth as fast as possible passed them,
 * once in about 10,000 tries. So they are repeated.
 */
function isAt(path: string, open: Deno.FileInfo): boolean {
  if (!open.isFile) return false;
  for (let check = 0; check < PATH_CHECKS; check++) {
    if (Deno.realPathSync(path) !== path) return false;
    const { dev, ino } = Deno.lstatSync(path);
    if (open.dev !== dev || open.ino !== ino) return false;
  }
  return true;
}

/** How many bytes are enough to tell text from other data. */
const START_BYTES = 512;

/**
 * Reads a file up to a size: bytes of one version, never of two.
 *
 * @returns The file, with the stat results of its handle; all of its bytes,
 *   null if they are too many or changed while they were read; and its first
 *   bytes. Both are valid until another file is read.
 * @throws As {@linkcode openFile} does.
 */
export function readFile(entry: FileEntry, maxBytes: number) {
  const { file, stat } = openFile(entry, false);
  using _ = file;
  const length = stat.size <= maxBytes ? stat.size : START_BYTES;
  const content = readStart(file, length);
  const statAfter = statOf(file.statSync());
  const isWhole = content.length === stat.size && isSameStat(statAfter, stat);
  return {
    source: { ...entry, stat: statAfter },
    bytes: isWhole ? content : null,
    firstBytes: content.subarray(0, START_BYTES),
  };
}

/**
 * Reads a file again whose stat results come from an open handle.
 *
 * @returns Its bytes, valid until another file is read; null if it has changed,
 *   or if a change might not show.
 */
export function rereadFile({ path, stat }: FileEntry): Uint8Array | null {
  if (isSetBack(stat)) return null;
  return orNull(() => {
    using file = openRegular(path);
    const bytes = readStart(file, stat.size);
    const isSame = isSameStat(statOf(file.statSync()), stat);
    return isSame && bytes.length === stat.size ? bytes : null;
  });
}

/**
 * All files are read into one buffer: allocating a new one takes longer than
 * reading a small file.
 */
const sharedBuffer = new Uint8Array(65_536);

function readStart(file: Deno.FsFile, length: number): Uint8Array {
  const bytes = length <= sharedBuffer.length
    ? sharedBuffer.subarray(0, length)
    : new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

/**
 * The files that are being sent, each open once for all of its readers.
 *
 * Half of the time of sending 64 KB is spent on opening the file, and 1,000
 * downloads of one file need only one descriptor.
 */
export class OpenFiles {
  readonly #files = new Map<string, OpenFile & { readers: number }>();

  /**
   * Opens a file whose stat results come from an open handle, or shares it if
   * that version is already open.
   *
   * @returns A reader with a position of its own, which the caller closes, and
   *   the stat results.
   * @throws As {@linkcode openFile} does.
   */
  open(entry: FileEntry): { reader: FileReader; stat: FileStat } {
    const { path } = entry;
    let shared = this.#files.get(path);
    if (shared === undefined || !isSameStat(shared.stat, entry.stat)) {
      shared = { ...openFile(entry, true), readers: 0 };
      this.#files.set(path, shared);
    }
    const { file, stat } = shared;
    let position = 0;
    let isOpen = true;
    shared.readers++;
    const reader: FileReader = {
      seekSync: (offset: number) => position = offset,
      readSync: (into) => {
        file.seekSync(position, Deno.SeekMode.Start);
        const count = file.readSync(into);
        position += count ?? 0;
        return count;
      },
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        if (--shared.readers > 0) return;
        file.close(); // by its last reader
        if (this.#files.get(path) === shared) this.#files.delete(path);
      },
    };
    return { reader, stat };
  }
}
