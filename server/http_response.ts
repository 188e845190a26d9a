import { type HeaderFieldsInit, statusReason } from "../message/mod.ts";

/**
 * What a part of a file is read from: a `Deno.FsFile`, or what reads like one.
 */
export interface FileReader {
  /**
   * Reads some bytes from its position, and moves past them; tells how many, or
   * null at the end.
   */
  readSync(into: Uint8Array): number | null;
  /** Goes to an offset from the start. */
  seekSync(offset: number, whence: Deno.SeekMode.Start): number;
  /** Frees it. */
  close(): void;
}

/**
 * A part of an open file as a body; the server closes the file once it is sent,
 * or cannot be.
 */
export interface FilePart {
  /** The file, open for reading. */
  readonly file: FileReader;
  /** The offset of the first byte to send. */
  readonly start: number;
  /**
   * How many bytes to send, never one more; if the file has fewer, the
   * connection is cut.
   */
  readonly length: number;
}

/**
 * What a body can be: text (sent as UTF-8), bytes, a stream, or a part of a
 * file.
 */
export type HttpBody =
  | string
  | Uint8Array
  | ReadableStream<Uint8Array>
  | FilePart;

/**
 * What a handler gives for a request.
 *
 * The server adds `Date`, `Connection` and, where the length is known,
 * `Content-Length`. A stream without a `Content-Length` among the headers ends
 * with the connection, as HTTP/1.0 has it (RFC 1945 section 7.2.2).
 */
export interface HttpResponse {
  /** The status code, 200 to 999. */
  readonly status: number;
  /** The reason phrase; the registered one when it is not given. */
  readonly reason?: string;
  /** The header fields. */
  readonly headers?: HeaderFieldsInit;
  /**
   * The body; for HEAD, what GET would send: it gives the length and is not
   * sent.
   */
  readonly body?: HttpBody | null;
}

/**
 * A response that says its status in words.
 *
 * @param status The status code.
 * @param fields Header fields beside those of the text.
 * @param expected What was expected in place of the request, "" to say no more.
 */
export function plainResponse(
  status: number,
  fields: Readonly<Record<string, string>> = {},
  expected = "",
): HttpResponse {
  return {
    status,
    headers: {
      ...fields,
      "Content-Type": "text/plain; charset=utf-8",
      "X-Content-Type-Options": "nosniff",
    },
    body: `${status} ${statusReason(status)}\n` +
      (expected === "" ? "" : `Expected ${expected}\n`),
  };
}

/** Reads a web Response; an empty reason stands for the registered one. */
export function fromWeb(response: Response): HttpResponse {
  const { status, statusText, headers, body } = response;
  const reason = statusText === "" ? {} : { reason: statusText };
  return { status, ...reason, headers, body };
}
