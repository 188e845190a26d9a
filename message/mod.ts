/**
 * The two messages of HTTP, request and response: each has a first line, header
 * fields and a body.
 *
 * Nothing here opens a socket. Parsers take bytes and return values, or null
 * while there are not enough bytes; writers take values and return bytes. So
 * the server and the client share this code: what one writes, the other parses.
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
 * const received = new TextEncoder().encode(
 *   "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
 * );
 * const head = parseResponseHead(received)!;
 * assertEquals(head.status, 200);
 * assertEquals(responseFraming("GET", head), { kind: "length", length: 2 });
 * ```
 *
 * @module
 */

export { ChunkedDecoder } from "./chunked.ts";
export {
  type Credentials,
  parseBasicCredentials,
  parseHttpDate,
  parseQualityValues,
  qualityOf,
  type QualityValue,
  writeBasicCredentials,
  writeHttpDate,
} from "./field_values.ts";
export { MessageError, type MessageErrorCode } from "./error.ts";
export {
  type BodyFraming,
  type Persistence,
  persistence,
  requestFraming,
  responseFraming,
} from "./framing.ts";
export type { HeadParser } from "./_head_parser.ts";
export { HeaderFields, type HeaderFieldsInit } from "./header_fields.ts";
export {
  parseRequestHead,
  type RequestHead,
  type RequestHeadInit,
  type RequestHeadLimits,
  RequestHeadParser,
  writeRequestHead,
} from "./request_head.ts";
export {
  parseResponseHead,
  parseStatusLine,
  type ResponseHead,
  type ResponseHeadInit,
  type ResponseHeadLimits,
  ResponseHeadParser,
  STATUS_REASONS,
  type StatusLine,
  statusReason,
  writeResponseHead,
  writeStatusLine,
} from "./response_head.ts";
export { isValidHost, parseTarget, type RequestTarget } from "./target.ts";
export {
  type Duplex,
  Wire,
  WireError,
  type WireErrorCode,
  type WireOptions,
} from "./wire.ts";
