import { request } from "./client.ts";
import type { HttpClientResponse } from "./response.ts";

/**
 * The web's `fetch` on top of {@linkcode request}: the same signature and
 * types, HTTP/1.0 on the wire.
 *
 * Content codings are decoded, as the platform's own does. Like there, a
 * failure of the network is a `TypeError`, also in the middle of the body; the
 * `ClientError` with the details is its `cause`.
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
  init: RequestInit = {},
): Promise<Response> {
  // The platform's type knows all that `init` can hold, and checks it
  const asked = new Request(input, init);
  const { method, headers, redirect, signal } = asked;
  // A stream has no length, and HTTP/1.0 needs one
  const body = init.body instanceof Blob ? init.body : asked.body;
  return await withWebErrors(signal, async () => {
    const response = await request(asked.url, {
      method,
      headers,
      redirect,
      signal,
      decode: true,
      ...body === null ? {} : { body },
    });
    const isNull = method === "HEAD" ||
      NULL_BODY_STATUSES.includes(response.status);
    if (isNull) await response.body.cancel();
    const stream = isNull ? null : webBody(response.body, signal);
    return toWeb(stream, response);
  });
}

/** Runs a step of a fetch; it fails as the web's own would. */
async function withWebErrors<T>(
  signal: AbortSignal,
  step: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  try {
    return await step();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new TypeError(`Cannot fetch: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function webBody(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const { value, done } = await withWebErrors(signal, () => reader.read());
      if (!done) return controller.enqueue(value as Uint8Array<ArrayBuffer>);
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/**
 * Statuses whose `Response` must have no body (Fetch standard, "null body
 * status").
 */
const NULL_BODY_STATUSES = [101, 103, 204, 205, 304];
/** The last status that the constructor of `Response` takes. */
const MAX_STATUS = 599;

/** Makes a `Response`; its constructor has no way to give most of this. */
function toWeb(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  from: HttpClientResponse,
): Response {
  const { statusText, status, url, redirected } = from;
  const headers = new Headers([...from.headers]);
  const response = new Response(body, {
    status: Math.min(status, MAX_STATUS),
    statusText,
    headers,
  });
  const clone = () => toWeb(Response.prototype.clone.call(response).body, from);
  define(headers, { append: refuse, delete: refuse, set: refuse });
  const type: ResponseType = "basic";
  define(response, { type, url, redirected, status, headers, clone });
  return response;
}

function define<T extends object>(target: T, properties: Partial<T>): void {
  for (const [name, value] of Object.entries(properties)) {
    Object.defineProperty(target, name, { value });
  }
}

function refuse(): never {
  throw new TypeError(
    "Cannot change headers of a response: they are what came, and new Headers(headers) makes a copy",
  );
}
