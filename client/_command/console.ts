import { escapeControls } from "../../command/quote.ts";
import { CommandError } from "./error.ts";

export { escapeControls };

/** One of the two places the command writes to; `Deno.stdout` is one. */
export interface OutputStream {
  /** Writes bytes, not necessarily all, and says how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** The same, at once. */
  writeSync(bytes: Uint8Array): number;
  /** Whether a person is looking. */
  isTerminal(): boolean;
}

/** What the command reads from and writes to; `Deno` is one. */
export interface CommandIo {
  /** Where `@-` reads from. */
  readonly stdin: { readonly readable: ReadableStream<Uint8Array> };
  /** Where bodies go. */
  readonly stdout: OutputStream;
  /** Where all else goes. */
  readonly stderr: OutputStream;
  /** Stops all transfers; what they have stays where it can be gone on with. */
  readonly signal?: AbortSignal;
}

const ENCODER = new TextEncoder();
const CLEAR_LINE = "\r\x1b[K";

/** The two streams, and how to write to each. */
export class Console {
  /** Whether stdout shows colours. */
  readonly color: boolean;
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  #hasStatus = false;

  /**
   * Takes the streams; `NO_COLOR` is read by Deno, which needs no permission
   * for it.
   */
  constructor(stdout: OutputStream, stderr: OutputStream) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.color = stdout.isTerminal() && !Deno.noColor;
  }

  /** Whether a person looks at stdout. */
  get showsBody(): boolean {
    return this.#stdout.isTerminal();
  }

  /** Whether a person looks at stderr. */
  get showsNotes(): boolean {
    return this.#stderr.isTerminal();
  }

  /**
   * Writes bytes to stdout, all of them and unchanged.
   *
   * @throws {CommandError} If stdout does not take them; without a message if
   *   nobody reads it any more.
   */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      let written = 0;
      while (written < bytes.length) {
        written += await this.#stdout.write(bytes.subarray(written));
      }
    } catch (error) {
      const gone = error instanceof Deno.errors.BrokenPipe;
      const reason = (error as Error).message;
      throw new CommandError(23, gone ? "" : `Cannot write stdout: ${reason}`);
    }
  }

  /** Writes text to stdout, as it is. */
  print(text: string): Promise<void> {
    return this.write(ENCODER.encode(text));
  }

  /** Writes a line to stderr, escaped. */
  note(line: string): void {
    this.#draw(`${this.#clear()}${escapeControls(line)}\n`);
  }

  /**
   * Shows a line on stderr in the place of the one before; an empty one clears
   * it.
   */
  status(line: string): void {
    const clear = this.#clear();
    if (clear + line === "") return;
    this.#hasStatus = line !== "";
    this.#draw(clear + line);
  }

  #clear(): string {
    const clear = this.#hasStatus ? CLEAR_LINE : "";
    this.#hasStatus = false;
    return clear;
  }

  #draw(text: string): void {
    try {
      const bytes = ENCODER.encode(text);
      let written = 0;
      while (written < bytes.length) {
        written += this.#stderr.writeSync(bytes.subarray(written));
      }
    } catch {
      // Nobody reads stderr, so there is nobody to tell.
    }
  }
}
