// Prepares the body of a request for sending: HTTP/1.0 needs its length.

import { checkOptions } from "../../message/_options.ts";
import { Deadline } from "../_connect/deadline.ts";
import type { RequestBodyInit, RequestOptions, SizedBody } from "../options.ts";

/** The maximum number of bytes to hold of a stream to learn its length. */
const MAX_BUFFERED_BYTES = 268_435_456;

/** A body that is ready to be sent, and to be sent again. */
export interface Payload {
  /** The length in bytes. */
  readonly size: number;
  /** The media type of the body; null if the caller has to name it. */
  readonly type: string | null;
  /** The bytes, a function that opens a stream, or a stream to read once. */
  readonly content: Uint8Array | SizedBody["stream"];
}

/** Prepares a body; if its length is unknown, reads it first. */
export async function preparePayload(
  body: RequestBodyInit,
  options: RequestOptions,
): Promise<Payload> {
  if (body instanceof Blob) {
    const content = () => body.stream();
    return { size: body.size, type: body.type || null, content };
  }
  if (body instanceof ReadableStream) {
    using deadline = new Deadline(options);
    const text = "Cannot read the body to send";
    deadline.start({ text, step: "exchange" }, Infinity);
    const content = await readAll(body, deadline.signal);
    return { size: content.length, type: null, content };
  }
  if (body instanceof Object && "stream" in body && "size" in body) {
    const { size, stream } = body;
    checkOptions({ size: size ?? null, stream: stream ?? null });
    return { size, type: null, content: stream };
  }
  checkType(body);
  // The platform can encode each of the other types
  const encoded = new Response(body as BodyInit);
  const type = encoded.headers.get("Content-Type");
  const bytes = await encoded.bytes();
  // Browsers end a form with a line end, and some servers refuse one without
  const content = body instanceof FormData
    ? await new Blob([bytes, "\r\n"]).bytes()
    : bytes;
  return { size: content.length, type, content };
}

/** Reads a stream of the caller up to a limit; if that fails, cancels it. */
async function readAll(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  let size = 0;
  const checked = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      checkChunk(chunk);
      size += chunk.length;
      if (size > MAX_BUFFERED_BYTES) {
        throw new TypeError(
          `Cannot send body: HTTP/1.0 needs its length, and its stream is longer than the ${MAX_BUFFERED_BYTES} bytes that can be held to learn it`,
        );
      }
      controller.enqueue(chunk.slice()); // the stream may use its memory again
    },
  });
  return await new Response(stream.pipeThrough(checked, { signal })).bytes();
}

/** Checks a chunk: a stream of the caller can yield anything, even strings. */
export function checkChunk(chunk: unknown): void {
  if (chunk instanceof Uint8Array) return;
  throw streamError(`gave a ${typeof chunk}: expected Uint8Array`);
}

/** Creates an error that says what is wrong with the caller's stream. */
export function streamError(problem: string): TypeError {
  return new TypeError(`Cannot send body: its stream ${problem}`);
}

/** Checks the type, since the platform sends `String(body)` of any other. */
function checkType(body: unknown): void {
  if (
    typeof body === "string" || body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) || body instanceof URLSearchParams ||
    body instanceof FormData
  ) return;
  const quoted = Deno.inspect(body, { depth: 0, breakLength: Infinity })
    .slice(0, 60);
  throw new TypeError(
    `Cannot send body ${quoted}: expected a string, bytes, URLSearchParams, FormData, a Blob, a ReadableStream or { size, stream }`,
  );
}

/** Whether it is a stream; Deno loads streams once their class is named. */
export function isStream(content: unknown): content is ReadableStream {
  return content instanceof Object && content instanceof ReadableStream;
}

/** Whether the body is a stream that has been read. */
export function isSpent(payload: Payload | null): boolean {
  return isStream(payload?.content) && payload.content.locked;
}

/** Cancels a stream that will not be sent, to free what it holds. */
export function discard(content: unknown, reason: unknown): void {
  if (!isStream(content) || content.locked) return;
  content.cancel(reason).catch(() => {}); // its error is the caller's matter
}
