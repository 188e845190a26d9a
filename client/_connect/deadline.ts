import { ClientError, type ClientStep } from "../error.ts";
import type { ClientOptions } from "../options.ts";
import type { Route } from "../route.ts";
import type { Emit, Timings } from "../trace.ts";

/** Default of {@linkcode ReachOptions.idleTimeout}. */
export const IDLE_TIMEOUT = 30_000;
/** Default of {@linkcode ClientOptions.timeout}: an hour. */
const TIMEOUT = 3_600_000;

/** What is done within a limit of time. */
export interface Operation {
  /** What was tried, such as `Cannot connect to 192.0.2.1:80`. */
  readonly text: string;
  /** The step that it belongs to. */
  readonly step: ClientStep;
  /** The host, where there is one. */
  readonly host?: string;
  /** The port, where there is one. */
  readonly port?: number;
}

/** What all the steps of one attempt at a request need. */
export interface Attempt {
  /** The way to the origin. */
  readonly route: Route;
  /** When to give up. */
  readonly deadline: Deadline;
  /** Takes the time of each phase. */
  readonly stopwatch: Stopwatch;
  /** Emits an event; undefined where nobody listens. */
  readonly emit: Emit | undefined;
}

/** The longest time of a timer; a longer one would pass at once. */
const MAX_TIMER = 2 ** 31 - 1;
/** Milliseconds between two checks; no deadline is kept more precisely. */
const TICK = 50;

/**
 * Checks all deadlines under way. One timer serves them all, since one each is
 * a good part of what a small request costs.
 */
class Ticker {
  readonly #waiting = new Set<Deadline>();
  #next: AbortSignal | null = null;

  add(deadline: Deadline): void {
    this.#waiting.add(deadline);
    if (this.#next === null) this.#arm();
  }

  delete(deadline: Deadline): void {
    this.#waiting.delete(deadline);
  }

  /**
   * A timer of this kind may be left to itself: the sanitizers of a caller's
   * tests do not take it for a leak.
   */
  #arm(): void {
    this.#next = AbortSignal.timeout(TICK);
    this.#next.addEventListener("abort", this.#tick);
  }

  readonly #tick = (): void => {
    this.#next = null;
    const now = performance.now();
    for (const deadline of this.#waiting) deadline.check(now);
    if (this.#waiting.size > 0) this.#arm();
  };
}

const TICKER = new Ticker();

/**
 * The caller's signal and all the deadlines of one attempt: that of the
 * operation under way, and that of the request as a whole.
 */
export class Deadline implements Disposable {
  readonly #end: number;
  readonly #timeout: number;
  readonly #idleTimeout: number;
  readonly #callerSignal: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #running: Operation[] = [];
  #limit = Infinity;
  #due = Infinity;
  /**
   * What is closed when this is over, which ends the waits for it; null while
   * only the signal does.
   */
  closes: { close(): void } | null = null;

  /**
   * @param options The limits, in milliseconds, and the caller's signal.
   * @param end When the request as a whole has to be done.
   */
  constructor(options: ClientOptions, end: number = endOf(options)) {
    const { timeout = TIMEOUT, idleTimeout = IDLE_TIMEOUT, signal } = options;
    signal?.throwIfAborted();
    this.#timeout = timeout;
    this.#end = end;
    this.#idleTimeout = idleTimeout;
    this.#callerSignal = signal;
    signal?.addEventListener("abort", this.#abort);
  }

  /** A signal that aborts when a deadline has passed, or the caller aborted. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * Starts the time of an operation; others under way get the same time again.
   *
   * @param operation What is waited for.
   * @param limit Milliseconds without progress; `idleTimeout` when not given.
   */
  start(operation: Operation, limit: number = this.#idleTimeout): void {
    this.signal.throwIfAborted();
    this.#running.push(operation);
    this.#limit = limit;
    this.#due = Math.min(performance.now() + limit, this.#end);
    TICKER.add(this);
  }

  /** Stops it. */
  stop(operation: Operation): void {
    const at = this.#running.lastIndexOf(operation);
    if (at >= 0) this.#running.splice(at, 1);
    if (this.#running.length === 0) TICKER.delete(this);
  }

  /** Fails when the time is over. */
  check(now: number): void {
    const operation = this.#running.at(-1);
    if (operation === undefined || now < this.#due) return;
    const { text, ...place } = operation;
    const message = this.#due === this.#end
      ? `${text}: not done within ${this.#timeout} ms in all`
      : `${text}: nothing came within ${this.#limit} ms`;
    this.#fail(new ClientError(message, { code: "timeout", ...place }));
  }

  /**
   * What to throw in place of an error: the reason why this is over, which
   * caused it, or the error itself.
   */
  explain(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error;
  }

  /** Forgets the operations, and no longer listens to the caller's signal. */
  [Symbol.dispose](): void {
    this.#running.length = 0;
    this.closes = null;
    TICKER.delete(this);
    this.#callerSignal?.removeEventListener("abort", this.#abort);
  }

  readonly #abort = (): void => this.#fail(this.#callerSignal?.reason);

  #fail(reason: unknown): void {
    if (this.signal.aborted) return;
    this.#controller.abort(reason);
    this.closes?.close();
  }
}

/**
 * Waits for a promise, but no longer than until a signal aborts; then it
 * rejects with the signal's reason.
 */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  // Not thrown: what the promise itself may fail with needs who takes it
  if (signal.aborted) abort();
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Waits, but no longer than until the signal aborts; then it rejects. */
export async function pause(delay: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(delay, MAX_TIMER));
  try {
    await untilAborted(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** When a request that begins now has to be done, as `performance.now()`. */
export function endOf({ timeout = TIMEOUT }: ClientOptions): number {
  return performance.now() + timeout;
}

/** Takes the time of each phase of an attempt. */
export class Stopwatch implements Timings {
  readonly #started = performance.now();
  resolved: number | null = null;
  connected: number | null = null;
  secured: number | null = null;
  sent: number | null = null;
  answered: number | null = null;
  ended: number | null = null;

  /** A phase is over. */
  mark(phase: keyof Timings): void {
    this[phase] = performance.now() - this.#started;
  }
}
