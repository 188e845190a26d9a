// What the connections of a server share: a clock, memory, and turns for
// downloads.

import { writeHttpDate } from "../../message/mod.ts";

/** How often all deadlines are checked, in milliseconds. */
const TICK = 200;
/** How far the time goes on in one tick at most, in milliseconds. */
const LONGEST_STEP = 1_000;

/**
 * The Date field at this second, and its octets: 29 of them, always (RFC 9110
 * section 5.6.7).
 */
export interface DateStamp {
  /** Counts the seconds; a new number means a new text. */
  readonly second: number;
  /** The field value. */
  readonly text: string;
  /** The field value as it goes over the wire. */
  readonly octets: Uint8Array;
}

/** Something with deadlines. */
export interface Watched {
  /** Acts on deadlines that are before `now`, a time of the clock. */
  checkDeadlines(now: number): void;
}

/**
 * The one timer of a server: it checks the deadlines of all connections a few
 * times a second, since a timer for each request costs as much as parsing it.
 *
 * Deadlines are times of a clock that nobody can set; the date is not.
 */
export class Clock {
  readonly #watched: Set<Watched>;
  readonly #encoder = new TextEncoder();
  #timer: AbortSignal | null = null;
  #date: DateStamp = { second: -1, text: "", octets: new Uint8Array(0) };
  /** When the last tick was. */
  #ticked = performance.now();
  /** The time of the last tick in milliseconds, from an arbitrary start. */
  now: number = this.#ticked;

  constructor(watched: Set<Watched>) {
    this.#watched = watched;
    this.#stampDate();
    this.#startTimer();
  }

  /** The date for the Date field, at most a tick old. */
  get date(): DateStamp {
    return this.#date;
  }

  /** Stops the timer. */
  stop(): void {
    this.#timer?.removeEventListener("abort", this.#tick);
  }

  /**
   * `setInterval` would do, but Deno takes it from Node, and loading that makes
   * the start of a server slower and its memory larger.
   */
  #startTimer(): void {
    this.#timer = AbortSignal.timeout(TICK);
    this.#timer.addEventListener("abort", this.#tick);
  }

  readonly #tick = (): void => {
    this.#startTimer();
    const present = performance.now();
    // After a pause of the whole program (SIGSTOP) the clients were not late
    this.now += Math.min(present - this.#ticked, LONGEST_STEP);
    this.#ticked = present;
    this.#stampDate();
    for (const one of this.#watched) one.checkDeadlines(this.now);
  };

  #stampDate(): void {
    const second = Math.floor(Date.now() / 1000);
    if (second === this.#date.second) return;
    const text = writeHttpDate(second * 1000);
    this.#date = { second, text, octets: this.#encoder.encode(text) };
  }
}

/**
 * The size of the memory that a connection reads heads into: enough for most of
 * them, and small enough for thousands of connections that wait.
 */
export const INPUT_BYTES = 1_024;
/** The same for bodies. */
export const BODY_INPUT_BYTES = 16_384;
/** The most that goes out in one write: 64 KiB, and a head before them. */
export const WRITE_BYTES = 69_632;
/** How much of a download is read and written at once; 1 MiB is fastest. */
export const DOWNLOAD_BYTES = 1_048_576;

/** How many bytes a pool keeps at most while nobody uses them. */
const MAX_FREE_BYTES = 64 * WRITE_BYTES;

/**
 * Memory that is used again and again: allocating 64 KiB takes longer than
 * reading a file into them.
 */
export class BufferPool {
  readonly #chunkBytes: number;
  readonly #sharedBytes: number;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #lent = 0;

  /**
   * Makes an empty pool.
   *
   * @param chunkBytes The size of a whole chunk.
   * @param sharedBytes How many bytes all borrowers share: once whole chunks
   *   would be more, each gets a smaller one, but never less than it needs.
   */
  constructor(chunkBytes: number, sharedBytes: number) {
    this.#chunkBytes = chunkBytes;
    this.#sharedBytes = sharedBytes;
  }

  /** How many chunks are lent at the moment. */
  get lent(): number {
    return this.#lent;
  }

  /**
   * Lends a chunk; it may still hold what its last borrower put there.
   *
   * @param wanted The most bytes that the borrower can use.
   * @param least The fewest bytes that it can do with.
   */
  acquire(wanted: number, least = wanted): Uint8Array<ArrayBuffer> {
    this.#lent++;
    const share = Math.floor(this.#sharedBytes / this.#lent);
    const size = Math.min(wanted, Math.max(share, least));
    const free = size === this.#chunkBytes ? this.#free.pop() : undefined;
    return free ?? new Uint8Array(size);
  }

  /** Takes a chunk back. */
  release(chunk: Uint8Array<ArrayBuffer>): void {
    this.#lent--;
    const isWhole = chunk.length === this.#chunkBytes;
    const freeBytes = (this.#free.length + 1) * this.#chunkBytes;
    if (isWhole && freeBytes <= MAX_FREE_BYTES) this.#free.push(chunk);
  }
}

/** The pools of a server. */
export class Buffers {
  /** For what arrives. */
  readonly inputs = new BufferPool(INPUT_BYTES, Infinity);
  /** For responses that go out in one write. */
  readonly writes = new BufferPool(WRITE_BYTES, 64 * WRITE_BYTES);
  /** For files that take many writes. */
  readonly downloads = new BufferPool(DOWNLOAD_BYTES, 16 * DOWNLOAD_BYTES);
}

/**
 * Queues work that never has to wait for anything: each turn of the event loop
 * resumes a few of the waiting, so that accepts and other requests are not
 * starved.
 *
 * A socket with room takes a block at once, and Deno then goes on with the same
 * download, while a listener accepts one connection a turn. Without the queue,
 * 1,000 downloads that start together keep other clients waiting for a second
 * and more. It uses timers, because `setImmediate` runs again before all events
 * were seen.
 */
export class FairQueue {
  readonly #atOnce: number;
  readonly #waiting: (() => void)[] = [];
  #isScheduled = false;

  /**
   * Makes an empty queue.
   *
   * @param atOnce How many are resumed in one turn of the event loop.
   */
  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Waits for a turn. */
  wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#schedule();
    return promise;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    setTimeout(() => {
      this.#isScheduled = false;
      for (const resume of this.#waiting.splice(0, this.#atOnce)) resume();
      this.#schedule();
    }, 0);
  }
}
