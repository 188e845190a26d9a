import { octetsToText } from "../../message/_octets.ts";
import { persistence, responseFraming } from "../../message/framing.ts";
import type { ResponseHead } from "../../message/response_head.ts";
import { type Connection, MAX_INTERIM } from "../_connect/connection.ts";
import type { Attempt } from "../_connect/deadline.ts";
import { isIdempotent } from "../_retry.ts";
import { BodyReader, type BodySource, END_REASONS } from "./body.ts";
import type { RequestSpec } from "./request.ts";
import { Upload } from "./upload.ts";

const NO_BYTES = new Uint8Array(0);

/**
 * Steps 4 and 5: one request and its response over one connection.
 *
 * It owns the connection, the upload and the deadline of its attempt. When the
 * body has ended, it keeps or closes the connection; `send` leaves a failure to
 * its caller, who calls `fail`. To give up in between, call `cancel`.
 */
export class Exchange implements BodySource {
  readonly spec: RequestSpec;
  readonly connection: Connection;
  readonly attempt: Attempt;
  readonly #upload: Upload;
  /** The final head of the response, once `send` has read it. */
  head!: ResponseHead;
  /** The body of the response, once `send` has read the head. */
  body!: BodyReader;
  /** The body, if all of it came with the head, without what has been read. */
  rest: Uint8Array<ArrayBuffer> = NO_BYTES;
  #isReleased = false;
  /** Resolves when the rest of a request is sent after an early response. */
  sending: Promise<unknown> | null = null;

  constructor(connection: Connection, spec: RequestSpec, attempt: Attempt) {
    this.connection = connection;
    this.spec = spec;
    this.attempt = attempt;
    this.#upload = new Upload(connection, spec, attempt);
    attempt.deadline.toClose = this.#upload;
    connection.emit = attempt.emit;
    connection.maxRate = spec.options.maxRate || Infinity;
  }

  /**
   * Sends the request and reads the final head of the response. A large request
   * body may still be on its way when that arrives.
   */
  async send(requestHead: Uint8Array): Promise<void> {
    const { connection, spec } = this;
    connection.uses++;
    await this.#upload.begin(requestHead);
    const head = this.head = await this.#readFinalHead();
    this.attempt.stopwatch.mark("answered");
    if (head.status >= 300) this.#upload.stop(`the response is ${head.status}`);
    const framing = responseFraming(spec.method, head);
    const { maxBodyBytes } = spec.options;
    this.body = new BodyReader(connection, framing, maxBodyBytes);
  }

  /**
   * Takes the body at once if all of it arrived with the head, so that the
   * connection is free before the caller reads.
   */
  async takeBuffered(): Promise<void> {
    try {
      const bytes = this.body.takeBuffered();
      if (bytes === null) return;
      this.rest = bytes;
      if (bytes.length > 0) this.#emitProgress();
      await this.#finish();
    } catch (error) {
      throw await this.fail(error);
    }
  }

  async read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const { body, attempt: { deadline } } = this;
    if (body.ended) {
      const piece = this.rest.subarray(0, view.length);
      this.rest = this.rest.subarray(piece.length);
      view.set(piece);
      return piece.length === 0 ? null : piece.length;
    }
    const operation = this.connection.operation("Cannot read body of");
    try {
      deadline.start(operation);
      const count = await body.read(view);
      deadline.stop(operation);
      if (count !== null) this.#emitProgress();
      if (body.ended) await this.#finish();
      return count;
    } catch (error) {
      throw await this.fail(error);
    }
  }

  cancel(): void {
    this.rest = NO_BYTES;
    if (!this.body.ended) this.release("the rest of the body is not wanted");
  }

  /**
   * Discards the body. The connection is reused only if the whole body is
   * buffered already: reading the rest costs more than a new connection.
   */
  async skipBody(): Promise<void> {
    await this.takeBuffered();
    this.cancel();
  }

  /**
   * Step 5: stops the upload and the deadline, and closes the connection.
   *
   * @param reason Why, for the `closed` event.
   */
  release(reason: string): Promise<void> | undefined {
    if (this.#isReleased) return;
    this.#upload.stop(reason);
    this.#settle();
    return this.connection.end(reason);
  }

  async #readFinalHead(): Promise<ResponseHead> {
    const { connection, attempt: { deadline } } = this;
    const operation = connection.operation("Cannot read response of");
    const malformed = (reason: string) =>
      connection.error("malformed", `Cannot read response: ${reason}`);
    for (let count = 0; count <= MAX_INTERIM; count++) {
      deadline.start(operation);
      const head = await connection.readHead(this.spec.options);
      deadline.stop(operation);
      if (head === null) throw noResponseError(connection, count);
      if (head.status === 101) {
        throw malformed("101 switches the protocol, which was not asked for");
      }
      this.#emitHead(head);
      if (head.status === 206 && !this.spec.headers.has("range")) {
        throw malformed("206 is a part, but none was asked for");
      }
      if (head.status >= 200) return head;
    }
    throw malformed(`more than ${MAX_INTERIM} interim responses`);
  }

  #emitHead(head: ResponseHead): void {
    const { emit } = this.attempt;
    if (emit === undefined) return;
    const { status, size: bytes } = head;
    const { buffer } = this.connection; // the head has just been read from it
    const text = octetsToText(buffer.bytes, buffer.start - bytes, buffer.start);
    if (status < 200) return emit({ type: "interim", status, text, bytes });
    emit({ type: "response-head", url: this.spec.href, ...head, text, bytes });
  }

  /** Reports that more of the body has been read. */
  #emitProgress(): void {
    const { received, total } = this.body;
    this.attempt.emit?.({ type: "body", received, total });
  }

  /**
   * Step 5, after the body has ended properly. If the response came early, the
   * caller gets it while the rest of the request is still being sent. It may be
   * a late response to another request, so the connection is not reused.
   */
  #finish(): Promise<void> | void {
    const { stopwatch, emit } = this.attempt;
    const { received, framing: { kind: end } } = this.body;
    stopwatch.mark("ended");
    emit?.({ type: "body-end", received, end, reason: END_REASONS[end] });
    if (this.#upload.state !== "sending") return this.#keepOrClose();
    this.sending = this.#upload.waitUntilSent()
      .then(() => this.release("the response came before the request was sent"))
      .catch((error) => this.fail(error)); // nobody awaits it by then
  }

  async #keepOrClose(): Promise<void> {
    const { emit, route } = this.attempt;
    if (emit !== undefined) await this.connection.peek();
    const closeReason = this.#closeReason();
    if (closeReason !== null) return this.release(closeReason);
    if (!this.spec.pool!.put(route, this.connection)) {
      return this.release("the client keeps no more connections");
    }
    this.#settle();
    const reason = "both sides agreed to keep it";
    emit?.({ type: "kept", remote: this.connection.remote, reason });
  }

  /**
   * Says why the connection cannot be kept; null if it can (RFC 9112 section
   * 9.3).
   */
  #closeReason(): string | null {
    const { headers, version } = this.head;
    const { isClean, framing } = this.body;
    if (!isClean) return "something came after the body";
    const { method, options, pool } = this.spec;
    if (pool === null || !options.keepAlive) {
      return "no other request will need it";
    }
    // No POST takes a kept connection, so do not keep one after each
    if (!isIdempotent(method) && pool.has(this.attempt.route)) {
      return "enough others are kept";
    }
    if (framing.kind === "close") return "that is how this body ends";
    if (headers.has("transfer-encoding")) {
      // RFC 9112 section 6.1
      return "chunks are not part of HTTP/1.0, so their end is not trusted";
    }
    if (this.#upload.state !== "complete") {
      return "the request was not sent in full";
    }
    const offer = persistence(headers);
    return offer === "keep-alive" || offer === "implicit" && version !== "1.0"
      ? null
      : "the server did not offer to keep it";
  }

  /**
   * Releases everything and returns the error to throw. This is the one place
   * where errors of the socket, a parser, the deadline and the caller's stream
   * become errors of the request.
   */
  async fail(error: unknown): Promise<unknown> {
    // There may be no head or no body yet
    const received = this.head === undefined ? null : this.body?.received ?? 0;
    const clientError = this.connection.toClientError(error, received);
    const reason = this.#upload.fault ??
      this.attempt.deadline.reasonFor(clientError);
    // Check which side closed first, for the `closed` event. An error of this
    // check comes too late to matter
    await this.connection.peek().catch(() => {});
    const text = reason instanceof Error ? reason.message : String(reason);
    await this.release(text);
    await this.#upload.finished;
    return this.#upload.fault ?? reason;
  }

  #settle(): void {
    this.#isReleased = true;
    this.attempt.deadline[Symbol.dispose]();
  }
}

function noResponseError(connection: Connection, interim: number): Error {
  const act = "Cannot read response: the connection was closed";
  const hint = connection.silenceHint;
  return interim === 0
    ? connection.error("empty-reply", `${act} before its first byte${hint}`)
    : connection.error("truncated", `${act} after interim responses only`);
}
