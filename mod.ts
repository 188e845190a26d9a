/**
 * A minimal HTTP/1.0 server and client, written by hand on raw TCP sockets.
 *
 * Two computers communicate because both sides agree on a protocol. This one
 * has two messages, a request and a response; a server that waits for requests,
 * and a client that waits for responses; and URLs, which tell the client where
 * to find what.
 *
 * The exports are in five categories:
 *
 * - **Serve**: {@linkcode serve}, {@linkcode serveDir}, and the functions that
 *   wrap a handler
 * - **Fetch**: {@linkcode get}, {@linkcode request}, {@linkcode Client}, and
 *   {@linkcode ClientError}, which says which step failed
 * - **URLs**: {@linkcode parseUrl}, written by hand
 * - **Messages**: heads and bodies, from bytes to values and back, without a
 *   socket
 * - **Sockets**: {@linkcode listen} and {@linkcode connect}, for a protocol of
 *   your own
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
 * @example Serve a directory
 * ```ts
 * import { serve, serveDir, withCors } from "@knock/http";
 *
 * const files = serveDir("./public", { maxAge: 3600 });
 * await using server = serve(withCors(files), { port: 0 });
 * console.log(server.url);
 * ```
 *
 * @example A protocol of your own
 * ```ts
 * import { connect, listen } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = listen({ port: 0 });
 * const { port } = listener.addr as Deno.NetAddr;
 * await using caller = await connect({ port });
 * await caller.writeLine("Knock knock");
 *
 * await using wire = await listener.accept();
 * assertEquals(await wire.readLine(), "Knock knock");
 * ```
 *
 * @module
 */

export * from "./client/mod.ts";
export * from "./message/mod.ts";
export * from "./server/mod.ts";
export * from "./url/mod.ts";
