import type { HeaderFields } from "../message/header_fields.ts";
import {
  type BodySource,
  DecodedBody,
  decoderFor,
  listCodings,
} from "./_exchange/body.ts";
import type { Exchange } from "./_exchange/exchange.ts";
import type { Hop, Timings } from "./trace.ts";

/**
 * The largest body that `bytes()`, `text()` and `json()` hold in memory, if the
 * caller sets no limit.
 */
const MAX_BUFFERED_BYTES = 268_435_456;
/**
 * The most memory to allocate before any of the body has arrived, whatever
 * length the head announces.
 */
const FIRST_BLOCK_BYTES = 1_048_576;
/**
 * The size of a block of the stream. Up to this size the allocator reuses
 * memory; for a larger block it asks the system each time.
 */
const STREAM_BLOCK_BYTES = 131_072;
/** Closes the connection of an unread response that is garbage collected. */
const ABANDONED = new FinalizationRegistry<Exchange>((exchange) =>
  exchange.cancel()
);
/**
 * Creates the response of an exchange whose head has been read. If the whole
 * body has arrived too, it is taken at once; otherwise the exchange ends when
 * the body has been read.
 */
export async function openResponse(exchange: Exchange, hops: readonly Hop[]) {
  const { head, body, spec } = exchange;
  const { framing } = body;
  const { decode, maxBodyBytes: limit } = spec.options;
  // A range of a coded body cannot be decoded by itself
  const isCoded = decode && framing.kind !== "none" && head.status !== 206;
  const codings = isCoded ? listCodings(head.headers) : [];
  body.checkTotal();
  await exchange.takeBuffered();
  let source: BodySource = exchange;
  for (const coding of codings) {
    // Servers send no bytes for an empty body, whatever its coding
    const canBeEmpty = source === exchange && framing.kind !== "close";
    source = new DecodedBody(source, coding, { limit, canBeEmpty });
  }
  return new HttpClientResponse(exchange, hops, source);
}

/**
 * The response to a request. Disposing of it discards the rest of the body. If
 * the response arrived before the request was fully sent, disposing of it waits
 * for the rest of the request.
 *
 * @example Read a body once
 * ```ts
 * import { get, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   () => ({ status: 200, headers: { "X-Who": "Boo" }, body: "Boo who?" }),
 *   { port: 0 },
 * );
 *
 * await using response = await get(server.url);
 * assertEquals([response.status, response.ok], [200, true]);
 * assertEquals(response.headers.get("x-who"), "Boo");
 * assertEquals(await response.text(), "Boo who?");
 * assertEquals(response.end, "length");
 * ```
 *
 * @category Fetch
 */
export class HttpClientResponse implements AsyncDisposable {
  /** The version as sent: `1.0`, `1.1`, or another of major version 1. */
  readonly version: string;
  /** The status code. */
  readonly status: number;
  /** The reason phrase as sent. */
  readonly statusText: string;
  /** The fields as sent. */
  readonly headers: HeaderFields;
  /** The URL of the response, without username, password and fragment. */
  readonly url: string;
  /**
   * What marks the end of the body: its length, the close of the connection or
   * a last chunk; `"none"` if there is no body. With `"close"`, only TLS can
   * tell a complete body from one that was cut.
   */
  readonly end: "length" | "close" | "chunked" | "none";
  /** The address of the server, or of the proxy. */
  readonly remoteAddr: Deno.Addr;
  /** When each phase ended. */
  readonly timings: Timings;
  /** The exchanges before this one, which led to redirects. */
  readonly hops: readonly Hop[];
  /** Whether the content codings of the body are decoded. */
  readonly decoded: boolean;
  readonly #exchange: Exchange;
  readonly #source: BodySource;
  /** The number of bytes that `#source` gives; null if it is unknown. */
  readonly #length: number | null;
  readonly #limit: number;
  #stream: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  #used = false;
  #isDiscarded = false;

  /** @internal Only {@linkcode openResponse} creates responses. */
  constructor(
    exchange: Exchange,
    hops: readonly Hop[],
    source: BodySource,
  ) {
    const { head, body, spec, connection, attempt } = exchange;
    this.version = head.version;
    this.status = head.status;
    this.statusText = head.reason;
    this.headers = head.headers;
    this.url = spec.href;
    this.end = body.framing.kind;
    this.remoteAddr = connection.socket.remoteAddr;
    this.timings = attempt.stopwatch;
    this.hops = hops;
    this.decoded = source !== exchange;
    this.#exchange = exchange;
    this.#source = source;
    this.#length = this.decoded ? null : body.total;
    this.#limit = spec.options.maxBodyBytes ?? MAX_BUFFERED_BYTES;
    if (!body.ended) ABANDONED.register(this, exchange);
  }

  /** Whether the status is within 200 to 299. */
  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  /** Whether redirects were followed. */
  get redirected(): boolean {
    return this.hops.length > 0;
  }

  /**
   * Advice on this status, in words; null if there is none.
   */
  get hint(): string | null {
    return this.status === 426
      ? "the server, or a gateway in front of it, refuses HTTP/1.0, the only version of this client"
      : null;
  }

  /** Whether reading the body has begun. */
  get bodyUsed(): boolean {
    return this.#used;
  }

  /**
   * The body. It can be read once, through this or one of the methods;
   * cancelling it closes the connection.
   */
  get body(): ReadableStream<Uint8Array<ArrayBuffer>> {
    if (this.#stream === null && this.#used) throw usedError();
    return this.#stream ??= this.toStream((read) => read());
  }

  /** @internal Reads without a stream, which Deno is slow to load. */
  read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    if (this.#isDiscarded) throw usedError(); // its source may look complete
    this.#used = true;
    return this.#source.read(view);
  }

  /**
   * Reads the whole body.
   *
   * @returns The bytes, none if there is no body.
   * @throws {ClientError} If it is cut, late, damaged, or over a limit.
   * @throws {TypeError} If it was already read or discarded.
   */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#used || this.#stream?.locked) throw usedError();
    this.#used = true;
    const total = this.#length;
    if (total !== null && total > this.#limit) throw this.#tooLarge();
    const { body, rest } = this.#exchange;
    const isBuffered = body.ended && !this.decoded && this.#stream === null;
    if (isBuffered) return rest; // nothing else can read it
    let bytes = new Uint8Array(Math.min(total ?? 65_536, FIRST_BLOCK_BYTES));
    let size = 0;
    while (size !== total) {
      if (size === bytes.length) {
        bytes = new Uint8Array(bytes.buffer.transfer(total ?? size * 2));
      }
      const count = await this.read(bytes.subarray(size));
      if (count === null) break;
      size += count;
      if (size > this.#limit) throw this.#tooLarge();
    }
    return size === bytes.length ? bytes : bytes.slice(0, size);
  }

  /**
   * Reads the whole body as text, in the charset of its `Content-Type`, or else
   * in UTF-8.
   *
   * @returns The text.
   * @throws What {@linkcode HttpClientResponse.bytes} throws.
   */
  text(): Promise<string> {
    return this.#decode(this.headers.get("content-type"));
  }

  /**
   * Reads the whole body as JSON, whatever its `Content-Type` is.
   *
   * @returns The value.
   * @throws {SyntaxError} If it is not JSON.
   * @throws What {@linkcode HttpClientResponse.bytes} throws.
   */
  async json(): Promise<unknown> {
    return JSON.parse(await this.#decode(null));
  }

  /** Discards the rest of the body. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#used = this.#isDiscarded = true;
    this.#source.cancel();
    await this.#exchange.sending;
  }

  /** @internal Creates a stream of the body; a function runs each read. */
  toStream(
    run: (read: () => Promise<number | null>) => Promise<number | null>,
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    const size = Math.min(this.#length ?? Infinity, STREAM_BLOCK_BYTES);
    return new ReadableStream({
      type: "bytes",
      autoAllocateChunkSize: Math.max(size, 1),
      pull: async (controller) => {
        const request = controller.byobRequest!;
        const view = request.view as Uint8Array<ArrayBuffer>;
        const count = await run(() => this.read(view));
        if (count === null) controller.close();
        request.respond(count ?? 0);
      },
      cancel: () => {
        this.#used = true;
        this.#source.cancel();
      },
    });
  }

  /** Decodes the whole body, in the charset of a media type or in UTF-8. */
  async #decode(type: string | null): Promise<string> {
    const bytes = await this.bytes();
    const text = decoderFor(type).decode(bytes);
    bytes.buffer.transfer(0); // the garbage collector would free it much later
    return text;
  }

  #tooLarge(): Error {
    this.#source.cancel();
    const text = `Cannot hold body: it is over ${this.#limit} bytes`;
    return this.#exchange.connection.error("too-large", text);
  }
}

function usedError(): TypeError {
  return new TypeError("Cannot read body: it was read or discarded already");
}
