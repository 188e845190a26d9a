import { quote } from "./_octets.ts";

/**
 * What a {@linkcode Wire} is put over: a connected socket of any runtime, or
 * two pipes in a test.
 */
export interface Duplex {
  /**
   * Reads some bytes into a view; tells how many, or null when the other side
   * has ended.
   */
  read(view: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes; tells how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes both directions; what waits rejects. */
  close(): void;
}

/** The caps of a {@linkcode Wire}; each has a default. */
export interface WireOptions {
  /**
   * Milliseconds for each call; a call that takes longer closes the wire.
   *
   * @default {30000}
   */
  readonly timeout?: number;
  /**
   * The longest line, in bytes, its end included.
   *
   * @default {65536}
   */
  readonly maxLineBytes?: number;
  /**
   * The most bytes that `read` and `readAll` hold.
   *
   * @default {16777216}
   */
  readonly maxBytes?: number;
}

/**
 * What went wrong on a wire.
 *
 * - `"timeout"`: the call took too long
 * - `"too-long"`: what came is over a limit
 * - `"cut"`: the other side ended in the middle of a line, or of what was to be
 *   read
 */
export type WireErrorCode = "timeout" | "too-long" | "cut";

/**
 * The other side of a wire did not do its part.
 *
 * @example Usage
 * ```ts
 * import { WireError } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   new WireError("cut", "Cannot read line: it has no end").code,
 *   "cut",
 * );
 * ```
 */
export class WireError extends Error {
  /** The name of this class of errors. */
  override readonly name = "WireError";
  /** What went wrong. */
  readonly code: WireErrorCode;

  /**
   * Makes an error that tells what went wrong.
   *
   * @param code What went wrong.
   * @param message What was tried, and its state.
   */
  constructor(code: WireErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const TIMEOUT = 30_000;
/** The longest time of a timer; a longer one would pass at once. */
const MAX_TIMER = 2 ** 31 - 1;
const MAX_LINE_BYTES = 65_536;
const MAX_BYTES = 16_777_216;
const BLOCK_BYTES = 4_096;
const LF = 0x0a;
const CR = 0x0d;

/**
 * Lines and bytes over a socket: what one needs to make up a protocol of one's
 * own.
 *
 * @example A protocol of one line each
 * ```ts
 * import { Wire } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const incoming = new TextEncoder().encode("Knock knock\r\n");
 * let sent = "";
 * await using wire = new Wire({
 *   read: (view) => Promise.resolve((view.set(incoming), incoming.length)),
 *   write: (bytes) =>
 *     Promise.resolve((sent += new TextDecoder().decode(bytes), bytes.length)),
 *   close() {},
 * });
 * assertEquals(await wire.readLine(), "Knock knock");
 * await wire.write("Who's there?\n");
 * assertEquals(sent, "Who's there?\n");
 * ```
 */
export class Wire implements AsyncDisposable {
  readonly #duplex: Duplex;
  readonly #timeout: number;
  readonly #maxLineBytes: number;
  readonly #maxBytes: number;
  #buffer = new Uint8Array(BLOCK_BYTES);
  #start = 0;
  #end = 0;
  #closed = false;

  /**
   * Makes a wire over something that is connected.
   *
   * @param duplex The socket; the wire closes it.
   * @param options The caps.
   */
  constructor(duplex: Duplex, options: WireOptions = {}) {
    this.#duplex = duplex;
    this.#timeout = options.timeout ?? TIMEOUT;
    this.#maxLineBytes = options.maxLineBytes ?? MAX_LINE_BYTES;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
  }

  /**
   * Reads a line of UTF-8 that ends in LF or CRLF.
   *
   * @returns The line without its end; null when the other side has ended.
   * @throws {WireError} If it does not come in time, is too long, or is cut.
   */
  readLine(): Promise<string | null> {
    return this.#inTime("read line", async () => {
      for (let searched = 0;;) {
        const newline = this.#buffer.subarray(0, this.#end)
          .indexOf(LF, this.#start + searched);
        if (newline >= 0) return this.#takeLine(newline);
        searched = this.#end - this.#start;
        if (searched >= this.#maxLineBytes) throw this.#tooLongLine();
        if (await this.#fill()) continue;
        if (searched === 0) return null;
        const text = quote(new TextDecoder().decode(this.#take(searched)));
        throw new WireError(
          "cut",
          `Cannot read line ${text}: the other side ended before its end`,
        );
      }
    });
  }

  /**
   * Reads a number of bytes.
   *
   * @param count How many bytes.
   * @returns Just that many bytes; null when the other side has ended before
   *   the first.
   * @throws {WireError} If they do not come in time, are too many, or the other
   *   side ends among them.
   */
  read(count: number): Promise<Uint8Array<ArrayBuffer> | null> {
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new RangeError(
        `Cannot read ${count} bytes: not a whole number from 0`,
      );
    }
    return this.#inTime(`read ${count} bytes`, async () => {
      if (count > this.#maxBytes) throw this.#tooMany();
      while (this.#end - this.#start < count) {
        if (await this.#fill()) continue;
        const held = this.#end - this.#start;
        if (held === 0) return null;
        throw new WireError(
          "cut",
          `Cannot read ${count} bytes: the other side ended after ${held}`,
        );
      }
      return this.#take(count);
    });
  }

  /**
   * Reads until the other side ends.
   *
   * @returns All that came.
   * @throws {WireError} If it does not end in time, or more comes than may be
   *   held.
   */
  readAll(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#inTime("read all", async () => {
      while (await this.#fill()) {
        if (this.#end - this.#start > this.#maxBytes) throw this.#tooMany();
      }
      return this.#take(this.#end - this.#start);
    });
  }

  /**
   * Writes text as UTF-8, or bytes.
   *
   * @param data What to write; a line needs its own `\n`.
   * @throws {WireError} If the other side does not take it in time.
   */
  write(data: string | Uint8Array): Promise<void> {
    return this.#inTime("write", async () => {
      let bytes = typeof data === "string"
        ? new TextEncoder().encode(data)
        : data;
      while (bytes.length > 0) {
        bytes = bytes.subarray(await this.#duplex.write(bytes));
      }
    });
  }

  /** Closes the wire; what waits rejects. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#duplex.close();
  }

  /** Does what {@linkcode Wire.close} does. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  async #inTime<T>(act: string, work: () => Promise<T>): Promise<T> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.close();
    }, Math.min(this.#timeout, MAX_TIMER));
    try {
      return await work();
    } catch (error) {
      if (!isLate) throw error;
      throw new WireError(
        "timeout",
        `Cannot ${act}: not done within ${this.#timeout} ms`,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Reads more into the buffer, which grows as needed; false when the other
   * side has ended.
   */
  async #fill(): Promise<boolean> {
    if (this.#end === this.#buffer.length) this.#makeRoom();
    const count = await this.#duplex.read(this.#buffer.subarray(this.#end));
    this.#end += count ?? 0;
    return count !== null;
  }

  #makeRoom(): void {
    const held = this.#buffer.subarray(this.#start, this.#end);
    const size = Math.max(BLOCK_BYTES, held.length * 2);
    const buffer = new Uint8Array(size);
    buffer.set(held);
    this.#buffer = buffer;
    this.#end = held.length;
    this.#start = 0;
  }

  #take(count: number): Uint8Array<ArrayBuffer> {
    this.#start += count;
    return this.#buffer.slice(this.#start - count, this.#start);
  }

  #takeLine(newline: number): string {
    const start = this.#start;
    if (newline - start >= this.#maxLineBytes) throw this.#tooLongLine();
    const hasCr = newline > start && this.#buffer[newline - 1] === CR;
    this.#start = newline + 1;
    return new TextDecoder().decode(
      this.#buffer.subarray(start, hasCr ? newline - 1 : newline),
    );
  }

  #tooLongLine(): WireError {
    return new WireError(
      "too-long",
      `Cannot read line: over ${this.#maxLineBytes} bytes`,
    );
  }

  #tooMany(): WireError {
    return new WireError(
      "too-long",
      `Cannot read: over ${this.#maxBytes} bytes`,
    );
  }
}
