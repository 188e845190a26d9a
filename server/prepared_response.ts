import { putOctets } from "../message/_octets.ts";
import { type HeaderFields, writeStatusLine } from "../message/mod.ts";
import { writeHead } from "./_connection/head.ts";
import type { HttpResponse } from "./http_response.ts";

/**
 * The Date field at this second, and its octets: 29 of them, always (RFC 9110
 * section 5.6.7).
 */
export interface DateStamp {
  /** Counts the seconds; a new number means a new text. */
  readonly second: number;
  /** The field value. */
  readonly text: string;
  /** The field value as it goes over the wire. */
  readonly octets: Uint8Array;
}

const NO_DATE = " ".repeat(29);

/**
 * An answer that is sent many times: head and body lie ready as one block of
 * bytes, in which only the date changes.
 *
 * One write of a ready block is what makes small files fast.
 */
export class PreparedResponse implements HttpResponse {
  /** The status code. */
  readonly status: number;
  /** The header fields, without `Date`, `Connection` and `Content-Length`. */
  readonly headers: HeaderFields;
  readonly #contentLength: number | null;
  /**
   * As it was sent last: nearly all clients want their connections alike, and
   * both would take the memory twice.
   */
  #block: Block;

  /**
   * Prepares an answer.
   *
   * @param init Status, header fields, and the body, which is copied;
   *   `contentLength` null leaves the field out, as a 304 does.
   */
  constructor(
    init: {
      readonly status: number;
      readonly headers: HeaderFields;
      readonly body: Uint8Array;
      readonly contentLength?: number | null;
    },
  ) {
    const { status, headers, body, contentLength = body.length } = init;
    this.status = status;
    this.headers = headers;
    this.#contentLength = contentLength;
    this.#block = this.#write(body, true);
  }

  /** The whole body. */
  get body(): Uint8Array {
    const { octets, headLength } = this.#block;
    return octets.subarray(headLength);
  }

  /**
   * Gives the bytes to write.
   *
   * @param keepAlive Which `Connection` field to send.
   * @param date The present date.
   * @param headOnly Whether to leave the body out, for HEAD.
   * @returns A view of a block that belongs to this object: to be written, not
   *   changed.
   */
  octets(keepAlive: boolean, date: DateStamp, headOnly: boolean): Uint8Array {
    if (this.#block.keepAlive !== keepAlive) {
      this.#block = this.#write(this.body, keepAlive);
    }
    const block = this.#block;
    if (block.second !== date.second) {
      block.octets.set(date.octets, block.dateStart);
      block.second = date.second;
    }
    return headOnly ? block.octets.subarray(0, block.headLength) : block.octets;
  }

  #write(body: Uint8Array, keepAlive: boolean): Block {
    const { status } = this;
    const length = this.#contentLength;
    const head = writeHead(
      { status, date: NO_DATE, keepAlive, length },
      this.headers,
    );
    const octets = new Uint8Array(head.length + body.length);
    putOctets(head, octets);
    octets.set(body, head.length);
    const dateStart = writeStatusLine(status).length + "Date: ".length;
    return {
      octets,
      keepAlive,
      headLength: head.length,
      dateStart,
      second: -1,
    };
  }
}

interface Block {
  readonly octets: Uint8Array;
  readonly keepAlive: boolean;
  readonly headLength: number;
  readonly dateStart: number;
  second: number;
}
