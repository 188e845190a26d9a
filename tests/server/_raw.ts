// Sends a server what no HTTP client would, over a bare socket.

import type { HttpServer } from "../../server/mod.ts";
import { latin1, octets } from "../_octets.ts";

export { latin1, octets };

/** What was received, and whether the server closed the connection. */
export interface Received {
  readonly text: string;
  readonly end: "close" | "reset" | "open";
}

/** Opens a connection to a server. */
export function dial(server: HttpServer): Promise<Deno.TcpConn> {
  const addr = server.addr as Deno.NetAddr;
  return Deno.connect({ hostname: addr.hostname, port: addr.port });
}

/** Writes all bytes. */
export async function writeAll(
  conn: Deno.Conn,
  bytes: Uint8Array,
): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(await conn.write(rest));
  }
}

/** How long a server may take for the first byte, in milliseconds. */
const FIRST_PATIENCE = 20_000;

/**
 * Reads until the server closes its side, or sends nothing for a while after
 * its first byte; then closes the connection.
 */
export async function readToEnd(
  conn: Deno.Conn,
  patience = 2_500,
): Promise<Received> {
  const block = new Uint8Array(65_536);
  let received = "";
  let end: Received["end"] = "close";
  let timer = setTimeout(() => {}, 0);
  const isOver = Promise.withResolvers<"open">();
  try {
    for (;;) {
      clearTimeout(timer);
      const wait = received === "" ? FIRST_PATIENCE : patience;
      timer = setTimeout(() => isOver.resolve("open"), wait);
      const count = await Promise.race([conn.read(block), isOver.promise]);
      if (count === "open") end = "open";
      if (count === null || count === "open") break;
      received += latin1(block.subarray(0, count));
    }
  } catch {
    end = "reset";
  }
  clearTimeout(timer);
  conn.close();
  return { text: received, end };
}

/**
 * Sends bytes and reads the response; `eof` closes the client's side after
 * sending.
 */
export async function exchange(
  server: HttpServer,
  raw: string,
  options: {
    readonly eof?: boolean;
    readonly patience?: number;
    readonly pieces?: readonly string[];
  } = {},
): Promise<Received> {
  const conn = await dial(server);
  for (const piece of options.pieces ?? [raw]) {
    await writeAll(conn, octets(piece));
  }
  if (options.eof) await conn.closeWrite();
  return await readToEnd(conn, options.patience);
}

/** Returns the status codes of all responses that were received. */
export function statuses(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.0 (\d{3}) /g)].map(([, status]) =>
    Number(status)
  );
}

/** Returns a field of the first response; null if it is missing. */
export function field(received: string, name: string): string | null {
  const head = received.slice(0, received.indexOf("\r\n\r\n"));
  return new RegExp(`^${name}: (.*)$`, "mi").exec(head)?.[1]?.trim() ?? null;
}

/** Returns what follows the first head. */
export function body(received: string): string {
  return received.slice(received.indexOf("\r\n\r\n") + 4);
}

/**
 * Waits for a promise, but not forever: a test whose server hangs has to fail,
 * not hang too.
 */
export async function within<T>(
  promise: Promise<T>,
  milliseconds = 20_000,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`Nothing came within ${milliseconds} ms`)),
    milliseconds,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for some milliseconds. */
export function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
