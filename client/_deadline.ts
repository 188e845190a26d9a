import { ClientError, type ClientStep } from "./error.ts";

/** What is being done, for the error that tells what was not done in time. */
export interface Act {
  /** What was tried, such as `Cannot connect to 192.0.2.1:80`. */
  readonly text: string;
  /** The step that it belongs to. */
  readonly step: ClientStep;
  /** The host. */
  readonly host: string | null;
  /** The port. */
  readonly port: number | null;
}

/** Longer delays fire at once (HTML standard, timer initialization). */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * The signal and all the deadlines of one request, kept by one timer: a timer for each read would cost more than the read.
 *
 * The timer is not moved when a wait ends and the next begins; when it fires it looks at what is due by then.
 */
export class Deadline implements Disposable {
  readonly #timeout: number;
  readonly #end: number;
  readonly #signal: AbortSignal | undefined;
  readonly #waits: Act[] = [];
  #limit = Infinity;
  #isIdle = false;
  #due = Infinity;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #timerDue = Infinity;
  #over: { readonly reason: unknown } | null = null;
  #controller: AbortController | null = null;
  /** Ends what is waiting: closes the socket that is read. */
  onOver: (() => void) | null = null;

  constructor(timeout: number, signal?: AbortSignal) {
    signal?.throwIfAborted();
    this.#timeout = timeout;
    this.#end = performance.now() + timeout;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
  }

  /** A signal that aborts when this is over. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#over !== null) this.#controller.abort(this.#over.reason);
    return this.#controller.signal;
  }

  /** Whether the time for the whole request has passed, or the caller aborted. */
  get isFinal(): boolean {
    return this.#signal?.aborted === true || performance.now() >= this.#end;
  }

  /** Whether a deadline has passed, or the caller aborted. */
  get isOver(): boolean {
    return this.#over !== null;
  }

  /** Begins a wait; one that is under way as well gets the same time again. */
  start(limit: number, act: Act): void {
    this.throwIfOver();
    this.#waits.push(act);
    this.#limit = limit;
    this.#due = Math.min(performance.now() + limit, this.#end);
    if (this.#due < this.#timerDue) this.#schedule();
  }

  /** Ends a wait. */
  stop(act: Act): void {
    const at = this.#waits.lastIndexOf(act);
    if (at >= 0) this.#waits.splice(at, 1);
    if (this.#waits.length === 0) this.#due = Infinity;
  }

  /** Throws the reason, when this is over. */
  throwIfOver(): void {
    if (this.#over !== null) throw this.#over.reason;
  }

  /** What to throw in place of an error: the reason for which the wait was ended, if it was. */
  explain(error: unknown): unknown {
    return this.#over === null ? error : this.#over.reason;
  }

  /** From now on the timer does not hold the process: the caller has the answer, and may never read its body. */
  unref(): void {
    this.#isIdle = true;
    if (this.#timer !== null) Deno.unrefTimer(this.#timer);
  }

  /** Makes ready for another attempt. */
  renew(): void {
    this.#over = this.#controller = this.onOver = null;
    this.#waits.length = 0;
    this.#due = Infinity;
  }

  /** Stops the timer and lets go of the caller's signal. */
  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerDue = this.#due = Infinity;
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  readonly #abort = (): void => this.#fail(this.#signal?.reason);

  readonly #check = (): void => {
    this.#timer = null;
    this.#timerDue = Infinity;
    if (this.#due === Infinity) return;
    if (performance.now() < this.#due) return this.#schedule();
    const { text, step, host, port } = this.#waits.at(-1)!;
    const inAll = this.#due === this.#end;
    const message = inAll
      ? `${text}: not done within ${this.#timeout} ms in all`
      : `${text}: nothing came within ${this.#limit} ms`;
    this.#fail(new ClientError(message, { code: "timeout", step, host, port }));
  };

  #schedule(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const delay = Math.max(0, this.#due - performance.now());
    const timer = setTimeout(
      this.#check,
      Math.min(Math.ceil(delay), MAX_DELAY),
    );
    if (this.#isIdle) Deno.unrefTimer(timer);
    this.#timer = timer;
    this.#timerDue = this.#due;
  }

  #fail(reason: unknown): void {
    if (this.#over !== null) return;
    this.#over = { reason };
    this.#controller?.abort(reason);
    this.onOver?.();
  }
}

/** Waits for a promise, but no longer than until a signal aborts; then it rejects with the signal's reason. */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
