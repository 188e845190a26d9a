import { writeSize } from "../../command/size.ts";
import type { Output } from "./output.ts";

const SHOW_AFTER_MS = 1_000;
const REDRAW_EVERY_MS = 100;
const BAR_WIDTH = 25;

/** Formats a duration in minutes and seconds: `0:04`, `62:03`. */
export function writeDuration(seconds: number): string {
  const total = Math.ceil(seconds);
  const rest = String(total % 60).padStart(2, "0");
  return `${Math.floor(total / 60)}:${rest}`;
}

/** The progress of one transfer, in bytes. */
export interface Meter {
  /** When this attempt began. */
  started: number;
  /** How many there were before this attempt. */
  offset: number;
  /** How many this attempt has received. */
  received: number;
  /** How many it will receive; null while that is unknown. */
  total: number | null;
}

/** Shows the progress of all transfers together in the status line. */
export class Progress {
  readonly #output: Output;
  readonly #now: () => number;
  readonly #meters: Meter[] = [];
  #drawnAt = 0;

  /**
   * Prepares the line.
   *
   * @param output The owner of the status line.
   * @param now Returns the time in milliseconds.
   */
  constructor(output: Output, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
  }

  /** Adds a transfer. */
  begin(): Meter {
    const meter = { started: this.#now(), offset: 0, received: 0, total: null };
    this.#meters.push(meter);
    return meter;
  }

  /**
   * Updates the progress of a transfer, and redraws the line if that is due.
   */
  update(meter: Meter, received: number, total: number | null): void {
    Object.assign(meter, { received, total });
    const now = this.#now();
    if (now - this.#meters[0]!.started < SHOW_AFTER_MS) return;
    if (now - this.#drawnAt < REDRAW_EVERY_MS) return;
    this.#drawnAt = now;
    this.#output.status(this.#line(this.#meters));
  }

  /** Prints a line, which stays, about a transfer that is done. */
  finish(meter: Meter): void {
    meter.total = meter.received;
    this.#output.finishStatus(this.#line([meter]));
  }

  #line(meters: readonly Meter[]): string {
    let [received, done, total] = [0, 0, 0];
    for (const meter of meters) {
      received += meter.received;
      done += meter.offset + meter.received;
      total += meter.offset + (meter.total ?? NaN);
    }
    const seconds = (this.#now() - meters[0]!.started) / 1000;
    const rate = received / (seconds || 1);
    const speed = `${writeSize(rate)}/s`;
    if (Number.isNaN(total)) return `${writeSize(done)}  ${speed}`;
    const fraction = done < total ? done / total : 1;
    const bar = "=".repeat(Math.floor(fraction * BAR_WIDTH)).padEnd(BAR_WIDTH);
    const time = done < total
      ? `${writeDuration((total - done) / (rate || 1))} left`
      : `in ${writeDuration(seconds)}`;
    return `${String(Math.floor(fraction * 100)).padStart(3)}% [${bar}] ` +
      `${writeSize(done)} of ${writeSize(total)}  ${speed}  ${time}`;
  }
}
