import { CommandError, EXIT } from "../../command/errors.ts";
import { IDLE_TIMEOUT } from "../_connect/deadline.ts";
import { ClientError } from "../error.ts";
import type { Options } from "./options.ts";

/** Enforces the limits on the size and the speed of a body. */
export class BodyLimits {
  readonly #options: Options;
  /** When the speed was last checked, and the size at that time. */
  #lastCheck: { readonly at: number; readonly size: number };

  /**
   * Starts the clock.
   *
   * @param options The flags, with `--max-filesize`, `-Y` and `-y`.
   * @param size The number of bytes that are there already.
   */
  constructor(options: Options, size: number) {
    this.#options = options;
    this.#lastCheck = { at: performance.now(), size };
  }

  /** @throws {CommandError} If the size is over `--max-filesize`. */
  checkSize(size: number): void {
    // As in curl, 0 is no limit
    const limit = this.#options["max-filesize"] || Infinity;
    if (size <= limit) return;
    const problem = `it has at least ${size} bytes, over the limit of ${limit}`;
    throw new CommandError(EXIT.tooLarge, `Cannot accept body: ${problem}`);
  }

  /**
   * Checks the speed after a block. If no block comes, the client times out.
   *
   * @throws {ClientError} If it is below `-Y`, which `--retry` may mend.
   */
  checkSpeed(size: number): void {
    const { "speed-limit": limit = 0, "speed-time": period } = this.#options;
    const { at, size: lastSize } = this.#lastCheck;
    const now = performance.now();
    if (now - at < (period ?? IDLE_TIMEOUT)) return;
    const speed = (size - lastSize) / (now - at) * 1000;
    const message = `Cannot continue: under ${limit} bytes a second`;
    const options = { code: "timeout", step: "exchange" } as const;
    if (speed < limit) throw new ClientError(message, options);
    this.#lastCheck = { at: now, size };
  }
}
