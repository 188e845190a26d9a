// What the cache keeps of a file: all codings of it, which are the file as it
// is, the sidecars beside it, and what was compressed on the fly.

import type { PreparedResponse } from "../_prepared_response.ts";
import { cacheControlOf, isCompressible, mediaTypeOf } from "./file_fields.ts";
import { type FileEntry, type FileSystem, orNull } from "./file_system.ts";
import { openFile, readFile } from "./open_file.ts";
import {
  type Coding,
  CODINGS,
  type CommonFields,
  Representation,
} from "./representation.ts";
import type { ResolvedEntry } from "./resolve.ts";

/** The largest file whose bytes are held in memory, in bytes. */
export const MAX_FILE_BYTES = 65_536;
/** The smallest file that is compressed: below it, that saves no packet. */
const MIN_GZIP_BYTES = 512;
/** The largest file that is compressed on the fly, in bytes. */
const MAX_GZIP_BYTES = 1_048_576;
/**
 * A sidecar is a copy of a file that was compressed beforehand. Its name is
 * that of the file, followed by one of these.
 */
const SIDECAR_EXTENSIONS = { br: ".br", zstd: ".zst", gzip: ".gz" };

/** What is known about a file that was requested. */
export interface CacheEntry {
  /** The key in the cache. */
  readonly key: string;
  /** The file and its sidecars, with the stat results they must still have. */
  readonly files: readonly [FileEntry, ...FileEntry[]];
  /**
   * The directory in which sidecars would come and go; null if the file can
   * have none.
   */
  directory: FileEntry | null;
  /** When the entry was last validated, by the time of requests. */
  checkedAt: number;
  /** Whether it was used since the hand of the clock last came by. */
  isReferenced: boolean;
  /** The file without coding. */
  readonly identity: Representation;
  /** The sidecars, and what was compressed on the fly, by coding. */
  readonly coded: Map<Coding, Representation>;
  /** Whether it is compressed on the fly; false once that saved nothing. */
  isCompressible: boolean;
  /** The compression that is under way; null if there is none. */
  compressing: Promise<Representation> | null;
  /**
   * Responses to GET by header fields that were seen before: these decide what
   * is sent of the file.
   */
  responses: WeakMap<object, PreparedResponse> | null;
  /** How much memory its held bytes take. */
  heldBytes: number;
}

/** What is known about a file before it is read. */
export interface EntryInit {
  readonly checkedAt: number;
  /** The options for the header fields of all files. */
  readonly common: CommonFields;
  /**
   * Counts how often a file was seen to change but keep its size and time,
   * which are then not enough for an entity tag. The bytes are null if they are
   * too many; the count may then be null, for unknown.
   */
  retouchesOf(file: FileEntry, bytes: Uint8Array | null): number | null;
}

/**
 * Reads a file, and makes its entry.
 *
 * @returns The entry, and all bytes, which are valid until another file is
 *   read; null if they are too many, or changed while they were read.
 * @throws If the file no longer exists, or may not be read.
 */
export function readEntry(
  fileSystem: FileSystem,
  file: ResolvedEntry,
  { checkedAt, common, retouchesOf }: EntryInit,
): { readonly entry: CacheEntry; readonly bytes: Uint8Array | null } {
  const { source, bytes, firstBytes } = readFile(file, MAX_FILE_BYTES);
  const { size } = source.stat;
  const name = source.names.at(-1) ?? source.path;
  const mediaType = mediaTypeOf(name, firstBytes, common.types);
  const coding = SVGZ_REGEXP.test(name) ? "gzip" : null;
  const canBeCoded = coding === null && isCompressible(mediaType);
  // Looked at first, so that every later change shows in its time
  const directory = canBeCoded ? fileSystem.findDirectory(source) : null;
  const sidecars: ReadonlyMap<Coding, FileEntry> = canBeCoded
    ? findSidecars(fileSystem, source)
    : new Map();
  const canCompress = canBeCoded && !sidecars.has("gzip") &&
    size >= MIN_GZIP_BYTES && size <= MAX_GZIP_BYTES;
  const varies = canCompress || sidecars.size > 0;
  // A file that stands in for missing ones has a name as its key, not a path
  const maxAge = file.key.startsWith("/") ? common.maxAge : null;
  const identity = new Representation({
    source,
    mediaType,
    coding,
    retouches: retouchesOf(source, bytes),
    varies,
    cacheControl: cacheControlOf(name, mediaType, maxAge),
  });
  const entry: CacheEntry = {
    key: file.key,
    files: [source, ...sidecars.values()],
    directory,
    checkedAt,
    isReferenced: true,
    identity,
    coded: new Map(),
    isCompressible: canCompress,
    compressing: null,
    responses: null,
    heldBytes: 0,
  };
  for (const [coding, source] of sidecars) {
    const retouches = retouchesOf(source, null);
    entry.coded.set(coding, identity.copyWith({ coding, source, retouches }));
  }
  return { entry, bytes };
}

/** Files that are gzip themselves: sent as such, whatever clients accept. */
const SVGZ_REGEXP = /\.svgz$/i;

/** Finds the sidecars of a file that are not older than the file. */
export function findSidecars(fileSystem: FileSystem, file: FileEntry) {
  const sidecars = new Map<Coding, FileEntry>();
  const parentNames = file.names.slice(0, -1);
  for (const coding of CODINGS) {
    const name = `${file.names.at(-1)}${SIDECAR_EXTENSIONS[coding]}`;
    const found = fileSystem.findFile([...parentNames, name]);
    if (found === null || found.stat.modified < file.stat.modified) continue;
    const opened = orNull(() => openFile(found, false));
    opened?.file.close();
    // No coding gives an empty file: this one was not completely written
    if (!opened?.stat.size) continue;
    sidecars.set(coding, { ...found, stat: opened.stat }); // of its handle
  }
  return sidecars;
}

/** Compresses bytes with gzip; other work gets a turn after each 64 KiB. */
export function compress(bytes: Uint8Array): Promise<Uint8Array> {
  const compressed = new Blob([new Uint8Array(bytes)]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return new Response(compressed).bytes();
}
