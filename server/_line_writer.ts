// Writes lines without anybody waiting for them, or failing with them: a log,
// what the command prints, and what is told on stderr.

/** Prints something on stderr, for whoever runs the server. */
export function warn(what: unknown): void {
  try {
    console.error(what);
  } catch {
    // The disk of stderr is full, or nobody reads it: no one is left to tell
  }
}

/** Writes some of the bytes it is given, and tells how many. */
interface Sink {
  write(bytes: Uint8Array): Promise<number>;
}

/** How much may wait for a slow reader before lines are dropped. */
const MAX_PENDING = 1_048_576;
/** How long to wait for a pipe that has no room, in milliseconds. */
const RETRY_DELAY = 50;
/** How long the last lines may take, in milliseconds. */
const FLUSH_TIMEOUT = 1_000;
const LINE_FEED = 0x0a;

/**
 * Writes lines in the background, so that nobody waits for a slow reader or a
 * full disk: what cannot be written is dropped, and the next line tried again.
 */
export class LineWriter {
  readonly #sink: Sink;
  readonly #onError: (error: unknown) => void;
  readonly #encoder = new TextEncoder();
  #pending = "";
  #writing: Promise<void> | null = null;
  /** Whether lines are being dropped, which is told once. */
  #isFailing = false;
  #isClosed = false;
  /** Whether the last line that was written lacks its end. */
  #isCut = false;

  /**
   * Makes a writer.
   *
   * @param sink Where the lines go.
   * @param onError Called when lines begin to be dropped.
   */
  constructor(sink: Sink, onError: (error: unknown) => void) {
    this.#sink = sink;
    this.#onError = onError;
  }

  /** Writes a line, some time later. */
  write(line: string): void {
    if (this.#isClosed) return;
    if (this.#pending.length > MAX_PENDING) {
      return this.#fail(new Error("what reads it is too slow"));
    }
    this.#pending += line + "\n";
    this.#writing ??= this.#writeAll();
  }

  /** Waits until all is written, but not for long. */
  async flush(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, FLUSH_TIMEOUT);
    await Promise.race([this.#writing, promise]);
    clearTimeout(timer);
  }

  async #writeAll(): Promise<void> {
    while (this.#pending !== "") {
      const lines = this.#isCut ? "\n" + this.#pending : this.#pending;
      this.#pending = "";
      try {
        await this.#writeBytes(this.#encoder.encode(lines));
        this.#isFailing = false;
      } catch (error) {
        this.#fail(error);
      }
    }
    this.#writing = null;
  }

  async #writeBytes(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      try {
        const count = await this.#sink.write(bytes.subarray(written));
        if (!(count > 0)) throw new Error(`it says that it took ${count}`);
        written += count;
        this.#isCut = bytes[written - 1] !== LINE_FEED;
      } catch (error) {
        // EAGAIN: a pipe without room, in the mode in which nothing waits
        if (!(error instanceof Deno.errors.WouldBlock)) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY));
      }
    }
  }

  #fail(error: unknown): void {
    // EPIPE: nobody will ever read it
    this.#isClosed = error instanceof Deno.errors.BrokenPipe;
    if (this.#isClosed) this.#pending = "";
    if (this.#isFailing) return;
    this.#isFailing = true;
    try {
      this.#onError(error);
    } catch (fault) {
      warn(fault); // what a caller gets wrong ends no server
    }
  }
}
