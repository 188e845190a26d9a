import { ClientError, type ClientErrorOptions } from "../error.ts";
import type { ClientOptions } from "../options.ts";
import type { Route } from "../route.ts";
import type { Emit, Timings } from "../trace.ts";

/** The default of {@linkcode ReachOptions.idleTimeout}. */
export const IDLE_TIMEOUT = 30_000;
/** The default of {@linkcode ClientOptions.timeout}: an hour. */
const TIMEOUT = 3_600_000;

/** An operation with a time limit. */
export interface Operation
  extends Pick<ClientErrorOptions, "step" | "host" | "port"> {
  /** What was tried, such as `Cannot connect to`; the host and port follow. */
  readonly text: string;
}

/** What every step of one attempt at a request needs. */
export interface Attempt {
  /** The way to the origin. */
  readonly route: Route;
  /** When to give up. */
  readonly deadline: Deadline;
  /** Records when each phase ends. */
  readonly stopwatch: Stopwatch;
  /** Emits an event; undefined if nobody listens. */
  readonly emit: Emit | undefined;
}

/** The longest delay of a timer; a longer one fires at once. */
const MAX_TIMER = 2 ** 31 - 1;
/** The time between two checks, in milliseconds: deadlines may be this late. */
const TICK_MS = 50;
/** The lateness that shows that the program was stopped, or busy. */
const LATE_MS = 1_000;

/**
 * The caller's signal and the two deadlines of one attempt: that of the current
 * operation and that of the whole request.
 */
export class Deadline implements Disposable {
  /**
   * The deadlines with an operation. They share one timer, because a timer for
   * each would be a large part of the cost of a small request.
   */
  static readonly #running = new Set<Deadline>();
  static #timer: AbortSignal | null = null;
  static #timerStart = 0;
  readonly #options: ClientOptions;
  readonly #end: number;
  readonly #controller = new AbortController();
  /** A signal that aborts when a deadline passes or the caller aborts. */
  readonly signal: AbortSignal = this.#controller.signal;
  readonly #operations: Operation[] = [];
  #limit = Infinity;
  #due = Infinity;
  /**
   * What to close when time is up or the caller aborts, so that pending calls
   * reject; null while the signal alone ends them.
   */
  toClose: { close(): void } | null = null;

  /**
   * @param options The limits, in milliseconds, and the caller's signal.
   * @param end When the whole request must be done.
   */
  constructor(options: ClientOptions, end: number = endOf(options)) {
    options.signal?.throwIfAborted();
    this.#options = options;
    this.#end = end;
    options.signal?.addEventListener("abort", this.#abort);
  }

  /**
   * Starts the time limit of an operation; it also restarts for those that are
   * already running.
   *
   * @param operation The operation.
   * @param limit The time without progress, in milliseconds; by default
   *   `idleTimeout`.
   */
  start(operation: Operation, limit?: number): void {
    this.signal.throwIfAborted();
    this.#operations.push(operation);
    this.#limit = limit ?? this.#options.idleTimeout ?? IDLE_TIMEOUT;
    this.#due = Math.min(performance.now() + this.#limit, this.#end);
    Deadline.#running.add(this);
    if (Deadline.#timer === null) Deadline.#startTimer();
  }

  /** Ends an operation. */
  stop(operation: Operation): void {
    const index = this.#operations.lastIndexOf(operation);
    if (index >= 0) this.#operations.splice(index, 1);
    if (this.#operations.length === 0) Deadline.#running.delete(this);
  }

  /**
   * Starts the timer. This kind need not be cleared: the sanitizers of a
   * caller's tests do not report it as a leak.
   */
  static #startTimer(started: number = performance.now()): void {
    this.#timerStart = started;
    this.#timer = AbortSignal.timeout(TICK_MS);
    this.#timer.addEventListener("abort", this.#tick);
  }

  static readonly #tick = (): void => {
    this.#timer = null;
    const now = performance.now();
    // What arrived meanwhile has yet to be read, so check at the next tick, in
    // any case: one that began at Infinity is never late
    const isLate = now - this.#timerStart > LATE_MS;
    for (const deadline of isLate ? [] : this.#running) deadline.#check(now);
    if (this.#running.size > 0) this.#startTimer(isLate ? Infinity : now);
  };

  /** Fails the current operation if its time is up. */
  #check(now: number): void {
    const operation = this.#operations.at(-1);
    if (operation === undefined || now < this.#due) return;
    const { text, ...fields } = operation;
    const { timeout = TIMEOUT } = this.#options;
    const { host, port } = fields;
    const act = host === undefined ? text : `${text} ${host}:${port}`;
    const message = this.#due === this.#end
      ? `${act}: not finished within ${timeout} ms`
      : `${act}: nothing arrived within ${this.#limit} ms`;
    this.#fail(new ClientError(message, { code: "timeout", ...fields }));
  }

  /**
   * Returns what to throw instead of an error: the reason of the abort that
   * caused it, or without an abort the error itself.
   */
  reasonFor(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error;
  }

  /** Forgets the operations, and stops listening to the caller's signal. */
  [Symbol.dispose](): void {
    this.#operations.length = 0;
    this.toClose = null;
    Deadline.#running.delete(this);
    this.#options.signal?.removeEventListener("abort", this.#abort);
  }

  readonly #abort = (): void => this.#fail(this.#options.signal?.reason);

  #fail(reason: unknown): void {
    this.#controller.abort(reason); // the first reason stays
    this.toClose?.close();
  }
}

/** Waits for a promise; if a signal aborts first, rejects with its reason. */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  // Reject instead of throwing: if the promise fails, its error needs a handler
  if (signal.aborted) abort();
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Waits for some milliseconds; rejects if the signal aborts first. */
export function pause(delay: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(delay, MAX_TIMER));
  return untilAborted(promise, signal).finally(() => clearTimeout(timer));
}

/**
 * Waits for a promise, but at most for some milliseconds. The timer stops as
 * soon as the promise settles, so it keeps no program running. It is neither
 * `setTimeout` nor `setImmediate`, for which Deno loads a part of Node.
 */
export async function waitAtMost(delay: number, promise: Promise<unknown>) {
  const signal = AbortSignal.timeout(delay);
  await untilAborted(promise, signal).catch((error) => {
    if (!signal.aborted) throw error;
  });
}

/** Returns when a request that begins now must end, by `performance.now()`. */
export function endOf({ timeout = TIMEOUT }: ClientOptions): number {
  return performance.now() + timeout;
}

/** Records when each phase of an attempt ends. */
export class Stopwatch implements Timings {
  readonly #started = performance.now();
  resolved: number | null = null;
  connected: number | null = null;
  secured: number | null = null;
  sent: number | null = null;
  answered: number | null = null;
  ended: number | null = null;

  /** Records that a phase has ended. */
  mark(phase: keyof Timings): void {
    this[phase] = performance.now() - this.#started;
  }
}
