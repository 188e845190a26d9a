import { CommandError, EXIT } from "../../command/errors.ts";
import { IDLE_TIMEOUT } from "../_connect/deadline.ts";
import type { Options } from "./options.ts";

/** How large a body may be, and how slow. */
export class BodyLimits {
  readonly #options: Options;
  /** When the speed was last looked at, and how much had come then. */
  #mark: { readonly at: number; readonly size: number };

  /**
   * Begins to look.
   *
   * @param options With `--max-filesize`, `-Y` and `-y`.
   * @param size How many bytes are there already.
   */
  constructor(options: Options, size: number) {
    this.#options = options;
    this.#mark = { at: performance.now(), size };
  }

  /** @throws {CommandError} If so many bytes are too many. */
  checkSize(size: number): void {
    // As for curl, 0 is no limit
    const limit = this.#options["max-filesize"] || Infinity;
    if (size <= limit) return;
    const what = `it has ${size} bytes or more, over ${limit}`;
    throw new CommandError(EXIT.tooLarge, `Cannot take body: ${what}`);
  }

  /**
   * Called with each block; a body that stands still is ended by the client.
   *
   * @throws {CommandError} If they came too slowly.
   */
  checkSpeed(size: number): void {
    const { "speed-limit": limit = 0, "speed-time": time } = this.#options;
    const { at, size: before } = this.#mark;
    const now = performance.now();
    if (now - at < (time ?? IDLE_TIMEOUT)) return;
    const speed = (size - before) / (now - at) * 1000;
    const what = `Cannot go on: under ${limit} bytes a second`;
    if (speed < limit) throw new CommandError(EXIT.timeout, what);
    this.#mark = { at: now, size };
  }
}
