import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  BodyError,
  type Handler,
  type HttpRequest,
  serve,
  type ServerLimits,
} from "../../server/mod.ts";
import { completeLimits } from "../../server/limits.ts";
import { TestClock } from "../_clock.ts";
import {
  body,
  delay,
  dial,
  exchange,
  field,
  octets,
  readToEnd,
  statuses,
  within,
  writeAll,
} from "./_raw.ts";

function start(
  limits: ServerLimits,
  handler: Handler = () => ({ status: 200, body: "ok" }),
) {
  return serve(handler, { port: 0, limits, onError: () => {} });
}

Deno.test("serve() has these limits by default", () => {
  assertEquals(completeLimits(), {
    maxLineBytes: 8_192,
    maxHeadBytes: 16_384,
    maxFields: 100,
    headTimeout: 15_000,
    bodyTimeout: 30_000,
    writeTimeout: 60_000,
    idleTimeout: 5_000,
    maxRequests: 1_000,
    maxBodyBytes: 1_048_576,
    maxDrainBytes: 262_144,
    drainTimeout: 2_000,
    maxConnections: 1_024,
    shutdownTimeout: 10_000,
  });
});

Deno.test("serve() refuses limits of zero", () => {
  for (const name of Object.keys(completeLimits())) {
    assertThrows(() => completeLimits({ [name]: 0 }), RangeError, name);
  }
});

/** How long something takes, in milliseconds. */
async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const started = performance.now();
  const result = await work;
  return [result, performance.now() - started];
}

Deno.test("serve() closes a silent connection without a response", async () => {
  await using server = start({ headTimeout: 300 });
  for (const nothing of ["", "\r\n"]) {
    const conn = await dial(server);
    await writeAll(conn, octets(nothing));
    const [got, time] = await timed(readToEnd(conn));
    assertEquals(got, { text: "", end: "close" });
    assert(time > 250 && time < 4_000, `${time} ms`);
  }
});

Deno.test("serve() answers 408 to a head that drips, however steadily", async () => {
  await using server = start({ headTimeout: 400 });
  const conn = await dial(server);
  const answer = readToEnd(conn);
  const drip = (async () => {
    for (const byte of "GET / HTTP/1.0\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa") {
      await conn.write(octets(byte));
      await delay(50);
    }
  })().catch(() => {}); // the server closes
  const [got, time] = await timed(answer);
  assertEquals([statuses(got.text), got.end], [[408], "close"]);
  assert(time < 10_000, `${time} ms`);
  await drip;
});

Deno.test("serve() gives a request the same time for its head on a kept connection", async () => {
  await using server = start({ headTimeout: 300, idleTimeout: 5_000 });
  const conn = await dial(server);
  await writeAll(
    conn,
    octets("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /"),
  );
  const { text } = await readToEnd(conn);
  assertEquals(statuses(text), [200, 408]);
});

Deno.test("serve() closes an idle kept connection silently", async () => {
  await using server = start({ idleTimeout: 300 });
  const conn = await dial(server);
  const send = async () => {
    const post = "POST / HTTP/1.0\r\nConnection: keep-alive\r\n";
    await writeAll(conn, octets(`${post}Content-Length: 1\r\n\r\n`));
    await delay(20); // until the body is waited for
    await writeAll(conn, octets("x"));
    return await readToEnd(conn);
  };
  const [got, time] = await timed(send());
  assertEquals([statuses(got.text), got.end], [[200], "close"]);
  assert(time > 250 && time < 4_000, `${time} ms`);
});

Deno.test("serve() waits less for a client that did not ask to be kept", async () => {
  await using server = start({});
  const [asked, implicit] = [await dial(server), await dial(server)];
  using _ = asked;
  const request = octets("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  await writeAll(asked, request);
  await writeAll(implicit, octets("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  await asked.read(new Uint8Array(1_000));
  using clock = new TestClock();
  clock.hurry(10);
  const { text, end } = await readToEnd(implicit, 20_000);
  assertEquals([statuses(text), end], [[200], "close"]);
  await writeAll(asked, request);
  assert((await asked.read(new Uint8Array(1_000)) ?? 0) > 0);
});

Deno.test("serve() answers 408 to a body that comes too slowly", async () => {
  await using server = start(
    { bodyTimeout: 300 },
    async (request) => ({ status: 200, body: await request.bytes() }),
  );
  const conn = await dial(server);
  await writeAll(
    conn,
    octets(
      "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\nContent-Length: 10\r\n\r\nabc",
    ),
  );
  const [got, time] = await timed(readToEnd(conn));
  assertEquals([statuses(got.text), got.end], [[408], "close"]);
  assert(got.text.includes("\r\nConnection: close\r\n"), got.text);
  assert(time < 20_000, `${time} ms`);
});

Deno.test("serve() gives a body a millisecond more for each byte that came", async () => {
  await using server = start(
    { bodyTimeout: 300 },
    async (request) => ({
      status: 200,
      body: `${(await request.text()).length}`,
    }),
  );
  const conn = await dial(server);
  const head = "POST / HTTP/1.0\r\nContent-Length: 10000\r\n\r\n";
  await writeAll(conn, octets(head + "x".repeat(9_999)));
  using clock = new TestClock();
  clock.pass(1_000); // a tick of the server's clock
  await delay(450);
  await writeAll(conn, octets("x"));
  assertEquals(body((await readToEnd(conn)).text), "10000");
});

Deno.test("serve() closes a connection whose client reads nothing of its response", async () => {
  const released = Promise.withResolvers<void>();
  const stream = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1_048_576)),
      cancel: () => released.resolve(),
    });
  await using server = start(
    { writeTimeout: 300 },
    () => ({ status: 200, body: stream() }),
  );
  const conn = await dial(server);
  await writeAll(conn, octets("GET / HTTP/1.0\r\n\r\n"));
  await within(released.promise);
  conn.close();
});

Deno.test("serve() extends no deadline of a response for bytes of the body; it is long by default", async () => {
  const whole = 30_000_000;
  const content = new Uint8Array(whole);
  await using server = start({ writeTimeout: 300 }, (request) => {
    request.bytes().catch(() => {}); // goes on reading while the answer is sent
    return { status: 200, body: content };
  });
  const conn = await dial(server);
  await writeAll(conn, octets("POST / HTTP/1.0\r\nContent-Length: 9\r\n\r\n"));
  await delay(50);
  await writeAll(conn, octets("0"));
  await using patient = start({}, () => ({ status: 200, body: content }));
  const other = await dial(patient);
  await writeAll(other, octets("GET / HTTP/1.0\r\n\r\n"));
  await delay(1_000);
  const { text } = await readToEnd(conn);
  assert(text.length < whole, `${text.length} bytes`);
  assertEquals(body((await readToEnd(other)).text).length, whole);
});

Deno.test("serve() does not wait for a missing body, even if the handler streams it back", async () => {
  await using server = start({ bodyTimeout: 300 }, (request) => ({
    status: 200,
    body: request.body!.pipeThrough(
      new TransformStream({}, {}, { highWaterMark: 4 }), // reads ahead
    ),
  }));
  const raw = "POST / HTTP/1.0\r\nContent-Length: 10\r\n\r\n01234";
  const [{ text, end }, time] = await timed(exchange(server, raw));
  assertEquals([body(text), end === "open"], ["01234", false]);
  assert(time < 20_000, `${time} ms`);
});

Deno.test("serve() waits for a handler's stream as long as it takes, if the client reads", async () => {
  const limits = { headTimeout: 200, writeTimeout: 200 };
  await using server = start(limits, () => ({
    status: 200,
    body: new ReadableStream({
      async start(controller) {
        controller.enqueue(octets("one "));
        await delay(700);
        controller.enqueue(octets("two"));
        controller.close();
      },
    }),
  }));
  const { text } = await exchange(server, "GET / HTTP/1.0\r\n\r\n");
  assertEquals(body(text), "one two");
});

Deno.test("serve() discards a body that its handler did not wait for, and no byte more", async () => {
  const read: string[] = [];
  const seen: string[] = [];
  await using server = start({ drainTimeout: 300 }, (request) => {
    seen.push(request.target);
    request.text().then(
      (text) => read.push(text),
      (error) => read.push(error.message),
    );
    return { status: 200 };
  });
  const post = "POST /1 HTTP/1.0\r\nConnection: keep-alive\r\n" +
    "Content-Length: 10\r\n\r\n";
  const cases: [later: string, statuses: number[], seen: string[]][] = [
    ["0123456789GET /2 HTTP/1.0\r\n\r\n", [200, 200], ["/1", "/2"]],
    ["0123456789GET /xxxxxGET /2 HTTP/1.1\r\n\r\n", [200, 400], ["/1"]],
    ["0", [200], ["/1"]], // and no more: closed after a while
  ];
  for (const [later, wantStatuses, wantSeen] of cases) {
    const conn = await dial(server);
    await writeAll(conn, octets(post));
    await delay(wantSeen.length === 2 ? 250 : 50); // a tick of the clock
    await writeAll(conn, octets(later));
    const { text, end } = await readToEnd(conn);
    assertEquals([statuses(text), seen, end], [
      wantStatuses,
      wantSeen,
      "close",
    ]);
    assertEquals(
      read[0],
      "Cannot read body: its request has been answered",
    );
    seen.length = read.length = 0;
  }
});

Deno.test("serve() refuses a body over its limit with 413, and one that ends too soon", async () => {
  const errors: unknown[] = [];
  await using server = start({ maxBodyBytes: 10 }, async (request) => {
    try {
      const { path, body } = request;
      const isStream = path === "/stream";
      const reader = isStream ? new Response(body) : request;
      return { status: 200, body: await reader.text() };
    } catch (error) {
      errors.push(error);
      throw error;
    }
  });
  const post = (length: number, text: string, path = "/") =>
    `POST ${path} HTTP/1.0\r\nContent-Length: ${length}\r\n\r\n${text}`;
  assertEquals(
    body((await exchange(server, post(10, "0123456789"))).text),
    "0123456789",
  );
  for (const path of ["/", "/stream"]) {
    const { text } = await exchange(server, post(11, "01234567890", path));
    assertEquals(statuses(text), [413]);
  }
  await exchange(server, post(10, "012"), { eof: true });
  assertEquals(errors.map((error) => (error as BodyError).code), [
    "too-large",
    "too-large",
    "cut-short",
  ]);
});

Deno.test("HttpRequest gives its body once, and only until the response is sent", async () => {
  let late: Promise<unknown> | undefined;
  await using server = start({}, async (request) => {
    if (request.path === "/late") {
      const reader = request.body!.getReader();
      late = (async () => {
        await delay(50);
        return await reader.read();
      })();
      return { status: 200 };
    }
    const first = await request.json();
    await assertRejects(() => request.text(), BodyError, "already taken");
    return { status: 200, body: JSON.stringify(first) };
  });
  const post = (path: string, text: string) =>
    `POST ${path} HTTP/1.0\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  assertEquals(
    body((await exchange(server, post("/", '{"a":[1]}'))).text),
    '{"a":[1]}',
  );
  await exchange(server, post("/late", "12345"));
  await assertRejects(() => within(late!), BodyError, "has been answered");
});

Deno.test("serve() holds no more connections than it may, and serves the others as soon as one leaves", async () => {
  await using server = start({ maxConnections: 3, headTimeout: 60_000 });
  const holders = await Promise.all([dial(server), dial(server), dial(server)]);
  await delay(50);
  const waiting = exchange(server, "GET / HTTP/1.0\r\n\r\n");
  assertEquals(await Promise.race([waiting, delay(200)]), undefined);
  holders[0]!.close();
  assertEquals(statuses((await within(waiting)).text), [200]);
  for (const conn of holders.slice(1)) conn.close();
});

Deno.test("serve() keeps no connection while all are in use, so that others get in", async () => {
  const limits = {
    maxConnections: 2,
    idleTimeout: 60_000,
    headTimeout: 60_000,
  };
  await using server = start(limits);
  const request = octets("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  // As a browser does: all at once, and each waits for its response
  const ask = async () => {
    const conn = await dial(server);
    await writeAll(conn, request);
    const bytes = new Uint8Array(1_000);
    const text = new TextDecoder().decode(
      bytes.subarray(0, await conn.read(bytes) ?? 0),
    );
    return { conn, text };
  };
  const first = await within(ask());
  assertEquals(field(first.text, "connection"), "keep-alive");
  const others = await within(Promise.all([ask(), ask(), ask(), ask()]), 3_000);
  for (const { conn, text } of [first, ...others]) {
    assertEquals(statuses(text), [200]);
    conn.close();
  }
});

Deno.test("serve() keeps the connections of those who ask, whoever takes all others", async () => {
  await using server = start({ maxConnections: 3, headTimeout: 60_000 });
  const asking = await dial(server);
  const silent = [await dial(server), await dial(server), await dial(server)];
  for (let i = 0; i < 3; i++) {
    await writeAll(asking, octets("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    const bytes = new Uint8Array(1_000);
    const count = await within(asking.read(bytes));
    const text = new TextDecoder().decode(bytes.subarray(0, count ?? 0));
    assertEquals(field(text, "connection"), "keep-alive");
  }
  for (const conn of [asking, ...silent]) conn.close();
});

// How many connections are open, and how many may be then: 64 descriptors are
// left to files, but there may always be 8 connections.
for (const [open, left, times] of [[12, 8, 4], [80, 16, 1]] as const) {
  Deno.test(`serve() that finds no descriptor left with ${open} connections keeps ${left}, and goes on`, async () => {
    const { listen } = Deno;
    let failures = 0;
    const failedAt: number[] = [];
    Deno.listen = ((options: Deno.TcpListenOptions) => {
      const listener = listen(options);
      const accept = listener.accept.bind(listener);
      listener.accept = async () => {
        if (failures === 0 || failedAt.length === 0) {
          const conn = await accept();
          if (failures === 0) return conn;
          conn.close(); // as if it had never been accepted
        }
        failures--;
        failedAt.push(performance.now());
        throw Object.assign(new Error("Too many"), { code: "EMFILE" });
      };
      return listener;
    }) as typeof Deno.listen;
    let server;
    try {
      server = start({ headTimeout: 60_000 });
    } finally {
      Deno.listen = listen;
    }
    await using _ = server;
    const request = octets(
      "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    );
    const idle: Deno.TcpConn[] = [];
    for (let i = 0; i < open; i++) {
      const conn = await dial(server);
      await writeAll(conn, request);
      await conn.read(new Uint8Array(1_000));
      idle.push(conn);
    }
    failures = times;
    (await dial(server)).close();
    for (const conn of idle.splice(left)) {
      assertEquals(await within(readToEnd(conn)), { text: "", end: "close" });
    }
    for (const conn of idle) {
      await writeAll(conn, request);
      assert(await within(conn.read(new Uint8Array(1_000))) !== null);
    }
    const waiting = exchange(server, "GET / HTTP/1.0\r\n\r\n");
    assertEquals(await Promise.race([waiting, delay(300)]), undefined);
    idle.pop()!.close();
    assertEquals(statuses((await within(waiting)).text), [200]);
    for (const conn of idle) conn.close();
    // It would fail again at once, and again
    assertEquals(failedAt.length, times);
    assert(failedAt.at(-1)! - failedAt[0]! >= 45 * (times - 1));
  });
}

Deno.test("serve() responds at once while 200 silent clients are connected", async () => {
  await using server = start({});
  const silent = await Promise.all(
    Array.from({ length: 200 }, () => dial(server)),
  );
  const [got, time] = await timed(exchange(server, "GET / HTTP/1.0\r\n\r\n"));
  assertEquals(statuses(got.text), [200]);
  assert(time < 5_000, `${time} ms`);
  for (const conn of silent) conn.close();
});

Deno.test("serve() survives clients that leave at once", async () => {
  await using server = start({});
  for (let i = 0; i < 200; i++) {
    const conn = await dial(server);
    if (i % 2 === 0) {
      await conn.write(
        octets(
          "GET / HTTP/1.0\r\n\r\nand some bytes that turn the end into a reset",
        ),
      );
    }
    conn.close();
  }
  assertEquals(
    statuses((await exchange(server, "GET / HTTP/1.0\r\n\r\n")).text),
    [200],
  );
});

Deno.test("HttpRequest.signal aborts when the client leaves, and not before", async () => {
  for (const more of ["", "GET /next"]) {
    const seen = Promise.withResolvers<AbortSignal>();
    await using server = start({}, async (request) => {
      seen.resolve(request.signal);
      await new Promise((resolve) =>
        request.signal.addEventListener("abort", resolve)
      );
      return { status: 200 };
    });
    const conn = await dial(server);
    await writeAll(conn, octets("GET / HTTP/1.0\r\n\r\n"));
    const signal = await within(seen.promise);
    await writeAll(conn, octets(more));
    await delay(50);
    assertEquals(signal.aborted, false);
    conn.close();
    using clock = new TestClock();
    clock.hurry(10);
    await within(
      new Promise((resolve) => signal.addEventListener("abort", resolve)),
    );
    assertEquals(signal.aborted, true);
  }
});

Deno.test("HttpRequest.signal reads ahead no further than the length of a head", async () => {
  const held = Promise.withResolvers<void>();
  await using server = start({}, async ({ signal }) => {
    await held.promise;
    return { status: 200, body: `${signal.aborted}` };
  });
  const conn = await dial(server);
  await writeAll(conn, octets("GET / HTTP/1.0\r\n\r\n"));
  const block = new Uint8Array(1_048_576);
  let sent = 0;
  const sending = (async () => {
    while (sent < 100 * block.length) sent += await conn.write(block);
  })().catch(() => {}); // the server closes
  // What the sockets hold, and no more
  for (let last = -1; last < sent; await delay(100)) last = sent;
  assert(sent < 50 * block.length, `${sent} bytes`);
  held.resolve();
  assertEquals(body((await readToEnd(conn)).text), "false");
  await sending;
});

Deno.test("HttpRequest.signal is aborted when it is first asked for after the end of the connection", async () => {
  const requests: HttpRequest[] = [];
  await using server = start({}, (request) => {
    requests.push(request);
    return { status: 200, body: request.path };
  });
  await exchange(server, "GET /1 HTTP/1.0\r\n\r\n");
  const { signal } = requests[0]!;
  await delay(20);
  assertEquals(signal.aborted, true);
  const { text } = await exchange(server, "GET /2 HTTP/1.0\r\n\r\n");
  assertEquals(body(text), "/2");
});

Deno.test("HttpRequest.signal stays as it was when its request is over", async () => {
  const signals: AbortSignal[] = [];
  await using server = start({}, ({ signal }) => {
    signals.push(signal);
    return { status: 200 };
  });
  const conn = await dial(server);
  const request = octets("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  for (let i = 0; i < 2; i++) {
    await writeAll(conn, request);
    await conn.read(new Uint8Array(1_000));
  }
  conn.close();
  using clock = new TestClock();
  clock.hurry(10);
  for (let i = 0; i < 200 && server.pending > 0; i++) await delay(10);
  await delay(450); // two ticks of the server's clock
  assertEquals(signals.map(({ aborted }) => aborted), [false, false]);
});

Deno.test("HttpRequest.signal does not consume the next request", async () => {
  await using server = start({}, async (request) => {
    const { signal } = request;
    await delay(30);
    return { status: 200, body: `${request.target} ${signal.aborted}` };
  });
  const conn = await dial(server);
  await writeAll(
    conn,
    octets(
      "GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\nConnection: keep-",
    ),
  );
  await delay(100);
  await writeAll(
    conn,
    octets("alive\r\n\r\nPOST /3 HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody"),
  );
  const { text } = await readToEnd(conn);
  assertEquals(statuses(text), [200, 200, 200]);
  for (const answer of ["/1 false", "/2 false", "/3 false"]) {
    assert(text.includes(answer), text);
  }
});

Deno.test("HttpRequest has the parts of its URL and of its head", async () => {
  await using server = start({}, (request) => ({
    status: 200,
    headers: { "X-Url": request.url },
    body: JSON.stringify([
      request.method,
      request.target,
      request.path,
      request.params,
      [...request.searchParams],
      request.body === null,
      request.version,
    ]),
  }));
  const { text } = await exchange(
    server,
    "GET /a%20b??c=d HTTP/1.1\r\nHost: localhost:99\r\nConnection: close\r\n\r\n",
  );
  assertEquals(JSON.parse(body(text)), [
    "GET",
    "/a%20b??c=d",
    "/a%20b",
    "?c=d",
    [["?c", "d"]],
    true,
    "1.1",
  ]);
  assertEquals(field(text, "x-url"), "http://localhost:99/a%20b??c=d");
  const absolute = await exchange(
    server,
    "GET http://127.0.0.1/x HTTP/1.0\r\nHost: localhost\r\n\r\n",
  );
  assertEquals(field(absolute.text, "x-url"), "http://127.0.0.1/x");
  const bare = await exchange(server, "OPTIONS * HTTP/1.0\r\n\r\n");
  assertEquals(field(bare.text, "x-url"), server.url);
  assertEquals(JSON.parse(body(bare.text)).slice(3, 5), [null, []]);
});
