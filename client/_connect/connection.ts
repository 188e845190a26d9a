import { type ByteSource, ReadBuffer } from "../../message/_read_buffer.ts";
import { MessageError, type MessageErrorCode } from "../../message/error.ts";
import type {
  ResponseHead,
  ResponseHeadParser,
} from "../../message/response_head.ts";
import { addBrackets } from "../../url/host.ts";
import {
  ClientError,
  type ClientErrorCode,
  type ClientStep,
  describeIoError,
} from "../error.ts";
import type { Route } from "../route.ts";
import type { Emit } from "../trace.ts";
import type { Operation } from "./deadline.ts";

/** The size of the buffer for heads; a longer head makes it grow. */
const BUFFER_BYTES = 4_096;
/**
 * The record types that TLS begins with: alert and handshake (RFC 8446 section
 * 5.1).
 */
const TLS_RECORDS = [0x15, 0x16];
const TLS_HINT = "; it looks like TLS: maybe the URL has to begin with https:";
const SILENCE_HINT =
  "; so does a server of TLS: maybe the URL begins with https:";
/** What errors of the parsers are for the client, but for malformed ones. */
const CODES: Partial<Record<MessageErrorCode, ClientErrorCode>> = {
  "too-large": "head-too-large",
  "target-too-long": "head-too-large",
  "transfer-encoding": "coding",
};
/** How many interim responses are skipped. */
export const MAX_INTERIM = 10;
/** Into how many parts a second is divided where the rate is limited. */
const MOMENTS = 10;
/** How the other side can end a connection, in words. */
const CLEAN_END = "its end was read before this side closed";
const RESET = "it reset the connection";
/** TLS without close_notify (RFC 8446 section 6.1). */
export const UNCLEAN_END = "its end was read, without the close_notify of TLS";

/** A connected socket, and what has been read from it but not yet used. */
export class Connection implements ByteSource {
  /** The socket: TCP, TLS or unix. */
  readonly socket: Deno.Conn;
  /** What was asked for, and the step that it is used for, for messages. */
  readonly #place: Pick<Route, "host" | "port"> & { step: ClientStep };
  /** What was read and not yet used. */
  readonly buffer: ReadBuffer;
  /** How many bytes a second may go over it. */
  maxRate = Infinity;
  /** When what has gone over it was due. */
  #due = 0;
  /** How many requests have been sent over it. */
  uses = 0;
  /** Since when it has been idle; null while it is used. */
  idleSince: number | null = null;
  /** The key of the routes that it was last kept for. */
  keptFor = "";
  /** Emits what the socket does; undefined while nobody listens. */
  emit: Emit | undefined = undefined;
  /**
   * How the other side ended it, in words; null while it has not, or where this
   * side was first.
   */
  ended: string | null = null;
  /** What the socket failed with. */
  #failure: unknown = null;
  #closed = false;

  constructor(
    socket: Deno.Conn,
    { host, port }: Pick<Route, "host" | "port">,
    step: ClientStep = "exchange",
  ) {
    this.socket = socket;
    this.#place = { host, port, step };
    this.buffer = new ReadBuffer(this, new Uint8Array(BUFFER_BYTES));
  }

  /** Whether another request can be sent over it. */
  get isUsable(): boolean {
    return !this.#closed && this.ended === null && this.buffer.length === 0;
  }

  get #isTls(): boolean {
    return "handshake" in this.socket;
  }

  /** The address of the other side. */
  get remote(): string {
    return writeSocketAddress(this.socket.remoteAddr);
  }

  /** The addresses of both sides. */
  get ends(): { readonly local: string; readonly remote: string } {
    const local = writeSocketAddress(this.socket.localAddr);
    return { local, remote: this.remote };
  }

  /** Reads from the socket; null when the other side has ended. */
  async read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    let bytes: number | null = null;
    try {
      bytes = await this.socket.read(this.#share(view));
      if (bytes === null) this.ended = CLEAN_END;
    } catch (error) {
      this.fail(error);
      if (this.ended !== UNCLEAN_END) throw error;
    }
    this.emit?.({ type: "read", bytes, encrypted: this.#isTls });
    if (bytes !== null && this.maxRate < Infinity) await this.#pace(bytes);
    return bytes;
  }

  /**
   * Notes what the socket failed with, from which may follow that the other
   * side has ended it.
   */
  fail(error: unknown): void {
    this.#failure = error;
    if (this.#closed) return;
    const { name, code } = Object(error);
    if (name === "UnexpectedEof") this.ended = UNCLEAN_END;
    if (code === "ECONNRESET" || code === "EPIPE") this.ended = RESET;
  }

  /**
   * Looks whether more has come already, such as the other side's end. Where
   * nobody listens there is no look, since it takes a turn of the event loop.
   */
  async look(): Promise<void> {
    if (this.ended !== null || this.emit === undefined) return;
    await Promise.race([this.buffer.fill(), turn()]).catch((error) => {
      if (error !== this.#failure) throw error;
    });
  }

  /** Reads what the buffer holds; once it is empty, from the socket. */
  readThrough(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const { buffer } = this;
    if (buffer.length === 0) return this.read(view);
    const count = Math.min(view.length, buffer.length);
    view.set(buffer.bytes.subarray(buffer.start, buffer.start + count));
    buffer.consume(count);
    return Promise.resolve(count);
  }

  /**
   * Reads one head. What follows it stays in the buffer.
   *
   * @returns The head; null when the other side has ended before a byte of it.
   * @throws {MessageError} If it is no head.
   * @throws {ClientError} If the connection ends within it.
   */
  async readHead(parser: ResponseHeadParser): Promise<ResponseHead | null> {
    const { buffer } = this;
    do {
      const head = parser.parse(buffer.bytes, buffer.start, buffer.end);
      if (head !== null) {
        buffer.consume(head.size);
        return head;
      }
    } while (await buffer.fill());
    if (buffer.length === 0) return null;
    throw this.error(
      "truncated",
      `Cannot read response: it ends within its head, after ${buffer.length} bytes`,
    );
  }

  /**
   * Leaves the connection idle, with a read under way: a server has nothing to
   * say now, so whatever comes, its end included, ends the connection. It must
   * not be taken for the next response. A program does not wait for this.
   */
  park(now: number): void {
    this.emit = undefined;
    this.idleSince = now;
    this.buffer.fill().then(this.#endIfIdle, this.#endIfIdle);
    this.socket.unref();
  }

  /** Takes it into use again; `readHead` goes on with the read under way. */
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
   * @returns What the socket failed with, which is no reason not to read: a
   *   response may have come before; null when it has taken all.
   */
  async write(bytes: Uint8Array): Promise<Error | null> {
    let count = 0;
    for (let rest = bytes; rest.length > 0; rest = rest.subarray(count)) {
      try {
        count = await this.socket.write(this.#share(rest));
      } catch (error) {
        this.fail(error);
        return error as Error;
      }
      this.emit?.({ type: "write", bytes: count, encrypted: this.#isTls });
      if (this.maxRate < Infinity) await this.#pace(count);
    }
    return null;
  }

  /** The part of some bytes that may go within a moment. */
  #share<Memory extends ArrayBufferLike>(
    bytes: Uint8Array<Memory>,
  ): Uint8Array<Memory> {
    return this.maxRate === Infinity
      ? bytes
      : bytes.subarray(0, Math.ceil(this.maxRate / MOMENTS));
  }

  /** Waits until so many bytes more are due. */
  async #pace(bytes: number): Promise<void> {
    const now = performance.now();
    this.#due = Math.max(this.#due, now) + bytes / this.maxRate * 1000;
    await new Promise((done) => setTimeout(done, this.#due - now));
  }

  /** Closes the socket, so that waiting for it rejects. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.socket.close();
  }

  /**
   * Step 5: closes it, and tells who did so first.
   *
   * @param reason That of this side.
   * @returns Where somebody listens, what resolves once it is closed: a read
   *   that is under way holds it for a turn of the event loop.
   */
  end(reason: string): Promise<void> | undefined {
    const { ended, emit } = this;
    this.close();
    if (emit === undefined) return undefined;
    this.emit = undefined;
    const { remote } = this;
    const by = ended === null ? "client" : "server";
    emit({ type: "closed", remote, by, reason: ended ?? reason });
    return turn();
  }

  /** Describes an operation over this connection. */
  operation(text: string): Operation {
    const { host, port } = this.#place;
    return { text: `${text}, ${host}:${port}`, ...this.#place };
  }

  /** What may be wrong where it ends before a byte has come; "" for nothing. */
  get silenceHint(): string {
    const isSilent = this.uses === 1 && this.buffer.length === 0;
    return isSilent && !this.#isTls ? SILENCE_HINT : "";
  }

  /** Makes an error about this connection. */
  error(
    code: ClientErrorCode,
    message: string,
    cause?: unknown,
  ): ClientError {
    const { remoteAddr } = this.socket;
    const address = "hostname" in remoteAddr
      ? remoteAddr.hostname
      : this.remote;
    return new ClientError(message, { code, ...this.#place, address, cause });
  }

  /**
   * Turns errors of the socket and of the parsers into errors about this
   * connection; others stay as they are.
   *
   * @param error What was thrown.
   * @param received How many bytes of a body had come; null within the head.
   */
  explain(error: unknown, received: number | null): unknown {
    const isHead = received === null;
    if (error instanceof MessageError) {
      const isTls = isHead &&
        TLS_RECORDS.includes(this.buffer.bytes[this.buffer.start]!);
      const isCoding = error.code === "transfer-encoding";
      const code = (isHead || isCoding) && CODES[error.code] || "malformed";
      const hint = isTls ? TLS_HINT : "";
      return this.error(code, error.message + hint, error);
    }
    if (error !== this.#failure) return error;
    const why = describeIoError(error);
    return this.error(
      "reset",
      isHead
        ? `Cannot read response: ${why}${this.silenceHint}`
        : `Cannot read body: ${why} after ${received} bytes`,
      error,
    );
  }
}

/** Waits for a turn of the event loop, in which sockets tell what came. */
export function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

/** Writes an IP address and a port as in a URL. */
export function writeAddress(address: string, port: number): string {
  return `${addBrackets(address)}:${port}`;
}

function writeSocketAddress(address: Deno.Addr): string {
  // This side of it has no path, whatever the type says
  if (address.transport === "unix") return address.path ?? "a unix socket";
  const { hostname, port } = address as Deno.NetAddr;
  return writeAddress(hostname, port);
}
