import type { RequestBodyInit, SizedBody } from "./options.ts";
import { type Act, type Deadline, untilAborted } from "./_deadline.ts";
import { writeMultipart } from "./_multipart.ts";

/** The most bytes of a stream of unknown length that are held to learn its length. */
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
  if (typeof body === "string") {
    return whole(new TextEncoder().encode(body), "text/plain;charset=UTF-8");
  }
  if (body instanceof Uint8Array) return whole(body, null);
  if (body instanceof ArrayBuffer) return whole(new Uint8Array(body), null);
  if (body instanceof URLSearchParams) {
    const type = "application/x-www-form-urlencoded;charset=UTF-8";
    return whole(new TextEncoder().encode(body.toString()), type);
  }
  if (body instanceof FormData) return ofBlob(writeMultipart(body));
  if (body instanceof Blob) return ofBlob(body);
  if (body instanceof ReadableStream) {
    deadline.start(Infinity, READING);
    const bytes = await readAll(body, deadline.signal);
    deadline.stop(READING);
    return whole(bytes, null);
  }
  return ofSized(body);
}

function whole(content: Uint8Array, type: string | null): Payload {
  return { size: content.length, type, content };
}

function ofBlob(blob: Blob): Payload {
  const type = blob.type === "" ? null : blob.type;
  return { size: blob.size, type, content: () => blob.stream() };
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
    await reader.cancel(error);
    throw error;
  }
}
