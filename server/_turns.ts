/** How many go on before other events are looked at: the connections that are new, and those that have asked. */
const GO_ON_AT_ONCE = 8;

/**
 * Lets those who would never have to wait take turns.
 *
 * A socket with room takes a block at once, and Deno then goes on with the same download: without turns, 1,000 that start
 * together kept other clients waiting for 1.6 s, since a listener accepts one connection each time
 * events are looked at. A timer and not `setImmediate`, which runs again before all events were seen: 0.3 s against 0.03.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isPlanned = false;

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
      for (const goOn of this.#waiting.splice(0, GO_ON_AT_ONCE)) goOn();
      this.#plan();
    }, 0);
  }
}
