// Responses as bytes: the head of any response, and whole responses that are
// prepared to be sent many times.

import { putOctets, quote } from "../message/_octets.ts";
import { isBodiless } from "../message/framing.ts";
import { HeaderFields, writeStatusLine } from "../message/mod.ts";
import type { HttpResponse } from "./http_response.ts";

/** What a head contains besides the fields of the handler. */
interface HeadInit {
  /** The status code. */
  readonly status: number;
  /** The reason phrase; undefined for the registered one. */
  readonly reason?: string | undefined;
  /** The Date field; null if the handler gave one. */
  readonly date: string | null;
  /** Whether the connection is kept. */
  readonly keepAlive: boolean;
  /** The length of the body; null if it is not known. */
  readonly length: number | null;
}

/**
 * The fields that only the server can set: they tell where the body ends, and
 * what happens to the connection.
 */
const SERVER_FIELDS = [
  "connection",
  "keep-alive",
  "content-length",
  "transfer-encoding",
];

/** Writes a head: the server's own fields, then those of the handler. */
export function writeHead(init: HeadInit, fields: HeaderFields): string {
  const { status, reason, date, keepAlive, length } = init;
  if (!(status >= 200)) {
    const act = `Cannot respond with status ${status}`;
    throw new RangeError(`${act}: expected 200 to 999`);
  }
  const others = new HeaderFields(fields);
  for (const name of SERVER_FIELDS) others.delete(name);
  if (date !== null) others.delete("date");
  let head = writeStatusLine(status, reason);
  if (date !== null) head += `Date: ${date}\r\n`;
  head += keepAlive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  const hasLength = length !== null && !isBodiless(status);
  if (hasLength) head += `Content-Length: ${length}\r\n`;
  return `${head}${others}\r\n`;
}

/** What a response is made of. */
type ResponseParts = Pick<PreparedResponse, "status" | "headers" | "body">;

const DATE_PLACEHOLDER = " ".repeat(29);

/**
 * A response that is sent many times. Head and body are prepared as one block
 * of bytes, in which only the date changes. Writing that block at once is what
 * makes small files fast.
 *
 * To a handler it is a response like any other: `{ ...response, headers }` has
 * its status and body, but not the block, so it is sent with its own fields.
 * Nobody can change it, because all requests share it.
 */
export class PreparedResponse implements HttpResponse {
  /** The status code. */
  readonly status: number;
  /** The header fields, without `Date`, `Connection` and `Content-Length`. */
  readonly headers: HeaderFields;
  /** The whole body, as a view of the block. */
  readonly body: Uint8Array;
  /** The head and body for a connection that is kept. */
  readonly #octets: Uint8Array;
  /** The date in the block. */
  #date = DATE_PLACEHOLDER;
  /** The head for a connection that is closed, and its date. */
  #closing: { readonly date: string; readonly head: string } | null = null;

  /**
   * Prepares a response. Its body and its fields are copied.
   */
  constructor({ status, headers, body }: ResponseParts) {
    this.status = status;
    this.headers = new SharedFields(headers);
    const { length } = body;
    const init = { status, date: DATE_PLACEHOLDER, keepAlive: true, length };
    const head = writeHead(init, this.headers);
    this.#octets = new Uint8Array(head.length + body.length);
    putOctets(head, this.#octets);
    this.#octets.set(body, head.length);
    this.body = this.#octets.subarray(head.length);
    Object.freeze(this);
  }

  /** The length of the head on a connection that is kept, in bytes. */
  get headBytes(): number {
    return this.#octets.length - this.body.length;
  }

  /**
   * Returns the bytes to write to a connection that is kept.
   *
   * @param date The current date, always of 29 characters.
   * @returns The block, which belongs to this object: write it, but do not
   *   change it.
   */
  octets(date: string): Uint8Array {
    if (this.#date !== date) {
      const start = writeStatusLine(this.status).length + "Date: ".length;
      putOctets(date, this.#octets.subarray(start));
      this.#date = date;
    }
    return this.#octets;
  }

  /** Returns the head for a connection that is closed afterwards. */
  closingHead(date: string): string {
    if (this.#closing?.date !== date) {
      const { status, headers, body: { length } } = this;
      const init = { status, date, keepAlive: false, length };
      this.#closing = { date, head: writeHead(init, headers) };
    }
    return this.#closing.head;
  }
}

/** Fields that several requests share; to change them, make a copy. */
class SharedFields extends HeaderFields {}

const refuse = (name: string): never => {
  const why = "other requests share this response, so copy it and its headers";
  throw new TypeError(`Cannot change field ${quote(name)}: ${why}`);
};
const refusals = { set: refuse, append: refuse, delete: refuse };
Object.assign(SharedFields.prototype, refusals); // overrides three methods
