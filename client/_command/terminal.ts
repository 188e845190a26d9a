import { CommandError, EXIT } from "../../command/errors.ts";
import { escapeControls } from "../../command/quote.ts";
import { decoderFor } from "../_exchange/body.ts";

/**
 * Turns the bytes of a body into text for a terminal, with control
 * characters escaped.
 */
export class TerminalText {
  readonly #decoder: TextDecoder;
  /** A CR that may belong to a line end. */
  #held = "";
  #isFirst = true;
  #last = "\n";

  /**
   * Prepares for one body.
   *
   * @param contentType The value of `Content-Type`, `""` if there is none.
   */
  constructor(contentType: string) {
    this.#decoder = decoderFor(contentType);
  }

  /**
   * Takes the next bytes, and returns what can be shown now.
   *
   * @throws {CommandError} If the body is not text.
   */
  push(chunk: Uint8Array): string {
    const mayHoldNul = this.#decoder.encoding.startsWith("utf-16");
    if (this.#isFirst && chunk.includes(0) && !mayHoldNul) {
      throw new CommandError(
        EXIT.writeError,
        "Cannot show the body in a terminal: it is no text; -o FILE saves it, -o - shows it anyway",
      );
    }
    this.#isFirst = false;
    const text = this.#held + this.#decoder.decode(chunk, { stream: true });
    this.#held = text.endsWith("\r") ? "\r" : "";
    const shown = escapeControls(text.replace(/\r$/, ""));
    this.#last = shown.at(-1) ?? this.#last;
    return shown;
  }

  /** Returns the rest, and ends the last line. */
  end(): string {
    const shown = escapeControls(this.#held + this.#decoder.decode());
    return (shown.at(-1) ?? this.#last) === "\n" ? shown : shown + "\n";
  }
}
