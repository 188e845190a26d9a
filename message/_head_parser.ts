// Parses heads. Those of requests and of responses differ in the first line
// only, which a function of the caller parses.

import { lineAt, parseFieldLines } from "./_field_lines.ts";
import {
  CR,
  HTAB,
  isOws,
  isToken,
  LF,
  octetsToText,
  quote,
  SP,
} from "./_octets.ts";
import { MessageError } from "./error.ts";

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

/** The parts of the first line of a head. */
export type FirstLine<Head> = Omit<Head, "headers" | "size" | "bareLf">;

/** The limits of a head, and in what requests and responses differ. */
interface HeadRules<Head> {
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
  /** Parses the request line or status line, without its CRLF. */
  readonly parseFirstLine: (line: string) => FirstLine<Head>;
}

/**
 * Parses one head after the other. The bytes may arrive in any pieces, and each
 * is looked at once: between two calls the parser remembers where it stopped.
 * Positions count from the start of the head.
 *
 * @example Whichever side sends the head
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
  /** Where it stopped. */
  #position = 0;
  /** How many empty lines before the first line were skipped. */
  #emptyLines = 0;
  /**
   * Where each line begins, and where its token ends; at last those of the line
   * that it is in, as far as they are known.
   */
  #lines: number[] = [0];
  #firstLine: FirstLine<Head> | null = null;
  /** Whether a line ended in LF without CR. */
  #bareLf = false;

  /** @internal A parser is made by the classes that extend this one. */
  constructor(rules: HeadRules<Head>) {
    this.#rules = rules;
  }

  /** Whether bytes of a head have been seen, other than empty lines. */
  get started(): boolean {
    return this.#position > this.#lines[0]!;
  }

  /**
   * Goes on parsing a head.
   *
   * @param bytes What has arrived.
   * @param start The index of the first byte of the head; the same byte at each
   *   call for one head.
   * @param end The index after the last byte that has arrived.
   * @returns The head, or null while it is incomplete. After a head the parser
   *   is ready for the next one.
   * @throws {MessageError} At the first control character, CR without LF, or
   *   byte over a limit; if a line does not match its grammar.
   */
  parse(
    bytes: Uint8Array,
    start = 0,
    end: number = bytes.length,
  ): Head | null {
    const size = this.#scan(bytes, start, end);
    const lines = this.#lines;
    const { parseFirstLine, joinsFolds, maxFields } = this.#rules;
    // An invalid first line is refused as soon as it is complete
    const isNew = lines.length > 2 && this.#firstLine === null;
    if (size === 0 && !isNew) return null;
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
   * Looks at the bytes that have arrived since the last call; returns the
   * length of the head with its empty line, or 0 while it is incomplete.
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
      // At the end, a CR may still get its LF
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
   * Ends the line that it is in, and begins the next one; returns whether the
   * line is the empty one that ends the head.
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

  /** The limits hold for incomplete lines too. */
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

  #invalidOctet(bytes: Uint8Array, start: number, at: number): MessageError {
    const lines = this.#lines;
    const text = octetsToText(bytes, start, at + 1);
    // Of two faults the first one is told, however the bytes arrive
    if (lines.length > 2) this.#rules.parseFirstLine(lineAt(text, lines, 0));
    const line = text.slice(lines.at(-2));
    const what = bytes[at] === CR ? "CR without LF" : "control character";
    return new MessageError(
      lines.length === 2 ? "first-line" : "field",
      `Cannot read line ${quote(line)}: ${what} at its end`,
    );
  }
}

/** Makes folds part of the line before them; the first field line is none. */
function joinFolds(text: string, lines: readonly number[]): number[] {
  const isFold = (at: number) => at > 3 && isOws(text.charCodeAt(lines[at]!));
  return lines.filter((_, at) => !isFold(at - at % 2));
}
