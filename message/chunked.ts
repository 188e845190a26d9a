import { CR, LF, octetsToText, quote } from "./_octets.ts";
import { MessageError } from "./error.ts";

/** The longest chunk line (size and extensions), in bytes. */
const MAX_LINE_BYTES = 4_096;
/** The longest trailer section, in bytes. */
const MAX_TRAILER_BYTES = 65_536;

// chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF; chunk-size = 1*HEXDIG
// (RFC 9112 section 7.1). A number holds 12 digits exactly. White space may
// come before an extension.
const CHUNK_LINE_REGEXP =
  /^0*([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

/**
 * Decodes the chunked transfer coding of one body (RFC 9112 section 7.1).
 *
 * Some servers send it even to HTTP/1.0 clients. Lines must end with CRLF.
 * Extensions and trailer fields are skipped: a trailer field must never be
 * mistaken for a header field.
 *
 * @example Usage
 * ```ts
 * import { ChunkedDecoder } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new ChunkedDecoder();
 * const bytes = new TextEncoder().encode("5\r\nhello\r\n0\r\n\r\n");
 * const data = decoder.push(bytes).map((part) =>
 *   new TextDecoder().decode(part)
 * );
 * assertEquals(data, ["hello"]);
 * assertEquals(decoder.done, true);
 * ```
 *
 * @category Messages
 */
export class ChunkedDecoder {
  #state: "size" | "data" | "data-end" | "trailer" | "done" = "size";
  #line = "";
  #dataLeft = 0;
  #trailerBytes = 0;
  #used = 0;

  /** Whether the last chunk and its trailer have been read. */
  get done(): boolean {
    return this.#state === "done";
  }

  /**
   * The number of bytes of the last `push` that belong to the body; those after
   * them are not part of the message.
   */
  get used(): number {
    return this.#used;
  }

  /**
   * Decodes the next bytes of the body.
   *
   * @param bytes The bytes that have arrived.
   * @param data Where to append the data, as views of `bytes`; after an error
   *   it holds the data before the error.
   * @returns The data.
   * @throws {MessageError} If the bytes are not a chunked body, or over a
   *   limit.
   */
  push(bytes: Uint8Array, data: Uint8Array[] = []): Uint8Array[] {
    let offset = 0;
    while (offset < bytes.length && this.#state !== "done") {
      if (this.#state === "data") {
        const end = Math.min(bytes.length, offset + this.#dataLeft);
        data.push(bytes.subarray(offset, end));
        this.#dataLeft -= end - offset;
        offset = end;
        if (this.#dataLeft === 0) this.#state = "data-end";
      } else {
        offset = this.#collectLine(bytes, offset);
      }
    }
    this.#used = offset;
    return data;
  }

  /**
   * Collects a line, which may arrive in pieces, and handles it once it is
   * complete; returns the index of the next byte.
   */
  #collectLine(bytes: Uint8Array, start: number): number {
    const newline = bytes.indexOf(LF, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    const isTrailer = this.#state === "trailer";
    if (isTrailer) this.#trailerBytes += end - start;
    const limit = isTrailer ? MAX_TRAILER_BYTES : MAX_LINE_BYTES;
    if (this.#line.length + end - start > limit || this.#trailerBytes > limit) {
      throw new MessageError(
        "too-large",
        `Cannot read chunk: its ${this.#state} line is over ${limit} bytes`,
      );
    }
    this.#line += octetsToText(bytes, start, end);
    if (newline >= 0) {
      if (this.#line.charCodeAt(this.#line.length - 2) !== CR) {
        throw invalidChunk(this.#line, "line does not end in CRLF");
      }
      const line = this.#line.slice(0, -2);
      this.#line = "";
      this.#endLine(line);
    }
    return end;
  }

  #endLine(line: string): void {
    if (this.#state === "size") {
      const size = CHUNK_LINE_REGEXP.exec(line)?.[1];
      if (size === undefined) {
        throw invalidChunk(line, "expected a size in hexadecimal digits");
      }
      this.#dataLeft = parseInt(size, 16);
      this.#state = this.#dataLeft > 0 ? "data" : "trailer";
    } else if (this.#state === "data-end") {
      if (line !== "") throw invalidChunk(line, "expected CRLF after the data");
      this.#state = "size";
    } else if (line === "") {
      this.#state = "done";
    }
  }
}

function invalidChunk(line: string, reason: string): MessageError {
  const message = `Cannot read chunk ${quote(line)}: ${reason}`;
  return new MessageError("chunk", message);
}
