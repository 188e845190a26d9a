import {
  Deadline,
  type DeadlineOptions,
  type Operation,
  untilAborted,
} from "../_connect/deadline.ts";
import type { RequestBodyInit, SizedBody } from "../options.ts";

/**
 * The most bytes of a stream of unknown length that are held to learn its
 * length.
 */
const MAX_HELD_BYTES = 268_435_456;
/** Of the boundary between the parts of a form, so that nobody can guess it. */
const RANDOM_BYTES = 16;

const READING: Operation = {
  text: "Cannot read the body to send",
  step: "exchange",
};

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
  body: RequestBodyInit,
  options: DeadlineOptions,
  end: number,
): Promise<Payload> {
  if (body instanceof FormData) return ofBlob(writeMultipart(body));
  if (body instanceof Blob) return ofBlob(body);
  if (body instanceof ReadableStream) {
    using deadline = new Deadline(options, end);
    deadline.start(READING, Infinity);
    const content = await readAll(body, deadline.signal);
    return { size: content.length, type: null, content };
  }
  if (isSized(body)) return ofSized(body);
  checkType(body);
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
  if (typeof stream !== "function" && !(stream instanceof ReadableStream)) {
    throw new TypeError(
      "Cannot send body: its stream is neither a ReadableStream nor a function that gives one",
    );
  }
  return { size, type: null, content: stream };
}

/** Begins to read a body. */
export function openStream(
  stream: SizedBody["stream"],
): ReadableStream<Uint8Array> {
  return typeof stream === "function" ? stream() : stream;
}

/** Whether the body was a stream, and has been read. */
export function isSpent(payload: Payload | null): boolean {
  return payload?.content instanceof ReadableStream && payload.content.locked;
}

/** Frees what a stream holds that will not be sent. */
export function discard(payload: Payload | null, reason: unknown): void {
  const content = payload?.content;
  if (!(content instanceof ReadableStream) || content.locked) return;
  content.cancel(reason).catch(() => {}); // the caller's own matter
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
  return body instanceof Object && "stream" in body && "size" in body;
}

/** The platform would send `String(body)` of whatever else there is. */
function checkType(body: unknown): void {
  if (
    typeof body === "string" || body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) || body instanceof URLSearchParams
  ) return;
  const shown = Deno.inspect(body, { depth: 0, breakLength: Infinity });
  throw new TypeError(
    `Cannot send body ${
      shown.slice(0, 60)
    }: expected a string, bytes, URLSearchParams, FormData, a Blob, a ReadableStream or { size, stream }`,
  );
}

/**
 * Writes a form as multipart/form-data (RFC 7578), as the HTML standard does:
 * the platform leaves the last line end out. A `Blob` holds the files by
 * reference.
 */
function writeMultipart(form: FormData): Blob {
  const boundary = makeBoundary();
  const parts: (string | Blob)[] = [];
  for (const [name, value] of form) {
    const disposition = `form-data; name="${escapeName(normalizeLines(name))}"`;
    parts.push(`--${boundary}\r\nContent-Disposition: ${disposition}`);
    if (typeof value === "string") {
      parts.push(`\r\n\r\n${normalizeLines(value)}\r\n`);
    } else {
      const type = value.type === "" ? "application/octet-stream" : value.type;
      parts.push(
        `; filename="${
          escapeName(value.name)
        }"\r\nContent-Type: ${type}\r\n\r\n`,
        value,
        "\r\n",
      );
    }
  }
  parts.push(`--${boundary}--\r\n`);
  return new Blob(parts, { type: `multipart/form-data; boundary=${boundary}` });
}

/** Makes what stands between the parts of a form. */
export function makeBoundary(): string {
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  return `knock-${random.toHex()}`;
}

function normalizeLines(text: string): string {
  return text.replace(/\r\n?|\n/g, "\r\n");
}

/** Writes a name for a quoted string, as the HTML standard does. */
export function escapeName(name: string): string {
  return name.replace(/[\r\n"]/g, (char) => encodeURIComponent(char));
}
