import { octetsToText } from "../../message/_octets.ts";
import {
  MessageError,
  type Persistence,
  type RequestHead,
  RequestHeadParser,
} from "../../message/mod.ts";
import { HttpError } from "../http_response.ts";
import { type AccessLogEntry, logEntry } from "../access_log.ts";
import type { Handler, HandlerResult } from "../handler.ts";
import { HttpRequest } from "../http_request.ts";
import { RequestBody } from "../request_body.ts";
import { admit, expectsContinue } from "./admit.ts";
import { INPUT_BYTES } from "./resources.ts";
import {
  ConnectionClosedError,
  ConnectionIo,
  type IoContext,
} from "./connection_io.ts";
import type { SeenHeads } from "./seen_heads.ts";
import {
  errorResponse,
  refusalResponse,
  respond,
  type SentResponse,
} from "./respond.ts";

/** What all connections of a server share. */
export interface ServerContext extends IoContext {
  readonly handler: Handler;
  readonly seenHeads: SeenHeads;
  readonly log: ((entry: AccessLogEntry) => void) | null;
  /** The open connections. */
  readonly connections: readonly Connection[];
}

/**
 * The idle timeout of a connection that is kept because its client speaks
 * HTTP/1.1, not because it asked, in milliseconds. Few such clients use an
 * HTTP/1.0 connection again.
 */
const IMPLICIT_IDLE_TIMEOUT = 700;

/**
 * One connection. Each request is read, admitted, handled and responded to.
 * Then the connection is settled: kept for the next one, or closed.
 */
export class Connection {
  /** What it reads and writes. */
  readonly io: ConnectionIo;
  readonly #server: ServerContext;
  readonly #parser: RequestHeadParser;
  /** Its place in the list of its server. */
  index = -1;
  /** Whether the connection is waiting for the first byte of a head. */
  isIdle = true;
  #requestCount = 0;
  #idleTimeout: number;
  #headDeadline = Infinity;
  /** How long it may still be idle after `stop`, in milliseconds. */
  #idleGrace = Infinity;

  constructor(conn: Deno.Conn, server: ServerContext) {
    this.io = new ConnectionIo(conn, server);
    this.#server = server;
    this.#parser = new RequestHeadParser(server.limits);
    this.#idleTimeout = server.limits.headTimeout;
  }

  /**
   * Serves the connection until it ends; never throws.
   *
   * @param turn Settles once those before it are closed, if it has to wait.
   */
  async run(turn: Promise<unknown> | null): Promise<void> {
    try {
      // Its place is the number of those before it, as none has ended since
      if (turn && this.index > 0) await this.io.waitForTurn(this.index, turn);
      // A TLS client counts as a connection until its handshake settles. No
      // deadline closes it before that, because Deno would only hide its socket
      await this.io.handshake();
      while (await this.#waitForRequest() && await this.#serveRequest());
    } catch (error) {
      // Before a head begins, only the connection can have failed
      const isGone = error instanceof ConnectionClosedError || this.isIdle;
      if (!isGone) this.#server.onError(error);
    } finally {
      if (this.io.emit !== undefined) await this.io.detectEnd();
      this.io.close();
      this.io.release();
    }
  }

  /**
   * Closes the connection once the response under way has been sent.
   *
   * @param grace How long an idle connection stays readable, in milliseconds: a
   *   proxy may be writing to it at this moment.
   */
  stop(grace: number): void {
    this.#idleGrace = grace;
    if (!this.isIdle) return;
    if (grace === 0) this.io.close("shutdown");
    else this.io.closeAt(this.#server.clock.now + grace, "shutdown");
  }

  /**
   * Waits for the first bytes of a request; false if none will come. There may
   * be many idle connections, so they wait here, where each takes the least
   * memory.
   */
  #waitForRequest(): Promise<boolean> | true {
    const { clock } = this.#server;
    const { input, emit } = this.io;
    const requests = this.#requestCount;
    if (requests > 0) emit?.({ type: "kept", requests });
    this.io.resizeInput(INPUT_BYTES);
    this.io.closeAt(clock.now + Math.min(this.#idleTimeout, this.#idleGrace));
    this.io.responseBytes = 0;
    this.io.hasBegunWriting = false;
    this.isIdle = true;
    return input.length > 0 || input.fill();
  }

  /** Serves one request; returns whether another one may follow. */
  async #serveRequest(): Promise<boolean> {
    const server = this.#server;
    const io = this.io;
    let head: RequestHead | null = null;
    try {
      const text = server.seenHeads.decode(io.input);
      const seen = text === null ? null : server.seenHeads.get(text);
      if (seen !== null) head = this.#consumeHead(seen.head);
      while (head === null && (head = this.#readHead()) === null) {
        if (!(await this.#waitForMore())) return false;
      }
      const admitted = seen ?? admit(head, server);
      const { bodyLength, persistence } = admitted;
      // Remember only a head that arrived in one read with nothing after it
      if (seen === null && bodyLength === 0 && text?.length === head.size) {
        server.seenHeads.add(text, admitted);
      }
      const startedAt = this.#startTime();
      const body = bodyLength > 0
        ? new RequestBody(io, bodyLength, expectsContinue(head))
        : null;
      const handled = this.#handle(new HttpRequest(admitted, io, body));
      const result = handled instanceof Promise ? await handled : handled;
      const { method } = head;
      const keepAlive = persistence !== "close" && !body?.isHeldBack &&
        this.#canKeep(body?.left ?? 0);
      const sent = await respond(io, result, { method, keepAlive });
      this.#log(head, sent, startedAt);
      if (sent.isCut) return false;
      return this.#settle(body, sent.keepAlive ? persistence : "close");
    } catch (error) {
      const isExpected = error instanceof MessageError ||
        error instanceof HttpError;
      if (!isExpected) throw error;
      await this.#sendError(error, head);
      return this.#closeInStages();
    }
  }

  /**
   * Reads a head from the input; null while it is incomplete.
   *
   * @throws {MessageError} If it is malformed.
   */
  #readHead(): RequestHead | null {
    const { input } = this.io;
    const head = this.#parser.parse(input.bytes, input.start, input.end);
    return head && this.#consumeHead(head);
  }

  /** Consumes the bytes of a head, which begins its request. */
  #consumeHead(head: RequestHead): RequestHead {
    const { input: { bytes, start }, emit } = this.io;
    emit?.({
      type: "request-head",
      text: octetsToText(bytes, start, start + head.size),
      bytes: head.size,
    });
    this.io.input.consume(head.size);
    this.#requestCount++;
    this.isIdle = false;
    this.io.closeAt(Infinity);
    return head;
  }

  /**
   * Waits for more of a head; false if no more will come.
   *
   * @throws {HttpError} If it comes too slowly.
   */
  async #waitForMore(): Promise<boolean> {
    const { clock, limits } = this.#server;
    // Empty lines before a head are no part of it
    if (!this.#parser.started) return this.io.input.fill();
    if (this.isIdle) this.#headDeadline = clock.now + limits.headTimeout;
    this.isIdle = false;
    const arrived = await this.io.fillBy(this.#headDeadline);
    if (arrived !== "timeout") return arrived;
    throw new HttpError(408, "Cannot read head: it comes too slowly");
  }

  /**
   * Calls the handler, and turns an error into a response. Returns a promise
   * only if the handler does.
   */
  #handle(request: HttpRequest): HandlerResult | Promise<HandlerResult> {
    try {
      const result = this.#server.handler(request);
      if (!(result instanceof Promise)) return result;
      return result.catch((error) => errorResponse(error, this.io));
    } catch (error) {
      return errorResponse(error, this.io);
    }
  }

  /**
   * Whether the connection may be kept. With all of them in use, others may
   * wait, so it makes room; but not for silent clients, who have not sent
   * anything yet, and may mean harm.
   */
  #canKeep(unread: number): boolean {
    const { limits, connections } = this.#server;
    const hasRoom = connections.length < limits.maxConnections ||
      connections.some((it) => it.isIdle && it.#requestCount === 0);
    return hasRoom && this.#idleGrace === Infinity &&
      this.#requestCount < limits.maxRequests &&
      unread <= limits.maxDrainBytes;
  }

  /**
   * Prepares for the next request, or for the end; returns whether another
   * request may follow.
   */
  #settle(body: RequestBody | null, persistence: Persistence) {
    const io = this.io;
    const { idleTimeout, drainTimeout } = this.#server.limits;
    io.unwatch();
    const unread = body?.abandon() ?? 0;
    if (persistence === "close") {
      const isAllRead = unread === 0 && io.input.length === 0;
      // A plain close is safe if no unread byte could turn it into a reset. TLS
      // has to send its close_notify first
      return isAllRead && io.server.protocol === "http"
        ? false
        : this.#closeInStages();
    }
    this.#idleTimeout = persistence === "keep-alive"
      ? idleTimeout
      : Math.min(IMPLICIT_IDLE_TIMEOUT, idleTimeout);
    return unread === 0 ||
      io.drain(unread, io.server.clock.now + drainTimeout);
  }

  /** Sends an error response without calling the handler. */
  async #sendError(error: MessageError | HttpError, head: RequestHead | null) {
    const startedAt = this.#startTime();
    const response = refusalResponse(error, this.io);
    const options = { method: head?.method ?? "", keepAlive: false };
    this.#log(head, await respond(this.io, response, options), startedAt);
  }

  /**
   * Closes our side, then reads and discards what still comes (RFC 9112 section
   * 9.6). Closing with bytes unread resets the connection, which can destroy
   * the response before the client has read it.
   */
  async #closeInStages(): Promise<false> {
    const io = this.io;
    const { drainTimeout, maxDrainBytes } = this.#server.limits;
    const deadline = this.#server.clock.now + drainTimeout;
    io.closeAt(deadline);
    await io.closeWrite();
    // Over the limit, stop reading, but give the response time to arrive
    if (await io.drain(maxDrainBytes, deadline)) await io.waitUntil(deadline);
    return false;
  }

  /** When a request began, in milliseconds; 0 if there is no log. */
  #startTime(): number {
    return this.#server.log === null ? 0 : performance.now();
  }

  #log(head: RequestHead | null, sent: SentResponse, startedAt: number): void {
    const { log } = this.#server;
    if (log === null) return;
    const duration = performance.now() - startedAt;
    log(logEntry(head, { ...sent, duration }, this.io));
  }
}
