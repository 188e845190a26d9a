/**
 * What can be wrong with a message from the other side.
 *
 * - `"first-line"`: the request line or status line does not match its grammar
 * - `"version"`: its version is not HTTP/1.x
 * - `"target"`, `"target-too-long"`: the request target
 * - `"field"`: a field line, its name or its value
 * - `"content-length"`, `"transfer-encoding"`, `"length-required"`: the framing
 *   of the body
 * - `"chunk"`: a chunk of a chunked body
 * - `"too-large"`: the head, its number of fields, or a chunk line, which is
 *   over a limit
 *
 * @example Notice request smuggling
 * ```ts
 * import { HeaderFields, MessageError, requestFraming } from "@knock/http";
 * import type { MessageErrorCode } from "@knock/http";
 * import { assert, assertThrows } from "@std/assert";
 *
 * const alarms: MessageErrorCode[] = ["content-length", "transfer-encoding"];
 * const headers = new HeaderFields({ "Content-Length": ["5", "6"] });
 * const frame = () => requestFraming({ version: "1.0", headers });
 * const { code } = assertThrows(frame, MessageError);
 * assert(alarms.includes(code));
 * ```
 *
 * @category Messages
 */
export type MessageErrorCode =
  | "first-line"
  | "version"
  | "target"
  | "target-too-long"
  | "field"
  | "content-length"
  | "transfer-encoding"
  | "length-required"
  | "chunk"
  | "too-large";

/** The status for each code; 400 for codes that are not listed. */
const STATUS_BY_CODE: Partial<Record<MessageErrorCode, number>> = {
  "version": 505,
  "target-too-long": 414,
  "length-required": 411,
  "too-large": 431,
};

/**
 * Thrown when the other side sends bytes that are not an HTTP message.
 *
 * The parsers of this module throw nothing else for invalid bytes. The writers
 * throw a `TypeError` for a head that must not be sent.
 *
 * @example Usage
 * ```ts
 * import { MessageError, parseRequestHead } from "@knock/http/message";
 * import { assertThrows } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("GET / HTTP/2.0\r\n\r\n");
 * const error = assertThrows(() => parseRequestHead(bytes), MessageError);
 * if (error.status !== 505) throw new Error("expected 505");
 * ```
 *
 * @category Messages
 */
export class MessageError extends Error {
  /** The name of this class of errors. */
  override readonly name = "MessageError";
  /** Which part of the message is at fault. */
  readonly code: MessageErrorCode;
  /** The status code for the server's response (RFC 9110 section 15.5). */
  readonly status: number;

  /**
   * Creates an error that says what is wrong.
   *
   * @param code Which part of the message is at fault.
   * @param message What was tried, the quoted bytes, and what is wrong.
   */
  constructor(code: MessageErrorCode, message: string) {
    super(message);
    this.code = code;
    this.status = STATUS_BY_CODE[code] ?? 400;
  }
}
