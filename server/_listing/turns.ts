// To list a hundred thousand files takes a second or two. It is done in turns of a few milliseconds, in between which
// other requests are answered; and however many listings are made at once, they share these turns.

/** How many entries are handled between two looks at the clock. */
export const SLICE = 500;
/** How long a turn is, in milliseconds. */
const MAX_TURN = 5;

/**
 * Where long works wait for their turns: one of them works in each round of the event loop.
 *
 * By timers, since rounds of `setImmediate` go on without a look at new connections: those waited up to 0.8 s.
 */
export class TurnQueue {
  #last: Promise<void> = Promise.resolve();

  /** Waits for the next turn that nobody else has. */
  wait(): Promise<void> {
    this.#last = this.#last.then(() =>
      new Promise((resolve) => setTimeout(resolve, 0))
    );
    return this.#last;
  }
}

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
