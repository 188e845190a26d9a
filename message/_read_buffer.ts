/** Something that bytes come from, such as a socket. */
export interface ByteSource {
  /**
   * Reads some bytes into a view.
   *
   * @param view Where to put them; it has room for one at least.
   * @returns How many; null when the other side has ended.
   */
  read(view: Uint8Array<ArrayBuffer>): Promise<number | null>;
}

/**
 * What has arrived from a source and has not been used yet: the bytes from
 * `start` to `end` of its memory.
 *
 *     bytes  | used | arrived | room |
 *            0    start      end   bytes.length
 *
 * `fill` reads more into the room; the owner looks at what has arrived, finds
 * in it a head, a line or a part of a body, and says with `consume` how long
 * that was. The memory is doubled when what has arrived fills it, so the owner
 * has to stop at a limit of its own.
 */
export class ReadBuffer {
  readonly #source: ByteSource;
  #filling: Promise<boolean> | null = null;
  /** The memory; what lies outside of `start` and `end` has no meaning. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The index of the first byte that was not used yet. */
  start = 0;
  /** The index after the last byte that has arrived. */
  end = 0;

  /**
   * Makes a buffer with nothing in it.
   *
   * @param source Where the bytes come from.
   * @param bytes The memory to begin with, of one byte at least.
   */
  constructor(source: ByteSource, bytes: Uint8Array<ArrayBuffer>) {
    this.#source = source;
    this.bytes = bytes;
  }

  /** How many bytes have arrived and were not used yet. */
  get length(): number {
    return this.end - this.start;
  }

  /** These bytes, as a view that is valid until the next call of `fill`. */
  get arrived(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(this.start, this.end);
  }

  /** Whether a read is under way, so that the memory cannot be taken away. */
  get isFilling(): boolean {
    return this.#filling !== null;
  }

  /**
   * Waits until more bytes have arrived; two who wait at once get the same
   * promise.
   *
   * A server calls this for each request and each idle connection, so it makes
   * one promise, and no view of the memory where all of it is free.
   *
   * @returns False when the other side has ended; rejects as the source does.
   */
  fill(): Promise<boolean> {
    if (this.#filling !== null) return this.#filling;
    if (this.start === this.end) this.start = this.end = 0;
    else if (this.end === this.bytes.length) this.#makeRoom();
    const room = this.end === 0 ? this.bytes : this.bytes.subarray(this.end);
    return this.#filling = this.#source.read(room)
      .then(this.#onRead, this.#onError);
  }

  /** Marks the first bytes as used. */
  consume(count: number): void {
    this.start += count;
  }

  /** Copies the first bytes, and marks them as used. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const bytes = this.bytes.slice(this.start, this.start + count);
    this.consume(count);
    return bytes;
  }

  /**
   * Switches to other memory, which is allowed while no read is under way, and
   * copies what has arrived.
   *
   * @param bytes The other memory, with room for what has arrived.
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

  /** Moves what has arrived to the front, and into larger memory if needed. */
  #makeRoom(): void {
    const { length } = this.bytes;
    this.replace(
      this.length > length / 2 ? new Uint8Array(length * 2) : this.bytes,
    );
  }
}
