import { TurnQueue } from "./_turns.ts";

/** The smallest block: 64 KiB, and room for a head before them. */
const MIN_BYTES = 69_632;
/** The largest: 1 MiB a read is the fastest for one download. */
const MAX_BYTES = 1_048_576;
/** How much is lent at most, unless even the smallest blocks take more. */
const TOTAL_BYTES = 33_554_432;
/** How many of the smallest are kept: new memory for 64 KiB takes 8 us, three times as long as reading them. */
const MAX_FREE_SMALL = 64;
/** How many of the largest are kept. */
const MAX_FREE_LARGE = 4;
/** So many may go on without turns. */
const FEW = 64;
/** Of more, so much may be sent by all of them before other clients get a turn. */
const TURN_BYTES = 8_388_608;
/** How many have a turn at once. */
const AT_ONCE = 8;

/** Lends blocks of memory for reading files; the more are out, the smaller they get. */
export class BlockLender {
  readonly #small: Uint8Array[] = [];
  readonly #large: Uint8Array[] = [];
  #lent = 0;

  /** The borrowers take turns. */
  readonly turns: TurnQueue = new TurnQueue(AT_ONCE);

  /** How much one of them may send before it gives way to others. */
  get turnBytes(): number {
    return this.#lent <= FEW ? Infinity : TURN_BYTES / this.#lent;
  }

  /** Lends a block for so many bytes, or to send them piece by piece. */
  lend(length: number): Uint8Array {
    this.#lent++;
    const size = this.#sizeFor(length);
    const free = size === MIN_BYTES
      ? this.#small
      : size === MAX_BYTES
      ? this.#large
      : null;
    return free?.pop() ?? new Uint8Array(size);
  }

  /** Takes a block back. */
  giveBack(block: Uint8Array): void {
    this.#lent--;
    const { length } = block;
    if (length === MIN_BYTES && this.#small.length < MAX_FREE_SMALL) {
      this.#small.push(block);
    } else if (length === MAX_BYTES && this.#large.length < MAX_FREE_LARGE) {
      this.#large.push(block);
    }
  }

  #sizeFor(length: number): number {
    // Many clients that are slow to take little get no more than they need
    if (length <= MIN_BYTES) {
      return this.#lent <= MAX_FREE_SMALL ? MIN_BYTES : length;
    }
    const share = Math.min(length, MAX_BYTES, TOTAL_BYTES / this.#lent);
    return share <= MIN_BYTES * 2
      ? MIN_BYTES
      : 2 ** Math.floor(Math.log2(share));
  }
}
