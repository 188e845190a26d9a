import { CommandError, EXIT } from "../../command/errors.ts";
import { escapeControls } from "../../command/quote.ts";
import { decoderFor } from "../_exchange/body.ts";

/** Longer JSON is shown as it arrives. */
const MAX_PRETTY_LENGTH = 2 ** 20;
const JSON_REGEXP = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
// Without its end a string is all that follows, so this takes linear time
const TOKEN_REGEXP =
  /\{\s*\}|\[\s*\]|("(?:\\.|[^"\\])*"?)(\s*:)?|[{}[\],]|[^\s{}[\],:"]+/g;
const INDENT = "  ";
/** Without a limit, 10,000 brackets would become 50 million spaces. */
const MAX_INDENTS = 32;
/** The parameters of the escape sequences for colours. */
const COLORS = { key: 34, string: 32, number: 33, literal: 35 };

/**
 * Turns the bytes of a body into text for a terminal: control characters are
 * escaped, and JSON is indented.
 */
export class TerminalText {
  readonly #decoder: TextDecoder;
  #isJson: boolean;
  /** Text to show later. */
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
    this.#isJson = JSON_REGEXP.test(contentType);
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
    if (this.#isJson && text.length <= MAX_PRETTY_LENGTH) {
      this.#held = text;
      return "";
    }
    this.#isJson = false;
    // The next character tells whether a CR belongs to a line end
    this.#held = text.endsWith("\r") ? "\r" : "";
    const shown = escapeControls(
      text.slice(0, text.length - this.#held.length),
    );
    this.#last = shown.at(-1) ?? this.#last;
    return shown;
  }

  /** Returns the rest, and ends the last line. */
  end(): string {
    const text = this.#held + this.#decoder.decode();
    // Deno itself reads NO_COLOR, so no permission is needed
    const pretty = this.#isJson ? prettyJson(text, !Deno.noColor) : null;
    const shown = pretty ?? escapeControls(text);
    return (shown.at(-1) ?? this.#last) === "\n" ? shown : shown + "\n";
  }
}

/**
 * Indents JSON, with colours if wanted. It works on the text, not on the value,
 * so that long numbers and repeated names stay as they are; control characters
 * are escaped.
 *
 * @param text The text, which may be JSON.
 * @param color Whether to add colours.
 * @returns The text, or null if it is not JSON.
 */
export function prettyJson(text: string, color: boolean): string | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const line = (depth: number) =>
    `\n${INDENT.repeat(Math.min(depth, MAX_INDENTS))}`;
  let depth = 0;
  let pretty = "";
  for (const [token, string, colon] of text.matchAll(TOKEN_REGEXP)) {
    if (token === "{" || token === "[") pretty += token + line(++depth);
    else if (token === "}" || token === "]") pretty += line(--depth) + token;
    else if (token === ",") pretty += token + line(depth);
    else if (/^[{[]/.test(token)) pretty += token.replace(/\s+/, "");
    else {
      const word = escapeControls(string ?? token);
      pretty += color ? paint(word, colon !== undefined) : word;
      if (colon !== undefined) pretty += ": ";
    }
  }
  return pretty;
}

function paint(token: string, isKey: boolean): string {
  const { key, string, number, literal } = COLORS;
  const other = /^[-\d]/.test(token) ? number : literal;
  const color = isKey ? key : token.startsWith('"') ? string : other;
  return `\x1b[${color}m${token}\x1b[0m`;
}
