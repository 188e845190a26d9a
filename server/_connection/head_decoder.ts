import type { Buffer } from "node:buffer";
import { octetsToText } from "../../message/_octets.ts";

/** After how many heads Node's decoder is loaded. */
const MANY_HEADS = 1_000;

/**
 * Decodes heads as ISO-8859-1, for all connections of a server.
 *
 * Node's decoder is the faster one, but loading it takes time and memory for
 * all the rest of Node's `Buffer`. So it is loaded once there were many heads.
 */
export class HeadDecoder {
  #heads = 0;
  #latin1Slice: typeof Buffer.prototype.latin1Slice | null = null;

  /** Decodes the octets from `start` to `end`. */
  readonly decode = (
    bytes: Uint8Array,
    start: number,
    end: number,
  ): string => {
    const latin1Slice = this.#latin1Slice;
    if (latin1Slice !== null) return latin1Slice.call(bytes, start, end);
    if (++this.#heads === MANY_HEADS) void this.#loadLatin1Slice();
    return octetsToText(bytes, start, end);
  };

  async #loadLatin1Slice(): Promise<void> {
    const { Buffer } = await import("node:buffer");
    this.#latin1Slice = Buffer.prototype.latin1Slice;
  }
}
