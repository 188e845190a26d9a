import { type Connection, latin1 } from "./_connection.ts";
import type { Context } from "./_context.ts";
import type { Act } from "./_deadline.ts";
import type { Payload } from "./_payload.ts";

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
 * Sends a request. A large body is sent while the answer is already waited for, because a server may refuse it early
 * (RFC 9112 section 9.5); therefore a failure to send is remembered, not thrown.
 */
export class Upload {
  readonly #connection: Connection;
  readonly #context: Context;
  readonly #outgoing: Outgoing;
  readonly #total: number;
  readonly #act: Act;
  #sent = 0;
  #stopped: string | null = null;
  #done = false;
  /** What is wrong with the caller's own stream; the connection is closed then. */
  fault: Error | null = null;
  /** Resolves when sending has ended in any way. */
  finished: Promise<void> = Promise.resolve();

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

  /** Sends the head, with the body if that is small; a larger one goes on being sent afterwards. */
  async begin(): Promise<void> {
    const { head, method, url, payload } = this.#outgoing;
    const { emit, clock } = this.#context;
    const content = payload?.content ?? new Uint8Array(0);
    const isSmall = content instanceof Uint8Array &&
      content.length <= ONE_WRITE_BYTES;
    const withBody = isSmall && content.length > 0;
    await this.#write(withBody ? join(head, content) : head);
    clock.mark("sent");
    emit?.({
      type: "request-head",
      method,
      url,
      text: latin1(head),
      bytes: head.length,
    });
    if (!isSmall) {
      this.finished = this.#sendRest(content);
      return;
    }
    if (withBody) this.#progress(content.length);
    this.#end();
  }

  /** Stops sending. */
  stop(reason: string): void {
    if (!this.#done) this.#stopped ??= reason;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { deadline, idleTimeout } = this.#context;
    deadline.start(idleTimeout, this.#act);
    try {
      await this.#connection.write(bytes);
    } catch (error) {
      this.stop((error as Error).message); // an answer may have come nevertheless, and is read
    } finally {
      deadline.stop(this.#act);
    }
  }

  async #sendRest(
    content: Uint8Array | (() => ReadableStream<Uint8Array>),
  ): Promise<void> {
    try {
      const blocks = content instanceof Uint8Array
        ? blocksOf(content)
        : content();
      for await (const block of blocks) {
        if (this.#stopped !== null) break;
        this.#check(this.#sent + block.length <= this.#total, "is longer");
        await this.#write(block);
        if (this.#stopped === null) this.#progress(block.length);
      }
      this.#check(
        this.#stopped !== null || this.#sent === this.#total,
        "is shorter",
      );
    } catch (error) {
      this.fault = error as Error;
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
