/**
 * Where those wait who could go on without end: so many of them go on each time
 * that other events have been looked at.
 *
 * A socket with room takes a block at once, and Deno then goes on with the same
 * download; a listener accepts one connection each time events are looked at.
 * Without turns, 1,000 downloads that start together kept other clients waiting
 * for 1.6 s. By timers, since `setImmediate` runs again before all events were
 * seen: 0.3 s against 0.03.
 */
export class FairQueue {
  readonly #atOnce: number;
  readonly #waiting: (() => void)[] = [];
  #isPlanned = false;

  /**
   * Makes an empty queue.
   *
   * @param atOnce How many go on together.
   */
  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Waits for a turn. */
  wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#plan();
    return promise;
  }

  #plan(): void {
    if (this.#isPlanned || this.#waiting.length === 0) return;
    this.#isPlanned = true;
    setTimeout(() => {
      this.#isPlanned = false;
      for (const goOn of this.#waiting.splice(0, this.#atOnce)) goOn();
      this.#plan();
    }, 0);
  }
}
