import { addBrackets } from "../../url/ip_address.ts";
import type { Act } from "./deadline.ts";
import {
  ClientError,
  type ClientErrorCode,
  type ClientStep,
} from "../error.ts";

/** The size of the buffer for heads; a longer head makes it grow. */
const BUFFER_SIZE = 4_096;

/** A connected socket, and what has been read from it but not yet used. */
export class Connection {
  /** The socket: TCP, TLS or unix. */
  readonly socket: Deno.Conn;
  /** Host and port that were asked for, for messages. */
  readonly host: string;
  readonly port: number;
  /** What it is used for, for messages. */
  step: ClientStep = "exchange";
  /** How many requests have been sent over it. */
  uses = 0;
  /** When it was last used. */
  idleSince = 0;
  /**
   * How the other side ended it: in the right way, or without the close_notify
   * of TLS; null while it has not.
   */
  ended: "clean" | "unclean" | null = null;
  /** Bytes that were read; those from `start` to `end` are not used yet. */
  buffer: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_SIZE);
  start = 0;
  end = 0;
  #closed = false;

  constructor(socket: Deno.Conn, host: string, port: number) {
    this.socket = socket;
    this.host = host;
    this.port = port;
  }

  /** The socket's own address. */
  get local(): string {
    return writeSocketAddress(this.socket.localAddr);
  }

  /** The address of the other side. */
  get remote(): string {
    return writeSocketAddress(this.socket.remoteAddr);
  }

  /** Reads more into the buffer; false when the other side has ended. */
  async fill(): Promise<boolean> {
    if (this.start === this.end) this.start = this.end = 0;
    else if (this.end === this.buffer.length) this.#makeRoom();
    const room = this.end === 0 ? this.buffer : this.buffer.subarray(this.end);
    const count = await this.#receive(room);
    this.end += count ?? 0;
    return count !== null;
  }

  /**
   * Takes all bytes that were read and not used; they stay valid until the next
   * `fill`.
   */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.buffer.subarray(this.start, this.end);
    this.start = this.end;
    return bytes;
  }

  /**
   * Reads into a view: first what the buffer holds, then from the socket; null
   * when the other side has ended.
   */
  read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    if (this.start === this.end) return this.#receive(view);
    const count = Math.min(view.length, this.end - this.start);
    view.set(this.buffer.subarray(this.start, this.start + count));
    this.start += count;
    return Promise.resolve(count);
  }

  /** Writes all the bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += await this.socket.write(bytes.subarray(written));
    }
  }

  /** Closes the socket; what waits on it rejects. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.socket.close();
  }

  /** Names what is done with this connection, for its deadline. */
  act(text: string): Act {
    const { host, port } = this;
    return { text: `${text}, ${host}:${port}`, step: this.step, host, port };
  }

  /** Makes an error about this connection. */
  error(
    code: ClientErrorCode,
    message: string,
    cause?: unknown,
  ): ClientError {
    const { host, port, step } = this;
    const { remoteAddr } = this.socket;
    const address = "hostname" in remoteAddr
      ? remoteAddr.hostname
      : this.remote;
    return new ClientError(message, { code, step, host, port, address, cause });
  }

  async #receive(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    try {
      const count = await this.socket.read(view);
      if (count === null) this.ended = "clean";
      return count;
    } catch (error) {
      if (!(error instanceof Deno.errors.UnexpectedEof)) throw error;
      this.ended = "unclean"; // TLS without close_notify (RFC 8446 section 6.1)
      return null;
    }
  }

  #makeRoom(): void {
    const bytes = this.buffer.subarray(this.start, this.end);
    if (this.start === 0) {
      this.buffer = new Uint8Array(this.buffer.length * 2);
    }
    this.buffer.set(bytes);
    this.end -= this.start;
    this.start = 0;
  }
}

/** Writes an IP address and a port as in a URL. */
export function writeAddress(address: string, port: number): string {
  return `${addBrackets(address)}:${port}`;
}

function writeSocketAddress(address: Deno.Addr): string {
  if (address.transport === "unix") return address.path;
  const { hostname, port } = address as Deno.NetAddr;
  return writeAddress(hostname, port);
}

/** Says in words why a connection broke while it was used. */
export function whyBroken(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionReset) {
    return "the other side reset the connection";
  }
  if (error instanceof Deno.errors.BrokenPipe) {
    return "the other side has closed the connection";
  }
  const { message } = error as Error;
  return message.includes("CertificateRequired") // TLS 1.3 tells it only after the handshake
    ? "the other side wants a client certificate: give cert and key"
    : message;
}
