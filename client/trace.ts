import type { HeaderFields } from "../message/header_fields.ts";

/**
 * One thing that happened while a request was made, in the order of the
 * client's five steps: find the address and port, create a socket, connect,
 * read and write, close.
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
 * @example Words for an event, whenever it is
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
   * An exchange begins: the first one, one after a redirect, or the same once
   * more.
   */
  | { type: "request"; method: string; url: string }
  /** Step 1 begins: the addresses of a host are looked for. */
  | { type: "resolve"; host: string; port: number }
  /**
   * Step 1 is done: these addresses were found, in the order in which they will
   * be tried.
   */
  | {
    type: "resolved";
    host: string;
    port: number;
    addresses: readonly string[];
    /**
     * Where they come from: the URL itself, the `resolve` option, RFC 6761
     * (`localhost`), the hosts file, or else the system's resolver.
     */
    source: "literal" | "override" | "localhost" | "hosts" | "system";
  }
  /** Steps 2 and 3 begin for one address; several may be under way at once. */
  | { type: "connecting"; address: string }
  /**
   * One address was not connected to; `reason` is in words, `"another address
   * was faster"` for the loser of a race.
   */
  | { type: "connect-failed"; address: string; reason: string }
  /** Step 3 is done. */
  | { type: "connected"; local: string; remote: string }
  /** A proxy was asked for a tunnel, and responded; `text` is its head. */
  | {
    type: "tunnel";
    proxy: string;
    target: string;
    status: number;
    text: string;
  }
  /**
   * TLS is set up: the certificate is right for this name, or was not `checked`
   * where the option `insecure` is given.
   */
  | { type: "secured"; hostname: string; checked: boolean }
  /**
   * Steps 1 to 3 were not needed: a kept connection is used again, for the
   * `uses`th request.
   */
  | { type: "reused"; local: string; remote: string; uses: number }
  /**
   * Step 4: the socket has taken this many bytes; where they are `encrypted`,
   * they are counted before that.
   */
  | { type: "write"; bytes: number; encrypted: boolean }
  /**
   * Step 4: this many bytes were read from the socket, in one read; null is the
   * other side's end, which is TCP's FIN. What was `encrypted` is counted after
   * it was decrypted.
   */
  | { type: "read"; bytes: number | null; encrypted: boolean }
  /**
   * Step 4: the request's head was given to the socket. `text` has its CRLFs.
   */
  | {
    type: "request-head";
    method: string;
    url: string;
    text: string;
    bytes: number;
  }
  /** Step 4: this much of the request's body has been sent so far. */
  | { type: "request-body"; sent: number; total: number }
  /**
   * Sending stopped before the whole body was sent; the response is still
   * awaited.
   */
  | { type: "send-stopped"; sent: number; total: number; reason: string }
  /** Step 4: an interim response (1xx), which was skipped. */
  | { type: "interim"; status: number; text: string; bytes: number }
  /** Step 4: the response's head arrived. `text` has its CRLFs, as received. */
  | {
    type: "response-head";
    url: string;
    version: string;
    status: number;
    reason: string;
    headers: HeaderFields;
    text: string;
    bytes: number;
  }
  /**
   * Step 4: this much of the response's body has arrived so far, still coded
   * but without chunks; `total` is null while unknown.
   */
  | { type: "body"; received: number; total: number | null }
  /** Step 4 is done: the body ended, `reason` says what marked its end. */
  | {
    type: "body-end";
    received: number;
    end: "length" | "close" | "chunked" | "none";
    reason: string;
  }
  /**
   * A redirect is followed; `dropped` lists the fields that are not sent again,
   * and why.
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
   * A `Set-Cookie` field was given to the cookie store; `error` says why it was
   * refused, null when it was not.
   */
  | { type: "cookie"; text: string; error: string | null }
  /** The request is tried again after a pause. */
  | {
    type: "retry";
    attempt: number;
    /** Milliseconds until then. */
    delay: number;
    reason: string;
  }
  /** The connection is kept for the next request. */
  | { type: "kept"; remote: string; reason: string }
  /**
   * Step 5: the connection is closed. `by` says which side was first, as the
   * socket told: `"server"` when its end or its reset was read before this side
   * closed; `reason` is that side's.
   */
  | { type: "closed"; remote: string; by: "client" | "server"; reason: string }
>;

/**
 * A field that is not sent to where a redirect leads.
 *
 * @example What another server is not told
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
  /** Its name. */
  readonly name: string;
  /** Why, such as `port 8080 is not port 80`. */
  readonly reason: string;
}

/**
 * When each phase of an exchange was over, in milliseconds since it began; null
 * when there was no such phase.
 *
 * @example How long each step took
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
  /** The addresses were known. */
  readonly resolved: number | null;
  /** A socket was connected. */
  readonly connected: number | null;
  /** TLS was set up. */
  readonly secured: number | null;
  /** The head of the request was sent. */
  readonly sent: number | null;
  /** The head of the response had arrived. */
  readonly answered: number | null;
  /** The body had ended; null while it has not. */
  readonly ended: number | null;
}

/**
 * One exchange that led to a redirect.
 *
 * @example Where redirects led
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
  /** How long each phase took. */
  readonly timings: Timings;
}

/**
 * A function that is called with each event, while it happens; when it throws,
 * the request fails.
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

/** Emits an event, to which its time is added. */
export type Emit = (event: TraceEventBody) => void;

/**
 * Makes the function that emits the events of one request; undefined where
 * nobody listens, so that events cost nothing then.
 */
export function emitTo(trace: Trace | undefined): Emit | undefined {
  if (trace === undefined) return undefined;
  const started = performance.now();
  return (event) => trace({ at: performance.now() - started, ...event });
}
