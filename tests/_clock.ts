// A clock that tests can set, so that they do not have to wait.

/** Replaces `performance.now()` and `Date.now()` until it is disposed. */
export class TestClock implements Disposable {
  readonly #now = performance.now.bind(performance);
  readonly #date = Date.now;
  /** How far it is ahead, apart from the factor, in milliseconds. */
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

  /** Skips some time; servers notice at their next tick. */
  pass(milliseconds: number): void {
    this.#passed += milliseconds;
  }

  /**
   * Lets time pass faster from now on. A server's clock ticks five times a
   * second, and advances by at most a second each time.
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
