import { putOctets, textToOctets } from "../../message/_octets.ts";
import { ReadBuffer } from "../../message/_read_buffer.ts";
import { unmapped } from "../../url/host.ts";
import type { HeaderFields } from "../../message/mod.ts";
import type { ServerLimits } from "../limits.ts";
import { addressOf, type Decide, type Emit, type EndReason } from "../trace.ts";
import {
  type Buffers,
  type Clock,
  type FairQueue,
  INPUT_BYTES,
  WRITE_BYTES,
} from "./resources.ts";

/** What the connections of a server share to read, judge and write. */
export interface IoContext {
  readonly limits: Required<ServerLimits>;
  readonly clock: Clock;
  readonly buffers: Buffers;
  /** Where large downloads take turns. */
  readonly turns: FairQueue;
  /** Told what went wrong on the side of the server. */
  readonly onError: (error: unknown) => void;
  /** Fields for the responses that the server makes itself. */
  readonly headers: HeaderFields;
  /** The protocol of the listening socket. */
  readonly protocol: "http" | "https";
  /** Host and port for URLs of requests that name none. */
  readonly authority: string;
  /** Judges the host that a request is for. */
  readonly guard: (host: string) => void;
  /** Gives each connection what emits its events, if anybody listens. */
  readonly startTrace: (() => Emit) | undefined;
}

/**
 * The client went while a response was sent to it: nobody's fault, and nobody
 * to tell.
 */
export class ConnectionClosedError extends Error {
  /** The name of the web's own reason of an abort: frameworks look for it. */
  override readonly name = "AbortError";
}

const NO_BYTES = new Uint8Array(0);
/**
 * How long a client that has closed its side may be sent nothing until it
 * counts as gone, in milliseconds: it may still want its response.
 */
const HALF_CLOSED_TIMEOUT = 5_000;

/**
 * One connection as bytes: what has arrived on it, what is written to it, and
 * the time that either may take.
 *
 * There is no timer here. The server's clock looks at the deadlines a few times
 * a second: a late write closes the connection, and so does a late read, unless
 * it was begun with `fillBy`, which tells its caller.
 */
export class ConnectionIo {
  readonly #conn: Deno.Conn;
  #readDeadline = Infinity;
  /** Why the connection is closed then. */
  #lateness: EndReason = "timeout";
  #writeDeadline = Infinity;
  /** Tells who waits for the read deadline. */
  #tellLate: ((late: "timeout") => void) | null = null;
  #watcher: AbortController | null = null;
  /** Whether the watch pauses, as a body fills the memory for what arrives. */
  #isFull = false;
  /** When a client that has closed its side counts as gone. */
  #goneDeadline = Infinity;
  #isClosed = false;
  /** Who ended first, and how, as far as that is known. */
  #end: { by: "client" | "server"; how: EndReason } | null = null;
  /** Emits the events of the connection, if anybody listens. */
  readonly emit: Emit | undefined;
  /** The same for decisions about its request. */
  readonly decide: Decide | undefined;
  /** What the connections of a server share. */
  readonly server: IoContext;
  /** What has arrived and was not used yet. */
  readonly input: ReadBuffer;
  /** How many bytes of the present response were written. */
  written = 0;
  /** Whether the first of them were at least begun to be written. */
  isResponding = false;

  constructor(conn: Deno.Conn, server: IoContext) {
    this.#conn = conn;
    this.server = server;
    const emit = this.emit = server.startTrace?.();
    this.decide = emit &&
      ((step, finding) => emit({ type: "decision", step, finding }));
    this.input = new ReadBuffer(
      emit === undefined ? conn : { read: (view) => this.#read(view) },
      server.buffers.inputs.acquire(INPUT_BYTES),
    );
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
    return { ...addr, hostname: unmapped(addr.hostname) };
  }

  /** Waits for the handshake of TLS, where there is one. */
  async handshake(): Promise<void> {
    const conn = this.#conn;
    if (this.server.protocol === "https") {
      await (conn as Deno.TlsConn).handshake();
    }
  }

  /** Reads for a buffer, and tells what that gave. */
  async #read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const bytes = await this.#conn.read(view).catch(this.#fail);
    this.emit?.({ type: "read", bytes });
    if (bytes === null) this.#end ??= { by: "client", how: "close" };
    return bytes;
  }

  /**
   * Waits until others are served; reads on meanwhile, to notice if the client
   * leaves.
   *
   * @param ahead How many they are.
   * @param turn Settles when they are closed.
   * @returns False if the client has left.
   */
  async waitForTurn(ahead: number, turn: unknown): Promise<boolean> {
    const { input, emit, server: { limits } } = this;
    const began = performance.now();
    emit?.({ type: "waiting", remote: addressOf(this.remoteAddr), ahead });
    while (input.length <= limits.maxHeadBytes) {
      const arrived = await Promise.race([this.#fill(), turn]);
      if (arrived === false) return false;
      if (arrived !== true) break;
    }
    await turn;
    emit?.({ type: "turn", waited: performance.now() - began });
    return true;
  }

  /**
   * Waits for more bytes until a deadline.
   *
   * @returns False when the client has ended its side, or is gone: nothing more
   *   will come, and writing will tell which.
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

  /** Waits for a deadline; there is one at a time for what arrives. */
  waitUntil(deadline: number): Promise<"timeout"> {
    if (this.#isClosed) return Promise.resolve("timeout");
    const { promise, resolve } = Promise.withResolvers<"timeout">();
    this.#readDeadline = deadline;
    this.#tellLate = resolve;
    return promise;
  }

  /** Closes the connection at a deadline, unless another one is set. */
  closeAt(deadline: number, how: EndReason = "timeout"): void {
    this.#readDeadline = deadline;
    this.#lateness = how;
    this.#tellLate = null;
  }

  /** Changes the size of the memory for what arrives, while it is free. */
  resizeInput(bytes: number): void {
    const { input } = this;
    if (input.bytes.length === bytes) return;
    if (input.length > 0 || input.isFilling) return;
    const { inputs } = this.server.buffers;
    inputs.release(input.replace(inputs.acquire(bytes)));
  }

  /** Writes all of the bytes; the time for it starts anew when some went. */
  write(bytes: Uint8Array): Promise<void> {
    const { clock, limits } = this.server;
    this.#writeDeadline = clock.now + limits.writeTimeout;
    this.isResponding = true;
    return this.#conn.write(bytes).then((count) => {
      this.#writeDeadline = Infinity;
      this.written += count;
      this.emit?.({ type: "write", bytes: count });
      if (this.#goneDeadline !== Infinity) this.#expectGoing();
      if (count < bytes.length) return this.write(bytes.subarray(count));
    }, this.#fail);
  }

  /**
   * Writes a head and a body: in one piece where they fit, in memory that is
   * used again, since new memory for each takes 8 times as long.
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
    await this.#conn.closeWrite().catch(this.#fail);
    this.#end ??= { by: "server", how: "close" };
    this.emit?.({ type: "half-closed" });
  }

  /**
   * Makes a signal that aborts when the connection breaks, or when the client
   * has closed its side and was sent nothing for a while; reads on to notice
   * that.
   */
  watch(): AbortSignal {
    // A response that comes all the same, as a stream, may again be left
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
        this.#isFull = input.length > server.limits.maxHeadBytes;
        if (this.#isFull) return;
      }
      if (this.#isClosed) this.#watcher?.abort(closedError());
      else if (this.#watcher === watcher) this.#expectGoing();
    } catch {
      this.#watcher?.abort(closedError()); // reset
    }
  }

  #expectGoing(): void {
    this.#goneDeadline = this.server.clock.now + HALF_CLOSED_TIMEOUT;
  }

  /** Lets nobody be told any more, as the request is over. */
  unwatch(): void {
    this.#watcher = null;
    this.#goneDeadline = Infinity;
  }

  readonly #fail = (cause: unknown): never => {
    this.#end ??= { by: "client", how: "reset" };
    this.#watcher?.abort(closedError());
    const message = "Cannot use the connection: it is gone";
    throw new ConnectionClosedError(message, { cause });
  };

  /** Closes the connection if it is late. */
  checkDeadlines(now: number): void {
    if (this.#writeDeadline < now) this.close("timeout");
    if (this.#goneDeadline < now) {
      this.#goneDeadline = Infinity;
      this.#watcher?.abort(closedError());
    }
    if (this.#isFull && this.#watcher && this.input.length === 0) {
      this.#isFull = false;
      void this.#watch(this.#watcher); // the handler has taken of the body
    }
    if (this.#readDeadline >= now) return;
    this.#readDeadline = Infinity;
    if (this.#tellLate === null) this.close(this.#lateness);
    else this.#tellLate("timeout");
  }

  /** Looks once more for an end, so that a trace tells who was first. */
  async look(): Promise<void> {
    if (this.#isClosed || this.#end !== null) return;
    void this.#fill();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  /** Closes the connection at once, whatever is under way. */
  close(how: EndReason = "close"): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#tellLate?.("timeout");
    this.#watcher?.abort(closedError());
    this.emit?.({ type: "closed", by: "server", how, ...this.#end });
    this.#conn.close();
  }

  /** Gives its memory back once it is closed and nobody uses it any more. */
  release(): void {
    const { input } = this;
    if (input.isFilling) return; // the read may still write into it
    input.consume(input.length);
    this.server.buffers.inputs.release(input.replace(NO_BYTES));
  }
}

function closedError(): ConnectionClosedError {
  return new ConnectionClosedError("The client closed the connection");
}
