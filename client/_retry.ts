import { parseHttpDate } from "../message/http_date.ts";
import type { HeaderFields } from "../message/header_fields.ts";
import type { ClientErrorCode } from "./error.ts";
import { ClientError } from "./error.ts";
import type { RetryOptions } from "./options.ts";

/** Default of {@linkcode RetryOptions.delay}. */
export const DELAY = 1_000;
/** Default of {@linkcode RetryOptions.maxDelay}. */
export const MAX_DELAY = 60_000;

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

/** Whether an error may go away. */
export function isPassing(error: unknown, method: string): boolean {
  if (!(error instanceof ClientError)) return false;
  const { code, step } = error;
  return BEFORE_SENDING.includes(code) ||
    (code === "timeout" && step !== "exchange") ||
    (isIdempotent(method) &&
      (code === "timeout" || AFTER_SENDING.includes(code)));
}

/** Whether an answer says that it may be another one later. */
export function isPassingStatus(status: number, method: string): boolean {
  return DECLINED.includes(status) ||
    (FAILED.includes(status) && isIdempotent(method));
}

/** Counts attempts and says how long to wait before the next. */
export class Retries {
  readonly #count: number;
  readonly #delay: number;
  readonly #maxDelay: number;
  #attempts = 0;

  constructor(options: number | RetryOptions = 0) {
    const { count, delay = DELAY, maxDelay = MAX_DELAY } =
      typeof options === "number" ? { count: options } : options;
    this.#count = count;
    this.#delay = delay;
    this.#maxDelay = maxDelay;
  }

  /** How many times it was tried again. */
  get attempts(): number {
    return this.#attempts;
  }

  /**
   * Milliseconds until the next attempt, twice as many each time or as many as
   * `Retry-After` asks for; null for no more.
   */
  next(headers?: HeaderFields): number | null {
    if (!(this.#attempts < this.#count)) return null; // also for NaN
    const asked = retryAfter(headers?.get("retry-after") ?? null);
    const delay = asked ??
      Math.min(this.#delay * 2 ** this.#attempts, this.#maxDelay);
    if (delay > this.#maxDelay) return null;
    this.#attempts++;
    return delay;
  }
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
