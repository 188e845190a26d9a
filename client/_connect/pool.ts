import type { Connection } from "./connection.ts";
import { keyOf, type Route } from "./route.ts";

/**
 * Milliseconds after which a kept connection is not used again; many servers
 * close after five seconds.
 */
const MAX_IDLE = 4_500;
/** How many connections are kept. */
const MAX_KEPT = 128;

/**
 * Connections that are kept for the next request. Each watches itself for what
 * comes while it is idle. No timer watches them: an old one is closed when the
 * pool is next used.
 */
export class Pool {
  readonly #kept = new Map<string, Connection[]>();
  #size = 0;
  #closed = false;

  /** Whether no more connections are kept. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Takes the connection that was used last, if it is young enough. */
  take(route: Route): Connection | null {
    this.#closeOld();
    const kept = this.#kept.get(keyOf(route)) ?? [];
    for (let connection; (connection = kept.pop()) !== undefined;) {
      this.#size--;
      if (connection.isUsable) {
        connection.unpark();
        return connection;
      }
      connection.close();
    }
    return null;
  }

  /** Keeps a connection; false when there is no room, or no more need. */
  put(route: Route, connection: Connection): boolean {
    this.#closeOld();
    const key = keyOf(route);
    const kept = this.#kept.get(key) ?? [];
    if (this.#closed || this.#size >= MAX_KEPT) return false;
    connection.park();
    kept.push(connection);
    this.#kept.set(key, kept);
    this.#size++;
    return true;
  }

  /** Closes the connections that could take a route. */
  drop(route: Route): void {
    this.#close(keyOf(route));
  }

  /** Closes all; none is kept afterwards. */
  close(): void {
    this.#closed = true;
    for (const key of [...this.#kept.keys()]) this.#close(key);
  }

  #close(key: string): void {
    for (const connection of this.#kept.get(key) ?? []) {
      connection.close();
      this.#size--;
    }
    this.#kept.delete(key);
  }

  #closeOld(): void {
    const oldest = performance.now() - MAX_IDLE;
    for (const [key, kept] of this.#kept) {
      while (kept.length > 0 && isOver(kept[0]!, oldest)) {
        kept.shift()!.close();
        this.#size--;
      }
      if (kept.length === 0) this.#kept.delete(key);
    }
  }
}

function isOver(connection: Connection, oldest: number): boolean {
  return !connection.isUsable || (connection.idleSince ?? 0) < oldest;
}
