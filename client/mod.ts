/**
 * An HTTP/1.0 client: finds an address, connects, writes a request, reads the
 * response and closes.
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
 * assertEquals(await response.text(), "Who's there?");
 * ```
 *
 * @module
 */
export { Client, get, head, post, request } from "./client.ts";
export { connect, type ConnectOptions } from "./connect.ts";
export {
  ClientError,
  type ClientErrorCode,
  type ClientErrorOptions,
  type ClientStep,
} from "./error.ts";
export { fetch } from "./fetch.ts";
export type {
  ClientOptions,
  CookieStore,
  ReachOptions,
  RequestBodyInit,
  RequestOptions,
  RetryOptions,
  SizedBody,
} from "./options.ts";
export { resolveHost, type ResolveOptions } from "./resolve.ts";
export type { HttpClientResponse } from "./response.ts";
export { isProxyExempt, proxyFromEnvironment } from "./route.ts";
export type {
  DroppedField,
  Hop,
  ResolvedHost,
  Timings,
  Trace,
  TraceEvent,
  TraceEventBody,
} from "./trace.ts";
