import { putOctets, textToOctets } from "../../message/_octets.ts";
import { ReadBuffer } from "../../message/_read_buffer.ts";
import { sendAtOnce } from "../../message/_socket.ts";
import { unmapped } from "../../url/host.ts";
import type { HeaderFields } from "../../message/mod.ts";
import type { ServerLimits } from "../limits.ts";
import { addressOf, type Emit, type EndReason } from "../trace.ts";
import {
  BODY_INPUT_BYTES,
  type Buffers,
  type Clock,
  type FairQueue,
  INPUT_BYTES,
  WRITE_BYTES,
} from "./resources.ts";

/** What all connections of a server share to read, admit and write. */
export interface IoContext {
  readonly limits: Required<ServerLimits>;
  readonly clock: Clock;
  readonly buffers: Buffers;
  /** The queue in which large downloads take turns. */
  readonly downloadQueue: FairQueue;
  /** Called with each error that is the server's fault. */
  readonly onError: (error: unknown) => void;
  /** Header fields for the responses that the server makes itself. */
  readonly headers: HeaderFields;
  /** The protocol of the listening socket. */
  readonly protocol: "http" | "https";
  /** The host and port for the URL of a request that names none. */
  readonly authority: string;
  /** Checks the valid host of a request; throws if it is another server's. */
  readonly guardHost: (host: string) => void;
  /** Whether an address belongs to a proxy whose word for its client counts. */
  readonly isTrustedProxy: (address: string) => boolean;
  /** Makes the emitter of a connection's events; undefined without a trace. */
  readonly startTrace: (() => Emit) | undefined;
}

/**
 * The client left before its response was sent. That is nobody's fault, and
 * there is nobody to tell.
 */
export class ConnectionClosedError extends Error {
  /** The name of the web's own abort reason, which frameworks check for. */
  override readonly name = "AbortError";
}

const NO_BYTES = new Uint8Array(0);
/**
 * How long a client that has closed its side may be sent nothing before it
 * counts as gone, in milliseconds. It may still want its response.
 */
const HALF_CLOSED_TIMEOUT = 5_000;

/** When the client must have sent something, and what happens otherwise. */
interface ReadDeadline {
  readonly time: number;
  /** Why the connection is closed then, if nobody waits. */
  readonly reason: EndReason;
  /** Resolves the promise of `waitUntil`; null if nobody waits. */
  readonly resolve: ((outcome: "timeout") => void) | null;
}

/**
 * One connection as bytes: what has arrived, what is written, and the deadlines
 * for both.
 *
 * There is no timer here. The server's clock checks the deadlines a few times a
 * second. A late write closes the connection. So does a late read, unless
 * `fillBy` started it: that returns `"timeout"` to its caller.
 */
export class ConnectionIo {
  readonly #conn: Deno.Conn;
  #readDeadline: ReadDeadline | null = null;
  #writeDeadline = Infinity;
  #writeCount = 0;
  #watcher: AbortController | null = null;
  /** Whether the watch is paused because an unread body fills the input. */
  #isWatchPaused = false;
  /** When a client that has closed its side counts as gone. */
  #goneDeadline = Infinity;
  #isClosed = false;
  /** Which side ended first, and how; null if not known yet. */
  #end: { by: "client" | "server"; how: EndReason } | null = null;
  /** Emits the events of the connection; undefined without a trace. */
  readonly emit: Emit | undefined;
  /** What all connections of a server share. */
  readonly server: IoContext;
  /** What has arrived and is not consumed yet. */
  readonly input: ReadBuffer;
  /** How many bytes of the current response were written. */
  responseBytes = 0;
  /** Whether a response or a `100 Continue` has begun since the request. */
  hasBegunWriting = false;

  constructor(conn: Deno.Conn, server: IoContext) {
    this.#conn = conn;
    this.server = server;
    const emit = this.emit = server.startTrace?.();
    const source = emit ? { read: this.#read.bind(this) } : conn;
    const bytes = server.buffers.inputs.acquire(INPUT_BYTES);
    this.input = new ReadBuffer(source, bytes);
    emit?.({
      type: "accepted",
      local: addressOf(conn.localAddr),
      remote: addressOf(conn.remoteAddr),
    });
  }

  /** The address of the client. */
  get remoteAddr(): Deno.Addr {
    const addr = this.#conn.remoteAddr;
    if (!("hostname" in addr)) return addr;
    const hostname = unmapped(addr.hostname);
    return hostname === addr.hostname ? addr : { ...addr, hostname };
  }

  /** Waits for the TLS handshake, if there is one. */
  async handshake(): Promise<void> {
    await (this.#conn as Partial<Deno.TlsConn>).handshake?.();
  }

  /** Reads into a buffer, and emits the result. */
  async #read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const bytes = await this.#conn.read(view).catch(this.#throwClosed);
    if (!this.#isClosed) this.emit?.({ type: "read", bytes });
    if (bytes === null) this.#end ??= { by: "client", how: "close" };
    return bytes;
  }

  /**
   * Waits until the connections ahead are closed.
   *
   * @param ahead Their number.
   * @param turn Settles once they are closed.
   */
  async waitForTurn(ahead: number, turn: Promise<unknown>): Promise<void> {
    const startedAt = performance.now();
    this.emit?.({ type: "waiting", remote: addressOf(this.remoteAddr), ahead });
    await turn;
    if (this.#isClosed) return;
    this.emit?.({ type: "turn", waited: performance.now() - startedAt });
  }

  /**
   * Waits for more bytes until a deadline.
   *
   * @returns False if the client has closed its side or is gone: no more bytes
   *   will come, and only a write can tell which.
   */
  fillBy(deadline: number): Promise<boolean | "timeout"> {
    return Promise.race([this.#fill(), this.waitUntil(deadline)]);
  }

  async #fill(): Promise<boolean> {
    try {
      return !this.#isClosed && await this.input.fill();
    } catch {
      return false;
    }
  }

  /** Waits until a deadline. There is only one read deadline at a time. */
  waitUntil(time: number): Promise<"timeout"> {
    if (this.#isClosed) return Promise.resolve("timeout");
    const { promise, resolve } = Promise.withResolvers<"timeout">();
    this.#readDeadline = { time, reason: "timeout", resolve };
    return promise;
  }

  /** Closes the connection at a deadline, unless a later call replaces it. */
  closeAt(time: number, reason: EndReason = "timeout"): void {
    this.#readDeadline = { time, reason, resolve: null };
  }

  /** Changes the size of the input buffer if it is empty and not in use. */
  resizeInput(bytes: number): void {
    const { input } = this;
    if (input.bytes.length === bytes) return;
    if (input.length > 0 || input.isFilling) return;
    const { inputs } = this.server.buffers;
    inputs.release(input.replace(inputs.acquire(bytes)));
  }

  /** Reads and discards bytes; returns whether all of them came in time. */
  async drain(count: number, deadline: number): Promise<boolean> {
    for (let left = count;;) {
      const arrived = Math.min(left, this.input.length);
      this.input.consume(arrived);
      left -= arrived;
      if (left === 0) return true;
      this.resizeInput(BODY_INPUT_BYTES);
      if (await this.fillBy(deadline) !== true) return false;
    }
  }

  /** Writes all of the bytes; the timeout restarts whenever some were sent. */
  write(bytes: Uint8Array): Promise<void> {
    const { clock, limits } = this.server;
    this.#writeDeadline = clock.now + limits.writeTimeout;
    this.hasBegunWriting = true;
    // Not sooner, because many connections only have one write
    if (++this.#writeCount === 2) sendAtOnce(this.#conn);
    return this.#conn.write(bytes).then((count): void | Promise<void> => {
      this.#writeDeadline = Infinity;
      this.responseBytes += count;
      this.emit?.({ type: "write", bytes: count });
      if (this.#goneDeadline !== Infinity) this.#restartGoneDeadline();
      if (count < bytes.length) return this.write(bytes.subarray(count));
    }, this.#throwClosed);
  }

  /**
   * Writes a head and a body, in one write if they fit into a pooled buffer.
   * Allocating a new buffer for each takes 8 times as long.
   */
  async writeJoined(head: string, body: Uint8Array): Promise<void> {
    if (head === "") return this.write(body);
    const length = head.length + body.length;
    if (length > WRITE_BYTES) {
      await this.write(textToOctets(head));
      return this.write(body);
    }
    const { writes } = this.server.buffers;
    const chunk = writes.acquire(WRITE_BYTES, length);
    try {
      putOctets(head, chunk);
      chunk.set(body, head.length);
      await this.write(chunk.subarray(0, length));
    } finally {
      writes.release(chunk);
    }
  }

  /** Tells the client that nothing more will be written. */
  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite().catch(this.#throwClosed);
    this.#end ??= { by: "server", how: "close" };
    this.emit?.({ type: "half-closed" });
  }

  /**
   * Makes a signal that aborts when the connection breaks, or when the client
   * has closed its side and was sent nothing for a while. Reads ahead to notice
   * that.
   */
  watch(): AbortSignal {
    // A handler may still send a stream after an abort: give it a new signal
    if (this.#watcher?.signal.aborted !== false) {
      this.#watcher = new AbortController();
      void this.#watch(this.#watcher);
    }
    return this.#watcher.signal;
  }

  async #watch(watcher: AbortController): Promise<void> {
    const { input, server } = this;
    try {
      while (!this.#isClosed && await input.fill()) {
        if (this.#watcher !== watcher) return; // its request is over
        this.#isWatchPaused = input.length > server.limits.maxHeadBytes;
        if (this.#isWatchPaused) return;
      }
      if (this.#isClosed) this.#watcher?.abort(closedError());
      else if (this.#watcher === watcher) this.#restartGoneDeadline();
    } catch {
      this.#watcher?.abort(closedError()); // reset
    }
  }

  #restartGoneDeadline(): void {
    this.#goneDeadline = this.server.clock.now + HALF_CLOSED_TIMEOUT;
  }

  /** Stops watching, because the request is over. */
  unwatch(): void {
    this.#watcher = null;
    this.#goneDeadline = Infinity;
  }

  readonly #throwClosed = (cause: unknown): never => {
    this.#end ??= { by: "client", how: "reset" };
    this.#watcher?.abort(closedError());
    const message = "Cannot use the connection: it is gone";
    throw new ConnectionClosedError(message, { cause });
  };

  /** Closes the connection, or aborts its request, if a deadline has passed. */
  checkDeadlines(now: number): void {
    if (this.#writeDeadline < now) this.close("timeout");
    if (this.#goneDeadline < now) this.#watcher?.abort(closedError());
    if (this.#isWatchPaused && this.#watcher && this.input.length === 0) {
      this.#isWatchPaused = false;
      void this.#watch(this.#watcher); // the body was read, so go on
    }
    const deadline = this.#readDeadline;
    if (deadline === null || deadline.time >= now) return;
    if (deadline.resolve === null) this.close(deadline.reason);
    else deadline.resolve("timeout");
  }

  /** Reads once more before the close, to tell a trace who ended first. */
  async detectEnd(): Promise<void> {
    if (this.#isClosed || this.#end !== null) return;
    void this.#fill();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  /** Closes the connection at once, whatever is under way. */
  close(reason: EndReason = "close"): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#readDeadline?.resolve?.("timeout");
    this.#watcher?.abort(closedError());
    this.emit?.({ type: "closed", by: "server", how: reason, ...this.#end });
    this.#conn.close();
  }

  /** Returns the input buffer to its pool, once the connection is closed. */
  release(): void {
    const { input } = this;
    if (input.isFilling) return; // the read may still write into it
    input.consume(input.length);
    this.server.buffers.inputs.release(input.replace(NO_BYTES));
  }
}

function closedError(): ConnectionClosedError {
  return new ConnectionClosedError("The connection is closed");
}
