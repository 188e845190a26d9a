import { HeaderFields, type RequestTarget } from "../message/mod.ts";
import type { AdmittedRequest } from "./_connection/admit.ts";
import type { ConnectionIo } from "./_connection/connection_io.ts";
import { BodyError, type RequestBody } from "./request_body.ts";
import type { Decide } from "./trace.ts";

/**
 * A request as a handler sees it: it has the names of the web's `Request` where
 * they overlap, and what was sent over the wire.
 *
 * The body can be read once, by one of `body`, `text()`, `json()` or `bytes()`.
 *
 * A handler around another can change what that one sees with `Object.assign`,
 * and the fields in `headers` directly. The log shows what was sent.
 *
 * @example What a handler gets
 * ```ts
 * import { post, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(async (request) => {
 *   const { method, path, searchParams, headers } = request;
 *   const body = await request.text();
 *   const who = [searchParams.get("who"), headers.get("x-who")];
 *   return Response.json([method, path, ...who, body]);
 * }, { port: 0 });
 *
 * const headers = { "X-Who": "Boo" };
 * const response = await post(server.url + "a?who=Ada", "hi", { headers });
 * assertEquals(await response.json(), ["POST", "/a", "Ada", "Boo", "hi"]);
 * ```
 *
 * @example Rewrite a path
 * ```ts
 * import { get, type Handler, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const handler: Handler = ({ path }) => ({ status: 200, body: path });
 * await using server = serve((request) => {
 *   const path = request.path.replace(/^\/api\/v1\//, "/");
 *   return handler(Object.assign(request, { path }));
 * }, { port: 0 });
 * const response = await get(server.url + "api/v1/notes");
 * assertEquals(await response.text(), "/notes");
 * ```
 *
 * @category Serve
 */
export class HttpRequest {
  /** The method, case-sensitive. */
  readonly method: string;
  /** The request target as sent. */
  readonly target: string;
  /** The path, percent-encoded as sent. */
  readonly path: string;
  /** What follows the `?`, without it; null if there is no `?`. */
  readonly params: string | null;
  /** The version as sent, such as `1.0`. */
  readonly version: string;
  /** The header fields. */
  readonly headers: HeaderFields;
  /**
   * When the head was read: milliseconds of a monotonic clock from an arbitrary
   * start, up to 0.2 s behind. It costs nothing, while asking for the time
   * costs as much as finding a file in memory.
   */
  readonly time: number;
  /**
   * Emits what was decided about the request to the `trace` of the server;
   * undefined without a trace. It is a field, so that a copy of the request has
   * it too.
   *
   * @internal
   */
  readonly decide: Decide | undefined;
  readonly #target: RequestTarget;
  readonly #connection: ConnectionIo;
  readonly #body: RequestBody | null;
  #signal: AbortSignal | null = null;
  #searchParams: URLSearchParams | null = null;

  /**
   * Makes a request, which only the server does.
   *
   * @internal
   * @param admitted The head, and the parts of its target.
   * @param connection Where the request comes from.
   * @param body The body, null if there is none.
   */
  constructor(
    { head, target }: AdmittedRequest,
    connection: ConnectionIo,
    body: RequestBody | null,
  ) {
    this.method = head.method;
    this.target = head.target;
    this.path = target.path;
    this.params = target.params;
    this.version = head.version;
    this.headers = new HeaderFields(head.headers); // a handler may change them
    this.time = connection.server.clock.now;
    const { emit } = connection;
    this.decide = emit &&
      ((step, finding) => emit({ type: "decision", step, finding }));
    this.#target = target;
    this.#connection = connection;
    this.#body = body;
  }

  /**
   * The whole URL: from an absolute-form target, else from `Host`, else from
   * the address of the server.
   */
  get url(): string {
    const { protocol, authority } = this.#connection.server;
    const host = this.#target.host ?? (this.headers.get("host") || authority);
    const path = this.path === "*" ? "/" : this.path;
    const query = this.params === null ? "" : `?${this.params}`;
    return `${protocol}://${host}${path}${query}`;
  }

  /** The decoded params, which are parsed on first use. */
  get searchParams(): URLSearchParams {
    return this.#searchParams ??= new URLSearchParams(`?${this.params ?? ""}`);
  }

  /** The address of the client. */
  get remoteAddr(): Deno.Addr {
    return this.#connection.remoteAddr;
  }

  /**
   * Aborts when the connection breaks or the server is stopped. If the client
   * closes its side, it may still wait for its response (RFC 9112 section 9.6),
   * so the signal aborts only once no bytes were sent to it for 5 s. A response
   * that the handler returns anyway is still sent if possible.
   */
  get signal(): AbortSignal {
    return this.#signal ??= this.#connection.watch();
  }

  /**
   * The body as a stream, always the same one; null if there is none. The first
   * read takes the body, not the access to this property.
   */
  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return this.#body?.stream() ?? null;
  }

  /**
   * Reads the whole body.
   *
   * @returns The bytes, none if there is no body.
   * @throws {BodyError} If the body is over `maxBodyBytes`, cut short, or
   *   already taken.
   */
  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#body?.bytes() ?? Promise.resolve(new Uint8Array(0));
  }

  /**
   * Reads the whole body as UTF-8.
   *
   * @returns The text.
   * @throws {BodyError} If the body is over `maxBodyBytes`, cut short, or
   *   already taken.
   */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /**
   * Reads the whole body as JSON.
   *
   * @returns The value.
   * @throws {BodyError} If the body is over `maxBodyBytes`, cut short, already
   *   taken, or not JSON. If it is not caught, the response has the status that
   *   fits: 400 for what is not JSON.
   */
  async json(): Promise<unknown> {
    const text = await this.text();
    try {
      return JSON.parse(text);
    } catch (cause) {
      const message = `Cannot parse body as JSON: ${(cause as Error).message}`;
      throw new BodyError("malformed", message, { cause });
    }
  }

  /**
   * Converts the request into the web's `Request`, with the body, except for
   * GET and HEAD, where that type allows none.
   *
   * @returns A new `Request`.
   * @throws {TypeError} If the web's type refuses it: method `TRACE` or
   *   `CONNECT`, or a Host that no URL can have.
   */
  toWeb(): Request {
    const { method, signal } = this;
    const body = ["GET", "HEAD"].includes(method) ? null : this.body;
    const headers = this.headers.toWeb();
    return new Request(this.url, { method, headers, signal, body });
  }
}
