// Responses as bytes: the head of any, and those that lie ready with their body
// to be sent many times.

import { putOctets } from "../message/_octets.ts";
import { isBodiless } from "../message/framing.ts";
import { HeaderFields, writeStatusLine } from "../message/mod.ts";
import type { DateStamp } from "./_connection/resources.ts";
import type { HttpResponse } from "./http_response.ts";

/** What a head says, apart from the fields that the handler gave. */
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
 * Fields that only the server can set: they tell where the body ends, and what
 * becomes of the connection.
 */
const OWN_FIELDS = [
  "connection",
  "keep-alive",
  "content-length",
  "transfer-encoding",
];
const OWN_FIELDS_AND_DATE = [...OWN_FIELDS, "date"];

/** Writes a head: the server's own fields, then the others of the handler. */
export function writeHead(
  { status, reason, date, keepAlive, length }: HeadInit,
  given: HeaderFields,
): string {
  if (!(status >= 200)) {
    throw new RangeError(
      `Cannot respond with status ${status}: expected 200 to 999`,
    );
  }
  const own = date === null ? OWN_FIELDS : OWN_FIELDS_AND_DATE;
  let head = writeStatusLine(status, reason);
  if (date !== null) head += `Date: ${date}\r\n`;
  head += keepAlive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  const hasLength = length !== null && !isBodiless(status);
  if (hasLength) head += `Content-Length: ${length}\r\n`;
  return `${head}${without(given, own)}\r\n`;
}

function without(given: HeaderFields, names: readonly string[]): HeaderFields {
  if (!names.some((name) => given.has(name))) return given;
  const others = new HeaderFields(given);
  for (const name of names) others.delete(name);
  return others;
}

/** What a response is made of. */
type ResponseParts = Pick<PreparedResponse, "status" | "headers" | "body">;

const NO_DATE = " ".repeat(29);

/**
 * A response that is sent many times: head and body lie ready as one block of
 * bytes, in which only the date changes. One write of a ready block is what
 * makes small files fast.
 *
 * To a handler it is a response like any other: `{ ...response, headers }` has
 * its status and body, and not the block, so that it is sent with the fields of
 * its own. Since all requests share it, it cannot be changed.
 */
export class PreparedResponse implements HttpResponse {
  /** The status code. */
  readonly status: number;
  /** The header fields, without `Date`, `Connection` and `Content-Length`. */
  readonly headers: HeaderFields;
  /** The whole body, as a view of the block. */
  readonly body: Uint8Array;
  /** Head and body for a connection that is kept. */
  readonly #octets: Uint8Array;
  /** The second of the date in them. */
  #second = -1;
  /** The head for a connection that is closed, and the second of its date. */
  #closing: { readonly second: number; readonly head: string } | null = null;

  /**
   * Prepares a response; its body is copied, and so are its fields, unless they
   * are shared ones.
   */
  constructor({ status, headers, body }: ResponseParts) {
    this.status = status;
    this.headers = headers instanceof SharedFields
      ? headers
      : new SharedFields(headers);
    const { length } = body;
    const date = NO_DATE;
    const head = writeHead(
      { status, date, keepAlive: true, length },
      this.headers,
    );
    this.#octets = new Uint8Array(head.length + body.length);
    putOctets(head, this.#octets);
    this.#octets.set(body, head.length);
    this.body = this.#octets.subarray(head.length);
    Object.freeze(this);
  }

  /** How many bytes the head has on a connection that is kept. */
  get headBytes(): number {
    return this.#octets.length - this.body.length;
  }

  /**
   * Gives the bytes to write to a connection that is kept.
   *
   * @param date The present date.
   * @returns The block, which belongs to this object: to be written, not
   *   changed.
   */
  octets(date: DateStamp): Uint8Array {
    if (this.#second !== date.second) {
      const start = writeStatusLine(this.status).length + "Date: ".length;
      this.#octets.set(date.octets, start);
      this.#second = date.second;
    }
    return this.#octets;
  }

  /** Gives the head for a connection that is closed afterwards. */
  closingHead({ second, text: date }: DateStamp): string {
    if (this.#closing?.second !== second) {
      const { status, headers, body: { length } } = this;
      const init = { status, date, keepAlive: false, length };
      this.#closing = { second, head: writeHead(init, headers) };
    }
    return this.#closing.head;
  }
}

/** Fields that several requests share; whoever wants others makes a copy. */
export class SharedFields extends HeaderFields {
  override set(name: string): never {
    throw sharedField(name);
  }

  override append(name: string): never {
    throw sharedField(name);
  }

  override delete(name: string): never {
    throw sharedField(name);
  }
}

function sharedField(name: string): TypeError {
  const what = `field ${JSON.stringify(name)}`;
  return new TypeError(
    `Cannot change ${what}: other requests share this response, so copy it and its headers`,
  );
}
