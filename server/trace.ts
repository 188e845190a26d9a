import { addBrackets, unmapped } from "../url/host.ts";

/**
 * One thing that happened in a server, in the order of its seven steps: find
 * the address and port, create a socket, bind it, listen, accept, read and
 * write, close.
 *
 * `at` is the time in milliseconds since the server began; `type` names the
 * event; `connection` is the number of the connection, from 1 on, and 0 for the
 * socket that listens. Addresses are written as in a URL: `192.0.2.1:80`,
 * `[2001:db8::1]:80`, or the path of a unix socket, `-` if it has none.
 *
 * @example Which steps a request takes
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
 * @example Words for an event, wherever it is
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
   * Steps 1 to 4 are done, in one call of `Deno.listen`: what was asked for,
   * and the address that was bound.
   */
  | { type: "listening"; asked: string; address: string }
  /** Step 5: the system had a connection for this server. */
  | { type: "accepted"; local: string; remote: string }
  /**
   * In a server that takes one at a time: the connection waits, as so many
   * others were accepted before it and are not closed yet.
   */
  | { type: "waiting"; remote: string; ahead: number }
  /** Its turn has come, after so many milliseconds. */
  | { type: "turn"; waited: number }
  /**
   * Step 6: so many bytes were read, inside TLS where there is TLS; null where
   * the client ended its side.
   */
  | { type: "read"; bytes: number | null }
  /** Step 6: the head of a request is complete. `text` has its line ends. */
  | { type: "request-head"; text: string; bytes: number }
  /** Step 6: what was found out about the request, in a word and a sentence. */
  | { type: "decision"; step: string; finding: string }
  /**
   * Step 6: the request is refused, or its handler failed: what is wrong, and
   * where; and what was expected, "" if that goes without saying.
   */
  | { type: "refused"; status: number; reason: string; expected: string }
  /** Step 6: the head of a response is to be written. `text` has its CRLFs. */
  | { type: "response-head"; text: string; bytes: number }
  /** Step 6: the system took so many bytes, of a head, a body, or both. */
  | { type: "write"; bytes: number }
  /** The connection is kept after so many requests: it waits for the next. */
  | { type: "kept"; requests: number }
  /** Step 7: the server has ended its side, and drops what still comes. */
  | { type: "half-closed" }
  /**
   * Step 7: the socket is closed. `by` is who ended first, as the socket tells
   * who looks at it right before.
   */
  | { type: "closed"; by: "client" | "server"; how: EndReason }
>;

/**
 * How a connection ended: `"close"` in the usual way; by a `"reset"` of the
 * client; because a `"timeout"` was over, or the server was shut down.
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

/** Emits an event, to which its time and number are added. */
export type Emit = (event: ServerEvent) => void;

/** Tells what was decided about a request. */
export type Decide = (step: string, finding: string) => void;

/** Makes what gives each caller an emitter of the next number. */
export function emitters(trace: (event: ServerTraceEvent) => void) {
  const began = performance.now();
  let count = 0;
  return (): Emit => {
    const connection = count++;
    const now = () => performance.now() - began;
    return (event) => trace({ at: now(), connection, ...event });
  };
}

/** Writes an address as events have it. */
export function addressOf(addr: Deno.Addr): string {
  if (addr.transport === "unix") return addr.path || "-";
  const { hostname, port } = addr as Deno.NetAddr;
  return `${addBrackets(unmapped(hostname))}:${port}`;
}
