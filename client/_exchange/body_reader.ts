import { ChunkedDecoder } from "../../message/chunked.ts";
import type { BodyFraming } from "../../message/framing.ts";
import type { Connection } from "../_connect/connection.ts";

/** Where the bytes of a body come from. */
export interface BodySource {
  /**
   * Reads up to as many bytes as the view has; null at the end, and each time
   * after it.
   */
  read(view: Uint8Array<ArrayBuffer>): Promise<number | null>;
  /** Returns all of it, where it is in memory already. */
  takeAll?(): Uint8Array<ArrayBuffer>;
  /** Gives up: the rest is not wanted. */
  cancel(): void;
}

/** A body that is in memory as a whole. */
export class BufferedBody implements BodySource {
  #bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  takeAll(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes;
    this.cancel();
    return bytes;
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
  /** What is wrong with the chunk after what was read. */
  #fault: { readonly error: unknown } | null = null;
  /** Whether bytes came after the last chunk. */
  #hasExtra = false;
  /** How many bytes of the body have been read, without chunk lines. */
  received = 0;
  /** Whether it has come to its right end. */
  ended: boolean;

  constructor(connection: Connection, framing: BodyFraming) {
    this.#connection = connection;
    this.framing = framing;
    this.#decoder = framing.kind === "chunked" ? new ChunkedDecoder() : null;
    this.ended = this.left === 0;
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
    if (this.ended) return null;
    const room = view.subarray(0, this.left ?? view.length);
    const count = this.#decoder === null
      ? await this.#connection.readThrough(room)
      : await this.#readChunks(room, this.#decoder);
    if (count === null) this.#checkEnd();
    else this.received += count;
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
    if (total !== null) {
      throw this.#truncated(`after ${received} of ${total} bytes`);
    }
    if (this.#decoder?.done === false) {
      throw this.#truncated(`before its last chunk, after ${received} bytes`);
    }
    if (this.#connection.ended === "unclean") {
      // Whoever cut the line could have done the same (RFC 9112 section 9.8)
      throw this.#connection.error(
        "reset",
        `Cannot read body: after ${received} bytes TLS ended without close_notify, so more may be missing`,
      );
    }
  }

  #truncated(where: string): Error {
    return this.#connection.error(
      "truncated",
      `Cannot read body: the connection was closed ${where}`,
    );
  }
}
