import { textToOctets } from "../../message/_octets.ts";
import { CommandError, EXIT, systemError } from "../../command/errors.ts";
import { escapeControls, quote } from "../../command/quote.ts";
import type { ResumeDecision, ResumePoint } from "./resume.ts";
import { TerminalText } from "./terminal.ts";
import type { HttpClientResponse } from "../response.ts";

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

/** Writes all bytes, however few a stream takes at a time. */
async function writeAll(to: OutputStream, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await to.write(bytes.subarray(written));
  }
}

/** The same, at once. */
export function writeAllSync(to: OutputStream, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += to.writeSync(bytes.subarray(written));
  }
}

/** Tells in one line why a file cannot be written. */
export function writeError(path: string, error: unknown): CommandError {
  const act = `Cannot write ${quote(path)}`;
  return error instanceof Deno.errors.AlreadyExists
    ? new CommandError(
      EXIT.writeError,
      `${act}: there is one already; -o NAME would replace it`,
    )
    : systemError(EXIT.writeError, act, error);
}

/** The owner of stdout and stderr: all that the command writes goes here. */
export class Output {
  /** Whether a person looks at stdout. */
  readonly isTerminal: boolean;
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  #hasStatus = false;

  /** Takes the streams. */
  constructor(stdout: OutputStream, stderr: OutputStream) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.isTerminal = stdout.isTerminal();
  }

  /**
   * Writes bytes to stdout, all of them and unchanged.
   *
   * @throws {CommandError} If stdout does not take them; without a message if
   *   nobody reads it any more.
   */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#stdout, bytes);
    } catch (error) {
      const gone = error instanceof Deno.errors.BrokenPipe;
      const reason = (error as Error).message;
      throw new CommandError(
        EXIT.writeError,
        gone ? "" : `Cannot write stdout: ${reason}`,
      );
    }
  }

  /** Writes text to stdout, as it is. */
  print(text: string): Promise<void> {
    return this.write(ENCODER.encode(text));
  }

  /** Writes lines to stderr, escaped. */
  note(...lines: string[]): void {
    const text = lines.map((line) => `${escapeControls(line)}\n`).join("");
    this.#draw(this.#clear() + text);
  }

  /**
   * Shows a line on stderr, if it is a terminal, in the place of the one
   * before; an empty one clears it.
   */
  status(line: string): void {
    const clear = this.#clear();
    if (clear + line === "" || !this.#stderr.isTerminal()) return;
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
      writeAllSync(this.#stderr, ENCODER.encode(text));
    } catch {
      // Nobody reads stderr, so there is nobody to tell.
    }
  }
}

/** Where a body goes. */
export interface BodySink {
  /** Whether it is a terminal. */
  readonly isTerminal: boolean;
  /** Whether what was written can be replaced by another response. */
  readonly canRestart: boolean;
  /** Where the body goes on; null if it has to come from its start. */
  readonly resumePoint: ResumePoint | null;
  /** Gets ready for the body of a response, or for that of the next. */
  begin(response: HttpClientResponse, decision: ResumeDecision): Pending;
  /** Writes the head of a response. */
  writeHead(head: string): Pending;
  /** Writes the next bytes of the body. */
  write(chunk: Uint8Array): Pending;
  /** Closes a body that came to its right end. */
  end(): Pending;
  /**
   * Closes what failed, and says what can be done with what is there.
   *
   * @param heads The heads that were not written.
   */
  abort(heads: string): Promise<string | null>;
}

type Pending = void | Promise<void>;

/** Stdout: bytes unchanged into a pipe, readable text in a terminal. */
export class StdoutSink implements BodySink {
  readonly isTerminal: boolean;
  readonly resumePoint = null;
  canRestart = true;
  readonly #output: Output;
  readonly #turn: Promise<unknown>;
  readonly #showsText: boolean;
  #text: TerminalText | null = null;

  /**
   * Gets ready for one body.
   *
   * @param output The owner of stdout.
   * @param turn Resolves when this body may be written.
   * @param isRaw Whether a terminal gets bytes unchanged too.
   */
  constructor(output: Output, turn: Promise<unknown>, isRaw: boolean) {
    this.isTerminal = output.isTerminal;
    this.#output = output;
    this.#turn = turn;
    this.#showsText = output.isTerminal && !isRaw;
  }

  async begin({ headers }: HttpClientResponse): Promise<void> {
    const type = headers.get("content-type") ?? "";
    if (this.#showsText) this.#text = new TerminalText(type);
    await this.#turn;
  }

  async writeHead(head: string): Promise<void> {
    this.canRestart = false;
    await this.#turn;
    if (this.#showsText) await this.#output.print(escapeControls(head));
    else await this.#output.write(textToOctets(head));
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.canRestart = false;
    if (this.#text === null) await this.#output.write(chunk);
    else await this.#output.print(this.#text.push(chunk));
  }

  async end(): Promise<void> {
    if (this.#text !== null) await this.#output.print(this.#text.end());
  }

  async abort(heads: string): Promise<null> {
    if (heads !== "") await this.writeHead(heads);
    return null;
  }
}

/** A device or a named pipe, which cannot be renamed. */
export class DeviceSink implements BodySink {
  readonly isTerminal = false;
  readonly resumePoint = null;
  canRestart = true;
  readonly #path: string;
  readonly #file: Deno.FsFile;

  /** Takes the opened device. */
  constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  begin(): void {}

  writeHead(head: string): Promise<void> {
    return this.write(textToOctets(head));
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.canRestart = false;
    try {
      await writeAll(this.#file, chunk);
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  end(): void {
    this.#file.close();
  }

  abort(): Promise<null> {
    this.#file.close();
    return Promise.resolve(null);
  }
}
