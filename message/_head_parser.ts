// Parses heads. The heads of requests and responses differ only in the first
// line, which a function of the caller parses.

import { joinFolds, lineAt, parseFieldLines } from "./_field_lines.ts";
import { CR, HTAB, isToken, LF, octetsToText, quote, SP } from "./_octets.ts";
import { MessageError } from "./error.ts";

const DEL = 0x7f;

/** The most empty lines to skip before a first line (RFC 9112 section 2.2). */
const MAX_EMPTY_LINES = 4;

const TEXT = 1;
const TCHAR = 2;

/**
 * Where each octet is allowed: TEXT, anywhere in a line (HTAB, and everything
 * from SP up except DEL); TCHAR, also in a token (RFC 9110 section 5.6.2). This
 * is a table because the parser checks every octet of a head.
 */
const OCTETS: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) => {
  const isText = octet === HTAB || octet >= SP && octet !== DEL;
  const isTchar = isToken(String.fromCharCode(octet));
  return (isText ? TEXT : 0) | (isTchar ? TCHAR : 0);
});

/** The parts of the first line of a head. */
export type FirstLine<Head> = Omit<Head, "headers" | "size" | "bareLf">;

/** The limits of a head, and what differs between requests and responses. */
interface HeadRules<Head> {
  /** The longest first line, in bytes. */
  readonly maxLineBytes: number;
  /** The longest head, in bytes, first line and empty line included. */
  readonly maxHeadBytes: number;
  /** The maximum number of fields. */
  readonly maxFields: number;
  /**
   * Whether a line that begins with white space continues the one before it
   * (obs-fold, RFC 9112 section 5.2); otherwise it is rejected.
   */
  readonly joinsFolds: boolean;
  /** Parses the request line or status line, without its CRLF. */
  readonly parseFirstLine: (line: string) => FirstLine<Head>;
}

/**
 * Parses one head after another. The bytes may arrive in pieces of any size,
 * and the parser scans each byte once: between two calls it remembers where it
 * stopped. Positions count from the start of the head.
 *
 * @example Parse a head of either side
 * ```ts
 * import { type HeadParser, ResponseHeadParser } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * function parseText<Head>(parser: HeadParser<Head>, text: string) {
 *   return parser.parse(new TextEncoder().encode(text));
 * }
 *
 * const text = "HTTP/1.0 200 OK\r\nAge: 5\r\n\r\n";
 * const head = parseText(new ResponseHeadParser(), text);
 * assertEquals(head?.headers.get("age"), "5");
 * ```
 *
 * @category Messages
 */
export class HeadParser<Head> {
  readonly #rules: HeadRules<Head>;
  /** Where the scan stopped. */
  #position = 0;
  /** The number of empty lines skipped before the first line. */
  #emptyLines = 0;
  /**
   * Two indices for each line: its start, and the end of the token that it
   * begins with, such as a field name. They share one array, because two would
   * slow down short heads. The last line is the one being scanned; its second
   * index may still be missing.
   */
  #lines: number[] = [0];
  #firstLine: FirstLine<Head> | null = null;
  /** Whether a line ended in LF without CR. */
  #bareLf = false;

  /** @internal Only the classes that extend this one create parsers. */
  constructor(rules: HeadRules<Head>) {
    this.#rules = rules;
  }

  /** Whether bytes of a head have been seen, other than empty lines. */
  get started(): boolean {
    return this.#position > this.#lines[0]!;
  }

  /**
   * Continues to parse a head.
   *
   * @param bytes The bytes that have arrived.
   * @param start The index of the first byte of the head; it must be the same
   *   byte in every call for one head.
   * @param end The index after the last byte that has arrived.
   * @returns The head, or null while it is incomplete. After a head the parser
   *   is ready for the next one.
   * @throws {MessageError} At the first control character, CR without LF, or
   *   byte over a limit; also if a line does not match its grammar.
   */
  parse(bytes: Uint8Array, start = 0, end: number = bytes.length): Head | null {
    const size = this.#scan(bytes, start, end);
    const lines = this.#lines;
    const { parseFirstLine, joinsFolds, maxFields } = this.#rules;
    // Parse the first line as soon as it is complete, to reject it early
    const isFirstLineNew = lines.length > 2 && this.#firstLine === null;
    if (size === 0 && !isFirstLineNew) return null;
    const text = octetsToText(bytes, start, start + (size || lines[2]!));
    this.#firstLine ??= parseFirstLine(lineAt(text, lines, 0));
    if (size === 0) return null;
    const unfolded = joinsFolds ? joinFolds(text, lines) : lines;
    const headers = parseFieldLines(text, unfolded, maxFields);
    const bareLf = this.#bareLf;
    const head = { ...this.#firstLine, headers, size, bareLf } as Head;
    this.#reset();
    return head;
  }

  /** Prepares for the next head. */
  #reset(): void {
    this.#position = this.#emptyLines = 0;
    this.#lines = [0];
    this.#firstLine = null;
    this.#bareLf = false;
  }

  /**
   * Scans the bytes that have arrived since the last call. Returns the length
   * of the head with its empty line, or 0 while the head is incomplete.
   */
  #scan(bytes: Uint8Array, start: number, end: number): number {
    const lines = this.#lines;
    let i = start + this.#position;
    for (; i < end; i++) {
      if (lines.length % 2 === 1) {
        while (i < end && (OCTETS[bytes[i]!]! & TCHAR) !== 0) i++;
        if (i === end) break;
        lines.push(i - start);
      }
      while (i < end && (OCTETS[bytes[i]!]! & TEXT) !== 0) i++;
      const octet = bytes[i];
      // The LF of a CR at the end may still arrive
      if (i === end || octet === CR && i + 1 === end) break;
      const lineEnd = i - start;
      if (octet === LF) this.#bareLf = true;
      else if (octet === CR && bytes[i + 1] === LF) i++;
      else throw this.#invalidOctet(bytes, start, i);
      const next = i + 1 - start;
      if (this.#endLine(lineEnd, next)) return next;
    }
    this.#position = i - start;
    this.#checkLength(this.#position);
    return 0;
  }

  /**
   * Ends the current line and begins the next one; returns whether the line is
   * the empty one that ends the head.
   */
  #endLine(end: number, next: number): boolean {
    const lines = this.#lines;
    const isFirst = lines.length === 2;
    const isEmpty = end === lines[lines.length - 2];
    if (isEmpty && isFirst) this.#skipEmptyLine();
    else if (isEmpty || isFirst) this.#checkLength(isEmpty ? next : end);
    if (isEmpty && !isFirst) return true;
    lines.push(next);
    return false;
  }

  #skipEmptyLine(): void {
    if (++this.#emptyLines > MAX_EMPTY_LINES) {
      const message = "Cannot read head: empty line in place of a first line";
      throw new MessageError("first-line", message);
    }
    this.#lines.length = 0;
  }

  /** Checks the limits, also within an incomplete line. */
  #checkLength(length: number): void {
    const { maxLineBytes, maxHeadBytes } = this.#rules;
    const lines = this.#lines;
    if (lines.length <= 2 && length - lines[0]! > maxLineBytes) {
      const message = `Cannot read head: first line over ${maxLineBytes} bytes`;
      throw new MessageError("target-too-long", message);
    }
    if (length > maxHeadBytes) {
      const message = `Cannot read head: over ${maxHeadBytes} bytes`;
      throw new MessageError("too-large", message);
    }
  }

  #invalidOctet(bytes: Uint8Array, start: number, index: number): MessageError {
    const lines = this.#lines;
    const text = octetsToText(bytes, start, index + 1);
    const isFirst = lines.length === 2;
    // Report a bad first line first, however the bytes arrive
    if (!isFirst) this.#rules.parseFirstLine(lineAt(text, lines, 0));
    const line = text.slice(lines.at(-2));
    const octet = bytes[index] === CR ? "CR without LF" : "control character";
    const message = `Cannot read line ${quote(line)}: ${octet} at its end`;
    return new MessageError(isFirst ? "first-line" : "field", message);
  }
}
