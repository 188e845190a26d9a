import { textToOctets } from "../../message/_octets.ts";
import { CommandError, EXIT, systemError } from "../../command/errors.ts";
import { escapeControls, quote } from "../../command/quote.ts";
import type { ResumeDecision, ResumePoint } from "./resume.ts";
import { TerminalText } from "./terminal.ts";
import { untilAborted } from "../_connect/deadline.ts";
import type { HttpClientResponse } from "../response.ts";

/** One of the two places the command writes to; `Deno.stdout` is one. */
export interface OutputStream {
  /** Writes some of the bytes, and returns how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** The same, without yielding. */
  writeSync(bytes: Uint8Array): number;
  /** Whether it is a terminal. */
  isTerminal(): boolean;
}

/** What the command reads from and writes to; `Deno` is one. */
export interface CommandIo {
  /** Where `@-` reads from. */
  readonly stdin: { readonly readable: ReadableStream<Uint8Array> };
  /** Where bodies go. */
  readonly stdout: OutputStream;
  /** Where everything else goes. */
  readonly stderr: OutputStream;
  /** Stops all transfers; downloads keep what can be resumed. */
  readonly signal?: AbortSignal;
}

const ENCODER = new TextEncoder();
const UTF8 = new TextDecoder("utf-8", { fatal: true });
const CLEAR_LINE = "\r\x1b[K";

/** Reads octets for people: as UTF-8, unless they are none. */
export function readOctets(octets: string): string {
  try {
    return UTF8.decode(textToOctets(octets));
  } catch {
    return octets;
  }
}

/** Writes all bytes, in as many calls as the stream needs. */
async function writeAll(to: OutputStream, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await to.write(bytes.subarray(written));
  }
}

/** The same, without yielding. */
export function writeAllSync(to: OutputStream, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += to.writeSync(bytes.subarray(written));
  }
}

/** Explains why a file cannot be written. */
export function writeError(path: string, error: unknown): CommandError {
  const act = `Cannot write ${quote(path)}`;
  return error instanceof Deno.errors.AlreadyExists
    ? new CommandError(
      EXIT.writeError,
      `${act}: there is one already; -o NAME would replace it`,
    )
    : systemError(EXIT.writeError, act, error);
}

/** The owner of stdout and stderr: nothing else writes to them. */
export class Output {
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean;
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #signal: AbortSignal;
  #hasStatus = false;

  /**
   * Takes the streams.
   *
   * @param signal Ends a write that nobody takes.
   */
  constructor(
    stdout: OutputStream,
    stderr: OutputStream,
    signal: AbortSignal = new AbortController().signal,
  ) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#signal = signal;
    this.isTerminal = stdout.isTerminal();
  }

  /**
   * Writes bytes to stdout, unchanged.
   *
   * @throws {CommandError} If they cannot be written; without a message if the
   *   reader of a pipe has left.
   */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      await untilAborted(writeAll(this.#stdout, bytes), this.#signal);
    } catch (error) {
      this.#signal.throwIfAborted();
      const gone = error instanceof Deno.errors.BrokenPipe;
      const reason = (error as Error).message;
      throw new CommandError(
        EXIT.writeError,
        gone ? "" : `Cannot write stdout: ${reason}`,
      );
    }
  }

  /** Writes text to stdout, unchanged. */
  print(text: string): Promise<void> {
    return this.write(ENCODER.encode(text));
  }

  /** Writes lines to stderr, escaped. */
  note(...lines: string[]): void {
    const text = lines.map((line) => `${escapeControls(line)}\n`).join("");
    this.printError(text);
  }

  /** Writes text to stderr, unchanged. */
  printError(text: string): void {
    this.#draw(this.#clear() + text);
  }

  /**
   * Replaces the status line, which is the last on stderr if that is a
   * terminal; an empty one clears it.
   */
  status(line: string): void {
    const clear = this.#clear();
    if (clear + line === "" || !this.#stderr.isTerminal()) return;
    this.#hasStatus = line !== "";
    this.#draw(clear + line);
  }

  /** Leaves a last status line where it is, for good. */
  keep(line: string): void {
    if (this.#stderr.isTerminal()) this.#draw(`${this.#clear()}${line}\n`);
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
      // There is nowhere left to report it
    }
  }
}

/** Where a body goes. */
export interface BodySink {
  /** Whether the body goes to a terminal. */
  readonly isTerminal: boolean;
  /** Whether the body goes to a file, which others will take for whole. */
  readonly isFile: boolean;
  /** Whether another response can still replace what was written. */
  readonly canRestart: boolean;
  /** Where the body can be resumed; null if it has to start over. */
  readonly resumePoint: ResumePoint | null;
  /** Prepares for the body of this response, or of the next one. */
  begin(response: HttpClientResponse, decision: ResumeDecision): Pending;
  /** Writes the head of a response. */
  writeHead(head: string): Pending;
  /** Writes the next bytes of the body. */
  write(chunk: Uint8Array): Pending;
  /** Completes the body. */
  end(): Pending;
  /**
   * Gives up, and returns a hint for the user if the body can be resumed.
   *
   * @param heads The heads that have not been written.
   */
  abort(heads: string): Promise<string | null>;
}

type Pending = void | Promise<void>;

/** Writes a body to stdout: as text to a terminal, else unchanged. */
export class StdoutSink implements BodySink {
  readonly isTerminal: boolean;
  readonly isFile = false;
  readonly resumePoint = null;
  canRestart = true;
  readonly #output: Output;
  readonly #turn: Promise<unknown>;
  readonly #showsText: boolean;
  #text: TerminalText | null = null;

  /**
   * Prepares for one body.
   *
   * @param output The owner of stdout.
   * @param turn Resolves when this body may be written.
   * @param isRaw Whether a terminal gets the bytes unchanged, too.
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
    if (this.#showsText) {
      await this.#output.print(escapeControls(readOctets(head)));
    } else await this.#output.write(textToOctets(head));
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

/** Writes a body to a device or a named pipe, which cannot be renamed. */
export class DeviceSink implements BodySink {
  readonly isTerminal = false;
  readonly isFile = false;
  readonly resumePoint = null;
  canRestart = true;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #signal: AbortSignal;

  /**
   * Takes over an open file.
   *
   * @param signal Ends a write that nobody takes.
   */
  constructor(path: string, file: Deno.FsFile, signal: AbortSignal) {
    this.#path = path;
    this.#file = file;
    this.#signal = signal;
  }

  begin(): void {}

  writeHead(head: string): Promise<void> {
    return this.write(textToOctets(head));
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.canRestart = false;
    try {
      await untilAborted(writeAll(this.#file, chunk), this.#signal);
    } catch (error) {
      this.#signal.throwIfAborted();
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
