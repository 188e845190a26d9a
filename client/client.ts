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
