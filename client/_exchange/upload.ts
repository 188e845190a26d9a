import { octetsToText } from "../../message/_octets.ts";
import type { Connection } from "../_connect/connection.ts";
import type { Attempt, Operation } from "../_connect/deadline.ts";
import { checkChunk, type Payload, streamError } from "./payload.ts";
import type { RequestSpec } from "./request.ts";

/** The size up to which a body is sent with the head, in one write. */
const ONE_WRITE_BYTES = 65_536;
/** The size of each later write; an event follows each write. */
export const BLOCK_BYTES = 262_144;

/**
 * Sends a request. While it sends a large body, the client already waits for
 * the response, because a server may reject the request early (RFC 9112 section
 * 9.5). Therefore a failure to send is remembered, not thrown.
 */
export class Upload {
  readonly #connection: Connection;
  readonly #spec: RequestSpec;
  readonly #attempt: Attempt;
  readonly #total: number;
  readonly #operation: Operation;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #sent = 0;
  #stopReason: string | null = null;
  /** Whether all of the request was sent, or no more of it will be. */
  state: "sending" | "complete" | "stopped" = "sending";
  /** The error of the caller's own stream, which closes the connection. */
  fault: Error | null = null;
  /** Resolves when sending ends for any reason; null if it ended at once. */
  finished: Promise<void> | null = null;

  constructor(connection: Connection, spec: RequestSpec, attempt: Attempt) {
    this.#connection = connection;
    this.#spec = spec;
    this.#attempt = attempt;
    this.#total = spec.payload?.size ?? 0;
    this.#operation = connection.operation("Cannot send request to");
  }

  /**
   * Sends the head, together with a small body; a larger body is sent in the
   * background, until `finished` resolves.
   */
  async begin(head: Uint8Array): Promise<void> {
    const { stopwatch, emit } = this.#attempt;
    const content = this.#spec.payload?.content;
    const isSmall = content instanceof Uint8Array &&
      content.length <= ONE_WRITE_BYTES;
    await this.#write(isSmall ? concat(head, content) : head);
    stopwatch.mark("sent");
    const bytes = head.length;
    emit?.({ type: "request-head", text: octetsToText(head), bytes });
    if (content !== undefined && !isSmall) {
      // It may fail when nobody waits for it any more
      this.finished = this.#sendRest(content).catch((e) => this.fault = e);
    } else {
      if (content !== undefined) this.#emitProgress(this.#total);
      this.#end();
    }
  }

  /** Stops sending, even while it waits for the caller's stream. */
  stop(reason: string): void {
    if (this.state === "complete") return;
    this.state = "stopped";
    this.#stopReason ??= reason;
    const { signal } = this.#attempt.deadline;
    this.#reader?.cancel(signal.reason ?? reason)
      .catch(() => {}); // its error is the caller's matter
  }

  /** Closes the connection, so that pending reads and writes reject. */
  close(): void {
    this.stop("the time is up");
    this.#connection.close();
  }

  /**
   * Waits until the rest of the request is sent: a server may respond before it
   * has read all of it. Then the connection is released, with its deadline.
   */
  async waitUntilSent(): Promise<void> {
    this.#attempt.deadline.start(this.#operation);
    await this.finished;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { deadline } = this.#attempt;
    deadline.start(this.#operation);
    const failure = await this.#connection.write(bytes);
    deadline.stop(this.#operation);
    if (failure !== null) this.stop(failure.message);
  }

  async #sendRest(content: Payload["content"]): Promise<void> {
    try {
      this.#reader = openStream(content).getReader();
      while (this.#stopReason === null) {
        const { value, done } = await this.#reader.read();
        if (done) break;
        checkChunk(value);
        if (this.#sent + value.length > this.#total) {
          throw this.#lengthError("longer");
        }
        await this.#write(value);
        if (this.#stopReason === null) this.#emitProgress(value.length);
      }
      if (this.#stopReason === null && this.#sent < this.#total) {
        throw this.#lengthError("shorter");
      }
    } catch (error) {
      this.fault = error as Error;
      this.stop(this.fault.message);
      // Otherwise the server would wait for the rest
      this.#connection.close();
    }
    this.#end();
  }

  #lengthError(how: string): TypeError {
    const announced = `${this.#total} bytes that were announced`;
    return streamError(`is ${how} than the ${announced}`);
  }

  #emitProgress(count: number): void {
    this.#sent += count;
    this.#attempt.emit?.({ type: "request-body", ...this.#progress });
  }

  #end(): void {
    const { emit } = this.#attempt;
    const reason = this.#stopReason;
    if (reason === null) this.state = "complete";
    else emit?.({ type: "send-stopped", ...this.#progress, reason });
  }

  get #progress() {
    return { sent: this.#sent, total: this.#total };
  }
}

function concat(head: Uint8Array, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

function openStream(content: Payload["content"]): ReadableStream<Uint8Array> {
  if (content instanceof Uint8Array) {
    return ReadableStream.from(blocksOf(content));
  }
  const stream = typeof content === "function" ? content() : content;
  if (stream instanceof ReadableStream) return stream;
  throw streamError("function gave no ReadableStream");
}

function* blocksOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += BLOCK_BYTES) {
    yield bytes.subarray(offset, offset + BLOCK_BYTES);
  }
}
