import { textToOctets } from "../../message/_octets.ts";
import { type Console, escapeControls } from "./console.ts";
import { fileError } from "./files.ts";
import { TerminalText } from "./terminal.ts";
import type { HttpClientResponse } from "../response.ts";

/**
 * What to do with an answer: write its body, ask for the whole instead, or
 * nothing because all is there.
 */
export type Verdict = "write" | "again" | "whole";

/** Where a body goes. */
export interface Target {
  /** How many bytes were there before. */
  readonly offset: number;
  /** The fields that ask for the rest only. */
  readonly fields: readonly (readonly [string, string])[];
  /** Whether what was written can be replaced or added to by another answer. */
  readonly canRestart: boolean;
  /** Whether it is a terminal. */
  readonly isShown: boolean;
  /** Judges an answer, and gets ready for its body. */
  begin(response: HttpClientResponse): Promise<Verdict>;
  /** Takes the head of an answer. */
  writeHead(head: string): Promise<void>;
  /** Takes the next bytes of the body. */
  write(chunk: Uint8Array): Promise<void>;
  /** Is told that the body came to its right end. */
  end(): Promise<void>;
  /**
   * Is told that it did not, and given the heads that were not written; says
   * what can be done with what is there.
   */
  abandon(heads: string): Promise<string | null>;
}

/** Stdout: unchanged into a pipe, readable in a terminal. */
export class StdoutTarget implements Target {
  readonly offset = 0;
  readonly fields: readonly [] = [];
  readonly #console: Console;
  readonly #isRaw: boolean;
  readonly #turn: Promise<void>;
  #text: TerminalText | null = null;
  canRestart = true;
  readonly isShown: boolean;

  /**
   * Makes a target for one answer.
   *
   * @param console Writes to stdout.
   * @param options Whether bytes are shown as they are, and what to wait for
   *   before writing.
   */
  constructor(
    console: Console,
    options: { readonly isRaw: boolean; readonly turn: Promise<void> },
  ) {
    this.#console = console;
    this.isShown = console.showsBody;
    this.#isRaw = options.isRaw || !console.showsBody;
    this.#turn = options.turn;
  }

  async begin(response: HttpClientResponse): Promise<Verdict> {
    if (!this.#isRaw) this.#text = new TerminalText(this.#console, response);
    await this.#turn;
    return "write";
  }

  async writeHead(head: string): Promise<void> {
    this.canRestart = false;
    await this.#turn;
    if (this.#isRaw) await this.#console.write(textToOctets(head));
    else await this.#console.print(escapeControls(head));
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.canRestart = false;
    await (this.#text ?? this.#console).write(chunk);
  }

  async end(): Promise<void> {
    await this.#text?.end();
  }

  async abandon(heads: string): Promise<null> {
    if (heads !== "") await this.writeHead(heads);
    return null;
  }
}

/** A device or a named pipe, which cannot be renamed. */
export class DeviceTarget implements Target {
  readonly offset = 0;
  readonly fields: readonly [] = [];
  readonly isShown = false;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  canRestart = true;

  /** Takes the opened device. */
  constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  begin(): Promise<Verdict> {
    return Promise.resolve("write");
  }

  async writeHead(head: string): Promise<void> {
    await this.write(textToOctets(head));
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.canRestart = false;
    try {
      let written = 0;
      while (written < chunk.length) {
        written += await this.#file.write(chunk.subarray(written));
      }
    } catch (error) {
      throw fileError(23, `Cannot write "${this.#path}"`, error);
    }
  }

  end(): Promise<void> {
    this.#file.close();
    return Promise.resolve();
  }

  abandon(): Promise<null> {
    this.#file.close();
    return Promise.resolve(null);
  }
}
