import { BODY_INPUT_BYTES } from "./_connection/resources.ts";
import type { ConnectionIo } from "./_connection/connection_io.ts";

/**
 * Why a request body could not be read.
 *
 * @example A message of your own
 * ```ts
 * import { type BodyErrorCode, post, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const words: Partial<Record<BodyErrorCode, string>> = {
 *   "malformed": "It is not JSON",
 * };
 * await using server = serve(async (request) => {
 *   const error = await request.json().catch((error) => error);
 *   const { code } = error as { code: BodyErrorCode };
 *   return { status: 200, body: words[code] ?? "Try again" };
 * }, { port: 0 });
 * assertEquals(await (await post(server.url, "{")).text(), "It is not JSON");
 * ```
 *
 * @category Serve
 */
export type BodyErrorCode =
  | "too-large"
  | "cut-short"
  | "taken"
  | "timeout"
  | "malformed";

/** The status for each code; 400 for codes that are not listed. */
const STATUS_BY_CODE: Partial<Record<BodyErrorCode, number>> = {
  "too-large": 413,
  "taken": 500,
  "timeout": 408,
};

/**
 * The error of a request body that could not be read. If the handler does not
 * catch it, the response has its `status`.
 *
 * @example A response of your own
 * ```ts
 * import { BodyError, post, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(async (request) => {
 *   try {
 *     return Response.json(await request.json());
 *   } catch (error) {
 *     if (!(error instanceof BodyError)) throw error;
 *     return { status: error.status, body: `No, ${error.code}` };
 *   }
 * }, { port: 0 });
 *
 * const response = await post(server.url, "{");
 * assertEquals(response.status, 400);
 * assertEquals(await response.text(), "No, malformed");
 * ```
 *
 * @category Serve
 */
export class BodyError extends Error {
  /** The name of this class of errors. */
  override readonly name = "BodyError";
  /**
   * What is wrong: it is over the limit, ended too soon, was read twice, came
   * too slowly, or is not JSON.
   */
  readonly code: BodyErrorCode;
  /** The status for the response. */
  readonly status: number;

  /**
   * Makes an error.
   *
   * @param code What is wrong.
   * @param message What was expected.
   * @param options The original error, as `cause`.
   */
  constructor(code: BodyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.status = STATUS_BY_CODE[code] ?? 400;
  }
}

const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");

/**
 * The body of a request: as many bytes after the head as its Content-Length
 * says, which can be taken once.
 */
export class RequestBody {
  readonly #io: ConnectionIo;
  readonly #length: number;
  #deadline: number;
  #isTaken = false;
  #isAbandoned = false;
  #stream: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  /** Whether the client waits for a `100 Continue`, or did not send it all. */
  isHeldBack: boolean;
  /** The number of bytes that have not been read yet. */
  left: number;

  /**
   * Makes the body once the head has been read.
   *
   * @param io Where the bytes come from.
   * @param length The Content-Length.
   * @param isHeldBack Whether the client waits for a `100 Continue`.
   */
  constructor(io: ConnectionIo, length: number, isHeldBack: boolean) {
    this.#io = io;
    this.isHeldBack = isHeldBack;
    this.#length = this.left = length;
    this.#deadline = io.server.clock.now + io.server.limits.bodyTimeout;
  }

  /** Reads the next bytes of the body; null at its end. */
  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.left === 0) return null;
    this.#checkNotAbandoned();
    const { input } = this.#io;
    if (input.length > 0) this.isHeldBack = false;
    else await this.#sendContinue();
    // watch() may have read some of it meanwhile
    if (input.length === 0) await this.#fillInput();
    const bytes = input.take(Math.min(this.left, input.length));
    this.left -= bytes.length;
    this.#deadline += bytes.length; // each byte adds a millisecond
    return bytes;
  }

  /**
   * Sends a `100 Continue` if the client waits for one (RFC 9110 section
   * 10.1.1). HTTP/1.0 has no such line, so it says HTTP/1.1: clients refuse any
   * other.
   */
  async #sendContinue(): Promise<void> {
    if (!this.isHeldBack || this.#io.hasBegunWriting) return;
    this.isHeldBack = false;
    await this.#io.write(CONTINUE);
    this.#io.responseBytes = 0; // a 100 is not part of it
  }

  async #fillInput(): Promise<void> {
    this.#io.resizeInput(BODY_INPUT_BYTES);
    const arrived = await this.#io.fillBy(this.#deadline);
    this.#checkNotAbandoned();
    if (arrived === true) return;
    this.isHeldBack = true;
    if (arrived === "timeout") throw failure("timeout", "it comes too slowly");
    const state = `ended ${this.left} of ${this.#length} bytes too soon`;
    throw failure("cut-short", state);
  }

  /**
   * Returns the body as a stream, always the same one; its first read takes the
   * body.
   */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#stream ??= ReadableStream.from(this.#parts());
  }

  async *#parts() {
    this.#take();
    for (let part; (part = await this.read()) !== null;) yield part;
  }

  /** Reads the whole body; its memory grows only with what arrives. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    this.#take();
    // The system allocates memory only when it is written to
    const whole = new Uint8Array(this.#length);
    for (let part; (part = await this.read()) !== null;) {
      whole.set(part, this.#length - this.left - part.length);
    }
    return whole;
  }

  /**
   * Ends reading: what the handler has not read once its response is sent is
   * lost to it.
   *
   * @returns How many bytes have not been read.
   */
  abandon(): number {
    this.#isAbandoned = true;
    return this.left;
  }

  #checkNotAbandoned(): void {
    if (!this.#isAbandoned) return;
    throw failure("cut-short", "its request has been answered");
  }

  #take(): void {
    if (this.#isTaken) throw failure("taken", "it was already taken");
    const { maxBodyBytes } = this.#io.server.limits;
    if (this.#length > maxBodyBytes) {
      const state = `${this.#length} bytes, over the limit of ${maxBodyBytes}`;
      throw failure("too-large", state);
    }
    this.#isTaken = true;
  }
}

function failure(code: BodyErrorCode, state: string): BodyError {
  return new BodyError(code, `Cannot read body: ${state}`);
}
