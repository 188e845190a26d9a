import { type FirstLine, HeadParser } from "./_head_parser.ts";
import { isToken, quote, textToOctets } from "./_octets.ts";
import { MessageError } from "./error.ts";
import { HeaderFields, type HeaderFieldsInit } from "./header_fields.ts";

/**
 * A request without its body: the request line and the header fields.
 *
 * @example Find the body
 * ```ts
 * import { parseRequestHead, type RequestHead } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const bodyOf = (bytes: Uint8Array, { size }: RequestHead) =>
 *   new TextDecoder().decode(bytes.subarray(size));
 * const text = "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nknock";
 * const bytes = new TextEncoder().encode(text);
 * assertEquals(bodyOf(bytes, parseRequestHead(bytes)!), "knock");
 * ```
 *
 * @category Messages
 */
export interface RequestHead {
  /** The method, a case-sensitive token. */
  readonly method: string;
  /** The request target as sent; `parseTarget` parses it. */
  readonly target: string;
  /** The version as sent: `1.0`, `1.1`, or another of major version 1. */
  readonly version: string;
  /** The header fields. */
  readonly headers: HeaderFields;
  /**
   * The length of the head in bytes, including its empty line and any empty
   * lines before it.
   */
  readonly size: number;
  /**
   * Whether a line ended in LF without CR; it is best to close such a
   * connection after the response.
   */
  readonly bareLf: boolean;
}

/**
 * The limits of a request head; each has a default.
 *
 * @example Reject long targets
 * ```ts
 * import { parseRequestHead, type RequestHeadLimits } from "@knock/http";
 * import { assertThrows } from "@std/assert";
 *
 * const limits: RequestHeadLimits = { maxLineBytes: 20 };
 * const bytes = new TextEncoder().encode(`GET /${"a".repeat(20)}`);
 * const parse = () => parseRequestHead(bytes, limits);
 * assertThrows(parse, Error, "over 20 bytes");
 * ```
 *
 * @category Messages
 */
export interface RequestHeadLimits {
  /**
   * The longest request line, in bytes.
   *
   * @default {8192}
   */
  readonly maxLineBytes?: number;
  /**
   * The longest head, in bytes.
   *
   * @default {16384}
   */
  readonly maxHeadBytes?: number;
  /**
   * The maximum number of fields.
   *
   * @default {100}
   */
  readonly maxFields?: number;
}

/** The defaults; RFC 9112 section 3 asks for request lines of 8,000 bytes. */
export const REQUEST_HEAD_LIMITS: Required<RequestHeadLimits> = {
  maxLineBytes: 8_192,
  maxHeadBytes: 16_384,
  maxFields: 100,
};

/**
 * Parses one request head after another with the `parse` of
 * {@linkcode HeadParser}; the bytes may arrive in pieces of any size.
 *
 * It keeps no bytes, only the position at which it stopped, and scans each byte
 * once. It rejects an invalid request line as soon as the line is complete, and
 * a control character at once.
 *
 * @example Usage
 * ```ts
 * import { RequestHeadParser } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const parser = new RequestHeadParser();
 * const bytes = new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n");
 * assertEquals(parser.parse(bytes, 0, 9), null); // not enough yet
 * assertEquals(parser.parse(bytes, 0, bytes.length)?.target, "/");
 * ```
 *
 * @category Messages
 */
export class RequestHeadParser extends HeadParser<RequestHead> {
  /**
   * Creates a parser.
   *
   * @param limits The limits of a head.
   */
  constructor(limits: RequestHeadLimits = {}) {
    const { maxLineBytes, maxHeadBytes, maxFields } = REQUEST_HEAD_LIMITS;
    super({
      maxLineBytes: limits.maxLineBytes ?? maxLineBytes,
      maxHeadBytes: limits.maxHeadBytes ?? maxHeadBytes,
      maxFields: limits.maxFields ?? maxFields,
      joinsFolds: false,
      parseFirstLine: parseRequestLine,
    });
  }
}

// request-line = method SP request-target SP HTTP-version (RFC 9112 section 3)
// HTTP-version = "HTTP/" DIGIT "." DIGIT, case-sensitive (section 2.3)
const REQUEST_LINE_REGEXP =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^ ]+) HTTP\/(\d\.\d)$/;

function parseRequestLine(line: string): FirstLine<RequestHead> {
  const [, method = "", target = "", version = ""] =
    REQUEST_LINE_REGEXP.exec(line) ?? [];
  if (version.startsWith("1.")) return { method, target, version };
  const act = `Cannot parse request line ${quote(line)}`;
  throw version !== ""
    ? new MessageError("version", `${act}: version is not HTTP/1.x`)
    : new MessageError(
      "first-line",
      `${act}: expected a method, a target and an HTTP version, with one space between`,
    );
}

/**
 * Parses one request head from bytes that contain all of it.
 *
 * @param bytes The bytes; the head begins with the first of them.
 * @param limits The limits of the head.
 * @returns The head, or null if it is incomplete; the body begins at its
 *   `size`.
 * @throws {MessageError} If the bytes are not a request head, or over a limit.
 *
 * @example Usage
 * ```ts
 * import { parseRequestHead } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode(
 *   "GET /a HTTP/1.0\r\nHost: example.org\r\n\r\n",
 * );
 * const head = parseRequestHead(bytes);
 * assertEquals(head?.method, "GET");
 * assertEquals(head?.headers.get("host"), "example.org");
 * ```
 *
 * @category Messages
 */
export function parseRequestHead(
  bytes: Uint8Array,
  limits: RequestHeadLimits = {},
): RequestHead | null {
  return new RequestHeadParser(limits).parse(bytes);
}

/**
 * The request head that {@linkcode writeRequestHead} writes.
 *
 * @example Send the same request to another target
 * ```ts
 * import { type RequestHeadInit, writeRequestHead } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const first: RequestHeadInit = { method: "HEAD", target: "/page/1" };
 * const bytes = writeRequestHead({ ...first, target: "/page/2" });
 * const text = new TextDecoder().decode(bytes);
 * assertEquals(text, "HEAD /page/2 HTTP/1.0\r\n\r\n");
 * ```
 *
 * @category Messages
 */
export interface RequestHeadInit {
  /** The method, a token. */
  readonly method: string;
  /** The request target: percent-encoded, without white space. */
  readonly target: string;
  /** The header fields. */
  readonly headers?: HeaderFieldsInit;
}

// Rejects only what would end the target or the line; the server validates the
// rest
const TARGET_REGEXP = /^[\x21-\x7e]+$/;

/**
 * Writes a request head, always as `HTTP/1.0`.
 *
 * @param head Method, target and fields.
 * @returns The bytes, with the empty line.
 * @throws {TypeError} If the method is not a token, or the target or a field
 *   could split the message.
 *
 * @example Usage
 * ```ts
 * import { writeRequestHead } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = writeRequestHead({
 *   method: "GET",
 *   target: "/",
 *   headers: { Host: "example.org" },
 * });
 * assertEquals(
 *   new TextDecoder().decode(bytes),
 *   "GET / HTTP/1.0\r\nHost: example.org\r\n\r\n",
 * );
 * ```
 *
 * @category Messages
 */
export function writeRequestHead(
  head: RequestHeadInit,
): Uint8Array<ArrayBuffer> {
  const { method, target } = head;
  const fault = !isToken(method)
    ? `method ${quote(method)} is not a token`
    : !TARGET_REGEXP.test(target)
    ? `target ${quote(target)} has white space or is not plain ASCII`
    : null;
  if (fault !== null) {
    throw new TypeError(`Cannot write request line: ${fault}`);
  }
  const headers = new HeaderFields(head.headers);
  return textToOctets(`${method} ${target} HTTP/1.0\r\n${headers}\r\n`);
}
