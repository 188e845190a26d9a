// What a handler returns: a response; and what it or the server throws in place
// of one.

import {
  HeaderFields,
  type HeaderFieldsInit,
  statusReason,
} from "../message/mod.ts";

/**
 * What a part of a file is read from: a `Deno.FsFile`, or anything that reads
 * like one.
 *
 * @example A file of zeros that does not exist
 * ```ts
 * import { type FileReader, get, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const file: FileReader = {
 *   readSync: (into) => into.fill(0).length,
 *   seekSync: (offset: number) => offset,
 *   close() {},
 * };
 * const response = { status: 200, body: { file, start: 0, length: 90_000 } };
 * await using server = serve(() => response, { port: 0 });
 * assertEquals((await (await get(server.url)).bytes()).length, 90_000);
 * ```
 *
 * @category Serve
 */
export type FileReader = Pick<Deno.FsFile, "readSync" | "seekSync" | "close">;

/**
 * A part of an open file as a body. The server closes the file once it is sent,
 * or cannot be sent.
 *
 * @example A part of a file
 * ```ts
 * import { get, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "Knock knock");
 * await using server = serve(() => ({
 *   status: 200,
 *   body: { file: Deno.openSync(path), start: 6, length: 5 },
 * }), { port: 0 });
 *
 * assertEquals(await (await get(server.url)).text(), "knock");
 * await Deno.remove(path);
 * ```
 *
 * @category Serve
 */
export interface FilePart {
  /** The file, open for reading. */
  readonly file: FileReader;
  /** The offset of the first byte to send. */
  readonly start: number;
  /**
   * How many bytes to send, never more; if the file has fewer, the connection
   * is cut.
   */
  readonly length: number;
}

/**
 * What a body can be: text (sent as UTF-8), bytes, a stream, or a part of a
 * file.
 *
 * @example Three bodies with the same bytes
 * ```ts
 * import { get, type HttpBody, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("Boo");
 * const bodies: HttpBody[] = ["Boo", bytes, new Blob([bytes]).stream()];
 * const handler = () => ({ status: 200, body: bodies.shift() ?? null });
 * await using server = serve(handler, { port: 0 });
 * for (const expected of ["Boo", "Boo", "Boo", ""]) {
 *   assertEquals(await (await get(server.url)).text(), expected);
 * }
 * ```
 *
 * @category Serve
 */
export type HttpBody =
  | string
  | Uint8Array
  | ReadableStream<Uint8Array>
  | FilePart;

/**
 * The response that a handler returns for a request.
 *
 * The server adds `Date`, `Connection` and, if the length is known,
 * `Content-Length`. A stream without a `Content-Length` among the headers ends
 * when the connection closes (RFC 1945 section 7.2.2).
 *
 * @example A response with other fields
 * ```ts
 * import { get, serve, serveDir } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const files = serveDir(".");
 * await using server = serve(async (request) => {
 *   const response = await files(request);
 *   return response instanceof Response
 *     ? response
 *     : { ...response, headers: { "X-Status": `${response.status}` } };
 * }, { port: 0 });
 *
 * const response = await get(server.url + "none.txt");
 * assertEquals(response.headers.get("x-status"), "404");
 * ```
 *
 * @category Serve
 */
export interface HttpResponse {
  /** The status code, 200 to 999. */
  readonly status: number;
  /** The reason phrase; the registered one by default. */
  readonly reason?: string;
  /** The header fields. */
  readonly headers?: HeaderFieldsInit;
  /**
   * The body. For HEAD, the body that GET would send: it gives the length, and
   * is not sent.
   */
  readonly body?: HttpBody | null;
}

/**
 * Makes a text response that says its status in words.
 *
 * @param status The status code.
 * @param fields Header fields besides those of the text.
 * @param expected What was expected of the request, "" to say no more.
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

/** A web Response, or the response of a client, which has its names. */
type Fetched = Response & { readonly decoded?: boolean };

/**
 * Converts what a handler returned to a plain response.
 *
 * Only a web Response and the response of a client have `bodyUsed`. Nothing
 * asks for the class, because Deno loads all of its fetch once `Response` is
 * named.
 *
 * @throws {TypeError} If it is not a response.
 */
export function toPlain(result: HttpResponse | Response): HttpResponse {
  if ("bodyUsed" in Object(result)) return fromWeb(result as Fetched);
  if (typeof result === "object" && result !== null) return result;
  const expected = "expected a response such as { status: 200 }";
  throw new TypeError(`Cannot respond with ${result}: ${expected}`);
}

/**
 * Converts a web Response, or that of a client, which says whether its body is
 * decoded; an empty reason stands for the registered one. A body from `fetch`
 * is already decoded, unless it is a part, but the response still has the
 * fields of the encoded one.
 */
function fromWeb(response: Fetched): HttpResponse {
  const { status, statusText, headers, body, url, decoded } = response;
  const reason = statusText === "" ? {} : { reason: statusText };
  const fields = new HeaderFields(headers);
  const isCoded = /^(gzip|br)$/i.test(fields.get("content-encoding") ?? "");
  if (decoded ?? (isCoded && url !== "" && status !== 206)) {
    fields.delete("content-encoding");
    fields.delete("content-length");
  }
  return { status, ...reason, headers: fields, body };
}

/**
 * An error whose status says why a request cannot be served (RFC 9110 section
 * 15).
 *
 * The message is for the readers of logs. The client gets the status, and what
 * was expected, in fixed words.
 */
export class HttpError extends Error {
  /** The name of this class of errors. */
  override readonly name: string = "HttpError";
  /** The status of the response. */
  readonly status: number;
  /** What was expected, for the body of the response; "" to say no more. */
  readonly expected: string;

  /**
   * Makes an error.
   *
   * @param status The status of the response.
   * @param message What was tried, and its state.
   * @param expected What was expected of the request, in words.
   */
  constructor(status: number, message: string, expected = "") {
    super(message);
    this.status = status;
    this.expected = expected;
  }
}
