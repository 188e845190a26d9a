import { type Act, type Deadline, untilAborted } from "../_connect/deadline.ts";
import { writeMultipart } from "./multipart.ts";
import type { RequestBodyInit, SizedBody } from "../options.ts";

/**
 * The most bytes of a stream of unknown length that are held to learn its
 * length.
 */
const MAX_HELD_BYTES = 268_435_456;

const READING: Act = {
  text: "Cannot read the body to send",
  step: "exchange",
  host: null,
  port: null,
};

/** A body that is ready to be sent, and to be sent again. */
export interface Payload {
  /** How many bytes there are. */
  readonly size: number;
  /** The media type that goes with it; null when the caller has to name it. */
  readonly type: string | null;
  /** All of it, or what begins to read it. */
  readonly content: Uint8Array | (() => ReadableStream<Uint8Array>);
}

/** Makes a body ready, reading it first when its length is not known. */
export async function preparePayload(
  body: RequestBodyInit,
  deadline: Deadline,
): Promise<Payload> {
  if (body instanceof FormData) return ofBlob(writeMultipart(body));
  if (body instanceof Blob) return ofBlob(body);
  if (body instanceof ReadableStream) {
    deadline.start(Infinity, READING);
    const content = await readAll(body, deadline.signal);
    deadline.stop(READING);
    return { size: content.length, type: null, content };
  }
  if (isSized(body)) return ofSized(body);
  // The platform knows how to write each of the other types
  const written = new Response(body as BodyInit);
  const type = written.headers.get("Content-Type");
  const content = await written.bytes();
  return { size: content.length, type, content };
}

function ofBlob(blob: Blob): Payload {
  const content = () => blob.stream();
  return { size: blob.size, type: blob.type || null, content };
}

function ofSized({ size, stream }: SizedBody): Payload {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new TypeError(
      `Cannot send body: size ${size} is not a whole number from 0`,
    );
  }
  return { size, type: null, content: stream };
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

function isSized(body: RequestBodyInit): body is SizedBody {
  return typeof body === "object" && "stream" in body && "size" in body;
}
