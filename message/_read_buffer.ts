/** A source of bytes, such as a socket. */
export interface ByteSource {
  /**
   * Reads some bytes into a view.
   *
   * @param view Where to put them; it has room for at least one.
   * @returns The number of bytes read; null at the end of the stream.
   */
  read(view: Uint8Array<ArrayBuffer>): Promise<number | null>;
}

/**
 * A buffer of the bytes that have arrived from a source and are not consumed
 * yet: those from `start` to `end` of its memory.
 *
 *     bytes  | consumed | arrived | room |
 *            0        start      end   bytes.length
 *
 * `fill` reads more bytes into the room. The owner looks in the arrived bytes
 * for a head, a line or a part of a body, and passes its length to `consume`.
 * The buffer doubles its memory when the arrived bytes fill it, so the owner
 * must stop at a limit of its own.
 */
export class ReadBuffer {
  readonly #source: ByteSource;
  #filling: Promise<boolean> | null = null;
  /** The memory; its bytes outside of `start` and `end` have no meaning. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The index of the first byte that is not consumed yet. */
  start = 0;
  /** The index after the last byte that has arrived. */
  end = 0;

  /**
   * Creates an empty buffer.
   *
   * @param source Where the bytes come from.
   * @param bytes The initial memory, at least one byte.
   */
  constructor(source: ByteSource, bytes: Uint8Array<ArrayBuffer>) {
    this.#source = source;
    this.bytes = bytes;
  }

  /** The number of bytes that have arrived and are not consumed yet. */
  get length(): number {
    return this.end - this.start;
  }

  /** These bytes, as a view that is valid until the next call of `fill`. */
  get arrived(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(this.start, this.end);
  }

  /** Whether a read is pending, so that the memory must not be replaced. */
  get isFilling(): boolean {
    return this.#filling !== null;
  }

  /**
   * Waits until more bytes arrive; a second call during that time returns the
   * same promise.
   *
   * A server calls this for each request and each idle connection. To be cheap,
   * it creates only one promise, and no view if all of the memory is free.
   *
   * @returns False at the end of the stream; rejects when the source does.
   */
  fill(): Promise<boolean> {
    if (this.#filling !== null) return this.#filling;
    if (this.start === this.end) this.start = this.end = 0;
    else if (this.end === this.bytes.length) this.#makeRoom();
    const room = this.end === 0 ? this.bytes : this.bytes.subarray(this.end);
    return this.#filling = this.#source.read(room)
      .then(this.#onRead, this.#onError);
  }

  /** Consumes the first bytes. */
  consume(count: number): void {
    this.start += count;
  }

  /** Consumes the first bytes and returns a copy of them. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const bytes = this.bytes.slice(this.start, this.start + count);
    this.consume(count);
    return bytes;
  }

  /**
   * Copies the arrived bytes into other memory and switches to that. Not
   * allowed while a read is pending.
   *
   * @param bytes The other memory, with room for the arrived bytes.
   * @returns The old memory, which is free now.
   */
  replace(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const old = this.bytes;
    bytes.set(this.arrived);
    this.bytes = bytes;
    this.end -= this.start;
    this.start = 0;
    return old;
  }

  readonly #onRead = (count: number | null): boolean => {
    this.#filling = null;
    this.end += count ?? 0;
    return count !== null;
  };

  readonly #onError = (error: unknown): never => {
    this.#filling = null;
    throw error;
  };

  /** Moves the arrived bytes to the front, into larger memory if needed. */
  #makeRoom(): void {
    const { length } = this.bytes;
    const isCrowded = this.length > length / 2;
    this.replace(isCrowded ? new Uint8Array(length * 2) : this.bytes);
  }
}
