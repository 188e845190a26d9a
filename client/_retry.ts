// Decides whether a failed request is retried, and when.

import { parseHttpDate } from "../message/field_values.ts";
import type { ResponseHead } from "../message/response_head.ts";
import { ClientError, type ClientErrorCode, describeStatus } from "./error.ts";
import type { RetryOptions } from "./options.ts";
import type { TraceEventBody } from "./trace.ts";

/** The request was not sent, so any method can be retried. */
const BEFORE_SENDING: readonly ClientErrorCode[] = [
  "host-not-found",
  "proxy-not-found",
  "refused",
  "unreachable",
];
/**
 * The server may have acted on the request, so only an idempotent method is
 * retried.
 */
const AFTER_SENDING: readonly ClientErrorCode[] = [
  "empty-reply",
  "reset",
  "truncated",
];
/** The server declined the request for now, so any method can be retried. */
const DECLINED_STATUSES = [408, 429, 503];
/**
 * A server failed, possibly after it had acted on the request, so only an
 * idempotent method is retried.
 */
const FAILED_STATUSES = [500, 502, 504];
/** The idempotent methods (RFC 9110 section 9.2.2). */
const IDEMPOTENT_METHODS = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

/** Whether sending a request twice has the same effect as sending it once. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT_METHODS.includes(method);
}

/** The next attempt, with the fields of the `retry` event. */
export type Retry = Omit<Extract<TraceEventBody, { type: "retry" }>, "type">;

/**
 * Counts attempts, and decides whether to make another.
 *
 * The command itself resumes a body that was cut. It passes its `Retries` to
 * `request()` as the `retry` option, so that both draw on the same count; then
 * `timeout` limits each attempt, not all of them together.
 */
export class Retries implements RetryOptions {
  /** How many attempts may follow the first. */
  readonly count: number;
  readonly #options: RetryOptions;
  readonly #started = performance.now();
  #attempts = 0;

  constructor(options: number | RetryOptions = 0) {
    this.#options = typeof options === "number" ? { count: options } : options;
    this.count = this.#options.count;
  }

  /** Returns the attempt to make after an error; null for none. */
  afterError(error: unknown, method: string): Retry | null {
    return error instanceof ClientError &&
        (this.#options.anyError || isTransient(error, method))
      ? this.#next(error.message, null)
      : null;
  }

  /**
   * Returns the attempt to make after a response; null for none, as when the
   * server asks for a longer pause than the options allow.
   */
  afterResponse(head: ResponseHead, method: string): Retry | null {
    const { status, reason, headers } = head;
    const isFailure = this.#options.anyStatus && status >= 400;
    if (!isFailure && !isTransientStatus(status, method)) return null;
    const retryAfter = parseRetryAfter(headers.get("retry-after"));
    const text = `the response is ${describeStatus(status, reason)}`;
    return this.#next(text, retryAfter);
  }

  /** Returns the next attempt, after a pause that grows or is `Retry-After`. */
  #next(reason: string, retryAfter: number | null): Retry | null {
    if (this.#attempts >= this.count) return null;
    const { delay: firstDelay = 1_000, maxDelay = 60_000 } = this.#options;
    const { factor = 2, maxTime = Infinity } = this.#options;
    const delay = retryAfter ??
      Math.min(firstDelay * factor ** this.#attempts, maxDelay);
    const startTime = performance.now() + delay;
    if (delay > maxDelay || startTime > this.#started + maxTime) return null;
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
  return DECLINED_STATUSES.includes(status) ||
    (FAILED_STATUSES.includes(status) && isIdempotent(method));
}

/**
 * Parses Retry-After = HTTP-date / delay-seconds (RFC 9110 section 10.2.3) into
 * milliseconds from now.
 */
function parseRetryAfter(value: string | null): number | null {
  if (value === null) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = parseHttpDate(value);
  return date === null ? null : Math.max(0, date - Date.now());
}
