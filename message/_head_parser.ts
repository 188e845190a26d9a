// Parses heads. Those of requests and of responses differ in the first line
// only, which a function of the caller parses.

import { FieldLines, LineTable } from "./_field_lines.ts";
import { CR, HTAB, isToken, LF, octetsToText, quote, SP } from "./_octets.ts";
import { MessageError } from "./error.ts";
import { HeaderFields } from "./header_fields.ts";

const DEL = 0x7f;

/** Empty lines to skip before a first line (RFC 9112 section 2.2). */
const MAX_EMPTY_LINES = 4;

const TEXT = 1;
const TCHAR = 2;

/**
 * Where an octet is allowed: TEXT, anywhere in a line (HTAB, and everything
 * from SP on but DEL); TCHAR, in a token too (RFC 9110 section 5.6.2). A table,
 * since every octet of a head is looked up.
 */
const OCTETS: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) => {
  const isText = octet === HTAB || octet >= SP && octet !== DEL;
  const isTchar = isToken(String.fromCharCode(octet));
  return (isText ? TEXT : 0) | (isTchar ? TCHAR : 0);
});

/** The limits of a head, and in what requests and responses differ. */
export interface HeadRules<FirstLine> {
  /** The longest first line, in bytes. */
  readonly maxLineBytes: number;
  /** The longest head, in bytes, first line and empty line included. */
  readonly maxHeadBytes: number;
  /** The most fields. */
  readonly maxFields: number;
  /**
   * Whether a line that begins with white space continues the one before it
   * (obs-fold, RFC 9112 section 5.2), or is refused.
   */
  readonly joinsFolds: boolean;
  /** Parses the request line or status line in the text of a head. */
  readonly parseFirstLine: (text: string, lines: LineTable) => FirstLine;
  /** Decodes octets as ISO-8859-1; by default with `octetsToText`. */
  readonly decode?: DecodeOctets | undefined;
}

/** Decodes the octets from `start` to `end`. */
type DecodeOctets = (bytes: Uint8Array, start: number, end: number) => string;

/** A head of either kind. */
export interface ParsedHead<FirstLine> {
  readonly firstLine: FirstLine;
  readonly headers: HeaderFields;
  readonly size: number;
  readonly bareLf: boolean;
}

/**
 * Parses one head after the other. The bytes may arrive in any pieces, and each
 * is looked at once: between two calls the parser remembers where it stopped.
 * Positions count from the start of the head.
 */
export class HeadParser<FirstLine> {
  readonly #rules: HeadRules<FirstLine>;
  readonly #decode: DecodeOctets;
  /** Where it stopped. */
  #position = 0;
  /** Where the line begins that it is in. */
  #lineStart = 0;
  /** Where the token ends that the line begins with; -1 while it has no end. */
  #tokenEnd = -1;
  /** How many empty lines before the first line were skipped. */
  #emptyLines = 0;
  /** Where they end. */
  #firstLineStart = 0;
  #firstLine: FirstLine | null = null;
  /** The complete lines: the first line, then field lines. */
  #lines: LineTable = new LineTable();
  /** Whether a line ended in LF without CR. */
  #bareLf = false;

  constructor(rules: HeadRules<FirstLine>) {
    this.#rules = rules;
    this.#decode = rules.decode ?? octetsToText;
  }

  /** Whether bytes of a head have been seen, other than empty lines. */
  get started(): boolean {
    return this.#position > this.#firstLineStart;
  }

  /**
   * Goes on parsing a head.
   *
   * @param bytes What has arrived.
   * @param start The index of the first byte of the head; the same byte at each
   *   call for one head.
   * @param end The index after the last byte that has arrived.
   * @returns The head, or null while it is incomplete.
   * @throws {MessageError} At the first control character, CR without LF, or
   *   byte over a limit; if a line does not match its grammar.
   */
  parse(
    bytes: Uint8Array,
    start: number,
    end: number,
  ): ParsedHead<FirstLine> | null {
    const size = this.#scan(bytes, start, end);
    const lines = this.#lines;
    if (lines.count === 0) return null;
    if (size < 0) {
      // An invalid first line is refused as soon as it is complete
      this.#firstLine ??= this.#rules.parseFirstLine(
        this.#decode(bytes, start, start + lines.end(0)),
        lines,
      );
      return null;
    }
    const text = this.#decode(bytes, start, start + size);
    const firstLine = this.#firstLine ??
      this.#rules.parseFirstLine(text, lines);
    const headers = new HeaderFields(new FieldLines(text, lines, this.#rules));
    const bareLf = this.#bareLf;
    this.#reset();
    return { firstLine, headers, size, bareLf };
  }

  /** Prepares for the next head. */
  #reset(): void {
    this.#position = this.#lineStart = this.#firstLineStart = 0;
    this.#tokenEnd = -1;
    this.#emptyLines = 0;
    this.#firstLine = null;
    this.#lines = new LineTable();
    this.#bareLf = false;
  }

  /**
   * Looks at the bytes that have arrived since the last call; returns the
   * length of the head with its empty line, or -1 while it is incomplete.
   */
  #scan(bytes: Uint8Array, start: number, end: number): number {
    let i = start + this.#position;
    while (i < end) {
      if (this.#tokenEnd < 0) {
        while (i < end && (OCTETS[bytes[i]!]! & TCHAR) !== 0) i++;
        if (i === end) break;
        this.#tokenEnd = i - start;
      }
      while (i < end && (OCTETS[bytes[i]!]! & TEXT) !== 0) i++;
      if (i === end) break;
      if (bytes[i] === CR) {
        if (i + 1 === end) return this.#wait(i - start);
        if (bytes[++i] !== LF) {
          throw this.#invalidOctet(bytes, start, i - 1, "CR without LF");
        }
      } else if (bytes[i] !== LF) {
        throw this.#invalidOctet(bytes, start, i, "control character");
      }
      const length = this.#endLine(bytes, start, i++);
      if (length >= 0) return length;
    }
    return this.#wait(end - start);
  }

  /**
   * Adds the line that ends with the LF at an index; returns the length of the
   * head if that was its empty line, otherwise -1.
   */
  #endLine(bytes: Uint8Array, start: number, newline: number): number {
    const lineStart = this.#lineStart;
    const hasCr = newline > start + lineStart && bytes[newline - 1] === CR;
    const lineEnd = newline - start - (hasCr ? 1 : 0);
    const next = newline - start + 1;
    if (!hasCr) this.#bareLf = true;
    if (lineEnd > lineStart) {
      if (this.#lines.count === 0) this.#checkLength(lineEnd);
      this.#lines.add(lineStart, this.#tokenEnd, lineEnd);
    } else if (this.#lines.count === 0) {
      this.#skipEmptyLine(next);
    } else {
      this.#checkLength(next);
      return next;
    }
    this.#lineStart = next;
    this.#tokenEnd = -1;
    return -1;
  }

  #skipEmptyLine(next: number): void {
    if (++this.#emptyLines > MAX_EMPTY_LINES) {
      throw new MessageError(
        "first-line",
        `Cannot read head: empty line in place of a first line`,
      );
    }
    this.#firstLineStart = next;
  }

  /** Stops where the bytes end; the limits hold for incomplete lines too. */
  #wait(position: number): number {
    this.#position = position;
    this.#checkLength(position);
    return -1;
  }

  #checkLength(length: number): void {
    const { maxLineBytes, maxHeadBytes } = this.#rules;
    if (
      this.#lines.count === 0 && length - this.#firstLineStart > maxLineBytes
    ) {
      throw new MessageError(
        "target-too-long",
        `Cannot read head: first line over ${maxLineBytes} bytes`,
      );
    }
    if (length > maxHeadBytes) {
      throw new MessageError(
        "too-large",
        `Cannot read head: over ${maxHeadBytes} bytes`,
      );
    }
  }

  #invalidOctet(
    bytes: Uint8Array,
    start: number,
    at: number,
    what: string,
  ): MessageError {
    const line = octetsToText(bytes, start + this.#lineStart, at + 1);
    return new MessageError(
      this.#lines.count === 0 ? "first-line" : "field",
      `Cannot read line ${quote(line)}: ${what} at its end`,
    );
  }
}
