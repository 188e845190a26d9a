// Sends a head with a body that is not completely in memory: a part of a file,
// or a stream.

import { putOctets, quote } from "../../message/_octets.ts";
import { parseContentLength } from "../../message/framing.ts";
import type { FilePart } from "../http_response.ts";
import { DOWNLOAD_BYTES, WRITE_BYTES } from "./resources.ts";
import type { ConnectionIo } from "./connection_io.ts";

/** The smallest buffer for the bytes of a download, however many there are. */
const MIN_CHUNK_BYTES = 65_536;
/** The body of a response that has none. */
export const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);
/** Up to this many downloads run without taking turns. */
const MAX_UNQUEUED = 64;

/**
 * Sends a head and a part of a file: exactly the announced number of bytes, or
 * it throws.
 *
 * The head goes out in one write with the first bytes. Files are read
 * synchronously, because reading a block from the page cache takes less time
 * than going through the thread pool. A download whose client accepts
 * everything at once therefore never waits, and has to take turns with the
 * others.
 */
export async function sendFile(
  io: ConnectionIo,
  head: string,
  { file, start, length }: FilePart,
): Promise<void> {
  const { writes, downloads } = io.server.buffers;
  const total = head.length + length;
  const minBytes = head.length + MIN_CHUNK_BYTES;
  const isDownload = total > WRITE_BYTES;
  const pool = isDownload ? downloads : writes;
  const chunk = isDownload
    ? downloads.acquire(Math.min(total, DOWNLOAD_BYTES), minBytes)
    : writes.acquire(WRITE_BYTES, total);
  try {
    file.seekSync(start, Deno.SeekMode.Start);
    putOctets(head, chunk);
    let filled = head.length;
    let left = length;
    do {
      const isCrowded = isDownload && downloads.acquired > MAX_UNQUEUED;
      if (isCrowded && filled === 0) await io.server.downloadQueue.wait();
      const room = chunk.subarray(filled, filled + left);
      const count = left > 0 ? file.readSync(room) : 0;
      if (count === null) {
        const state = `it lost its last ${left} bytes while it was sent`;
        throw new Error(`Cannot send file: ${state}`);
      }
      await io.write(chunk.subarray(0, filled + count));
      left -= count;
      filled = 0;
    } while (left > 0);
  } finally {
    pool.release(chunk);
  }
}

/**
 * A stream of data in memory, such as that of a web Response made from a
 * string, gives its next part within this many microtasks.
 */
const MAX_MICROTASKS = 16;

type ReadResult = ReadableStreamReadResult<Uint8Array>;

/** A stream as a body: its length if known, and its parts in turn. */
export class StreamBody {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #ahead: Promise<ReadResult>[] = [];
  /** Its length in bytes; null if only its end will tell. */
  length: number | null = null;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /**
   * Finds the length: the announced one, or that of the first part if the
   * stream ends right after it.
   *
   * @param announced The Content-Length that the handler set, null for none.
   * @returns The stream, or the first part if it is all; `NO_BYTES` for none.
   */
  async measure(announced: string | null): Promise<StreamBody | Uint8Array> {
    if (announced !== null) {
      this.length = parseContentLength(announced);
      if (this.length !== null) return this;
      const act = `Cannot respond with Content-Length ${quote(announced)}`;
      throw new TypeError(`${act}: expected 1 to 15 digits`);
    }
    const first = await this.#peek();
    const last = first === null || first.done ? first : await this.#peek();
    return last?.done ? await this.next() ?? NO_BYTES : this;
  }

  /** Reads ahead; null if that takes more than one turn of the event loop. */
  async #peek(): Promise<ReadResult | null> {
    const read = this.#reader.read();
    this.#ahead.push(read);
    let isSettled = false;
    const settle = () => isSettled = true;
    read.then(settle, settle); // next() reports what went wrong
    for (let i = 0; i < MAX_MICROTASKS && !isSettled; i++) await null;
    // Last, because a timer costs a quarter of a short response
    if (!isSettled) await new Promise((resolve) => setTimeout(resolve, 0));
    return isSettled ? await read : null;
  }

  /** Returns the next part, null at the end. */
  async next(): Promise<Uint8Array | null> {
    const { value, done } = await (this.#ahead.shift() ?? this.#reader.read());
    if (done) return null;
    if (value instanceof Uint8Array) return value;
    const state = "its stream gives something other than Uint8Array";
    throw new TypeError(`Cannot send body: ${state}`);
  }

  /**
   * Frees what the stream holds, even if it was not sent. The listeners of an
   * abort run first: one may close the stream, which throws after a cancel.
   */
  async close(): Promise<void> {
    await null;
    await this.#reader.cancel().catch(() => {}); // next() has reported it
  }
}

/**
 * Sends a head and a stream: exactly the announced number of bytes, or throws.
 */
export async function sendStream(
  io: ConnectionIo,
  head: string,
  body: StreamBody,
): Promise<void> {
  const signal = io.watch();
  // On an abort, end a read that is waiting for the handler
  signal.addEventListener("abort", () => void body.close());
  let unsentHead = head;
  let left = body.length ?? Infinity;
  // Without a length, the first part of an event stream may take for ever
  let part: Uint8Array | null = body.length === null
    ? NO_BYTES
    : await body.next() ?? NO_BYTES;
  for (;; part = await body.next()) {
    if (signal.aborted) throw signal.reason;
    if (part === null) break;
    await io.writeJoined(unsentHead, part.subarray(0, left));
    unsentHead = "";
    left -= part.length;
    if (left < 0) {
      const state = `more than its Content-Length of ${body.length}`;
      throw new Error(`Cannot send body: ${state}`);
    }
  }
  if (left > 0 && body.length !== null) {
    throw new Error(`Cannot send body: it ended ${left} bytes too soon`);
  }
}
