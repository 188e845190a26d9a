import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type Handler,
  type HandlerResult,
  serve,
  type ServeOptions,
} from "../../server/mod.ts";
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
import { countListeners } from "../_signal.ts";

const echo: Handler = async (request) => ({
  status: 200,
  body: `${request.method} ${request.target} ${await request.text()}`,
});

/**
 * Serves on a free port; errors of handlers fail the test unless it takes them.
 */
function start(handler: Handler, options: ServeOptions = {}) {
  return serve(handler, {
    port: 0,
    onError: (error) => {
      throw error;
    },
    ...options,
  });
}

Deno.test("serve() answers the lecture's example as typed, and closes", async () => {
  await using server = start(() => ({
    status: 200,
    body: "<h1>Hello</h1>",
    headers: { "Content-Type": "text/html" },
  }));
  const { text, end } = await exchange(server, "GET / HTTP/1.0\r\n\r\n");
  assert(text.startsWith("HTTP/1.0 200 OK\r\nDate: "), text);
  assertEquals([field(text, "content-length"), field(text, "connection")], [
    "14",
    "close",
  ]);
  assertEquals(field(text, "content-type"), "text/html");
  assertEquals([body(text), end], ["<h1>Hello</h1>", "close"]);
  const date = field(text, "date")!;
  assertEquals(new Date(date).toUTCString(), date);
  const age = Date.now() - Date.parse(date);
  assert(age >= 0 && age < 10_000, `Date is ${age} ms ago`);
});

Deno.test("serve() sends the date of the present second", async () => {
  await using server = start(() => ({ status: 200 }));
  using clock = new TestClock();
  clock.pass(86_400_000);
  await delay(450); // two ticks of the server's clock
  const { text } = await exchange(server, "GET / HTTP/1.0\r\n\r\n");
  const age = Date.now() - Date.parse(field(text, "date")!);
  assert(age >= 0 && age < 10_000, `Date is ${age} ms ago`);
});

Deno.test("serve() answers a request typed with bare LF, and closes whatever was asked", async () => {
  await using server = start(echo);
  const { text, end } = await exchange(
    server,
    "GET /a HTTP/1.1\nHost: localhost\nConnection: keep-alive\n\n",
  );
  assertEquals([statuses(text), body(text), end], [[200], "GET /a ", "close"]);
});

const KEPT: [request: string, connection: string, end: "open" | "close"][] = [
  ["GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive", "open"],
  [
    "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n",
    "keep-alive",
    "open",
  ],
  [
    "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "close",
    "close",
  ],
  ["GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "close", "close"],
  ["GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n", "close", "close"],
  ["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "keep-alive", "close"], // kept, but not for long
];

Deno.test("serve() keeps the connection when it is asked to, and says so", async () => {
  await using server = start(echo);
  for (const [request, connection, end] of KEPT) {
    const patience = end === "open" ? 300 : 10_000;
    const got = await exchange(server, request, { patience });
    assertEquals(
      [field(got.text, "connection"), got.end],
      [connection, end],
      request,
    );
  }
});

Deno.test("serve() keeps no connection when it is told not to, nor for more than its requests", async () => {
  const request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  await using closing = start(echo, { keepAlive: false });
  assertEquals(statuses((await exchange(closing, request.repeat(3))).text), [
    200,
  ]);
  await using server = start(echo, { limits: { maxRequests: 2 } });
  assertEquals(statuses((await exchange(server, request.repeat(5))).text), [
    200,
    200,
  ]);
});

Deno.test("serve() answers 100 pipelined requests in order, also to a client that ended its side", async () => {
  await using server = start(async (request) => {
    await delay(Number(request.params) % 3);
    return { status: 200, body: `<${request.params}>` };
  });
  const requests = Array.from(
    { length: 100 },
    (_, i) => `GET /?${i} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
  );
  const { text, end } = await exchange(server, requests.join(""), {
    eof: true,
  });
  assertEquals(
    [...text.matchAll(/<(\d+)>/g)].map(([, i]) => Number(i)),
    requests.map((_, i) => i),
  );
  assertEquals(end, "close");
});

Deno.test("serve() never handles what follows a request that closes or is refused", async () => {
  const seen: string[] = [];
  await using server = start((request) => {
    seen.push(request.target);
    return { status: 200 };
  });
  const smuggled = "GET /SMUGGLED HTTP/1.0\r\n\r\n";
  for (
    const request of [
      "GET /1 HTTP/1.0\r\n\r\n",
      "GET /2 HTTP/1.0\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
      "GET /3 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "GET /4 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n",
      "BAD\r\n\r\n",
    ]
  ) {
    const { text } = await exchange(server, request + smuggled);
    assertEquals(statuses(text).length, 1, request);
  }
  assertEquals(seen, ["/1"]);
});

const REFUSED: [request: string, status: number][] = [
  ["GET /\r\n\r\n", 400],
  ["GET / HTTP/2.0\r\n\r\n", 505],
  ["GET / HTTP/1.1\r\n\r\n", 400],
  ["GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400],
  ["GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400],
  ["CONNECT localhost:80 HTTP/1.0\r\n\r\n", 501],
  ["GET https://localhost/ HTTP/1.0\r\n\r\n", 421],
  ["GET http://evil.example/ HTTP/1.0\r\n\r\n", 421],
  ["HEAD http://evil.example/ HTTP/1.0\r\n\r\n", 421],
  ["GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n", 421],
  [
    "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
    411,
  ],
  ["\x16\x03\x01\x02\x00\x01\x00", 400],
  [`GET /${"a".repeat(70_000)} HTTP/1.0\r\n\r\n`, 414],
  [`GET / HTTP/1.0\r\nX: ${"a".repeat(70_000)}\r\n\r\n`, 431],
  [`GET / HTTP/1.0\r\n${"X: y\r\n".repeat(5_000)}\r\n`, 431],
];

Deno.test("serve() refuses with a status, and closes so that it arrives", async () => {
  // Longer than the client waits for the end of what it was sent
  const limits = { drainTimeout: 60_000 };
  await using server = start(echo, { limits });
  for (const [request, status] of REFUSED) {
    const { text, end } = await exchange(server, request);
    assertEquals(
      [statuses(text), end],
      [[status], "close"],
      request.slice(0, 60),
    );
    assertEquals(field(text, "connection"), "close");
    assertEquals(body(text) === "", request.startsWith("HEAD"), request);
  }
});

Deno.test("serve() answers under local names and addresses, and those it is allowed", async () => {
  await using server = start(echo, { allowedHosts: ["Knock.example"] });
  const status = async (host: string) =>
    statuses(
      (await exchange(server, `GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`)).text,
    );
  for (
    const host of [
      "",
      "localhost",
      "LOCALHOST.:80",
      "a.localhost",
      "192.0.2.1:80",
      "[::1]:80",
      "knock.example:8000",
    ]
  ) {
    assertEquals(await status(host), [200], host);
  }
  for (
    const host of [
      "evil.example",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "notlocalhost",
      "192.0.2.999",
    ]
  ) {
    assertEquals(await status(host), [421], host);
  }
  await using open = start(echo, { allowedHosts: "*" });
  assertEquals(
    statuses(
      (await exchange(open, "GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n"))
        .text,
    ),
    [200],
  );
});

Deno.test("serve() lets a refusal arrive while 300 KB are still being sent", async () => {
  await using server = start(() => ({ status: 405, body: "no" }), {
    limits: { drainTimeout: 600 },
  });
  for (
    const raw of [
      "POST / HTTP/1.0\r\nContent-Length: 300000\r\n\r\n",
      "BAD\r\n\r\n",
    ]
  ) {
    const { text, end } = await exchange(server, raw + "x".repeat(300_000), {
      eof: true,
    });
    assertEquals([statuses(text).length, end], [1, "close"], raw);
  }
});

Deno.test("serve() drains an unread body before the next request, or closes when it is too large", async () => {
  await using server = start(
    (request) => ({ status: 200, body: request.target }),
    { limits: { maxDrainBytes: 1_000, drainTimeout: 400 } },
  );
  const post = (length: number) =>
    `POST /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: ${length}\r\n\r\n${
      "?".repeat(length) // no method that goes on with the next request
    }`;
  const behind = "GET /b HTTP/1.0\r\n\r\n";
  assertEquals(statuses((await exchange(server, post(1_000) + behind)).text), [
    200,
    200,
  ]);
  assertEquals(statuses((await exchange(server, post(1_001) + behind)).text), [
    200,
  ]);
});

Deno.test("serve() leaves a response time to arrive if it reads no more", async () => {
  await using server = start(
    () => ({ status: 200, body: "ok" }),
    { limits: { maxDrainBytes: 1_000, drainTimeout: 400 } },
  );
  using conn = await dial(server);
  const head = "POST / HTTP/1.0\r\nContent-Length: 900000\r\n\r\n";
  const started = performance.now();
  await writeAll(conn, octets(head + "x".repeat(5_000)));
  while (await conn.read(new Uint8Array(1_000)) !== null);
  for (const one = octets("x");;) {
    // Until the server closes, which resets what it has not read
    if (await conn.write(one).then(() => false, () => true)) break;
    await delay(10);
  }
  assert(performance.now() - started > 300);
});

Deno.test("serve() sends 500 with fixed text if a handler throws, and survives", async () => {
  const errors: unknown[] = [];
  const handlers: Record<string, Handler> = {
    "/throws": () => {
      throw new Error("secret");
    },
    "/rejects": () => Promise.reject(new Error("secret")),
    "/splits": () => ({ status: 200, headers: { A: "b\r\nSecret: x" } }),
    "/status": () => ({ status: 99 }),
    "/interim": () => ({ status: 101 }),
    "/stream": () => ({
      status: 200,
      body: new ReadableStream({
        start(controller) {
          controller.error(new Error("secret"));
        },
      }),
    }),
  };
  await using server = start((request) => handlers[request.path]!(request), {
    onError: (error) => errors.push(error),
  });
  for (const path of Object.keys(handlers)) {
    const { text } = await exchange(server, `GET ${path} HTTP/1.0\r\n\r\n`);
    assertEquals([statuses(text), body(text)], [
      [500],
      "500 Internal Server Error\n",
    ], path);
    assert(!text.toLowerCase().includes("secret"));
  }
  assertEquals(errors.length, Object.keys(handlers).length);
});

Deno.test("serve() cuts the connection if a response fails half-way", async () => {
  const errors: unknown[] = [];
  const stream = (parts: readonly string[]) =>
    new ReadableStream<Uint8Array>({
      async pull(controller) {
        await delay(5);
        if (parts.length === 0) throw new Error("ran dry");
        controller.enqueue(octets(parts[0]!));
        parts = parts.slice(1);
      },
    }, { highWaterMark: 0 });
  await using server = start(
    () => ({
      status: 200,
      body: stream(["a", "b"]),
      headers: { "Content-Length": "5" },
    }),
    {
      onError: (error) => errors.push(error),
    },
  );
  const { text, end } = await exchange(
    server,
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  );
  assertEquals([statuses(text), body(text), end], [[200], "ab", "close"]);
  assertEquals(String(errors), "Error: ran dry");
});

Deno.test("serve() sends exactly Content-Length bytes of a stream, or cuts the connection", async () => {
  const errors: unknown[] = [];
  const lengths = new Map([["/short", "5"], ["/long", "2"], ["/right", "4"], [
    "/bad",
    "4x",
  ]]);
  await using server = start((request) => ({
    status: 200,
    headers: { "Content-Length": lengths.get(request.path)! },
    body: new Blob(["abcd"]).stream(),
  }), { onError: (error) => errors.push(error) });
  const get = async (path: string) => {
    const { text, end } = await exchange(
      server,
      `GET ${path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
      { patience: ["/right", "/bad"].includes(path) ? 100 : 10_000 },
    );
    return [statuses(text)[0], body(text).slice(0, 6), end];
  };
  assertEquals(await get("/right"), [200, "abcd", "open"]);
  assertEquals(await get("/short"), [200, "abcd", "close"]);
  assertEquals(await get("/long"), [200, "ab", "close"]);
  assertEquals((await get("/bad"))[0], 500);
  assertEquals(errors.length, 3);
});

/** A reader that has come to the end of its file. */
const ENDED_FILE = { readSync: () => null, seekSync: () => 0, close() {} };

Deno.test("serve() sends text, bytes, streams and parts of files, and ends a stream of unknown length by closing", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "0123456789".repeat(20_000));
  const slow = (parts: readonly string[], pause = 10) =>
    new ReadableStream<Uint8Array>({
      async start(controller) {
        for (const part of parts) {
          await delay(pause);
          controller.enqueue(octets(part));
        }
        controller.close();
      },
    });
  const bodies: Record<string, () => Parameters<typeof Object.is>[0]> = {
    "/text": () => "é",
    "/bytes": () => octets("\xff"),
    "/none": () => null,
    "/stream": () => slow(["a", "b", "c"]),
    // Longer than a loaded machine takes to see that nothing has come yet
    "/late": () => slow(["whole"], 300),
    "/soon": () => slow(["whole"], 0),
    "/small": () => ({ file: Deno.openSync(path), start: 5, length: 10 }),
    "/large": () => ({ file: Deno.openSync(path), start: 0, length: 200_000 }),
    "/empty": () => ({ file: Deno.openSync(path), start: 3, length: 0 }),
    "/passed": () => {
      const file = Deno.openSync(path);
      file.readSync(new Uint8Array(7));
      return { file, start: 0, length: 3 };
    },
    "/ended": () => ({ file: ENDED_FILE, start: 0, length: 0 }),
  };
  await using server = start((request) => ({
    status: 200,
    body: bodies[request.path]!(),
  }));
  const get = async (path: string, method = "GET") => {
    const { text, end } = await exchange(
      server,
      `${method} ${path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
      {
        patience: path === "/stream" || path === "/late" ? 10_000 : 100,
      },
    );
    return [field(text, "content-length"), body(text), end];
  };
  assertEquals(await get("/text"), ["2", "\xc3\xa9", "open"]);
  assertEquals(await get("/bytes"), ["1", "\xff", "open"]);
  assertEquals(await get("/none"), ["0", "", "open"]);
  assertEquals(await get("/stream"), [null, "abc", "close"]);
  assertEquals(await get("/soon"), ["5", "whole", "open"]);
  assertEquals(await get("/late"), [null, "whole", "close"]);
  assertEquals(await get("/small"), ["10", "5678901234", "open"]);
  assertEquals(await get("/large"), [
    "200000",
    "0123456789".repeat(20_000),
    "open",
  ]);
  assertEquals(await get("/empty"), ["0", "", "open"]);
  assertEquals(await get("/ended"), ["0", "", "open"]);
  assertEquals(await get("/passed"), ["3", "012", "open"]);
  assertEquals(await get("/large", "HEAD"), ["200000", "", "open"]);
  assertEquals(await get("/text", "HEAD"), ["2", "", "open"]);
  await Deno.remove(path);
});

Deno.test("serve() sends heads of any size and octet before any body", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "0123456789".repeat(20_000));
  const values = ["\xe9\xff", "a".repeat(70_000), `\xe9${"a".repeat(65_000)}`];
  const bodies = [
    () => "",
    () => "text",
    () => octets("\xff".repeat(70_000)),
    () => ({ file: Deno.openSync(path), start: 7, length: 13 }),
    () => ({ file: Deno.openSync(path), start: 0, length: 200_000 }),
    () => new ReadableStream({ start: (controller) => controller.close() }),
  ];
  const expected = [
    "",
    "text",
    "\xff".repeat(70_000),
    "7890123456789",
    "0123456789".repeat(20_000),
    "",
  ];
  await using server = start(({ path }) => ({
    status: 200,
    headers: { "X-Long": values[Number(path[1])]! },
    body: bodies[Number(path[2])]!(),
  }));
  for (const [v, value] of values.entries()) {
    for (const [b, wanted] of expected.entries()) {
      const { text } = await exchange(server, `GET /${v}${b} HTTP/1.0\r\n\r\n`);
      assert(field(text, "x-long") === value, `value ${v}, body ${b}`);
      assert(body(text) === wanted, `value ${v}, body ${b}`);
    }
  }
  await Deno.remove(path);
});

Deno.test("serve() never mixes the responses of slow connections", async () => {
  const path = await Deno.makeTempFile();
  const letters = "abcdefghijklmnopqrstuvwxyz";
  const size = 60_000;
  const whole = [...letters].map((letter) => letter.repeat(size)).join("");
  await Deno.writeTextFile(path, whole);
  await using server = start(({ path: [, kind, digits] }) => {
    const at = letters.indexOf(digits!);
    if (kind === "t") return { status: 200, body: digits!.repeat(size) };
    const file = Deno.openSync(path);
    return { status: 200, body: { file, start: at * size, length: size } };
  });
  const ask = async (path: string) => {
    const conn = await dial(server);
    const request = `GET ${path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`;
    await writeAll(conn, octets(request.repeat(9)));
    await writeAll(conn, octets(`GET ${path} HTTP/1.0\r\n\r\n`));
    await delay(50); // by now the server has to wait for us
    const { text } = await readToEnd(conn);
    const answers = text.split("HTTP/1.0 200 OK\r\n").slice(1).map(body);
    assertEquals(answers.length, 10);
    const wanted = path[2]!.repeat(size);
    assert(answers.every((answer) => answer === wanted), path);
  };
  const paths = [...letters].flatMap((
    letter,
  ) => [`/t${letter}`, `/f${letter}`]);
  await Promise.all(paths.map(ask));
  await Deno.remove(path);
});

Deno.test("serve() cuts the connection when a file has shrunk", async () => {
  const errors: unknown[] = [];
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "0123456789");
  await using server = start(
    () => ({
      status: 200,
      body: { file: Deno.openSync(path), start: 0, length: 100_000 },
    }),
    {
      onError: (error) => errors.push(error),
    },
  );
  const { text, end } = await exchange(
    server,
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  );
  assertEquals([body(text), end], ["0123456789", "close"]);
  assertStringIncludes(
    String(errors),
    "Cannot send file: it lost its last 99990 bytes",
  );
  await Deno.remove(path);
});

Deno.test("serve() gives 204 and 304 no body and no length", async () => {
  await using server = start((request) => ({
    status: Number(request.params),
    body: "not to be sent",
  }));
  for (const status of [204, 304]) {
    const { text, end } = await exchange(
      server,
      `GET /?${status} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
      {
        patience: 100,
      },
    );
    assertEquals([field(text, "content-length"), body(text), end], [
      null,
      "",
      "open",
    ]);
  }
});

Deno.test("serve() leaves framing to itself, whatever fields a handler gives", async () => {
  const headers = {
    "Transfer-Encoding": "chunked",
    "Content-Length": "99",
    "Keep-Alive": "x",
    "Connection": "upgrade",
  };
  await using server = start(() => ({ status: 200, headers, body: "abc" }));
  const { text } = await exchange(server, "GET / HTTP/1.0\r\n\r\n");
  assertEquals([...text.matchAll(/^([\w-]+):/gm)].map(([, name]) => name), [
    "Date",
    "Connection",
    "Content-Length",
  ]);
  assertEquals([field(text, "content-length"), body(text)], ["3", "abc"]);
  const date = "Sun, 06 Nov 1994 08:49:37 GMT";
  await using dated = start(() => ({ status: 200, headers: { date } }));
  const own = await exchange(dated, "GET / HTTP/1.0\r\n\r\n");
  assertEquals(own.text.match(/^date: .*$/gim), [`date: ${date}`]);
  await using closing = start(() => ({
    status: 200,
    headers: { Connection: "close" },
  }));
  const asked = await exchange(
    closing,
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  );
  assertEquals([field(asked.text, "connection"), asked.end], [
    "close",
    "close",
  ]);
});

Deno.test("serve() cannot listen twice on a port, nor with half of TLS, nor with limits of zero", async () => {
  await using server = start(echo);
  const { port } = server.addr as Deno.NetAddr;
  assertThrows(() => serve(echo, { port }), Deno.errors.AddrInUse);
  assertThrows(
    () => serve(echo, { port: 0, cert: "x" }),
    TypeError,
    "TLS needs both cert and key",
  );
  assertThrows(
    () => serve(echo, { port: 0, limits: { idleTimeout: 0 } }),
    RangeError,
    "limit idleTimeout is 0",
  );
  assertThrows(
    () => serve(echo, { port: 0, limits: { maxBodyBytes: NaN } }),
    RangeError,
    "limit maxBodyBytes is NaN",
  );
});

Deno.test("serve() listens on port 8000 of this machine by default", () => {
  const { listen } = Deno;
  const asked: unknown[] = [];
  Object.assign(Deno, {
    listen({ hostname, port }: Deno.ListenOptions) {
      asked.push([hostname, port]);
      throw new Deno.errors.AddrInUse("Taken");
    },
  });
  try {
    assertThrows(() => serve(echo), Deno.errors.AddrInUse);
    assertThrows(() => serve(echo, { port: 9 }), Deno.errors.AddrInUse);
    assertThrows(() => serve(echo, { hostname: "::1" }), Deno.errors.AddrInUse);
  } finally {
    Deno.listen = listen;
  }
  assertEquals(asked, [["127.0.0.1", 8000], ["127.0.0.1", 9], ["::1", 8000]]);
});

Deno.test("serve() listens on IPv6 and on unix sockets", async () => {
  await using six = start(echo, { hostname: "[::1]" });
  assert(/^http:\/\/\[::1\]:\d+\/$/.test(six.url), six.url);
  assertEquals(statuses((await exchange(six, "GET / HTTP/1.0\r\n\r\n")).text), [
    200,
  ]);

  const folder = await Deno.makeTempDir();
  const path = `${folder}/knock.sock`;
  for (let i = 0; i < 2; i++) { // the second finds the socket of the first
    await using unix = start(
      (request) => ({ status: 200, body: request.url }),
      { path },
    );
    assertEquals(unix.url, `http+unix:${path}`);
    const conn = await Deno.connect({ transport: "unix", path });
    await writeAll(conn, octets("GET /a HTTP/1.0\r\n\r\n"));
    assertEquals(body((await readToEnd(conn)).text), "http://localhost/a");
  }
  // Of one that was killed the socket stays
  const killed = Deno.listen({ transport: "unix", path: `${path}.old` });
  await Deno.rename(`${path}.old`, path);
  killed.close();
  assert((await Deno.lstat(path)).isSocket);
  await start(echo, { path }).shutdown();
  await Deno.writeTextFile(path, "precious");
  assertThrows(() => start(echo, { path }), Deno.errors.AddrInUse);
  assertEquals(await Deno.readTextFile(path), "precious");
  assertThrows(
    () => start(echo, { path: `${path}/below` }),
    Error,
    "Not a directory",
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("HttpServer.shutdown() lets responses finish, closes idle connections and accepts nobody", async () => {
  const begun = Promise.withResolvers<void>();
  const server = start(async () => {
    begun.resolve();
    await delay(150);
    return { status: 200, body: "done" };
  });
  const idle = await dial(server);
  const busy = exchange(
    server,
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  );
  await within(begun.promise);
  const down = server.shutdown();
  using clock = new TestClock();
  clock.hurry(5); // idle connections stay readable for a second
  assertEquals((await readToEnd(idle)).end, "close");
  await assertRejects(() => dial(server), Deno.errors.ConnectionRefused);
  const { text, end } = await busy;
  assertEquals([statuses(text), body(text), field(text, "connection"), end], [
    [200],
    "done",
    "close",
    "close",
  ]);
  await within(down);
  await within(server.finished);
});

Deno.test("HttpServer.shutdown() soon closes a connection that was accepted just then", async () => {
  const server = start(echo, {
    trace: ({ type }) => void (type === "accepted" && server.shutdown()),
  });
  const silent = await dial(server);
  assertEquals((await within(readToEnd(silent), 3_000)).end, "close");
  await within(server.finished);
});

Deno.test("serve() cancels a stream that it does not send", async () => {
  for (const [method, status] of [["HEAD", 200], ["GET", 304]] as const) {
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers();
    const body = new ReadableStream({ cancel });
    await using server = start(() => ({ status, body }));
    const { text } = await exchange(server, `${method} / HTTP/1.0\r\n\r\n`);
    assertEquals(statuses(text), [status]);
    await within(cancelled);
  }
});

Deno.test("HttpServer.shutdown() stops the clock, too, which would tick for ever", async () => {
  const ticks: AbortController[] = [];
  const { timeout } = AbortSignal;
  AbortSignal.timeout = () => {
    ticks.push(new AbortController());
    return ticks.at(-1)!.signal;
  };
  try {
    const server = start(echo);
    ticks.at(-1)!.abort();
    assertEquals(ticks.length, 2);
    await server.shutdown();
    ticks.at(-1)!.abort();
    assertEquals(ticks.length, 2);
  } finally {
    AbortSignal.timeout = timeout;
  }
});

Deno.test("HttpServer.shutdown() closes what is not finished in time, and at once when it is called again", async () => {
  for (const again of [false, true]) {
    const begun = Promise.withResolvers<AbortSignal>();
    const server = start(async (request) => {
      begun.resolve(request.signal);
      await new Promise((resolve) =>
        request.signal.addEventListener("abort", resolve)
      );
      return { status: 200 };
    }, { limits: { shutdownTimeout: again ? 60_000 : 100 } });
    const busy = exchange(server, "GET / HTTP/1.0\r\n\r\n");
    const signal = await within(begun.promise);
    const down = server.shutdown();
    if (again) await within(server.shutdown());
    await within(down);
    assertEquals([(await busy).text, signal.aborted], ["", true]);
  }
});

Deno.test("HttpServer.shutdown() does not wait for a handler that responds after it, or never", async () => {
  const begun = Promise.withResolvers<void>();
  const { promise, resolve } = Promise.withResolvers<HandlerResult>();
  const server = start(() => {
    begun.resolve();
    return promise;
  }, { limits: { shutdownTimeout: 100 } });
  const busy = exchange(server, "GET / HTTP/1.0\r\n\r\n");
  await within(begun.promise);
  await within(server.shutdown());
  await within(server.finished);
  assertEquals((await busy).text, "");
  assertEquals(server.pending, 0);
  resolve({ status: 200 });
  await delay(0);
  assertEquals(server.pending, 0);
});

Deno.test("HttpServer.shutdown() waits for responses however long it may", async () => {
  for (const shutdownTimeout of [2 ** 31, 1e10, Infinity]) {
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const handler = async () => {
      ask();
      await delay(20);
      return { status: 204 };
    };
    await using server = start(handler, { limits: { shutdownTimeout } });
    const asking = exchange(server, "GET / HTTP/1.0\r\n\r\n");
    await asked;
    await server.shutdown();
    const { text } = await asking;
    assertStringIncludes(text, "HTTP/1.0 204", `${shutdownTimeout}`);
  }
});

Deno.test("serve() forgets connections in whatever order they end", async () => {
  await using server = start(echo, { limits: { shutdownTimeout: 100 } });
  const conns: Deno.TcpConn[] = [];
  for (let i = 0; i < 6; i++) {
    conns.push(await dial(server));
    await writeAll(conns[i]!, octets("GET / HTTP/1.0\r\nHost: a\r\n"));
  }
  for (const [at, left] of [[5, 5], [0, 4], [3, 3], [4, 2], [2, 1], [1, 0]]) {
    await writeAll(conns[at!]!, octets("\r\n"));
    assertEquals((await within(readToEnd(conns[at!]!))).end, "close");
    for (let i = 0; i < 100 && server.pending > left!; i++) await delay(5);
    assertEquals(server.pending, left);
  }
});

Deno.test("serve() shuts down when its signal aborts, and not at all when it has", async () => {
  const controller = new AbortController();
  const server = start(echo, { signal: controller.signal });
  controller.abort();
  await within(server.finished);
  assertThrows(() => start(echo, { signal: controller.signal }), DOMException);
});

Deno.test("serve() leaves no listener on its signal once it has ended", async () => {
  const { signal, count } = countListeners();
  const server = start(echo, { signal });
  assertEquals(count(), 1);
  await within(server.shutdown());
  await within(server.finished);
  assertEquals(count(), 0);
});
