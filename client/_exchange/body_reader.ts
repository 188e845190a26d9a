import { ChunkedDecoder } from "../../message/chunked.ts";
import type { BodyFraming } from "../../message/framing.ts";
import type { Connection } from "../_connect/connection.ts";

/** The size of the block that chunked bodies are read in. */
const BLOCK_BYTES = 65_536;

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
  readonly #chunks: ChunkReader | null;
  /** How many bytes of the body have been read, without chunk lines. */
  received = 0;
  /** Whether it has come to its right end. */
  ended: boolean;

  constructor(connection: Connection, framing: BodyFraming) {
    this.#connection = connection;
    this.framing = framing;
    this.#chunks = framing.kind === "chunked"
      ? new ChunkReader(connection)
      : null;
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
    return buffer.length === 0 && this.#chunks?.hasExtra !== true &&
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
    const { left } = this;
    const fits = left === null || left >= view.length;
    const room = fits ? view : view.subarray(0, left);
    const count = this.#chunks === null
      ? await this.#connection.readThrough(room)
      : await this.#chunks.read(room);
    if (count === null) this.#checkEnd();
    else this.received += count;
    this.ended = count === null || this.left === 0 ||
      this.#chunks?.done === true;
    return count;
  }

  /** The connection has ended: is that how this body ends? */
  #checkEnd(): void {
    const { received, total } = this;
    if (total !== null) {
      throw this.#truncated(`after ${received} of ${total} bytes`);
    }
    if (this.#chunks?.done === false) {
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

/** Removes the chunked coding from a body. */
class ChunkReader {
  readonly #connection: Connection;
  readonly #decoder = new ChunkedDecoder();
  readonly #block = new Uint8Array(BLOCK_BYTES);
  #parts: Uint8Array[] = [];
  #next = 0;
  /** What is wrong with the chunk after these parts. */
  #fault: { readonly error: unknown } | null = null;
  /** Whether bytes came after the body. */
  hasExtra = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Whether the last chunk has arrived, and all before it has been read. */
  get done(): boolean {
    return this.#decoder.done && this.#next === this.#parts.length;
  }

  async read(view: Uint8Array): Promise<number | null> {
    while (this.#next === this.#parts.length) {
      if (this.#fault !== null) throw this.#fault.error;
      if (this.#decoder.done) return null;
      const count = await this.#connection.readThrough(this.#block);
      if (count === null) return null;
      this.#parts = [];
      this.#next = 0;
      try {
        this.#decoder.push(this.#block.subarray(0, count), this.#parts);
      } catch (error) {
        this.#fault = { error };
      }
      this.hasExtra = this.#decoder.used < count;
    }
    return this.#copyTo(view);
  }

  #copyTo(view: Uint8Array): number {
    let count = 0;
    while (this.#next < this.#parts.length && count < view.length) {
      const part = this.#parts[this.#next]!;
      const piece = part.subarray(0, view.length - count);
      view.set(piece, count);
      count += piece.length;
      if (piece.length === part.length) this.#next++;
      else this.#parts[this.#next] = part.subarray(piece.length);
    }
    return count;
  }
}
