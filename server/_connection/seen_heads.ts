import type { Buffer } from "node:buffer";
import { octetsToText } from "../../message/_octets.ts";
import type { ReadBuffer } from "../../message/_read_buffer.ts";
import { parseTarget, type RequestHeadLimits } from "../../message/mod.ts";
import type { AdmittedRequest } from "./admit.ts";

/** The longest head that is remembered, in bytes. */
const MAX_HEAD_BYTES = 1_024;
/** How many heads count as recent, and how many bytes they may have. */
const RECENT_HEADS = 1_024;
const RECENT_BYTES = 524_288;
/**
 * If there are more recent heads than were found again, this many further heads
 * are not looked up. They will hardly be found either, and storing a head costs
 * more than parsing it.
 */
const SKIPPED_HEADS = 16_384;
/** How many heads are decoded before Node's decoder is loaded. */
const DECODES_BEFORE_NODE = 1_000;

/**
 * The requests that all connections of a server saw recently. Clients send the
 * same head over and over, or the same with other targets. The result of
 * parsing it depends on nothing else, so fields that were seen with one target
 * are not parsed again with another.
 *
 * The least recently used ones are evicted: once there are enough recent heads,
 * all that were not used meanwhile are forgotten.
 */
export class SeenHeads {
  readonly #maxHeadBytes: number;
  /** The last request of each key. */
  #recent = new Map<string, AdmittedRequest>();
  #older = new Map<string, AdmittedRequest>();
  #recentBytes = 0;
  #hits = 0;
  #headsToSkip = 0;
  #decoded = 0;
  #latin1Slice: typeof Buffer.prototype.latin1Slice | null = null;

  /**
   * Makes an empty table.
   *
   * @param limits The limits that a head is parsed with; what is found in the
   *   table is within each of them.
   */
  constructor({ maxLineBytes, maxHeadBytes }: Required<RequestHeadLimits>) {
    this.#maxHeadBytes = Math.min(MAX_HEAD_BYTES, maxLineBytes, maxHeadBytes);
  }

  /**
   * Decodes the input as ISO-8859-1; null if it should not be looked up.
   *
   * Node's decoder is faster, but loading it takes time, and memory for the
   * rest of Node's `Buffer`. So it is loaded only after many heads.
   */
  decode({ bytes, start, end }: ReadBuffer): string | null {
    if (end - start > this.#maxHeadBytes) return null;
    if (this.#headsToSkip > 0) {
      this.#headsToSkip--;
      return null;
    }
    const latin1Slice = this.#latin1Slice;
    if (latin1Slice !== null) return latin1Slice.call(bytes, start, end);
    if (++this.#decoded === DECODES_BEFORE_NODE) void this.#loadLatin1Slice();
    return octetsToText(bytes, start, end);
  }

  async #loadLatin1Slice(): Promise<void> {
    const { Buffer } = await import("node:buffer");
    this.#latin1Slice = Buffer.prototype.latin1Slice;
  }

  /** Returns the request of a head; null if it was not seen recently. */
  get(text: string): AdmittedRequest | null {
    const key = keyOf(text);
    const recent = this.#recent.get(key);
    const last = recent ?? this.#older.get(key);
    if (last === undefined) return null;
    this.#hits++;
    const target = text.slice(GET.length, text.length - key.length);
    const seen = key === text ? last : withTarget(target, last);
    if (recent === undefined) this.#add(key, last);
    if (seen !== last && seen !== null) this.#recent.set(key, seen);
    return seen;
  }

  /** Remembers the request of a head that has no body. */
  add(text: string, seen: AdmittedRequest): void {
    this.#add(keyOf(text), seen);
  }

  #add(key: string, seen: AdmittedRequest): void {
    this.#recent.set(key, seen);
    this.#recentBytes += key.length;
    if (
      this.#recent.size < RECENT_HEADS && this.#recentBytes < RECENT_BYTES
    ) return;
    if (this.#hits < this.#recent.size) this.#headsToSkip = SKIPPED_HEADS;
    this.#hits = 0;
    this.#older = this.#recent;
    this.#recent = new Map();
    this.#recentBytes = 0;
  }
}

/** What the head of a GET begins with, up to its target. */
const GET = "GET ";

/** Returns what follows the target in the head of a GET, or all of a head. */
function keyOf(text: string): string {
  const isGet = text.startsWith(`${GET}/`);
  return text.slice(isGet ? text.indexOf(" ", GET.length) : 0);
}

/**
 * Returns a GET with the fields of another one, but a target of its own.
 *
 * @returns Null if the target is invalid: parsing the whole head tells why.
 */
function withTarget(
  target: string,
  other: AdmittedRequest,
): AdmittedRequest | null {
  const { head } = other;
  if (target === head.target) return other;
  const size = head.size - head.target.length + target.length;
  try {
    const parts = parseTarget(head.method, target);
    return { ...other, head: { ...head, target, size }, target: parts };
  } catch {
    return null;
  }
}
