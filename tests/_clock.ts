// A clock that tests set, so that they need not wait.

/**
 * A clock in place of `performance.now()` and `Date.now()`, until it is
 * disposed of.
 */
export class TestClock implements Disposable {
  readonly #now = performance.now.bind(performance);
  readonly #date = Date.now;
  /** What it is ahead of the time, apart from its factor. */
  #passed = 0;
  #factor = 1;
  #hurriedAt = 0;

  constructor() {
    performance.now = () => this.#now() + this.#ahead;
    Date.now = () => this.#date() + Math.round(this.#ahead);
  }

  get #ahead(): number {
    const hurried = (this.#now() - this.#hurriedAt) * (this.#factor - 1);
    return this.#passed + hurried;
  }

  /** Lets time pass at once: what waits for it notices at its next tick. */
  pass(milliseconds: number): void {
    this.#passed += milliseconds;
  }

  /**
   * Lets time pass faster from now on. The clock of a server goes on by at most
   * a second at each of its ticks, five times a second.
   */
  hurry(factor: number): void {
    this.#passed = this.#ahead;
    this.#hurriedAt = this.#now();
    this.#factor = factor;
  }

  [Symbol.dispose](): void {
    performance.now = this.#now;
    Date.now = this.#date;
  }
}
