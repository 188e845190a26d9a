import { putOctets } from "../message/_octets.ts";
import { HeaderFields, writeStatusLine } from "../message/mod.ts";
import type { DateStamp } from "./_connection/clock.ts";
import { writeHead } from "./_connection/response_head.ts";
import type { HttpResponse } from "./http_response.ts";

const NO_DATE = " ".repeat(29);

/** What a response is prepared from. */
export interface PreparedResponseInit {
  /** The status code. */
  readonly status: number;
  /** The header fields, which are copied. */
  readonly headers: HeaderFields;
  /** The body, which is copied. */
  readonly body: Uint8Array;
}

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
  declare readonly body: Uint8Array;
  /**
   * The bytes with the `Connection` field that was sent last. Nearly all
   * clients want the same one, and a block for each takes the memory twice.
   */
  #block: Block;

  /** Prepares a response. */
  constructor(init: PreparedResponseInit) {
    const { status, headers, body } = init;
    this.status = status;
    this.headers = new SharedFields(headers);
    this.#block = this.#write(body, true);
    // Its own property, so that copies have it; a getter, as the block changes
    Object.defineProperty(this, "body", {
      get: () => this.#block.octets.subarray(this.#block.headLength),
      enumerable: true,
    });
    Object.freeze(this);
  }

  /** How many bytes the head has, as it was sent last. */
  get headBytes(): number {
    return this.#block.headLength;
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
      // A new block: others may still be writing from the one there was
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
    const { status, headers } = this;
    const { length } = body;
    const head = writeHead(
      { status, date: NO_DATE, keepAlive, length },
      headers,
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

/** Fields that several requests share; whoever wants others makes a copy. */
class SharedFields extends HeaderFields {
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
  return new TypeError(
    `Cannot change field ${
      JSON.stringify(name)
    }: other requests share this response, so copy it and its headers`,
  );
}
