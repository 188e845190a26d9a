// Caches what is known about files, by path, so that it is not looked up for
// each request. An entry is made by read(), validated by get(), used by
// choose() and prepareWhole(), and evicted by the hand of a clock.

import {
  type CacheEntry,
  compress,
  findSidecars,
  MAX_FILE_BYTES,
  readEntry,
} from "./cache_entry.ts";
import { isRetouched, isSameStat, isSetBack } from "./file_stat.ts";
import type { FileEntry, FileSystem } from "./file_system.ts";
import { rereadFile } from "./open_file.ts";
import type { Coding, CommonFields, Representation } from "./representation.ts";
import type { ResolvedEntry } from "./resolve.ts";

/** The memory of a held response besides its body, roughly, in bytes. */
const RESPONSE_OVERHEAD = 1_024;

/**
 * How many entries are validated in one tick of the server's clock (0.2 s).
 * With more requests the server is under load, and entries stay fresh for a
 * second.
 */
const MAX_CHECKS = 400;
const TTL_UNDER_LOAD = 1_000;
/** How many files are compressed at once; others are sent as they are. */
const MAX_COMPRESSING = 4;
/** How many files that changed but kept their size and time are remembered. */
const MAX_RETOUCHED = 1_024;

/**
 * How many misses are refused for each mark that the hand of the clock clears.
 * An entry without a mark at the next round was therefore not used during twice
 * as many misses as there are files.
 */
const MISSES_PER_MARK = 2;
/** How long a round of the hand takes if misses are few, in milliseconds. */
const ROUND_TIME = 10_000;

/** Options of {@linkcode FileCache}. */
export interface FileCacheOptions {
  /** The options for the header fields of all files. */
  readonly common: CommonFields;
  /**
   * How long an entry is fresh, in milliseconds; null to validate it at each
   * request, except under load.
   */
  readonly ttl: number | null;
  /** How many bytes of files are held in memory. */
  readonly maxBytes: number;
  /** How many entries are kept, with or without bytes. */
  readonly maxEntries?: number;
}

/** The files that were requested recently, by path. */
export class FileCache {
  readonly #fileSystem: FileSystem;
  readonly #options: Required<FileCacheOptions>;
  readonly #entries = new Map<string, CacheEntry>();
  #hand: IteratorObject<CacheEntry> = this.#entries.values();
  #heldBytes = 0;
  /**
   * How many more misses are refused, so that files in use mostly stay:
   * replacing files all the time takes longer than reading them. The marks that
   * the hand clears are paid for by misses, or by time (below 0).
   */
  #debt = 0;
  #compressions = 0;
  /** The current tick, and how many entries were validated in it. */
  #tick = 0;
  #checks = 0;
  readonly #retouches = new Map<string, number>();

  /** Makes an empty cache for the files of a file system. */
  constructor(fileSystem: FileSystem, options: FileCacheOptions) {
    this.#fileSystem = fileSystem;
    this.#options = { maxEntries: 16_384, ...options };
  }

  /** Returns the entry of a path; null if there is none, or it has changed. */
  get(path: string, now: number): CacheEntry | null {
    this.#startTick(now);
    const entry = this.#entries.get(path);
    if (entry === undefined) return null;
    entry.isReferenced = true;
    if (this.#isTrusted(entry.checkedAt, now)) return entry;
    this.#checks++;
    return this.#validate(entry, now) ? entry : null;
  }

  /**
   * Returns the entry of a file that a path was just resolved to: the existing
   * one if nothing has changed, otherwise a new one.
   *
   * @throws If the file no longer exists, or may not be read.
   */
  load(file: ResolvedEntry, now: number): CacheEntry {
    const cachedStat = this.#entries.get(file.key)?.files[0].stat;
    const isCached = cachedStat?.isSettled && isSameStat(cachedStat, file.stat);
    return (isCached ? this.get(file.key, now) : null) ?? this.read(file, now);
  }

  /**
   * Reads a file, and makes its entry in place of one that may be out of date.
   *
   * @throws If the file no longer exists, or may not be read.
   */
  read(file: ResolvedEntry, now: number): CacheEntry {
    const { common } = this.#options;
    const cached = this.#entries.get(file.key);
    const retouchesOf = this.#retouchesOf.bind(this, cached);
    const init = { checkedAt: now, common, retouchesOf };
    const { entry, bytes } = readEntry(this.#fileSystem, file, init);
    if (cached !== undefined) this.#delete(cached);
    this.#entries.set(file.key, entry);
    while (this.#entries.size > this.#options.maxEntries) this.#moveHand();
    if (bytes !== null && this.#makeRoom(bytes.length)) {
      this.#hold(entry, entry.identity, bytes);
    }
    return entry;
  }

  /**
   * Chooses the representation that a client prefers; it may have to be
   * compressed first.
   *
   * @param codings The codings that the client accepts, best first.
   * @returns Null if too many files are being compressed at the moment.
   */
  choose(
    entry: CacheEntry,
    codings: readonly Coding[],
  ): Representation | Promise<Representation> | null {
    for (const coding of codings) {
      const coded = entry.coded.get(coding);
      if (coded !== undefined) return coded;
      if (coding !== "gzip" || !entry.isCompressible) continue;
      if (entry.compressing !== null) return entry.compressing;
      if (this.#compressions >= MAX_COMPRESSING) return null;
      return entry.compressing = this.#compress(entry);
    }
    return entry.identity;
  }

  /**
   * Returns the response with all bytes of a representation.
   *
   * @returns Null if it cannot be held in memory, or has changed.
   */
  prepareWhole(entry: CacheEntry, representation: Representation) {
    const { whole, size, init } = representation;
    if (whole !== null) return whole;
    if (size > MAX_FILE_BYTES || !this.#makeRoom(size)) return null;
    const bytes = rereadFile(init.source);
    return bytes === null ? null : this.#hold(entry, representation, bytes);
  }

  #startTick(now: number): void {
    if (now === this.#tick) return;
    const round = Math.min((now - this.#tick) / ROUND_TIME, 1);
    this.#debt = -round * this.#entries.size * MISSES_PER_MARK;
    this.#tick = now;
    this.#checks = 0;
  }

  /**
   * Whether the result of a check is used without another one. People and tests
   * always see what is on the disk, and 100,000 requests a second cost 2,000
   * checks.
   */
  #isTrusted(checkedAt: number, now: number): boolean {
    const ttl = this.#checks < MAX_CHECKS ? -Infinity : TTL_UNDER_LOAD;
    return now - checkedAt < (this.#options.ttl ?? ttl);
  }

  /**
   * Checks that a file, its sidecars and the way to them have not changed.
   * Looking for sidecars that do not exist takes 5 times as long as the rest,
   * so that is done only if the directory has changed. Under load, the check of
   * a directory is trusted for all of its files: it takes twice as long as that
   * of a file.
   */
  #validate(entry: CacheEntry, now: number): boolean {
    const { files, directory } = entry;
    const fileSystem = this.#fileSystem;
    const isTrusted = directory && this.#isTrusted(directory.checkedAt, now);
    const isSame = isTrusted || directory && fileSystem.isUnchanged(directory);
    const same = isSame ? directory : null;
    if (!files.every((it) => fileSystem.isUnchanged(it, same))) return false;
    if (same !== directory) {
      const current = fileSystem.findDirectory(files[0]);
      const sidecars = findSidecars(fileSystem, files[0]);
      if (sidecars.size !== files.length - 1) return false;
      entry.directory = current;
    }
    if (entry.directory && !isTrusted) entry.directory.checkedAt = now;
    entry.checkedAt = entry.directory?.checkedAt ?? now; // the older check
    return true;
  }

  /**
   * Counts how often a file was retouched, because its entity tag must change
   * all the same. Until that was seen, other machines with the same files make
   * the same tag.
   *
   * @returns Null if the bytes are too many to compare, and nothing else would
   *   reveal another change.
   */
  #retouchesOf(
    cached: CacheEntry | undefined,
    { names, stat }: FileEntry,
    bytes: Uint8Array | null,
  ): number | null {
    const name = names.join("/"); // it may be a link that led elsewhere
    const old = cached?.files.find((one) => one.names.join("/") === name)?.stat;
    const held = cached?.identity.whole?.body ?? null;
    let count = this.#retouches.get(name) ?? 0;
    if (old && isRetouched({ stat: old, bytes: held }, { stat, bytes })) {
      if (this.#retouches.size >= MAX_RETOUCHED) this.#retouches.clear();
      this.#retouches.set(name, ++count);
    }
    return bytes === null && isSetBack(stat) ? null : count;
  }

  /** Compresses a file; returns it as it is if it gets no smaller. */
  async #compress(entry: CacheEntry): Promise<Representation> {
    const { identity } = entry;
    const bytes = identity.whole?.body ?? rereadFile(identity.init.source);
    this.#compressions++;
    try {
      const gzip = bytes === null ? null : await compress(bytes);
      if (gzip === null || gzip.length >= identity.size) {
        entry.isCompressible = false;
        return identity;
      }
      const coded = identity.copyWith({ coding: "gzip", size: gzip.length });
      entry.coded.set("gzip", coded);
      this.#hold(entry, coded, gzip);
      return coded;
    } finally {
      this.#compressions--;
      entry.compressing = null;
    }
  }

  /** Makes room for the bytes of a file; false if others are kept instead. */
  #makeRoom(size: number): boolean {
    const { maxBytes } = this.#options;
    while (this.#heldBytes + RESPONSE_OVERHEAD + size > maxBytes) {
      if (this.#heldBytes === 0) return false;
      if (this.#debt > 0) {
        this.#debt--;
        return false;
      }
      this.#moveHand();
    }
    return true;
  }

  #hold(entry: CacheEntry, representation: Representation, bytes: Uint8Array) {
    const whole = representation.hold(bytes);
    if (this.#entries.get(entry.key) === entry) { // else it is evicted already
      const size = RESPONSE_OVERHEAD + bytes.length;
      entry.heldBytes += size;
      this.#heldBytes += size;
      while (this.#heldBytes > this.#options.maxBytes) this.#moveHand();
    }
    return whole;
  }

  /**
   * Makes room by the CLOCK algorithm: a hand goes round, and an entry that was
   * used since it last came by stays, but loses its mark. That keeps almost the
   * same entries as an order by last use, and a use costs no more than setting
   * a mark.
   *
   * The bytes of an entry go first, because reading them again takes a fifth of
   * the time of looking up the file. Entries go when there are too many. Nobody
   * is told: a request that uses an entry finishes with it.
   */
  #moveHand(): void {
    const { value: entry, done } = this.#hand.next();
    if (done) {
      // Entries that are added during a round wait for the next one
      this.#hand = this.#entries.values().take(this.#entries.size);
    } else if (entry.isReferenced) {
      entry.isReferenced = false;
      this.#debt += MISSES_PER_MARK;
    } else if (this.#entries.size > this.#options.maxEntries) {
      this.#delete(entry);
    } else this.#dropBytes(entry);
  }

  /** Removes an entry; requests that are sending it still have its bytes. */
  #delete(entry: CacheEntry): void {
    this.#entries.delete(entry.key);
    this.#heldBytes -= entry.heldBytes;
    entry.heldBytes = 0;
  }

  /** Drops the bytes of an entry. */
  #dropBytes(entry: CacheEntry): void {
    if (entry.heldBytes === 0) return;
    const { identity, coded, isCompressible } = entry;
    this.#heldBytes -= entry.heldBytes;
    entry.heldBytes = 0;
    entry.responses = null;
    // What was compressed on the fly exists nowhere else, so it goes with its
    // bytes. Requests that are sending it still have them
    if (isCompressible) coded.delete("gzip");
    for (const one of [identity, ...coded.values()]) one.whole = null;
  }
}
