import { TurnQueue } from "./turns.ts";

/**
 * What goes out in one piece has at most so many bytes: 64 KiB, and room for a
 * head before them.
 */
export const PIECE_BYTES = 69_632;
/**
 * How many blocks for pieces are kept: new memory for 64 KiB takes 8 us, three
 * times as long as reading them.
 */
const MAX_FREE_PIECES = 64;

/** The largest block for a download: 1 MiB a read is the fastest for one. */
const MAX_BYTES = 1_048_576;
/** The smallest. */
const MIN_BYTES = 65_536;
/** How much is lent to downloads, unless even the smallest blocks take more. */
const TOTAL_BYTES = 33_554_432;
/** How many of the largest blocks are kept. */
const MAX_FREE = 4;
/** So many downloads may go on without turns. */
const FEW = 64;
/**
 * Of more, so much may be sent by all of them before other clients get a turn.
 */
const TURN_BYTES = 8_388_608;
/** How many have a turn at once. */
const AT_ONCE = 8;

/**
 * What a connection reads into: enough for the head of most requests, and small
 * enough for thousands that wait.
 */
export const INPUT_BYTES = 1_024;
/** How many of these are kept. */
const MAX_FREE_INPUTS = 64;

/**
 * Lends blocks of memory to connections, to read into; a new one each takes 8 %
 * of the time for one request.
 */
export class InputLender {
  readonly #free: Uint8Array<ArrayBuffer>[] = [];

  /** Lends a block; what another connection read into it may still be there. */
  lend(): Uint8Array<ArrayBuffer> {
    return this.#free.pop() ?? new Uint8Array(INPUT_BYTES);
  }

  /** Takes a block back. */
  giveBack(block: Uint8Array<ArrayBuffer>): void {
    if (this.#free.length < MAX_FREE_INPUTS) this.#free.push(block);
  }
}

/** Lends blocks of memory to what goes out in one piece. */
export class PieceLender {
  readonly #free: Uint8Array[] = [];
  #lent = 0;

  /** Lends a block for so many bytes. */
  lend(length: number): Uint8Array {
    this.#lent++;
    // Many clients that are slow to take little get no more than they need
    const size = this.#lent <= MAX_FREE_PIECES ? PIECE_BYTES : length;
    return size === PIECE_BYTES
      ? this.#free.pop() ?? new Uint8Array(size)
      : new Uint8Array(size);
  }

  /** Takes a block back. */
  giveBack(block: Uint8Array): void {
    this.#lent--;
    const isKept = block.length === PIECE_BYTES &&
      this.#free.length < MAX_FREE_PIECES;
    if (isKept) this.#free.push(block);
  }
}

/**
 * Lends blocks of memory to downloads, which take many pieces; the more there
 * are, the smaller the blocks.
 */
export class DownloadLender {
  readonly #free: Uint8Array[] = [];
  #lent = 0;

  /** The borrowers take turns. */
  readonly turns: TurnQueue = new TurnQueue(AT_ONCE);

  /** How much one of them may send before it gives way to others. */
  get turnBytes(): number {
    return this.#lent <= FEW ? Infinity : TURN_BYTES / this.#lent;
  }

  /** Lends a block to send so many bytes with, piece by piece. */
  lend(length: number): Uint8Array {
    this.#lent++;
    const share = Math.max(TOTAL_BYTES / this.#lent, MIN_BYTES);
    const size = Math.min(length, MAX_BYTES, share);
    return size === MAX_BYTES
      ? this.#free.pop() ?? new Uint8Array(size)
      : new Uint8Array(2 ** Math.floor(Math.log2(size)));
  }

  /** Takes a block back. */
  giveBack(block: Uint8Array): void {
    this.#lent--;
    const isKept = block.length === MAX_BYTES && this.#free.length < MAX_FREE;
    if (isKept) this.#free.push(block);
  }
}

/** The memory of a server that is used again and again. */
export interface Blocks {
  /** For what arrives. */
  readonly inputs: InputLender;
  /** For what goes out in one piece. */
  readonly pieces: PieceLender;
  /** For the rest. */
  readonly downloads: DownloadLender;
}
