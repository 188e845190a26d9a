import { type FileReader, HttpError } from "../http_response.ts";
import {
  type FileEntry,
  type FileStat,
  isSameStat,
  isSetBack,
  statOf,
  toHttpError,
} from "./file_system.ts";

/** How often the way to a file that was opened is looked at. */
const LOOKS = 4;

/** A file that is open, and what its handle says of it. */
export interface OpenFile {
  /** The handle; who holds this closes it. */
  readonly file: Deno.FsFile;
  /** What the handle said. */
  readonly stat: FileStat;
}

/**
 * Opens a file.
 *
 * Between finding and opening, the file or a directory above it may have been
 * swapped for a link that leads elsewhere. So what is open must be what the
 * path leads to without links, asked in this order: first whether there are
 * any, then where.
 *
 * @param entry The file, as it was found.
 * @param wasOpen Whether its stat results were told by an open handle before:
 *   if the new handle tells the same, it is that file, without more checks.
 *   They take half of the time.
 * @throws {HttpError} 404 if the file is not there any more, or was swapped,
 *   403 if it may not be read.
 */
export function openFile(entry: FileEntry, wasOpen: boolean): OpenFile {
  let file: Deno.FsFile | null = null;
  try {
    file = openRegular(entry.path);
    const info = file.statSync();
    const stat = statOf(info);
    if (wasOpen && isSameStat(stat, entry.stat) || isAt(entry.path, info)) {
      return { file, stat };
    }
    throw new HttpError(404, "Cannot open file: another one took its place");
  } catch (error) {
    file?.close();
    throw toHttpError(error);
  }
}

/**
 * Opens what is a regular file at this moment: opening a FIFO waits for its
 * writer, and the whole program with it. The moment between the two looks is
 * left, since Deno has no way to open without waiting.
 */
function openRegular(path: string): Deno.FsFile {
  if (Deno.lstatSync(path).isFile) return Deno.openSync(path, { read: true });
  throw new HttpError(404, "Cannot open file: it is not a regular one");
}

/**
 * Whether a path without links leads to what is open. Two looks tell, and a
 * directory that goes back and forth as fast as it can passed them, once in
 * some 10,000 tries: so it has to be in step with many looks.
 */
function isAt(path: string, open: Deno.FileInfo): boolean {
  if (!open.isFile) return false;
  for (let look = 0; look < LOOKS; look++) {
    if (Deno.realPathSync(path) !== path) return false;
    const { dev, ino } = Deno.lstatSync(path);
    if (open.dev !== dev || open.ino !== ino) return false;
  }
  return true;
}

/** This many bytes tell text from other things. */
const START_BYTES = 512;

/**
 * Reads a file that was found, up to a size: one version of it, never two.
 *
 * @returns The file, as its handle showed it; all of its bytes, null if they
 *   are too many, or were changed while they were read; and its first bytes.
 *   Both are good until another file is read.
 * @throws {HttpError} As {@linkcode openFile} does.
 */
export function readFile(entry: FileEntry, maxBytes: number) {
  const { file, stat } = openFile(entry, false);
  using _ = file;
  const length = stat.size <= maxBytes ? stat.size : START_BYTES;
  const read = readStart(file, length);
  const now = statOf(file.statSync());
  const isWhole = read.length === stat.size && isSameStat(now, stat);
  return {
    source: { ...entry, stat: now },
    bytes: isWhole ? read : null,
    start: read.subarray(0, START_BYTES),
  };
}

/**
 * Reads a file whose stat results were told by an open handle before.
 *
 * @returns Its bytes, good until another file is read; null if it has changed,
 *   or that would show nowhere.
 */
export function rereadFile({ path, stat }: FileEntry): Uint8Array | null {
  if (isSetBack(stat)) return null;
  try {
    using file = openRegular(path);
    const bytes = readStart(file, stat.size);
    const isStill = isSameStat(statOf(file.statSync()), stat);
    return isStill && bytes.length === stat.size ? bytes : null;
  } catch (error) {
    toHttpError(error);
    return null;
  }
}

/**
 * Files are read into one place: new memory for each takes longer than reading
 * a small one.
 */
const place = new Uint8Array(65_536);

function readStart(file: Deno.FsFile, length: number): Uint8Array {
  const bytes = length <= place.length
    ? place.subarray(0, length)
    : new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

/** A file that is open for all who read it at the moment. */
interface SharedFile extends OpenFile {
  readonly path: string;
  /** How many they are: the last of them closes it. */
  readers: number;
}

/**
 * The files that are being sent, each open once for all of its readers.
 *
 * Opening takes half of the time of sending 64 KB, and 1,000 downloads of one
 * file take one descriptor.
 */
export class OpenFiles {
  readonly #files = new Map<string, SharedFile>();

  /**
   * Opens a file whose stat results were told by an open handle before; or
   * shares it, if it is open in that version.
   *
   * @returns A reader, which the caller closes, and what the handle said.
   * @throws {HttpError} As {@linkcode openFile} does.
   */
  open(entry: FileEntry): { reader: FileReader; stat: FileStat } {
    const { path } = entry;
    let shared = this.#files.get(path);
    if (shared === undefined || !isSameStat(shared.stat, entry.stat)) {
      shared = { ...openFile(entry, true), path, readers: 0 };
      this.#files.set(path, shared);
    }
    return { reader: this.#share(shared), stat: shared.stat };
  }

  /** Makes one more reader of a file, with a position of its own. */
  #share(shared: SharedFile): FileReader {
    let position = 0;
    let isOpen = true;
    shared.readers++;
    return {
      seekSync: (offset) => position = offset,
      readSync: (into) => {
        shared.file.seekSync(position, Deno.SeekMode.Start);
        const count = shared.file.readSync(into);
        position += count ?? 0;
        return count;
      },
      close: () => {
        if (isOpen) this.#release(shared);
        isOpen = false;
      },
    };
  }

  #release(shared: SharedFile): void {
    if (--shared.readers > 0) return;
    shared.file.close();
    if (this.#files.get(shared.path) === shared) {
      this.#files.delete(shared.path);
    }
  }
}
