import type { Output } from "./output.ts";

const SHOW_AFTER = 1_000;
const REDRAW_EVERY = 100;
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
  const whole = Math.ceil(seconds);
  const [h, m, s] = [whole / 3600, whole / 60 % 60, whole % 60].map(Math.floor);
  const two = (part: number) => String(part).padStart(2, "0");
  return h! > 0 ? `${h}:${two(m!)}:${two(s!)}` : `${m}:${two(s!)}`;
}

/** The progress of one transfer, in bytes. */
export interface Meter {
  /** When it began. */
  readonly started: number;
  /** How many there were before this attempt. */
  already: number;
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
  #drawn = 0;

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
    const meter = { started, already: 0, received: 0, total: null };
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
    const isDue = now - this.#start >= SHOW_AFTER &&
      now - this.#drawn >= REDRAW_EVERY;
    if (!isDue) return;
    this.#drawn = now;
    this.#output.status(this.#line((now - this.#start) / 1000));
  }

  /** Prints a line, which stays, about a transfer that is done. */
  finish({ started, already, received }: Meter): void {
    const seconds = (this.#now() - started) / 1000;
    const speed = writeBytes(seconds === 0 ? 0 : received / seconds);
    this.#output.keep(
      `100% [${"=".repeat(BAR_WIDTH)}] ${writeBytes(already + received)}  ` +
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
      done += meter.already + meter.received;
      total += meter.already + (meter.total ?? NaN);
    }
    if (Number.isNaN(total)) return `${writeBytes(done)}  ${speed}`;
    const part = Math.min(1, done / total);
    const bar = "=".repeat(Math.floor(part * BAR_WIDTH)).padEnd(BAR_WIDTH);
    return `${String(Math.floor(part * 100)).padStart(3)}% [${bar}] ` +
      `${writeBytes(done)} of ${writeBytes(total)}  ${speed}  ` +
      `${writeDuration((total - done) / rate)} left`;
  }
}
