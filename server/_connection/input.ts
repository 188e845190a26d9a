import { INPUT_BYTES, type InputLender } from "./blocks.ts";

/** Where bytes come from: a connection. */
export interface Source {
  /** Reads some bytes; null at the end. */
  read(into: Uint8Array): Promise<number | null>;
}

const NO_BYTES = new Uint8Array(0);

/**
 * The bytes that have arrived on a connection and were not used yet: those from
 * `start` to `end`.
 */
export class Input {
  readonly #source: Source;
  readonly #lender: InputLender;
  readonly #maxBytes: number;
  #filling: Promise<boolean> | null = null;
  /** The buffer. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The index of the first unused byte. */
  start = 0;
  /** The index behind the last byte. */
  end = 0;

  constructor(source: Source, lender: InputLender, maxBytes: number) {
    this.#source = source;
    this.#lender = lender;
    this.#maxBytes = maxBytes;
    this.bytes = lender.lend();
  }

  /** Whether there is no room for another byte. */
  get isFull(): boolean {
    return this.end - this.start >= this.#maxBytes;
  }

  /**
   * Waits for more bytes; several may wait at once.
   *
   * @returns False when the other side has ended, or the connection broke.
   */
  fill(): Promise<boolean> {
    return this.#filling ??= this.#read();
  }

  /** Ends it, and gives its buffer back. */
  release(): void {
    if (this.#filling !== null) return; // a read that is under way may still write into the buffer
    this.#filling = Promise.resolve(false);
    this.#giveBack();
    this.bytes = NO_BYTES;
    this.start = this.end = 0;
  }

  #giveBack(): void {
    if (this.bytes.length === INPUT_BYTES) this.#lender.giveBack(this.bytes);
  }

  /** Makes the buffer larger for what is to come, while it is empty. */
  enlarge(bytes: number): void {
    const isFree = this.#filling === null && this.start === this.end;
    if (isFree && this.bytes.length < bytes) {
      this.#giveBack();
      this.bytes = new Uint8Array(bytes);
    }
  }

  /** Marks bytes as used. */
  use(count: number): void {
    this.start += count;
    if (this.start < this.end || this.#filling !== null) return; // a read under way fills the buffer at `end`
    this.start = this.end = 0;
    if (this.bytes.length > INPUT_BYTES) this.bytes = this.#lender.lend();
  }

  /** Not async: one promise a request less is worth 2 %. */
  #read(): Promise<boolean> {
    this.#makeRoom();
    // an idle connection waits with its whole buffer, without a view of it
    const room = this.end === 0 ? this.bytes : this.bytes.subarray(this.end);
    return this.#source.read(room).then(this.#onRead, this.#onError);
  }

  readonly #onRead = (count: number | null): boolean => {
    this.#filling = null;
    this.end += count ?? 0;
    return count !== null;
  };

  /**
   * Whether the client ended its side or is gone, nothing more will come, and
   * writing will tell which.
   */
  readonly #onError = (): boolean => {
    this.#filling = null;
    return false;
  };

  #makeRoom(): void {
    if (this.end < this.bytes.length) return;
    const used = this.bytes.subarray(this.start, this.end);
    if (used.length > this.bytes.length / 2) {
      this.bytes = new Uint8Array(
        Math.min(
          this.bytes.length * 2,
          Math.max(this.#maxBytes, this.bytes.length + 1),
        ),
      );
    }
    this.bytes.set(used);
    this.start = 0;
    this.end = used.length;
  }
}
