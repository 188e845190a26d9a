import { request } from "./client.ts";
import type { HttpClientResponse } from "./response.ts";

/**
 * Fetches a URL with the signature and types of the web's `fetch`, on top of
 * {@linkcode request} and so over HTTP/1.0.
 *
 * Like the platform's `fetch`, it decodes content codings, and a network
 * failure is a `TypeError`, even in the middle of the body. The `cause` of that
 * is the `ClientError` with the details.
 *
 * @param input The URL, or a request.
 * @param init Method, headers, body, redirect and signal.
 * @returns The response.
 * @throws {TypeError} If the network or the other side fails, or the request
 *   cannot be sent.
 *
 * @example Usage
 * ```ts
 * import { fetch } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve(
 *   { port: 0, onListen() {} },
 *   () => new Response("hi"),
 * );
 * const response = await fetch(`http://localhost:${server.addr.port}/`);
 * assertEquals(await response.text(), "hi");
 * ```
 *
 * @category Fetch
 */
export async function fetch(
  input: string | URL | Request,
  init?: RequestInit,
): Promise<Response> {
  // The platform's type knows everything that `init` can hold, and checks it
  const webRequest = new Request(input, init);
  const { method, headers, redirect, signal } = webRequest;
  // HTTP/1.0 needs the length, which a Blob has but its stream lacks
  const body = init?.body instanceof Blob ? init.body : webRequest.body;
  return await withWebErrors(signal, async () => {
    const options = { method, headers, redirect, signal, decode: true };
    const withBody = body === null ? options : { ...options, body };
    const response = await request(webRequest.url, withBody);
    // HTTP can frame a body with 205, but Response allows none
    const hasNullBody = response.end === "none" || response.status === 205;
    if (hasNullBody) await response.body.cancel();
    const run = (read: () => Promise<number | null>) =>
      withWebErrors(signal, read);
    return toWeb(hasNullBody ? null : response.toStream(run), response);
  });
}

/** Runs a step of a fetch, and turns its errors into those of the web. */
async function withWebErrors<T>(signal: AbortSignal, step: () => Promise<T>) {
  signal.throwIfAborted();
  try {
    return await step();
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new TypeError(`Cannot fetch: ${(cause as Error).message}`, { cause });
  }
}

/** The highest status that the constructor of `Response` accepts. */
const MAX_STATUS = 599;

/** Creates a `Response`, with properties that its constructor cannot set. */
function toWeb(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  from: HttpClientResponse,
): Response {
  const { statusText, status, url, redirected } = from;
  const headers = new Headers([...from.headers]);
  const init = { status: Math.min(status, MAX_STATUS), statusText, headers };
  const response = new Response(body, init);
  const clone = () => toWeb(Response.prototype.clone.call(response).body, from);
  define(headers, { append: denyChange, delete: denyChange, set: denyChange });
  const type: ResponseType = "basic";
  define(response, { type, url, redirected, status, headers, clone });
  return response;
}

function define<T extends object>(target: T, properties: Partial<T>): void {
  for (const [name, value] of Object.entries(properties)) {
    Object.defineProperty(target, name, { value });
  }
}

function denyChange(): never {
  throw new TypeError(
    "Cannot change headers of a response: they are read-only, but new Headers(headers) makes a copy",
  );
}
