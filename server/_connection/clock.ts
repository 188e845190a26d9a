import { writeHttpDate } from "../../message/mod.ts";
import type { DateStamp } from "../_prepared_response.ts";

/** How often all deadlines are looked at, in milliseconds. */
const TICK = 200;

/** Something with a deadline. */
export interface Expirable {
  /** When it is late, by the clock's `now`; Infinity for never. */
  readonly deadline: number;
  /** Called once it is late. */
  expire(): void;
}

/**
 * The one timer of a server: it looks at the deadlines of all connections a few
 * times a second.
 *
 * A timer a request would cost as much as parsing it. Deadlines go by a clock
 * that cannot be set; the date does not.
 */
export class Clock {
  readonly #watched: Set<Expirable>;
  readonly #encoder = new TextEncoder();
  #timer: AbortSignal | null = null;
  #date: DateStamp = { second: -1, text: "", octets: new Uint8Array(0) };
  /** The time of the last tick in milliseconds, from an arbitrary start. */
  now: number = performance.now();

  constructor(watched: Set<Expirable>) {
    this.#watched = watched;
    this.#stampDate();
    this.#startTimer();
  }

  /** The date for the Date field, at most a tick old. */
  get date(): DateStamp {
    return this.#date;
  }

  /** Ends the timer. */
  stop(): void {
    this.#timer?.removeEventListener("abort", this.#tick);
  }

  /**
   * Not by `setInterval`, which Deno takes from Node: the first use of Node
   * takes 4 ms of the start, and 5 MB.
   */
  #startTimer(): void {
    this.#timer = AbortSignal.timeout(TICK);
    this.#timer.addEventListener("abort", this.#tick);
  }

  readonly #tick = (): void => {
    this.#startTimer();
    this.now = performance.now();
    this.#stampDate();
    for (const one of this.#watched) if (one.deadline < this.now) one.expire();
  };

  #stampDate(): void {
    const second = Math.floor(Date.now() / 1000);
    if (second === this.#date.second) return;
    const text = writeHttpDate(second * 1000);
    this.#date = { second, text, octets: this.#encoder.encode(text) };
  }
}
