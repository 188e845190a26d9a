import type { Buffer } from "node:buffer";
import { octetsToText } from "../../message/_octets.ts";
import type { ReadBuffer } from "../../message/_read_buffer.ts";
import type { AdmittedRequest } from "./admit.ts";

/** Longer heads are not kept, in bytes. */
const MAX_HEAD_BYTES = 1_024;
/** Half of the heads that are kept at most, and of their bytes. */
const HALF_OF_HEADS = 1_024;
const HALF_OF_BYTES = 524_288;
/**
 * How many heads are not looked up after half of the room was filled by more
 * heads than were found again: as many others will follow, and to keep one
 * costs more than to read it.
 */
const PASSED_OVER = 16_384;
/** After how many heads Node's decoder is loaded. */
const MANY_HEADS = 1_000;

/**
 * The heads that were seen of late, by their text, for all connections of a
 * server: clients send the same one over and over, and what is found in it
 * depends on nothing else, so it is worked out once.
 *
 * Those used least recently go: when half of the room is taken, all that was
 * not used while it was filled is forgotten.
 */
export class SeenHeads {
  #recent = new Map<string, AdmittedRequest>();
  #older = new Map<string, AdmittedRequest>();
  #recentBytes = 0;
  #hits = 0;
  #toPassOver = 0;
  #decoded = 0;
  #latin1Slice: typeof Buffer.prototype.latin1Slice | null = null;

  /**
   * Decodes what has arrived as ISO-8859-1; null if it is not to be looked up.
   *
   * Node's decoder is the faster one, but loading it takes time and memory for
   * all the rest of Node's `Buffer`: so it is loaded after many heads.
   */
  textOf({ bytes, start, end }: ReadBuffer): string | null {
    if (end - start > MAX_HEAD_BYTES) return null;
    if (this.#toPassOver > 0) {
      this.#toPassOver--;
      return null;
    }
    const latin1Slice = this.#latin1Slice;
    if (latin1Slice !== null) return latin1Slice.call(bytes, start, end);
    if (++this.#decoded === MANY_HEADS) void this.#loadLatin1Slice();
    return octetsToText(bytes, start, end);
  }

  async #loadLatin1Slice(): Promise<void> {
    const { Buffer } = await import("node:buffer");
    this.#latin1Slice = Buffer.prototype.latin1Slice;
  }

  /** What was found in a head; null if it was not seen of late. */
  get(text: string): AdmittedRequest | null {
    const recent = this.#recent.get(text);
    const seen = recent ?? this.#older.get(text);
    if (seen === undefined) return null;
    this.#hits++;
    if (recent === undefined) this.add(text, seen);
    return seen;
  }

  /** Keeps what was found in a head, whose body is empty. */
  add(text: string, seen: AdmittedRequest): void {
    this.#recent.set(text, seen);
    this.#recentBytes += text.length;
    if (
      this.#recent.size < HALF_OF_HEADS && this.#recentBytes < HALF_OF_BYTES
    ) return;
    if (this.#hits < this.#recent.size) this.#toPassOver = PASSED_OVER;
    this.#hits = 0;
    this.#older = this.#recent;
    this.#recent = new Map();
    this.#recentBytes = 0;
  }
}
