import type { Connection } from "../_connect/connection.ts";
import { octetsToText } from "../../message/_octets.ts";
import type { Context } from "../_connect/context.ts";
import type { Act, Closable } from "../_connect/deadline.ts";
import type { Payload } from "./payload.ts";

/** A body up to this size goes out with the head, in one write. */
const ONE_WRITE_BYTES = 65_536;
/** The size of each later write, after which progress is told. */
const BLOCK_BYTES = 262_144;

/** What is sent. */
export interface Outgoing {
  /** The head. */
  readonly head: Uint8Array;
  /** Its method, for those who watch. */
  readonly method: string;
  /** The URL, for those who watch. */
  readonly url: string;
  /** The body. */
  readonly payload: Payload | null;
}

/**
 * Sends a request. A large body is sent while the answer is already waited for,
 * because a server may refuse it early (RFC 9112 section 9.5); therefore a
 * failure to send is remembered, not thrown.
 */
export class Upload implements Closable {
  readonly #connection: Connection;
  readonly #context: Context;
  readonly #outgoing: Outgoing;
  readonly #total: number;
  readonly #act: Act;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #sent = 0;
  #stopped: string | null = null;
  #done = false;
  /**
   * What is wrong with the caller's own stream; the connection is closed then.
   */
  fault: Error | null = null;
  /** Resolves when sending has ended in any way. */
  finished: Promise<void> | null = null;

  constructor(connection: Connection, outgoing: Outgoing, context: Context) {
    this.#connection = connection;
    this.#context = context;
    this.#outgoing = outgoing;
    this.#total = outgoing.payload?.size ?? 0;
    this.#act = connection.act("Cannot send request");
  }

  /** Whether all of it was sent. */
  get complete(): boolean {
    return this.#done && this.#stopped === null && this.fault === null;
  }

  /**
   * Sends the head, with the body if that is small; a larger one goes on being
   * sent afterwards.
   */
  async begin(): Promise<void> {
    const { head, method, url, payload } = this.#outgoing;
    const { emit, clock } = this.#context;
    const content = payload?.content ?? null;
    const small = content instanceof Uint8Array &&
        content.length <= ONE_WRITE_BYTES
      ? content
      : null;
    await this.#write(small === null ? head : join(head, small));
    clock.mark("sent");
    const bytes = head.length;
    emit?.({
      type: "request-head",
      method,
      url,
      text: octetsToText(head),
      bytes,
    });
    if (content !== small) this.finished = this.#sendRest(content!);
    else {
      if (small !== null) this.#progress(small.length);
      this.#end();
    }
  }

  /** Stops sending, also when the caller's stream gives nothing. */
  stop(reason: string): void {
    if (this.#done) return;
    this.#stopped ??= reason;
    this.#reader?.cancel(reason).catch(() => {}); // the caller's own matter
  }

  /** Ends the exchange: what waits on the connection rejects. */
  close(): void {
    this.stop("the time is over");
    this.#connection.close();
  }

  /**
   * Goes on sending after the answer, which the other side may have given
   * before it has stored everything.
   */
  async rest(): Promise<void> {
    const { deadline, idleTimeout } = this.#context;
    if (deadline.isOver) return this.stop("the time is over");
    deadline.start(idleTimeout, this.#act);
    await this.finished;
    deadline.stop(this.#act);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { deadline, idleTimeout } = this.#context;
    deadline.start(idleTimeout, this.#act);
    try {
      const written = await this.#connection.socket.write(bytes);
      if (written < bytes.length) {
        await this.#connection.write(bytes.subarray(written));
      }
    } catch (error) {
      this.stop((error as Error).message); // an answer may have come nevertheless, and is read
    } finally {
      deadline.stop(this.#act);
    }
  }

  async #sendRest(content: Payload["content"]): Promise<void> {
    try {
      const stream = content instanceof Uint8Array
        ? ReadableStream.from(blocksOf(content))
        : content();
      this.#reader = stream.getReader();
      while (this.#stopped === null) {
        const { value, done } = await this.#reader.read();
        if (done) break;
        this.#check(this.#sent + value.length <= this.#total, "is longer");
        await this.#write(value);
        if (this.#stopped === null) this.#progress(value.length);
      }
      const isWhole = this.#stopped !== null || this.#sent === this.#total;
      this.#check(isWhole, "is shorter");
    } catch (error) {
      this.fault = error as Error;
      this.stop(this.fault.message);
      this.#connection.close(); // the other side would wait for what does not come
    }
    this.#end();
  }

  #check(fits: boolean, how: string): void {
    if (fits) return;
    throw new TypeError(
      `Cannot send body: its stream ${how} than the ${this.#total} bytes it was said to have`,
    );
  }

  #progress(count: number): void {
    this.#sent += count;
    const { emit } = this.#context;
    emit?.({ type: "request-body", sent: this.#sent, total: this.#total });
  }

  #end(): void {
    this.#done = true;
    if (this.#stopped === null) return;
    this.#context.emit?.({
      type: "send-stopped",
      sent: this.#sent,
      total: this.#total,
      reason: this.#stopped,
    });
  }
}

function join(head: Uint8Array, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

function* blocksOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    yield bytes.subarray(at, at + BLOCK_BYTES);
  }
}
