import { LF, quote } from "./_octets.ts";
import { checkOptions } from "./_options.ts";
import { ReadBuffer } from "./_read_buffer.ts";

/**
 * What a {@linkcode Wire} reads and writes: a connected socket of any runtime,
 * or two pipes in a test.
 *
 * @example Write to a socket that accepts one byte at a time
 * ```ts
 * import { type Duplex, Wire } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const written: number[] = [];
 * const slow: Duplex = {
 *   read: () => Promise.resolve(null),
 *   write: (bytes) => Promise.resolve((written.push(bytes[0]!), 1)),
 *   close() {},
 * };
 * await new Wire(slow).write("Boo");
 * assertEquals(written, [0x42, 0x6f, 0x6f]);
 * ```
 *
 * @category Sockets
 */
export interface Duplex {
  /**
   * Reads some bytes into a view; returns how many, or null at the end of the
   * stream.
   */
  read(view: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes; returns how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes both directions; pending calls reject. */
  close(): void;
}

/**
 * The limits of a {@linkcode Wire}; each has a default.
 *
 * @example Limit how much may arrive
 * ```ts
 * import { Wire, type WireOptions } from "@knock/http/message";
 * import { assertRejects } from "@std/assert";
 *
 * const options: WireOptions = { maxBytes: 100 };
 * await using wire = new Wire({
 *   read: (view) => Promise.resolve(view.length), // there is always more
 *   write: (bytes) => Promise.resolve(bytes.length),
 *   close() {},
 * }, options);
 * await assertRejects(() => wire.readAll(), Error, "over 100 bytes");
 * ```
 *
 * @category Sockets
 */
export interface WireOptions {
  /**
   * The time limit of each call, in milliseconds; a call that takes longer
   * closes the wire. `Infinity` sets no limit, as for a chat in which nobody
   * may speak for a long time.
   *
   * @default {30000}
   */
  readonly timeout?: number;
  /**
   * Starts the timer of each call, which calls back after some milliseconds
   * unless the value that is returned is disposed of first. `listen` and
   * `connect` provide it. Without it, calls have no time limit: a wire has no
   * clock of its own, so that it works the same in any runtime and in tests.
   */
  readonly startTimer?: (callback: () => void, ms: number) => Disposable;
  /**
   * The longest line, in bytes, including its end.
   *
   * @default {65536}
   */
  readonly maxLineBytes?: number;
  /**
   * The maximum number of bytes that `read` and `readAll` return.
   *
   * @default {16777216}
   */
  readonly maxBytes?: number;
}

/**
 * What went wrong on a wire.
 *
 * - `"timeout"`: the call took too long
 * - `"too-long"`: more arrived than a limit allows
 * - `"cut"`: the stream ended within a line, or before all the bytes to read
 *   had arrived
 * - `"closed"`: this side has closed the wire
 *
 * @example Check whether another attempt may help
 * ```ts
 * import { connect, listen, WireError } from "@knock/http";
 * import type { WireErrorCode } from "@knock/http";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const passing: WireErrorCode[] = ["timeout", "cut"];
 * using listener = listen({ maxLineBytes: 5 });
 * const { port } = listener.addr as Deno.NetAddr;
 * await using caller = await connect({ port });
 * await caller.writeLine("Knock knock");
 * await using wire = await listener.accept();
 * const { code } = await assertRejects(() => wire.readLine(), WireError);
 * assertEquals(passing.includes(code), false);
 * ```
 *
 * @category Sockets
 */
export type WireErrorCode = "timeout" | "too-long" | "cut" | "closed";

/**
 * Thrown when the other side of a wire is too slow, sends too much or ends too
 * early, or when this side has closed the wire.
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
 *
 * @category Sockets
 */
export class WireError extends Error {
  /** The name of this class of errors. */
  override readonly name = "WireError";
  /** What went wrong. */
  readonly code: WireErrorCode;

  /**
   * Creates an error that says what went wrong.
   *
   * @param code What went wrong.
   * @param message What was tried, and why it failed.
   */
  constructor(code: WireErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The longest delay of the platform's timers; a longer one fires at once. */
const MAX_TIMEOUT = 2 ** 31 - 1;
const BUFFER_BYTES = 4_096;
const ENCODER = new TextEncoder();
/** Keeps a U+FEFF at the start of a line. */
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const LINE_END_REGEXP = /\r?\n$/;
/** What a reader would see as a line end, or as part of one. */
const LINE_BREAK_REGEXP = /\n|\r$/;

/**
 * Reads and writes lines and bytes over a socket, for a protocol of your own.
 *
 * Calls may overlap: reads run one after another, and so do writes.
 *
 * @example Exchange one line each
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
 * await wire.writeLine("Who's there?");
 * assertEquals(sent, "Who's there?\n");
 * ```
 *
 * @category Sockets
 */
export class Wire implements AsyncDisposable {
  readonly #duplex: Duplex;
  readonly #timeout: number;
  readonly #startTimer: WireOptions["startTimer"];
  readonly #maxLineBytes: number;
  readonly #maxBytes: number;
  readonly #buffer: ReadBuffer;
  /** The last call in each direction, which the next call waits for. */
  #reading: Promise<unknown> = Promise.resolve();
  #writing: Promise<unknown> = Promise.resolve();
  #closed = false;

  /**
   * Creates a wire over a connected socket.
   *
   * @param duplex The socket; the wire closes it.
   * @param options The limits.
   * @throws {RangeError} If a limit is below 0 or NaN.
   * @throws {TypeError} If there is a `timeout` without a `startTimer`, or an
   *   option is not of its type.
   */
  constructor(duplex: Duplex, options: WireOptions = {}) {
    checkOptions(options);
    const { timeout, startTimer } = options;
    if (timeout !== undefined && startTimer === undefined) {
      const act = `Cannot limit calls to ${timeout} ms`;
      throw new TypeError(`${act}: startTimer is missing`);
    }
    this.#duplex = duplex;
    this.#buffer = new ReadBuffer(duplex, new Uint8Array(BUFFER_BYTES));
    this.#timeout = timeout ?? 30_000;
    this.#startTimer = startTimer;
    this.#maxLineBytes = options.maxLineBytes ?? 65_536;
    this.#maxBytes = options.maxBytes ?? 16_777_216;
  }

  /**
   * Reads a line of UTF-8 that ends in LF or CRLF.
   *
   * @returns The line without its end; null at the end of the stream.
   * @throws {WireError} If it does not arrive in time, is too long, or is cut.
   */
  readLine(): Promise<string | null> {
    const act = "read line";
    return this.#reading = this.#queue(act, this.#reading, async () => {
      const buffer = this.#buffer;
      for (let searched = 0;;) {
        const newline = buffer.arrived.indexOf(LF, searched);
        searched = newline < 0 ? buffer.length : newline;
        if (searched >= this.#maxLineBytes) {
          throw tooLong(act, this.#maxLineBytes);
        }
        if (newline >= 0) {
          const line = DECODER.decode(buffer.take(newline + 1));
          return line.replace(LINE_END_REGEXP, "");
        }
        if (await buffer.fill()) continue;
        if (searched === 0) return null;
        const text = quote(DECODER.decode(buffer.take(searched)));
        throw cut(`read line ${text}`, "before its end");
      }
    });
  }

  /**
   * Reads a number of bytes.
   *
   * @param count The number of bytes.
   * @returns Exactly that many bytes; null if the stream ends before the first.
   * @throws {RangeError} If the number is not a whole number from 0.
   * @throws {WireError} If they do not arrive in time, are too many, or the
   *   stream ends before the last.
   */
  read(count: number): Promise<Uint8Array<ArrayBuffer> | null> {
    if (!Number.isSafeInteger(count) || count < 0) {
      const message = `Cannot read ${count} bytes: not a whole number from 0`;
      throw new RangeError(message);
    }
    const act = `read ${count} bytes`;
    return this.#reading = this.#queue(act, this.#reading, async () => {
      if (count > this.#maxBytes) throw tooLong("read", this.#maxBytes);
      const buffer = this.#buffer;
      while (buffer.length < count) {
        if (await buffer.fill()) continue;
        if (buffer.length === 0) return null;
        throw cut(act, `after ${buffer.length}`);
      }
      return buffer.take(count);
    });
  }

  /**
   * Reads until the end of the stream.
   *
   * @returns All bytes that arrived.
   * @throws {WireError} If the stream does not end in time, or has more bytes
   *   than the limit.
   */
  readAll(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#reading = this.#queue("read all", this.#reading, async () => {
      const buffer = this.#buffer;
      while (await buffer.fill()) {
        if (buffer.length > this.#maxBytes) {
          throw tooLong("read", this.#maxBytes);
        }
      }
      return buffer.take(buffer.length);
    });
  }

  /**
   * Writes text as UTF-8, or bytes.
   *
   * @param data The text or bytes to write.
   * @throws {WireError} If the other side does not accept it in time.
   */
  write(data: string | Uint8Array): Promise<void> {
    return this.#writing = this.#queue("write", this.#writing, async () => {
      let bytes = typeof data === "string" ? ENCODER.encode(data) : data;
      while (bytes.length > 0) {
        bytes = bytes.subarray(await this.#duplex.write(bytes));
      }
    });
  }

  /**
   * Writes a line of UTF-8, ended by LF.
   *
   * @param text The line, without a line end.
   * @throws {TypeError} If it has a line end, which would make it two lines.
   * @throws {WireError} If the other side does not accept it in time.
   */
  writeLine(text: string): Promise<void> {
    if (LINE_BREAK_REGEXP.test(text)) {
      const act = `Cannot write line ${quote(text)}`;
      throw new TypeError(`${act}: it has a line end of its own`);
    }
    return this.write(`${text}\n`);
  }

  /** Closes the wire; pending calls reject with a {@linkcode WireError}. */
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

  /** Runs a call after the last one; its time limit includes the wait. */
  async #queue<T>(
    act: string,
    previous: Promise<unknown>,
    call: () => Promise<T>,
  ): Promise<T> {
    const timeout = this.#timeout;
    let hasTimedOut = false;
    const timer = timeout === Infinity ? undefined : this.#startTimer?.(() => {
      hasTimedOut = true;
      this.close();
    }, Math.min(timeout, MAX_TIMEOUT));
    try {
      await previous.catch(() => {}); // the caller of that one gets its error
      return await call();
    } catch (error) {
      if (!this.#closed) throw error;
      const failure = `Cannot ${act}`;
      throw hasTimedOut
        ? new WireError("timeout", `${failure}: not done within ${timeout} ms`)
        : new WireError("closed", `${failure}: the wire is closed`);
    } finally {
      timer?.[Symbol.dispose]();
    }
  }
}

function tooLong(act: string, limit: number): WireError {
  return new WireError("too-long", `Cannot ${act}: over ${limit} bytes`);
}

function cut(act: string, place: string): WireError {
  return new WireError("cut", `Cannot ${act}: the other side ended ${place}`);
}
