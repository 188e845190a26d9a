import { checkOptions } from "../message/_options.ts";
import { HeaderFields } from "../message/header_fields.ts";
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
 * A client whose requests share options, and connections if the server agrees
 * to keep them open.
 *
 * A request may have options of its own. Its header fields are added to those
 * of the client, and replace those of the same name; any other option replaces
 * that of the client.
 *
 * The client closes an idle connection on which anything arrives. If a kept
 * connection turns out to be closed, the client sends the request again over a
 * new one, once, and reports no error. Methods that are not idempotent, such as
 * POST, always get a new connection.
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
   * Creates a client; it does not connect yet.
   *
   * @param options The options for all its requests.
   * @throws {RangeError} If an option is a number that makes no sense.
   * @throws {TypeError} If an option makes no sense otherwise.
   */
  constructor(options: ClientOptions = {}) {
    checkOptions(options);
    this.#options = { ...options, keepAlive: options.keepAlive ?? true };
  }

  /**
   * Makes a request.
   *
   * @param url The URL, http or https.
   * @param options The options that differ for this request.
   * @returns The response, once its head has arrived.
   * @throws {ClientError} If the network or the other side fails.
   */
  async request(
    url: string | Url | URL,
    options: RequestOptions = {},
  ): Promise<HttpClientResponse> {
    checkOptions(options);
    return await perform(url, merge(this.#options, options), this.#pool);
  }

  /**
   * Makes a GET request.
   *
   * @param url The URL, http or https.
   * @param options The options that differ for this request.
   * @returns The response, once its head has arrived.
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
   * @param options The options that differ for this request.
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
   * @param body The body to send.
   * @param options The options that differ for this request.
   * @returns The response, once its head has arrived.
   */
  post(
    url: string | Url | URL,
    body: RequestBodyInit,
    options: Omit<RequestOptions, "method" | "body"> = {},
  ): Promise<HttpClientResponse> {
    return this.request(url, { ...options, method: "POST", body });
  }

  /**
   * Closes the idle connections; those in use close after their responses.
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

/** Adds the options of a request to those of its client. */
function merge(shared: ClientOptions, own: RequestOptions): RequestOptions {
  const given = Object.entries(own).filter(([, value]) => value !== undefined);
  const merged = { ...shared, ...Object.fromEntries(given) };
  if (own.headers === undefined || shared.headers === undefined) return merged;
  const added = new HeaderFields(own.headers);
  const headers = [...new HeaderFields(shared.headers)]
    .filter(([name]) => !added.has(name)).concat([...added]);
  return { ...merged, headers };
}

/**
 * Makes one HTTP/1.0 request over a connection of its own, which closes once
 * the body has been read.
 *
 * A status such as 404 is a response, not an error. Read or cancel the body:
 * until then the connection stays open, unless the body arrived with the head.
 *
 * @param url The URL, http or https.
 * @param options Method, fields, body, limits and route.
 * @returns The response, once its head has arrived.
 * @throws {ClientError} If the network or the other side fails.
 * @throws {TypeError} If the request cannot be sent; a `UrlError` if the URL is
 *   invalid.
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
export async function request(
  url: string | Url | URL,
  options: RequestOptions = {},
): Promise<HttpClientResponse> {
  checkOptions(options);
  return await perform(url, options, null);
}

/**
 * Makes a GET request.
 *
 * @param url The URL, http or https.
 * @param options All options except the method.
 * @returns The response, once its head has arrived.
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
 * Makes a HEAD request, whose response is that of GET without its body.
 *
 * @param url The URL, http or https.
 * @param options All options except the method.
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
 * @param body The body to send.
 * @param options All options except method and body.
 * @returns The response, once its head has arrived.
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
