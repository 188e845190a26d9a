import { keyOf, type Route } from "../route.ts";
import { type Connection, turn } from "./connection.ts";

/**
 * Milliseconds after which a kept connection is not used again; many servers
 * close after five seconds.
 */
const MAX_IDLE = 4_500;
/** How many connections are kept. */
const MAX_KEPT = 128;
/** A program that was busy for so many milliseconds may have missed a byte. */
const UNSEEN = 2;
/**
 * Turns of the event loop after which it has not. While there is other work,
 * Deno asks the system about its sockets in each 61st.
 */
const TURNS = 80;

/**
 * Connections that are kept for the next request. Each watches itself for what
 * comes while it is idle; an old one is closed when the pool is next used.
 */
export class Pool {
  /** Those that are kept, in the order in which they were last used. */
  #kept: Connection[] = [];
  #closed = false;

  /** Whether no more connections are kept. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Takes the connection that was used last, if it is young enough. */
  async take(route: Route): Promise<Connection | null> {
    const now = this.#closeOld();
    const key = keyOf(route);
    const at = this.#kept.findLastIndex((kept) => kept.keptFor === key);
    const [connection] = at < 0 ? [] : this.#kept.splice(at, 1);
    if (connection === undefined) return null;
    if (now - connection.idleSince! > UNSEEN) {
      for (let i = 0; i < TURNS; i++) await turn();
      if (!connection.isUsable) return this.take(route);
    }
    connection.unpark();
    return connection;
  }

  /** Whether a connection is kept for a route. */
  has(route: Route): boolean {
    const key = keyOf(route);
    return this.#kept.some((kept) => kept.keptFor === key && kept.isUsable);
  }

  /** Keeps a connection; false when there is no room, or no more need. */
  put(route: Route, connection: Connection): boolean {
    const now = this.#closeOld();
    if (this.#closed || this.#kept.length >= MAX_KEPT) return false;
    if (connection.keptFor === "") connection.keptFor = keyOf(route);
    connection.park(now);
    this.#kept.push(connection);
    return true;
  }

  /** Closes the connections that could take a route. */
  drop(route: Route): void {
    const key = keyOf(route);
    this.#close((kept) => kept.keptFor === key);
  }

  /** Closes all; none is kept afterwards. */
  close(): void {
    this.#closed = true;
    this.#close(() => true);
  }

  /** Closes what is too old or not usable; returns the time. */
  #closeOld(): number {
    const now = performance.now();
    const oldest = now - MAX_IDLE;
    this.#close(({ isUsable, idleSince }) => !isUsable || idleSince! < oldest);
    return now;
  }

  #close(isUnwanted: (kept: Connection) => boolean): void {
    this.#kept = this.#kept.filter((kept) => {
      if (!isUnwanted(kept)) return true;
      kept.close();
      return false;
    });
  }
}
