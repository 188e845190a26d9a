import { addBrackets, unmapped } from "../url/host.ts";

/**
 * One event of a server. The events follow its seven steps: find the address
 * and port, create a socket, bind it, listen, accept, read and write, close.
 *
 * `at` is the time in milliseconds since the server started, `type` the name of
 * the event, and `connection` the number of the connection, from 1 on, or 0 for
 * the listening socket. Addresses are written as in a URL: `192.0.2.1:80`,
 * `[2001:db8::1]:80`, or the path of a unix socket, `-` if it has none.
 *
 * @example The steps of a request
 * ```ts
 * import { get, serve, type ServerTraceEvent } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const types: string[] = [];
 * const trace = ({ type }: ServerTraceEvent) => types.push(type);
 * const server = serve(() => ({ status: 204 }), { port: 0, trace });
 * await get(server.url);
 * await server.shutdown();
 * assertEquals(types.slice(0, 3), ["listening", "accepted", "read"]);
 * assertEquals(types.at(-1), "closed");
 * ```
 *
 * @category Serve
 */
export type ServerTraceEvent =
  & { readonly at: number; readonly connection: number }
  & ServerEvent;

/**
 * A {@linkcode ServerTraceEvent} without its time and number.
 *
 * @example Words for an event
 * ```ts
 * import type { ServerEvent } from "@knock/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * function describe(event: ServerEvent): string {
 *   if (event.type !== "accepted") return event.type;
 *   return `${event.remote} knocks`;
 * }
 * const [local, remote] = ["192.0.2.1:80", "192.0.2.7:50000"];
 * const text = describe({ type: "accepted", local, remote });
 * assertEquals(text, "192.0.2.7:50000 knocks");
 * ```
 *
 * @category Serve
 */
export type ServerEvent = Readonly<
  /**
   * Steps 1 to 4 are done, in one call of `Deno.listen`: the address that was
   * asked for, and the one that was bound.
   */
  | { type: "listening"; asked: string; address: string }
  /** Step 5: the server accepted a connection. */
  | { type: "accepted"; local: string; remote: string }
  /**
   * In a server with `oneAtATime`: the connection waits, because `ahead` others
   * were accepted before it and are not closed yet.
   */
  | { type: "waiting"; remote: string; ahead: number }
  /** Its turn has come, after `waited` milliseconds. */
  | { type: "turn"; waited: number }
  /**
   * Step 6: bytes were read, inside TLS if it is used; null if the client
   * closed its side.
   */
  | { type: "read"; bytes: number | null }
  /** Step 6: the head of a request is complete. `text` has its line ends. */
  | { type: "request-head"; text: string; bytes: number }
  /** Step 6: a decision about the request, as a word and a sentence. */
  | { type: "decision"; step: string; finding: string }
  /**
   * Step 6: the request was refused, or its handler failed. `reason` says what
   * is wrong, and `expected` what was expected, "" if that is obvious.
   */
  | { type: "refused"; status: number; reason: string; expected: string }
  /** Step 6: the head of a response is ready. `text` has its CRLFs. */
  | { type: "response-head"; text: string; bytes: number }
  /** Step 6: bytes were written, of a head, a body, or both. */
  | { type: "write"; bytes: number }
  /** The connection is kept after `requests` requests, for the next one. */
  | { type: "kept"; requests: number }
  /** Step 7: the server closed its side, and discards what still comes. */
  | { type: "half-closed" }
  /**
   * Step 7: the socket is closed. `by` is who ended first, as far as a last
   * look at the socket shows.
   */
  | { type: "closed"; by: "client" | "server"; how: EndReason }
>;

/**
 * How a connection ended: in the usual way (`"close"`), by a `"reset"` of the
 * client, by a `"timeout"`, or by a `"shutdown"` of the server.
 *
 * @example Count how connections end
 * ```ts
 * import { type EndReason, get, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const reasons: EndReason[] = [];
 * const server = serve(() => ({ status: 204 }), {
 *   port: 0,
 *   trace: (event) => event.type === "closed" && reasons.push(event.how),
 * });
 * await get(server.url);
 * await server.shutdown();
 * assertEquals(reasons, ["close"]);
 * ```
 *
 * @category Serve
 */
export type EndReason = "close" | "reset" | "timeout" | "shutdown";

/** Emits an event; its time and its number are added. */
export type Emit = (event: ServerEvent) => void;

/** Emits what was decided about a request. */
export type Decide = (step: string, finding: string) => void;

/** Makes a function that gives each caller an emitter with the next number. */
export function createEmitters(trace: (event: ServerTraceEvent) => void) {
  const startedAt = performance.now();
  let count = 0;
  return (): Emit => {
    const connection = count++;
    const now = () => performance.now() - startedAt;
    return (event) => trace({ at: now(), connection, ...event });
  };
}

/** Writes an address in the form that events have. */
export function addressOf(addr: Deno.Addr): string {
  if (addr.transport === "unix") return addr.path || "-";
  const { hostname, port } = addr as Deno.NetAddr;
  return `${addBrackets(unmapped(hostname))}:${port}`;
}
