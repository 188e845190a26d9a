// Speaks to a server over a bare socket, as no HTTP client would.

import { Buffer } from "node:buffer";
import type { HttpServer } from "../../server/mod.ts";

/** What came back, and whether the server closed the connection. */
export interface Received {
  readonly text: string;
  readonly end: "close" | "reset" | "open";
}

/** Opens a connection to a server. */
export function dial(server: HttpServer): Promise<Deno.TcpConn> {
  const addr = server.addr as Deno.NetAddr;
  return Deno.connect({ hostname: addr.hostname, port: addr.port });
}

/** One byte for each character. */
export function octets(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** The other way. */
export function latin1(bytes: Uint8Array): string {
  const { buffer, byteOffset, length } = bytes;
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

/** Writes all of some bytes. */
export async function writeAll(
  conn: Deno.Conn,
  bytes: Uint8Array,
): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(await conn.write(rest));
  }
}

/** So long a server may take for the first byte of a response. */
const FIRST_PATIENCE = 20_000;

/**
 * Reads until the server closes, or says nothing for a while after it has begun
 * to; closes the connection.
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
 * Sends some bytes and reads the answer; `eof` ends the sending side, as a
 * client may.
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

/** The status codes of the answers in what came back. */
export function statuses(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.0 (\d{3}) /g)].map(([, status]) =>
    Number(status)
  );
}

/** A field of the first answer, null when it is not there. */
export function field(received: string, name: string): string | null {
  const head = received.slice(0, received.indexOf("\r\n\r\n"));
  return new RegExp(`^${name}: (.*)$`, "mi").exec(head)?.[1]?.trim() ?? null;
}

/** The body behind the first head. */
export function body(received: string): string {
  return received.slice(received.indexOf("\r\n\r\n") + 4);
}

/**
 * Waits for what must come, and throws if it does not: a test whose server
 * waits for ever shall fail, not wait with it.
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

/** Waits. */
export function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
