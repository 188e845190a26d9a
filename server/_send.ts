import {
  HeaderFields,
  persistence,
  type ResponseHeadInit,
  writeResponseHead,
} from "../message/mod.ts";
import { type BlockLender, type BodySource, openBody } from "./_body_source.ts";
import type { Output } from "./_output.ts";
import type { HandlerResult } from "./handler.ts";
import type { HttpResponse } from "./http_response.ts";
import type { DateStamp } from "./prepared_response.ts";

/** What sending needs to know of the request and its connection. */
export interface SendContext {
  /** The method of the request. */
  readonly method: string;
  /** Whether the connection may be kept if the length of the answer is known. */
  readonly keepAlive: boolean;
  /** The present date. */
  readonly date: DateStamp;
  /** Where the bytes go. */
  readonly output: Output;
  /** Where blocks for files come from. */
  readonly blocks: BlockLender;
}

/** Up to this size head and body go out in one write; joining them costs less than a second write. */
const MAX_JOINED_BYTES = 65_536;
const NO_BYTES = new Uint8Array(0);
const encoder = new TextEncoder();

/**
 * Sends an answer, whole.
 *
 * @returns Whether the connection can be kept.
 */
export function sendResponse(
  result: HandlerResult,
  context: SendContext,
): Promise<boolean> {
  const response = result instanceof Response ? fromWeb(result) : result;
  const { body = null } = response;
  if (body === null) return sendBytes(response, NO_BYTES, context);
  if (typeof body === "string") {
    return sendBytes(response, encoder.encode(body), context);
  }
  if (body instanceof Uint8Array) return sendBytes(response, body, context);
  const announced = new HeaderFields(response.headers).get("content-length");
  return openBody(body, announced, context.blocks)
    .then((source) => sendSource(response, source, context));
}

function fromWeb(response: Response): HttpResponse {
  const { status, statusText, headers, body } = response;
  return statusText === ""
    ? { status, headers, body }
    : { status, reason: statusText, headers, body };
}

/** Whether an answer with this status may have a body (RFC 9110 sections 15.3.5 and 15.4.5). */
function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}

async function sendBytes(
  response: HttpResponse,
  body: Uint8Array,
  context: SendContext,
): Promise<boolean> {
  const { method, output } = context;
  const { head, keepAlive } = writeHead(response, body.length, context);
  if (method === "HEAD" || isBodiless(response.status)) {
    await output.write(head);
  } else if (body.length <= MAX_JOINED_BYTES) {
    await output.write(join(head, body));
  } else {
    await output.write(head);
    await output.write(body);
  }
  return keepAlive;
}

async function sendSource(
  response: HttpResponse,
  source: BodySource,
  context: SendContext,
): Promise<boolean> {
  try {
    const { head, keepAlive } = writeHead(response, source.length, context);
    if (context.method === "HEAD" || isBodiless(response.status)) {
      await context.output.write(head);
    } else await sendBlocks(head, source, context.output);
    return keepAlive;
  } finally {
    await source.close();
  }
}

/** The fields that are the server's own: those that tell where the body ends, and what becomes of the connection. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "content-length",
  "transfer-encoding",
]);

/** Writes the head: the server's own fields, and then the handler's others. */
function writeHead(
  response: HttpResponse,
  length: number | null,
  context: SendContext,
): { readonly head: Uint8Array; readonly keepAlive: boolean } {
  const { status, reason } = response;
  if (!(status >= 200)) {
    throw new RangeError(
      `Cannot answer with status ${status}: expected 200 to 999`,
    );
  }
  const given = new HeaderFields(response.headers);
  const bodiless = isBodiless(status);
  const keepAlive = context.keepAlive && (bodiless || length !== null) &&
    persistence(given) !== "close";
  const headers = new HeaderFields();
  if (!given.has("date")) headers.append("Date", context.date.text);
  headers.append("Connection", keepAlive ? "keep-alive" : "close");
  if (length !== null && !bodiless) {
    headers.append("Content-Length", String(length));
  }
  for (const [name, value] of given) {
    if (!OWN_FIELDS.has(name.toLowerCase())) headers.append(name, value);
  }
  const init: ResponseHeadInit = reason === undefined
    ? { status, headers }
    : { status, reason, headers };
  return { head: writeResponseHead(init), keepAlive };
}

/** Sends head and body: exactly as many bytes as announced, or an error. */
async function sendBlocks(
  head: Uint8Array,
  source: BodySource,
  output: Output,
): Promise<void> {
  let left = source.length ?? Infinity;
  let pending: Uint8Array | null = head;
  if (left > MAX_JOINED_BYTES) pending = await output.write(head);
  for (
    let block = await source.next();
    block !== null;
    block = await source.next()
  ) {
    const used: Uint8Array = block.length > left
      ? block.subarray(0, left)
      : block;
    pending = await output.write(pending === null ? used : join(pending, used));
    left -= block.length;
    if (left < 0) {
      throw new Error(
        `Cannot send body: it goes on behind its Content-Length of ${source.length}`,
      );
    }
  }
  if (pending !== null) await output.write(pending);
  if (left > 0 && source.length !== null) {
    throw new Error(`Cannot send body: it ended ${left} bytes too soon`);
  }
}

function join(head: Uint8Array, body: Uint8Array): Uint8Array {
  const joined = new Uint8Array(head.length + body.length);
  joined.set(head);
  joined.set(body, head.length);
  return joined;
}
