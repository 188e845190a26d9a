import type { Buffer } from "node:buffer";
import { octetsToText } from "../../message/_octets.ts";
import type { ReadBuffer } from "../../message/_read_buffer.ts";
import { parseTarget } from "../../message/mod.ts";
import type { AdmittedRequest } from "./admit.ts";

/** The longest head that is remembered, in bytes. */
const MAX_HEAD_BYTES = 1_024;
/** How many heads are remembered at most. */
const MAX_HEADS = 2_048;
/**
 * The count of misses at which most heads are no longer looked up: they will
 * hardly be found, and remembering one costs more than parsing it. A head that
 * has to be parsed adds one, and a head that is found takes two away.
 */
const MAX_MISSES = 64;
/** One in this many heads is then still looked up. */
const SAMPLE = 8;
/** How many heads are decoded before Node's decoder is loaded. */
const DECODES_BEFORE_NODE = 1_000;

/**
 * The heads that all connections of a server saw recently, by their text.
 * Clients send the same head over and over, and the result of parsing it
 * depends on nothing else, so each is parsed once. Of a GET with another target
 * but the same fields, only the target is parsed.
 *
 * Once there are too many, all are forgotten: those in use soon come again.
 */
export class SeenHeads {
  /** Requests by the whole head. */
  readonly #same = new Map<string, AdmittedRequest>();
  /** Requests by what follows the target in the head of a GET. */
  readonly #similar = new Map<string, AdmittedRequest>();
  #misses = 0;
  #skipped = 0;
  #similarHits = 0;
  #decoded = 0;
  #latin1Slice: typeof Buffer.prototype.latin1Slice | null = null;

  /**
   * Decodes the input as ISO-8859-1; null if it should not be looked up.
   *
   * Node's decoder is faster, but loading it takes time, and memory for the
   * rest of Node's `Buffer`. So it is loaded only after many heads.
   */
  decode({ bytes, start, end }: ReadBuffer): string | null {
    if (end - start > MAX_HEAD_BYTES) return null;
    const isSkipped = this.#misses === MAX_MISSES &&
      ++this.#skipped % SAMPLE !== 0;
    if (isSkipped) return null;
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
    const same = this.#same.get(text);
    const seen = same ?? this.#getSimilar(text);
    this.#misses = seen === null
      ? Math.min(this.#misses + 1, MAX_MISSES)
      : Math.max(this.#misses - 2, 0);
    // Of those with other targets, the ones that come often are soon among them
    const isNew = same === undefined && seen !== null;
    if (isNew && ++this.#similarHits % SAMPLE === 0) this.add(text, seen);
    return seen;
  }

  /** Remembers the request of a head that has no body. */
  add(text: string, seen: AdmittedRequest): void {
    if (this.#same.size >= MAX_HEADS) {
      this.#same.clear();
      this.#similar.clear();
    }
    this.#same.set(text, seen);
    const end = targetEnd(text);
    if (end > 0) this.#similar.set(text.slice(end), seen);
  }

  /** Returns a GET whose fields were seen with another target. */
  #getSimilar(text: string): AdmittedRequest | null {
    const end = targetEnd(text);
    const other = end < 0 ? undefined : this.#similar.get(text.slice(end));
    // A longer one could be over a limit
    if (other === undefined || text.length > other.head.size) return null;
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
