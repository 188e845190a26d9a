import { parseContentLength } from "../../message/framing.ts";

/**
 * The stream of a string is read within so many; a timer for it would take a
 * quarter of the time of such an answer.
 */
const MICROTASKS = 16;

/**
 * Makes a stream ready to be sent.
 *
 * @param stream The body that the handler gave.
 * @param announced The Content-Length that the handler gave with it, null for
 *   none.
 */
export async function openStream(
  stream: ReadableStream<Uint8Array>,
  announced: string | null,
): Promise<StreamSource> {
  const length = announced === null ? null : parseContentLength(announced);
  if (announced !== null && length === null) {
    await stream.cancel();
    throw new TypeError(
      `Cannot answer with Content-Length ${
        JSON.stringify(announced)
      }: expected 1 to 15 digits`,
    );
  }
  const source = new StreamSource(stream, length);
  if (length === null) await source.measure();
  return source;
}

/**
 * A stream as a body: its length, where it is known, and its bytes, part after
 * part.
 */
export class StreamSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #ahead: Promise<ReadableStreamReadResult<Uint8Array>>[] = [];
  /** Its length in bytes, null when only its end will tell. */
  length: number | null;

  constructor(stream: ReadableStream<Uint8Array>, length: number | null) {
    this.length = length;
    this.#reader = stream.getReader();
  }

  /**
   * Looks whether the stream ends at once, as that of a web Response made from
   * a string does: then its length is known.
   */
  async measure(): Promise<void> {
    const first = await this.#peek();
    const length = first?.value?.length ?? 0;
    const last = first === null || first.done ? first : await this.#peek();
    if (last?.done) this.length = length;
  }

  /**
   * Reads ahead; null if that would have to wait for longer than one turn of
   * the event loop.
   */
  async #peek(): Promise<ReadableStreamReadResult<Uint8Array> | null> {
    const read = this.#reader.read();
    this.#ahead.push(read);
    let isSettled = false;
    const settle = () => isSettled = true;
    read.then(settle, settle); // an error is told by next(), unless the client has gone by then
    for (let i = 0; i < MICROTASKS && !isSettled; i++) await null;
    if (isSettled) return await read;
    const turn = Promise.withResolvers<null>();
    const timer = setTimeout(() => turn.resolve(null), 0);
    try {
      return await Promise.race([read, turn.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives the next part, null at the end. */
  async next(): Promise<Uint8Array | null> {
    const { value, done } = await (this.#ahead.shift() ?? this.#reader.read());
    if (done) return null;
    if (!(value instanceof Uint8Array)) {
      throw new TypeError(
        "Cannot send body: its stream gives other than Uint8Array",
      );
    }
    return value;
  }

  /** Frees what the stream holds, also when it was not sent. */
  async close(): Promise<void> {
    await this.#reader.cancel();
  }
}
