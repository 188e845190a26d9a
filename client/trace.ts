import type { HeaderFields } from "../message/header_fields.ts";
import type { ResponseHead } from "../message/response_head.ts";

/**
 * One event of a request. Events come in the order of the client's five steps:
 * find the address and port, create a socket, connect, read and write, close.
 *
 * `at` is the time in milliseconds since `request()` was called; `type` names
 * the event. Addresses are written as in a URL: `192.0.2.1:80`,
 * `[2001:db8::1]:80`, or the path of a unix socket.
 *
 * @example Print what is sent
 * ```ts
 * import { get, serve, type TraceEvent } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(() => ({ status: 204 }), { port: 0 });
 *
 * let sent = "";
 * const trace = (event: TraceEvent) => {
 *   if (event.type === "request-head") sent += event.text;
 * };
 * await get(server.url + "who", { trace });
 * assertEquals(sent.split("\r\n")[0], "GET /who HTTP/1.0");
 * ```
 *
 * @category Fetch
 */
export type TraceEvent = { readonly at: number } & TraceEventBody;

/**
 * A {@linkcode TraceEvent} without its time.
 *
 * @example Describe an event
 * ```ts
 * import type { TraceEventBody } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * function describe(event: TraceEventBody): string {
 *   if (event.type !== "connecting") return event.type;
 *   return `Knocking at ${event.address}`;
 * }
 * const text = describe({ type: "connecting", address: "192.0.2.1:80" });
 * assertEquals(text, "Knocking at 192.0.2.1:80");
 * ```
 *
 * @category Fetch
 */
export type TraceEventBody = Readonly<
  /**
   * An exchange begins: the first one, one after a redirect, or another attempt
   * at the same one.
   */
  | { type: "request"; method: string; url: string }
  /** Step 1 begins: the client looks for the addresses of a host. */
  | { type: "resolve"; host: string; port: number }
  /**
   * Step 1 is done: these addresses were found, in the order in which the
   * client will try them.
   */
  | { type: "resolved"; host: string; port: number } & ResolvedHost
  /** Steps 2 and 3 begin for one address; several may be tried at once. */
  | { type: "connecting"; address: string }
  /**
   * Connecting to one address failed; `reason` says why in words, `"another
   * address was faster"` for the loser of a race.
   */
  | { type: "connect-failed"; address: string; reason: string }
  /** Step 3 is done. */
  | { type: "connected"; local: string; remote: string }
  /** A proxy responded to CONNECT; `text` is the head of that response. */
  | { type: "tunnel"; target: string; status: number; text: string }
  /**
   * TLS is set up: the certificate is valid for this name, or was not `checked`
   * because of the option `insecure`.
   */
  | { type: "secured"; hostname: string; checked: boolean }
  /**
   * Steps 1 to 3 were not needed: a kept connection is reused, for its `uses`th
   * request.
   */
  | { type: "reused"; local: string; remote: string; uses: number }
  /**
   * Step 4: the socket accepted this many bytes; `encrypted` bytes are counted
   * before encryption.
   */
  | { type: "write"; bytes: number; encrypted: boolean }
  /**
   * Step 4: one read from the socket returned this many bytes; null is the end
   * of the stream, which is TCP's FIN. `encrypted` bytes are counted after
   * decryption.
   */
  | { type: "read"; bytes: number | null; encrypted: boolean }
  /**
   * Step 4: the client wrote the head of the request; `text` has its CRLFs.
   */
  | { type: "request-head"; text: string; bytes: number }
  /** Step 4: this much of the request's body has been sent so far. */
  | { type: "request-body"; sent: number; total: number }
  /**
   * Sending stopped before the whole body was sent; the client may still read
   * the response.
   */
  | { type: "send-stopped"; sent: number; total: number; reason: string }
  /** Step 4: an interim response (1xx), which was skipped. */
  | { type: "interim"; status: number; text: string; bytes: number }
  /** Step 4: the response's head arrived; `text` has its CRLFs, as received. */
  | { type: "response-head"; url: string; text: string; bytes: number }
    & Omit<ResponseHead, "size">
  /**
   * Step 4: this much of the response's body has arrived so far, before content
   * decoding but without chunk lines; `total` is null if it is unknown.
   */
  | { type: "body"; received: number; total: number | null }
  /** Step 4 is done: the body ended; `reason` says what marked its end. */
  | {
    type: "body-end";
    received: number;
    end: "length" | "close" | "chunked" | "none";
    reason: string;
  }
  /**
   * The client follows a redirect; `dropped` lists the fields that it does not
   * send again, and why.
   */
  | {
    type: "redirect";
    status: number;
    from: string;
    to: string;
    method: string;
    /** Why the method changed; null when it did not. */
    methodReason: string | null;
    dropped: readonly DroppedField[];
  }
  /**
   * A `Set-Cookie` field was given to the cookie store; `error` says why the
   * store rejected it, or is null.
   */
  | { type: "cookie"; text: string; error: string | null }
  /** The client will retry the request after a pause. */
  | {
    type: "retry";
    /** The number of the retry; the first is 1. */
    attempt: number;
    /** The pause in milliseconds. */
    delay: number;
    reason: string;
  }
  /** The connection is kept for the next request. */
  | { type: "kept"; remote: string; reason: string }
  /**
   * Step 5: the connection is closed. `by` says which side closed first:
   * `"server"` if the client read the server's end or reset before it closed.
   * `reason` says why that side closed.
   */
  | { type: "closed"; remote: string; by: "client" | "server"; reason: string }
>;

/**
 * The addresses of a host.
 *
 * @example Check whether the system was asked
 * ```ts
 * import { type ResolvedHost, resolveHost } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const wasAsked = ({ source }: ResolvedHost) =>
 *   source === "hosts" || source === "system";
 * assertEquals(wasAsked(await resolveHost("app.localhost", 80)), false);
 * ```
 *
 * @category Sockets
 */
export interface ResolvedHost {
  /**
   * The addresses in the order in which to try them, at least one, IPv6 without
   * brackets.
   */
  readonly addresses: readonly string[];
  /**
   * Where they come from: the host itself, the `resolve` option, RFC 6761
   * (`localhost`), the hosts file if it has the name and may be read, or
   * otherwise the system's resolver.
   */
  readonly source: "literal" | "override" | "localhost" | "hosts" | "system";
}

/**
 * A field that the client does not send again after a redirect.
 *
 * @example See what another server is not told
 * ```ts
 * import { type DroppedField, get, serve, type Trace } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using other = serve(() => ({ status: 204 }), { port: 0 });
 * const moved = { status: 302, headers: { "Location": other.url } };
 * await using server = serve(() => moved, { port: 0 });
 *
 * const fields: DroppedField[] = [];
 * const trace: Trace = (event) =>
 *   event.type === "redirect" && fields.push(...event.dropped);
 * await get(server.url, { headers: { "Cookie": "who=Ada" }, trace });
 * assertEquals(fields.map(({ name }) => name), ["Cookie"]);
 * ```
 *
 * @category Fetch
 */
export interface DroppedField {
  /** The name of the field. */
  readonly name: string;
  /** Why it is dropped, such as `port 8080 is not 80`. */
  readonly reason: string;
}

/**
 * When each phase of an exchange ended, in milliseconds since the exchange
 * began; null if there was no such phase.
 *
 * @example See how long each step took
 * ```ts
 * import { get, serve } from "@knock/http";
 * import { assert } from "@std/assert";
 *
 * await using server = serve(() => ({ status: 200 }), { port: 0 });
 *
 * const { timings } = await get(server.url);
 * assert(timings.connected! <= timings.ended!);
 * ```
 *
 * @category Fetch
 */
export interface Timings {
  /** When the addresses were known. */
  readonly resolved: number | null;
  /** When a socket was connected. */
  readonly connected: number | null;
  /** When TLS was set up. */
  readonly secured: number | null;
  /** When the head of the request was sent. */
  readonly sent: number | null;
  /** When the head of the response had arrived. */
  readonly answered: number | null;
  /** When the body ended; null until then. */
  readonly ended: number | null;
}

/**
 * One exchange that led to a redirect.
 *
 * @example See where redirects led
 * ```ts
 * import { get, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(({ path }) =>
 *   path === "/new"
 *     ? { status: 200 }
 *     : { status: 301, headers: { "Location": "/new" } }, { port: 0 });
 *
 * const { hops, url } = await get(server.url + "old");
 * assertEquals(hops.map(({ status }) => status), [301]);
 * assertEquals(url, server.url + "new");
 * ```
 *
 * @category Fetch
 */
export interface Hop {
  /** The URL of the request. */
  readonly url: string;
  /** The method of the request. */
  readonly method: string;
  /** The status of the response. */
  readonly status: number;
  /** The fields of the response. */
  readonly headers: HeaderFields;
  /** The address of the server, or of the proxy. */
  readonly remoteAddr: Deno.Addr;
  /** When each phase ended. */
  readonly timings: Timings;
}

/**
 * A function that is called with each event as it happens; if it throws, the
 * request fails.
 *
 * @example Print the steps
 * ```ts
 * import { get, serve, type Trace } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(() => ({ status: 204 }), { port: 0 });
 *
 * const types: string[] = [];
 * const trace: Trace = ({ type }) => types.push(type);
 * await get(server.url, { trace });
 * assertEquals(types.at(-1), "closed");
 * ```
 *
 * @category Fetch
 */
export type Trace = (event: TraceEvent) => void;

/** Emits an event after adding the time to it. */
export type Emit = (event: TraceEventBody) => void;

/**
 * Creates the function that emits the events of one request; undefined if
 * nobody listens, so that events cost nothing.
 */
export function createEmitter(trace: Trace | undefined): Emit | undefined {
  if (trace === undefined) return undefined;
  const started = performance.now();
  return (event) => trace({ at: performance.now() - started, ...event });
}
