// What was found out about files, kept by path, so that it need not be found
// out for each request. An entry is made by load(), checked by get(), used by
// choose() and whole(), and lost to the hand of a clock.

import type { PreparedResponse } from "../_prepared_response.ts";
import {
  type CacheEntry,
  compress,
  findSidecars,
  MAX_FILE_BYTES,
  readEntry,
} from "./cache_entry.ts";
import {
  type FileEntry,
  type FileSystem,
  isSameStat,
  isSetBack,
} from "./file_system.ts";
import { rereadFile } from "./open_file.ts";
import type { Coding, CommonFields, Representation } from "./representation.ts";
import type { ResolvedFile } from "./resolve.ts";

/** What a response that is held takes beside its bytes, roughly. */
const HEAD_BYTES = 1_024;
/** Aliases are kept up to this length. */
const MAX_ALIAS_LENGTH = 256;

/**
 * Looks at files in one tick of the server's clock (0.2 s): more of them are
 * load, under which the last look is trusted for a second.
 */
const MAX_LOOKS = 400;
const TRUSTED_UNDER_LOAD = 1_000;
/**
 * To replace files all the time takes longer than to read them. So each mark
 * that the hand takes off is paid for by this many misses, whose files are not
 * held: what has no mark when the hand comes round again was not used during
 * twice as many misses as there are files. Where more is in use than fits,
 * hardly any file is like that.
 */
const REFUSED_PER_MARK = 2;
/** How long the hand takes to go round where there are few misses. */
const ROUND_TIME = 10_000;
/** At most this many files are compressed at once: others are sent as is. */
const MAX_COMPRESSING = 4;
/** How many files are remembered that changed without their size and time. */
const MAX_RETOUCHED = 1_024;

/** Options of {@linkcode FileCache}. */
export interface FileCacheOptions {
  /** What files are sent with. */
  readonly common: CommonFields;
  /**
   * How long what was found is trusted, by the time of requests; null to look
   * at each request, except under load.
   */
  readonly ttl: number | null;
  /** How many bytes are held of all files. */
  readonly maxBytes: number;
  /** How many paths are known, whether bytes are held or not. */
  readonly maxEntries?: number;
}

/**
 * Another path to a file: in another spelling, or of a missing file that it
 * stands in for. When its time is up, the path is resolved anew.
 */
interface Alias {
  readonly key: string;
  readonly checkedAt: number;
}

/** The files that were asked for of late, by path. */
export class FileCache {
  readonly #fileSystem: FileSystem;
  readonly #options: Required<FileCacheOptions>;
  readonly #entries = new Map<string, CacheEntry>();
  readonly #aliases = new Map<string, Alias>();
  #hand: IteratorObject<CacheEntry> = this.#entries.values();
  #heldBytes = 0;
  #compressing = 0;
  /** The present tick, and what was done in it. */
  #tick = 0;
  #looks = 0;
  /** How many misses are still to pay; below 0 if the time has paid already. */
  #toRefuse = 0;
  readonly #retouches = new Map<string, number>();

  /** Makes an empty cache for the files of a file system. */
  constructor(fileSystem: FileSystem, options: FileCacheOptions) {
    this.#fileSystem = fileSystem;
    this.#options = { maxEntries: 16_384, ...options };
  }

  /** Gives the entry of a path; null if there is none, or it has changed. */
  get(path: string, now: number): CacheEntry | null {
    this.#startTick(now);
    const entry = this.#entries.get(path);
    if (entry === undefined) {
      const alias = this.#aliases.get(path);
      const isFresh = alias !== undefined && this.#isFresh(alias, now);
      return isFresh ? this.get(alias.key, now) : null;
    }
    entry.isReferenced = true;
    const isFresh = this.#isFresh(entry, now);
    return isFresh || this.#validate(entry, now) ? entry : null;
  }

  /**
   * Gives the entry of a file that a path was just found to lead to: the one
   * there is if nothing has changed, else a new one.
   *
   * @throws {HttpError} If the file is not there any more, or may not be read.
   */
  load(path: string, { file, key }: ResolvedFile, now: number): CacheEntry {
    const known = this.#entries.get(key)?.files[0].stat;
    const isKnown = known?.isSettled && isSameStat(known, file.stat);
    const entry = (isKnown ? this.get(key, now) : null) ??
      this.#read(key, file, now);
    if (path !== key && path.length <= MAX_ALIAS_LENGTH) {
      this.#delete(path);
      if (this.#aliases.size >= this.#options.maxEntries) this.#aliases.clear();
      this.#aliases.set(path, { key, checkedAt: now });
    }
    return entry;
  }

  /** Has the file of a path looked at before it is used again. */
  expire(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.checkedAt = -Infinity;
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
      // A promise, since the next request for it may find less to do
      if (this.#compressing >= MAX_COMPRESSING) {
        return Promise.resolve(entry.identity);
      }
      return entry.compressing = this.#compress(entry);
    }
    return entry.identity;
  }

  /**
   * Gives the response with all bytes of a representation.
   *
   * @returns Null if it is not to be held in memory, or has changed.
   */
  whole(
    entry: CacheEntry,
    representation: Representation,
  ): PreparedResponse | null {
    const { whole, size, source } = representation;
    if (whole !== null) return whole;
    if (size > MAX_FILE_BYTES || !this.#makeRoom(size)) return null;
    const bytes = rereadFile(source);
    return bytes === null ? null : this.#hold(entry, representation, bytes);
  }

  #startTick(now: number): void {
    if (now === this.#tick) return;
    const round = Math.min((now - this.#tick) / ROUND_TIME, 1);
    this.#toRefuse = -round * this.#entries.size * REFUSED_PER_MARK;
    this.#tick = now;
    this.#looks = 0;
  }

  /**
   * Whether what was found may be trusted still. So people and tests always see
   * what is on the disk, and 100,000 requests a second cost 2,000 looks.
   */
  #isFresh({ checkedAt }: Alias | CacheEntry, now: number): boolean {
    const { ttl } = this.#options;
    if (ttl !== null) return now - checkedAt < ttl;
    if (this.#looks >= MAX_LOOKS) return now - checkedAt < TRUSTED_UNDER_LOAD;
    this.#looks++;
    return false;
  }

  /**
   * Checks that nothing has changed about a file: neither itself, nor its
   * sidecars, nor the way to them. To look for sidecars that are not there
   * takes 5 times as long as the rest, so that is done only if the directory
   * has changed: names come and go with its time.
   */
  #validate(entry: CacheEntry, now: number): boolean {
    const { files } = entry;
    const fileSystem = this.#fileSystem;
    const known = entry.directory;
    const isKnown = known === null || fileSystem.isUnchanged(known, null);
    const directory = isKnown ? known : fileSystem.findDirectory(files[0]);
    for (const file of files) {
      if (!fileSystem.isUnchanged(file, directory)) return false;
    }
    if (!isKnown) {
      const sidecars = findSidecars(fileSystem, files[0]);
      if (sidecars.size !== files.length - 1) return false;
      entry.directory = directory;
    }
    entry.checkedAt = now;
    return true;
  }

  #read(key: string, file: FileEntry, now: number): CacheEntry {
    const { common } = this.#options;
    const known = this.#entries.get(key);
    const retouchesOf = this.#retouchesOf.bind(this, known);
    const init = { key, checkedAt: now, common, retouchesOf };
    const { entry, bytes } = readEntry(this.#fileSystem, file, init);
    this.#delete(key);
    this.#entries.set(key, entry);
    while (this.#entries.size > this.#options.maxEntries) this.#moveHand();
    if (bytes !== null && this.#makeRoom(bytes.length)) {
      this.#hold(entry, entry.identity, bytes);
    }
    return entry;
  }

  /**
   * Counts how often a file has changed without its size and time (`cp -p`,
   * builds with a fixed time): its entity tag must tell then. Until that was
   * seen, the tag is one that other machines with the same files make, too.
   * Within one second nothing but the bytes tells.
   *
   * @returns Null if the bytes are too many to be compared, and nothing else
   *   would tell of another change.
   */
  #retouchesOf(
    known: CacheEntry | undefined,
    { names, stat }: FileEntry,
    bytes: Uint8Array | null,
  ): number | null {
    const name = names.join("/"); // which may be a link that led elsewhere
    const old = known?.files.find((one) => one.names.join("/") === name)?.stat;
    const held = known?.identity.whole?.body;
    let count = this.#retouches.get(name) ?? 0;
    const isAlike = old?.size === stat.size && old.modified === stat.modified;
    // Bytes that are not held cannot be compared: they may be others
    const isOther = held === undefined
      ? !stat.isSettled
      : bytes?.some((byte, at) => byte !== held[at]);
    const isChanged = old !== undefined &&
      (!isSameStat(old, stat) || bytes !== null && isOther);
    // As a version before the last one may have been, in the same second
    const isBack = old && !old.isSettled && stat.modified <= old.modified;
    if (isChanged && (isAlike || isBack)) {
      if (this.#retouches.size >= MAX_RETOUCHED) this.#retouches.clear();
      this.#retouches.set(name, ++count);
    }
    return bytes === null && isSetBack(stat) ? null : count;
  }

  /** Compresses a file; it stays as it is if it gets no smaller. */
  async #compress(entry: CacheEntry): Promise<Representation> {
    const { identity } = entry;
    const bytes = identity.whole?.body ?? rereadFile(identity.source);
    this.#compressing++;
    try {
      const gzip = bytes === null ? null : await compress(bytes);
      if (gzip === null || gzip.length >= identity.size) {
        entry.isCompressible = false;
        return identity;
      }
      const coded = identity.variant({ coding: "gzip", size: gzip.length });
      entry.coded.set("gzip", coded);
      this.#hold(entry, coded, gzip);
      return coded;
    } finally {
      this.#compressing--;
      entry.compressing = null;
    }
  }

  /** Makes room for the bytes of a file; false if others are held instead. */
  #makeRoom(size: number): boolean {
    const { maxBytes } = this.#options;
    while (this.#heldBytes + HEAD_BYTES + size > maxBytes) {
      if (this.#heldBytes === 0) return false;
      if (this.#toRefuse > 0) {
        this.#toRefuse--;
        return false;
      }
      this.#moveHand();
    }
    return true;
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
      while (this.#heldBytes > this.#options.maxBytes) this.#moveHand();
    }
    return whole;
  }

  /**
   * Makes room, by the CLOCK algorithm: a hand goes round, and what was used
   * since it last came by keeps its place, but loses its mark. That keeps
   * almost what an order by last use would keep, and a use costs no more than
   * setting a mark.
   *
   * Of an entry the bytes go first: they are read again in a fifth of the time
   * that it takes to find out about the file. Entries go when there are too
   * many. Nobody is told: who uses one at the moment finishes with it.
   */
  #moveHand(): void {
    const { value: entry, done } = this.#hand.next();
    if (done) {
      // Entries that are added meanwhile wait for the next round
      this.#hand = this.#entries.values().take(this.#entries.size);
    } else if (entry.isReferenced) {
      entry.isReferenced = false;
      this.#toRefuse += REFUSED_PER_MARK;
    } else if (this.#entries.size > this.#options.maxEntries) {
      this.#delete(entry.key);
    } else this.#release(entry);
  }

  /** Forgets what a path leads to; those who send it still have its bytes. */
  #delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#heldBytes -= entry.heldBytes;
    entry.heldBytes = 0;
  }

  /** Holds the bytes of a file no longer. */
  #release(entry: CacheEntry): void {
    if (entry.heldBytes === 0) return;
    const { identity, coded, isCompressible } = entry;
    this.#heldBytes -= entry.heldBytes;
    entry.heldBytes = 0;
    entry.responses = null;
    // What was compressed here lies nowhere else: it goes with its bytes, which
    // those who send it at the moment still have
    if (isCompressible) coded.delete("gzip");
    for (const one of [identity, ...coded.values()]) one.whole = null;
  }
}
