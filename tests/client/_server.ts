// A server that sends what a test wants, byte for byte. It reads one or several
// requests per connection.

import { createServer } from "node:net";
import { latin1, octets } from "../_octets.ts";

export { latin1, octets };

/** What a server does after it has read a request. */
export interface Reply {
  /** The bytes; in a string, each character is an octet. */
  readonly raw: string | Uint8Array;
  /**
   * What the server does next: close, keep the connection open, or read the
   * next request.
   */
  readonly then?: "close" | "hold" | "next";
  /** How long to wait before each piece, in milliseconds. */
  readonly delay?: number;
  /** The size of the pieces; by default all bytes are one piece. */
  readonly piece?: number;
}

/**
 * Responds to a request, which is text with a character for each octet; `count`
 * is the number of requests before it.
 */
export type Responder = (request: string, count: number) => Reply;

/** A running server. */
export interface RawServer extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:port/` */
  readonly url: string;
  /** The requests that were received, head and body. */
  readonly requests: string[];
  /** How many connections were accepted. */
  readonly connections: number;
}

/** Writes a 200 with a Content-Length. */
export function ok(body: string, fields = ""): string {
  return `HTTP/1.0 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
}

const sleep = (ms: number): Promise<void> =>
  new Promise((done) => setTimeout(done, ms));

/**
 * Reads a head, and a body if its length is known. Returns null if the client
 * closes first.
 */
async function readRequest(conn: Deno.Conn): Promise<string | null> {
  const block = new Uint8Array(65_536);
  let text = "";
  for (;;) {
    const head = text.indexOf("\r\n\r\n");
    if (head >= 0) {
      const length = /^content-length: (\d+)$/im.exec(text.slice(0, head))?.[1];
      if (text.length >= head + 4 + Number(length ?? 0)) return text;
    }
    const count = await conn.read(block);
    if (count === null) return null;
    text += latin1(block.subarray(0, count));
  }
}

async function writeReply(conn: Deno.Conn, reply: Reply): Promise<void> {
  const bytes = typeof reply.raw === "string" ? octets(reply.raw) : reply.raw;
  const { piece = bytes.length || 1, delay = 0 } = reply;
  for (let at = 0; at < bytes.length; at += piece) {
    if (delay > 0) await sleep(delay);
    let rest = bytes.subarray(at, at + piece);
    while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
  }
}

/** Listens on a free port of the loopback address. */
export function serveRaw(
  respond: Responder,
  listener: Deno.Listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }),
): RawServer {
  const requests: string[] = [];
  const open = new Set<Deno.Conn>();
  const running: Promise<void>[] = [];
  let connections = 0;

  async function handle(conn: Deno.Conn): Promise<void> {
    try {
      for (;;) {
        const request = await readRequest(conn);
        if (request === null) return;
        requests.push(request);
        const reply = respond(request, requests.length - 1);
        await writeReply(conn, reply);
        if (reply.then === "hold") await conn.read(new Uint8Array(1));
        if (reply.then !== "next") return;
      }
    } catch {
      // the client left, as some tests want
    } finally {
      open.delete(conn);
      try {
        conn.close();
      } catch {
        // closed at the end of the test
      }
    }
  }

  const accepting = (async () => {
    for await (const conn of listener) {
      connections++;
      open.add(conn);
      running.push(handle(conn));
    }
  })();

  const port = listener.addr.transport === "unix"
    ? 0
    : (listener.addr as Deno.NetAddr).port;
  return {
    port,
    url: `http://127.0.0.1:${port}/`,
    requests,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting.catch(() => {});
      for (const conn of open) {
        try {
          conn.close();
        } catch {
          // closed by its handler
        }
      }
      await Promise.all(running);
    },
  };
}

/**
 * Responds to any request with these bytes, and then resets the connection,
 * which a Deno socket cannot do.
 */
export async function serveReset(
  raw: string,
): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write(
        octets(raw),
        () => setTimeout(() => socket.resetAndDestroy(), 30),
      );
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: () =>
      new Promise((done) => server.close(() => done())),
  };
}

/** Returns a port on which nothing listens. */
export function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

/** Returns a port with a full backlog, to which nobody can connect any more. */
export async function silentPort(): Promise<{ port: number } & Disposable> {
  const listener = Deno.listen({
    hostname: "127.0.0.4",
    port: 0,
    tcpBacklog: 1,
  });
  const { port } = listener.addr as Deno.NetAddr;
  const filling: Deno.Conn[] = [];
  for (let i = 0; i < 8; i++) {
    try {
      const signal = AbortSignal.timeout(100);
      filling.push(await Deno.connect({ hostname: "127.0.0.4", port, signal }));
    } catch {
      break;
    }
  }
  return {
    port,
    [Symbol.dispose]() {
      for (const conn of filling) conn.close();
      listener.close();
    },
  };
}

/** Returns the address of the server that responded. */
export function addressOf(
  { remoteAddr }: { readonly remoteAddr: Deno.Addr },
): string {
  if (!("hostname" in remoteAddr)) {
    return String(Reflect.get(remoteAddr, "path"));
  }
  const { hostname, port } = remoteAddr;
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}
