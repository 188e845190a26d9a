import type { Url } from "../url/url.ts";
import { perform } from "./_perform.ts";
import { Pool } from "./_connect/pool.ts";
import type {
  ClientOptions,
  RequestBodyInit,
  RequestOptions,
} from "./options.ts";
import type { HttpClientResponse } from "./response.ts";

/**
 * Makes requests that share options, and connections where the server agrees to
 * keep them.
 *
 * A kept connection on which anything comes while it is idle is closed and
 * not used; one that turns out to be closed is replaced once, unseen.
 * Methods that cannot be repeated, such as POST, always get a new one.
 *
 * @example Usage
 * ```ts
 * import { Client } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve(
 *   { port: 0, onListen() {} },
 *   () => new Response("hi"),
 * );
 * await using client = new Client({ headers: { "User-Agent": "example" } });
 * for (let i = 0; i < 3; i++) {
 *   const response = await client.get(`http://localhost:${server.addr.port}/`);
 *   assertEquals(await response.text(), "hi");
 * }
 * ```
 *
 * @category Fetch
 */
export class Client implements AsyncDisposable {
  readonly #options: ClientOptions;
  readonly #pool = new Pool();

  /**
   * Makes a client; nothing is connected yet.
   *
   * @param options What holds for all its requests.
   */
  constructor(options: ClientOptions = {}) {
    this.#options = { keepAlive: true, ...options };
  }

  /**
   * Makes a request.
   *
   * @param url The URL, http or https.
   * @param options What differs for this request.
   * @returns The response, once its head is there.
   * @throws {ClientError} If the network or the other side fails.
   */
  request(
    url: string | Url | URL,
    options: RequestOptions = {},
  ): Promise<HttpClientResponse> {
    return perform(url, { ...this.#options, ...options }, this.#pool);
  }

  /**
   * Makes a GET request.
   *
   * @param url The URL, http or https.
   * @param options What differs for this request.
   * @returns The response, once its head is there.
   */
  get(
    url: string | Url | URL,
    options: Omit<RequestOptions, "method"> = {},
  ): Promise<HttpClientResponse> {
    return this.request(url, { ...options, method: "GET" });
  }

  /**
   * Makes a HEAD request.
   *
   * @param url The URL, http or https.
   * @param options What differs for this request.
   * @returns The response.
   */
  head(
    url: string | Url | URL,
    options: Omit<RequestOptions, "method"> = {},
  ): Promise<HttpClientResponse> {
    return this.request(url, { ...options, method: "HEAD" });
  }

  /**
   * Makes a POST request.
   *
   * @param url The URL, http or https.
   * @param body What to send.
   * @param options What differs for this request.
   * @returns The response, once its head is there.
   */
  post(
    url: string | Url | URL,
    body: RequestBodyInit,
    options: Omit<RequestOptions, "method" | "body"> = {},
  ): Promise<HttpClientResponse> {
    return this.request(url, { ...options, method: "POST", body });
  }

  /**
   * Closes the kept connections; those in use are closed when they are done.
   */
  close(): void {
    this.#pool.close();
  }

  /** Does what {@linkcode Client.close} does. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}

/**
 * Makes one HTTP/1.0 request over a connection of its own, which is closed once
 * the body has been read.
 *
 * A status such as 404 is a response, not an error. The body has to be read or
 * cancelled; while it is not, the connection stays open, unless the body came
 * with the head.
 *
 * @param url The URL, http or https.
 * @param options Method, fields, body, limits and route.
 * @returns The response, once its head is there.
 * @throws {ClientError} If the network or the other side fails.
 * @throws {TypeError} If what is asked for cannot be sent; a `UrlError` if the
 *   URL is at fault.
 *
 * @example Usage
 * ```ts
 * import { request } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve(
 *   { port: 0, onListen() {} },
 *   () => new Response("Who's there?"),
 * );
 * const response = await request(`http://localhost:${server.addr.port}/`);
 * assertEquals(response.status, 200);
 * assertEquals(await response.text(), "Who's there?");
 * ```
 *
 * @category Fetch
 */
export function request(
  url: string | Url | URL,
  options: RequestOptions = {},
): Promise<HttpClientResponse> {
  if (!options.keepAlive) return perform(url, options, null);
  // One connection may serve several hops of this request, and none afterwards
  const pool = new Pool();
  return perform(url, options, pool).finally(() => pool.close());
}

/**
 * Makes a GET request.
 *
 * @param url The URL, http or https.
 * @param options All but the method.
 * @returns The response, once its head is there.
 * @throws {ClientError} If the network or the other side fails.
 *
 * @example Usage
 * ```ts
 * import { get } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve(
 *   { port: 0, onListen() {} },
 *   () => Response.json({ a: 1 }),
 * );
 * const response = await get(`http://localhost:${server.addr.port}/`);
 * assertEquals(await response.json(), { a: 1 });
 * ```
 *
 * @category Fetch
 */
export function get(
  url: string | Url | URL,
  options: Omit<RequestOptions, "method"> = {},
): Promise<HttpClientResponse> {
  return request(url, { ...options, method: "GET" });
}

/**
 * Makes a HEAD request: the response that GET would get, without its body.
 *
 * @param url The URL, http or https.
 * @param options All but the method.
 * @returns The response.
 * @throws {ClientError} If the network or the other side fails.
 *
 * @example Usage
 * ```ts
 * import { head } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve(
 *   { port: 0, onListen() {} },
 *   () => new Response("12345"),
 * );
 * const response = await head(`http://localhost:${server.addr.port}/`);
 * assertEquals(response.headers.get("Content-Length"), "5");
 * ```
 *
 * @category Fetch
 */
export function head(
  url: string | Url | URL,
  options: Omit<RequestOptions, "method"> = {},
): Promise<HttpClientResponse> {
  return request(url, { ...options, method: "HEAD" });
}

/**
 * Makes a POST request.
 *
 * @param url The URL, http or https.
 * @param body What to send.
 * @param options All but method and body.
 * @returns The response, once its head is there.
 * @throws {ClientError} If the network or the other side fails.
 *
 * @example Usage
 * ```ts
 * import { post } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve(
 *   { port: 0, onListen() {} },
 *   (request) => new Response(request.body),
 * );
 * const response = await post(
 *   `http://localhost:${server.addr.port}/`,
 *   "Knock knock",
 * );
 * assertEquals(await response.text(), "Knock knock");
 * ```
 *
 * @category Fetch
 */
export function post(
  url: string | Url | URL,
  body: RequestBodyInit,
  options: Omit<RequestOptions, "method" | "body"> = {},
): Promise<HttpClientResponse> {
  return request(url, { ...options, method: "POST", body });
}
