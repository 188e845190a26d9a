import type { Buffer } from "node:buffer";
import { octetsToText } from "../../message/_octets.ts";

/** From how many heads on it pays to load Node's reader. */
const MANY_HEADS = 1_000;

/**
 * Reads heads as ISO-8859-1 text, for all connections of a server.
 *
 * Node's reader takes less than half the time, which is 3 % of a small request,
 * but brings along what else Node's `Buffer` needs: 4 ms at the start, and
 * 5 MB. So it is loaded once many heads have been read.
 */
export class HeadDecoder {
  #heads = 0;
  #latin1Slice: typeof Buffer.prototype.latin1Slice | null = null;

  /** Reads the octets from `start` to `end`. */
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
