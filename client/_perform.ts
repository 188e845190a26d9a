import { parseHttpDate } from "../message/field_values.ts";
import { writeRequestHead } from "../message/request_head.ts";
import type { ResponseHead } from "../message/response_head.ts";
import type { Url } from "../url/url.ts";
import type { Pool } from "./_connect/connection.ts";
import { Deadline, pause, Stopwatch } from "./_connect/deadline.ts";
import { dial } from "./_connect/dial.ts";
import { Exchange } from "./_exchange/exchange.ts";
import {
  discard,
  headOf,
  isSpent,
  readSpec,
  type RequestSpec,
} from "./_exchange/request.ts";
import { nextRequest } from "./_redirect.ts";
import { ClientError, type ClientErrorCode } from "./error.ts";
import type { RequestOptions, RetryOptions } from "./options.ts";
import { type HttpClientResponse, openResponse } from "./response.ts";
import { type Route, routeTo } from "./route.ts";
import type { Hop } from "./trace.ts";

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

/**
 * Makes a request: one exchange after the other, as redirects lead.
 *
 * @param pool Where kept connections are taken from and go to; null for none.
 */
export async function perform(
  url: string | Url | URL,
  options: RequestOptions,
  pool: Pool | null,
): Promise<HttpClientResponse> {
  const hops: Hop[] = [];
  for (let spec = await readSpec(url, options);;) {
    const exchange = await askWithRetries(spec, pool);
    try {
      const next = nextRequest(exchange, hops);
      if (next === null) return await openResponse(exchange, hops);
      await exchange.skipBody();
      spec = next;
    } catch (error) {
      exchange.release(null);
      throw error;
    }
  }
}

/** Asks again as often as the options allow. */
async function askWithRetries(
  spec: RequestSpec,
  pool: Pool | null,
): Promise<Exchange> {
  const { emit, method, options: { retry: options } } = spec;
  const retries = options instanceof Retries ? options : new Retries(options);
  for (;;) {
    let retry: Retry | null;
    try {
      const exchange = await ask(spec, pool);
      retry = isOver(spec)
        ? null
        : retries.afterResponse(exchange.head, method);
      if (retry === null) return exchange;
      await exchange.skipBody();
    } catch (error) {
      retry = isOver(spec) ? null : retries.afterError(error, method);
      if (retry === null) {
        discard(spec.payload, error);
        throw error;
      }
    }
    emit?.({ type: "retry", ...retry });
    using deadline = new Deadline(spec.options, spec.end);
    deadline.start({ text: "Cannot try again", step: "resolve" }, Infinity);
    await pause(retry.delay, deadline.signal);
  }
}

/**
 * One exchange up to the head of the response: route; take a connection from
 * the pool or dial; send; read the head.
 */
async function ask(spec: RequestSpec, pool: Pool | null): Promise<Exchange> {
  const { options, end, method, emit, payload } = spec;
  const route = routeTo(spec.url, options);
  // What cannot be sent is refused before anything is connected
  if (isSpent(payload)) {
    throw new TypeError(
      "Cannot send body: its stream was read already; a function as stream gives another",
    );
  }
  const head = await writeHead(spec, route);
  // A kept connection may be closed by now, and the request sent once more
  let mayReuse = isIdempotent(method) &&
    !(payload?.content instanceof ReadableStream);
  for (;;) {
    const deadline = new Deadline(options, end);
    const attempt = { route, deadline, stopwatch: new Stopwatch(), emit };
    const kept = mayReuse ? pool?.take(route) ?? null : null;
    const connection = kept ?? await dial(attempt);
    const exchange = new Exchange(connection, spec, attempt, pool);
    try {
      if (kept !== null) {
        emit?.({ type: "reused", ...kept.ends, uses: kept.uses + 1 });
      }
      await exchange.ask(head);
      await storeCookies(exchange);
      return exchange;
    } catch (error) {
      exchange.release(null);
      if (kept === null || !isStale(error)) throw error;
      pool?.drop(route); // most likely the others are closed too
      const reason = "it was kept too long";
      emit?.({ type: "closed", remote: kept.remote, by: "server", reason });
      mayReuse = false;
    }
  }
}

async function writeHead(
  spec: RequestSpec,
  route: Route,
): Promise<Uint8Array> {
  const { cookies } = spec.options;
  const cookie = await cookies?.getCookieString(spec.href);
  return writeRequestHead(headOf(spec, route, cookie));
}

/** Whether a kept connection was closed before the server saw the request. */
function isStale(error: unknown): boolean {
  return error instanceof ClientError &&
    (error.code === "empty-reply" || error.code === "reset");
}

async function storeCookies({ spec, head }: Exchange): Promise<void> {
  const { cookies } = spec.options;
  if (cookies === undefined) return;
  const url = spec.href;
  for (const text of head.headers.getAll("set-cookie")) {
    let problem: string | null = null;
    try {
      await cookies.setCookie(text, url);
    } catch (error) {
      // A bad cookie is no reason to refuse the response
      problem = (error as Error).message;
    }
    spec.emit?.({ type: "cookie", text, error: problem });
  }
}

/** Whether there is no time for another attempt, or nothing to send again. */
function isOver({ options: { signal }, end, payload }: RequestSpec): boolean {
  return signal?.aborted === true || performance.now() >= end ||
    isSpent(payload);
}

/** Whether sending a request twice is the same as sending it once. */
function isIdempotent(method: string): boolean {
  return IDEMPOTENT.includes(method);
}

/** The next attempt, as the event of this name tells it. */
interface Retry {
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
    return this.#next(`the answer is ${status} ${reason}`, asked);
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
