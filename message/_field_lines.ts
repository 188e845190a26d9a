// field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5)

import { quote, tokenEnd, trimOws } from "./_octets.ts";
import { MessageError } from "./error.ts";
import { HeaderFields } from "./header_fields.ts";

const COLON = 0x3a;

/**
 * Reads the field lines of a head, up to its empty line.
 *
 * @param text The head as ISO-8859-1, free of control characters but HTAB and CRLF or LF (the scanner saw to that).
 * @param start Where the first field line begins.
 * @param maxFields How many fields there may be.
 */
export function parseFieldLines(
  text: string,
  start: number,
  maxFields: number,
): HeaderFields {
  const headers = new HeaderFields();
  let count = 0;
  let lineStart = start;
  while (lineStart < text.length) {
    const newline = text.indexOf("\n", lineStart);
    const lineEnd = text.charCodeAt(newline - 1) === 0x0d
      ? newline - 1
      : newline;
    if (lineEnd === lineStart) break; // the empty line
    if (++count > maxFields) {
      throw new MessageError(
        "too-large",
        `Cannot read head: more than ${maxFields} fields`,
      );
    }
    const colon = tokenEnd(text, lineStart);
    if (colon === lineStart || text.charCodeAt(colon) !== COLON) {
      throw faultyLine(text.slice(lineStart, lineEnd));
    }
    const name = text.slice(lineStart, colon);
    headers.append(name, trimOws(text, colon + 1, lineEnd));
    lineStart = newline + 1;
  }
  return headers;
}

function faultyLine(line: string): MessageError {
  const name = line.slice(0, Math.max(0, line.indexOf(":")));
  const why = /^[ \t]/.test(line)
    ? "begins with white space" // obs-fold, RFC 9112 section 5.2
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
