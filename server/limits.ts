import {
  REQUEST_HEAD_LIMITS,
  type RequestHeadLimits,
} from "../message/request_head.ts";

/**
 * What a server allows one client; each limit has a default. Times are in
 * milliseconds, and kept to within 0.2 s.
 *
 * @example Bodies of at most ten bytes
 * ```ts
 * import { post, serve, type ServerLimits } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const limits: ServerLimits = { maxBodyBytes: 10, maxConnections: 100 };
 * await using server = serve(
 *   async (request) => ({ status: 200, body: await request.text() }),
 *   { port: 0, limits },
 * );
 *
 * assertEquals((await post(server.url, "1234567890")).status, 200);
 * assertEquals((await post(server.url, "12345678901")).status, 413);
 * ```
 *
 * @category Serve
 */
export interface ServerLimits extends RequestHeadLimits {
  /**
   * The time from the first byte of a head, or the start of the connection, to
   * the end of the head.
   *
   * @default {15000}
   */
  readonly headTimeout?: number;
  /**
   * How long a client may take to send a body. Each byte that arrives adds one
   * millisecond: 1,000 bytes a second.
   *
   * @default {30000}
   */
  readonly bodyTimeout?: number;
  /**
   * How long a client may accept no byte of a response.
   *
   * @default {60000}
   */
  readonly writeTimeout?: number;
  /**
   * How long a connection that the client asked to keep waits for its next
   * request.
   *
   * @default {5000}
   */
  readonly idleTimeout?: number;
  /**
   * How many requests one connection may send.
   *
   * @default {1000}
   */
  readonly maxRequests?: number;
  /**
   * The largest body that a handler may read, in bytes.
   *
   * @default {1048576}
   */
  readonly maxBodyBytes?: number;
  /**
   * How many bytes of an unread body are read and discarded, so that the
   * response arrives.
   *
   * @default {262144}
   */
  readonly maxDrainBytes?: number;
  /**
   * How long reading and discarding may take.
   *
   * @default {2000}
   */
  readonly drainTimeout?: number;
  /**
   * How many connections there may be at once; others wait in the backlog of
   * the socket.
   *
   * @default {1024}
   */
  readonly maxConnections?: number;
  /**
   * How long a graceful shutdown waits for the responses that are under way.
   *
   * @default {10000}
   */
  readonly shutdownTimeout?: number;
}

const DEFAULTS: Required<ServerLimits> = {
  ...REQUEST_HEAD_LIMITS,
  headTimeout: 15_000,
  bodyTimeout: 30_000,
  writeTimeout: 60_000,
  idleTimeout: 5_000,
  maxRequests: 1_000,
  maxBodyBytes: 1_048_576,
  maxDrainBytes: 262_144,
  drainTimeout: 2_000,
  maxConnections: 1_024,
  shutdownTimeout: 10_000,
};

/**
 * Fills in the defaults. A limit that is not a number above zero is refused,
 * because it would switch off a protection.
 */
export function completeLimits(
  limits: ServerLimits = {},
): Required<ServerLimits> {
  const given = Object.entries(limits).filter(([, it]) => it !== undefined);
  for (const [name, value] of given) {
    const isKnown = Object.hasOwn(DEFAULTS, name);
    if (isKnown && typeof value === "number" && value > 0) continue;
    const fault = isKnown
      ? "expected a number above 0"
      : "there is no such limit";
    throw new RangeError(`Cannot serve: limit ${name} is ${value}, ${fault}`);
  }
  return { ...DEFAULTS, ...Object.fromEntries(given) };
}

/** Whether an error of the system means that no descriptor is left. */
export function isOutOfDescriptors(error: unknown): boolean {
  const { code } = Object(error);
  return code === "EMFILE" || code === "ENFILE";
}
