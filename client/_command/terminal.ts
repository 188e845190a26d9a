import type { HttpClientResponse } from "../response.ts";
import { decoderFor } from "../_exchange/charset.ts";
import { type Console, escapeControls } from "./console.ts";
import { CommandError } from "./error.ts";
import { prettyJson } from "./pretty.ts";

/** Longer JSON is shown as it comes. */
const MAX_PRETTY_LENGTH = 2 ** 20;
const JSON_REGEXP = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/**
 * Shows a body to a person: text with its controls escaped, JSON set over
 * lines, and nothing that is no text.
 */
export class TerminalText {
  readonly #console: Console;
  readonly #decoder: TextDecoder;
  #json: string | null;
  #held = "";
  #last = "\n";
  #isFirst = true;

  /** Gets ready for the body of one answer. */
  constructor(console: Console, { headers }: HttpClientResponse) {
    const type = headers.get("content-type") ?? "";
    this.#console = console;
    this.#decoder = decoderFor(type);
    this.#json = JSON_REGEXP.test(type) ? "" : null;
  }

  /** Shows the next bytes. */
  async write(chunk: Uint8Array): Promise<void> {
    const mayHoldNul = this.#decoder.encoding.startsWith("utf-16");
    if (this.#isFirst && chunk.includes(0) && !mayHoldNul) {
      throw new CommandError(
        23,
        "Cannot show the body in a terminal: it is no text; -o FILE saves it, -o - shows it anyway",
      );
    }
    this.#isFirst = false;
    await this.#show(this.#decoder.decode(chunk, { stream: true }));
  }

  /** Shows what was held back, and ends the line. */
  async end(): Promise<void> {
    const rest = this.#held + this.#decoder.decode();
    this.#held = "";
    const text = (this.#json ?? "") + rest;
    const pretty = this.#json === null
      ? null
      : prettyJson(text, this.#console.color);
    await this.#print(pretty ?? escapeControls(text));
    if (this.#last !== "\n") await this.#print("\n");
  }

  async #show(text: string): Promise<void> {
    if (this.#json !== null) {
      this.#json += text;
      if (this.#json.length <= MAX_PRETTY_LENGTH) return;
      text = this.#json;
      this.#json = null;
    }
    // A CR shows only together with what follows.
    const shown = this.#held + text;
    this.#held = shown.endsWith("\r") ? "\r" : "";
    const end = shown.length - this.#held.length;
    await this.#print(escapeControls(shown.slice(0, end)));
  }

  async #print(text: string): Promise<void> {
    this.#last = text.at(-1) ?? this.#last;
    await this.#console.print(text);
  }
}
