import {
  type Absence,
  absenceOf,
  type Found,
  isSameVersion,
} from "./file_tree.ts";

/** A file that is open, and what its handle says of it. */
export interface OpenFile {
  /** The handle; who holds this closes it. */
  readonly file: Deno.FsFile;
  /** What the handle said. */
  readonly info: Deno.FileInfo;
}

/**
 * Opens a file that was found.
 *
 * Between finding and opening, the file or a directory above it may have been swapped for a link that leads elsewhere. So
 * what is open must be what the path leads to without links, asked in this order: first whether there are any, then where.
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
      return { file, info };
    }
  } catch (error) {
    file?.close();
    return absenceOf(error);
  }
  file.close();
  return 404;
}

/** A file as it was read: one version of it, never two. */
export interface Content {
  /** The file, as its handle showed it. */
  readonly source: Found;
  /** All of its bytes, null if they are too many, or were changed while they were read. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  /** Its first bytes. */
  readonly start: Uint8Array;
}

/** So many bytes tell text from other things. */
const START_BYTES = 512;

/** Reads a file that was found, up to a size. */
export function readContent(found: Found, maxBytes: number): Content | Absence {
  const open = openFound(found);
  if (typeof open === "number") return open;
  using file = open.file;
  const { info } = open;
  const read = readStart(file, info.size <= maxBytes ? info.size : START_BYTES);
  const isWhole = read.length === info.size &&
    isSameVersion(info, file.statSync());
  return {
    source: { ...found, info },
    bytes: isWhole ? read : null,
    start: read.subarray(0, START_BYTES),
  };
}

function readStart(
  file: Deno.FsFile,
  length: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
