import { isBodiless } from "../../message/framing.ts";
import { HeaderFields, persistence } from "../../message/mod.ts";
import type { HandlerResult } from "../handler.ts";
import {
  type FilePart,
  fromWeb,
  type HttpResponse,
  plainResponse,
} from "../http_response.ts";
import { BodyError } from "../request_body.ts";
import { ConnectionClosedError, type ConnectionIo } from "./connection_io.ts";
import { sendFile } from "./file_body.ts";
import { writeHead } from "./response_head.ts";
import { sendStream, StreamBody } from "./stream_body.ts";

/** What sending a response depends on, beside the response. */
export interface RespondOptions {
  /** The method of the request. */
  readonly method: string;
  /**
   * Whether the connection may be kept if the length of the response is known.
   */
  readonly keepAlive: boolean;
  /** Told what went wrong. */
  readonly onError: (error: unknown) => void;
}

/** How a response went out. */
export interface SentResponse {
  readonly status: number;
  /** Whether the connection can be kept. */
  readonly keepAlive: boolean;
}

/** What a body is once it can be sent: with a length, or null for none. */
type OpenBody = Uint8Array | FilePart | StreamBody;

const NO_BYTES = new Uint8Array(0);
const encoder = new TextEncoder();

/**
 * Sends what a handler gave; if that cannot be sent, a 500 in its place.
 *
 * @throws {ConnectionClosedError} If the client went, or the response failed
 *   half-way: then the connection is cut, so that the client sees that
 *   something is missing.
 */
export async function respond(
  io: ConnectionIo,
  result: HandlerResult,
  options: RespondOptions,
): Promise<SentResponse> {
  const writtenBefore = io.written;
  let body: OpenBody = NO_BYTES;
  try {
    const response = result instanceof Response ? fromWeb(result) : result;
    const opened = openBody(response);
    body = opened instanceof Promise ? await opened : opened;
    const date = io.server.clock.date.text;
    const { head, keepAlive } = makeHead(response, body.length, options, date);
    const { status } = response;
    const isBodySent = options.method !== "HEAD" && !isBodiless(status);
    await sendBoth(io, head, isBodySent ? body : NO_BYTES);
    return { status, keepAlive };
  } catch (error) {
    if (error instanceof ConnectionClosedError) throw error;
    const response = errorResponse(error, options.onError);
    if (io.written === writtenBefore) return respond(io, response, options);
    throw new ConnectionClosedError("The response was cut", { cause: error });
  } finally {
    if (body instanceof StreamBody) await body.close();
    else if (!(body instanceof Uint8Array)) body.file.close();
  }
}

function sendBoth(
  io: ConnectionIo,
  head: string,
  body: OpenBody,
): Promise<void> {
  if (body instanceof Uint8Array) return io.writeJoined(head, body);
  return body instanceof StreamBody
    ? sendStream(io, head, body)
    : sendFile(io, head, body);
}

/**
 * The response for an error: fixed text, since the error may tell what nobody
 * should know.
 */
export function errorResponse(
  error: unknown,
  onError: (error: unknown) => void,
): HttpResponse {
  if (error instanceof BodyError && error.status < 500) {
    return plainResponse(error.status);
  }
  onError(error);
  return plainResponse(500);
}

function openBody(response: HttpResponse): OpenBody | Promise<OpenBody> {
  const { body = null } = response;
  if (body === null) return NO_BYTES;
  if (typeof body === "string") return encoder.encode(body);
  if (!(body instanceof ReadableStream)) return body;
  const headers = new HeaderFields(response.headers);
  return StreamBody.open(body, headers.get("content-length"));
}

/** Makes the head: the server's own fields, and the handler's others. */
function makeHead(
  { status, reason, headers }: HttpResponse,
  length: number | null,
  options: RespondOptions,
  date: string,
): { readonly head: string; readonly keepAlive: boolean } {
  if (!(status >= 200)) {
    throw new RangeError(
      `Cannot respond with status ${status}: expected 200 to 999`,
    );
  }
  const given = headers instanceof HeaderFields
    ? headers
    : new HeaderFields(headers);
  const bodiless = isBodiless(status);
  const keepAlive = options.keepAlive && (bodiless || length !== null) &&
    persistence(given) !== "close";
  const own = {
    status,
    reason,
    date: given.has("date") ? null : date,
    keepAlive,
    length: bodiless ? null : length,
  };
  return { head: writeHead(own, given), keepAlive };
}
