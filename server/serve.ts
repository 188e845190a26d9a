import { makeHostGuard, readAllowedHosts } from "./_connection/admit.ts";
import { Buffers, Clock, FairQueue } from "./_connection/resources.ts";
import { Connection, type ServerContext } from "./_connection/connection.ts";
import { SeenHeads } from "./_connection/seen_heads.ts";
import { HeaderFields, type HeaderFieldsInit } from "../message/mod.ts";
import { checkOptions } from "../message/_options.ts";
import { addBrackets, defaultPort, type Protocol } from "../url/host.ts";
import type { AccessLogEntry } from "./access_log.ts";
import type { Handler } from "./handler.ts";
import { withHeaders } from "./wrappers.ts";
import {
  completeLimits,
  isOutOfDescriptors,
  type ServerLimits,
} from "./limits.ts";
import { openListener } from "./listen.ts";
import { warn } from "./_line_writer.ts";
import { addressOf, createEmitters, type ServerTraceEvent } from "./trace.ts";

/**
 * Options of {@linkcode serve}.
 *
 * @example With limits, a log and a signal
 * ```ts
 * import { get, serve, type ServeOptions } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const controller = new AbortController();
 * const statuses: number[] = [];
 * const options: ServeOptions = {
 *   port: 0,
 *   limits: { maxBodyBytes: 1_000, idleTimeout: 1_000 },
 *   log: ({ status }) => statuses.push(status),
 *   signal: controller.signal,
 * };
 * const server = serve(() => ({ status: 204 }), options);
 *
 * await get(server.url);
 * controller.abort();
 * await server.finished;
 * assertEquals(statuses, [204]);
 * ```
 *
 * @category Serve
 */
export interface ServeOptions {
  /**
   * The address to listen on. The default can be reached from this machine
   * only; `0.0.0.0` and `::` mean all addresses.
   *
   * @default {"127.0.0.1"}
   */
  readonly hostname?: string;
  /**
   * The port to listen on; 0 picks a free one.
   *
   * @default {8000}
   */
  readonly port?: number;
  /** The certificate chain for TLS, as PEM; needs `key`. */
  readonly cert?: string;
  /** The private key for TLS, as PEM; needs `cert`. */
  readonly key?: string;
  /**
   * Whether several listeners, one per thread or process, may share the port
   * and its connections (`SO_REUSEPORT`). Needs `--unstable-net`, and works on
   * Linux.
   *
   * @default {false}
   */
  readonly reusePort?: boolean;
  /**
   * The path of a unix socket to listen on, in place of `hostname` and `port`.
   * A socket that already exists there counts as left over, and is replaced.
   */
  readonly path?: string;
  /** Shuts the server down gracefully when it aborts. */
  readonly signal?: AbortSignal;
  /** Called once the server is listening. */
  readonly onListen?: (addr: Deno.Addr) => void;
  /**
   * Called with what a handler or another of these functions throws; the
   * default prints it.
   */
  readonly onError?: (error: unknown) => void;
  /** What one client may use: sizes, counts and times. */
  readonly limits?: ServerLimits;
  /**
   * Whether a connection is kept for further requests if the client wants it.
   *
   * @default {true}
   */
  readonly keepAlive?: boolean;
  /**
   * The host names that the server accepts besides `localhost` and IP
   * addresses; `"*"` accepts all. A request for any other host gets a 421, so
   * that no web page can reach the server by pointing its own name at this
   * machine (DNS rebinding). If the list is empty, only a server on a loopback
   * address checks.
   *
   * @default {[]}
   */
  readonly allowedHosts?: readonly string[] | "*";
  /**
   * Header fields for all responses, added as `withHeaders` does, but also to
   * those that the server makes itself, such as a 400.
   */
  readonly headers?: HeaderFieldsInit;
  /**
   * Called after each response, even one that was cut off; `accessLog` makes
   * such a function.
   */
  readonly log?: (entry: AccessLogEntry) => void;
  /**
   * Whether an address (`-` for a unix socket) belongs to a trusted proxy. The
   * log then shows the client that the proxy names in `Forwarded` or
   * `X-Forwarded-For`. By default no proxy is trusted, because anybody can send
   * these fields.
   */
  readonly isTrustedProxy?: (address: string) => boolean;
  /**
   * Called with each event as it happens: the seven steps of a server, and the
   * decisions about each request. Without it, tracing costs nothing.
   */
  readonly trace?: (event: ServerTraceEvent) => void;
  /**
   * Whether connections are served one after the other, as by a textbook
   * server. Further ones are accepted and wait, and none is kept alive.
   *
   * @default {false}
   */
  readonly oneAtATime?: boolean;
}

/**
 * A running server.
 *
 * @example Stop once all responses are sent
 * ```ts
 * import { type HttpServer, serve } from "@knock/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const server: HttpServer = serve(() => ({ status: 200 }), { port: 0 });
 * assertEquals(server.url, `http://127.0.0.1:${new URL(server.url).port}/`);
 * await server.shutdown();
 * ```
 *
 * @category Serve
 */
export interface HttpServer extends AsyncDisposable {
  /** The address it listens on. */
  readonly addr: Deno.Addr;
  /**
   * Its URL, such as `http://127.0.0.1:8000/`; `http+unix:` and the path for a
   * unix socket.
   */
  readonly url: string;
  /** The number of requests that are being read or responded to. */
  readonly pending: number;
  /** Settles once the server has stopped and its last connection is closed. */
  readonly finished: Promise<void>;
  /**
   * Stops the server: accepts no more connections, closes idle ones, and gives
   * responses under way up to `shutdownTimeout` to finish before it closes the
   * rest. A second call closes the rest at once.
   */
  shutdown(): Promise<void>;
}

/**
 * Serves HTTP/1.0: the seven steps of a server.
 *
 * They are: find the address and port, create a socket, bind it, listen (all
 * four in `Deno.listen`), accept, read and write, close.
 *
 * @param handler Responds to each request.
 * @param options Where to listen, the limits, what to log.
 * @returns The running server; `await using` shuts it down at the end of its
 *   scope.
 * @throws {TypeError} If only one of `cert` and `key` is given, or both with a
 *   `path`; if a header field cannot be sent; if the `path` is too long, or an
 *   option is not of its type.
 * @throws {RangeError} If a limit is not above 0 or unknown, or the port is not
 *   a whole number from 0 to 65535.
 * @throws {URIError} If the hostname is malformed.
 * @throws {Error} If the hostname is not found, or `key` is not that of `cert`.
 * @throws {Deno.errors.AddrInUse} If the port is taken, or something other than
 *   a socket is at the `path`.
 * @throws {Deno.errors.AddrNotAvailable} If this machine does not have the
 *   address.
 * @throws {Deno.errors.InvalidData} If `cert` or `key` is not PEM.
 * @throws {Deno.errors.NotCapable} If Deno is not allowed to listen there, or
 *   `reusePort` lacks its flag.
 * @throws {Deno.errors.NotFound} If the directory of the `path` is missing.
 * @throws {Deno.errors.PermissionDenied} If the system does not allow it, as
 *   with a port below 1024.
 * @throws The reason of the `signal` if it has already aborted.
 *
 * @example Usage
 * ```ts
 * import { serve } from "@knock/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   (request) => ({ status: 200, body: `You asked for ${request.path}` }),
 *   { port: 0 },
 * );
 *
 * const response = await fetch(new URL("/hello", server.url));
 * assertEquals(await response.text(), "You asked for /hello");
 * ```
 *
 * @category Serve
 */
export function serve(
  handler: Handler,
  options: ServeOptions = {},
): HttpServer {
  return new Server(handler, options);
}

/** How many large downloads are resumed per turn of the event loop. */
const DOWNLOADS_AT_ONCE = 8;
/** How many descriptors are reserved for files once all are in use. */
const RESERVED_DESCRIPTORS = 64;
/** How many connections are still allowed in any case. */
const MIN_CONNECTIONS = 8;
/**
 * How long an idle connection stays readable at a shutdown, in milliseconds. A
 * proxy may be writing to it just then, and cannot always send that again.
 */
const IDLE_GRACE = 1_000;
/** The longest delay of a timer; a longer one fires at once. */
const MAX_TIMER = 2 ** 31 - 1;
/** How long to wait after a failed accept, in milliseconds. */
const ACCEPT_PAUSE = 50;

class Server implements HttpServer {
  readonly #listener: Deno.Listener;
  /**
   * The open connections, in no order. Not a `Set`: as connections come and go,
   * it outgrows one table after another, and V8 links each to the next. One
   * that has grown old keeps all later ones, and their connections, in memory
   * until the next full collection, which makes every other one ten times as
   * slow.
   */
  readonly #connections: Connection[] = [];
  readonly #context: ServerContext;
  /** Settles once all connections so far ended; null unless `oneAtATime`. */
  #turn: Promise<unknown> | null;
  #vacancy: PromiseWithResolvers<void> | null = null;
  #stop: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  /** How many connections leave descriptors for files, once none was left. */
  #descriptorLimit = Infinity;
  readonly addr: Deno.Addr;
  readonly url: string;
  readonly finished: Promise<void>;

  constructor(handler: Handler, options: ServeOptions) {
    const { hostname = "127.0.0.1", port = 8_000, signal, onListen } = options;
    const settings = readOptions(handler, options); // throws before it listens
    signal?.throwIfAborted();
    this.#turn = options.oneAtATime ? Promise.resolve() : null;
    this.#listener = openListener({ ...options, hostname, port });
    const addr = this.addr = this.#listener.addr;
    const { protocol, onError, startTrace } = settings;
    const asked = options.path ?? `${addBrackets(hostname)}:${port}`;
    startTrace?.()({ type: "listening", asked, address: addressOf(addr) });
    const boundHost = "hostname" in addr ? addr.hostname : null;
    const authority = authorityOf(addr, protocol);
    this.url = addr.transport === "unix"
      ? `http+unix:${addr.path}`
      : `${protocol}://${authority}/`;
    this.#context = {
      ...settings,
      authority,
      clock: new Clock(this.#connections),
      connections: this.#connections,
      guardHost: makeHostGuard(boundHost, settings.allowedNames),
    };
    const onAbort = () => void this.shutdown();
    signal?.addEventListener("abort", onAbort);
    this.finished = this.#acceptAll().finally(() =>
      signal?.removeEventListener("abort", onAbort)
    );
    if (onListen !== undefined) shielded(onListen, onError)(addr);
  }

  get pending(): number {
    return this.#connections.filter(({ isIdle }) => !isIdle).length;
  }

  shutdown(): Promise<void> {
    if (this.#stop === null) this.#stop = this.#shutDown(IDLE_GRACE);
    else if (this.#connections.length > 0) this.#closing ??= this.#closeAll();
    return this.#stop;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#stop ??= this.#shutDown(0));
  }

  async #shutDown(idleGrace: number): Promise<void> {
    this.#listener.close();
    this.#vacancy?.resolve();
    for (const connection of this.#connections) connection.stop(idleGrace);
    const { shutdownTimeout } = this.#context.limits;
    const closeAll = () => this.#closing ??= this.#closeAll();
    const timer = setTimeout(closeAll, Math.min(shutdownTimeout, MAX_TIMER));
    await this.finished;
    clearTimeout(timer);
  }

  /**
   * Closes all connections at once. One turn of the event loop later, those
   * that were writing have ended and are logged. The others are not waited for,
   * because a handler may never respond.
   */
  async #closeAll(): Promise<void> {
    for (const connection of this.#connections) connection.io.close("shutdown");
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#connections.length = 0;
    this.#vacancy?.resolve();
  }

  /**
   * Accepts connections until the listener is closed, then waits for the last
   * one to end. Over the limit of descriptors, idle connections are closed,
   * mostly the newest.
   */
  async #acceptAll(): Promise<void> {
    const connections = this.#connections;
    const { maxConnections } = this.#context.limits;
    while (this.#stop === null) {
      const surplus = connections.length - this.#descriptorLimit;
      if (surplus < 0 && connections.length < maxConnections) {
        await this.#accept();
        continue;
      }
      if (surplus > 0) connections.findLast((it) => it.isIdle)?.io.close();
      await this.#waitForVacancy();
    }
    while (connections.length > 0) await this.#waitForVacancy();
    await this.#closing;
    this.#context.clock.stop();
  }

  /** Accepts the next connection, and begins to serve it. */
  async #accept(): Promise<void> {
    try {
      const conn = await this.#listener.accept();
      void this.#serveConnection(new Connection(conn, this.#context));
    } catch (error) {
      // The client left before it was accepted, or no descriptor is left: their
      // limit cannot be read without all permissions. Without a pause this
      // would fail again and again. Clients in the backlog are accepted as soon
      // as others have left
      if (isOutOfDescriptors(error)) {
        const left = this.#connections.length - RESERVED_DESCRIPTORS;
        this.#descriptorLimit = Math.max(MIN_CONNECTIONS, left);
      }
      if (this.#stop === null) {
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE));
      }
    }
  }

  async #serveConnection(connection: Connection): Promise<void> {
    connection.index = this.#connections.push(connection) - 1;
    if (this.#stop !== null) connection.stop(IDLE_GRACE); // accepted just then
    const run = connection.run(this.#turn);
    this.#turn &&= Promise.all([this.#turn, run]);
    await run;
    this.#remove(connection);
    this.#vacancy?.resolve();
  }

  /** Removes a connection that has ended; the last one takes its place. */
  #remove(connection: Connection): void {
    const connections = this.#connections;
    const { index } = connection;
    if (connections[index] !== connection) return; // closed with all others
    const last = connections.pop()!;
    if (last === connection) return;
    connections[index] = last;
    last.index = index;
  }

  /** Waits until a connection ends, or the server has to stop. */
  #waitForVacancy(): Promise<void> {
    this.#vacancy = Promise.withResolvers();
    return this.#vacancy.promise;
  }
}

/** Reads what connections need of the options, wherever the server listens. */
function readOptions(handler: Handler, options: ServeOptions) {
  const { log, trace, cert, allowedHosts } = options;
  checkOptions({ ...options, handler: handler ?? null });
  const canKeepAlive = options.keepAlive !== false && !options.oneAtATime;
  const requestLimit = canKeepAlive ? {} : { maxRequests: 1 };
  const limits = completeLimits({ ...options.limits, ...requestLimit });
  const headers = new HeaderFields(options.headers);
  const onError = shielded(options.onError ?? warn, warn);
  return {
    handler: options.headers ? withHeaders(handler, headers) : handler,
    headers,
    allowedNames: readAllowedHosts(allowedHosts),
    limits,
    protocol: cert === undefined ? "http" as const : "https" as const,
    seenHeads: new SeenHeads(),
    buffers: new Buffers(),
    downloadQueue: new FairQueue(DOWNLOADS_AT_ONCE),
    log: log === undefined ? null : shielded(log, onError),
    isTrustedProxy: options.isTrustedProxy ?? (() => false),
    onError,
    startTrace: trace && createEmitters(shielded(trace, onError)),
  };
}

/** Wraps a callback so that whatever it throws goes to `onFault`. */
function shielded<T>(
  callback: (value: T) => unknown,
  onFault: (fault: unknown) => void,
): (value: T) => void {
  return (value) => {
    try {
      const result = callback(value);
      if (result instanceof Promise) result.catch(onFault);
    } catch (fault) {
      onFault(fault);
    }
  };
}

/** The host and port for a URL; the default port is left out. */
function authorityOf(addr: Deno.Addr, protocol: Protocol): string {
  if (!("hostname" in addr)) return "localhost";
  const host = addBrackets(addr.hostname);
  return addr.port === defaultPort(protocol) ? host : `${host}:${addr.port}`;
}
