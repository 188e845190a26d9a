import { writeRequestHead } from "../message/request_head.ts";
import { parseUrl, type Url } from "../url/url.ts";
import { Deadline, endOf, pause, Stopwatch } from "./_connect/deadline.ts";
import { dial } from "./_connect/dial.ts";
import type { Pool } from "./_connect/pool.ts";
import { Exchange } from "./_exchange/exchange.ts";
import { discard, isSpent, isStream } from "./_exchange/payload.ts";
import { headOf, makeSpec, type RequestSpec } from "./_exchange/request.ts";
import { nextRequest } from "./_redirect.ts";
import { isIdempotent, Retries, type Retry } from "./_retry.ts";
import { ClientError } from "./error.ts";
import type { RequestOptions } from "./options.ts";
import { type HttpClientResponse, openResponse } from "./response.ts";
import { routeTo, writeTarget } from "./route.ts";
import type { Hop } from "./trace.ts";

/**
 * Makes a request: one exchange, and one more for each redirect.
 *
 * @param pool The pool of kept connections; null to keep none.
 */
export async function perform(
  url: string | Url | URL,
  options: RequestOptions,
  pool: Pool | null,
): Promise<HttpClientResponse> {
  const hops: Hop[] = [];
  for (let spec = await makeSpec(url, options, pool);;) {
    // Without the layer of retries, a new connection costs 1 % less
    const step = options.retry === undefined ? send : sendWithRetries;
    const exchange = await step(spec).catch((error) => {
      discard(spec.payload?.content, error);
      throw error;
    });
    try {
      const next = nextRequest(exchange, hops);
      if (next === null) return await openResponse(exchange, hops);
      await exchange.skipBody();
      spec = next;
    } catch (error) {
      throw await exchange.fail(error);
    }
  }
}

/** Makes one exchange, with as many retries as the options allow. */
async function sendWithRetries(spec: RequestSpec): Promise<Exchange> {
  const { emit, method, options: { retry: options } } = spec;
  const retries = options instanceof Retries ? options : new Retries(options);
  for (;;) {
    let retry: Retry | null;
    try {
      const exchange = await send(spec);
      retry = canRetry(spec)
        ? retries.afterResponse(exchange.head, method)
        : null;
      if (retry === null) return exchange;
      await exchange.skipBody();
    } catch (error) {
      retry = canRetry(spec) ? retries.afterError(error, method) : null;
      if (retry === null) throw error;
    }
    emit?.({ type: "retry", ...retry });
    // In the command each attempt may take as long as -m says, as in curl
    const end = endOf(spec.options) + retry.delay;
    if (options === retries) spec = { ...spec, end };
    using deadline = new Deadline(spec.options, spec.end);
    deadline.start({ text: "Cannot try again", step: "resolve" }, Infinity);
    await pause(retry.delay, deadline.signal);
  }
}

/**
 * Makes one exchange up to the head of the response: route; take a connection
 * from the pool or dial; send; read the head.
 */
async function send(spec: RequestSpec): Promise<Exchange> {
  const { options, end, method, emit, payload, pool } = spec;
  const route = routeTo(spec.url, options);
  // Reject a body that cannot be sent before connecting
  if (isSpent(payload)) {
    throw new TypeError(
      "Cannot send body: its stream was read already; a function as stream can make another",
    );
  }
  const cookie = await options.cookies?.getCookieString(cookieUrl(spec));
  const head = writeRequestHead(headOf(spec, route, cookie));
  // The server may have closed a kept connection, and the request is then sent
  // again: so take one only if that is possible
  let canReuse = isIdempotent(method) && !isStream(payload?.content);
  for (;;) {
    emit?.({ type: "request", method, url: spec.href });
    const deadline = new Deadline(options, end);
    const attempt = { route, deadline, stopwatch: new Stopwatch(), emit };
    const kept = canReuse && pool !== null ? await pool.take(route) : null;
    const connection = kept ?? await dial(attempt);
    const exchange = new Exchange(connection, spec, attempt);
    try {
      if (kept !== null) {
        emit?.({ type: "reused", ...kept.addresses, uses: kept.uses + 1 });
      }
      await exchange.send(head);
      if (options.cookies !== undefined) await storeCookies(exchange);
      return exchange;
    } catch (error) {
      const reason = await exchange.fail(error);
      if (kept === null || !isStale(reason)) throw reason;
      canReuse = false;
    }
  }
}

/** Whether an error suggests that a kept connection had been closed. */
function isStale(error: unknown): boolean {
  return error instanceof ClientError &&
    (error.code === "empty-reply" || error.code === "reset");
}

/** Returns the URL of cookies: they belong to the host in the user's `Host`. */
function cookieUrl({ url, href, headers }: RequestSpec): string {
  const host = headers.get("host");
  if (host === null) return href;
  try {
    const target = writeTarget(url.path, url);
    return parseUrl(`${url.protocol}://${host}${target}`).href;
  } catch {
    return href; // no URL has this host
  }
}

async function storeCookies({ spec, head }: Exchange): Promise<void> {
  const { options: { cookies } } = spec;
  const url = cookieUrl(spec);
  for (const text of head.headers.getAll("set-cookie")) {
    // A bad cookie is no reason to reject the response
    const error = await Promise.try(() => cookies!.setCookie(text, url))
      .then(() => null, ({ message }: Error) => message);
    spec.emit?.({ type: "cookie", text, error });
  }
}

/** Whether a retry is allowed and in time, and the body is not spent. */
function canRetry({ options, end, payload }: RequestSpec): boolean {
  const { retry, signal } = options;
  if (retry === undefined || signal?.aborted || isSpent(payload)) return false;
  return retry instanceof Retries || performance.now() < end;
}
