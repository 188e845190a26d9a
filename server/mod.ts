/**
 * The server: it listens, reads requests, has a handler answer them, and sends
 * the answers.
 *
 * @example Usage
 * ```ts
 * import { serve } from "@knock/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(() => ({ status: 200, body: "Who's there?" }), {
 *   port: 0,
 * });
 *
 * const response = await fetch(server.url);
 * assertEquals(await response.text(), "Who's there?");
 * ```
 *
 * @module
 */

export * from "./access_log.ts";
export * from "./basic_auth.ts";
export * from "./cors.ts";
export * from "./handler.ts";
export * from "./http_request.ts";
export * from "./http_response.ts";
export * from "./limits.ts";
export * from "./listen.ts";
export * from "./prepared_response.ts";
export * from "./request_body.ts";
export * from "./serve.ts";
export * from "./serve_dir.ts";
export * from "./web_handler.ts";
