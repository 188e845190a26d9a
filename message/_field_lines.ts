// field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5)

import { isNameAt, isOws, quote, trimOws } from "./_octets.ts";
import { MessageError } from "./error.ts";

const COLON = 0x3a;

/** Where a line is, in positions from the start of its head. */
export interface Line {
  readonly start: number;
  /** Where the token ends that it begins with: a method or a field name. */
  readonly tokenEnd: number;
  /** Where it ends, without its CRLF. */
  readonly end: number;
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
  readonly #lines: readonly Line[];

  /**
   * Validates the lines.
   *
   * @param text The head, decoded as ISO-8859-1.
   * @param lines Its lines; the first one is the request line or status line.
   * @param rules What is allowed.
   * @throws {MessageError} If a line is not a field line, or there are too
   *   many.
   */
  constructor(text: string, lines: readonly Line[], rules: FieldLineRules) {
    this.#text = text;
    this.#lines = lines;
    let count = 0;
    for (let i = 1; i < lines.length; i++) {
      const { start, tokenEnd: colon, end } = lines[i]!;
      if (colon > start && text.charCodeAt(colon) === COLON) count++;
      else if (i === 1 || !rules.joinsFolds || !this.#isFold(lines[i]!)) {
        throw invalidLine(text.slice(start, end));
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
    for (let i = Math.max(from, 1); i < lines.length; i++) {
      const { start, tokenEnd } = lines[i]!;
      const length = tokenEnd - start;
      if (length === name.length && isNameAt(start, this.#text, name)) return i;
    }
    return -1;
  }

  /** The value of the field whose first line has this index. */
  valueAt(index: number): string {
    const lines = this.#lines;
    const { tokenEnd, end } = lines[index]!;
    let value = trimOws(this.#text, tokenEnd + 1, end);
    let i = index + 1;
    for (; i < lines.length && this.#isFold(lines[i]!); i++) {
      value += " " + trimOws(this.#text, lines[i]!.start, lines[i]!.end);
    }
    return i === index + 1 ? value : trimOws(value);
  }

  /** Goes through the names and values in order. */
  *[Symbol.iterator](): Iterator<[string, string]> {
    for (let i = 1; i < this.#lines.length; i++) {
      const line = this.#lines[i]!;
      if (this.#isFold(line)) continue;
      yield [this.#text.slice(line.start, line.tokenEnd), this.valueAt(i)];
    }
  }

  #isFold({ start }: Line): boolean {
    return isOws(this.#text.charCodeAt(start));
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
