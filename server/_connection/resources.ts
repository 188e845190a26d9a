// What all connections of a server share: a clock, memory, and turns for
// downloads.

import { writeHttpDate } from "../../message/mod.ts";

/** How often all deadlines are checked, in milliseconds. */
const TICK = 200;
/** The most that the time advances in one tick, in milliseconds. */
const MAX_STEP = 1_000;

/** Connections, which have deadlines. */
type Watched = readonly { io: { checkDeadlines(now: number): void } }[];

/**
 * The only timer of a server. It checks the deadlines of all connections a few
 * times a second, because a timer for each request costs as much as parsing it.
 *
 * Deadlines are times of a monotonic clock, which nobody can set; only the date
 * comes from the system clock.
 */
export class Clock {
  readonly #watched: Watched;
  #timer: AbortSignal | null = null;
  /** When the last tick was, by `performance.now()`. */
  #tickedAt = performance.now();
  /** The time at the last tick in milliseconds, from an arbitrary start. */
  now: number = this.#tickedAt;
  /** The current value of the Date field, at most one tick old. */
  date: string = writeHttpDate(Date.now());

  constructor(watched: Watched) {
    this.#watched = watched;
    this.#startTimer();
  }

  /** Stops the timer. */
  stop(): void {
    this.#timer?.removeEventListener("abort", this.#tick);
  }

  /**
   * `setInterval` would do, but Deno takes it from Node, and loading that slows
   * down the start of a server and needs more memory.
   */
  #startTimer(): void {
    this.#timer = AbortSignal.timeout(TICK);
    this.#timer.addEventListener("abort", this.#tick);
  }

  readonly #tick = (): void => {
    this.#startTimer();
    const present = performance.now();
    // If the whole program was paused (SIGSTOP), the clients were not late
    this.now += Math.min(present - this.#tickedAt, MAX_STEP);
    this.#tickedAt = present;
    this.date = writeHttpDate(Date.now());
    for (const { io } of this.#watched) io.checkDeadlines(this.now);
  };
}

/**
 * The size of the buffer that a connection reads heads into, in bytes: enough
 * for most heads, and small enough for thousands of idle connections.
 */
export const INPUT_BYTES = 1_024;
/** The size of the buffer for request bodies, in bytes. */
export const BODY_INPUT_BYTES = 16_384;
/** The most bytes of one write: 64 KiB, and a head before them. */
export const WRITE_BYTES = 69_632;
/** How much of a download is read and written at once; 1 MiB is fastest. */
export const DOWNLOAD_BYTES = 1_048_576;

/** The most unused bytes that a pool keeps. */
const MAX_FREE_BYTES = 64 * WRITE_BYTES;

/**
 * A pool of buffers that are used again: allocating 64 KiB takes longer than
 * reading a file into them.
 */
export class BufferPool {
  readonly #chunkBytes: number;
  readonly #sharedBytes: number;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  /** The number of chunks that are in use at the moment. */
  acquired = 0;

  /**
   * Makes an empty pool.
   *
   * @param chunkBytes The size of a whole chunk.
   * @param sharedBytes The memory that all borrowers share, in bytes. Once
   *   whole chunks would exceed it, each borrower gets a smaller one, but never
   *   less than it needs.
   */
  constructor(chunkBytes: number, sharedBytes: number) {
    this.#chunkBytes = chunkBytes;
    this.#sharedBytes = sharedBytes;
  }

  /**
   * Lends a chunk; it may still hold what its last borrower put there.
   *
   * @param maxBytes The most bytes that the borrower can use.
   * @param minBytes The fewest bytes that it needs.
   */
  acquire(maxBytes: number, minBytes = maxBytes): Uint8Array<ArrayBuffer> {
    this.acquired++;
    const share = Math.floor(this.#sharedBytes / this.acquired);
    const size = Math.max(minBytes, Math.min(share, maxBytes));
    const free = size === this.#chunkBytes ? this.#free.pop() : undefined;
    return free ?? new Uint8Array(size);
  }

  /** Takes a chunk back, and keeps it unless the pool is full. */
  release(chunk: Uint8Array<ArrayBuffer>): void {
    this.acquired--;
    const isWhole = chunk.length === this.#chunkBytes;
    const freeBytes = (this.#free.length + 1) * this.#chunkBytes;
    if (isWhole && freeBytes <= MAX_FREE_BYTES) this.#free.push(chunk);
  }
}

/** The pools of a server. */
export class Buffers {
  /** For reading requests. */
  readonly inputs = new BufferPool(INPUT_BYTES, Infinity);
  /** For responses that go out in one write. */
  readonly writes = new BufferPool(WRITE_BYTES, 64 * WRITE_BYTES);
  /** For files that take many writes. */
  readonly downloads = new BufferPool(DOWNLOAD_BYTES, 16 * DOWNLOAD_BYTES);
}

/**
 * Queues work that never waits for anything: each turn of the event loop
 * resumes a few of the waiting tasks, so that accepts and other requests are
 * not starved.
 *
 * A socket with room accepts a block at once, and Deno then continues with the
 * same download, while a listener accepts only one connection per turn. Without
 * the queue, 1,000 downloads that start together keep other clients waiting for
 * a second or more. It uses timers, because `setImmediate` runs again before
 * all events have been seen.
 */
export class FairQueue {
  readonly #perTurn: number;
  readonly #waiting: (() => void)[] = [];

  /**
   * Makes an empty queue.
   *
   * @param perTurn How many tasks are resumed per turn of the event loop.
   */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

  /** Waits for a turn. */
  wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#waiting.push(resolve) === 1) this.#schedule();
    return promise;
  }

  #schedule(): void {
    setTimeout(() => {
      for (const resume of this.#waiting.splice(0, this.#perTurn)) resume();
      if (this.#waiting.length > 0) this.#schedule();
    }, 0);
  }
}
