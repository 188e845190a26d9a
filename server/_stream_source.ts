// The bodies that do not lie in memory, each as one thing: its length, where it is known, and its bytes, block after block.

import type { FilePart } from "./http_response.ts";
import { TurnQueue } from "./_turns.ts";

/** A body ready to be sent. */
export interface BodySource {
  /** Its length in bytes, null when only its end will tell. */
  readonly length: number | null;
  /** Gives the next block, null at the end; the block is good until the next call. */
  next(): Promise<Uint8Array | null> | Uint8Array | null;
  /** Frees what the body holds, also when it was not sent. */
  close(): Promise<void> | void;
}

/** Content-Length = 1*DIGIT (RFC 9110 section 8.6). */
const CONTENT_LENGTH_REGEXP = /^\d{1,15}$/;

/**
 * Makes a body ready.
 *
 * @param body The stream or part of a file that the handler gave.
 * @param announced The Content-Length that the handler gave with it, null for none.
 * @param blocks Lends the memory for blocks of files.
 */
export async function openBody(
  body: ReadableStream<Uint8Array> | FilePart,
  announced: string | null,
  blocks: BlockLender,
): Promise<BodySource> {
  if (!(body instanceof ReadableStream)) return new FileSource(body, blocks);
  if (announced !== null && !CONTENT_LENGTH_REGEXP.test(announced)) {
    await body.cancel();
    throw new TypeError(
      `Cannot answer with Content-Length ${
        JSON.stringify(announced)
      }: expected 1 to 15 digits`,
    );
  }
  const length = announced === null ? null : Number(announced);
  const stream = new StreamSource(body, length);
  if (length === null) await stream.measure();
  return stream;
}

class StreamSource implements BodySource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #ahead: Promise<ReadableStreamReadResult<Uint8Array>>[] = [];
  length: number | null;

  constructor(stream: ReadableStream<Uint8Array>, length: number | null) {
    this.length = length;
    this.#reader = stream.getReader();
  }

  /** Looks whether the stream ends at once, as that of a web Response made from a string does: then its length is known. */
  async measure(): Promise<void> {
    const first = await this.#peek();
    const length = first?.value?.length ?? 0;
    const last = first === null || first.done ? first : await this.#peek();
    if (last?.done) this.length = length;
  }

  /** Reads ahead; null if that would have to wait. */
  async #peek(): Promise<ReadableStreamReadResult<Uint8Array> | null> {
    const read = this.#reader.read();
    read.catch(() => {}); // told by next(), unless the client has gone by then
    this.#ahead.push(read);
    const turn = Promise.withResolvers<null>();
    const timer = setTimeout(() => turn.resolve(null), 0);
    try {
      return await Promise.race([read, turn.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

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

  async close(): Promise<void> {
    await this.#reader.cancel();
  }
}

/** Lends blocks of memory for reading files; the more are out, the smaller they get. */
export class BlockLender {
  // 1 MiB a read is the fastest for one download; many at once share 32 MiB, down to 64 KiB each
  static readonly #MAX_BYTES = 1_048_576;
  static readonly #MIN_BYTES = 65_536;
  static readonly #TOTAL_BYTES = 33_554_432;
  static readonly #MAX_FREE = 4;
  // Few may go on without turns; of more, so much may be sent by all of them before other clients get a turn
  static readonly #FEW = 16;
  static readonly #TURN_BYTES = 8_388_608;
  static readonly #AT_ONCE = 8;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #lent = 0;

  /** The borrowers take turns. */
  readonly turns: TurnQueue = new TurnQueue(BlockLender.#AT_ONCE);

  /** How much one of them may send before it gives way to others. */
  get turnBytes(): number {
    const isFew = this.#lent <= BlockLender.#FEW;
    return isFew ? Infinity : BlockLender.#TURN_BYTES / this.#lent;
  }

  /** Lends a block for a file part of so many bytes. */
  lend(length: number): Uint8Array<ArrayBuffer> {
    this.#lent++;
    const share = Math.max(
      BlockLender.#MIN_BYTES,
      BlockLender.#TOTAL_BYTES / this.#lent,
    );
    if (Math.min(share, length) < BlockLender.#MAX_BYTES) {
      const size = Math.min(share, length);
      return new Uint8Array(
        size <= BlockLender.#MIN_BYTES
          ? size
          : 2 ** Math.floor(Math.log2(size)),
      );
    }
    return this.#free.pop() ?? new Uint8Array(BlockLender.#MAX_BYTES);
  }

  /** Takes a block back. */
  giveBack(block: Uint8Array<ArrayBuffer>): void {
    this.#lent--;
    const isWhole = block.length === BlockLender.#MAX_BYTES;
    if (isWhole && this.#free.length < BlockLender.#MAX_FREE) {
      this.#free.push(block);
    }
  }
}

class FileSource implements BodySource {
  readonly length: number;
  readonly #file: Deno.FsFile;
  readonly #blocks: BlockLender;
  readonly #start: number;
  #block: Uint8Array<ArrayBuffer> | null = null;
  #left: number;
  #sinceTurn = 0;

  constructor(part: FilePart, blocks: BlockLender) {
    this.#file = part.file;
    this.#start = part.start;
    this.#blocks = blocks;
    this.length = this.#left = part.length;
  }

  /**
   * Gives the next block; a download that never has to wait takes turns with the others.
   */
  next(): Promise<Uint8Array | null> | Uint8Array | null {
    if (this.#left === 0) return null;
    if (this.#sinceTurn < this.#blocks.turnBytes) return this.#read();
    this.#sinceTurn = 0;
    return this.#blocks.turns.wait().then(() => this.#read());
  }

  /** Reads without waiting: a block from the page cache takes less time than a turn through the thread pool. */
  #read(): Uint8Array {
    if (this.#block === null) {
      if (this.#start > 0) {
        this.#file.seekSync(this.#start, Deno.SeekMode.Start);
      }
      this.#block = this.#blocks.lend(this.#left);
    }
    const room = this.#left < this.#block.length
      ? this.#block.subarray(0, this.#left)
      : this.#block;
    const count = this.#file.readSync(room);
    if (count === null) {
      throw new Error(
        `Cannot send file: it lost its last ${this.#left} bytes while it was sent`,
      );
    }
    this.#left -= count;
    this.#sinceTurn += count;
    return this.#block.subarray(0, count);
  }

  close(): void {
    if (this.#block !== null) this.#blocks.giveBack(this.#block);
    this.#block = null;
    this.#file.close();
  }
}
