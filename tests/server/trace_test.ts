// Compares the trace with what a scripted client knows: how many bytes it sent
// and received, and who ended the connection.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { HeaderFields, MessageError } from "../../message/mod.ts";
import { PreparedResponse } from "../../server/_prepared_response.ts";
import {
  type Handler,
  type HttpServer,
  serve,
  type ServeOptions,
  type ServerTraceEvent,
} from "../../server/mod.ts";
import { delay, dial, exchange, octets, readToEnd, writeAll } from "./_raw.ts";

/** A server, and its events so far. */
interface Traced extends AsyncDisposable {
  readonly server: HttpServer;
  readonly events: readonly ServerTraceEvent[];
}

function serveTraced(handler: Handler, options: ServeOptions = {}): Traced {
  const events: ServerTraceEvent[] = [];
  const trace = (event: ServerTraceEvent) => void events.push(event);
  const quiet = { onError: () => {} };
  const server = serve(handler, { port: 0, trace, ...quiet, ...options });
  return {
    server,
    events,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Writes an event in short, without what no client can know. */
function summarize(event: ServerTraceEvent): string {
  switch (event.type) {
    case "read":
    case "request-head":
      return `${event.type} ${event.bytes}`;
    case "refused":
      return `refused ${event.status}: ${event.reason}; ${event.expected}`;
    case "kept":
      return `kept ${event.requests}`;
    case "closed":
      return `closed by ${event.by}: ${event.how}`;
    case "decision":
      return `${event.step}: ${event.finding}`;
    default:
      return event.type;
  }
}

const hello: Handler = ({ path }) => {
  if (path === "/fail") throw new Error("no luck");
  return { status: 200, body: "hello" };
};
const takeBody: Handler = async (request) => ({
  status: 200,
  body: await request.text(),
});

const GET = "GET / HTTP/1.0\r\n\r\n";
const KEPT = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

/** Waits for a condition. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(5);
}

/** Reads once, up to some bytes, and returns how many came. */
async function readSome(conn: Deno.Conn): Promise<number> {
  return await conn.read(new Uint8Array(4_096)) ?? 0;
}

interface Case {
  readonly name: string;
  /** What the client does; returns how many bytes it was sent. */
  readonly script: (conn: Deno.TcpConn, traced: Traced) => Promise<number>;
  /** The events; `write *` stands for the bytes that the client received. */
  readonly told: readonly string[];
  readonly handler?: Handler;
  readonly limits?: ServeOptions["limits"];
}

async function sendAndRead(conn: Deno.Conn, text: string): Promise<number> {
  await writeAll(conn, octets(text));
  return (await readToEnd(conn)).text.length;
}

const halfClosed = Promise.withResolvers<void>();

const CASES: readonly Case[] = [
  {
    name: "a request of HTTP/1.0",
    script: (conn) => sendAndRead(conn, GET),
    told: [
      "read 18",
      "request-head 18",
      "response-head",
      "write *",
      "closed by server: close",
    ],
  },
  {
    name: "a head in two pieces",
    script: async (conn, { events }) => {
      await writeAll(conn, octets(GET.slice(0, 7)));
      await until(() => events.some(({ type }) => type === "read"));
      return await sendAndRead(conn, GET.slice(7));
    },
    told: [
      "read 7",
      "read 11",
      "request-head 18",
      "response-head",
      "write *",
      "closed by server: close",
    ],
  },
  {
    name: "a kept connection that the client closes",
    script: async (conn) => {
      await writeAll(conn, octets(KEPT));
      const count = await readSome(conn);
      conn.close();
      return count;
    },
    told: [
      `read ${KEPT.length}`,
      `request-head ${KEPT.length}`,
      "response-head",
      "write *",
      "kept 1",
      "read null",
      "closed by client: close",
    ],
  },
  {
    name: "a client that closes its side, and waits",
    handler: async () => {
      await halfClosed.promise;
      return { status: 200 };
    },
    script: async (conn) => {
      await writeAll(conn, octets(GET));
      await conn.closeWrite();
      halfClosed.resolve();
      return (await readToEnd(conn)).text.length;
    },
    told: [
      "read 18",
      "request-head 18",
      "response-head",
      "write *",
      "read null",
      "closed by client: close",
    ],
  },
  {
    name: "a client that goes while it is sent a body",
    handler: () => ({ status: 200, body: new Uint8Array(30_000_000) }),
    script: async (conn) => {
      await writeAll(conn, octets(GET));
      await readSome(conn);
      conn.close();
      return 0;
    },
    told: [
      "read 18",
      "request-head 18",
      "response-head",
      "write ?",
      "closed by client: reset",
    ],
  },
  {
    name: "a kept connection that waits too long",
    limits: { idleTimeout: 1 },
    script: (conn) => sendAndRead(conn, KEPT),
    told: [
      `read ${KEPT.length}`,
      `request-head ${KEPT.length}`,
      "response-head",
      "write *",
      "kept 1",
      "closed by server: timeout",
    ],
  },
  {
    name: "a kept connection at a shutdown",
    script: async (conn, { server }) => {
      await writeAll(conn, octets(KEPT));
      const count = await readSome(conn);
      void server.shutdown();
      return count + (await readToEnd(conn)).text.length;
    },
    told: [
      `read ${KEPT.length}`,
      `request-head ${KEPT.length}`,
      "response-head",
      "write *",
      "kept 1",
      "closed by server: shutdown",
    ],
  },
  {
    name: "a head that is none",
    script: (conn) => sendAndRead(conn, "GET / HTTP/1.0\r\nA B: c\r\n\r\n"),
    told: [
      "read 26",
      'refused 400: Cannot parse field line "A B: c": name is not a token; ' +
      "field lines such as Name: value (RFC 9112 section 5)",
      "response-head",
      "write *",
      "half-closed",
      "read null",
      "closed by server: close",
    ],
  },
  {
    name: "a head that comes too slowly",
    limits: { headTimeout: 1 },
    script: (conn) => sendAndRead(conn, "GET"),
    told: [
      "read 3",
      "refused 408: Cannot read head: it comes too slowly; ",
      "response-head",
      "write *",
      "half-closed",
      "read null",
      "closed by server: close",
    ],
  },
  {
    name: "a client that says nothing, and goes",
    script: (conn) => {
      conn.close();
      return Promise.resolve(0);
    },
    told: ["read null", "closed by client: close"],
  },
  {
    name: "a handler that fails",
    script: (conn) => sendAndRead(conn, "GET /fail HTTP/1.0\r\n\r\n"),
    told: [
      "read 22",
      "request-head 22",
      "refused 500: no luck; ",
      "response-head",
      "write *",
      "closed by server: close",
    ],
  },
  {
    // What a handler reads may be no message either: that is its own fault
    name: "a handler that fails as a head would",
    handler: () => {
      throw new MessageError("field", "no luck");
    },
    script: (conn) => sendAndRead(conn, GET),
    told: [
      "read 18",
      "request-head 18",
      "refused 500: no luck; ",
      "response-head",
      "write *",
      "closed by server: close",
    ],
  },
  {
    name: "a body over the limit",
    handler: takeBody,
    limits: { maxBodyBytes: 2 },
    script: (conn) =>
      sendAndRead(conn, "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"),
    told: [
      "read 41",
      "request-head 38",
      "refused 413: Cannot read body: 3 bytes, over the limit of 2; ",
      "response-head",
      "write *",
      "half-closed",
      "read null",
      "closed by server: close",
    ],
  },
  {
    name: "a body that ends too soon",
    handler: takeBody,
    script: async (conn) => {
      await writeAll(
        conn,
        octets("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nabc"),
      );
      await conn.closeWrite();
      return (await readToEnd(conn)).text.length;
    },
    told: [
      "read 41",
      "request-head 38",
      "read null",
      "refused 400: Cannot read body: ended 2 of 5 bytes too soon; " +
      "a body as long as Content-Length says, and of its type",
      "response-head",
      "write *",
      "half-closed",
      "read null",
      "closed by client: close",
    ],
  },
];

for (const { name, script, told, handler = hello, limits = {} } of CASES) {
  Deno.test(`serve() traces ${name}`, async () => {
    await using traced = serveTraced(handler, { limits });
    const { server, events } = traced;
    const conn = await dial(server);
    const { hostname, port } = conn.localAddr as Deno.NetAddr;
    const received = await script(conn, traced);
    await until(() => events.at(-1)?.type === "closed");
    const { host } = new URL(server.url);
    const [listening, accepted, ...rest] = events;
    assert(listening?.type === "listening" && accepted?.type === "accepted");
    assertEquals(
      [listening.connection, listening.asked, listening.address],
      [0, "127.0.0.1:0", host],
    );
    assertEquals(
      [accepted.local, accepted.remote],
      [host, `${hostname}:${port}`],
    );
    const written = rest.reduce(
      (sum, event) => sum + (event.type === "write" ? event.bytes : 0),
      0,
    );
    const lines = rest.map((event) =>
      event.type === "write" ? `write ${written}` : summarize(event)
    );
    assertEquals(
      lines.filter((line, i) =>
        !line.startsWith("write") || line !== lines[i - 1]
      ),
      told.map((line) =>
        line.replace("*", `${received}`).replace("?", `${written}`)
      ),
    );
    assert(rest.every(({ connection }) => connection === 1));
    assert(events.every(({ at }, i) => at >= (events[i - 1]?.at ?? 0)));
  });
}

Deno.test("serve() traces heads as they went over the wire", async () => {
  const headers = new HeaderFields({ "X-Two": "\xfc" });
  const ready = new PreparedResponse({
    status: 200,
    headers,
    body: octets("a"),
  });
  for (const handler of [hello, () => ready]) {
    await using traced = serveTraced(handler);
    const { server, events } = traced;
    // The second time the head is one that was seen
    for (const kept of [GET, GET, KEPT]) {
      const request = `\r\n${kept.replace("\r\n", "\r\nX: \xfc\r\n")}`;
      const { text } = await exchange(server, request, { patience: 50 });
      const heads = events.filter((event) => "text" in event).slice(-2);
      const end = text.indexOf("\r\n\r\n") + 4;
      assertEquals(heads.map(({ text }) => text), [
        request,
        text.slice(0, end),
      ]);
      assertEquals(heads.map(({ bytes }) => bytes), [request.length, end]);
    }
  }
});

Deno.test("serve() traces each write of a large body", async () => {
  const size = 30_000_000;
  const body = new Uint8Array(size);
  await using traced = serveTraced(() => ({ status: 200, body }));
  const { text } = await exchange(traced.server, GET);
  const writes = traced.events.filter(({ type }) => type === "write")
    .map((event) => event.type === "write" ? event.bytes : 0);
  assert(writes.length > 1);
  assertEquals(writes.reduce((sum, bytes) => sum + bytes), text.length);
});

Deno.test("serve() numbers its connections, and tells the path of a unix socket", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/knock.sock`;
  await using traced = serveTraced(hello, { path });
  for (let i = 0; i < 2; i++) {
    const conn = await Deno.connect({ transport: "unix", path });
    await sendAndRead(conn, GET);
  }
  const { events } = traced;
  const [listening] = events;
  assert(listening?.type === "listening");
  assertEquals([listening.asked, listening.address], [path, path]);
  const accepted = events.filter(({ type }) => type === "accepted");
  assertEquals(
    accepted.map((event) =>
      event.type === "accepted"
        ? [event.connection, event.local, event.remote]
        : []
    ),
    [[1, path, "-"], [2, path, "-"]],
  );
  await traced.server.shutdown();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("serve() survives a trace that throws, and reports that to onError", async () => {
  const errors: unknown[] = [];
  await using server = serve(hello, {
    port: 0,
    trace: ({ type }) => {
      throw type;
    },
    onError: (error) => errors.push(error),
  });
  assertMatch((await exchange(server, GET)).text, /hello$/);
  assertEquals(errors.slice(0, 3), ["listening", "accepted", "read"]);
});

/** How long a handler takes in a server with `oneAtATime`, in ms. */
const SLOWNESS = 50;

Deno.test("serve() serves four clients at once", async () => {
  const all = Promise.withResolvers<void>();
  let count = 0;
  await using traced = serveTraced(async () => {
    if (++count === 4) all.resolve();
    await all.promise;
    return { status: 200, body: "slow" };
  });
  const { server, events } = traced;
  const clients = Array.from({ length: 4 }, () => exchange(server, GET));
  for (const { text } of await Promise.all(clients)) {
    assertMatch(text, /\r\n\r\nslow$/);
  }
  const types = events.map(({ type }) => type);
  assert(!types.includes("waiting") && !types.includes("turn"));
});

Deno.test("serve() serves four clients one at a time", async () => {
  let atOnce = 0;
  let most = 0;
  await using traced = serveTraced(async () => {
    most = Math.max(most, ++atOnce);
    await until(() => events.some(({ connection }) => connection === 4));
    await delay(SLOWNESS);
    atOnce--;
    return { status: 200, body: "slow" };
  }, { oneAtATime: true });
  const { server, events } = traced;
  const began = performance.now();
  const clients = Array.from({ length: 4 }, () => exchange(server, KEPT));
  for (const { text } of await Promise.all(clients)) {
    assertMatch(text, /\r\nConnection: close\r\n[^]*\r\n\r\nslow$/);
  }
  assertEquals(most, 1);
  const waits = events.filter((event) => event.type === "waiting");
  assertEquals(
    waits.map(({ connection, ahead }) => [connection, ahead]),
    [[2, 1], [3, 2], [4, 3]],
  );
  const turns = events.filter((event) => event.type === "turn");
  assertEquals(turns.map(({ connection }) => connection), [2, 3, 4]);
  const whole = performance.now() - began;
  for (const [i, { waited }] of turns.entries()) {
    assert(waited >= (i + 1) * SLOWNESS - 5, `waited ${waited}`);
    assert(waited < whole, `waited ${waited} of ${whole}`);
  }
  // None is read from before the one before it is closed, but to look after it
  const heads = events.filter(({ type }) =>
    type === "request-head" || type === "closed"
  );
  assertEquals(
    heads.map(({ connection }) => connection),
    [1, 1, 2, 2, 3, 3, 4, 4],
  );
});

/** A server with `oneAtATime` that delays its first response. */
function serveHeld() {
  const paths: string[] = [];
  const gate = Promise.withResolvers<void>();
  const traced = serveTraced(async ({ path }) => {
    paths.push(path);
    await gate.promise;
    return { status: 200, body: path };
  }, { oneAtATime: true });
  return { traced, paths, open: () => gate.resolve() };
}

Deno.test("serve() closes those who wait, when it is ended", async () => {
  const { traced, paths, open } = serveHeld();
  const { server, events } = traced;
  const got = Array.from({ length: 3 }, () => exchange(server, GET));
  await until(() => paths.length === 1);
  await until(() => events.some(({ connection }) => connection === 3));
  const ending = traced[Symbol.asyncDispose]();
  open();
  await ending;
  const texts = (await Promise.all(got)).map(({ text }) => text);
  assertEquals(texts.filter((text) => text.endsWith("/")).length, 1);
  assertEquals(texts.filter((text) => text === "").length, 2);
  const ends = events.filter(({ type }) => type === "closed");
  assertEquals(
    ends.map((event) => `#${event.connection} ${summarize(event)}`).toSorted(),
    [
      "#1 closed by server: close",
      "#2 closed by server: shutdown",
      "#3 closed by server: shutdown",
    ],
  );
});
