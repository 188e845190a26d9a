// What was found out about files, so that it need not be found out for each
// request: the life of an entry is told by the methods of FileCache in their
// order.

import type { PreparedResponse } from "../_prepared_response.ts";
import {
  type Coding,
  CODINGS,
  Compressor,
  SIDECAR_EXTENSIONS,
} from "./content_coding.ts";
import { HttpError } from "../_http_error.ts";
import {
  type FileEntry,
  type FileStat,
  type FileSystem,
  isSameStat,
} from "./file_system.ts";
import { isCompressible, mediaTypeOf } from "./media_type.ts";
import {
  type FileContent,
  openFile,
  readFile,
  rereadFile,
} from "./open_file.ts";
import { type CommonFields, Representation } from "./representation.ts";
import type { ResolvedFile } from "./resolve.ts";

/** The bytes of files up to this size are held in memory. */
const MAX_FILE_BYTES = 65_536;
/** What a response that is held takes beside its bytes, roughly. */
const HEAD_BYTES = 1_024;
/** How many directories are known. */
const MAX_DIRECTORIES = 1_024;
/** Below this size compressing saves no packet. */
const MIN_GZIP_BYTES = 512;
/** Files up to this size are compressed for those who prefer it. */
const MAX_GZIP_BYTES = 1_048_576;

/** Something that was found, and when that was last seen to be true. */
interface Checked {
  /** By the time of requests. */
  checkedAt: number;
}

/** A file that was asked for, in each coding that there is of it. */
export interface CacheEntry extends Checked {
  readonly key: string;
  /** Whether checking the files is enough, see {@linkcode ResolvedFile}. */
  readonly isDirect: boolean;
  /** The file and its sidecars, with the stat results they must still have. */
  readonly files: readonly [FileEntry, ...FileEntry[]];
  /**
   * The directory, in which sidecars would come and go; null if the file can
   * have none.
   */
  directory: FileStat | null;
  /** The file without coding. */
  readonly identity: Representation;
  /** The others: from sidecars, and compressed here. */
  readonly coded: Map<Coding, Representation>;
  /** Whether the response depends on what codings the client accepts. */
  readonly varies: boolean;
  /** Whether gzip is made of it here, and makes it smaller as far as known. */
  isCompressible: boolean;
  /** Settles when that is done. */
  compressing: Promise<Representation> | null;
  /** How much memory its bytes take now. */
  heldBytes: number;
  /** Whether it was used since the hand of the clock came by. */
  isReferenced: boolean;
}

/** Options of {@linkcode FileCache}. */
export interface FileCacheOptions {
  /** What files are sent with. */
  readonly common: CommonFields;
  /**
   * How long what was found is trusted, in milliseconds by the time of
   * requests.
   */
  readonly ttl: number;
  /** How many bytes are held of all files. */
  readonly maxBytes?: number;
  /** How many files are known, whether their bytes are held or not. */
  readonly maxEntries?: number;
}

/** The files that were asked for of late, by path. */
export class FileCache {
  readonly #fileSystem: FileSystem;
  readonly #common: CommonFields;
  readonly #ttl: number;
  readonly #maxBytes: number;
  readonly #maxEntries: number;
  readonly #entries = new Map<string, CacheEntry>();
  /** The directories of files, each checked once for all files in it. */
  readonly #directories = new Map<
    string,
    Checked & { readonly found: FileEntry | null }
  >();
  readonly #compressor = new Compressor();
  #heldBytes = 0;

  /** Makes an empty cache for the files of a file system. */
  constructor(fileSystem: FileSystem, options: FileCacheOptions) {
    this.#fileSystem = fileSystem;
    this.#common = options.common;
    this.#ttl = options.ttl;
    this.#maxBytes = options.maxBytes ?? 67_108_864;
    this.#maxEntries = options.maxEntries ?? 16_384;
  }

  /** Gives the entry of a path; null if there is none, or it has changed. */
  get(key: string, now: number): CacheEntry | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (!this.#isFresh(entry, now)) {
      if (!entry.isDirect || !this.#validate(entry, now)) return null;
    }
    entry.isReferenced = true;
    return entry;
  }

  /**
   * Gives the entry of a file that was just found: the one there is if nothing
   * has changed, else a new one.
   *
   * @throws {HttpError} If the file is not there any more, or may not be read.
   */
  load(found: ResolvedFile, now: number): CacheEntry {
    const { key, file } = found;
    const known = this.#entries.get(key);
    if (known !== undefined) {
      if (isSameFile(known.files[0], file)) {
        if (this.#isFresh(known, now) || this.#validate(known, now)) {
          known.isReferenced = true;
          return known;
        }
      }
      this.delete(known);
    }
    const content = readFile(file, MAX_FILE_BYTES);
    const entry = this.#makeEntry(found, content, now);
    this.#entries.set(key, entry);
    if (content.bytes !== null) {
      this.#hold(entry, entry.identity, content.bytes);
    }
    this.#evict();
    return entry;
  }

  /** Forgets a file: who uses its entry at the moment just finishes with it. */
  delete(entry: CacheEntry): void {
    if (this.#entries.delete(entry.key)) this.#release(entry);
  }

  /**
   * Chooses the representation that a client prefers, compressing the file
   * first if need be.
   *
   * @param codings The codings that the client accepts, best first.
   */
  choose(
    entry: CacheEntry,
    codings: readonly Coding[],
  ): Representation | Promise<Representation> {
    for (const coding of codings) {
      const coded = entry.coded.get(coding);
      if (coded !== undefined) return coded;
      if (coding !== "gzip" || !entry.isCompressible) continue;
      if (entry.compressing !== null) return entry.compressing;
      if (!this.#compressor.isBusy) {
        return entry.compressing = this.#compress(entry);
      }
    }
    return entry.identity;
  }

  /**
   * Gives the response with all bytes of a file.
   *
   * @returns Null if it is too large to be held in memory, or has changed.
   */
  whole(
    entry: CacheEntry,
    representation: Representation,
  ): PreparedResponse | null {
    const { whole, size, source } = representation;
    if (whole !== null) return whole;
    const bytes = size <= MAX_FILE_BYTES ? rereadFile(source) : null;
    return bytes === null ? null : this.#hold(entry, representation, bytes);
  }

  /** Whether what was found may be trusted still. */
  #isFresh({ checkedAt }: Checked, now: number): boolean {
    return now - checkedAt < this.#ttl;
  }

  /**
   * Checks that nothing has changed about a file: neither the file, nor its
   * sidecars, nor the way to them.
   *
   * To look for each sidecar that is not there takes 5 times as long as the
   * rest, and names come and go with the time of their directory.
   */
  #validate(entry: CacheEntry, now: number): boolean {
    const { files } = entry;
    const directory = this.#findDirectory(files[0], now);
    const isUnchanged = (file: FileEntry) =>
      this.#fileSystem.isUnchanged(file, directory);
    if (!files.every(isUnchanged)) return false;
    if (entry.directory !== null && !isSame(entry.directory, directory)) {
      const sidecars = this.#findSidecars(files[0]);
      if (sidecars.size !== files.length - 1) return false;
      entry.directory = directory?.stat ?? null;
    }
    entry.checkedAt = now;
    return true;
  }

  #makeEntry(
    { key, isDirect }: ResolvedFile,
    { source, start }: FileContent,
    now: number,
  ): CacheEntry {
    const { size } = source.stat;
    const mediaType = mediaTypeOf(source.names.at(-1) ?? source.path, start);
    const shrinks = isCompressible(mediaType);
    // First the directory: what changes from now on shows in it
    const directory = shrinks ? this.#findDirectory(source, now) : null;
    const sidecars = shrinks
      ? this.#findSidecars(source)
      : new Map<Coding, FileEntry>();
    const compresses = shrinks && !sidecars.has("gzip") &&
      size >= MIN_GZIP_BYTES && size <= MAX_GZIP_BYTES;
    const varies = compresses || sidecars.size > 0;
    const identity = new Representation({
      source,
      mediaType,
      coding: null,
      varies,
      size,
      common: this.#common,
    });
    return {
      key,
      isDirect,
      files: [source, ...sidecars.values()],
      directory: directory?.stat ?? null,
      identity,
      coded: openSidecars(sidecars, identity),
      varies,
      isCompressible: compresses,
      compressing: null,
      heldBytes: 0,
      isReferenced: true,
      checkedAt: now,
    };
  }

  /** The directory of a file, looked at once for all files in it. */
  #findDirectory({ names }: FileEntry, now: number): FileEntry | null {
    const above = names.slice(0, -1);
    const key = above.join("/");
    const known = this.#directories.get(key);
    if (known !== undefined && this.#isFresh(known, now)) return known.found;
    const found = this.#fileSystem.findOrNull(above);
    if (this.#directories.size >= MAX_DIRECTORIES) this.#directories.clear();
    this.#directories.set(key, { found, checkedAt: now });
    return found;
  }

  /** Finds the sidecars of a file that are not older than its last change. */
  #findSidecars(file: FileEntry): Map<Coding, FileEntry> {
    const sidecars = new Map<Coding, FileEntry>();
    const above = file.names.slice(0, -1);
    for (const coding of CODINGS) {
      const name = `${file.names.at(-1)}${SIDECAR_EXTENSIONS[coding]}`;
      const sidecar = this.#fileSystem.findFile([...above, name]);
      if (sidecar !== null && secondOf(sidecar) >= secondOf(file)) {
        sidecars.set(coding, sidecar);
      }
    }
    return sidecars;
  }

  /** Compresses a file; it stays as it is if it gets no smaller. */
  async #compress(entry: CacheEntry): Promise<Representation> {
    const { identity } = entry;
    const bytes = identity.whole?.body ?? rereadFile(identity.source);
    const gzip = bytes === null ? null : await this.#compressor.gzip(bytes);
    entry.compressing = null;
    if (gzip === null || gzip.length >= identity.size) {
      entry.isCompressible = false;
      return identity;
    }
    const coded = identity.coded("gzip", gzip.length);
    entry.coded.set("gzip", coded);
    this.#hold(entry, coded, gzip);
    return coded;
  }

  #hold(
    entry: CacheEntry,
    representation: Representation,
    bytes: Uint8Array,
  ): PreparedResponse {
    const whole = representation.hold(bytes);
    if (this.#entries.get(entry.key) !== entry) return whole; // evicted since
    const size = HEAD_BYTES + bytes.length;
    entry.heldBytes += size;
    this.#heldBytes += size;
    this.#evict();
    return whole;
  }

  /**
   * Makes room, by the CLOCK algorithm: a hand goes round the entries, and one
   * that was used since it last came by gets a second chance. That keeps almost
   * what an order by last use would keep, and a use costs no more than setting
   * a mark.
   *
   * An entry loses its bytes first, since they are read again in a fifth of the
   * time that it takes to find out about the file; and goes itself when there
   * are too many. This ends: the first round clears all marks.
   */
  #evict(): void {
    for (const entry of this.#entries.values()) {
      const areTooMany = this.#entries.size > this.#maxEntries;
      if (!areTooMany && this.#heldBytes <= this.#maxBytes) return;
      this.#entries.delete(entry.key);
      if (!entry.isReferenced) this.#release(entry);
      if (entry.isReferenced || !areTooMany) {
        entry.isReferenced = false;
        this.#entries.set(entry.key, entry); // after all others
      }
    }
  }

  /** Holds the bytes of a file no longer. */
  #release(entry: CacheEntry): void {
    this.#heldBytes -= entry.heldBytes;
    entry.heldBytes = 0;
    entry.identity.release();
    // What was compressed here lies nowhere else: it goes with its bytes, which
    // those who send it at the moment still have
    if (entry.isCompressible) entry.coded.delete("gzip");
    for (const sidecar of entry.coded.values()) sidecar.release();
  }
}

/** Whether a file that was found is the one that is known. */
function isSameFile(known: FileEntry, found: FileEntry): boolean {
  return known.path === found.path && isSame(known.stat, found);
}

/** Whether nothing has changed since a look at something. */
function isSame(stat: FileStat, now: FileEntry | null): boolean {
  return stat.isSettled && now !== null && isSameStat(stat, now.stat);
}

/**
 * Makes the representations, each of the version that its open handle shows.
 */
function openSidecars(
  sidecars: ReadonlyMap<Coding, FileEntry>,
  identity: Representation,
): Map<Coding, Representation> {
  const representations = new Map<Coding, Representation>();
  for (const [coding, sidecar] of sidecars) {
    try {
      const { file, stat } = openFile(sidecar, false);
      file.close();
      const source = { ...sidecar, stat };
      representations.set(coding, identity.coded(coding, stat.size, source));
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
    }
  }
  return representations;
}

/**
 * In seconds: some tools keep no more of the time of the file that they
 * compress.
 */
function secondOf({ stat }: FileEntry): number {
  return Math.floor(stat.modified / 1000);
}
