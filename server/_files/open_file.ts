import {
  type Absence,
  absenceOf,
  type Found,
  isSameVersion,
  type Version,
  versionOf,
} from "./file_tree.ts";

/** A file that is open, and what its handle says of it. */
export interface OpenFile {
  /** The handle; who holds this closes it. */
  readonly file: Deno.FsFile;
  /** What the handle said. */
  readonly version: Version;
}

/**
 * Opens a file that was found.
 *
 * Between finding and opening, the file or a directory above it may have been
 * swapped for a link that leads elsewhere. So what is open must be what the
 * path leads to without links, asked in this order: first whether there are
 * any, then where.
 *
 * @returns The file; 404 also if it was swapped.
 */
export function openFound({ path }: Found): OpenFile | Absence {
  let file: Deno.FsFile | null = null;
  try {
    file = Deno.openSync(path, { read: true });
    const info = file.statSync();
    const isDirect = Deno.realPathSync(path) === path;
    const { dev, ino } = Deno.lstatSync(path);
    if (isDirect && info.isFile && info.dev === dev && info.ino === ino) {
      return { file, version: versionOf(info) };
    }
  } catch (error) {
    file?.close();
    return absenceOf(error);
  }
  file.close();
  return 404;
}

/**
 * Opens a file whose version was told by an open handle before.
 *
 * If it is that version still, it needs no more checks, which takes half of the
 * time; otherwise it is opened like one that was just found.
 */
export function openAgain(found: Found): OpenFile | Absence {
  let file: Deno.FsFile | null = null;
  try {
    file = Deno.openSync(found.path, { read: true });
    const version = versionOf(file.statSync());
    if (isSameVersion(version, found.version)) return { file, version };
  } catch (error) {
    file?.close();
    return absenceOf(error);
  }
  file.close();
  return openFound(found);
}

/** A file as it was read: one version of it, never two. */
export interface Content {
  /** The file, as its handle showed it. */
  readonly source: Found;
  /**
   * All of its bytes, good until another file is read; null if they are too
   * many, or were changed while they were read.
   */
  readonly bytes: Uint8Array | null;
  /** Its first bytes, good as long. */
  readonly start: Uint8Array;
}

/** So many bytes tell text from other things. */
const START_BYTES = 512;

/** Reads a file that was found, up to a size. */
export function readContent(found: Found, maxBytes: number): Content | Absence {
  const open = openFound(found);
  if (typeof open === "number") return open;
  using file = open.file;
  const { version } = open;
  const length = version.size <= maxBytes ? version.size : START_BYTES;
  const read = readStart(file, length);
  const isWhole = read.length === version.size && isStill(file, version);
  return {
    source: { ...found, version },
    bytes: isWhole ? read : null,
    start: read.subarray(0, START_BYTES),
  };
}

/**
 * Reads a file whose version was told by an open handle before.
 *
 * @returns Its bytes, good until another file is read; null if it is another
 *   version by now.
 */
export function readAgain({ path, version }: Found): Uint8Array | null {
  try {
    using file = Deno.openSync(path, { read: true });
    const bytes = readStart(file, version.size);
    return isStill(file, version) && bytes.length === version.size
      ? bytes
      : null;
  } catch (error) {
    absenceOf(error);
    return null;
  }
}

/** What is open is that version still, so all that was read before is of it. */
function isStill(file: Deno.FsFile, version: Version): boolean {
  return isSameVersion(versionOf(file.statSync()), version);
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
