/**
 * What a connection reads into: enough for the head of most requests, and small
 * enough for thousands that wait.
 */
export const INPUT_BYTES = 1_024;
/** What it reads a body into. */
export const BODY_INPUT_BYTES = 16_384;
/** What goes out in one write has at most 64 KiB, and a head before them. */
export const WRITE_BYTES = 69_632;
/** A download is read and written by so much: no other size is faster. */
export const DOWNLOAD_BYTES = 1_048_576;

/** How much memory a {@linkcode BufferPool} lends, and how much it keeps. */
export interface BufferPoolSizes {
  /** The size of a whole chunk. */
  readonly chunkBytes: number;
  /**
   * How many bytes are lent in whole chunks; then each borrower gets an equal
   * share of them, or the least that it needs.
   */
  readonly sharedBytes: number;
  /** How many whole chunks are kept for later. */
  readonly maxFree: number;
}

/**
 * Memory that is used again and again: a new chunk of 64 KiB takes longer than
 * reading a file into it.
 */
export class BufferPool {
  readonly #sizes: BufferPoolSizes;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #lent = 0;

  /** Makes a pool that has no memory yet. */
  constructor(sizes: BufferPoolSizes) {
    this.#sizes = sizes;
  }

  /** How many chunks are lent at the moment. */
  get lent(): number {
    return this.#lent;
  }

  /**
   * Lends a chunk; what its last borrower put into it may still be there.
   *
   * @param wanted How many bytes are of use, at most.
   * @param least How many are needed, however many borrowers there are.
   */
  acquire(wanted: number, least = wanted): Uint8Array<ArrayBuffer> {
    const { chunkBytes, sharedBytes } = this.#sizes;
    this.#lent++;
    const share = Math.floor(sharedBytes / this.#lent);
    const size = Math.min(wanted, Math.max(share, least));
    return size === chunkBytes
      ? this.#free.pop() ?? new Uint8Array(size)
      : new Uint8Array(size);
  }

  /** Takes a chunk back. */
  release(chunk: Uint8Array<ArrayBuffer>): void {
    const { chunkBytes, maxFree } = this.#sizes;
    this.#lent--;
    const isKept = chunk.length === chunkBytes && this.#free.length < maxFree;
    if (isKept) this.#free.push(chunk);
  }
}

/** The memory of a server. */
export interface Buffers {
  /** For what arrives. */
  readonly inputs: BufferPool;
  /** For what goes out in one write. */
  readonly writes: BufferPool;
  /** For what takes many writes. */
  readonly downloads: BufferPool;
}

/** Makes the pools of a server. */
export function makeBuffers(): Buffers {
  return {
    inputs: new BufferPool({
      chunkBytes: INPUT_BYTES,
      sharedBytes: Infinity,
      maxFree: 64,
    }),
    writes: new BufferPool({
      chunkBytes: WRITE_BYTES,
      sharedBytes: 64 * WRITE_BYTES,
      maxFree: 64,
    }),
    downloads: new BufferPool({
      chunkBytes: DOWNLOAD_BYTES,
      sharedBytes: 32 * DOWNLOAD_BYTES,
      maxFree: 4,
    }),
  };
}
