/**
 * Queues work that never has to wait for anything: each turn of the event loop
 * resumes a few of the waiting, so that accepts and other requests are not
 * starved.
 *
 * A socket with room takes a block at once, and Deno then goes on with the same
 * download, while a listener accepts one connection a turn. Without the queue,
 * 1,000 downloads that start together keep other clients waiting for a second
 * and more. It uses timers, because `setImmediate` runs again before all events
 * were seen.
 */
export class FairQueue {
  readonly #atOnce: number;
  readonly #waiting: (() => void)[] = [];
  #isScheduled = false;

  /**
   * Makes an empty queue.
   *
   * @param atOnce How many are resumed in one turn of the event loop.
   */
  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Waits for a turn. */
  wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#schedule();
    return promise;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    setTimeout(() => {
      this.#isScheduled = false;
      for (const resume of this.#waiting.splice(0, this.#atOnce)) resume();
      this.#schedule();
    }, 0);
  }
}
