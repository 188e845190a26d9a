// Problems that users of other servers had, at the edges of a connection.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Hono } from "npm:hono@^4.13.19";
import {
  accessLog,
  type Handler,
  type HttpRequest,
  type HttpServer,
  serve,
  serveDir,
  type ServeOptions,
  webHandler,
} from "../../server/mod.ts";
import { TestClock } from "../_clock.ts";
import { makeTree } from "./_files.ts";
import {
  body,
  delay,
  dial,
  exchange,
  field,
  latin1,
  octets,
  readToEnd,
  statuses,
  within,
  writeAll,
} from "./_raw.ts";

function start(handler: Handler, options: ServeOptions = {}) {
  return serve(handler, { port: 0, ...options });
}

const echoTarget: Handler = ({ target }) => ({ status: 200, body: target });

Deno.test("serve() takes a query as browsers send it, and paths strictly", async () => {
  await using server = start(echoTarget);
  const cases: readonly [string, number][] = [
    ["/a?dir=C:\\temp", 200],
    ["/a?off=100%", 200],
    ["/a?x=%zz&y=%u0041", 200],
    ['/a?q="<>"', 200],
    ["/a?b?c[]={}|^`", 200],
    ["/a\\b", 400],
    ["/100%", 400],
    ["/a%zz?b", 400],
    ['/"', 400],
    ["/a?\x7f", 400],
    ["/a?\xe4", 400],
  ];
  for (const [target, status] of cases) {
    const { text } = await exchange(server, `GET ${target} HTTP/1.0\r\n\r\n`);
    assertEquals([target, ...statuses(text)], [target, status]);
  }
});

Deno.test("serve() skips empty lines before a request, whatever their ends", async () => {
  await using server = start(echoTarget);
  const cases: readonly [string, number][] = [
    ["\n", 200],
    ["\r\n", 200],
    ["\n\r\n\n\r\n", 200],
    ["\n\n\n\n\n", 400],
    ["\r\r\n", 400],
  ];
  for (const [before, status] of cases) {
    const { text, end } = await exchange(
      server,
      `${before}GET / HTTP/1.0\r\n\r\n`,
    );
    assertEquals([before, ...statuses(text), end], [before, status, "close"]);
  }
});

Deno.test("serve() says in fixed words what it expected", async () => {
  await using server = start(echoTarget);
  const cases: readonly [string, number, RegExp][] = [
    ["GET\r\n\r\n", 400, /^400 Bad Request\nExpected a request line such as/],
    ["GET /%zz HTTP/1.0\r\n\r\n", 400, /\nExpected a path such as/],
    ["GET / HTTP/1.0\r\nA B: c\r\n\r\n", 400, /\nExpected field lines/],
    ["GET / HTTP/1.1\r\n\r\n", 400, /\nExpected a Host field/],
    ["GET / HTTP/1.0\r\nHost: a, b\r\n\r\n", 400, /\nExpected one Host field/],
    [
      "GET http://localhost/ HTTP/1.0\r\nHost: a, b\r\n\r\n",
      400,
      /\nExpected one Host field/,
    ],
    ["GET / HTTP/2.0\r\n\r\n", 505, /\nExpected HTTP\/1.0 or HTTP\/1.1/],
    [
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
      /\nExpected a Content-Length: this is HTTP\/1.0/,
    ],
    ["GET / HTTP/1.0\r\nContent-Length: +1\r\n\r\n", 400, /1 to 15 digits/],
    [
      "GET / HTTP/1.0\r\nHost: b.example\r\n\r\n",
      421,
      /\nExpected a host of --allowed-hosts, which "b\.example" is not/,
    ],
  ];
  for (const [request, status, words] of cases) {
    const { text } = await exchange(server, request);
    assertEquals(statuses(text), [status], request);
    assertMatch(body(text), words);
  }
});

Deno.test("serve() says what it expected of a body, and serveDir() of a path", async () => {
  const echo = start(async (request) => Response.json(await request.json()));
  const files = start(serveDir("."));
  await using _echo = echo;
  await using _files = files;
  const post = (text: string) =>
    `POST / HTTP/1.0\r\nContent-Length: 9\r\n\r\n${text}`;
  const cases: readonly [HttpServer, string, RegExp][] = [
    [echo, post('{"a": 123'), /\nExpected a body/],
    [echo, post("{}"), /\nExpected a body as long as Content-Length says/],
    [files, "GET /%ff HTTP/1.0\r\n\r\n", /\nExpected a path in UTF-8/],
    [files, "GET /%00 HTTP/1.0\r\n\r\n", /\nExpected a path in UTF-8/],
    [
      files,
      "GET /%ff HTTP/1.0\r\nAccept: text/html\r\n\r\n",
      /<p>Expected a path in UTF-8/,
    ],
  ];
  for (const [server, request, words] of cases) {
    const { text } = await exchange(server, request, { eof: true });
    assertEquals(statuses(text), [400], request);
    assertMatch(body(text), words);
  }
});

Deno.test("serve() requires a length for a body of HTTP/1.0", async () => {
  await using server = start(async (request) => ({
    status: 200,
    body: `${(await request.bytes()).length}`,
  }));
  const cases: readonly [string, number][] = [
    ["POST / HTTP/1.0\r\n\r\n", 411],
    ["PUT / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nlost", 411],
    ["PATCH / HTTP/1.0\r\n\r\n", 411],
    ["QUERY / HTTP/1.0\r\n\r\n", 411],
    ["POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n", 200],
    ["DELETE / HTTP/1.0\r\n\r\n", 200],
    ["POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200],
    [
      "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      200,
    ],
  ];
  await using open = start(echoTarget, { allowedHosts: "*" });
  for (const [request, status] of cases) {
    const to = request.includes("Host: a\r") ? open : server;
    const { text } = await exchange(to, request);
    assertEquals([request, ...statuses(text)], [request, status]);
  }
});

const expecting = (length: number) =>
  `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;
const EXPECTING = expecting(4);

Deno.test("serve() sends a 100 when the handler reads the body", async () => {
  await using server = start(async (request) => ({
    status: 200,
    body: await request.text(),
  }));
  using conn = await dial(server); // kept for both
  const block = new Uint8Array(1_000);
  const read = async () =>
    latin1(block.subarray(0, await conn.read(block) ?? 0));
  for (const sent of ["body", "b"]) {
    await writeAll(conn, octets(expecting(sent.length)));
    assertEquals(await read(), "HTTP/1.1 100 Continue\r\n\r\n");
    await writeAll(conn, octets(sent));
    const text = await read();
    assertEquals([...statuses(text), body(text)], [200, sent]);
  }
});

Deno.test("serve() sends a 100 even if the response passes the body through", async () => {
  const cases: readonly [string, Handler][] = [
    ["stream", ({ body }) => ({ status: 200, body: body! })],
    ["web", webHandler(({ body }) => new Response(body))],
  ];
  for (const [name, handler] of cases) {
    await using server = start(handler);
    const conn = await dial(server);
    await writeAll(conn, octets(EXPECTING));
    const block = new Uint8Array(25);
    await conn.read(block);
    assertEquals(latin1(block), "HTTP/1.1 100 Continue\r\n\r\n", name);
    await writeAll(conn, octets("body"));
    const { text } = await readToEnd(conn);
    assertEquals([...statuses(text), body(text)], [200, "body"], name);
  }
});

Deno.test("serve() sends no 100 if it would be wrong", async () => {
  const read: Handler = async (request) => ({
    status: 200,
    body: await request.text(),
  });
  const readLate: Handler = (request) => ({
    status: 200,
    body: request.body!,
    headers: { "Content-Length": "4" },
  });
  const cases: readonly [string, Handler, string][] = [
    // Not read, so the connection closes: what follows could be a body
    ["not read", () => ({ status: 403 }), EXPECTING],
    ["too large", read, EXPECTING.replace("4", "9000000")],
    ["here already", read, `${EXPECTING}body`],
    ["1.0", read, EXPECTING.replace("HTTP/1.1", "HTTP/1.0") + "body"],
    ["after the head of the response", readLate, `${EXPECTING}body`],
  ];
  for (const [name, handler, request] of cases) {
    await using server = start(handler);
    const { text } = await exchange(server, request);
    assert(!text.includes("100 Continue"), name);
    assertEquals(statuses(text).length, 1, name);
    const kept = { "not read": "close", "here already": "keep-alive" }[name];
    if (kept) assertMatch(text, RegExp(`\r\nConnection: ${kept}\r\n`));
  }
});

Deno.test("serve() never puts a 100 into a response that has begun", async () => {
  for (
    const [wait, before] of [[0, /^HTTP\/1\.1 100 .*\r\n\r\n/], [
      20,
      /^/,
    ]] as const
  ) {
    await using server = start((request) => ({
      status: 200,
      body: new ReadableStream({
        async pull(controller) {
          controller.enqueue(new TextEncoder().encode("first "));
          if (wait > 0) await delay(wait);
          controller.enqueue(await request.bytes());
          controller.close();
        },
      }),
    }));
    const conn = await dial(server);
    await writeAll(conn, octets(EXPECTING));
    await delay(50);
    await writeAll(conn, octets("body"));
    const { text } = await readToEnd(conn);
    assertMatch(text, before);
    const response = text.replace(before, "");
    assertMatch(response, /^HTTP\/1\.0 200 /);
    assertEquals(body(response), "first body");
  }
});

Deno.test("serve() survives errors of a handler, onListen, onError and log", async () => {
  const hostile = new Proxy({}, {
    get() {
      throw new Error("hostile");
    },
  });
  const wrong: readonly unknown[] = [
    undefined,
    null,
    "text",
    7,
    hostile,
    { status: NaN },
    { status: 200, body: 42 },
    { status: 200, body: {} },
    { status: 200, body: { file: {}, start: 0 } },
    { status: 200, headers: { a: "b\r\nc: d" } },
  ];
  const throwing = [undefined, null, "text", hostile].map((thrown) => () => {
    throw thrown;
  });
  for (const handler of [...wrong.map((one) => () => one), ...throwing]) {
    const errors: unknown[] = [];
    await using server = start(handler as unknown as Handler, {
      onError(error) {
        errors.push(error);
        throw new Error("of onError");
      },
      onListen: () => {
        throw new Error("of onListen");
      },
      log: () => Promise.reject(new Error("of log")) as unknown as void,
    });
    const { text } = await exchange(server, "GET / HTTP/1.0\r\n\r\n");
    assertEquals(statuses(text), [500]);
    await delay(1);
    assertEquals(errors.length, 3); // of onListen, the handler, and the log
  }
});

Deno.test("serve() reports no error of callbacks that return nothing", async () => {
  const errors: unknown[] = [];
  const nothing = () => {};
  await using server = start(() => ({ status: 200 }), {
    onError: (error) => errors.push(error),
    onListen: nothing,
    log: nothing,
    trace: nothing,
  });
  await exchange(server, "GET / HTTP/1.0\r\n\r\n");
  assertEquals(errors, []);
});

Deno.test("serve() responds as usual if stderr cannot be written", async () => {
  const { error } = console;
  console.error = () => {
    throw new Error("No space left on device (os error 28)");
  };
  try {
    const log = accessLog("common", { write: () => Promise.reject("full") });
    await using server = start(() => Promise.reject("of the handler"), { log });
    const cases = [["GET / HTTP/1.0\r\n\r\n", 500], [
      "GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n",
      421,
    ]] as const;
    for (const [request, status] of cases) {
      assertEquals(statuses((await exchange(server, request)).text), [status]);
    }
  } finally {
    console.error = error;
  }
});

Deno.test("serve() says what is wrong with an invalid body", async () => {
  const parts = [-1, 0.5, NaN, Infinity, undefined]
    .map((length) => ({ file: {}, start: 0, length }));
  const texts = ReadableStream.from(["text"]);
  for (const wrong of [42, true, {}, ["a"], ...parts, texts]) {
    const errors: unknown[] = [];
    const handler = () => ({ status: 200, body: wrong });
    await using server = start(handler as unknown as Handler, {
      onError: (error) => errors.push(error),
    });
    await exchange(server, "GET / HTTP/1.0\r\n\r\n");
    assertMatch(
      String(errors),
      /^TypeError: Cannot (?:respond with this|send) body: /,
    );
  }
});

Deno.test("serve() survives errors of isTrustedProxy, and reports them to onError", async () => {
  const errors: unknown[] = [];
  const fault = new Error("of isTrustedProxy");
  await using server = start(echoTarget, {
    log: () => {},
    isTrustedProxy: () => {
      throw fault;
    },
    onError: (error) => errors.push(error),
  });
  for (const count of [1, 2]) {
    const { text } = await exchange(
      server,
      "GET / HTTP/1.0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
    );
    assertEquals([statuses(text), errors], [[200], Array(count).fill(fault)]);
  }
});

Deno.test("serve() cancels a stream whose client has left", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using server = start(() => ({
    status: 200,
    body: new ReadableStream({
      start: (controller) => controller.enqueue(octets("event")),
      cancel: () => cancelled.resolve(),
    }),
  }));
  const conn = await dial(server);
  await writeAll(conn, octets("GET / HTTP/1.0\r\n\r\n"));
  await conn.read(new Uint8Array(500));
  conn.close();
  using clock = new TestClock();
  clock.hurry(10);
  await within(cancelled.promise); // after 5 s without a byte
});

Deno.test("serve() lets a listener of the signal close the stream if the client has left", async () => {
  // What a listener throws would end the whole process
  const listen = (
    { signal }: HttpRequest,
    controller: ReadableStreamDefaultController,
    isClosed: () => void,
  ) =>
    signal.addEventListener("abort", () => {
      controller.close();
      isClosed();
    });
  const cases: readonly [when: string, isQuiet: boolean][] = [
    ["start", false],
    ["start", true],
    ["pull", false],
    ["pull", true],
  ];
  for (const [when, isQuiet] of cases) {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    let isListening = false;
    await using server = start((request) => ({
      status: 200,
      body: new ReadableStream({
        start(controller) {
          if (when === "start") listen(request, controller, resolve);
        },
        async pull(controller) {
          controller.enqueue(octets("event"));
          await delay(20);
          if (when === "pull" && !isListening) {
            listen(request, controller, resolve);
          }
          isListening = true;
          if (isQuiet) await closed;
        },
      }),
    }));
    const conn = await dial(server);
    await writeAll(conn, octets("GET / HTTP/1.0\r\n\r\n"));
    await conn.read(new Uint8Array(500));
    await delay(50);
    conn.close();
    using clock = new TestClock();
    clock.hurry(10);
    await within(closed);
    while (server.pending > 0) await within(delay(20));
  }
});

Deno.test("serve() does not wait for a stream that does not end when it is cancelled", async () => {
  const waiting = async function* () {
    yield octets("event");
    await new Promise(() => {});
  };
  const cases: readonly [string, () => ReadableStream<Uint8Array>][] = [
    ["GET", () => new ReadableStream({ cancel: () => new Promise(() => {}) })],
    ["HEAD", () => new ReadableStream({ cancel: () => new Promise(() => {}) })],
    ["GET", () => ReadableStream.from(waiting())],
    ["HEAD", () => ReadableStream.from(waiting())],
  ];
  for (const [method, makeBody] of cases) {
    await using server = start(() => ({ status: 200, body: makeBody() }));
    const conn = await dial(server);
    await writeAll(conn, octets(`${method} / HTTP/1.0\r\n\r\n`));
    await conn.read(new Uint8Array(500));
    conn.close();
    using clock = new TestClock();
    clock.hurry(10);
    while (server.pending > 0) await within(delay(20));
  }
});

Deno.test("serve() notices that a client has left, even after a large body", async () => {
  let cancelled = Promise.withResolvers<void>();
  await using server = start(async (request) => {
    const aborted = new Promise((resolve) =>
      request.signal.addEventListener("abort", resolve)
    );
    await delay(50); // meanwhile it reads on, up to its limit
    await request.bytes();
    if (request.path === "/think") await aborted;
    const cancel = () => cancelled.resolve();
    return { status: 200, body: new ReadableStream({ cancel }) };
  });
  const large = "x".repeat(100_000);
  for (const path of ["/think", "/stream"]) {
    const conn = await dial(server);
    const head = `POST ${path} HTTP/1.0\r\nContent-Length: 100000\r\n\r\n`;
    await writeAll(conn, octets(head + large));
    await delay(400);
    conn.close();
    using clock = new TestClock();
    clock.hurry(10);
    await within(cancelled.promise);
    cancelled = Promise.withResolvers();
  }
});

Deno.test("serve() does not wait for a connection that was kept just before it stopped", async () => {
  for (const method of ["shutdown", Symbol.asyncDispose] as const) {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const server = start(() => ({
      status: 200,
      headers: { "Content-Length": "2" },
      body: ReadableStream.from((async function* () {
        yield octets("a");
        await ended;
        yield octets("b");
      })()),
    }));
    const conn = await dial(server);
    const kept = "Connection: keep-alive\r\n";
    await writeAll(conn, octets(`GET / HTTP/1.0\r\n${kept}\r\n`));
    await delay(50);
    const began = performance.now();
    const stopped = server[method]();
    end();
    const block = new Uint8Array(1_000);
    for (let text = ""; !text.endsWith("ab");) {
      text += latin1(block.subarray(0, await conn.read(block) ?? 0));
    }
    await stopped;
    conn.close();
    assert(performance.now() - began < 3_000); // idle ones have 5 s
  }
});

Deno.test("serve() gives the whole body to a handler that also watches the signal", async () => {
  const handlers: readonly Handler[] = [
    async (request) => {
      assert(!request.signal.aborted);
      return { status: 200, body: `${(await request.bytes()).length}` };
    },
    webHandler(async (request) =>
      new Response(`${(await request.bytes()).length}`)
    ),
  ];
  for (const handler of handlers) {
    await using server = start(handler);
    for (const size of [900, 1_000, 1_800, 5_000, 28_000, 40_000]) {
      const head = `POST / HTTP/1.0\r\nContent-Length: ${size}\r\n\r\n`;
      const { text } = await exchange(server, head + "x".repeat(size));
      assertEquals([size, body(text)], [size, `${size}`]);
    }
  }
});

Deno.test("serve() aborts no signal once the response has been sent", async () => {
  const signals: AbortSignal[] = [];
  await using server = start((request) => {
    signals.push(request.signal);
    const body = request.path === "/stream" ? new Blob(["x"]).stream() : "x";
    return { status: 200, body };
  }, { limits: { idleTimeout: 100 } });
  const kept = "Connection: keep-alive\r\n";
  const requests = [
    "GET / HTTP/1.0\r\n\r\n",
    "GET /stream HTTP/1.0\r\n\r\n",
    `GET / HTTP/1.0\r\n${kept}\r\n`,
    `GET / HTTP/1.0\r\n${kept}\r\nGET /stream HTTP/1.0\r\n${kept}\r\n`,
  ];
  for (const request of requests) {
    const conn = await dial(server);
    await writeAll(conn, octets(request));
    await readToEnd(conn);
    await delay(20);
    const abandoned = await dial(server);
    await writeAll(abandoned, octets(request));
    await delay(50);
    abandoned.close(); // with the response unread: a reset
    await delay(20);
  }
  assertEquals(signals.length, 10);
  assertEquals(signals.filter(({ aborted }) => aborted), []);
});

Deno.test("serve() reports no error of a handler that stops when its signal aborts", async () => {
  const errors: unknown[] = [];
  const reasons: unknown[] = [];
  await using silent = start(() => new Promise(() => {}), {
    limits: { shutdownTimeout: 1 },
  });
  const handlers: readonly Handler[] = [
    ({ signal }) => fetch(silent.url, { signal }),
    ({ signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason.name);
          reject(signal.reason);
        })
      ),
    webHandler(({ signal }) => fetch(silent.url, { signal })),
  ];
  for (const handler of handlers) {
    const onError = (error: unknown) => errors.push(error);
    await using server = start(handler, { onError });
    const conn = await dial(server);
    await writeAll(conn, octets("GET / HTTP/1.0\r\n\r\n"));
    await delay(50);
    conn.close();
    using clock = new TestClock();
    clock.hurry(10);
    while (server.pending > 0) await within(delay(20));
  }
  assertEquals([errors, reasons], [[], ["AbortError"]]);
});

Deno.test("serve() keeps sending to a client that has closed its side", async () => {
  let request: HttpRequest | null = null;
  await using server = start(async (it) => {
    request = it;
    const { signal } = it;
    await delay(300);
    return { status: 200, body: `${signal.aborted}` };
  });
  const conn = await dial(server);
  await writeAll(conn, octets("GET / HTTP/1.0\r\n\r\n"));
  await conn.closeWrite();
  const { text } = await readToEnd(conn);
  assertEquals(body(text), "false");
  assert(request !== null);
});

Deno.test("serve() keeps sending to a client that has closed its side, as long as bytes flow", async () => {
  await using server = start(() => ({
    status: 200,
    body: new ReadableStream({
      async pull(controller) {
        await delay(200);
        controller.enqueue(octets("."));
      },
    }, { highWaterMark: 0 }),
  }));
  const conn = await dial(server);
  await writeAll(conn, octets("GET / HTTP/1.0\r\n\r\n"));
  await conn.closeWrite();
  using clock = new TestClock();
  clock.hurry(10); // each tick of the server's clock is a second then
  const block = new Uint8Array(1_000);
  let text = "";
  while (body(text).length < 7) {
    const count = await within(conn.read(block));
    assert(count !== null, text);
    text += latin1(block.subarray(0, count));
  }
  conn.close();
});

Deno.test("HttpRequest.body is one stream, taken when it is read", async () => {
  await using server = start(async (request) => {
    const { body } = request;
    const isSame = body === request.body;
    return { status: 200, body: `${isSame} ${await request.text()}` };
  });
  const request = "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi";
  assertEquals(body((await exchange(server, request)).text), "true hi");
  await using other = start(async (request) => {
    const text = await new Response(request.body).text();
    const again = await request.text().catch(({ code }) => code);
    return { status: 200, body: `${text} ${again}` };
  });
  assertEquals(body((await exchange(other, request)).text), "hi taken");
});

Deno.test("HttpRequest.text() reads nothing of the next request if it is called late", async () => {
  const requests: HttpRequest[] = [];
  await using server = start((request) => {
    requests.push(request);
    return { status: 200 };
  });
  const conn = await dial(server);
  const post = "POST / HTTP/1.0\r\nConnection: keep-alive\r\n";
  await writeAll(conn, octets(`${post}Content-Length: 9\r\n\r\n`));
  await delay(50);
  await writeAll(conn, octets("123456789GET / HT")); // half of the next one
  await delay(50);
  await assertRejects(() => requests[0]!.text(), Error, "has been answered");
  await writeAll(conn, octets("TP/1.0\r\n\r\n"));
  assertEquals(statuses((await readToEnd(conn)).text), [200, 200]);
});

Deno.test("HttpRequest.json() of invalid JSON is a 400, which is not reported", async () => {
  const errors: unknown[] = [];
  await using server = start(async (request) => ({
    status: 200,
    body: JSON.stringify(await request.json()),
  }), { onError: (error) => errors.push(error) });
  const request = "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n{]";
  assertEquals(statuses((await exchange(server, request)).text), [400]);
  assertEquals(errors, []);
});

Deno.test("serve() sends HEAD the length that the handler gave, or none", async () => {
  const web = new Hono().get("/", (context) => context.text("four"));
  const fields = { "Content-Length": "1073741824" };
  const cases: readonly [Handler, string | null][] = [
    [() => ({ status: 200, headers: fields }), "1073741824"],
    [() => ({ status: 200, body: "four" }), "4"],
    [() => ({ status: 200, body: "" }), "0"],
    [() => ({ status: 200, body: null }), null],
    [() => ({ status: 404 }), null],
    [() => new Response("four"), "4"],
    [() => new Response(null), null],
    [webHandler(web.fetch), null],
    // Such as a client's response to a HEAD, handed on
    [() => ({ status: 200, body: new Blob().stream() }), null],
  ];
  for (const [handler, length] of cases) {
    await using server = start(handler);
    const kept = "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    const { text } = await exchange(server, `${kept}HEAD / HTTP/1.0\r\n\r\n`);
    const [first = "", second = "", ...after] = text.split(/(?<=\r\n\r\n)/);
    assertEquals(field(first, "content-length"), length, first);
    assertEquals(field(second, "content-length"), length, second);
    assertEquals(after, []);
  }
});

Deno.test("serve() guards allowed hosts on every address, with or without a dot", async () => {
  const cases: readonly [string, string, number][] = [
    ["0.0.0.0", "a.example", 200],
    ["0.0.0.0", "A.example.:80", 200],
    ["0.0.0.0", "b.example", 421],
    ["0.0.0.0", "127.0.0.1", 200],
    ["localhost", "b.example", 421],
    ["localhost", "a.example.", 200],
    ["localhost", "x.localhost.", 200],
    ["localhost", "c.example.:8080", 200],
    ["localhost", "c.example:8081", 421],
    ["unix", "b.example", 421],
    ["unix", "a.example", 200],
    ["unix", "", 200],
  ];
  await using tree = await makeTree();
  for (const [hostname, host, status] of cases) {
    const path = `${tree.path}/socket`;
    const allowedHosts = ["a.example", "C.example.:8080"];
    const isUnix = hostname === "unix";
    await using server = start(echoTarget, {
      ...isUnix ? { path } : { hostname },
      allowedHosts,
    });
    const conn = isUnix
      ? await Deno.connect({ transport: "unix", path })
      : await dial(server);
    await writeAll(conn, octets(`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`));
    const { text } = await readToEnd(conn);
    assertEquals([host, ...statuses(text)], [host, status]);
    if (status === 421) assertMatch(body(text), /"[bc]\.example/);
  }
});

Deno.test("serve() says once that it refuses names, and how to allow them", async () => {
  const { error } = console;
  const told: string[] = [];
  console.error = (text: string) => told.push(text);
  try {
    await using server = start(echoTarget);
    for (const host of ["$(id)", "b.example"]) {
      const raw = `GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`;
      assertEquals(statuses((await exchange(server, raw)).text), [421]);
    }
  } finally {
    console.error = error;
  }
  assertEquals(told.length, 1);
  assertMatch(
    told[0]!,
    /^Refused a request for host "\$\(id\)", .* --allowed-hosts \(allowedHosts/,
  );
});

Deno.test("serve() survives a client that leaves before the server closes its side", async () => {
  const errors: unknown[] = [];
  await using server = serve(echoTarget, {
    port: 0,
    onError: (error) => errors.push(error),
  });
  using probe = await dial(server);
  const sockets: Deno.Conn = Object.getPrototypeOf(probe);
  const { closeWrite } = sockets;
  sockets.closeWrite = () => Promise.reject(new Error("Not connected"));
  try {
    const { text } = await exchange(server, "BAD\r\n\r\n");
    assertEquals(statuses(text), [400]);
  } finally {
    sockets.closeWrite = closeWrite;
  }
  const { text } = await exchange(server, "GET /a HTTP/1.0\r\n\r\n");
  assertEquals([body(text), errors], ["/a", []]);
});

Deno.test("serve() sends each part of a stream at once", async () => {
  await using server = start(() => {
    const part = new Uint8Array(9);
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (let i = 0; i < 3; i++) {
          controller.enqueue(part);
          await delay(1);
        }
        controller.close();
      },
    });
    return { status: 200, headers: { "Content-Length": "27" }, body };
  });
  const conn = await dial(server);
  const times: number[] = [];
  for (let i = 0; i < 10; i++) {
    const startedAt = performance.now();
    await writeAll(conn, octets("GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n"));
    let text = "";
    while (!/\r\n\r\n\0{27}$/.test(text)) {
      const block = new Uint8Array(1_000);
      text += latin1(block.subarray(0, await conn.read(block) ?? 0));
    }
    times.push(performance.now() - startedAt);
  }
  conn.close();
  // Some systems wait 40 ms before they acknowledge the part before
  assert(Math.min(...times) < 30, `${times}`);
});

Deno.test("serve() survives a client that leaves before a large response", async () => {
  const isGone = Promise.withResolvers<void>();
  await using server = start(async ({ path }) => {
    if (path === "/first") return { status: 200, body: "unread" };
    await isGone.promise;
    await delay(50);
    return { status: 200, body: new Uint8Array(100_000) };
  });
  const conn = await dial(server);
  const first = "GET /first HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  await writeAll(conn, octets(`${first}GET / HTTP/1.0\r\n\r\n`));
  await delay(50);
  conn.close(); // resets it, since the first response was not read
  isGone.resolve();
  await delay(100);
  const { text } = await exchange(server, "GET /first HTTP/1.0\r\n\r\n");
  assertEquals(statuses(text), [200]);
});

Deno.test("shutdown() still responds to what a proxy is writing at that moment", async () => {
  const server = start(echoTarget);
  const conn = await dial(server);
  const request = octets("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  await writeAll(conn, request);
  await conn.read(new Uint8Array(500));
  const stopped = server.shutdown();
  await writeAll(conn, request);
  const { text, end } = await readToEnd(conn);
  assertEquals(statuses(text), [200]);
  assertMatch(text, /\r\nConnection: close\r\n/);
  assertEquals(end, "close");
  await within(stopped);
});

for (const isKept of [false, true]) {
  const what = isKept ? "kept" : "new";
  Deno.test(`serve() reports no error when a handler outlives its ${what} connection`, async () => {
    const errors: unknown[] = [];
    const { promise, resolve: respond } = Promise.withResolvers<void>();
    let signal = AbortSignal.any([]);
    const server = start(async (request) => {
      signal = request.signal;
      if (request.path === "/slow") await promise;
      return { status: 200, body: request.path };
    }, { limits: { shutdownTimeout: 10 }, onError: (it) => errors.push(it) });
    const conn = await dial(server);
    const fast = "GET /fast HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    await writeAll(conn, octets(isKept ? fast : ""));
    await writeAll(conn, octets("GET /slow HTTP/1.0\r\n\r\n"));
    await delay(50);
    await server.shutdown();
    respond();
    await delay(20);
    assertEquals(errors, []);
    assertEquals(String(signal.reason), "AbortError: The connection is closed");
    conn.close();
  });
}
