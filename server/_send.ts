import {
  HeaderFields,
  persistence,
  writeResponseHead,
} from "../message/mod.ts";
import {
  type BlockLender,
  type BodySource,
  bodySource,
} from "./_body_source.ts";
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

/**
 * Sends an answer, whole.
 *
 * @returns Whether the connection can be kept.
 */
export async function sendResponse(
  result: HandlerResult,
  context: SendContext,
): Promise<boolean> {
  const response = result instanceof Response ? fromWeb(result) : result;
  const headers = new HeaderFields(response.headers);
  const source = await openBody(response, headers, context);
  try {
    const keepAlive = context.keepAlive && source?.length !== null &&
      persistence(headers) !== "close";
    const head = writeHead(response, headers, {
      keepAlive,
      length: source?.length ?? null,
      date: context.date,
    });
    if (source === null || context.method === "HEAD") {
      await context.output.write(head);
    } else await sendBody(head, source, context.output);
    return keepAlive;
  } finally {
    await source?.close();
  }
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

const CONTENT_LENGTH_REGEXP = /^\d{1,15}$/;

/** Opens the body; null if there can be none. An answer that has none but could gets an empty one, and so a length. */
async function openBody(
  response: HttpResponse,
  headers: HeaderFields,
  context: SendContext,
): Promise<BodySource | null> {
  const announced = headers.get("content-length");
  if (announced !== null && !CONTENT_LENGTH_REGEXP.test(announced)) {
    throw new TypeError(
      `Cannot answer with Content-Length ${
        JSON.stringify(announced)
      }: expected 1 to 15 digits`,
    );
  }
  const length = announced === null ? null : Number(announced);
  const source = await bodySource(response.body ?? "", length, context.blocks);
  if (!isBodiless(response.status)) return source;
  await source.close();
  return null;
}

/** Writes the head: the server's own fields first, then those of the handler that do not speak of the connection. */
function writeHead(
  response: HttpResponse,
  headers: HeaderFields,
  own: {
    readonly keepAlive: boolean;
    readonly length: number | null;
    readonly date: DateStamp;
  },
): Uint8Array {
  if (!(response.status >= 200)) {
    throw new RangeError(
      `Cannot answer with status ${response.status}: expected 200 to 999`,
    );
  }
  const fields = new HeaderFields();
  if (!headers.has("date")) fields.append("Date", own.date.text);
  fields.append("Connection", own.keepAlive ? "keep-alive" : "close");
  if (own.length !== null) fields.append("Content-Length", String(own.length));
  for (
    const name of [
      "connection",
      "keep-alive",
      "content-length",
      "transfer-encoding",
    ]
  ) headers.delete(name);
  for (const [name, value] of headers) fields.append(name, value);
  const { status, reason } = response;
  return writeResponseHead(
    reason === undefined
      ? { status, headers: fields }
      : { status, reason, headers: fields },
  );
}

/** Sends head and body: exactly as many bytes as announced, or an error. */
async function sendBody(
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
