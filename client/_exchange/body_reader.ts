import { MessageError } from "../../message/error.ts";
import type { BodyFraming } from "../../message/framing.ts";
import { ChunkReader } from "./chunk_reader.ts";
import { type Connection, whyBroken } from "../_connect/connection.ts";
import type { Context } from "../_connect/context.ts";
import type { Act } from "../_connect/deadline.ts";
import { ClientError } from "../error.ts";

/** Something that fills views with bytes, as a Deno socket does. */
export interface Source {
  /**
   * Reads up to as many bytes as the view has; null at the end, which is told
   * again if asked again.
   */
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
  onEnd(end: GoodEnd): Promise<void> | void;
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

  /**
   * Takes the body at once if all of it came with the head, so that the
   * connection is free before anybody reads.
   */
  async readHeld(): Promise<Uint8Array<ArrayBuffer> | null> {
    const { buffer, start, end } = this.#connection;
    const { left } = this;
    if (left === null || left > end - start) return null;
    const bytes = buffer.slice(start, start + left);
    this.#connection.start += left;
    if (left > 0) this.#count(left);
    await this.#finish();
    return bytes;
  }

  async read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    if (this.#state === "ended") return null;
    if (this.#state === "broken") throw this.#error;
    const { deadline, idleTimeout } = this.#context;
    const { left } = this;
    const fits = left === null || left >= view.length;
    try {
      deadline.start(idleTimeout, this.#act);
      const count = await (this.#chunks ?? this.#connection)
        .read(fits ? view : view.subarray(0, left));
      deadline.stop(this.#act);
      if (count === null) this.#checkEnd();
      else this.#count(count);
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
    if (framing.kind === "chunked" && !this.#chunks?.done) {
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

  #finish(): Promise<void> | void {
    const { start, end, ended } = this.#connection;
    const clean = start === end &&
      (ended === null || this.#framing.kind === "close") &&
      this.#chunks?.hasExtra !== true;
    this.#state = "ended";
    const reason = REASONS[this.#framing.kind];
    return this.#end.onEnd({ received: this.received, reason, clean });
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
