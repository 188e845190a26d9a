import { octetsToText } from "../../message/_octets.ts";
import type { Connection } from "../_connect/connection.ts";
import type { Attempt, Closable, Operation } from "../_connect/deadline.ts";
import { openStream, type Payload } from "./payload.ts";
import type { RequestSpec } from "./request_spec.ts";

/** A body up to this size goes out with the head, in one write. */
const ONE_WRITE_BYTES = 65_536;
/** The size of each later write, after which there is an event. */
const BLOCK_BYTES = 262_144;

/**
 * Sends a request. A large body is sent while the response is already awaited,
 * because a server may refuse it early (RFC 9112 section 9.5); therefore a
 * failure to send is remembered, not thrown.
 */
export class Upload implements Closable {
  readonly #connection: Connection;
  readonly #spec: RequestSpec;
  readonly #attempt: Attempt;
  readonly #total: number;
  readonly #operation: Operation;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #sent = 0;
  #stopped: string | null = null;
  #done = false;
  /**
   * What is wrong with the caller's own stream; the connection is closed then.
   */
  fault: Error | null = null;
  /** Resolves when sending has ended in any way; null when it ended at once. */
  finished: Promise<void> | null = null;

  constructor(connection: Connection, spec: RequestSpec, attempt: Attempt) {
    this.#connection = connection;
    this.#spec = spec;
    this.#attempt = attempt;
    this.#total = spec.payload?.size ?? 0;
    this.#operation = connection.operation("Cannot send request");
  }

  /** Whether nothing more of it will be sent. */
  get isOver(): boolean {
    return this.#done || this.#stopped !== null;
  }

  /** Whether all of it was sent. */
  get complete(): boolean {
    return this.#done && this.#stopped === null;
  }

  /**
   * Sends the head, together with a small body; a larger one is sent in the
   * background, until `finished` resolves.
   */
  async begin(head: Uint8Array): Promise<void> {
    const { stopwatch } = this.#attempt;
    const content = this.#spec.payload?.content ?? null;
    const small = content instanceof Uint8Array &&
        content.length <= ONE_WRITE_BYTES
      ? content
      : null;
    await this.#write(small === null ? head : join(head, small));
    stopwatch.mark("sent");
    this.#emitHead(head);
    if (content !== small) this.finished = this.#sendRest(content!);
    else {
      if (small !== null) this.#progress(small.length);
      this.#end();
    }
  }

  /** Stops sending, even while the caller's stream is waited for. */
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
   * Waits until the rest is sent: a server may respond before it has read the
   * whole request.
   */
  async rest(): Promise<void> {
    const { deadline } = this.#attempt;
    if (deadline.signal.aborted) return this.stop("the time is over");
    deadline.start(this.#operation);
    await this.finished;
    deadline.stop(this.#operation);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { deadline } = this.#attempt;
    deadline.start(this.#operation);
    try {
      await this.#connection.write(bytes);
    } catch (error) {
      // A response may have arrived nevertheless, and is read
      this.stop((error as Error).message);
    } finally {
      deadline.stop(this.#operation);
    }
  }

  async #sendRest(content: Payload["content"]): Promise<void> {
    try {
      const stream = content instanceof Uint8Array
        ? ReadableStream.from(blocksOf(content))
        : openStream(content);
      this.#reader = stream.getReader();
      while (this.#stopped === null) {
        const { value, done } = await this.#reader.read();
        if (done) break;
        checkBytes(value);
        this.#check(this.#sent + value.length <= this.#total, "is longer");
        await this.#write(value);
        if (this.#stopped === null) this.#progress(value.length);
      }
      const isWhole = this.#stopped !== null || this.#sent === this.#total;
      this.#check(isWhole, "is shorter");
    } catch (error) {
      this.fault = error as Error;
      this.stop(this.fault.message);
      // The server would wait for the rest
      this.#connection.close();
    }
    this.#end();
  }

  #check(fits: boolean, how: string): void {
    if (fits) return;
    throw new TypeError(
      `Cannot send body: its stream ${how} than the ${this.#total} bytes it was said to have`,
    );
  }

  #emitHead(head: Uint8Array): void {
    const { method, href } = this.#spec;
    this.#attempt.emit?.({
      type: "request-head",
      method,
      url: href,
      text: octetsToText(head),
      bytes: head.length,
    });
  }

  #progress(count: number): void {
    this.#sent += count;
    const { emit } = this.#attempt;
    emit?.({ type: "request-body", sent: this.#sent, total: this.#total });
  }

  #end(): void {
    this.#done = true;
    if (this.#stopped === null) return;
    this.#attempt.emit?.({
      type: "send-stopped",
      sent: this.#sent,
      total: this.#total,
      reason: this.#stopped,
    });
  }
}

/** A stream of the caller can give anything, strings for one. */
function checkBytes(value: unknown): void {
  if (value instanceof Uint8Array) return;
  throw new TypeError(
    `Cannot send body: its stream gave a ${typeof value}: expected Uint8Array`,
  );
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
