import { assert, assertEquals, assertRejects } from "@std/assert";
import { createServer } from "node:net";
import { TestClock } from "../_clock.ts";
import {
  Client,
  ClientError,
  get,
  request,
  type RequestOptions,
} from "../../client/mod.ts";
import { Connection } from "../../client/_connect/connection.ts";
import { untilAborted } from "../../client/_connect/deadline.ts";
import { closedPort, octets, ok, serveRaw, silentPort } from "./_server.ts";
import { countListeners } from "../_signal.ts";

async function timeoutOf(
  promise: Promise<unknown>,
  message: string,
): Promise<number> {
  const started = performance.now();
  const error = await assertRejects(() => promise, ClientError, message);
  assertEquals([error.code, error.exitCode, error.step], [
    "timeout",
    28,
    "exchange",
  ]);
  return performance.now() - started;
}

/** Lets time pass, and the client notice it. */
async function wait(milliseconds: number): Promise<void> {
  using clock = new TestClock();
  clock.pass(milliseconds);
  await new Promise((done) => setTimeout(done, 150));
}

async function* drain(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield value;
  }
}

Deno.test("request() gives up on a silent server", async () => {
  await using server = serveRaw(() => ({ raw: "", then: "hold" }));
  const took = await timeoutOf(
    request(server.url, { idleTimeout: 100 }),
    "Cannot read response of 127.0.0.1:",
  );
  assert(took > 90 && took < 15_000, `${took} ms`);
});

Deno.test("request() reads what arrived while the program was stopped", async () => {
  await using server = serveRaw(() => ({
    raw: ok("x".repeat(1_000)),
    piece: 100,
    delay: 100,
  }));
  const response = await get(server.url, { idleTimeout: 500 });
  const reading = response.bytes();
  await new Promise((done) => setTimeout(done, 10));
  const end = performance.now() + 2_000;
  while (performance.now() < end); // as Ctrl-Z would stop it
  const { length } = await reading;
  assertEquals(length, 1_000);
});

Deno.test("request() applies idleTimeout to a whole head, not to each byte", async () => {
  await using server = serveRaw(() => ({
    raw: ok("hi", `X: ${"y".repeat(100)}\r\n`),
    piece: 1,
    delay: 150,
  }));
  const took = await timeoutOf(
    request(server.url, { idleTimeout: 200 }),
    "within 200 ms",
  );
  assert(took < 15_000, `${took} ms`);
});

Deno.test("request() applies idleTimeout to each block of a body", async () => {
  await using server = serveRaw(() => ({
    raw: ok("0123456789"),
    piece: 4,
    delay: 30,
  }));
  assertEquals(
    await (await get(server.url, { idleTimeout: 1_000 })).text(),
    "0123456789",
  );
});

Deno.test("request() gives up on a body that stalls", async () => {
  await using server = serveRaw(() => ({
    raw: "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    then: "hold",
  }));
  const response = await get(server.url, { idleTimeout: 500 });
  await timeoutOf(response.text(), "Cannot read body");
});

Deno.test("request() does not limit how long the reader of a body takes", async () => {
  await using server = serveRaw(() => ({ raw: ok("x".repeat(100_000)) }));
  const response = await get(server.url);
  const reader = response.body.getReader();
  let size = (await reader.read()).value!.length;
  await wait(60_000);
  for await (const block of drain(reader)) size += block.length;
  assertEquals(size, 100_000);
});

Deno.test("Client does not limit how long the reader takes after a kept connection was reset", async () => {
  let connections = 0;
  const raw = octets(ok("x".repeat(300_000), "Connection: keep-alive\r\n"));
  const server = createServer((socket) => {
    const isFirst = connections++ === 0;
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write(raw);
      if (isFirst) socket.once("data", () => socket.resetAndDestroy());
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  const url = `http://127.0.0.1:${port}/`;
  await using client = new Client();
  await (await client.get(url)).bytes();
  const { body } = await client.get(url);
  const reader = body.getReader();
  let size = (await reader.read()).value!.length;
  await wait(60_000);
  for await (const block of drain(reader)) size += block.length;
  assertEquals([size, connections], [300_000, 2]);
  await new Promise((done) => {
    server.close(done);
    client.close();
  });
});

Deno.test("request() ends a slow body after timeout", async () => {
  await using server = serveRaw(() => ({
    raw: ok("x".repeat(1_000)),
    piece: 1,
    delay: 20,
  }));
  const started = performance.now();
  const error = await assertRejects(
    async () => await (await get(server.url, { timeout: 300 })).text(),
    ClientError,
    "not finished within 300 ms",
  );
  assertEquals(error.code, "timeout");
  assert(performance.now() - started < 15_000); // the whole body would take 20 s
});

Deno.test("request() applies timeout across redirects", async () => {
  await using server = serveRaw(() => ({
    raw: "HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n",
    delay: 40,
  }));
  const error = await assertRejects(
    () => request(server.url, { timeout: 200 }),
    ClientError,
    "not finished within 200 ms",
  );
  assertEquals(error.code, "timeout");
});

Deno.test("request() gives up on a server that does not read the request", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const accepting = listener.accept();
  const body = new Uint8Array(32 * 1024 * 1024);
  const error = await assertRejects(
    () =>
      request(`http://127.0.0.1:${port}/`, {
        method: "PUT",
        body,
        idleTimeout: 200,
      }),
    ClientError,
    "Cannot send request",
  );
  assertEquals(error.code, "timeout");
  (await accepting).close();
  listener.close();
});

Deno.test("request() rejects with the reason of its signal, at any step", async () => {
  const reason = new Error("changed my mind");
  await assertRejects(
    () => request("http://127.0.0.1:1/", { signal: AbortSignal.abort(reason) }),
    Error,
    "changed my mind",
  );
  await using server = serveRaw(() => ({
    raw: "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    then: "hold",
  }));
  await using silent = serveRaw(() => ({ raw: "", then: "hold" }));
  const waiting = new AbortController();
  setTimeout(() => waiting.abort(reason), 50);
  assertEquals(
    await assertRejects(() => request(silent.url, { signal: waiting.signal })),
    reason,
  );
  const reading = new AbortController();
  const response = await request(server.url, { signal: reading.signal });
  setTimeout(() => reading.abort(reason), 50);
  assertEquals(await assertRejects(() => response.text()), reason);
});

/** A server that neither reads nor writes. */
function serveNothing(): { url: string } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const conn of listener) open.push(conn);
  })();
  const { port } = listener.addr as Deno.NetAddr;
  return {
    url: `127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const conn of open) conn.close();
    },
  };
}

// [phase, URL, options]; no phase ends by itself
const PHASES: [string, (url: string) => string, RequestOptions][] = [
  ["it connects", () => "", {}],
  ["it sets up TLS", (url) => `https://${url}`, {}],
  ["it opens a tunnel", () => "https://a.invalid/", {}],
  ["it sends", (url) => `http://${url}`, {
    method: "PUT",
    body: new Uint8Array(32_000_000),
  }],
  ["the caller's stream stalls", (url) => `http://${url}`, {
    method: "PUT",
    body: { size: 5, stream: () => new ReadableStream() },
  }],
  ["it waits for a response", (url) => `http://${url}`, {}],
];

for (const [phase, urlOf, options] of PHASES) {
  Deno.test(`request() closes what it opened when it is aborted while ${phase}`, async () => {
    await using server = serveNothing();
    using silent = await silentPort();
    const url = urlOf(server.url) || `http://127.0.0.4:${silent.port}/`;
    const controller = new AbortController();
    const { signal } = controller;
    const proxy = () =>
      phase.includes("tunnel") ? `http://${server.url}` : null;
    const asking = request(url, { ...options, signal, proxy });
    const outcome = asking.then(() => "it ended", (reason) => reason);
    await new Promise((done) => setTimeout(done, 60));
    controller.abort("enough");
    assertEquals(await outcome, "enough");
  });
}

Deno.test("request() leaks no connection when it is aborted while it connects", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const accepting = (async () => {
    for await (const conn of listener) conn.close();
  })();
  for (let i = 0; i < 100; i++) {
    const controller = new AbortController();
    const aborted = new Promise<void>((done) =>
      setTimeout(() => done(controller.abort()), 1)
    );
    const { signal } = controller;
    const asking = request(`http://127.0.0.1:${port}/`, { signal })
      .catch(() => {});
    // The connection and the abort are ready in one turn of the event loop
    const busyUntil = performance.now() + 2;
    while (performance.now() < busyUntil);
    await Promise.all([asking, aborted]);
  }
  listener.close();
  await accepting; // the test runner reports connections that are left
});

Deno.test("request() obeys a signal that aborts while nobody reads", async () => {
  await using server = serveRaw(() => ({
    raw: "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    then: "hold",
  }));
  const controller = new AbortController();
  const response = await request(server.url, { signal: controller.signal });
  controller.abort("enough");
  assertEquals(await response.text().catch((reason) => reason), "enough");
});

Deno.test("untilAborted() handles a promise that rejects after the abort", async () => {
  const late = Promise.withResolvers<never>();
  const waiting = untilAborted(late.promise, AbortSignal.abort("enough"));
  assertEquals(await waiting.catch((reason) => reason), "enough");
  late.reject(new Error("nobody waits for it"));
  await new Promise((done) => setTimeout(done)); // no unhandled rejection
});

Deno.test("request() refuses limits that are negative or NaN", async () => {
  for (const name of ["idleTimeout", "maxRate"]) {
    for (const value of [NaN, -1]) {
      await assertRejects(
        () => request("http://127.0.0.1:1/", { [name]: value }),
        RangeError,
        name,
      );
    }
  }
  await using server = serveRaw(() => ({ raw: ok("x") }));
  const response = await request(server.url, { maxRate: 0 }); // as for curl
  assertEquals(await response.text(), "x");
});

Deno.test("Connection limits the rate of each direction separately, as curl does", async () => {
  const socket = {
    read: (view: Uint8Array) => Promise.resolve(view.length),
    write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
  } as unknown as Deno.Conn;
  const connection = new Connection(socket, { step: "exchange" });
  connection.maxRate = 10_000;
  const delays: number[] = [];
  const { setTimeout } = globalThis;
  const record = (callback: () => void, delay = 0) => {
    delays.push(Math.round(delay));
    return setTimeout(callback);
  };
  Object.assign(globalThis, { setTimeout: record });
  try {
    const bytes = new Uint8Array(1_000);
    await Promise.all([connection.read(bytes), connection.write(bytes)]);
  } finally {
    Object.assign(globalThis, { setTimeout });
  }
  assertEquals(delays, [100, 100]);
});

Deno.test("request() leaves no listeners on the signal of its caller", async () => {
  await using server = serveRaw((_, count) => ({
    raw: [ok("x"), "junk\r\n", ok("x"), "HTTP/1.0 503 X\r\n\r\n"][count] ??
      ok("x"),
  }));
  const { signal, count } = countListeners();
  await (await request(server.url, { signal })).text();
  await assertRejects(() => request(server.url, { signal }), ClientError);
  await (await request(server.url, { signal })).body.cancel();
  const retry = { count: 1, delay: 1 };
  await (await request(server.url, { signal, retry })).text();
  assertEquals(server.requests.length, 5);
  const closed = `http://127.0.0.1:${closedPort()}/`;
  await assertRejects(() => request(closed, { signal }), ClientError);
  await untilAborted(Promise.resolve(), signal);
  assertEquals(count(), 0);
});

Deno.test("waitAtMost() does not keep a program running once the promise has settled", async () => {
  const deadline = import.meta.resolve("../../client/_connect/deadline.ts");
  const program = `
    import { waitAtMost } from ${JSON.stringify(deadline)};
    await waitAtMost(600_000, Promise.resolve());`;
  const code = `data:text/javascript,${encodeURIComponent(program)}`;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "--no-config", code],
    signal: AbortSignal.timeout(20_000),
  }).output();
  assert(success);
});
