/**
 * An HTTP/1.0 client: finds an address, connects, writes a request, reads the
 * answer and closes.
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
export * from "./client.ts";
export * from "./connect.ts";
export * from "./error.ts";
export * from "./fetch.ts";
export * from "./options.ts";
export * from "./proxy_rules.ts";
export * from "./request.ts";
export * from "./resolve.ts";
export * from "./response.ts";
export * from "./trace.ts";
