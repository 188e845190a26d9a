// The body of a request, made ready to be sent: HTTP/1.0 needs its length.

import { Deadline, untilAborted } from "../_connect/deadline.ts";
import type { RequestBodyInit, RequestOptions, SizedBody } from "../options.ts";

/** The most bytes of a stream that are held to learn its length. */
const MAX_HELD_BYTES = 268_435_456;

/** A body that is ready to be sent, and to be sent again. */
export interface Payload {
  /** How many bytes there are. */
  readonly size: number;
  /** The media type that goes with it; null when the caller has to name it. */
  readonly type: string | null;
  /** All of it, or what begins to read it; a stream can be read once. */
  readonly content: Uint8Array | SizedBody["stream"];
}

/** Makes a body ready, reading it first when its length is not known. */
export async function preparePayload(
  init: RequestBodyInit | undefined,
  options: RequestOptions,
  end: number,
): Promise<Payload | null> {
  if (init === undefined) return null;
  const body = init instanceof FormData ? await writeForm(init) : init;
  if (body instanceof Blob) {
    const content = () => body.stream();
    return { size: body.size, type: body.type || null, content };
  }
  if (body instanceof ReadableStream) {
    using deadline = new Deadline(options, end);
    const text = "Cannot read the body to send";
    deadline.start({ text, step: "exchange" }, Infinity);
    const content = await readAll(body, deadline.signal);
    return { size: content.length, type: null, content };
  }
  if (body instanceof Object && "stream" in body && "size" in body) {
    checkSized(body);
    return { size: body.size, type: null, content: body.stream };
  }
  checkType(body);
  // The platform knows how to write each of the other types
  const written = new Response(body as BodyInit);
  const type = written.headers.get("Content-Type");
  const content = await written.bytes();
  return { size: content.length, type, content };
}

function checkSized({ size, stream }: SizedBody): void {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new TypeError(
      `Cannot send body: size ${size} is not a whole number from 0`,
    );
  }
  if (typeof stream !== "function" && !(stream instanceof ReadableStream)) {
    throw new TypeError(
      "Cannot send body: its stream is neither a ReadableStream nor a function that gives one",
    );
  }
}

async function readAll(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = stream.getReader();
  try {
    for (;;) {
      const { value, done } = await untilAborted(reader.read(), signal);
      if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
      checkChunk(value);
      size += value.length;
      if (size > MAX_HELD_BYTES) {
        throw new TypeError(
          `Cannot send body: HTTP/1.0 needs its length, and more than the ${MAX_HELD_BYTES} bytes that are held to learn it came`,
        );
      }
      parts.push(value.slice());
    }
  } catch (error) {
    reader.cancel(error).catch(() => {}); // the caller's own matter
    throw error;
  }
}

/** A stream of the caller can give anything, strings for one. */
export function checkChunk(chunk: unknown): void {
  if (chunk instanceof Uint8Array) return;
  throw streamError(`gave a ${typeof chunk}: expected Uint8Array`);
}

/** Says what is wrong with the caller's stream. */
export function streamError(what: string): TypeError {
  return new TypeError(`Cannot send body: its stream ${what}`);
}

/** The platform would send `String(body)` of whatever else there is. */
function checkType(body: unknown): void {
  if (
    typeof body === "string" || body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) || body instanceof URLSearchParams
  ) return;
  const shown = Deno.inspect(body, { depth: 0, breakLength: Infinity })
    .slice(0, 60);
  throw new TypeError(
    `Cannot send body ${shown}: expected a string, bytes, URLSearchParams, FormData, a Blob, a ReadableStream or { size, stream }`,
  );
}

/** Whether the body was a stream, and has been read. */
export function isSpent(payload: Payload | null): boolean {
  return payload?.content instanceof ReadableStream && payload.content.locked;
}

/** Frees what a stream holds that will not be sent. */
export function discard(content: unknown, reason: unknown): void {
  if (!(content instanceof ReadableStream) || content.locked) return;
  content.cancel(reason).catch(() => {}); // the caller's own matter
}

/**
 * Lets the platform write a form (multipart/form-data, RFC 7578), and adds the
 * last line end, which it leaves out and some servers wait for.
 */
async function writeForm(form: FormData): Promise<Blob> {
  const written = await new Response(form).blob();
  return new Blob([written, "\r\n"], { type: written.type });
}
