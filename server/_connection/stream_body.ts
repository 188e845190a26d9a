import { parseContentLength } from "../../message/framing.ts";
import { quote } from "../../message/_octets.ts";
import type { ConnectionIo } from "./connection_io.ts";

/**
 * Streams of what lies in memory, such as those of a web Response made from a
 * string, are read to their end within so many microtasks.
 */
const MICROTASKS = 16;

/** A stream that is not longer is waited for, to go out in one write. */
const MAX_JOINED_BYTES = 65_536;
const NO_BYTES = new Uint8Array(0);

type ReadResult = ReadableStreamReadResult<Uint8Array>;

/** A stream as a body: its length, if it is known, and its parts in turn. */
export class StreamBody {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #ahead: Promise<ReadResult>[] = [];
  /** Its length in bytes, null when only its end will tell. */
  length: number | null = null;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /**
   * Finds its length: what was announced, or else what it gives, if it ends at
   * once after one part or none.
   *
   * @param announced The Content-Length that the handler gave, null for none.
   */
  async measure(announced: string | null): Promise<void> {
    if (announced !== null) {
      this.length = parseContentLength(announced);
      if (this.length !== null) return;
      throw new TypeError(
        `Cannot respond with Content-Length ${
          quote(announced)
        }: expected 1 to 15 digits`,
      );
    }
    const first = await this.#peek();
    const last = first === null || first.done ? first : await this.#peek();
    if (last?.done) this.length = first?.value?.length ?? 0;
  }

  /** Reads ahead; null if that takes longer than a turn of the event loop. */
  async #peek(): Promise<ReadResult | null> {
    const read = this.#reader.read();
    this.#ahead.push(read);
    let isSettled = false;
    const settle = () => isSettled = true;
    read.then(settle, settle); // next() will tell what went wrong
    for (let i = 0; i < MICROTASKS && !isSettled; i++) await null;
    // A timer for each would take a quarter of the time of a short response
    if (!isSettled) await new Promise((resolve) => setTimeout(resolve, 0));
    return isSettled ? await read : null;
  }

  /** Gives the next part, null at the end. */
  async next(): Promise<Uint8Array | null> {
    const { value, done } = await (this.#ahead.shift() ?? this.#reader.read());
    if (done) return null;
    if (value instanceof Uint8Array) return value;
    throw new TypeError(
      "Cannot send body: its stream gives other than Uint8Array",
    );
  }

  /** Frees what the stream holds, also when it was not sent. */
  close(): Promise<void> {
    return this.#reader.cancel().catch(() => {}); // next() told what was wrong
  }
}

/**
 * Sends a head and a stream: exactly as many bytes as announced, or an error.
 */
export async function sendStream(
  io: ConnectionIo,
  head: string,
  body: StreamBody,
): Promise<void> {
  let left = body.length ?? Infinity;
  let unsent = head;
  if (left > MAX_JOINED_BYTES) {
    await io.writeJoined(head, NO_BYTES);
    unsent = "";
  }
  for (;;) {
    const part = await body.next();
    if (part === null) break;
    const used: Uint8Array = part.length > left ? part.subarray(0, left) : part;
    await io.writeJoined(unsent, used);
    unsent = "";
    left -= part.length;
    if (left < 0) {
      throw new Error(
        `Cannot send body: it goes on after its Content-Length of ${body.length}`,
      );
    }
  }
  if (unsent !== "") await io.writeJoined(unsent, NO_BYTES);
  if (left > 0 && body.length !== null) {
    throw new Error(`Cannot send body: it ended ${left} bytes too soon`);
  }
}
