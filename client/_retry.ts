// Whether a request that failed is made again, and when.

import { parseHttpDate } from "../message/field_values.ts";
import type { ResponseHead } from "../message/response_head.ts";
import { ClientError, type ClientErrorCode } from "./error.ts";
import type { RetryOptions } from "./options.ts";

/** Default of {@linkcode RetryOptions.delay}. */
const DELAY = 1_000;
/** Default of {@linkcode RetryOptions.maxDelay}. */
const MAX_DELAY = 60_000;

/** Nothing of the request was used yet, so any method can be tried again. */
const BEFORE_SENDING: readonly ClientErrorCode[] = [
  "host-not-found",
  "proxy-not-found",
  "refused",
  "unreachable",
];
/**
 * The request may have been carried out, so only a method that can be repeated
 * is tried again.
 */
const AFTER_SENDING: readonly ClientErrorCode[] = [
  "empty-reply",
  "reset",
  "truncated",
];
/** The server has declined for now. */
const DECLINED = [408, 429, 503];
/** Something on the way failed, maybe after the request was carried out. */
const FAILED = [500, 502, 504];
/** RFC 9110 section 9.2.2 */
const IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

/** Whether sending a request twice is the same as sending it once. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.includes(method);
}

/** The next attempt, as the event of this name tells it. */
export interface Retry {
  /** Its number, from 1: the first request is no attempt of this kind. */
  readonly attempt: number;
  /** Milliseconds until then. */
  readonly delay: number;
  /** What was wrong with the last one. */
  readonly reason: string;
}

/**
 * Counts attempts, and decides whether there is another one.
 *
 * The command goes on by itself where a body was cut. It hands its `Retries` to
 * `request()` as the `retry` option, so that both draw on the same count.
 */
export class Retries implements RetryOptions {
  /** How many attempts are left. */
  count: number;
  readonly #options: RetryOptions;
  readonly #started = performance.now();
  #attempts = 0;
  /** How many attempts failed since the last that got anywhere. */
  #failures = 0;

  constructor(options: number | RetryOptions = 0) {
    this.#options = typeof options === "number" ? { count: options } : options;
    this.count = this.#options.count;
  }

  /** The attempt after an error; null when there is none. */
  afterError(error: unknown, method: string): Retry | null {
    return error instanceof ClientError &&
        (this.#options.anyError || isTransient(error, method))
      ? this.#next(error.message, null)
      : null;
  }

  /**
   * The attempt after a response; null when there is none, as when the server
   * asks for a longer pause than is allowed.
   */
  afterResponse(head: ResponseHead, method: string): Retry | null {
    const { status, reason, headers } = head;
    const isFailure = this.#options.anyStatus && status >= 400;
    if (!isFailure && !isTransientStatus(status, method)) return null;
    const asked = retryAfter(headers.get("retry-after"));
    return this.#next(`the response is ${status} ${reason}`, asked);
  }

  /** Begins with the first pause again, since something came. */
  progress(): void {
    this.#failures = 0;
  }

  /** Each pause is longer than the last, or what `Retry-After` says. */
  #next(reason: string, asked: number | null): Retry | null {
    if (!(this.count > 0)) return null; // also for NaN
    const { delay: first = DELAY, maxDelay = MAX_DELAY } = this.#options;
    const { factor = 2, maxTime = Infinity } = this.#options;
    const delay = asked ??
      Math.min(first * factor ** this.#failures, maxDelay);
    const begin = performance.now() + delay;
    if (delay > maxDelay || begin > this.#started + maxTime) return null;
    this.count--;
    this.#failures++;
    return { attempt: ++this.#attempts, delay, reason };
  }
}

function isTransient({ code, step }: ClientError, method: string): boolean {
  return BEFORE_SENDING.includes(code) ||
    (code === "timeout" && step !== "exchange") ||
    (isIdempotent(method) &&
      (code === "timeout" || AFTER_SENDING.includes(code)));
}

function isTransientStatus(status: number, method: string): boolean {
  return DECLINED.includes(status) ||
    (FAILED.includes(status) && isIdempotent(method));
}

/**
 * Retry-After = HTTP-date / delay-seconds (RFC 9110 section 10.2.3), in
 * milliseconds from now.
 */
function retryAfter(value: string | null): number | null {
  if (value === null) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = parseHttpDate(value);
  return date === null ? null : Math.max(0, date - Date.now());
}
