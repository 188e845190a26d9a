import { assertEquals, assertRejects } from "@std/assert";
import { Client, request } from "../../client/client.ts";
import { ClientError } from "../../client/error.ts";
import type { RequestOptions } from "../../client/options.ts";
import type { TraceEvent } from "../../client/trace.ts";
import { octets, ok, serveRaw, serveReset } from "./_server.ts";

/**
 * What a peer does after it has read a request: it writes a text, waits for
 * some milliseconds, or closes the connection at `CLOSE`. Without `CLOSE` it
 * waits until the client closes.
 */
type Step = string | number;

/** What a peer observed on one connection. */
interface PeerLog {
  /** How many bytes it read from the client, and wrote to it. */
  read: number;
  written: number;
  /** Which side closed the connection. */
  by: "client" | "server";
}

/** Reads a request, then takes these steps. */
async function play(conn: Deno.Conn, steps: readonly Step[]): Promise<PeerLog> {
  const log: PeerLog = { read: 0, written: 0, by: "server" };
  const block = new Uint8Array(65_536);
  using _ = conn;
  log.read += await conn.read(block) ?? 0;
  for (const step of steps) {
    if (step === "CLOSE") return log;
    if (typeof step === "number") {
      await new Promise((done) => setTimeout(done, step));
    } else {
      // The system has the bytes when write() returns, so a close after it is
      // on its way before the client has read them
      conn.write(octets(step)).catch(() => {});
      log.written += step.length;
    }
  }
  log.by = "client";
  for (;;) {
    const count = await conn.read(block).catch(() => null);
    if (count === null) return log;
    log.read += count;
  }
}

const KEEP = "Connection: keep-alive\r\n";
const BARE = "HTTP/1.0 200 OK\r\n\r\n";
const CUT = "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhi";
const HI = ok("hi");
const END = "it closed its side first";

/** The options of a request, and whether the response's body is cancelled. */
type CaseOptions = RequestOptions & { readonly cancels?: boolean };

// [case, steps, options, bytes of each read, who closed and why; null for kept]
const ROWS: readonly [
  string,
  readonly Step[],
  CaseOptions,
  readonly (number | null)[],
  readonly ["client" | "server", string] | null,
][] = [
  ["a body with a length", [HI], {}, [HI.length], [
    "client",
    "no other request will need it",
  ]],
  ["a body with a length, and a close", [HI, "CLOSE"], {}, [HI.length, null], [
    "server",
    END,
  ]],
  ["a body that ends with the connection", [BARE + "hi", "CLOSE"], {}, [
    BARE.length + 2,
    null,
  ], ["server", END]],
  ["a body in pieces", [BARE, 20, "hello", 20, "you", "CLOSE"], {}, [
    BARE.length,
    5,
    3,
    null,
  ], ["server", END]],
  ["HEAD", [HI.slice(0, -2)], { method: "HEAD" }, [HI.length - 2], [
    "client",
    "no other request will need it",
  ]],
  ["a cut body", [CUT, "CLOSE"], {}, [CUT.length, null], ["server", END]],
  ["no response", ["CLOSE"], {}, [null], ["server", END]],
  ["a response that is not HTTP", ["junk\r\n"], {}, [6], [
    "client",
    'Cannot parse status line "junk": expected an HTTP version, a status of three digits, and a reason',
  ]],
  ["a response that is not HTTP, and a close", ["junk\r\n", "CLOSE"], {}, [
    6,
    null,
  ], [
    "server",
    END,
  ]],
  ["a body that is too large", [HI], { maxBodyBytes: 1 }, [HI.length], [
    "client",
    "Cannot read body: it has 2 bytes, over the limit of 1",
  ]],
  ["silence", [], { idleTimeout: 60 }, [], [
    "client",
    "Cannot read response of HOST: nothing arrived within 60 ms",
  ]],
  ["silence within a body", [CUT], { idleTimeout: 60 }, [CUT.length], [
    "client",
    "Cannot read body of HOST: nothing arrived within 60 ms",
  ]],
  ["a cancelled body", [CUT], { cancels: true }, [CUT.length], [
    "client",
    "the rest of the body is not wanted",
  ]],
  ["a kept connection", [ok("hi", KEEP)], { keepAlive: true }, [
    HI.length + KEEP.length,
  ], null],
  [
    "keep-alive, and a close",
    [ok("hi", KEEP), "CLOSE"],
    { keepAlive: true },
    [HI.length + KEEP.length, null],
    ["server", END],
  ],
  [
    "keep-alive with a body that ends with the connection",
    [`HTTP/1.0 200 OK\r\n${KEEP}\r\nhi`, "CLOSE"],
    { keepAlive: true },
    [BARE.length + KEEP.length + 2, null],
    ["server", END],
  ],
  [
    "bytes after the body",
    [ok("hi", KEEP) + "more"],
    { keepAlive: true },
    [HI.length + KEEP.length + 4],
    ["client", "something came after the body"],
  ],
  [
    "an upload",
    [HI],
    { method: "POST", body: "x".repeat(10_000) },
    [HI.length],
    ["client", "no other request will need it"],
  ],
];

for (const [what, steps, caseOptions, reads, closed] of ROWS) {
  Deno.test(`request() traces what the socket did: ${what}`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const playing = listener.accept().then((conn) => play(conn, steps));
    const events: TraceEvent[] = [];
    {
      await using client = new Client({ keepAlive: false });
      const { cancels, ...options } = caseOptions;
      const asking = client.request(`http://127.0.0.1:${port}/`, {
        ...options,
        trace: (event) => events.push(event),
      });
      await asking.then(async (response) => {
        if (cancels) await response.body.cancel();
        else await response.bytes();
      }).catch(() => {});
    }
    listener.close();
    const log = await playing;
    const sum = (type: "read" | "write") =>
      events.reduce(
        (sum, event) => event.type === type ? sum + (event.bytes ?? 0) : sum,
        0,
      );
    assertEquals([sum("write"), sum("read")], [log.read, log.written]);
    assertEquals(
      events.flatMap((event) => event.type === "read" ? [event.bytes] : []),
      [...reads],
    );
    const ends = events.flatMap((event) =>
      event.type === "closed"
        ? [[event.by, event.reason.replace(`127.0.0.1:${port}`, "HOST")]]
        : []
    );
    assertEquals(ends, closed === null ? [] : [[...closed]]);
    if (closed !== null) assertEquals(closed[0], log.by);
  });
}

Deno.test("request() traces a reset as closed by the server", async () => {
  await using server = await serveReset(BARE + "hi");
  const events: TraceEvent[] = [];
  const trace = (event: TraceEvent) => events.push(event);
  const response = await request(server.url, { trace });
  await assertRejects(() => response.text(), ClientError, "reset");
  const { by, reason } = events.at(-1) as { by?: string; reason?: string };
  assertEquals([by, reason], ["server", "it reset the connection"]);
});

// Connections closed before the request: [case, step, kind, closed by]
const EARLY: readonly [string, Step, "tls" | "tunnel", "client" | "server"][] =
  [
    ["a close in place of a handshake", "CLOSE", "tls", "server"],
    ["text in place of a handshake", "HTTP/1.0 400 B\r\n\r\n", "tls", "client"],
    ["a refused tunnel", "HTTP/1.0 407 P\r\n\r\n", "tunnel", "client"],
    ["a close in place of a tunnel", "CLOSE", "tunnel", "server"],
  ];

for (const [what, step, kind, by] of EARLY) {
  Deno.test(`request() traces who closed after ${what}`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const playing = listener.accept().then((conn) => play(conn, [step]));
    const events: TraceEvent[] = [];
    const trace = (event: TraceEvent) => events.push(event);
    const url = `${kind === "tls" ? "https" : "http"}://127.0.0.1:${port}/`;
    const proxy = { proxy: url, proxyTunnel: true };
    const options = kind === "tls" ? { trace } : { ...proxy, trace };
    const error = await assertRejects(() => request(url, options), ClientError);
    listener.close();
    assertEquals((await playing).by, by);
    const closed = events.filter(({ type }) => type === "closed");
    assertEquals(closed.map((event) => "by" in event && event.by), [by]);
    if (by === "client") {
      assertEquals("reason" in closed[0]! && closed[0].reason, error.message);
    }
  });
}

Deno.test("request() traces once who closed a reused connection too early", async () => {
  await using server = serveRaw((_, count) => ({
    raw: count === 1 ? "" : ok("x", KEEP),
    then: count === 1 ? "close" : "next",
  }));
  await using client = new Client();
  const types: string[] = [];
  const trace = ({ type }: TraceEvent) => types.push(type);
  for (let i = 0; i < 2; i++) {
    await (await client.get(server.url, { trace })).text();
  }
  assertEquals(
    types.slice(types.indexOf("reused") - 1).join(" "),
    [
      "request reused write request-head read closed",
      "request resolve resolved connecting connected",
      "write request-head read response-head body body-end kept",
    ].join(" "),
  );
});

Deno.test("request() traces no body if none arrives, and nothing after a connection is kept", async () => {
  const responses = [ok("", KEEP), `${BARE}hello`, ok("hi", KEEP)];
  await using server = serveRaw((_, count) => ({
    raw: responses[count]!,
    then: count === 1 ? "close" : "next",
    piece: count === 1 ? BARE.length : 1_000,
    delay: 5,
  }));
  const events: TraceEvent[] = [];
  const trace = (event: TraceEvent) => events.push(event);
  {
    await using client = new Client();
    for (let i = 0; i < 3; i++) {
      await (await client.get(server.url, { trace })).text();
    }
  }
  assertEquals(
    events.flatMap((event) => event.type === "body" ? [event.received] : []),
    [5, 2],
  );
  assertEquals(events.at(-1)!.type, "kept");
});

Deno.test("request() closes a connection if its signal aborts as it is made, whatever the reason", async () => {
  await using server = serveRaw(() => ({ raw: ok("") }));
  for (const reason of ["enough", null, new Error("enough")]) {
    const controller = new AbortController();
    const { signal } = controller;
    const types: string[] = [];
    const trace = ({ type }: TraceEvent) => {
      types.push(type);
      if (type === "connected") controller.abort(reason);
    };
    const failing = request(server.url, { signal, trace });
    assertEquals(await failing.catch((error) => error), reason);
    assertEquals(types.slice(-2), ["connected", "closed"]);
  }
});

Deno.test("request() traces why the caller aborted, whether the reason is an error or not", async () => {
  await using server = serveRaw(() => ({ raw: CUT, then: "hold" }));
  for (const reason of ["enough", new Error("enough")]) {
    const controller = new AbortController();
    const { signal } = controller;
    const events: TraceEvent[] = [];
    const trace = (event: TraceEvent) => events.push(event);
    const response = await request(server.url, { signal, trace });
    const reading = response.text().catch((error) => error);
    controller.abort(reason);
    assertEquals(await reading, reason);
    const last = events.at(-1)!;
    assertEquals([last.type, "reason" in last && last.reason], [
      "closed",
      "enough",
    ]);
  }
});
