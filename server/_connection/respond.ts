import { isBodiless, parseContentLength } from "../../message/framing.ts";
import {
  HeaderFields,
  MessageError,
  type MessageErrorCode,
  persistence,
} from "../../message/mod.ts";
import {
  type FilePart,
  HttpError,
  type HttpResponse,
  plainResponse,
  toPlain,
} from "../http_response.ts";
import { PreparedResponse, writeHead } from "../_prepared_response.ts";
import type { HandlerResult } from "../handler.ts";
import { addFields } from "../wrappers.ts";
import { BodyError } from "../request_body.ts";
import { ConnectionClosedError, type ConnectionIo } from "./connection_io.ts";
import { NO_BYTES, sendFile, sendStream, StreamBody } from "./response_body.ts";

/** What sending a response depends on besides the response itself. */
export interface RespondOptions {
  /** The method of the request. */
  readonly method: string;
  /** Whether the connection may be kept if the length of the body is known. */
  readonly keepAlive: boolean;
}

/** What was sent, which is not always what the handler returned. */
export interface SentResponse {
  readonly status: number;
  readonly headBytes: number;
  /** Whether the connection can be kept. */
  readonly keepAlive: boolean;
  /**
   * Whether the client left, or the response failed half-way. The connection is
   * then cut, so that the client notices that something is missing.
   */
  readonly isCut: boolean;
}

/** A body that is ready to be sent; only a stream may have no known length. */
type OpenBody = Uint8Array | FilePart | StreamBody;

const encoder = new TextEncoder();

/** Sends what a handler returned, or a 500 if that cannot be sent. */
export function respond(
  io: ConnectionIo,
  result: HandlerResult,
  options: RespondOptions,
): Promise<SentResponse> {
  // A trace shows the head, so a prepared one is sent like any other
  return result instanceof PreparedResponse && io.emit === undefined
    ? sendPrepared(io, result, options)
    : send(io, result, options);
}

/**
 * Sends a prepared response. Not async, because most responses go this way, and
 * the promises of an async function are a tenth of the garbage of each.
 */
function sendPrepared(
  io: ConnectionIo,
  response: PreparedResponse,
  { method, keepAlive }: RespondOptions,
): Promise<SentResponse> {
  const { status, body, headBytes } = response;
  const { date } = io.server.clock;
  const isHead = method === "HEAD";
  const sent = { status, headBytes, keepAlive, isCut: false };
  // The only thing that can go wrong is that the client leaves
  const cut = () => ({ ...sent, keepAlive: false, isCut: true });
  if (!keepAlive) {
    const head = response.closingHead(date);
    sent.headBytes = head.length;
    return io.writeJoined(head, isHead ? NO_BYTES : body).then(() => sent, cut);
  }
  const octets = response.octets(date);
  const written = io.write(isHead ? octets.subarray(0, headBytes) : octets);
  return written.then(() => sent, cut);
}

async function send(
  io: ConnectionIo,
  result: HandlerResult,
  options: RespondOptions,
): Promise<SentResponse> {
  let body: OpenBody = NO_BYTES;
  let sent = { status: 500, headBytes: 0, keepAlive: false, isCut: false };
  try {
    const response = toPlain(result);
    body = openBody(response);
    const headers = new HeaderFields(response.headers);
    const announced = headers.get("content-length");
    if (body instanceof StreamBody) body = await body.measure(announced);
    const init = decideHead({ ...response, headers }, body, options);
    const { status, keepAlive } = init;
    const date = headers.has("date") ? null : io.server.clock.date;
    const head = writeHead({ ...init, date }, headers);
    sent = { status, headBytes: head.length, keepAlive, isCut: false };
    io.emit?.({ type: "response-head", text: head, bytes: head.length });
    const isHeadOnly = options.method === "HEAD" || isBodiless(status);
    const content = isHeadOnly ? NO_BYTES : body;
    if (content instanceof Uint8Array) await io.writeJoined(head, content);
    else if (content instanceof StreamBody) await sendStream(io, head, content);
    else await sendFile(io, head, content);
    return sent;
  } catch (error) {
    if (!(error instanceof ConnectionClosedError)) {
      const response = errorResponse(error, io);
      if (io.responseBytes === 0) return send(io, response, options);
    }
    return { ...sent, keepAlive: false, isCut: true };
  } finally {
    // Not awaited: the source of a stream may wait for ever for its next part
    if (body instanceof StreamBody) void body.close();
    else if (!(body instanceof Uint8Array)) body.file.close();
  }
}

/** Decides what the head says about the body and the connection. */
function decideHead(
  { status, reason, headers }: HttpResponse & { headers: HeaderFields },
  body: OpenBody,
  options: RespondOptions,
) {
  const keepAlive = options.keepAlive && persistence(headers) !== "close" &&
    (isBodiless(status) || body.length !== null);
  const length = options.method === "HEAD"
    ? lengthForHead(headers, body)
    : body.length;
  return { status, reason, keepAlive, length };
}

function openBody({ body = null }: HttpResponse): OpenBody {
  if (body === null) return NO_BYTES;
  if (typeof body === "string") return encoder.encode(body);
  if (body instanceof Uint8Array) return body;
  const isPart = body instanceof Object && "file" in body && body.length >= 0;
  if (isPart && Number.isSafeInteger(body.length)) return body;
  // Last, because Deno loads streams once their class is named
  if (body instanceof ReadableStream) return new StreamBody(body);
  const expected = "expected a string, Uint8Array, stream or part of a file";
  throw new TypeError(`Cannot respond with this body: ${expected}`);
}

/** Returns the length that a GET would announce; null if it is not known. */
function lengthForHead(fields: HeaderFields, body: OpenBody): number | null {
  const announced = parseContentLength(fields.get("content-length") ?? "");
  if (announced !== null) return announced;
  // A handler may leave out the body for HEAD only (RFC 9110 section 8.6)
  return body === NO_BYTES ? null : body.length;
}

/**
 * What was expected of a malformed message, as text for the body of the
 * response, and the section that says so.
 */
const EXPECTED: Readonly<Record<MessageErrorCode, string>> = {
  "first-line":
    "a request line such as GET /path HTTP/1.0 (RFC 9112 section 3)",
  "version": "HTTP/1.0 or HTTP/1.1 (RFC 9112 section 2.3)",
  "target":
    "a path such as /a%20b, percent-encoded, or an http URL (RFC 9112 section 3.2)",
  "target-too-long": "a shorter request line (RFC 9112 section 3)",
  "field": "field lines such as Name: value (RFC 9112 section 5)",
  "content-length":
    "one Content-Length, of 1 to 15 digits (RFC 9112 section 6.3)",
  "transfer-encoding":
    "a Content-Length: this is HTTP/1.0, without Transfer-Encoding (RFC 9112 section 6.1)",
  "length-required": "a Content-Length (RFC 9110 section 15.5.12)",
  "chunk": "chunks",
  "too-large": "a smaller head (RFC 6585 section 5)",
};

const EXPECTED_BODY = "a body as long as Content-Length says, and of its type";

/** Says what was expected in place of a refused request; "" for nothing. */
function describeExpected(error: MessageError | HttpError | BodyError): string {
  if (error instanceof MessageError) return EXPECTED[error.code];
  if (error instanceof HttpError) return error.expected;
  return error.status === 400 ? EXPECTED_BODY : "";
}

/**
 * Makes the response to a request that is refused. Its text is fixed, because
 * an error message may reveal what nobody outside should know.
 */
export function refusalResponse(
  error: MessageError | HttpError | BodyError,
  { server: { headers }, emit }: ConnectionIo,
): HttpResponse {
  const { status, message: reason } = error;
  const expected = describeExpected(error);
  emit?.({ type: "refused", status, reason, expected });
  return addFields(plainResponse(status, {}, expected), headers);
}

/** Makes the response for what a handler threw, or what cannot be sent. */
export function errorResponse(error: unknown, io: ConnectionIo): HttpResponse {
  const isRefused = error instanceof BodyError && error.status < 500;
  if (isRefused) return refusalResponse(error, io);
  // A handler that gave up with its signal has done the right thing
  if (!(error instanceof ConnectionClosedError)) io.server.onError(error);
  const reason = error instanceof Error ? error.message : "it threw no error";
  return refusalResponse(new HttpError(500, reason), io);
}
