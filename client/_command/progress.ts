import type { Output } from "./output.ts";

const SHOW_AFTER_MS = 1_000;
const REDRAW_EVERY_MS = 100;
const BAR_WIDTH = 25;
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Formats a number of bytes with three digits: `1.23 GB`. */
export function writeBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1000;
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Formats a duration like a clock: `0:04`, `1:02:03`. */
export function writeDuration(seconds: number): string {
  const total = Math.ceil(seconds);
  const [h, m, s] = [total / 3600, total / 60 % 60, total % 60].map(Math.floor);
  const pad = (part: number) => String(part).padStart(2, "0");
  return h! > 0 ? `${h}:${pad(m!)}:${pad(s!)}` : `${m}:${pad(s!)}`;
}

/** The progress of one transfer, in bytes. */
export interface Meter {
  /** When it began. */
  readonly started: number;
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
  readonly #start: number;
  readonly #meters: Meter[] = [];
  #received = 0;
  #drawnAt = 0;

  /**
   * Starts the clock.
   *
   * @param output The owner of the status line.
   * @param now Returns the time in milliseconds.
   */
  constructor(output: Output, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
    this.#start = now();
  }

  /** Adds a transfer. */
  begin(): Meter {
    const started = this.#now();
    const meter = { started, offset: 0, received: 0, total: null };
    this.#meters.push(meter);
    return meter;
  }

  /**
   * Updates the progress of a transfer, and redraws the line if that is due.
   */
  update(meter: Meter, received: number, total: number | null): void {
    // Each attempt counts from zero
    this.#received += received -
      (received < meter.received ? 0 : meter.received);
    meter.received = received;
    meter.total = total;
    const now = this.#now();
    if (now - this.#start < SHOW_AFTER_MS) return;
    if (now - this.#drawnAt < REDRAW_EVERY_MS) return;
    this.#drawnAt = now;
    this.#output.status(this.#line((now - this.#start) / 1000));
  }

  /** Prints a line, which stays, about a transfer that is done. */
  finish({ started, offset, received }: Meter): void {
    const seconds = (this.#now() - started) / 1000;
    const speed = writeBytes(seconds === 0 ? 0 : received / seconds);
    this.#output.finishStatus(
      `100% [${"=".repeat(BAR_WIDTH)}] ${writeBytes(offset + received)}  ` +
        `${speed}/s  in ${writeDuration(seconds)}`,
    );
  }

  /** Clears the status line. */
  clear(): void {
    this.#output.status("");
  }

  #line(seconds: number): string {
    const rate = this.#received / seconds;
    const speed = `${writeBytes(rate)}/s`;
    let [done, total] = [0, 0];
    for (const meter of this.#meters) {
      done += meter.offset + meter.received;
      total += meter.offset + (meter.total ?? NaN);
    }
    if (Number.isNaN(total)) return `${writeBytes(done)}  ${speed}`;
    const fraction = Math.min(1, done / total);
    const bar = "=".repeat(Math.floor(fraction * BAR_WIDTH)).padEnd(BAR_WIDTH);
    return `${String(Math.floor(fraction * 100)).padStart(3)}% [${bar}] ` +
      `${writeBytes(done)} of ${writeBytes(total)}  ${speed}  ` +
      `${writeDuration((total - done) / rate)} left`;
  }
}
