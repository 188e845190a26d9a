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
 * The heads that all connections of a server saw recently, by their text.
 * Clients send the same head over and over, and the result of parsing it
 * depends on nothing else, so each is parsed once. Of a GET with another target
 * but the same fields, only the target is parsed.
 *
 * The least recently used ones are evicted: once there are enough recent heads,
 * all that were not used meanwhile are forgotten.
 */
export class SeenHeads {
  readonly #maxBytes: number;
  #recent = new Map<string, AdmittedRequest>();
  #older = new Map<string, AdmittedRequest>();
  #recentBytes = 0;
  #hits = 0;
  #headsToSkip = 0;
  /** Requests by what follows the target in the head of a GET. */
  readonly #similar = new Map<string, AdmittedRequest>();
  #similarHits = 0;
  #decoded = 0;
  #latin1Slice: typeof Buffer.prototype.latin1Slice | null = null;

  /**
   * Makes an empty table.
   *
   * @param limits The limits of heads. What is longer is never looked up, so
   *   that they hold for another target, too.
   */
  constructor({ maxLineBytes, maxHeadBytes }: Required<RequestHeadLimits>) {
    this.#maxBytes = Math.min(MAX_HEAD_BYTES, maxLineBytes, maxHeadBytes);
  }

  /**
   * Decodes the input as ISO-8859-1; null if it should not be looked up.
   *
   * Node's decoder is faster, but loading it takes time, and memory for the
   * rest of Node's `Buffer`. So it is loaded only after many heads.
   */
  decode({ bytes, start, end }: ReadBuffer): string | null {
    if (end - start > this.#maxBytes) return null;
    if (this.#headsToSkip > 0 && this.#similar.size === 0) {
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

  /** Returns the request of a head; null if it has to be parsed. */
  get(text: string): AdmittedRequest | null {
    if (this.#headsToSkip > 0) {
      this.#headsToSkip--;
      return this.#getSimilar(text);
    }
    const recent = this.#recent.get(text);
    const older = recent ?? this.#older.get(text);
    if (older !== undefined) this.#hits++;
    const seen = older ?? this.#getSimilar(text);
    if (recent === undefined && seen !== null) this.#remember(text, seen);
    return seen;
  }

  /** Remembers the request of a head that has no body. */
  add(text: string, seen: AdmittedRequest): void {
    if (this.#headsToSkip > 0) return;
    const end = targetEnd(text);
    if (end > 0) this.#similar.set(text.slice(end), seen);
    this.#remember(text, seen);
  }

  #remember(text: string, seen: AdmittedRequest): void {
    this.#recent.set(text, seen);
    this.#recentBytes += text.length;
    if (
      this.#recent.size < RECENT_HEADS && this.#recentBytes < RECENT_BYTES
    ) return;
    if (this.#hits < this.#recent.size) this.#headsToSkip = SKIPPED_HEADS;
    const isUseful = this.#similarHits >= this.#recent.size / 2;
    if (!isUseful || this.#similar.size > RECENT_HEADS) this.#similar.clear();
    this.#hits = this.#similarHits = 0;
    this.#older = this.#recent;
    this.#recent = new Map();
    this.#recentBytes = 0;
  }

  /** Returns the request of a GET whose fields were seen with another target. */
  #getSimilar(text: string): AdmittedRequest | null {
    const end = targetEnd(text);
    const other = end < 0 ? undefined : this.#similar.get(text.slice(end));
    if (other === undefined) return null;
    this.#similarHits++;
    const target = text.slice(GET.length, end);
    const head = { ...other.head, target, size: text.length };
    try {
      return { ...other, head, target: parseTarget(head.method, target) };
    } catch {
      return null; // parsing the whole head tells what is wrong
    }
  }
}

/** What the head of a GET begins with, up to its target. */
const GET = "GET ";

/** Where the target of a GET ends; -1 for other heads. */
function targetEnd(text: string): number {
  return text.startsWith(`${GET}/`) ? text.indexOf(" ", GET.length) : -1;
}
