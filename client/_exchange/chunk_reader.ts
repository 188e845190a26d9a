import { ChunkedDecoder } from "../../message/chunked.ts";
import type { Connection } from "../_connect/connection.ts";

/** The size of the block that chunked bodies are read in. */
const BLOCK_BYTES = 65_536;

/** Takes chunks off what comes. */
export class ChunkReader {
  readonly #connection: Connection;
  readonly #decoder = new ChunkedDecoder();
  readonly #block = new Uint8Array(BLOCK_BYTES);
  #parts: Uint8Array[] = [];
  #next = 0;
  /** Whether bytes came behind the body. */
  hasExtra = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Whether the last chunk has come, and all before it has been read. */
  get done(): boolean {
    return this.#decoder.done && this.#next >= this.#parts.length;
  }

  async read(view: Uint8Array): Promise<number | null> {
    while (this.#next >= this.#parts.length) {
      if (this.#decoder.done) return null;
      if (!await this.#more()) return null;
    }
    return this.#copyTo(view);
  }

  async #more(): Promise<boolean> {
    const connection = this.#connection;
    let bytes = connection.take();
    if (bytes.length === 0) {
      const count = await connection.read(this.#block);
      if (count === null) return false;
      bytes = this.#block.subarray(0, count);
    }
    this.#parts = this.#decoder.push(bytes);
    this.#next = 0;
    this.hasExtra = this.#decoder.used < bytes.length;
    return true;
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
