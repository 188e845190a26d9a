/**
 * The two messages of HTTP, a request and a response, each a first line, header
 * fields and a body.
 *
 * Nothing here reads or writes a socket: parsers take bytes and give values, or
 * null when there are not enough bytes yet; writers take values and give bytes.
 * So the server and the client use the same files, the other way round.
 *
 * @example Usage
 * ```ts
 * import {
 *   parseResponseHead,
 *   responseFraming,
 *   writeRequestHead,
 * } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const request = writeRequestHead({ method: "GET", target: "/" });
 * assertEquals(new TextDecoder().decode(request), "GET / HTTP/1.0\r\n\r\n");
 *
 * const answer = new TextEncoder().encode(
 *   "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
 * );
 * const head = parseResponseHead(answer)!;
 * assertEquals(head.status, 200);
 * assertEquals(responseFraming("GET", head), { kind: "length", length: 2 });
 * ```
 *
 * @module
 */

export * from "./chunked.ts";
export * from "./connection.ts";
export * from "./credentials.ts";
export * from "./error.ts";
export * from "./framing.ts";
export { HeaderFields, type HeaderFieldsInit } from "./header_fields.ts";
export * from "./host.ts";
export * from "./http_date.ts";
export * from "./quality.ts";
export * from "./request_head.ts";
export * from "./response_head.ts";
export * from "./status.ts";
export * from "./target.ts";
export * from "./wire.ts";
