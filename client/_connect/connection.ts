import { type ByteSource, ReadBuffer } from "../../message/_read_buffer.ts";
import { MessageError, type MessageErrorCode } from "../../message/error.ts";
import {
  type ResponseHead,
  type ResponseHeadLimits,
  ResponseHeadParser,
} from "../../message/response_head.ts";
import { addBrackets } from "../../url/host.ts";
import {
  ClientError,
  type ClientErrorCode,
  describeIoError,
} from "../error.ts";
import type { Emit } from "../trace.ts";
import { type Operation, waitAtMost } from "./deadline.ts";

/** The initial size of the read buffer, which grows for a longer head. */
const BUFFER_BYTES = 4_096;
const TLS_HINT = "; it looks like TLS: maybe the URL should begin with https:";
const HTTP2_HINT = "; it looks like HTTP/2, which this client does not speak";
/**
 * Hints by the first octet of a response. A TLS server first sends an alert or
 * its handshake (RFC 8446 section 5.1); one of HTTP/2 sends its settings, whose
 * length has three octets (RFC 9113 section 4.1).
 */
const HINTS = new Map([[0, HTTP2_HINT], [0x15, TLS_HINT], [0x16, TLS_HINT]]);
const SILENCE_HINT =
  "; a TLS server does that too: maybe the URL should begin with https:";
/** The client's codes for errors of the parsers; `malformed` for the rest. */
const CODES: Partial<Record<MessageErrorCode, ClientErrorCode>> = {
  "too-large": "head-too-large",
  "transfer-encoding": "coding",
};
/** The maximum number of interim responses to skip. */
export const MAX_INTERIM = 10;
/** The number of parts into which a rate limit divides a second. */
const PARTS_PER_SECOND = 10;
/** The ways in which the other side can end a connection, in words. */
const PEER_ENDS = {
  closed: "it closed its side first",
  reset: "it reset the connection",
  /** TLS without close_notify (RFC 8446 section 6.1). */
  truncated: "its end was read, without the close_notify of TLS",
};

/** A connected socket, and the bytes read from it but not yet consumed. */
export class Connection implements ByteSource {
  /** The socket: TCP, TLS or unix. */
  readonly socket: Deno.Conn;
  /** The host, port and step that errors name. */
  readonly #context: Omit<Operation, "text">;
  /** The bytes read but not yet consumed. */
  readonly buffer: ReadBuffer;
  /** The maximum rate of each direction, in bytes per second. */
  maxRate = Infinity;
  /** The times at which all bytes so far are due at this rate. */
  readonly #due = { read: 0, write: 0 };
  /** The number of requests sent over it. */
  uses = 0;
  /** The time since which it has been idle; null while it is in use. */
  idleSince: number | null = null;
  /** The key of the routes that it can serve; empty before it is first kept. */
  poolKey = "";
  /** Emits the events of the socket; undefined if nobody listens. */
  emit: Emit | undefined = undefined;
  /**
   * How the other side ended the connection; null if it has not, or if this
   * side closed first.
   */
  peerEnd: keyof typeof PEER_ENDS | null = null;
  /** The error that the socket failed with. */
  #failure: unknown = null;
  #closed = false;

  constructor(socket: Deno.Conn, context: Omit<Operation, "text">) {
    this.socket = socket;
    this.#context = context;
    this.buffer = new ReadBuffer(this, new Uint8Array(BUFFER_BYTES));
  }

  /** Whether another request can be sent over it. */
  get isUsable(): boolean {
    return !this.#closed && this.peerEnd === null && this.buffer.length === 0;
  }

  get #isTls(): boolean {
    return "handshake" in this.socket;
  }

  /** The address of the other side. */
  get remote(): string {
    return writeSocketAddress(this.socket.remoteAddr);
  }

  /** The addresses of both sides. */
  get addresses(): { readonly local: string; readonly remote: string } {
    const local = writeSocketAddress(this.socket.localAddr);
    return { local, remote: this.remote };
  }

  /** Reads from the socket; returns null at the end of the stream. */
  async read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    let bytes: number | null = null;
    try {
      bytes = await this.socket.read(this.#limitSize(view));
      if (bytes === null) this.peerEnd = "closed";
    } catch (error) {
      this.recordFailure(error);
      if (this.peerEnd !== "truncated") throw error;
    }
    this.emit?.({ type: "read", bytes, encrypted: this.#isTls });
    if (bytes && this.maxRate < Infinity) await this.#pace("read", bytes);
    return bytes;
  }

  /**
   * Records an error of the socket, which may show that the other side has
   * ended the connection.
   */
  recordFailure(error: unknown): void {
    this.#failure = error;
    if (this.#closed) return;
    const { name, code } = Object(error);
    if (name === "UnexpectedEof") this.peerEnd = "truncated";
    if (code === "ECONNRESET" || code === "EPIPE") this.peerEnd = "reset";
  }

  /**
   * Checks whether more has already arrived, such as the other side's end. Does
   * nothing if nobody listens, since it takes a moment.
   */
  async peek(): Promise<void> {
    if (this.peerEnd !== null || this.emit === undefined) return;
    await waitAtMost(0, this.buffer.fill()).catch((error) => {
      if (error !== this.#failure) throw error;
    });
  }

  /** Reads from the buffer, or from the socket once the buffer is empty. */
  readThrough(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const { buffer } = this;
    if (buffer.length === 0) return this.read(view);
    const count = Math.min(view.length, buffer.length);
    view.set(buffer.bytes.subarray(buffer.start, buffer.start + count));
    buffer.consume(count);
    return Promise.resolve(count);
  }

  /**
   * Reads one head. The bytes after it stay in the buffer.
   *
   * @returns The head; null if the connection ends before its first byte.
   * @throws {MessageError} If the bytes are not a head.
   * @throws {ClientError} If the connection ends within the head.
   */
  async readHead(limits: ResponseHeadLimits): Promise<ResponseHead | null> {
    const { buffer } = this;
    const parser = new ResponseHeadParser(limits);
    do {
      const head = parser.parse(buffer.bytes, buffer.start, buffer.end);
      if (head !== null) {
        buffer.consume(head.size);
        return head;
      }
    } while (await buffer.fill());
    if (buffer.length === 0) return null;
    const how = `it ends within its head, after ${buffer.length} bytes`;
    throw this.error("truncated", `Cannot read response: ${how}`);
  }

  /**
   * Leaves the connection idle, with a read pending. A server has nothing to
   * send now, so anything that arrives closes the connection: it must not be
   * read as the next response. The idle socket does not keep a program running.
   */
  park(now: number): void {
    this.emit = undefined;
    this.idleSince = now;
    this.buffer.fill().then(this.#endIfIdle, this.#endIfIdle);
    this.socket.unref();
  }

  /** Ends the idle time; `readHead` continues with the pending read. */
  unpark(): void {
    this.idleSince = null;
    this.socket.ref();
  }

  readonly #endIfIdle = (): void => {
    if (this.idleSince !== null) this.close();
  };

  /**
   * Writes all the bytes.
   *
   * @returns Null, or the error of the socket. The caller should still read: a
   *   response may have arrived before the error.
   */
  async write(bytes: Uint8Array): Promise<Error | null> {
    let count = 0;
    for (let rest = bytes; rest.length > 0; rest = rest.subarray(count)) {
      try {
        count = await this.socket.write(this.#limitSize(rest));
      } catch (error) {
        this.recordFailure(error);
        return error as Error;
      }
      this.emit?.({ type: "write", bytes: count, encrypted: this.#isTls });
      if (this.maxRate < Infinity) await this.#pace("write", count);
    }
    return null;
  }

  /** Returns as many bytes as the rate allows in one part of a second. */
  #limitSize(bytes: Uint8Array): Uint8Array {
    return this.maxRate === Infinity
      ? bytes
      : bytes.subarray(0, Math.ceil(this.maxRate / PARTS_PER_SECOND));
  }

  /** Waits until this many more bytes are due. */
  async #pace(direction: "read" | "write", bytes: number): Promise<void> {
    const now = performance.now();
    const begin = Math.max(this.#due[direction], now);
    const due = this.#due[direction] = begin + bytes / this.maxRate * 1000;
    await new Promise((done) => setTimeout(done, due - now));
  }

  /**
   * Closes the socket; pending reads and writes reject. A socket in a handshake
   * of TLS stays open until the other side closes: Deno has no way to close it.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.socket.close();
    } catch (error) {
      // BadResource: TLS has taken it over
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /**
   * Step 5: closes the connection, and reports which side closed first.
   *
   * @param reason Why this side closes.
   * @returns If somebody listens, a promise that resolves once the socket is
   *   closed, and a pending read has failed.
   */
  end(reason: string): Promise<void> | undefined {
    const { peerEnd, emit } = this;
    this.close();
    if (emit === undefined) return undefined;
    this.emit = undefined;
    const by = peerEnd === null ? "client" : "server";
    const cause = peerEnd === null ? reason : PEER_ENDS[peerEnd];
    emit({ type: "closed", remote: this.remote, by, reason: cause });
    return this.buffer.fill().then(() => {}, () => {});
  }

  /** Describes an operation on this connection, whose host is to follow. */
  operation(text: string): Operation {
    return { text, ...this.#context };
  }

  /** A hint for a connection that ends before its first byte; "" for none. */
  get silenceHint(): string {
    return this.buffer.length === 0 && !this.#isTls ? SILENCE_HINT : "";
  }

  /** Creates an error about this connection. */
  error(code: ClientErrorCode, message: string, cause?: unknown): ClientError {
    const { remoteAddr: peer } = this.socket;
    const address = "hostname" in peer ? peer.hostname : this.remote;
    return new ClientError(message, { code, ...this.#context, address, cause });
  }

  /**
   * Converts errors of the socket and the parsers to errors about this
   * connection; others stay as they are.
   *
   * @param error The error that was thrown.
   * @param received The number of body bytes that had arrived; null if the
   *   error occurred before the body.
   */
  toClientError(error: unknown, received: number | null): unknown {
    const isHead = received === null;
    if (error instanceof MessageError) {
      const { bytes, start } = this.buffer;
      const isCoding = error.code === "transfer-encoding";
      const code = (isHead || isCoding) && CODES[error.code] || "malformed";
      const hint = isHead && HINTS.get(bytes[start]!) || "";
      return this.error(code, error.message + hint, error);
    }
    if (error !== this.#failure) return error;
    const reason = describeIoError(error);
    const message = isHead
      ? `Cannot read response: ${reason}${this.silenceHint}`
      : `Cannot read body: ${reason} after ${received} bytes`;
    return this.error("reset", message, error);
  }
}

/** Writes an IP address and a port as in a URL. */
export function writeAddress(address: string, port: number): string {
  return `${addBrackets(address)}:${port}`;
}

function writeSocketAddress(address: Deno.Addr): string {
  // The client's end of a unix socket has no path, despite the type
  if (address.transport === "unix") return address.path ?? "a unix socket";
  const { hostname, port } = address as Deno.NetAddr;
  return writeAddress(hostname, port);
}
