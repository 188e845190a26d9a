/** Where bytes go: a connection. */
export interface Sink {
  /** Writes some of the bytes and tells how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * The client went while an answer was sent to it; nobody's fault, and nobody to
 * tell.
 */
export class ConnectionLost extends Error {
  /** The name of this class of errors. */
  override readonly name = "ConnectionLost";
}

/** Who is told what an {@linkcode Output} does. */
export interface OutputEvents {
  /** It begins to write, or has written some and goes on. */
  write(): void;
  /** It has written all there is for now. */
  rest(): void;
}

/**
 * Writes to a connection, counting, with a deadline that starts anew with each
 * byte that is taken.
 */
export class Output {
  readonly #sink: Sink;
  readonly #on: OutputEvents;
  /** How many bytes were written. */
  written = 0;

  constructor(sink: Sink, on: OutputEvents) {
    this.#sink = sink;
    this.#on = on;
  }

  /**
   * Writes all of the bytes.
   *
   * @returns Null: nothing is left of them.
   */
  write(bytes: Uint8Array): Promise<null> {
    this.#on.write();
    return this.#sink.write(bytes).then((count) => {
      this.written += count;
      return count === bytes.length ? null : this.write(bytes.subarray(count));
    }, lose);
  }

  /**
   * Ends the deadline until the next write: the client has taken all, and now
   * the handler has to give more.
   */
  rest(): void {
    this.#on.rest();
  }
}

function lose(cause: unknown): never {
  throw new ConnectionLost("Cannot write: the connection is gone", { cause });
}
