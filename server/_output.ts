/** Where bytes go: a connection. */
export interface Sink {
  /** Writes some of the bytes and tells how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** The client went while an answer was sent to it; nobody's fault, and nobody to tell. */
export class ConnectionLost extends Error {
  /** The name of this class of errors. */
  override readonly name = "ConnectionLost";
}

/** Writes to a connection, counting, with a deadline that starts anew with each byte that is taken. */
export class Output {
  readonly #sink: Sink;
  readonly #onWrite: () => void;
  /** How many bytes were written. */
  written = 0;

  constructor(sink: Sink, onWrite: () => void) {
    this.#sink = sink;
    this.#onWrite = onWrite;
  }

  /**
   * Writes all of the bytes.
   *
   * @returns Null: nothing is left of them.
   */
  write(bytes: Uint8Array): Promise<null> {
    this.#onWrite();
    return this.#sink.write(bytes).then((count) => {
      this.written += count;
      return count === bytes.length ? null : this.write(bytes.subarray(count));
    }, lose);
  }
}

function lose(cause: unknown): never {
  throw new ConnectionLost("Cannot write: the connection is gone", { cause });
}
