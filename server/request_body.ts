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
 * Gives what has arrived, or waits for more: a copy of at most `max` bytes,
 * null when the client has ended its side.
 */
export type ReadSome = (max: number) => Promise<Uint8Array | null>;

/**
 * The bytes behind a request head, as many as its Content-Length says, taken
 * once.
 */
export class RequestBody {
  readonly #length: number;
  readonly #maxBytes: number;
  readonly #readSome: ReadSome;
  #left: number;
  #taken = false;
  #isAbandoned = false;

  /**
   * Made by the connection.
   *
   * @param length The Content-Length.
   * @param maxBytes The most that may be read.
   * @param readSome Where the bytes come from.
   */
  constructor(length: number, maxBytes: number, readSome: ReadSome) {
    this.#length = this.#left = length;
    this.#maxBytes = maxBytes;
    this.#readSome = readSome;
  }

  /** How many bytes have not been read yet. */
  get left(): number {
    return this.#left;
  }

  /** Reads the next bytes of the body, null at its end. */
  async read(): Promise<Uint8Array | null> {
    if (this.#left === 0) return null;
    this.#checkWanted();
    const bytes = await this.#readSome(this.#left);
    this.#checkWanted();
    if (bytes === null) {
      throw new BodyError(
        "cut-short",
        `Cannot read body: ended ${this.#left} of ${this.#length} bytes too soon`,
      );
    }
    this.#left -= bytes.length;
    return bytes;
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
   * Ends reading: what the handler did not take while it answered is lost to
   * it.
   */
  abandon(): void {
    this.#isAbandoned = true;
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
    if (this.#length > this.#maxBytes) {
      throw new BodyError(
        "too-large",
        `Cannot read body: ${this.#length} bytes, over the limit of ${this.#maxBytes}`,
      );
    }
    this.#taken = true;
  }
}
