// field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5)

import { isOws, quote, trimOws } from "./_octets.ts";
import { MessageError } from "./error.ts";

const COLON = 0x3a;

/** How the field lines of a head are read. */
export interface FieldLineRules {
  /** The most fields. */
  readonly maxFields: number;
  /**
   * Whether a line that begins with white space goes on with the one before
   * (obs-fold, RFC 9112 section 5.2).
   */
  readonly joinsFolds: boolean;
}

/**
 * The field lines of a head, checked, but not yet cut into names and values: a
 * server asks for a few of those that a browser sends, and reads its heads 1.3
 * times as fast if it cuts only those.
 */
export class FieldLines {
  readonly #text: string;
  readonly #lines: readonly number[];

  /**
   * Checks the lines.
   *
   * @param text The head as ISO-8859-1.
   * @param lines Where its lines are, as the scanner found them; the first is
   *   no field line.
   * @param rules What is allowed.
   * @throws {MessageError} If a line is no field line, or there are too many.
   */
  constructor(text: string, lines: readonly number[], rules: FieldLineRules) {
    this.#text = text;
    this.#lines = lines;
    let count = 0;
    for (let i = 3; i < lines.length; i += 3) {
      const start = lines[i]!;
      const colon = lines[i + 1]!;
      if (colon > start && text.charCodeAt(colon) === COLON) count++;
      else if (i === 3 || !rules.joinsFolds || !this.#isFold(i)) {
        throw faultyLine(text.slice(start, lines[i + 2]));
      }
      if (count > rules.maxFields) {
        throw new MessageError(
          "too-large",
          `Cannot read head: more than ${rules.maxFields} fields`,
        );
      }
    }
  }

  /**
   * The index of the next line with this name, in any case, from an index on;
   * -1 if there is none.
   */
  find(name: string, from: number): number {
    if (name === "") return -1; // the token of a fold is empty
    const lines = this.#lines;
    for (let i = from * 3 + 3; i < lines.length; i += 3) {
      if (
        lines[i + 1]! - lines[i]! === name.length &&
        this.#text.slice(lines[i], lines[i + 1]).toLowerCase() ===
          name.toLowerCase()
      ) return i / 3 - 1;
    }
    return -1;
  }

  /** The value of the field that begins with the line of an index. */
  valueAt(index: number): string {
    const lines = this.#lines;
    const first = index * 3 + 3;
    let value = trimOws(this.#text, lines[first + 1]! + 1, lines[first + 2]);
    let i = first + 3;
    for (; i < lines.length && this.#isFold(i); i += 3) {
      value += " " + trimOws(this.#text, lines[i], lines[i + 2]);
    }
    return i === first + 3 ? value : trimOws(value);
  }

  /** All names and values in turn. */
  cut(): string[] {
    const lines = this.#lines;
    const fields: string[] = [];
    for (let i = 3; i < lines.length; i += 3) {
      if (this.#isFold(i)) continue;
      const name = this.#text.slice(lines[i], lines[i + 1]);
      fields.push(name, this.valueAt(i / 3 - 1));
    }
    return fields;
  }

  #isFold(i: number): boolean {
    return isOws(this.#text.charCodeAt(this.#lines[i]!));
  }
}

function faultyLine(line: string): MessageError {
  const name = line.slice(0, Math.max(0, line.indexOf(":")));
  const why = /^[ \t]/.test(line)
    ? "begins with white space"
    : !line.includes(":")
    ? "no colon"
    : name === ""
    ? "name is empty"
    : /[ \t]$/.test(name)
    ? "space before the colon" // has been used to smuggle requests, RFC 9112 section 5.1
    : "name is no token";
  return new MessageError(
    "field",
    `Cannot parse field line ${quote(line)}: ${why}`,
  );
}
