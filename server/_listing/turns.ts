// To list a hundred thousand files takes a second or two. It is done in turns
// of a few milliseconds, in between which other requests are answered; and
// however many listings are made at once, they share these turns.

import type { TurnQueue } from "../_connection/turns.ts";

/** How many entries are handled between two looks at the clock. */
export const SLICE = 500;
/** How long a turn is, in milliseconds. */
const MAX_TURN = 5;

/** The turns of one long work. */
export class Turns {
  readonly #queue: TurnQueue;
  #start = performance.now();

  constructor(queue: TurnQueue) {
    this.#queue = queue;
  }

  /** Lets others have their turn, if this one has taken long enough. */
  async give(): Promise<void> {
    if (performance.now() - this.#start < MAX_TURN) return;
    await this.#queue.wait();
    this.#start = performance.now();
  }
}
