// field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5)

import { isOws, quote, trimOws } from "./_octets.ts";
import { MessageError } from "./error.ts";
import { HeaderFields } from "./header_fields.ts";

const COLON = 0x3a;

/** How the field lines of a head are read. */
export interface FieldLineRules {
  /** The most fields. */
  readonly maxFields: number;
  /** Whether a line that begins with white space goes on with the one before (obs-fold, RFC 9112 section 5.2). */
  readonly joinsFolds: boolean;
}

/**
 * Reads the field lines of a head.
 *
 * @param text The head as ISO-8859-1.
 * @param lines Where its lines are, as the scanner found them; the first is no field line.
 * @param rules What is allowed.
 */
export function parseFieldLines(
  text: string,
  lines: readonly number[],
  rules: FieldLineRules,
): HeaderFields {
  const headers = new HeaderFields();
  let count = 0;
  for (let i = 3; i < lines.length; i += 3) {
    const start = lines[i]!;
    const colon = lines[i + 1]!;
    const end = lines[i + 2]!;
    if (++count > rules.maxFields) {
      throw new MessageError(
        "too-large",
        `Cannot read head: more than ${rules.maxFields} fields`,
      );
    }
    if (colon === start || text.charCodeAt(colon) !== COLON) {
      throw faultyLine(text.slice(start, end));
    }
    const name = text.slice(start, colon);
    let value = trimOws(text, colon + 1, end);
    if (rules.joinsFolds) {
      while (i + 3 < lines.length && isOws(text.charCodeAt(lines[i + 3]!))) {
        i += 3;
        value += " " + trimOws(text, lines[i], lines[i + 2]);
      }
      value = trimOws(value);
    }
    headers.append(name, value);
  }
  return headers;
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
