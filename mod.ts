/**
 * A minimal HTTP/1.0 server and client, written by hand on raw TCP sockets.
 *
 * Two computers communicate because both sides agree on a protocol. The one
 * here has two messages, a request and a response; a server that waits for the
 * first, and a client that waits for the second; and URLs, which tell the
 * client where to find what.
 *
 * @example Serve and fetch
 * ```ts
 * import { get, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   (request) => ({ status: 200, body: `Hello from ${request.path}` }),
 *   { port: 0 },
 * );
 *
 * const response = await get(server.url + "there");
 * assertEquals(await response.text(), "Hello from /there");
 * ```
 *
 * @module
 */

export * from "./client/mod.ts";
export * from "./message/mod.ts";
export * from "./server/mod.ts";
export * from "./url/mod.ts";
