import { BODY_INPUT_BYTES } from "./_connection/buffer_pool.ts";
import type { ConnectionIo } from "./_connection/connection_io.ts";

/** Why a request body could not be read. */
export type BodyErrorCode = "too-large" | "cut-short" | "taken" | "timeout";

const STATUS_BY_CODE: Record<BodyErrorCode, number> = {
  "too-large": 413,
  "cut-short": 400,
  "taken": 500,
  "timeout": 408,
};

/**
 * The body of a request could not be read; a handler that lets it pass has it
 * answered with `status`.
 */
export class BodyError extends Error {
  /** The name of this class of errors. */
  override readonly name = "BodyError";
  /**
   * What is wrong: over the limit, ended too soon, read for a second time, or
   * too slow.
   */
  readonly code: BodyErrorCode;
  /** The status that fits. */
  readonly status: number;

  /**
   * Makes an error that tells why.
   *
   * @param code What is wrong.
   * @param message What was expected.
   */
  constructor(code: BodyErrorCode, message: string) {
    super(message);
    this.code = code;
    this.status = STATUS_BY_CODE[code];
  }
}

/**
 * The bytes behind a request head, as many as its Content-Length says, taken
 * once.
 */
export class RequestBody {
  readonly #io: ConnectionIo;
  readonly #length: number;
  #left: number;
  #deadline: number;
  #taken = false;
  #isAbandoned = false;

  /**
   * Made by the connection when the head has been read.
   *
   * @param io Where the bytes come from.
   * @param length The Content-Length.
   */
  constructor(io: ConnectionIo, length: number) {
    this.#io = io;
    this.#length = this.#left = length;
    this.#deadline = io.server.clock.now + io.server.limits.bodyTimeout;
  }

  /** How many bytes have not been read yet. */
  get left(): number {
    return this.#left;
  }

  /** Reads the next bytes of the body, null at its end. */
  async read(): Promise<Uint8Array | null> {
    if (this.#left === 0) return null;
    this.#checkWanted();
    const { input } = this.#io;
    if (input.length === 0) await this.#wait();
    const bytes = input.take(Math.min(this.#left, input.length));
    this.#left -= bytes.length;
    this.#deadline += bytes.length; // each byte puts it off by a millisecond
    return bytes;
  }

  async #wait(): Promise<void> {
    this.#io.resizeInput(BODY_INPUT_BYTES);
    const arrived = await this.#io.fillBy(this.#deadline);
    this.#checkWanted();
    if (arrived === true) return;
    throw arrived === "timeout"
      ? new BodyError("timeout", "Cannot read body: it comes too slowly")
      : new BodyError(
        "cut-short",
        `Cannot read body: ended ${this.#left} of ${this.#length} bytes too soon`,
      );
  }

  /** The body as a stream that reads only when it is read from. */
  stream(): ReadableStream<Uint8Array> {
    this.#take();
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const bytes = await this.read();
        if (bytes === null) controller.close();
        else controller.enqueue(bytes);
      },
    }, { highWaterMark: 0 });
  }

  /** The whole body; grows with what arrives, not with what was announced. */
  async bytes(): Promise<Uint8Array> {
    this.#take();
    const parts: Uint8Array[] = [];
    for (
      let part = await this.read();
      part !== null;
      part = await this.read()
    ) parts.push(part);
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /**
   * Ends reading: what the handler did not take until its response was sent is
   * lost to it.
   *
   * @returns How many bytes have not been read.
   */
  abandon(): number {
    this.#isAbandoned = true;
    return this.#left;
  }

  #checkWanted(): void {
    if (!this.#isAbandoned) return;
    throw new BodyError(
      "cut-short",
      "Cannot read body: its request has been answered",
    );
  }

  #take(): void {
    if (this.#taken) {
      throw new BodyError("taken", "Cannot read body: it was already taken");
    }
    const { maxBodyBytes } = this.#io.server.limits;
    if (this.#length > maxBodyBytes) {
      throw new BodyError(
        "too-large",
        `Cannot read body: ${this.#length} bytes, over the limit of ${maxBodyBytes}`,
      );
    }
    this.#taken = true;
  }
}
