import type { Connection } from "./connection.ts";
import { keyOf, type Route } from "./route.ts";

/**
 * Milliseconds after which a kept connection is not used again; many servers
 * close after five seconds.
 */
const MAX_IDLE = 4_500;
/** How many connections are kept. */
const MAX_KEPT = 128;

/** A connection that is kept, and for which routes. */
interface Kept {
  readonly key: string;
  readonly connection: Connection;
}

/**
 * Connections that are kept for the next request. Each watches itself for what
 * comes while it is idle. No timer watches them: an old one is closed when the
 * pool is next used.
 */
export class Pool {
  /** Those that are kept, in the order in which they were last used. */
  #kept: Kept[] = [];
  #closed = false;

  /** Whether no more connections are kept. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Takes the connection that was used last, if it is young enough. */
  take(route: Route): Connection | null {
    this.#closeOld();
    const key = keyOf(route);
    const at = this.#kept.findLastIndex((kept) => kept.key === key);
    if (at < 0) return null;
    const [kept] = this.#kept.splice(at, 1);
    kept!.connection.unpark();
    return kept!.connection;
  }

  /** Keeps a connection; false when there is no room, or no more need. */
  put(route: Route, connection: Connection): boolean {
    this.#closeOld();
    if (this.#closed || this.#kept.length >= MAX_KEPT) return false;
    connection.park();
    this.#kept.push({ key: keyOf(route), connection });
    return true;
  }

  /** Closes the connections that could take a route. */
  drop(route: Route): void {
    const key = keyOf(route);
    this.#close((kept) => kept.key === key);
  }

  /** Closes all; none is kept afterwards. */
  close(): void {
    this.#closed = true;
    this.#close(() => true);
  }

  #closeOld(): void {
    const oldest = performance.now() - MAX_IDLE;
    this.#close(({ connection: { isUsable, idleSince } }) =>
      !isUsable || idleSince! < oldest
    );
  }

  #close(isUnwanted: (kept: Kept) => boolean): void {
    this.#kept = this.#kept.filter((kept) => {
      if (!isUnwanted(kept)) return true;
      kept.connection.close();
      return false;
    });
  }
}
