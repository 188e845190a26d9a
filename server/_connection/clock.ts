import { writeHttpDate } from "../../message/mod.ts";

/** How often all deadlines are checked, in milliseconds. */
const TICK = 200;
/** How far the time goes on in one tick at most, in milliseconds. */
const LONGEST_STEP = 1_000;

/**
 * The Date field at this second, and its octets: 29 of them, always (RFC 9110
 * section 5.6.7).
 */
export interface DateStamp {
  /** Counts the seconds; a new number means a new text. */
  readonly second: number;
  /** The field value. */
  readonly text: string;
  /** The field value as it goes over the wire. */
  readonly octets: Uint8Array;
}

/** Something with deadlines. */
export interface Watched {
  /** Acts on deadlines that are before `now`, a time of the clock. */
  checkDeadlines(now: number): void;
}

/**
 * The one timer of a server: it checks the deadlines of all connections a few
 * times a second, since a timer for each request costs as much as parsing it.
 *
 * Deadlines are times of a clock that nobody can set; the date is not.
 */
export class Clock {
  readonly #watched: Set<Watched>;
  readonly #encoder = new TextEncoder();
  #timer: AbortSignal | null = null;
  #date: DateStamp = { second: -1, text: "", octets: new Uint8Array(0) };
  /** When the last tick was. */
  #ticked = performance.now();
  /** The time of the last tick in milliseconds, from an arbitrary start. */
  now: number = this.#ticked;

  constructor(watched: Set<Watched>) {
    this.#watched = watched;
    this.#stampDate();
    this.#startTimer();
  }

  /** The date for the Date field, at most a tick old. */
  get date(): DateStamp {
    return this.#date;
  }

  /** Stops the timer. */
  stop(): void {
    this.#timer?.removeEventListener("abort", this.#tick);
  }

  /**
   * `setInterval` would do, but Deno takes it from Node, and loading that makes
   * the start of a server slower and its memory larger.
   */
  #startTimer(): void {
    this.#timer = AbortSignal.timeout(TICK);
    this.#timer.addEventListener("abort", this.#tick);
  }

  readonly #tick = (): void => {
    this.#startTimer();
    const present = performance.now();
    // After a pause of the whole program (SIGSTOP) the clients were not late
    this.now += Math.min(present - this.#ticked, LONGEST_STEP);
    this.#ticked = present;
    this.#stampDate();
    for (const one of this.#watched) one.checkDeadlines(this.now);
  };

  #stampDate(): void {
    const second = Math.floor(Date.now() / 1000);
    if (second === this.#date.second) return;
    const text = writeHttpDate(second * 1000);
    this.#date = { second, text, octets: this.#encoder.encode(text) };
  }
}
