// field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5)

import { CR, isNameAt, quote, trimOws } from "./_octets.ts";
import { MessageError } from "./error.ts";

const COLON = 0x3a;
/** What a value has in it where its line is folded. */
const FOLD_REGEXP = /\r?\n/;

/**
 * The field lines of a head, validated but not yet split into names and values.
 *
 * A browser sends a dozen fields, and a server asks for a few of them, so it is
 * faster to find these when they are asked for than to split them all.
 */
export class FieldLines implements Iterable<[string, string]> {
  /** How many times its fields were copied: for each request with this head. */
  copies = 0;
  readonly #text: string;
  readonly #lines: readonly number[];

  /**
   * Validates the lines.
   *
   * @param text The head, decoded as ISO-8859-1.
   * @param lines Its lines; folds are part of the line before them.
   * @param maxFields The most fields.
   * @throws {MessageError} If a line is not a field line, or there are too
   *   many.
   */
  constructor(text: string, lines: readonly number[], maxFields: number) {
    this.#text = text;
    this.#lines = lines;
    for (let i = 2; i < lines.length - 2; i += 2) {
      const colon = lines[i + 1]!;
      if (colon === lines[i] || text.charCodeAt(colon) !== COLON) {
        throw invalidLine(lineAt(text, lines, i));
      }
      if (i > maxFields * 2) {
        throw new MessageError(
          "too-large",
          `Cannot read head: more than ${maxFields} fields`,
        );
      }
    }
  }

  /**
   * The index of the next line with this field name, in any case, from an index
   * on; -1 if there is none.
   */
  find(name: string, from: number): number {
    const lines = this.#lines;
    for (let i = from === 0 ? 2 : from; i < lines.length - 2; i += 2) {
      const start = lines[i]!;
      const length = lines[i + 1]! - start;
      if (length === name.length && isNameAt(start, this.#text, name)) return i;
    }
    return -1;
  }

  /** The value of the field on this line. */
  valueAt(line: number): string {
    const lines = this.#lines;
    const end = endOfLine(this.#text, lines[line + 2]!);
    const value = trimOws(this.#text, lines[line + 1]! + 1, end);
    if (!value.includes("\n")) return value;
    const pieces = value.split(FOLD_REGEXP);
    return trimOws(pieces.map((piece) => trimOws(piece)).join(" "));
  }

  /** Goes through the names and values in order. */
  *[Symbol.iterator](): Iterator<[string, string]> {
    const lines = this.#lines;
    for (let i = 2; i < lines.length - 2; i += 2) {
      yield [this.#text.slice(lines[i], lines[i + 1]), this.valueAt(i)];
    }
  }
}

/** A line of a head, without its end. */
export function lineAt(
  text: string,
  lines: readonly number[],
  line: number,
): string {
  return text.slice(lines[line], endOfLine(text, lines[line + 2]!));
}

/** Where the line ends after which the next one begins. */
function endOfLine(text: string, next: number): number {
  return text.charCodeAt(next - 2) === CR ? next - 2 : next - 1;
}

function invalidLine(line: string): MessageError {
  const name = line.slice(0, Math.max(0, line.indexOf(":")));
  const why = /^[ \t]/.test(line)
    ? "begins with white space"
    : !line.includes(":")
    ? "no colon"
    : name === ""
    ? "name is empty"
    : /[ \t]$/.test(name)
    ? "space before the colon" // a way to smuggle requests, RFC 9112 section 5.1
    : "name is no token";
  return new MessageError(
    "field",
    `Cannot parse field line ${quote(line)}: ${why}`,
  );
}
