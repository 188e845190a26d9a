import { request } from "./request.ts";
import type { RequestOptions } from "./options.ts";
import type { HttpClientResponse } from "./response.ts";

/**
 * Statuses whose `Response` must have no body (Fetch standard, "null body
 * status").
 */
const NULL_BODY_STATUSES = [101, 103, 204, 205, 304];

/**
 * The web's `fetch` on top of {@linkcode request}: the same signature and
 * types, HTTP/1.0 on the wire.
 *
 * Content codings are decoded, as the platform's own does. Like there, a failure
 * of the network is a `TypeError`; the `ClientError` with the details is its
 * `cause`.
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
 */
export async function fetch(
  input: string | URL | Request,
  init: RequestInit = {},
): Promise<Response> {
  // The platform's type knows all that `init` can hold, and checks it
  const asked = new Request(input, init);
  asked.signal.throwIfAborted();
  const options: RequestOptions = {
    method: asked.method,
    headers: asked.headers,
    redirect: asked.redirect,
    signal: asked.signal,
    decode: true,
    ...asked.body === null ? {} : { body: asked.body },
  };
  try {
    const response = await request(asked.url, options);
    try {
      return toWeb(response);
    } catch (error) {
      await response[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    asked.signal.throwIfAborted();
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new TypeError(`Cannot fetch: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function toWeb(response: HttpClientResponse): Response {
  const { status, statusText, headers, url, redirected } = response;
  const isNull = NULL_BODY_STATUSES.includes(status);
  if (isNull) response.body.cancel();
  const web = new Response(isNull ? null : response.body, {
    status,
    statusText,
    headers: headers.toWeb(),
  });
  // The constructor has no way to give these
  Object.defineProperty(web, "url", { value: url });
  Object.defineProperty(web, "redirected", { value: redirected });
  return web;
}
