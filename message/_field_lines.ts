// field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5)

import { isNameAt, isOws, quote, trimOws } from "./_octets.ts";
import { MessageError } from "./error.ts";

const COLON = 0x3a;

/**
 * Where the lines of a head are, in positions from its start: the first line,
 * then the field lines. One array of numbers, since an object for each line
 * would take longer to make.
 */
export class LineTable {
  readonly #positions: number[] = [];
  /** How many lines there are. */
  count = 0;

  /** Adds a line. */
  add(start: number, tokenEnd: number, end: number): void {
    this.#positions.push(start, tokenEnd, end);
    this.count++;
  }

  start(line: number): number {
    return this.#positions[line * 3]!;
  }

  /** Where the token ends that it begins with: a method or a field name. */
  tokenEnd(line: number): number {
    return this.#positions[line * 3 + 1]!;
  }

  /** Where it ends, without its CRLF. */
  end(line: number): number {
    return this.#positions[line * 3 + 2]!;
  }
}

/** What is allowed in the field lines of a head, as in `HeadRules`. */
interface FieldLineRules {
  readonly maxFields: number;
  readonly joinsFolds: boolean;
}

/**
 * The field lines of a head, validated but not yet split into names and values.
 *
 * A browser sends a dozen fields, and a server asks for a few of them, so it is
 * faster to find these when they are asked for than to split them all.
 */
export class FieldLines implements Iterable<[string, string]> {
  readonly #text: string;
  readonly #lines: LineTable;

  /**
   * Validates the lines.
   *
   * @param text The head, decoded as ISO-8859-1.
   * @param lines Its lines; the first one is the request line or status line.
   * @param rules What is allowed.
   * @throws {MessageError} If a line is not a field line, or there are too
   *   many.
   */
  constructor(text: string, lines: LineTable, rules: FieldLineRules) {
    this.#text = text;
    this.#lines = lines;
    let count = 0;
    for (let i = 1; i < lines.count; i++) {
      const start = lines.start(i);
      const colon = lines.tokenEnd(i);
      if (colon > start && text.charCodeAt(colon) === COLON) count++;
      else if (i === 1 || !rules.joinsFolds || !this.#isFold(i)) {
        throw invalidLine(text.slice(start, lines.end(i)));
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
   * The index of the next line with this field name, in any case, from an index
   * on; -1 if there is none.
   */
  find(name: string, from: number): number {
    if (name === "") return -1; // the token of a folded line is empty
    const lines = this.#lines;
    for (let i = from === 0 ? 1 : from; i < lines.count; i++) {
      const start = lines.start(i);
      const length = lines.tokenEnd(i) - start;
      if (length === name.length && isNameAt(start, this.#text, name)) return i;
    }
    return -1;
  }

  /** The value of the field whose first line has this index. */
  valueAt(index: number): string {
    const lines = this.#lines;
    const colon = lines.tokenEnd(index);
    let value = trimOws(this.#text, colon + 1, lines.end(index));
    let i = index + 1;
    for (; i < lines.count && this.#isFold(i); i++) {
      value += " " + trimOws(this.#text, lines.start(i), lines.end(i));
    }
    return i === index + 1 ? value : trimOws(value);
  }

  /** Goes through the names and values in order. */
  *[Symbol.iterator](): Iterator<[string, string]> {
    const lines = this.#lines;
    for (let i = 1; i < lines.count; i++) {
      if (this.#isFold(i)) continue;
      const name = this.#text.slice(lines.start(i), lines.tokenEnd(i));
      yield [name, this.valueAt(i)];
    }
  }

  #isFold(line: number): boolean {
    return isOws(this.#text.charCodeAt(this.#lines.start(line)));
  }
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
