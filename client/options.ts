import type { Credentials } from "../message/field_values.ts";
import type { HeaderFieldsInit } from "../message/header_fields.ts";
import type { Url } from "../url/url.ts";
import type { Trace } from "./trace.ts";

/**
 * A body of known size that the client reads while it sends it.
 *
 * @example Send a stream whose length is known
 * ```ts
 * import { post, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   async (request) => ({ status: 200, body: await request.bytes() }),
 *   { port: 0 },
 * );
 *
 * const blob = new Blob(["Knock ", "knock"]);
 * const body = { size: blob.size, stream: () => blob.stream() };
 * assertEquals(await (await post(server.url, body)).text(), "Knock knock");
 * ```
 *
 * @category Fetch
 */
export interface SizedBody {
  /** The length in bytes. */
  readonly size: number;
  /**
   * The bytes, or a function that opens a stream of them. The function is
   * called again when the body is sent again, for a redirect or a retry.
   */
  readonly stream:
    | ReadableStream<Uint8Array>
    | (() => ReadableStream<Uint8Array>);
}

/**
 * A body to send. If a `Content-Length` field gives its length, a
 * `ReadableStream` is sent as it is read. Otherwise the client first reads all
 * of it, up to 256 MiB, because HTTP/1.0 needs the length. A
 * {@linkcode SizedBody} is always sent as it is read.
 *
 * @example Give the same body in three ways
 * ```ts
 * import { post, type RequestBodyInit, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(async (request) => {
 *   return { status: 200, body: await request.text() };
 * }, { port: 0 });
 *
 * const params = new URLSearchParams({ a: "1" });
 * const bodies: RequestBodyInit[] = ["a=1", params, new Blob(["a=", "1"])];
 * for (const body of bodies) {
 *   assertEquals(await (await post(server.url, body)).text(), "a=1");
 * }
 * ```
 *
 * @category Fetch
 */
export type RequestBodyInit =
  | string
  | ArrayBufferView
  | ArrayBuffer
  | URLSearchParams
  | FormData
  | Blob
  | ReadableStream<Uint8Array>
  | SizedBody;

/**
 * A store for cookies; the `CookieJar` of `npm:tough-cookie` has this shape.
 *
 * @example Store one cookie
 * ```ts
 * import { Client, type CookieStore, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(({ headers }) => ({
 *   status: 200,
 *   headers: { "Set-Cookie": "who=Ada" },
 *   body: headers.get("cookie") ?? "nobody",
 * }), { port: 0 });
 *
 * let cookie = "";
 * const cookies: CookieStore = {
 *   getCookieString: () => cookie,
 *   setCookie: (text) => cookie = text,
 * };
 * await using client = new Client({ cookies });
 * assertEquals(await (await client.get(server.url)).text(), "nobody");
 * assertEquals(await (await client.get(server.url)).text(), "who=Ada");
 * ```
 *
 * @category Fetch
 */
export interface CookieStore {
  /** Returns the value of the `Cookie` field for a URL; `""` for none. */
  getCookieString(url: string): string | Promise<string>;
  /**
   * Stores the value of a `Set-Cookie` field from a URL; rejects if it is not
   * acceptable.
   */
  setCookie(text: string, url: string): unknown;
}

/**
 * When and how often to retry.
 *
 * Any request is retried if it could not be sent (no such host, no connection,
 * a timeout on the way), or after status 408, 429 or 503. One whose method is
 * idempotent, such as GET and PUT but not POST, is also retried if the response
 * is late, cut or missing, or after status 500, 502 or 504. A body that is a
 * stream can be sent only once, so give a {@linkcode SizedBody} with a
 * function.
 *
 * @example Try again
 * ```ts
 * import { get, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * let requests = 0;
 * await using server = serve(
 *   () => ({ status: ++requests < 3 ? 503 : 200 }),
 *   { port: 0 },
 * );
 *
 * const retry = { count: 3, delay: 10 };
 * assertEquals((await get(server.url, { retry })).status, 200);
 * assertEquals(requests, 3);
 * ```
 *
 * @category Fetch
 */
export interface RetryOptions {
  /** The number of retries. */
  readonly count: number;
  /**
   * The first pause in milliseconds.
   *
   * @default {1000}
   */
  readonly delay?: number;
  /**
   * The factor by which each further pause is longer.
   *
   * @default {2}
   */
  readonly factor?: number;
  /**
   * The time after which no further attempt begins, in milliseconds; no limit
   * by default.
   */
  readonly maxTime?: number;
  /**
   * Whether to try again after any {@linkcode ClientError}.
   *
   * @default {false}
   */
  readonly anyError?: boolean;
  /**
   * Whether to try again after any status from 400 on.
   *
   * @default {false}
   */
  readonly anyStatus?: boolean;
  /**
   * The longest pause in milliseconds. If `Retry-After` asks for a longer one,
   * the response is returned as it is.
   *
   * @default {60000}
   */
  readonly maxDelay?: number;
}

/**
 * How to reach a host.
 *
 * @example Use a name that DNS does not have
 * ```ts
 * import { get, type ReachOptions, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const options = { port: 0, allowedHosts: ["knock.example"] };
 * await using server = serve(() => ({ status: 204 }), options);
 *
 * const { port } = server.addr as Deno.NetAddr;
 * const reach: ReachOptions = { resolve: { [`*:${port}`]: "127.0.0.1" } };
 * const response = await get(`http://knock.example:${port}/`, reach);
 * assertEquals(response.status, 204);
 * ```
 *
 * @category Fetch
 */
export interface ReachOptions {
  /**
   * Aborts the request at any step; it then rejects with the signal's reason.
   */
  readonly signal?: AbortSignal;
  /**
   * The time limit to find the host, connect, and set up a tunnel and TLS, in
   * milliseconds.
   *
   * @default {10000}
   */
  readonly connectTimeout?: number;
  /**
   * The time limit without progress, in milliseconds: for the whole head, then
   * for each block of a body.
   *
   * @default {30000}
   */
  readonly idleTimeout?: number;
  /** The IP version to use; both by default. */
  readonly family?: 4 | 6;
  /**
   * Addresses to use instead of asking the system, by `host:port`, or by
   * `*:port` for every host; the host may be in any case or alphabet.
   */
  readonly resolve?: Readonly<Record<string, string | readonly string[]>>;
  /** The path of a unix socket to connect to instead of the host. */
  readonly unixSocket?: string;
  /** Certificates in PEM to trust in addition to those of the platform. */
  readonly caCerts?: readonly string[];
  /** The client's certificate in PEM; needs `key`. */
  readonly cert?: string;
  /** The private key of the client's certificate in PEM; needs `cert`. */
  readonly key?: string;
  /** A function to call with each event. */
  readonly trace?: Trace;
}

/**
 * The options of a {@linkcode Client}, for all its requests.
 *
 * @example Send the same field with each request
 * ```ts
 * import { Client, type ClientOptions, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   ({ headers }) => ({ status: 200, body: headers.get("x-who") ?? "" }),
 *   { port: 0 },
 * );
 *
 * const headers = { "X-Who": "Ada" };
 * const options: ClientOptions = { headers, timeout: 5_000 };
 * await using client = new Client(options);
 * assertEquals(await (await client.get(server.url)).text(), "Ada");
 * ```
 *
 * @category Fetch
 */
export interface ClientOptions extends ReachOptions {
  /**
   * Fields to send; they replace defaults such as `User-Agent` and `Accept`.
   */
  readonly headers?: HeaderFieldsInit;
  /** Names of fields to leave out, such as default ones. */
  readonly omit?: readonly string[];
  /**
   * What to do with a redirect: follow it, return it as it is, or fail.
   *
   * @default {"follow"}
   */
  readonly redirect?: "follow" | "manual" | "error";
  /**
   * The maximum number of redirects to follow.
   *
   * @default {20}
   */
  readonly maxRedirects?: number;
  /** Username and password for the proxy, instead of those in its URL. */
  readonly proxyCredentials?: Credentials;
  /**
   * Rules to connect to another host and port. `""` and 0 match any host and
   * port in `from` and `port`, and change nothing in `to` and `toPort`. The
   * first rule that matches applies; through a proxy, the client uses a tunnel.
   */
  readonly connectTo?: readonly {
    readonly from: string;
    readonly port: number;
    readonly to: string;
    readonly toPort: number;
  }[];
  /** The maximum rate of each direction in bytes per second; 0 for no limit. */
  readonly maxRate?: number;
  /** Options of TLS that `Deno.startTls` lacks. */
  readonly tls?: {
    /**
     * Whether to accept any certificate, for development: anyone on the way can
     * then read and change everything.
     *
     * @default {false}
     */
    readonly insecure?: boolean;
    /** The lowest version of TLS to accept; 1.2 by default. */
    readonly minVersion?: "TLSv1.2" | "TLSv1.3";
  };
  /**
   * Fields to send to the proxy only. They replace other fields of the same
   * name, except `Host`, which always names the target.
   */
  readonly proxyHeaders?: HeaderFieldsInit;
  /**
   * Whether to ask the proxy for a tunnel to http origins too.
   *
   * @default {false}
   */
  readonly proxyTunnel?: boolean;
  /** The protocols to allow, also after a redirect; both by default. */
  readonly protocols?: readonly Url["protocol"][];
  /** The protocols to allow after a redirect; `protocols` by default. */
  readonly redirectProtocols?: readonly Url["protocol"][];
  /** The redirect statuses after which a POST remains a POST. */
  readonly keepPost?: readonly (301 | 302 | 303)[];
  /**
   * Whether to send the credentials, cookies and fields for the first origin
   * also to other origins that redirects lead to.
   *
   * @default {false}
   */
  readonly trustRedirects?: boolean;
  /**
   * Whether to send the URL before a redirect in `Referer`.
   *
   * @default {false}
   */
  readonly autoReferer?: boolean;
  /**
   * The time limit from the call to the end of the body, in milliseconds.
   *
   * @default {3600000}
   */
  readonly timeout?: number;
  /**
   * An HTTP proxy, such as `http://user:password@192.0.2.1:3128`, or a function
   * that chooses one for a URL.
   */
  readonly proxy?: string | ((url: Url) => string | null);
  /**
   * Hosts to reach without the proxy, written as in the `no_proxy` variable.
   */
  readonly noProxy?: string;
  /**
   * Whether to ask the server to keep the connection open for the next request
   * of the same client; `request()` has no next one, and closes it.
   *
   * @default {true} in a `Client`, false in `request()`
   */
  readonly keepAlive?: boolean;
  /**
   * The longest head of a response, in bytes.
   *
   * @default {65536}
   */
  readonly maxHeadBytes?: number;
  /**
   * The longest body of a response, in bytes, before and after decoding. By
   * default a stream has no limit, and `text()`, `json()` and `bytes()` stop at
   * 256 MiB.
   */
  readonly maxBodyBytes?: number;
  /**
   * Whether to ask for content codings and to decode them.
   *
   * @default {false}
   */
  readonly decode?: boolean;
  /**
   * Username and password for the origin of the URL, instead of those in the
   * URL itself.
   */
  readonly credentials?: Credentials;
  /**
   * Finds the credentials for the origin of a URL, also after a redirect, if
   * `credentials` do not apply.
   */
  readonly findCredentials?: (url: Url) => Credentials | null;
  /** The store for cookies; they are those of the host in a `Host` field. */
  readonly cookies?: CookieStore;
  /** The number of retries, or all the options for them. */
  readonly retry?: number | RetryOptions;
}

/**
 * The options of {@linkcode request}.
 *
 * @example Send a request with fields and a limit
 * ```ts
 * import { request, type RequestOptions, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   ({ method, headers }) => ({
 *     status: 200,
 *     body: `${method} from ${headers.get("x-who")}`,
 *   }),
 *   { port: 0 },
 * );
 *
 * const options: RequestOptions = {
 *   method: "PUT",
 *   headers: { "X-Who": "Ada" },
 *   body: "hi",
 *   timeout: 5_000,
 *   maxBodyBytes: 1_000,
 * };
 * const response = await request(server.url, options);
 * assertEquals(await response.text(), "PUT from Ada");
 * ```
 *
 * @category Fetch
 */
export interface RequestOptions extends ClientOptions {
  /**
   * The method, a case-sensitive token.
   *
   * @default {"GET"}
   */
  readonly method?: string;
  /**
   * The request target to send instead of the path and query of the URL, such
   * as `*` for OPTIONS; not used after a redirect.
   */
  readonly target?: string;
  /**
   * The body to send; `{ size, stream }` for a stream of known length, which is
   * sent as it is read, in constant memory.
   */
  readonly body?: RequestBodyInit;
}
