import { keyOf, type Route } from "../route.ts";
import type { Connection } from "./connection.ts";

/**
 * Milliseconds after which a kept connection is not used again; many servers
 * close after five seconds.
 */
const MAX_IDLE = 4_500;
/** How many connections are kept. */
const MAX_KEPT = 128;
/** Milliseconds in which a busy program may miss what comes. */
const UNSEEN = 50;
/** Milliseconds between two looks whether it is busy. */
const BEAT = 20;

/**
 * Connections that are kept for the next request. Each watches itself for what
 * comes while it is idle; an old one is closed when the pool is next used.
 */
export class Pool {
  /** Those that are kept, in the order in which they were last used. */
  #kept: Connection[] = [];
  #closed = false;
  /** When a connection was last kept. */
  #keptAt = -Infinity;
  /** When the program was last seen to wait for what comes. */
  #waitedAt = -Infinity;
  #heart: ReturnType<typeof setTimeout> | undefined = undefined;

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
    if (now - Math.max(connection.idleSince!, this.#waitedAt) > UNSEEN) {
      // What came while the program was busy is told some turns after it
      for (let i = 0; i < 3; i++) await new Promise((r) => setTimeout(r));
      this.#beat();
      if (!connection.isUsable) return this.take(route);
    }
    connection.unpark();
    return connection;
  }

  /** Keeps a connection; false when there is no room, or no more need. */
  put(route: Route, connection: Connection): boolean {
    const now = this.#closeOld();
    if (this.#closed || this.#kept.length >= MAX_KEPT) return false;
    if (connection.keptFor === "") connection.keptFor = keyOf(route);
    connection.park(now);
    this.#keptAt = now;
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
    clearTimeout(this.#heart);
    this.#close(() => true);
  }

  /**
   * Notes that the program waits, over and over while connections are kept: the
   * turns above take milliseconds, so only a busy program is to pay them.
   */
  readonly #beat = (): void => {
    clearTimeout(this.#heart);
    this.#waitedAt = performance.now();
    if (this.#closed || this.#waitedAt - this.#keptAt > MAX_IDLE) return;
    this.#heart = setTimeout(this.#beat, BEAT);
    this.#heart.unref();
  };

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
