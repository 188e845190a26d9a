import type { Clock } from "./clock.ts";

/**
 * What a connection is doing; each phase but `handling` has a deadline.
 *
 *     idle -> head -> handling <-> body
 *      ^                 ^
 *      |                 v
 *      +---------------- writing -> draining -> closed
 */
export type PhaseName =
  | "idle"
  | "head"
  | "handling"
  | "body"
  | "writing"
  | "draining"
  | "closed";

/** The present phase of a connection, and when it has lasted too long. */
export class Phase {
  readonly #clock: Clock;
  #late: PromiseWithResolvers<"late"> | null = null;
  /** What the connection is doing. */
  name: PhaseName = "idle";
  /** When that has lasted too long, by the clock's `now`. */
  deadline: number;

  constructor(clock: Clock, timeout: number) {
    this.#clock = clock;
    this.deadline = clock.now + timeout;
  }

  /**
   * Goes on to a phase, and gives it a time in milliseconds; `closed` is for
   * good.
   */
  enter(name: PhaseName, timeout: number): void {
    if (this.name === "closed") return;
    this.name = name;
    this.deadline = this.#clock.now + timeout;
    // A wait for a body may outlast several phases of its exchange
    if (name === "idle" || name === "draining") this.#late = null;
  }

  /** Waits for something, or for the deadline. */
  inTime<T>(something: Promise<T>): Promise<T | "late"> {
    this.#late ??= Promise.withResolvers();
    return Promise.race([something, this.#late.promise]);
  }

  /** Waits for the deadline. */
  untilLate(): Promise<"late"> {
    this.#late ??= Promise.withResolvers();
    return this.#late.promise;
  }

  /** Tells those who wait that the time is over. */
  expire(): void {
    this.deadline = Infinity;
    this.#late ??= Promise.withResolvers();
    this.#late.resolve("late");
  }
}
