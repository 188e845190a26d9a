import { poolKeyOf, type Route } from "../route.ts";
import type { Connection } from "./connection.ts";

/**
 * The time after which an idle connection is not reused, in milliseconds; many
 * servers close it after five seconds.
 */
const MAX_IDLE_MS = 4_500;
/** The maximum number of kept connections. */
const MAX_KEPT = 128;
/** The idle milliseconds after which a byte may have arrived unnoticed. */
const UNPOLLED_MS = 2;
/**
 * The number of turns of the event loop after which Deno has polled its
 * sockets. While there is other work, it does so only in every 61st turn.
 */
const POLL_TURNS = 80;

/**
 * The connections that are kept for later requests. Each closes itself if
 * anything arrives while it is idle; the pool closes old ones when it is next
 * used.
 */
export class Pool {
  /** The kept connections, the most recently used last. */
  #kept: Connection[] = [];
  #closed = false;

  /** Takes the connection that was used last, if any is young enough. */
  async take(route: Route): Promise<Connection | null> {
    const now = this.#closeOld();
    const key = poolKeyOf(route);
    const index = this.#kept.findLastIndex((kept) => kept.poolKey === key);
    const [connection] = index < 0 ? [] : this.#kept.splice(index, 1);
    if (connection === undefined) return null;
    if (now - connection.idleSince! > UNPOLLED_MS) {
      await untilPolled();
      if (!connection.isUsable) return this.take(route);
    }
    connection.unpark();
    return connection;
  }

  /** Whether the pool has a usable connection for a route. */
  has(route: Route): boolean {
    const key = poolKeyOf(route);
    return this.#kept.some((kept) => kept.poolKey === key && kept.isUsable);
  }

  /** Keeps a connection; returns false if the pool is full or closed. */
  put(route: Route, connection: Connection): boolean {
    const now = this.#closeOld();
    if (this.#closed || this.#kept.length >= MAX_KEPT) return false;
    if (connection.poolKey === "") connection.poolKey = poolKeyOf(route);
    connection.park(now);
    this.#kept.push(connection);
    return true;
  }

  /** Closes all connections; the pool keeps none afterwards. */
  close(): void {
    this.#closed = true;
    for (const kept of this.#kept.splice(0)) kept.close();
  }

  /** Closes connections that are too old or unusable; returns the time. */
  #closeOld(): number {
    const now = performance.now();
    const oldest = now - MAX_IDLE_MS;
    this.#kept = this.#kept.filter((kept) => {
      if (kept.isUsable && kept.idleSince! >= oldest) return true;
      kept.close();
      return false;
    });
    return now;
  }
}

/** Waits until Deno has noticed what arrived on idle connections. */
async function untilPolled(): Promise<void> {
  for (let i = 0; i < POLL_TURNS; i++) {
    await new Promise((done) => setImmediate(done));
  }
}
