import { splitList } from "../../message/_octets.ts";
import { type ByteSource, ReadBuffer } from "../../message/_read_buffer.ts";
import { ChunkedDecoder } from "../../message/chunked.ts";
import type { BodyFraming } from "../../message/framing.ts";
import type { HeaderFields } from "../../message/header_fields.ts";
import type { Connection } from "../_connect/connection.ts";
import { ClientError, type ClientErrorCode } from "../error.ts";

/**
 * The maximum number of codings on one body; each can multiply the size of the
 * decoded data.
 */
const MAX_CODINGS = 5;
const BLOCK_BYTES = 65_536;
const CODINGS_REGEXP = /^(?:(?:x-)?gzip|deflate|br)$/;
/**
 * The charset as servers write it: with more spaces and fewer quotes than the
 * grammar allows.
 */
const CHARSET_REGEXP = /;\s*charset\s*=\s*["']?([\w.:-]+)/i;
/** What marks the end of a body, by its framing, in words. */
export const END_REASONS: Readonly<Record<BodyFraming["kind"], string>> = {
  none: "this response has no body",
  length: "as many as Content-Length announced",
  chunked: "the last chunk arrived",
  close: "the other side closed the connection, which ends a body of HTTP/1.0",
};

/** The source of a body's bytes; after the end `read` keeps returning null. */
export interface BodySource extends ByteSource {
  /** Discards the rest of the body. */
  cancel(): void;
}

/** Reads a body up to the end that its framing sets. */
export class BodyReader {
  /** Where the body ends. */
  readonly framing: BodyFraming;
  readonly #connection: Connection;
  readonly #decoder: ChunkedDecoder | null;
  readonly #limit: number;
  /** The error of a chunk, thrown after the data before it has been read. */
  #fault: { readonly error: unknown } | null = null;
  /** The number of bytes of the body read so far, without chunk lines. */
  received = 0;
  /** Whether the body has ended properly. */
  ended = false;

  /** @param limit The maximum number of bytes. */
  constructor(connection: Connection, framing: BodyFraming, limit = Infinity) {
    this.#connection = connection;
    this.framing = framing;
    this.#decoder = framing.kind === "chunked" ? new ChunkedDecoder() : null;
    this.#limit = limit;
  }

  /** @throws {ClientError} If the announced length is over the limit. */
  checkTotal(): void {
    if (this.total === null || this.total <= this.#limit) return;
    const how = `it has ${this.total} bytes, over the limit of ${this.#limit}`;
    throw this.#error("too-large", how);
  }

  /** The length of the body; null if the framing does not say. */
  get total(): number | null {
    if (this.framing.kind === "none") return 0;
    return this.framing.kind === "length" ? this.framing.length : null;
  }

  /** The number of bytes that are still to come; null if it is unknown. */
  get left(): number | null {
    return this.total === null ? null : this.total - this.received;
  }

  /** Whether nothing followed the body. */
  get isClean(): boolean {
    const { buffer, peerEnd } = this.#connection;
    return buffer.length === 0 &&
      (peerEnd === null || this.framing.kind === "close");
  }

  /** Takes the whole body if it has arrived already; null otherwise. */
  takeBuffered(): Uint8Array<ArrayBuffer> | null {
    const { buffer } = this.#connection;
    const { left } = this;
    if (left === null || left > buffer.length) return null;
    this.received += left;
    this.ended = true;
    return buffer.take(left);
  }

  /** Reads some bytes; returns null at the end. */
  async read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const room = view.subarray(0, this.left ?? view.length);
    const count = this.#decoder === null
      ? await this.#connection.readThrough(room)
      : await this.#readChunks(room, this.#decoder);
    if (count === null) this.#checkEnd();
    else this.received += count;
    if (this.received > this.#limit) {
      throw this.#error("too-large", `it is over ${this.#limit} bytes`);
    }
    this.ended = count === null || this.left === 0 ||
      this.#decoder?.done === true;
    return count;
  }

  /** Reads chunks, and moves their data to the front of the view. */
  async #readChunks(view: Uint8Array<ArrayBuffer>, decoder: ChunkedDecoder) {
    let size = 0;
    while (size === 0 && !decoder.done) {
      if (this.#fault !== null) throw this.#fault.error;
      const count = await this.#connection.readThrough(view);
      if (count === null) return null;
      const parts: Uint8Array[] = [];
      try {
        decoder.push(view.subarray(0, count), parts);
      } catch (error) {
        this.#fault = { error };
      }
      for (const part of parts) {
        view.set(part, size);
        size += part.length;
      }
    }
    return size === 0 ? null : size;
  }

  /** Checks whether the end of the connection also ends this body. */
  #checkEnd(): void {
    const { received, total } = this;
    if (total !== null || this.#decoder?.done === false) {
      const place = total === null
        ? `before its last chunk, after ${received} bytes`
        : `after ${received} of ${total} bytes`;
      throw this.#error("truncated", `the connection was closed ${place}`);
    }
    if (this.#connection.peerEnd === "truncated") {
      // An attacker may have cut the connection (RFC 9112 section 9.8)
      const reason = "TLS ended without close_notify, so more may be missing";
      throw this.#error("reset", `after ${received} bytes ${reason}`);
    }
  }

  #error(code: ClientErrorCode, reason: string): ClientError {
    return this.#connection.error(code, `Cannot read body: ${reason}`);
  }
}

/**
 * Lists the content codings to remove, outermost first.
 *
 * @returns The codings; none if one is unknown, and the caller then gets the
 *   body as it is, with its `Content-Encoding`.
 * @throws {ClientError} If there are too many.
 */
export function listCodings(headers: HeaderFields): string[] {
  const value = headers.get("content-encoding")?.toLowerCase() ?? "";
  const codings = splitList(value).filter((coding) => coding !== "identity")
    .reverse();
  if (codings.length > MAX_CODINGS) {
    throw new ClientError(
      `Cannot decode body: ${codings.length} codings, but only ${MAX_CODINGS} are allowed`,
      { code: "coding", step: "exchange" },
    );
  }
  return codings.every((coding) => CODINGS_REGEXP.test(coding)) ? codings : [];
}

/** Removes one coding from a body while it is read. */
export class DecodedBody implements BodySource {
  readonly #source: BodySource;
  readonly #limit: number;
  readonly #chunks: AsyncGenerator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #decoded = 0;

  /**
   * @param limit The maximum number of decoded bytes.
   * @param canBeEmpty Whether no bytes at all are a complete body: servers send
   *   none for an empty body, whatever its coding.
   */
  constructor(
    source: BodySource,
    coding: string,
    { limit = Infinity, canBeEmpty = false },
  ) {
    this.#source = source;
    this.#limit = limit;
    this.#chunks = decode(source, coding, canBeEmpty);
  }

  async read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    try {
      while (this.#chunk.length === 0) {
        const { value, done } = await this.#chunks.next();
        if (done) return null;
        this.#chunk = value;
      }
      const piece = this.#chunk.subarray(0, view.length);
      view.set(piece);
      this.#chunk = this.#chunk.subarray(piece.length);
      this.#decoded += piece.length;
      if (this.#decoded <= this.#limit) return piece.length;
      throw new ClientError(
        `Cannot read body: it is over ${this.#limit} bytes when decoded`,
        { code: "too-large", step: "exchange" },
      );
    } catch (error) {
      this.cancel();
      throw error;
    }
  }

  cancel(): void {
    this.#source.cancel();
    // The generator ends with the error of the cancelled source
    this.#chunks.return(undefined).catch(() => {});
  }
}

async function* decode(
  source: BodySource,
  coding: string,
  canBeEmpty: boolean,
): AsyncGenerator<Uint8Array> {
  const input = new ReadBuffer(source, new Uint8Array(BLOCK_BYTES));
  if (!await input.fill() && canBeEmpty) return;
  // Node's decoders and their modules load slowly
  const { decodeCoding } = await import("./zlib.ts");
  yield* decodeCoding(input, coding);
}

/**
 * Creates a decoder for the charset that a media type names; UTF-8 if it names
 * none or an unknown one.
 */
export function decoderFor(type: string | null): TextDecoder {
  const charset = CHARSET_REGEXP.exec(type ?? "")?.[1];
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder(); // it has no such charset
  }
}
