import { putOctets, textToOctets } from "../../message/_octets.ts";
import { isBodiless } from "../../message/framing.ts";
import { HeaderFields, persistence } from "../../message/mod.ts";
import type { Blocks } from "./blocks.ts";
import type { Output } from "./output.ts";
import { writeHead } from "./head.ts";
import { sendFile } from "./send_file.ts";
import { openStream, type StreamSource } from "./stream_source.ts";
import type { HandlerResult } from "../handler.ts";
import { type FilePart, fromWeb, type HttpResponse } from "../http_response.ts";
import type { DateStamp } from "../_prepared_response.ts";

/** What sending needs to know of the request and its connection. */
export interface SendContext {
  /** The method of the request. */
  readonly method: string;
  /**
   * Whether the connection may be kept if the length of the answer is known.
   */
  readonly keepAlive: boolean;
  /** The present date. */
  readonly date: DateStamp;
  /** Where the bytes go. */
  readonly output: Output;
  /** The memory to send from. */
  readonly blocks: Blocks;
}

/**
 * Up to this size head and body go out in one write; joining them costs less
 * than a second write.
 */
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
  if (!(body instanceof ReadableStream)) {
    return sendPart(response, body, context);
  }
  const announced = new HeaderFields(response.headers).get("content-length");
  return openStream(body, announced)
    .then((source) => sendStream(response, source, context));
}

function sendBytes(
  response: HttpResponse,
  body: Uint8Array,
  context: SendContext,
): Promise<boolean> {
  return sendBehindHead(
    response,
    body.length,
    context,
    (head) => writeJoined(head, body, context),
  );
}

async function sendPart(
  response: HttpResponse,
  part: FilePart,
  context: SendContext,
): Promise<boolean> {
  try {
    return await sendBehindHead(
      response,
      part.length,
      context,
      async (head) => {
        const isLong = head.length >= MAX_JOINED_BYTES;
        if (isLong) await writeJoined(head, NO_BYTES, context);
        await sendFile(isLong ? "" : head, part, context);
      },
    );
  } finally {
    part.file.close();
  }
}

async function sendStream(
  response: HttpResponse,
  source: StreamSource,
  context: SendContext,
): Promise<boolean> {
  try {
    return await sendBehindHead(
      response,
      source.length,
      context,
      (head) => sendParts(head, source, context),
    );
  } finally {
    await source.close();
  }
}

/**
 * Sends the head, and the body behind it where the answer has one; returns
 * whether the connection can be kept.
 */
async function sendBehindHead(
  response: HttpResponse,
  length: number | null,
  context: SendContext,
  sendBoth: (head: string) => Promise<void>,
): Promise<boolean> {
  const { head, keepAlive } = makeHead(response, length, context);
  const hasBody = context.method !== "HEAD" && !isBodiless(response.status);
  await (hasBody ? sendBoth(head) : writeJoined(head, NO_BYTES, context));
  return keepAlive;
}

/** Makes the head: the server's own fields, and the handler's others. */
function makeHead(
  response: HttpResponse,
  length: number | null,
  context: SendContext,
): { readonly head: string; readonly keepAlive: boolean } {
  const { status, reason } = response;
  if (!(status >= 200)) {
    throw new RangeError(
      `Cannot answer with status ${status}: expected 200 to 999`,
    );
  }
  const given = response.headers instanceof HeaderFields
    ? response.headers
    : new HeaderFields(response.headers);
  const bodiless = isBodiless(status);
  const keepAlive = context.keepAlive && (bodiless || length !== null) &&
    persistence(given) !== "close";
  const date = given.has("date") ? null : context.date.text;
  const own = { status, reason, date, keepAlive };
  const head = writeHead({ ...own, length: bodiless ? null : length }, given);
  return { head, keepAlive };
}

/** Sends head and body: exactly as many bytes as announced, or an error. */
async function sendParts(
  head: string,
  source: StreamSource,
  context: SendContext,
): Promise<void> {
  const { output } = context;
  let left = source.length ?? Infinity;
  let isHeadSent = left > MAX_JOINED_BYTES;
  if (isHeadSent) await writeJoined(head, NO_BYTES, context);
  for (;;) {
    output.rest();
    const part = await source.next();
    if (part === null) break;
    const used: Uint8Array = part.length > left ? part.subarray(0, left) : part;
    if (isHeadSent) await output.write(used);
    else await writeJoined(head, used, context);
    isHeadSent = true;
    left -= part.length;
    if (left < 0) {
      throw new Error(
        `Cannot send body: it goes on behind its Content-Length of ${source.length}`,
      );
    }
  }
  if (!isHeadSent) await writeJoined(head, NO_BYTES, context);
  if (left > 0 && source.length !== null) {
    throw new Error(`Cannot send body: it ended ${left} bytes too soon`);
  }
}

/**
 * Writes head and body in one piece, in a block that is used again: new memory
 * for each takes 8 times as long.
 */
async function writeJoined(
  head: string,
  body: Uint8Array,
  { output, blocks }: SendContext,
): Promise<void> {
  const length = head.length + body.length;
  if (length > MAX_JOINED_BYTES) {
    await output.write(textToOctets(head));
    await output.write(body);
    return;
  }
  const block = blocks.pieces.lend(length);
  try {
    putOctets(head, block);
    block.set(body, head.length);
    await output.write(block.subarray(0, length));
  } finally {
    blocks.pieces.giveBack(block);
  }
}
