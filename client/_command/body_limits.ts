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

  /**
   * Checks the size, also one that the head announces, and the speed so far. If
   * no block comes, the client times out.
   *
   * @throws {CommandError} If the size is over `--max-filesize`.
   * @throws {ClientError} If the speed is below `-Y`, which `--retry` may mend.
   */
  check(size: number): void {
    // As in curl, 0 is no limit
    const limit = this.#options["max-filesize"] || Infinity;
    const { "speed-limit": minSpeed = 0, "speed-time": period } = this.#options;
    const problem = `it has at least ${size} bytes, over the limit of ${limit}`;
    const text = `Cannot accept body: ${problem}`;
    if (size > limit) throw new CommandError(EXIT.tooLarge, text);
    const { at, size: lastSize } = this.#lastCheck;
    const now = performance.now();
    if (now - at < (period ?? IDLE_TIMEOUT)) return;
    const speed = (size - lastSize) / (now - at) * 1000;
    const message = `Cannot continue: under ${minSpeed} bytes a second`;
    const options = { code: "timeout", step: "exchange" } as const;
    if (speed < minSpeed) throw new ClientError(message, options);
    this.#lastCheck = { at: now, size };
  }
}
