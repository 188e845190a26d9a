import { splitList } from "../../message/_octets.ts";
import { type ByteSource, ReadBuffer } from "../../message/_read_buffer.ts";
import { ChunkedDecoder } from "../../message/chunked.ts";
import type { BodyFraming } from "../../message/framing.ts";
import type { HeaderFields } from "../../message/header_fields.ts";
import { type Connection, UNCLEAN_END } from "../_connect/connection.ts";
import { ClientError, type ClientErrorCode } from "../error.ts";

/**
 * How many codings may lie on top of each other; each can multiply what comes
 * out.
 */
const MAX_CODINGS = 5;
const BLOCK_BYTES = 65_536;
const CODINGS_REGEXP = /^(?:(?:x-)?gzip|deflate|br)$/;
/**
 * As servers write it, with more blanks and fewer quotes than the grammar has.
 */
const CHARSET_REGEXP = /;\s*charset\s*=\s*"?([\w.:-]+)/i;

/** Where the bytes of a body come from; `read` gives null after its end too. */
export interface BodySource extends ByteSource {
  /** Gives up: the rest is not wanted. */
  cancel(): void;
}

/** A body that is in memory as a whole. */
export class BufferedBody implements BodySource {
  #bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const piece = this.#bytes.subarray(0, view.length);
    this.#bytes = this.#bytes.subarray(piece.length);
    view.set(piece);
    return Promise.resolve(piece.length === 0 ? null : piece.length);
  }

  cancel(): void {
    this.#bytes = this.#bytes.subarray(0, 0);
  }
}

/** Reads a body up to the end that its framing sets, and no byte more. */
export class BodyReader {
  /** Where it ends. */
  readonly framing: BodyFraming;
  readonly #connection: Connection;
  readonly #decoder: ChunkedDecoder | null;
  readonly #limit: number;
  /** What is wrong with the chunk after what was read. */
  #fault: { readonly error: unknown } | null = null;
  /** Whether bytes came after the last chunk. */
  #hasExtra = false;
  /** How many bytes of the body have been read, without chunk lines. */
  received = 0;
  /** Whether it has come to its right end. */
  ended: boolean;

  /** @param limit The most bytes that it may have. */
  constructor(connection: Connection, framing: BodyFraming, limit = Infinity) {
    this.#connection = connection;
    this.framing = framing;
    this.#decoder = framing.kind === "chunked" ? new ChunkedDecoder() : null;
    this.#limit = limit;
    this.ended = this.left === 0;
  }

  /** @throws {ClientError} If it is said to have more bytes than it may. */
  checkTotal(): void {
    if (this.total === null || this.total <= this.#limit) return;
    const how = `it has ${this.total} bytes, over ${this.#limit}`;
    throw this.#error("too-large", how);
  }

  /** How many bytes it has; null when the framing does not say. */
  get total(): number | null {
    return this.framing.kind === "length" ? this.framing.length : null;
  }

  /** How many bytes are still to come; null when that is not known. */
  get left(): number | null {
    if (this.framing.kind === "none") return 0;
    return this.total === null ? null : this.total - this.received;
  }

  /** Whether nothing came after it. */
  get isClean(): boolean {
    const { buffer, ended } = this.#connection;
    return buffer.length === 0 && !this.#hasExtra &&
      (ended === null || this.framing.kind === "close");
  }

  /** Takes all of it, if all of it has arrived already. */
  takeBuffered(): Uint8Array<ArrayBuffer> | null {
    const { buffer } = this.#connection;
    const { left } = this;
    if (left === null || left > buffer.length) return null;
    this.received += left;
    this.ended = true;
    return buffer.take(left);
  }

  /** Reads some bytes; null at the end. */
  async read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const room = view.subarray(0, this.left ?? view.length);
    const count = this.#decoder === null
      ? await this.#connection.readThrough(room)
      : await this.#readChunks(room, this.#decoder);
    if (count === null) this.#checkEnd();
    else this.received += count;
    if (this.received > this.#limit) {
      throw this.#error("too-large", `it is over ${this.#limit} bytes`);
    }
    this.ended = count === null || this.left === 0 ||
      this.#decoder?.done === true;
    return count;
  }

  /** Reads chunks, and moves what is in them to the front of the view. */
  async #readChunks(
    view: Uint8Array<ArrayBuffer>,
    decoder: ChunkedDecoder,
  ): Promise<number | null> {
    let size = 0;
    while (size === 0 && !decoder.done) {
      if (this.#fault !== null) throw this.#fault.error;
      const count = await this.#connection.readThrough(view);
      if (count === null) return null;
      const parts: Uint8Array[] = [];
      try {
        decoder.push(view.subarray(0, count), parts);
      } catch (error) {
        this.#fault = { error };
      }
      this.#hasExtra = decoder.used < count;
      for (const part of parts) {
        view.set(part, size);
        size += part.length;
      }
    }
    return size === 0 ? null : size;
  }

  /** The connection has ended: is that how this body ends? */
  #checkEnd(): void {
    const { received, total } = this;
    const what = "the connection was closed";
    if (total !== null) {
      const how = `${what} after ${received} of ${total} bytes`;
      throw this.#error("truncated", how);
    }
    if (this.#decoder?.done === false) {
      const how = `${what} before its last chunk, after ${received} bytes`;
      throw this.#error("truncated", how);
    }
    if (this.#connection.ended === UNCLEAN_END) {
      // Whoever cut the line could have done the same (RFC 9112 section 9.8)
      const how = "TLS ended without close_notify, so more may be missing";
      throw this.#error("reset", `after ${received} bytes ${how}`);
    }
  }

  #error(code: ClientErrorCode, how: string): ClientError {
    return this.#connection.error(code, `Cannot read body: ${how}`);
  }
}

/**
 * Names the content codings to remove, the outermost first.
 *
 * @returns None where one of them is not known: the body is then handed out as
 *   it is, with its field.
 * @throws {ClientError} If there are too many.
 */
export function codingsOf(headers: HeaderFields): string[] {
  const value = headers.get("content-encoding")?.toLowerCase() ?? "";
  const codings = splitList(value).filter((coding) => coding !== "identity")
    .reverse();
  if (codings.length > MAX_CODINGS) {
    throw new ClientError(
      `Cannot decode body: ${codings.length} codings, ${MAX_CODINGS} are allowed`,
      { code: "coding", step: "exchange" },
    );
  }
  return codings.every((coding) => CODINGS_REGEXP.test(coding)) ? codings : [];
}

/** Removes one coding from a body while it is read. */
export class DecodedBody implements BodySource {
  readonly #raw: BodySource;
  readonly #limit: number;
  readonly #chunks: AsyncGenerator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #decoded = 0;

  /**
   * @param limit The most bytes that may come out.
   * @param mayBeEmpty Whether no bytes at all can be a whole body: servers send
   *   nothing as the coding of nothing.
   */
  constructor(
    raw: BodySource,
    coding: string,
    { limit = Infinity, mayBeEmpty = false },
  ) {
    this.#raw = raw;
    this.#limit = limit;
    this.#chunks = decode(raw, coding, mayBeEmpty);
  }

  async read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    try {
      while (this.#chunk.length === 0) {
        const { value, done } = await this.#chunks.next();
        if (done) return null;
        this.#chunk = value;
      }
      const piece = this.#chunk.subarray(0, view.length);
      view.set(piece);
      this.#chunk = this.#chunk.subarray(piece.length);
      this.#decoded += piece.length;
      if (this.#decoded <= this.#limit) return piece.length;
      throw new ClientError(
        `Cannot read body: decoded it is over ${this.#limit} bytes`,
        { code: "too-large", step: "exchange" },
      );
    } catch (error) {
      this.cancel();
      throw error;
    }
  }

  cancel(): void {
    this.#raw.cancel();
    // It ends with the error of the cancelled source
    this.#chunks.return(undefined).catch(() => {});
  }
}

async function* decode(
  raw: BodySource,
  coding: string,
  mayBeEmpty: boolean,
): AsyncGenerator<Uint8Array> {
  const input = new ReadBuffer(raw, new Uint8Array(BLOCK_BYTES));
  if (!await input.fill() && mayBeEmpty) return;
  // Node's decoders are slow to load, with what comes along
  const { decodeCoding } = await import("./zlib.ts");
  yield* decodeCoding(input, coding);
}

/**
 * A decoder for the charset that a media type names; unknown ones are read as
 * UTF-8.
 */
export function decoderFor(type: string | null): TextDecoder {
  const charset = CHARSET_REGEXP.exec(type ?? "")?.[1];
  try {
    return new TextDecoder(charset);
  } catch (error) {
    if (error instanceof RangeError) return new TextDecoder();
    throw error;
  }
}
