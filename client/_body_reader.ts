import { ChunkedDecoder } from "../message/chunked.ts";
import { MessageError } from "../message/error.ts";
import type { BodyFraming } from "../message/framing.ts";
import { type Connection, whyBroken } from "./_connection.ts";
import type { Context } from "./_context.ts";
import type { Act } from "./_deadline.ts";
import { ClientError } from "./error.ts";

/** The size of the block that chunked bodies are read in. */
const BLOCK_BYTES = 65_536;

/** Something that fills views with bytes, as a Deno socket does. */
export interface Source {
  /** Reads up to as many bytes as the view has; null at the end, which is told again if asked again. */
  read(view: Uint8Array<ArrayBuffer>): Promise<number | null>;
  /** Gives all there is, where it is in memory already. */
  takeAll?(): Uint8Array<ArrayBuffer>;
  /** Gives up: the rest is not wanted. */
  cancel(): void;
}

/** How a body came to its right end. */
export interface GoodEnd {
  /** How many bytes it had. */
  readonly received: number;
  /** What told that it ends here. */
  readonly reason: string;
  /** Whether nothing came behind it. */
  readonly clean: boolean;
}

/** Is told once what became of a body. */
export interface BodyEnd {
  /** It ended well. */
  onEnd(end: GoodEnd): Promise<void>;
  /** It broke, or was given up. */
  onBreak(reason: string): void;
}

/** Reads a body up to the end that its framing tells, and no byte more. */
export class BodyReader implements Source {
  readonly #connection: Connection;
  readonly #framing: BodyFraming;
  readonly #context: Context;
  readonly #end: BodyEnd;
  readonly #act: Act;
  readonly #limit: number;
  readonly #chunks: ChunkReader | null;
  #state: "open" | "ended" | "broken" = "open";
  #error: unknown = null;
  /** How many bytes have been read, framing taken off. */
  received = 0;

  constructor(
    connection: Connection,
    framing: BodyFraming,
    { context, end }: { readonly context: Context; readonly end: BodyEnd },
  ) {
    this.#connection = connection;
    this.#framing = framing;
    this.#context = context;
    this.#end = end;
    this.#act = connection.act("Cannot read body");
    this.#limit = context.options.maxBodyBytes ?? Infinity;
    this.#chunks = framing.kind === "chunked"
      ? new ChunkReader(connection)
      : null;
  }

  /** How many bytes are still to come; null when that is not known. */
  get left(): number | null {
    const { kind } = this.#framing;
    if (this.#state === "ended" || kind === "none") return 0;
    return this.#framing.kind === "length"
      ? this.#framing.length - this.received
      : null;
  }

  /** Ends at once where nothing is to come, so that the connection is free again. */
  async begin(): Promise<void> {
    if (this.left === 0) await this.#finish();
  }

  async read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    if (this.#state === "ended") return null;
    if (this.#state === "broken") throw this.#error;
    try {
      const count = await this.#readSome(view);
      if (count !== null) this.#count(count);
      if (count === null || this.left === 0 || this.#chunks?.done === true) {
        await this.#finish();
      }
      return count;
    } catch (error) {
      const reason = this.#explain(error);
      this.#break(reason, (reason as Error).message);
      throw reason;
    }
  }

  cancel(): void {
    if (this.#state !== "open") return;
    const error = new TypeError("Cannot read body: it was cancelled");
    this.#break(error, "the rest of the body is not wanted");
  }

  async #readSome(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const { deadline, idleTimeout } = this.#context;
    const { left } = this;
    const room = left === null || left >= view.length
      ? view
      : view.subarray(0, left);
    deadline.start(idleTimeout, this.#act);
    try {
      const count = await (this.#chunks ?? this.#connection).read(room);
      if (count === null && this.#chunks?.done !== true) this.#checkEnd();
      return count;
    } finally {
      deadline.stop(this.#act);
    }
  }

  #count(count: number): void {
    this.received += count;
    if (this.received > this.#limit) {
      throw this.#connection.error(
        "too-large",
        `Cannot read body: it is over ${this.#limit} bytes`,
      );
    }
    if (this.#context.emit === undefined) return;
    const { received } = this;
    const total = this.#framing.kind === "length" ? this.#framing.length : null;
    this.#context.emit({ type: "body", received, total });
  }

  /** The connection has ended: is that how this body ends? */
  #checkEnd(): void {
    const { received } = this;
    const framing = this.#framing;
    if (framing.kind === "length") {
      throw this.#truncated(`after ${received} of ${framing.length} bytes`);
    }
    if (framing.kind === "chunked") {
      throw this.#truncated(`before its last chunk, after ${received} bytes`);
    }
    if (this.#connection.ended === "unclean") {
      // Whoever cut the line could have done the same (RFC 9112 section 9.8)
      throw this.#connection.error(
        "reset",
        `Cannot read body: after ${received} bytes TLS ended without close_notify, so more may be missing`,
      );
    }
  }

  #truncated(where: string): Error {
    return this.#connection.error(
      "truncated",
      `Cannot read body: the connection was closed ${where}`,
    );
  }

  async #finish(): Promise<void> {
    const { start, end, ended } = this.#connection;
    const clean = start === end &&
      (ended === null || this.#framing.kind === "close") &&
      this.#chunks?.hasExtra !== true;
    this.#state = "ended";
    const reason = REASONS[this.#framing.kind];
    await this.#end.onEnd({ received: this.received, reason, clean });
  }

  #break(error: unknown, reason: string): void {
    this.#state = "broken";
    this.#error = error;
    this.#end.onBreak(reason);
  }

  #explain(error: unknown): unknown {
    const { deadline } = this.#context;
    if (deadline.isOver) return deadline.explain(error);
    if (error instanceof ClientError) return error;
    if (error instanceof MessageError) {
      return this.#connection.error("malformed", error.message, error);
    }
    return this.#connection.error(
      "reset",
      `Cannot read body: ${whyBroken(error)} after ${this.received} bytes`,
      error,
    );
  }
}

const REASONS: Readonly<Record<BodyFraming["kind"], string>> = {
  none: "this answer has no body",
  length: "as many bytes came as Content-Length told",
  chunked: "the last chunk came",
  close: "the other side closed the connection, as HTTP/1.0 ends a body",
};

/** Takes chunks off what comes. */
class ChunkReader {
  readonly #connection: Connection;
  readonly #decoder = new ChunkedDecoder();
  readonly #block = new Uint8Array(BLOCK_BYTES);
  #parts: Uint8Array[] = [];
  #next = 0;
  /** Whether bytes came behind the body. */
  hasExtra = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Whether the last chunk has come, and all before it has been read. */
  get done(): boolean {
    return this.#decoder.done && this.#next >= this.#parts.length;
  }

  async read(view: Uint8Array): Promise<number | null> {
    while (this.#next >= this.#parts.length) {
      if (this.#decoder.done) return null;
      if (!await this.#more()) return null;
    }
    return this.#copyTo(view);
  }

  async #more(): Promise<boolean> {
    const connection = this.#connection;
    let bytes = connection.take();
    if (bytes.length === 0) {
      const count = await connection.read(this.#block);
      if (count === null) return false;
      bytes = this.#block.subarray(0, count);
    }
    this.#parts = this.#decoder.push(bytes);
    this.#next = 0;
    this.hasExtra = this.#decoder.used < bytes.length;
    return true;
  }

  #copyTo(view: Uint8Array): number {
    let count = 0;
    while (this.#next < this.#parts.length && count < view.length) {
      const part = this.#parts[this.#next]!;
      const piece = part.subarray(0, view.length - count);
      view.set(piece, count);
      count += piece.length;
      if (piece.length === part.length) this.#next++;
      else this.#parts[this.#next] = part.subarray(piece.length);
    }
    return count;
  }
}
