import {
  MessageError,
  type RequestHead,
  RequestHeadParser,
} from "../message/mod.ts";
import type { Expirable } from "./_clock.ts";
import type { ServerContext } from "./_context.ts";
import {
  callHandler,
  type Exchange,
  openExchange,
  plainResponse,
  Refusal,
  send,
  type Wish,
  wishOf,
} from "./_exchange.ts";
import { Input } from "./_input.ts";
import { ConnectionLost, Output } from "./_output.ts";
import { logEntry } from "./access_log.ts";
import type { RequestOrigin } from "./http_request.ts";
import { BodyError, type RequestBody } from "./request_body.ts";

/** A connection that is kept because its client is of HTTP/1.1, not because it asked, waits this long for more. */
const UNASKED_IDLE_TIMEOUT = 700;
/** How much of a body is read at once. */
const BODY_BLOCK_BYTES = 16_384;

/**
 * What a connection is doing; each state but `handling` has a deadline.
 *
 *     idle -> head -> handling <-> body
 *      ^                 v
 *      +---------------- writing -> draining -> closed
 */
type State =
  | "idle"
  | "head"
  | "handling"
  | "body"
  | "writing"
  | "draining"
  | "closed";

/** One connection: reads a request, has it answered, and again until it is to be closed. */
export class Connection implements Expirable, RequestOrigin {
  readonly #conn: Deno.Conn;
  readonly #server: ServerContext;
  readonly #input: Input;
  readonly #output: Output;
  readonly #parser: RequestHeadParser;
  #state: State = "idle";
  #requests = 0;
  #bodyDeadline = Infinity;
  #isStopping = false;
  #late: PromiseWithResolvers<"late"> | null = null;
  #gone: AbortController | null = null;
  /** When the present state has lasted too long, by the clock of the server. */
  deadline: number;

  constructor(conn: Deno.Conn, server: ServerContext) {
    this.#conn = conn;
    this.#server = server;
    this.#input = new Input(conn, server.limits.maxHeadBytes + 1);
    this.#output = new Output(
      conn,
      () => this.#enter("writing", server.limits.writeTimeout),
    );
    this.#parser = new RequestHeadParser(server.limits);
    this.deadline = server.clock.now + server.limits.headTimeout;
  }

  get protocol(): "http" | "https" {
    return this.#server.protocol;
  }

  get authority(): string {
    return this.#server.authority;
  }

  get remoteAddr(): Deno.Addr {
    return this.#conn.remoteAddr;
  }

  /** Serves the connection to its end; never throws. */
  async run(): Promise<void> {
    try {
      while (await this.#serveRequest());
    } catch (error) {
      if (!(error instanceof ConnectionLost)) this.#server.onError(error);
    } finally {
      this.close();
    }
  }

  /** Closes at once, whatever is under way. */
  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.deadline = Infinity;
    this.#late?.resolve("late");
    this.#gone?.abort(new ConnectionLost("The connection is closed"));
    this.#conn.close();
  }

  /** Closes when the answer that is under way has been sent. */
  stop(): void {
    this.#isStopping = true;
    if (this.#state === "idle") this.close();
  }

  /** What happens when a state has lasted too long. */
  expire(): void {
    if (this.#state === "body" || this.#state === "draining") {
      this.deadline = Infinity;
      this.#late?.resolve("late");
    } else if (this.#state === "head") {
      this.#refuse(408, null).catch(() => {}).finally(() => this.close()); // a write that fails needs no answer either
    } else {
      this.close();
    }
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
      if (!goesOn) {
        return gone.abort(
          new ConnectionLost("The client has closed the connection"),
        );
      }
    }
  }

  #enter(state: State, timeout: number): void {
    if (this.#state === "closed") return;
    this.#state = state;
    this.deadline = this.#server.clock.now + timeout;
  }

  /** Serves one request; returns whether another one may follow. */
  async #serveRequest(): Promise<boolean> {
    let head: RequestHead | null = null;
    try {
      head = await this.#readHead();
      if (head === null) return false;
      this.#enter("handling", Infinity);
      this.#bodyDeadline = this.#server.clock.now +
        this.#server.limits.bodyTimeout;
      this.#requests++;
      return await this.#answer(openExchange(head, this.#server, this));
    } catch (error) {
      if (!(error instanceof MessageError || error instanceof Refusal)) {
        throw error;
      }
      await this.#refuse(error.status, head);
      return await this.#closeInStages();
    }
  }

  /** Reads a request head; null when there is none to come. */
  async #readHead(): Promise<RequestHead | null> {
    const input = this.#input;
    for (;;) {
      if (input.start < input.end) {
        const head = this.#parser.parse(input.bytes, input.start, input.end);
        if (head !== null) {
          input.use(head.size);
          return head;
        }
        if (this.#state === "idle" && this.#parser.started) {
          this.#enter("head", this.#server.limits.headTimeout);
        }
      }
      if (!await input.fill()) return null;
    }
  }

  /** Reads some of a body for a handler; each byte that comes puts the deadline off by a millisecond. */
  async readSome(max: number): Promise<Uint8Array | null> {
    const input = this.#input;
    if (input.start === input.end) {
      this.#enter("body", this.#bodyDeadline - this.#server.clock.now);
      const arrived = await this.#fillInTime();
      this.#enter("handling", Infinity);
      if (arrived === "late") {
        throw new BodyError("timeout", "Cannot read body: it comes too slowly");
      }
      if (!arrived) return null;
    }
    const bytes = input.bytes.slice(
      input.start,
      Math.min(input.end, input.start + max),
    );
    input.use(bytes.length);
    this.#bodyDeadline += bytes.length;
    return bytes;
  }

  /** Waits for more bytes, but not beyond the deadline of the present state. */
  #fillInTime(): Promise<boolean | "late"> {
    this.#input.enlarge(BODY_BLOCK_BYTES);
    this.#late = Promise.withResolvers();
    return Promise.race([this.#input.fill(), this.#late.promise]);
  }

  /** Has a request answered; returns whether another one may follow. */
  async #answer(exchange: Exchange): Promise<boolean> {
    const { head, request, body } = exchange;
    const { limits, log } = this.#server;
    const started = log === null ? 0 : performance.now();
    const writtenBefore = this.#output.written;
    const result = await callHandler(request, this.#server);
    const wish = wishOf(head);
    const keepAlive = wish !== "close" && this.#server.keepAlive &&
      !this.#isStopping &&
      this.#requests < limits.maxRequests &&
      (body?.left ?? 0) <= limits.maxDrainBytes;
    const to = { method: head.method, keepAlive, output: this.#output };
    const { status, kept } = await send(result, this.#server, to);
    this.#gone = null;
    if (log !== null) this.#log(head, { status, started, writtenBefore });
    return await this.#finish(body, kept ? wish : "close");
  }

  /** Makes ready for the next request, or for the end; returns whether another request may follow. */
  async #finish(body: RequestBody | null, wish: Wish): Promise<boolean> {
    const { drainTimeout, idleTimeout } = this.#server.limits;
    const unread = body?.left ?? 0;
    body?.abandon();
    if (wish === "close") {
      const isQuiet = unread === 0 && this.#input.start === this.#input.end;
      // A plain close is safe where nothing unread could turn it into a reset; TLS says good-bye before it
      return isQuiet && this.protocol === "http"
        ? false
        : await this.#closeInStages();
    }
    if (unread > 0) {
      this.#enter("draining", drainTimeout);
      if (!await this.#drop(unread)) return false;
    }
    this.#enter(
      "idle",
      wish === "keep"
        ? idleTimeout
        : Math.min(UNASKED_IDLE_TIMEOUT, idleTimeout),
    );
    return true;
  }

  /** Answers without a handler. */
  async #refuse(status: number, head: RequestHead | null): Promise<void> {
    const { log } = this.#server;
    const started = log === null ? 0 : performance.now();
    const writtenBefore = this.#output.written;
    await send(plainResponse(status), this.#server, {
      method: head?.method ?? "",
      keepAlive: false,
      output: this.#output,
    });
    if (log !== null) this.#log(head, { status, started, writtenBefore });
  }

  #log(
    head: RequestHead | null,
    answer: { status: number; started: number; writtenBefore: number },
  ): void {
    const { status, started, writtenBefore } = answer;
    const bytes = this.#output.written - writtenBefore;
    const duration = performance.now() - started;
    this.#server.log?.(
      logEntry(head, { status, bytes, duration, remoteAddr: this.remoteAddr }),
    );
  }

  /**
   * Closes our side, then reads on and drops what still comes (RFC 9112 section 9.6): closing while bytes are unread
   * resets the connection, which can destroy the answer before the client has read it.
   */
  async #closeInStages(): Promise<false> {
    this.#enter("draining", this.#server.limits.drainTimeout);
    try {
      await this.#conn.closeWrite();
    } catch (cause) {
      throw new ConnectionLost("Cannot close: the connection is gone", {
        cause,
      });
    }
    // Over the limit nothing more is read, but there is still time for the answer to arrive
    if (await this.#drop(this.#server.limits.maxDrainBytes)) {
      await this.#late?.promise;
    }
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
      if (await this.#fillInTime() !== true) return false;
    }
  }
}
