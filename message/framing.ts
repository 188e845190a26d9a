// What a head says about where its body ends, and whether the connection stays
// open after it.

import { quote, splitList, trimOws } from "./_octets.ts";
import { MessageError } from "./error.ts";
import type { HeaderFields } from "./header_fields.ts";

/**
 * Where the body of a message ends.
 *
 * - `"none"`: there is no body
 * - `"length"`: after `length` bytes
 * - `"chunked"`: with its last chunk
 * - `"close"`: where the connection closes (RFC 1945 section 7.2.2), for
 *   responses only
 *
 * @example Find how long a body will be, if that is known
 * ```ts
 * import { HeaderFields, responseFraming } from "@knock/http/message";
 * import type { BodyFraming } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const lengthOf = (framing: BodyFraming) =>
 *   framing.kind === "length" ? framing.length : null;
 * const headers = new HeaderFields({ "Content-Length": "5" });
 * const framing = responseFraming("GET", { status: 200, headers });
 * assertEquals(lengthOf(framing), 5);
 * ```
 *
 * @category Messages
 */
export type BodyFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

const NO_BODY: BodyFraming = { kind: "none" };

/**
 * Decides where the body of a request ends (RFC 9112 section 6.3). As in
 * HTTP/1.0, only `Content-Length` counts.
 *
 * @param head Version and fields of the request; its method does not matter.
 * @returns No body, or its length.
 * @throws {MessageError} If `Content-Length` is invalid, or there is a
 *   `Transfer-Encoding`. Plain `chunked` from an HTTP/1.1 client is an honest
 *   mistake and gets 411; anything else gets 400.
 *
 * @example Usage
 * ```ts
 * import { HeaderFields, requestFraming } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const headers = new HeaderFields({ "Content-Length": "5" });
 * assertEquals(requestFraming({ version: "1.0", headers }), {
 *   kind: "length",
 *   length: 5,
 * });
 * ```
 *
 * @category Messages
 */
export function requestFraming(
  head: { readonly version: string; readonly headers: HeaderFields },
): BodyFraming {
  const { headers, version } = head;
  const length = headers.get("content-length");
  const coding = headers.get("transfer-encoding");
  if (coding !== null) {
    const isChunked = coding.toLowerCase() === "chunked" && version !== "1.0";
    if (isChunked && length === null) {
      const message =
        "Cannot read body: chunked, where HTTP/1.0 needs a Content-Length";
      throw new MessageError("length-required", message);
    }
    throw invalidCoding(coding, "is not for HTTP/1.0");
  }
  // Two lines are joined with a comma here, so even equal ones are rejected
  return length === null ? NO_BODY : parseLengthFraming(length);
}

/**
 * Decides where the body of a response ends (RFC 9112 section 6.3).
 *
 * @param method The method of the request.
 * @param head Status and fields of the response.
 * @returns Where the body ends.
 * @throws {MessageError} If `Content-Length` is invalid or contradicts itself,
 *   or the `Transfer-Encoding` is not supported.
 *
 * @example Usage
 * ```ts
 * import { HeaderFields, responseFraming } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const head = { status: 200, headers: new HeaderFields() };
 * assertEquals(responseFraming("GET", head), { kind: "close" });
 * assertEquals(responseFraming("HEAD", head), { kind: "none" });
 * ```
 *
 * @category Messages
 */
export function responseFraming(
  method: string,
  head: { readonly status: number; readonly headers: HeaderFields },
): BodyFraming {
  const { headers, status } = head;
  if (method === "HEAD" || isBodiless(status)) return NO_BODY;
  const coding = headers.get("transfer-encoding")?.toLowerCase() ?? "identity";
  if (coding === "chunked") return { kind: "chunked" }; // wins over Content-Length
  if (coding !== "identity") throw invalidCoding(coding, "is unknown");
  const value = headers.get("content-length");
  if (value === null) return { kind: "close" };
  return parseLengthFraming(value.includes(",") ? mergeLengths(value) : value);
}

function invalidCoding(coding: string, reason: string): MessageError {
  const field = `Transfer-Encoding ${quote(coding)}`;
  const message = `Cannot read body: ${field} ${reason}`;
  return new MessageError("transfer-encoding", message);
}

/**
 * Whether a response with this status never has a body (RFC 9110 sections 15.2,
 * 15.3.5 and 15.4.5).
 */
export function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}

/** Reduces a repeated length, in several lines or in a list, to one. */
function mergeLengths(list: string): string {
  const [first = "", ...others] = list.split(",").map((text) => trimOws(text));
  if (others.every((other) => other === first)) return first;
  const message = "Cannot read body: two different Content-Length values";
  throw new MessageError("content-length", message);
}

function parseLengthFraming(contentLength: string): BodyFraming {
  const length = parseContentLength(contentLength);
  if (length !== null) return { kind: "length", length };
  const act = `Cannot parse Content-Length ${quote(contentLength)}`;
  throw new MessageError("content-length", `${act}: expected 1 to 15 digits`);
}

// Content-Length = 1*DIGIT (RFC 9110 section 8.6); a number holds up to 15
// digits exactly
const CONTENT_LENGTH_REGEXP = /^\d{1,15}$/;

/** Parses a `Content-Length` value; returns null if it is invalid. */
export function parseContentLength(value: string): number | null {
  return CONTENT_LENGTH_REGEXP.test(value) ? Number(value) : null;
}

/**
 * What a message says about the connection after the exchange.
 *
 * - `"keep-alive"`: it asks to keep the connection open
 * - `"close"`: it asks to close the connection
 * - `"implicit"`: it does not say, so its version decides: HTTP/1.0 closes,
 *   HTTP/1.1 keeps open
 *
 * @example Let the version decide if the message does not
 * ```ts
 * import { HeaderFields, persistence } from "@knock/http/message";
 * import type { Persistence } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const isKept = (asked: Persistence, version: string) =>
 *   asked === "implicit" ? version === "1.1" : asked === "keep-alive";
 * const asked = persistence(new HeaderFields());
 * assertEquals([isKept(asked, "1.0"), isKept(asked, "1.1")], [false, true]);
 * ```
 *
 * @category Messages
 */
export type Persistence = "keep-alive" | "implicit" | "close";

/**
 * Reads from the `Connection` field whether the sender of a message wants the
 * connection to stay open (RFC 9112 section 9.3).
 *
 * Whole options are compared, in any case, and `close` wins over `keep-alive`.
 * The fields `Proxy-Connection` and `Keep-Alive` do not count.
 *
 * @param headers The fields of a request or response.
 * @returns What the sender asks for; `"implicit"` if it asks for neither.
 *
 * @example Usage
 * ```ts
 * import { HeaderFields, persistence } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   persistence(new HeaderFields({ Connection: "Keep-Alive" })),
 *   "keep-alive",
 * );
 * assertEquals(
 *   persistence(new HeaderFields({ Connection: "keep-alive, close" })),
 *   "close",
 * );
 * ```
 *
 * @category Messages
 */
export function persistence(headers: HeaderFields): Persistence {
  const value = headers.get("connection");
  if (value === null) return "implicit";
  const options = splitList(value.toLowerCase());
  if (options.includes("close")) return "close";
  return options.includes("keep-alive") ? "keep-alive" : "implicit";
}
