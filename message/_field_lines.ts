// field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5)

import { CR, isOws, quote, trimOws } from "./_octets.ts";
import { MessageError } from "./error.ts";
import { HeaderFields } from "./header_fields.ts";

const COLON = 0x3a;
const FOLD_REGEXP = /\r?\n/;

/**
 * Splits the field lines of a head into names and values.
 *
 * @param text The head, decoded as ISO-8859-1.
 * @param lines Two indices for each line: its start, and the end of the token
 *   that it begins with. A fold is part of the line before it.
 * @param maxFields The maximum number of fields.
 * @throws {MessageError} If a line is not a field line, or there are too many.
 */
export function parseFieldLines(
  text: string,
  lines: readonly number[],
  maxFields: number,
): HeaderFields {
  const headers = new HeaderFields();
  for (let i = 2; i < lines.length - 2; i += 2) {
    const start = lines[i]!;
    const colon = lines[i + 1]!;
    if (colon === start || text.charCodeAt(colon) !== COLON) {
      throw invalidLine(lineAt(text, lines, i));
    }
    if (i > maxFields * 2) {
      const message = `Cannot read head: more than ${maxFields} fields`;
      throw new MessageError("too-large", message);
    }
    const value = trimOws(text, colon + 1, endOfLine(text, lines[i + 2]!));
    headers.append(text.slice(start, colon), unfold(value));
  }
  return headers;
}

/** Joins each fold to the line before it; the first field line is never one. */
export function joinFolds(text: string, lines: readonly number[]): number[] {
  const isFold = (at: number) => at > 3 && isOws(text.charCodeAt(lines[at]!));
  return lines.filter((_, at) => !isFold(at - at % 2));
}

/** Joins the lines of a folded value with spaces (RFC 9112 section 5.2). */
function unfold(value: string): string {
  if (!value.includes("\n")) return value;
  const pieces = value.split(FOLD_REGEXP);
  return trimOws(pieces.map((piece) => trimOws(piece)).join(" "));
}

/** Returns one line of a head, without its line end. */
export function lineAt(text: string, lines: readonly number[], line: number) {
  return text.slice(lines[line], endOfLine(text, lines[line + 2]!));
}

/** Finds where a line's text ends, given the start of the next line. */
function endOfLine(text: string, next: number): number {
  return text.charCodeAt(next - 2) === CR ? next - 2 : next - 1;
}

/** The faults of a line that is no field line; the first match is reported. */
const FAULTS = [
  [/^[ \t]/, "begins with white space"],
  [/^[^:]*$/, "no colon"],
  [/^:/, "name is empty"],
  // A way to smuggle requests (RFC 9112 section 5.1)
  [/^[^:]*[ \t]:/, "space before the colon"],
  [/^/, "name is not a token"],
] as const;

function invalidLine(line: string): MessageError {
  const [, reason] = FAULTS.find(([pattern]) => pattern.test(line))!;
  const message = `Cannot parse field line ${quote(line)}: ${reason}`;
  return new MessageError("field", message);
}
