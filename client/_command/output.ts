import { LF, textToOctets } from "../../message/_octets.ts";
import { CommandError, EXIT, systemError } from "../../command/errors.ts";
import { escapeControls, quote } from "../../command/quote.ts";
import { untilAborted } from "../_connect/deadline.ts";

/** A stream that the command writes to, such as `Deno.stdout`. */
export interface OutputStream {
  /** Writes some of the bytes, and returns how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** The same, synchronously. */
  writeSync(bytes: Uint8Array): number;
  /** Whether it is a terminal. */
  isTerminal(): boolean;
}

/** The streams of the command, such as those of `Deno`. */
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
/** A line that would wrap could not be cleared, so the terminal must cut it. */
const [NO_WRAP, WRAP] = ["\x1b[?7l", "\x1b[?7h"];

/** Decodes octets for people: as UTF-8, or as ISO-8859-1 if that fails. */
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

/** The same, synchronously. */
export function writeAllSync(to: OutputStream, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += to.writeSync(bytes.subarray(written));
  }
}

/** Creates the error for a file that cannot be written. */
export function writeError(path: string, error: unknown): CommandError {
  return systemError(EXIT.writeError, `Cannot write ${quote(path)}`, error);
}

/**
 * Opens a file to write to it directly. Opening a pipe waits for its reader.
 *
 * @param signal Ends that wait.
 * @throws {CommandError} If it cannot be written.
 */
export async function openWriter(
  path: string,
  truncate: boolean,
  signal: AbortSignal,
): Promise<Writer> {
  const options = { create: true, append: !truncate, truncate, write: true };
  try {
    const file = await untilAborted(Deno.open(path, options), signal);
    return new Writer(file, signal, path);
  } catch (error) {
    signal.throwIfAborted();
    throw writeError(path, error);
  }
}

/** A stream to write to directly: stdout, a device, a pipe or a file. */
export class Writer {
  /** Whether it is a terminal. */
  readonly isTerminal: boolean;
  /** The stream itself. */
  readonly stream: OutputStream & Partial<Pick<Deno.FsFile, "close">>;
  readonly #signal: AbortSignal;
  /** Its path; null for stdout. */
  readonly path: string | null;
  /** Whether the reader of stdout has left. */
  isBroken = false;
  /** Whether the last line has no end yet. */
  isMidLine = false;

  /**
   * Takes over a stream.
   *
   * @param signal Ends a write that nobody reads.
   * @param path Its path; null for stdout, which stays open.
   */
  constructor(stream: OutputStream, signal: AbortSignal, path: string | null) {
    this.isTerminal = stream.isTerminal();
    this.stream = stream;
    this.#signal = signal;
    this.path = path;
  }

  /**
   * Writes bytes, unchanged.
   *
   * @throws {CommandError} If they cannot be written; without a message if the
   *   reader of stdout has left.
   */
  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) this.isMidLine = bytes.at(-1) !== LF;
    try {
      await untilAborted(writeAll(this.stream, bytes), this.#signal);
    } catch (error) {
      this.#signal.throwIfAborted();
      if (this.path !== null) throw writeError(this.path, error);
      this.isBroken = error instanceof Deno.errors.BrokenPipe;
      throw this.isBroken
        ? new CommandError(EXIT.writeError, "")
        : systemError(EXIT.writeError, "Cannot write stdout", error);
    }
  }

  /** Writes text, unchanged. */
  print(text: string): Promise<void> {
    return this.write(ENCODER.encode(text));
  }

  /** Writes octets; to a terminal as text, with control characters escaped. */
  printOctets(octets: string): Promise<void> {
    return this.isTerminal
      ? this.print(escapeControls(readOctets(octets)))
      : this.write(textToOctets(octets));
  }

  /** Closes the stream, unless it is stdout. */
  close(): void {
    if (this.path !== null) this.stream.close?.();
  }
}

/** The owner of stdout and stderr: nothing else writes to them. */
export class Output extends Writer {
  readonly #stderr: OutputStream;
  #hasStatus = false;

  /**
   * Takes over the streams.
   *
   * @param signal Ends a write that nobody reads.
   */
  constructor(stdout: OutputStream, stderr: OutputStream, signal: AbortSignal) {
    super(stdout, signal, null);
    this.#stderr = stderr;
  }

  /** Writes lines to stderr, with control characters escaped. */
  note(...lines: string[]): void {
    const text = lines.map((line) => `${escapeControls(line)}\n`).join("");
    if (text !== "") this.printError(text);
  }

  /** Writes text to stderr, unchanged. */
  printError(text: string): void {
    const isOneTerminal = this.isTerminal && this.#stderr.isTerminal();
    const end = isOneTerminal && this.isMidLine ? "\n" : "";
    this.isMidLine = false;
    this.#emit(this.#clear() + end + text);
  }

  /**
   * Replaces the status line, which is the last on stderr if that is a
   * terminal. An empty line clears it.
   */
  status(line: string): void {
    const clear = this.#clear();
    if (clear + line === "" || !this.#stderr.isTerminal()) return;
    this.#hasStatus = line !== "";
    this.#emit(clear + (line && NO_WRAP + line + WRAP));
  }

  /** Writes a last status line, which stays. */
  finishStatus(line: string): void {
    if (this.#stderr.isTerminal()) this.#emit(`${this.#clear()}${line}\n`);
  }

  #clear(): string {
    const clear = this.#hasStatus ? CLEAR_LINE : "";
    this.#hasStatus = false;
    return clear;
  }

  #emit(text: string): void {
    try {
      writeAllSync(this.#stderr, ENCODER.encode(text));
    } catch {
      // There is nowhere left to report it
    }
  }
}
