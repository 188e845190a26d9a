import {
  MessageError,
  type RequestHead,
  RequestHeadParser,
} from "../../message/mod.ts";
import type { Expirable } from "./clock.ts";
import type { ServerContext } from "./context.ts";
import {
  type Exchange,
  failure,
  openExchange,
  send,
  type Wish,
  wishOf,
} from "./exchange.ts";
import { Input } from "./input.ts";
import { ConnectionLost, Output } from "./output.ts";
import { Phase } from "./phase.ts";
import { HttpError } from "../_http_error.ts";
import { logEntry } from "../access_log.ts";
import type { HandlerResult } from "../handler.ts";
import type { HttpRequest, RequestOrigin } from "../http_request.ts";
import { plainResponse } from "../http_response.ts";
import { PreparedResponse } from "../_prepared_response.ts";
import { BodyError, type RequestBody } from "../request_body.ts";

/**
 * How long a connection waits that is kept because its client is of HTTP/1.1,
 * not because it asked: few such clients use an HTTP/1.0 connection again.
 */
const UNASKED_IDLE_TIMEOUT = 700;
/** How much of a body is read at once. */
const BODY_BLOCK_BYTES = 16_384;

/**
 * One connection: reads a request, has it answered, and again until it is to be
 * closed.
 */
export class Connection implements Expirable, RequestOrigin {
  readonly #conn: Deno.Conn;
  readonly #server: ServerContext;
  readonly #input: Input;
  readonly #output: Output;
  readonly #parser: RequestHeadParser;
  readonly #phase: Phase;
  #requests = 0;
  #answers = 0;
  #isStopping = false;
  #bodyDeadline = Infinity;
  #awaitsBody = false;
  #gone: AbortController | null = null;
  /**
   * The refusal of a head that came too slowly; what comes of it afterwards
   * does not count.
   */
  #refusal: Promise<false> | null = null;

  constructor(conn: Deno.Conn, server: ServerContext) {
    const { limits, clock } = server;
    this.#conn = conn;
    this.#server = server;
    this.#phase = new Phase(clock, limits.headTimeout);
    this.#parser = new RequestHeadParser(limits, server.heads.decode);
    this.#input = new Input(
      conn,
      server.blocks.inputs,
      limits.maxHeadBytes + 1,
    );
    this.#output = new Output(conn, {
      write: () => this.#phase.enter("writing", limits.writeTimeout),
      rest: () => this.#letHandle(),
    });
  }

  get protocol(): "http" | "https" {
    return this.#server.protocol;
  }

  get authority(): string {
    return this.#server.authority;
  }

  get now(): number {
    return this.#server.clock.now;
  }

  get remoteAddr(): Deno.Addr {
    return this.#conn.remoteAddr;
  }

  get deadline(): number {
    return this.#phase.deadline;
  }

  /** Serves the connection to its end; never throws. */
  async run(): Promise<void> {
    try {
      while (await this.#serveRequest());
    } catch (error) {
      if (!(error instanceof ConnectionLost)) this.#server.onError(error);
    } finally {
      this.close();
      this.#input.release();
    }
  }

  /** Closes at once, whatever is under way. */
  close(): void {
    if (this.#phase.name === "closed") return;
    this.#phase.expire();
    this.#phase.enter("closed", Infinity);
    this.#gone?.abort(new ConnectionLost("The connection is closed"));
    this.#conn.close();
  }

  /** Closes when the answer that is under way has been sent. */
  stop(): void {
    this.#isStopping = true;
    if (this.#phase.name === "idle") this.close();
  }

  /** What happens when a phase has lasted too long. */
  expire(): void {
    const { name } = this.#phase;
    if (name === "body" || name === "draining") this.#phase.expire();
    else if (name === "head") {
      this.#refusal = this.#refuse(408, null).then(() => this.#closeInStages())
        .catch(() => false as const) // the client is gone: nobody to tell
        .finally(() => this.close());
    } else this.close();
  }

  /** Reads on while a handler works, to notice when the client goes. */
  watch(): AbortSignal {
    const gone = this.#gone ??= new AbortController();
    void this.#watchInput(gone);
    return gone.signal;
  }

  async #watchInput(gone: AbortController): Promise<void> {
    while (!this.#input.isFull) {
      const goesOn = await this.#input.fill();
      if (this.#gone !== gone) return;
      if (goesOn) continue;
      return gone.abort(new ConnectionLost("The client closed the connection"));
    }
  }

  /**
   * Reads some of a body; each byte that comes puts its deadline off by a
   * millisecond.
   */
  async readSome(max: number): Promise<Uint8Array | null> {
    const input = this.#input;
    if (input.start === input.end) {
      const phase = this.#phase;
      const answers = this.#answers;
      input.enlarge(BODY_BLOCK_BYTES);
      this.#awaitsBody = true;
      if (phase.name === "handling") this.#letHandle();
      const arrived = await phase.inTime(input.fill());
      if (answers !== this.#answers) return null; // what arrived is for others
      this.#awaitsBody = false;
      if (phase.name === "body") this.#letHandle();
      if (arrived === "late") {
        throw new BodyError("timeout", "Cannot read body: it comes too slowly");
      }
      if (!arrived) return null;
    }
    const end = Math.min(input.end, input.start + max);
    const bytes = input.bytes.slice(input.start, end);
    input.use(bytes.length);
    this.#bodyDeadline += bytes.length;
    return bytes;
  }

  /**
   * The handler may take its time, but the body for which it waits may not;
   * while something is written, that counts.
   */
  #letHandle(): void {
    if (!this.#awaitsBody) return this.#phase.enter("handling", Infinity);
    this.#phase.enter("body", this.#bodyDeadline - this.#server.clock.now);
  }

  /** Serves one request, or waits for more of it; returns whether to go on. */
  #serveRequest(): Promise<boolean> {
    if (this.#refusal !== null) return this.#refusal;
    let head: RequestHead | null = null;
    try {
      head = this.#takeHead();
      if (head === null) return this.#input.fill();
      return this.#answer(openExchange(head, this.#server, this));
    } catch (error) {
      const isRefused = error instanceof MessageError ||
        error instanceof HttpError;
      if (!isRefused) return Promise.reject(error);
      return this.#refuse(error.status, head).then(() => this.#closeInStages());
    }
  }

  /** Takes a head out of what has arrived; null if it is not complete. */
  #takeHead(): RequestHead | null {
    const input = this.#input;
    if (input.start === input.end) return null;
    const head = this.#parser.parse(input.bytes, input.start, input.end);
    if (head !== null) {
      input.use(head.size);
      this.#requests++;
      this.#phase.enter("handling", Infinity);
    } else if (this.#phase.name === "idle" && this.#parser.started) {
      this.#phase.enter("head", this.#server.limits.headTimeout);
    }
    return head;
  }

  /** Has a request answered; returns whether another one may follow. */
  async #answer(exchange: Exchange): Promise<boolean> {
    const { head, request, body } = exchange;
    const mark = this.#markForLog();
    const given = this.#callHandler(request);
    const result = given instanceof Promise ? await given : given;
    const wish = this.#mayKeep(body) ? wishOf(head) : "close";
    const { method } = head;
    const keepAlive = wish !== "close";
    let status = result.status;
    let kept = keepAlive;
    if (result instanceof PreparedResponse) {
      const { date } = this.#server.clock;
      await this.#output.write(
        result.octets(keepAlive, date, method === "HEAD"),
      );
    } else {
      const to = { method, keepAlive, output: this.#output };
      ({ status, kept } = await send(result, this.#server, to));
    }
    this.#gone = null;
    if (mark !== null) this.#log(head, status, mark);
    return this.#finish(body, kept ? wish : "close");
  }

  /**
   * Calls the handler, without waiting where it does not; what it throws
   * becomes an answer.
   */
  #callHandler(request: HttpRequest): HandlerResult | Promise<HandlerResult> {
    const { clock, limits, handler } = this.#server;
    this.#bodyDeadline = clock.now + limits.bodyTimeout;
    try {
      const given = handler(request);
      if (!(given instanceof Promise)) return given;
      return given.catch((error) => failure(error, this.#server));
    } catch (error) {
      return failure(error, this.#server);
    }
  }

  #mayKeep(body: RequestBody | null): boolean {
    const { keepAlive, limits } = this.#server;
    return keepAlive && !this.#isStopping &&
      this.#requests < limits.maxRequests &&
      (body === null || body.left <= limits.maxDrainBytes);
  }

  /**
   * Makes ready for the next request, or for the end; returns whether another
   * request may follow.
   */
  #finish(body: RequestBody | null, wish: Wish): boolean | Promise<boolean> {
    const unread = body?.left ?? 0;
    body?.abandon();
    this.#answers++;
    this.#awaitsBody = false;
    if (wish === "close") {
      const isQuiet = unread === 0 && this.#input.start === this.#input.end;
      // A plain close is safe where nothing unread could turn it into a reset;
      // TLS says good-bye before it
      return isQuiet && this.protocol === "http"
        ? false
        : this.#closeInStages();
    }
    if (unread > 0) {
      this.#phase.enter("draining", this.#server.limits.drainTimeout);
      return this.#drop(unread).then((done) => done && this.#waitForNext(wish));
    }
    return this.#waitForNext(wish);
  }

  #waitForNext(wish: "keep" | "keep-unasked"): true {
    const { idleTimeout } = this.#server.limits;
    const timeout = wish === "keep"
      ? idleTimeout
      : Math.min(UNASKED_IDLE_TIMEOUT, idleTimeout);
    this.#phase.enter("idle", timeout);
    return true;
  }

  /** Answers without a handler. */
  async #refuse(status: number, head: RequestHead | null): Promise<void> {
    const mark = this.#markForLog();
    await send(plainResponse(status), this.#server, {
      method: head?.method ?? "",
      keepAlive: false,
      output: this.#output,
    });
    if (mark !== null) this.#log(head, status, mark);
  }

  #markForLog(): LogMark | null {
    if (this.#server.log === null) return null;
    return { time: performance.now(), written: this.#output.written };
  }

  #log(head: RequestHead | null, status: number, mark: LogMark): void {
    const bytes = this.#output.written - mark.written;
    const duration = performance.now() - mark.time;
    const { remoteAddr } = this;
    this.#server.log?.(logEntry(head, { status, bytes, duration, remoteAddr }));
  }

  /**
   * Closes our side, then reads on and drops what still comes (RFC 9112 section
   * 9.6): closing while bytes are unread resets the connection, which can
   * destroy the answer before the client has read it.
   */
  async #closeInStages(): Promise<false> {
    const { drainTimeout, maxDrainBytes } = this.#server.limits;
    this.#phase.enter("draining", drainTimeout);
    try {
      await this.#conn.closeWrite();
    } catch (cause) {
      throw new ConnectionLost("Cannot close: the connection is gone", {
        cause,
      });
    }
    // Over the limit nothing more is read, but there is still time for the
    // answer to arrive
    if (await this.#drop(maxDrainBytes)) await this.#phase.untilLate();
    return false;
  }

  /** Reads and drops so many bytes; returns whether they came in time. */
  async #drop(count: number): Promise<boolean> {
    const input = this.#input;
    let left = count;
    for (;;) {
      const arrived = Math.min(left, input.end - input.start);
      input.use(arrived);
      left -= arrived;
      if (left === 0) return true;
      input.enlarge(BODY_BLOCK_BYTES);
      if (await this.#phase.inTime(input.fill()) !== true) return false;
    }
  }
}

/** Where a request began, for the log. */
interface LogMark {
  readonly time: number;
  readonly written: number;
}
