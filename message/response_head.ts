import { HeadParser } from "./_head_parser.ts";
import { isFieldText, quote, textToOctets } from "./_octets.ts";
import { MessageError } from "./error.ts";
import { HeaderFields, type HeaderFieldsInit } from "./header_fields.ts";

/**
 * A response without its body: the status line and the header fields.
 *
 * @example Check for a redirect
 * ```ts
 * import { parseResponseHead, type ResponseHead } from "@knock/http/message";
 * import { assert } from "@std/assert";
 *
 * const isRedirect = ({ status, headers }: ResponseHead) =>
 *   status >= 300 && status <= 399 && headers.has("location");
 * const text = "HTTP/1.0 301 Moved Permanently\r\nLocation: /new\r\n\r\n";
 * const head = parseResponseHead(new TextEncoder().encode(text));
 * assert(head !== null && isRedirect(head));
 * ```
 *
 * @category Messages
 */
export interface ResponseHead {
  /** The version as sent: `1.0`, `1.1`, or another of major version 1. */
  readonly version: string;
  /** The status code, 100 to 999. */
  readonly status: number;
  /** The reason phrase, `""` if there is none. */
  readonly reason: string;
  /** The header fields. */
  readonly headers: HeaderFields;
  /** The length of the head in bytes, including its empty line. */
  readonly size: number;
}

/**
 * The limits of a response head; each has a default.
 *
 * @example Limit the number of fields
 * ```ts
 * import { parseResponseHead, type ResponseHeadLimits } from "@knock/http";
 * import { assertThrows } from "@std/assert";
 *
 * const limits: ResponseHeadLimits = { maxFields: 1 };
 * const text = "HTTP/1.0 200 OK\r\nAge: 5\r\nVary: *\r\n\r\n";
 * const bytes = new TextEncoder().encode(text);
 * assertThrows(() => parseResponseHead(bytes, limits), Error, "more than 1");
 * ```
 *
 * @category Messages
 */
export interface ResponseHeadLimits {
  /**
   * The longest head, in bytes.
   *
   * @default {65536}
   */
  readonly maxHeadBytes?: number;
  /**
   * The maximum number of fields.
   *
   * @default {256}
   */
  readonly maxFields?: number;
}

/**
 * Parses one response head after another with the `parse` of
 * {@linkcode HeadParser}; the bytes may arrive in pieces of any size.
 *
 * It keeps no bytes, only the position at which it stopped. It joins folded
 * lines (RFC 9112 section 5.2); otherwise it is as strict as for requests.
 *
 * @example Usage
 * ```ts
 * import { ResponseHeadParser } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const parser = new ResponseHeadParser();
 * const bytes = new TextEncoder().encode("HTTP/1.0 204 No Content\r\n\r\n");
 * assertEquals(parser.parse(bytes, 0, 10), null); // not enough yet
 * assertEquals(parser.parse(bytes, 0, bytes.length)?.status, 204);
 * ```
 *
 * @category Messages
 */
export class ResponseHeadParser extends HeadParser<ResponseHead> {
  /**
   * Creates a parser.
   *
   * @param limits The limits of a head.
   */
  constructor(limits: ResponseHeadLimits = {}) {
    super({
      maxLineBytes: Infinity,
      maxHeadBytes: limits.maxHeadBytes ?? 65_536,
      maxFields: limits.maxFields ?? 256,
      joinsFolds: true,
      parseFirstLine: parseStatusLine,
    });
  }
}

/**
 * The parts of a status line.
 *
 * @example Check for success
 * ```ts
 * import { parseStatusLine, type StatusLine } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const isOk = ({ status }: StatusLine) => status >= 200 && status <= 299;
 * const lines = ["HTTP/1.0 200 OK", "HTTP/1.0 404 Not Found"];
 * assertEquals(lines.map(parseStatusLine).map(isOk), [true, false]);
 * ```
 *
 * @category Messages
 */
export type StatusLine = Pick<ResponseHead, "version" | "status" | "reason">;

// status-line = HTTP-version SP status-code SP [ reason-phrase ] (RFC 9112
// section 4); the last SP is often left out
const STATUS_LINE_REGEXP = /^HTTP\/(\d\.\d) (\d{3})(?: (.*))?$/;

/**
 * Parses a status line.
 *
 * @param line The line without its CRLF.
 * @returns Version, status and reason.
 * @throws {MessageError} If the line does not match the grammar, or its version
 *   is not HTTP/1.x.
 *
 * @example Usage
 * ```ts
 * import { parseStatusLine } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseStatusLine("HTTP/1.0 200 OK").status, 200);
 * ```
 *
 * @category Messages
 */
export function parseStatusLine(line: string): StatusLine {
  const [, version, digits, reason = ""] = STATUS_LINE_REGEXP.exec(line) ?? [];
  const status = Number(digits);
  const isValid = version !== undefined && status >= 100;
  if (isValid && version.startsWith("1.")) return { version, status, reason };
  const act = `Cannot parse status line ${quote(line)}`;
  throw isValid
    ? new MessageError("version", `${act}: version is not HTTP/1.x`)
    : new MessageError(
      "first-line",
      `${act}: expected an HTTP version, a status of three digits, and a reason`,
    );
}

/**
 * Parses one response head from bytes that contain all of it.
 *
 * @param bytes The bytes; the head begins with the first of them.
 * @param limits The limits of the head.
 * @returns The head, or null if it is incomplete; the body begins at its
 *   `size`.
 * @throws {MessageError} If the bytes are not a response head, or over a limit.
 *
 * @example Usage
 * ```ts
 * import { parseResponseHead } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const head = parseResponseHead(
 *   new TextEncoder().encode("HTTP/1.0 200 OK\r\nAge: 5\r\n\r\n"),
 * );
 * assertEquals(head?.headers.get("age"), "5");
 * ```
 *
 * @category Messages
 */
export function parseResponseHead(
  bytes: Uint8Array,
  limits: ResponseHeadLimits = {},
): ResponseHead | null {
  return new ResponseHeadParser(limits).parse(bytes);
}

/**
 * The response head that {@linkcode writeResponseHead} writes.
 *
 * @example Give a reason of your own
 * ```ts
 * import { type ResponseHeadInit, writeResponseHead } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const init: ResponseHeadInit = { status: 404, reason: "Nobody There" };
 * const text = new TextDecoder().decode(writeResponseHead(init));
 * assertEquals(text, "HTTP/1.0 404 Nobody There\r\n\r\n");
 * ```
 *
 * @category Messages
 */
export interface ResponseHeadInit {
  /** The status code, 100 to 999. */
  readonly status: number;
  /** The reason phrase; by default the registered one. */
  readonly reason?: string;
  /** The header fields. */
  readonly headers?: HeaderFieldsInit;
}

/**
 * Writes a response head, always as `HTTP/1.0`.
 *
 * @param head Status, reason and fields.
 * @returns The bytes, with the empty line.
 * @throws {RangeError} If the status is not a whole number from 100 to 999.
 * @throws {TypeError} If the reason or a field could split the message.
 *
 * @example Usage
 * ```ts
 * import { writeResponseHead } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = writeResponseHead({ status: 404 });
 * assertEquals(
 *   new TextDecoder().decode(bytes),
 *   "HTTP/1.0 404 Not Found\r\n\r\n",
 * );
 * ```
 *
 * @category Messages
 */
export function writeResponseHead(
  head: ResponseHeadInit,
): Uint8Array<ArrayBuffer> {
  const statusLine = writeStatusLine(head.status, head.reason);
  const headers = new HeaderFields(head.headers);
  return textToOctets(`${statusLine}${headers}\r\n`);
}

/**
 * Writes a status line.
 *
 * @param status The status code, 100 to 999.
 * @param reason The reason phrase; by default the registered one.
 * @returns The line, with its CRLF.
 * @throws {RangeError} If the status is not a whole number from 100 to 999.
 * @throws {TypeError} If the reason has a control character or one above
 *   U+00FF.
 *
 * @example Usage
 * ```ts
 * import { writeStatusLine } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(writeStatusLine(200), "HTTP/1.0 200 OK\r\n");
 * ```
 *
 * @category Messages
 */
export function writeStatusLine(status: number, reason?: string): string {
  if (!Number.isInteger(status) || status < 100 || status > 999) {
    throw new RangeError(
      `Cannot write status line: status ${status} is not a whole number from 100 to 999`,
    );
  }
  if (reason === undefined || isFieldText(reason)) {
    return `HTTP/1.0 ${status} ${reason ?? statusReason(status)}\r\n`;
  }
  const act = `Cannot write status line: reason ${quote(reason)}`;
  throw new TypeError(`${act} has a control character or one above U+00FF`);
}

// The IANA HTTP Status Code Registry, without its unused codes
const REGISTRY = `
100 Continue, 101 Switching Protocols, 102 Processing, 103 Early Hints,
200 OK, 201 Created, 202 Accepted, 203 Non-Authoritative Information,
204 No Content, 205 Reset Content, 206 Partial Content, 207 Multi-Status,
208 Already Reported, 226 IM Used,
300 Multiple Choices, 301 Moved Permanently, 302 Found, 303 See Other,
304 Not Modified, 305 Use Proxy, 307 Temporary Redirect,
308 Permanent Redirect,
400 Bad Request, 401 Unauthorized, 402 Payment Required, 403 Forbidden,
404 Not Found, 405 Method Not Allowed, 406 Not Acceptable,
407 Proxy Authentication Required, 408 Request Timeout, 409 Conflict, 410 Gone,
411 Length Required, 412 Precondition Failed, 413 Content Too Large,
414 URI Too Long, 415 Unsupported Media Type, 416 Range Not Satisfiable,
417 Expectation Failed, 421 Misdirected Request, 422 Unprocessable Content,
423 Locked, 424 Failed Dependency, 425 Too Early, 426 Upgrade Required,
428 Precondition Required, 429 Too Many Requests,
431 Request Header Fields Too Large, 451 Unavailable For Legal Reasons,
500 Internal Server Error, 501 Not Implemented, 502 Bad Gateway,
503 Service Unavailable, 504 Gateway Timeout, 505 HTTP Version Not Supported,
506 Variant Also Negotiates, 507 Insufficient Storage, 508 Loop Detected,
511 Network Authentication Required`;

const ENTRIES = REGISTRY.trim().split(/,\s+/)
  .map((entry) => [entry.slice(0, 3), entry.slice(4)]);

/**
 * The reason phrases of the IANA HTTP Status Code Registry, by status code.
 *
 * @example Usage
 * ```ts
 * import { STATUS_REASONS } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(STATUS_REASONS[404], "Not Found");
 * ```
 *
 * @category Messages
 */
export const STATUS_REASONS: Readonly<Record<number, string>> = Object
  .fromEntries(ENTRIES);

/**
 * Finds the reason phrase of a status code.
 *
 * @param status The code.
 * @returns The registered phrase, or `""` if the code is not registered.
 *
 * @example Usage
 * ```ts
 * import { statusReason } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(statusReason(414), "URI Too Long");
 * assertEquals(statusReason(299), "");
 * ```
 *
 * @category Messages
 */
export function statusReason(status: number): string {
  return STATUS_REASONS[status] ?? "";
}
