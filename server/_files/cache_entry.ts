// What the cache keeps. Of a file, each coding that there is of it: as it is,
// from the sidecars beside it, and compressed here.

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

/** The bytes of files up to this size are held in memory. */
export const MAX_FILE_BYTES = 65_536;
/** Below this size compressing saves no packet. */
const MIN_GZIP_BYTES = 512;
/** Files up to this size are compressed for those who prefer it. */
const MAX_GZIP_BYTES = 1_048_576;
/**
 * A sidecar is a copy of a file that was compressed beforehand: the name of the
 * file is followed by one of these.
 */
const SIDECAR_EXTENSIONS = { br: ".br", zstd: ".zst", gzip: ".gz" };

/** A response that can be sent again. */
export interface SeenResponse {
  readonly method: string;
  readonly response: PreparedResponse;
}

/** A file that was asked for, and what that was found out from. */
export interface CacheEntry {
  /** What it is cached by. */
  readonly key: string;
  /** The file and its sidecars, with the stat results they must still have. */
  readonly files: readonly [FileEntry, ...FileEntry[]];
  /**
   * The directory, in which sidecars would come and go; null if the file can
   * have none.
   */
  directory: FileEntry | null;
  /** When all that was last seen to be so, by the time of requests. */
  checkedAt: number;
  /** Whether it was used since the hand of the clock came by. */
  isReferenced: boolean;
  /** The file without coding. */
  readonly identity: Representation;
  /** The sidecars, and what was compressed here. */
  readonly coded: Map<Coding, Representation>;
  /** Whether gzip is made of it here; not if that makes it no smaller. */
  isCompressible: boolean;
  /** Settles when that is done. */
  compressing: Promise<Representation> | null;
  /**
   * What was sent of it for heads that were seen, by their fields: these stand
   * for the whole head, except that a wrapper may have changed the method.
   */
  responses: WeakMap<object, SeenResponse> | null;
  /** How much memory the bytes take that are held of it. */
  heldBytes: number;
}

/** What is known of a file before it is read. */
export interface EntryInit {
  readonly key: string;
  readonly checkedAt: number;
  /** What files are sent with. */
  readonly common: CommonFields;
  /**
   * Counts how often a file was seen to change without its size and time: then
   * these do not make an entity tag. Its bytes are null if they are too many;
   * then the count may be unknown, which is null.
   */
  readonly retouchesOf: (
    file: FileEntry,
    bytes: Uint8Array | null,
  ) => number | null;
}

/**
 * Reads a file that was found.
 *
 * @returns The entry; and all bytes, good until another file is read, or null
 *   if they are too many to be held.
 * @throws {HttpError} If the file is not there any more, or may not be read.
 */
export function readEntry(
  fileSystem: FileSystem,
  file: FileEntry,
  { key, checkedAt, common, retouchesOf }: EntryInit,
): { readonly entry: CacheEntry; readonly bytes: Uint8Array | null } {
  const { source, bytes, start } = readFile(file, MAX_FILE_BYTES);
  const { size } = source.stat;
  const name = source.names.at(-1) ?? source.path;
  const mediaType = mediaTypeOf(name, start, common.types);
  const isGzip = SVGZ_REGEXP.test(name);
  const canShrink = isCompressible(mediaType) && !isGzip;
  // Looked at first: what changes from then on shows in it
  const directory = canShrink ? fileSystem.findDirectory(source) : null;
  const sidecars: ReadonlyMap<Coding, FileEntry> = canShrink
    ? findSidecars(fileSystem, source)
    : new Map();
  const isCompressed = canShrink && !sidecars.has("gzip") &&
    size >= MIN_GZIP_BYTES && size <= MAX_GZIP_BYTES;
  const varies = isCompressed || sidecars.size > 0;
  // A file that stands in for missing ones has a name as its key, not a path
  const isStandIn = !key.startsWith("/");
  const identity = new Representation({
    source,
    mediaType,
    coding: null,
    isGzip,
    retouches: retouchesOf(source, bytes),
    varies,
    cacheControl: isStandIn
      ? "no-cache"
      : cacheControlOf(name, mediaType, common.maxAge),
  });
  const entry: CacheEntry = {
    key,
    files: [source, ...sidecars.values()],
    directory,
    checkedAt,
    isReferenced: true,
    identity,
    coded: new Map(),
    isCompressible: isCompressed,
    compressing: null,
    responses: null,
    heldBytes: 0,
  };
  for (const [coding, source] of sidecars) {
    const retouches = retouchesOf(source, null);
    entry.coded.set(coding, identity.variant({ coding, source, retouches }));
  }
  return { entry, bytes };
}

/** Compressed by its name: clients are told, whatever they accept. */
const SVGZ_REGEXP = /\.svgz$/i;

/** Finds the sidecars of a file that are not older than its last change. */
export function findSidecars(
  fileSystem: FileSystem,
  file: FileEntry,
): ReadonlyMap<Coding, FileEntry> {
  const sidecars = new Map<Coding, FileEntry>();
  const above = file.names.slice(0, -1);
  for (const coding of CODINGS) {
    const name = `${file.names.at(-1)}${SIDECAR_EXTENSIONS[coding]}`;
    const found = fileSystem.findFile([...above, name]);
    if (found === null || found.stat.modified < file.stat.modified) continue;
    const sidecar = orNull(() => openOnce(found));
    // An empty one is no coding of anything: it was not written to its end
    if (sidecar?.stat.size) sidecars.set(coding, sidecar);
  }
  return sidecars;
}

/** Gives a file as an open handle shows it. */
function openOnce(entry: FileEntry): FileEntry {
  const { file, stat } = openFile(entry, false);
  file.close();
  return { ...entry, stat };
}

/** Compresses bytes; other work has its turn after each 64 KiB. */
export function compress(bytes: Uint8Array): Promise<Uint8Array> {
  const compressed = new Blob([new Uint8Array(bytes)]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return new Response(compressed).bytes();
}
