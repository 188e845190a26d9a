// Starts servers, waits for them, and ends them.

import type { Missing } from "./_measure.ts";
import { type Running, start, type StartOptions } from "./_process.ts";

/** A server that responds. */
export interface Server extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** Its URL without the final slash. */
  readonly origin: string;
  readonly process: Running;
}

/** What is needed to start a server. */
export interface Startable extends StartOptions {
  readonly name: string;
  /** The command that listens on a port of 127.0.0.1. */
  command(port: number): readonly string[];
}

/** How long a server may take until it responds. */
const START_TIMEOUT_MS = 15_000;
/** How long to wait between two requests to a server that is starting. */
const POLL_PAUSE_MS = 1;

/** Starts a server, and waits for its first 200; null if there is none. */
export async function startServer(
  startable: Startable,
  path: string,
): Promise<Server | null> {
  const port = freePort();
  const { name, output, cores } = startable;
  const process = start(startable.command(port), { output, cores });
  const server = {
    name,
    port,
    origin: `http://127.0.0.1:${port}`,
    process,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
  if (await becomesReady(port, path)) return server;
  await process[Symbol.asyncDispose]();
  return null;
}

/** Waits for a 200; returns whether it arrived in time. */
async function becomesReady(
  port: number,
  path: string,
): Promise<boolean> {
  const end = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < end) {
    if (await statusOf(port, path) === 200) return true;
    await new Promise((resolve) => setTimeout(resolve, POLL_PAUSE_MS));
  }
  return false;
}

/** Several servers, and the names of those that did not start. */
export interface Fleet extends AsyncDisposable {
  readonly servers: readonly Server[];
  readonly missing: readonly Missing[];
}

/** Starts servers, and waits until all respond to a path. */
export async function startFleet(
  startables: readonly Startable[],
  path: string,
): Promise<Fleet> {
  const stack = new AsyncDisposableStack();
  const servers: Server[] = [];
  const missing: Missing[] = [];
  try {
    for (const startable of startables) {
      const server = await startServer(startable, path);
      if (server === null) {
        const reason = `no response within ${START_TIMEOUT_MS / 1000} s`;
        missing.push({ name: startable.name, reason });
      } else servers.push(stack.use(server));
    }
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
  return {
    servers,
    missing,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Finds a port that is free at the moment. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Sends a request on a new connection; returns the status, 0 for none. */
async function statusOf(port: number, path: string): Promise<number> {
  const request = `GET ${path} HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  try {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(new TextEncoder().encode(request));
    const block = new Uint8Array(4_096);
    const count = await conn.read(block) ?? 0;
    return Number(
      new TextDecoder().decode(block.subarray(9, Math.min(12, count))),
    );
  } catch (error) {
    if (isRefusal(error)) return 0;
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.NotConnected || // refused at this moment
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe;
}
