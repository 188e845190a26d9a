// Prints messages on stderr, and writes lines in the background: a log, and
// what the command prints. Nobody waits for these, or fails with them.

/** Prints a message on stderr, for whoever runs the server. */
export function warn(what: unknown): void {
  try {
    console.error(what);
  } catch {
    // The disk is full, or nobody reads stderr: there is nobody left to tell
  }
}

/** A sink that writes some of the bytes it gets, and returns how many. */
type Sink = Pick<Deno.FsFile, "write">;

/** How much text may wait for a slow reader before lines are dropped. */
const MAX_PENDING = 1_048_576;
/** How long to wait for a full pipe, in milliseconds. */
const RETRY_DELAY = 50;
/** How long the last lines may take at the end, in milliseconds. */
const FLUSH_TIMEOUT = 1_000;

/**
 * Writes lines in the background, so that nobody waits for a slow reader or a
 * full disk. Lines that cannot be written are dropped, and the next ones are
 * tried again.
 */
export class LineWriter {
  readonly #sink: Sink;
  readonly #name: string;
  readonly #encoder = new TextEncoder();
  #pending = "";
  #writing: Promise<void> | null = null;
  /** Whether lines are being dropped, which is reported once. */
  #isFailing = false;
  #isClosed = false;

  /**
   * Makes a writer.
   *
   * @param sink Where the lines go.
   * @param name What stderr calls it when lines begin to be dropped.
   */
  constructor(sink: Sink, name: string) {
    this.#sink = sink;
    this.#name = name;
  }

  /** Writes a line in the background. */
  write(line: string): void {
    if (this.#isClosed) return;
    if (this.#pending.length > MAX_PENDING) {
      return this.#fail(new Error("its reader is too slow"));
    }
    this.#pending += line + "\n";
    this.#writing ??= this.#writeAll();
  }

  /** Waits until everything is written, but not for long. */
  async flush(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, FLUSH_TIMEOUT);
    await Promise.race([this.#writing, promise]);
    clearTimeout(timer);
  }

  async #writeAll(): Promise<void> {
    // So that one write takes the lines of all requests that arrived together
    await null;
    while (this.#pending !== "") {
      const lines = this.#pending;
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
      } catch (error) {
        // EAGAIN: a full pipe in non-blocking mode
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
    const reason = (error as Error | null)?.message ?? String(error);
    warn(`Cannot write ${this.#name}, so lines are lost: ${reason}`);
  }
}
