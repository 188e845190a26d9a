import type { PreparedResponse } from "../_prepared_response.ts";
import {
  type Coding,
  CODINGS,
  Compressor,
  SIDECAR_EXTENSIONS,
} from "./content_coding.ts";
import {
  type FileEntry,
  type FileStat,
  type FileSystem,
  isSameStat,
  orNull,
} from "./file_system.ts";
import { isCompressible, mediaTypeOf } from "./media_type.ts";
import { openFile, readFile, rereadFile } from "./open_file.ts";
import { type CommonFields, Representation } from "./representation.ts";
import type { ResolvedFile } from "./resolve.ts";

/** The bytes of files up to this size are held in memory. */
const MAX_FILE_BYTES = 65_536;
/** What a response that is held takes beside its bytes, roughly. */
const HEAD_BYTES = 1_024;
/** How many directories are known. */
const MAX_DIRECTORIES = 1_024;
/** Other paths that lead to a file are known up to this length. */
const MAX_ALIAS_LENGTH = 256;
/** Below this size compressing saves no packet. */
const MIN_GZIP_BYTES = 512;
/** Files up to this size are compressed for those who prefer it. */
const MAX_GZIP_BYTES = 1_048_576;

/** Something that was found. */
interface Checked {
  /** When it was last seen to be so, by the time of requests. */
  checkedAt: number;
}

/** What is kept by a path. */
interface Cached extends Checked {
  /** Whether it was used since the hand of the clock came by. */
  isReferenced: boolean;
}

/** A path to a file that is kept by its own path. */
interface Alias extends Cached {
  readonly kind: "alias";
  readonly target: string;
}

/** A file that was asked for, in each coding that there is of it. */
export interface CacheEntry extends Cached {
  readonly kind: "file";
  readonly key: string;
  /** The file and its sidecars, with the stat results they must still have. */
  readonly files: readonly [FileEntry, ...FileEntry[]];
  /**
   * The directory, in which sidecars would come and go; null if the file can
   * have none.
   */
  directory: FileStat | null;
  /** The file without coding. */
  readonly identity: Representation;
  /** The sidecars, and what was compressed here. */
  readonly coded: Map<Coding, Representation>;
  /** Whether gzip is made of it here; not if that makes it no smaller. */
  isCompressible: boolean;
  /** Settles when that is done. */
  compressing: Promise<Representation> | null;
  /** How much memory the bytes take that are held of it. */
  heldBytes: number;
}

/** Options of {@linkcode FileCache}. */
export interface FileCacheOptions {
  /** What files are sent with. */
  readonly common: CommonFields;
  /** How long what was found is trusted, by the time of requests. */
  readonly ttl: number;
  /** How many bytes are held of all files. */
  readonly maxBytes?: number;
  /** How many paths are known, whether bytes are held or not. */
  readonly maxEntries?: number;
}

/** The files that were asked for of late, by path. */
export class FileCache {
  readonly #fileSystem: FileSystem;
  readonly #options: Required<FileCacheOptions>;
  readonly #compressor = new Compressor();
  readonly #entries = new Map<string, CacheEntry | Alias>();
  #hand = this.#entries.entries();
  #heldBytes = 0;
  /** The directories of files, each checked once for all files in it. */
  readonly #directories = new Map<
    string,
    Checked & { readonly found: FileEntry | null }
  >();

  /** Makes an empty cache for the files of a file system. */
  constructor(fileSystem: FileSystem, options: FileCacheOptions) {
    this.#fileSystem = fileSystem;
    this.#options = { maxBytes: 67_108_864, maxEntries: 16_384, ...options };
  }

  /** Gives the entry of a path; null if there is none, or it has changed. */
  get(path: string, now: number): CacheEntry | null {
    const cached = this.#entries.get(path);
    if (cached === undefined) return null;
    cached.isReferenced = true;
    const isFresh = this.#isFresh(cached, now);
    if (cached.kind === "alias") {
      return isFresh ? this.get(cached.target, now) : null;
    }
    return isFresh || this.#validate(cached, now) ? cached : null;
  }

  /**
   * Gives the entry of a file that a path was just found to lead to: the one
   * there is if nothing has changed, else a new one.
   *
   * @throws {HttpError} If the file is not there any more, or may not be read.
   */
  load(path: string, { file, key }: ResolvedFile, now: number): CacheEntry {
    const known = this.#entries.get(key);
    const isKnown = known?.kind === "file" && isSameFile(known.files[0], file);
    const entry = (isKnown ? this.get(key, now) : null) ??
      this.#read(key, file, now);
    if (path !== key && path.length <= MAX_ALIAS_LENGTH) {
      const alias = { kind: "alias", target: key, checkedAt: now } as const;
      this.#set(path, { ...alias, isReferenced: false });
    }
    return entry;
  }

  /**
   * Chooses the representation that a client prefers, which may have to be
   * compressed first.
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
   * Gives the response with all bytes of a representation.
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
    return now - checkedAt < this.#options.ttl;
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
    for (const file of files) {
      if (!this.#fileSystem.isUnchanged(file, directory)) return false;
    }
    if (entry.directory !== null && !isSame(entry.directory, directory)) {
      const sidecars = this.#findSidecars(files[0]);
      if (sidecars.size !== files.length - 1) return false;
      entry.directory = directory?.stat ?? null;
    }
    entry.checkedAt = now;
    return true;
  }

  /** Reads a file, and makes its entry. */
  #read(key: string, file: FileEntry, now: number): CacheEntry {
    const { source, bytes, start } = readFile(file, MAX_FILE_BYTES);
    const { size } = source.stat;
    const mediaType = mediaTypeOf(source.names.at(-1) ?? source.path, start);
    const shrinks = isCompressible(mediaType);
    // First the directory: what changes from now on shows in it
    const directory = shrinks ? this.#findDirectory(source, now) : null;
    const sidecars = shrinks ? this.#findSidecars(source) : NO_SIDECARS;
    const compresses = shrinks && !sidecars.has("gzip") &&
      size >= MIN_GZIP_BYTES && size <= MAX_GZIP_BYTES;
    const varies = compresses || sidecars.size > 0;
    const { common } = this.#options;
    const init = { source, mediaType, coding: null, varies, size, common };
    const identity = new Representation(init);
    const entry: CacheEntry = {
      kind: "file",
      key,
      files: [source, ...sidecars.values()],
      directory: directory?.stat ?? null,
      identity,
      coded: new Map(),
      isCompressible: compresses,
      compressing: null,
      heldBytes: 0,
      isReferenced: true,
      checkedAt: now,
    };
    for (const [coding, sidecar] of sidecars) {
      entry.coded.set(coding, identity.coded(coding, sidecar));
    }
    this.#set(key, entry);
    if (bytes !== null) this.#hold(entry, identity, bytes);
    return entry;
  }

  /** The directory of a file, looked at once for all files in it. */
  #findDirectory({ names }: FileEntry, now: number): FileEntry | null {
    const above = names.slice(0, -1);
    const key = above.join("/");
    const known = this.#directories.get(key);
    if (known !== undefined && this.#isFresh(known, now)) return known.found;
    const found = orNull(() => this.#fileSystem.find(above));
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
      const found = this.#fileSystem.findFile([...above, name]);
      if (found === null || secondOf(found) < secondOf(file)) continue;
      const sidecar = orNull(() => openOnce(found));
      if (sidecar !== null) sidecars.set(coding, sidecar);
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
    const coded = identity.coded("gzip", identity.source, gzip.length);
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
    if (this.#entries.get(entry.key) === entry) { // else it was evicted since
      const size = HEAD_BYTES + bytes.length;
      entry.heldBytes += size;
      this.#heldBytes += size;
      this.#evict();
    }
    return whole;
  }

  #set(key: string, cached: CacheEntry | Alias): void {
    this.#delete(key);
    this.#entries.set(key, cached);
    this.#evict();
  }

  /**
   * Makes room, by the CLOCK algorithm: a hand goes round, and what was used
   * since it last came by gets a second chance. That keeps almost what an order
   * by last use would keep, and a use costs no more than setting a mark.
   *
   * Of an entry the bytes go first: they are read again in a fifth of the time
   * that it takes to find out about the file. Entries go when there are too
   * many. Nobody is told: who uses one at the moment finishes with it.
   */
  #evict(): void {
    const { maxBytes, maxEntries } = this.#options;
    while (this.#heldBytes > maxBytes || this.#entries.size > maxEntries) {
      const { value, done } = this.#hand.next();
      if (done) {
        this.#hand = this.#entries.entries();
        continue;
      }
      const [key, cached] = value;
      if (cached.isReferenced) cached.isReferenced = false;
      else if (this.#entries.size > maxEntries) this.#delete(key);
      else this.#release(cached);
    }
  }

  #delete(key: string): void {
    const cached = this.#entries.get(key);
    if (cached === undefined) return;
    this.#entries.delete(key);
    this.#release(cached);
  }

  /** Holds the bytes of a file no longer. */
  #release(cached: CacheEntry | Alias): void {
    if (cached.kind === "alias" || cached.heldBytes === 0) return;
    const { identity, coded, isCompressible, heldBytes } = cached;
    this.#heldBytes -= heldBytes;
    cached.heldBytes = 0;
    identity.release();
    // What was compressed here lies nowhere else: it goes with its bytes, which
    // those who send it at the moment still have
    if (isCompressible) coded.delete("gzip");
    for (const sidecar of coded.values()) sidecar.release();
  }
}

const NO_SIDECARS: ReadonlyMap<Coding, FileEntry> = new Map();

/** Shows a file as an open handle does. */
function openOnce(entry: FileEntry): FileEntry {
  const { file, stat } = openFile(entry, false);
  file.close();
  return { ...entry, stat };
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
 * In seconds: some tools keep no more of the time of the file that they
 * compress.
 */
function secondOf({ stat }: FileEntry): number {
  return Math.floor(stat.modified / 1000);
}
