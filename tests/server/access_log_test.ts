import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  accessLog,
  type AccessLogEntry,
  type Handler,
  type HttpServer,
  serve,
  serveDir,
  type ServeOptions,
} from "../../server/mod.ts";
import { LineWriter } from "../../server/_line_writer.ts";
import { makeTree } from "./_files.ts";
import {
  body,
  delay,
  dial,
  exchange,
  octets,
  readToEnd,
  statuses,
  writeAll,
} from "./_raw.ts";

const ENTRY: AccessLogEntry = {
  time: Date.UTC(2026, 10, 2, 3, 4, 5, 678),
  duration: 1.5,
  address: "192.0.2.1",
  user: null,
  request: "GET /a HTTP/1.0",
  status: 200,
  bytes: 512,
  referer: null,
  userAgent: null,
};

/** A slow sink, which keeps what it gets. */
class Memory {
  text = "";

  write(bytes: Uint8Array): Promise<number> {
    const count = Math.min(7, bytes.length); // a few bytes at a time
    this.text += new TextDecoder().decode(bytes.subarray(0, count));
    return Promise.resolve(count);
  }
}

async function logged(
  format: "common" | "combined" | "json",
  ...entries: AccessLogEntry[]
): Promise<string> {
  const memory = new Memory();
  const log = accessLog(format, memory);
  for (const entry of entries) log(entry);
  await delay(10);
  return memory.text;
}

Deno.test("accessLog() writes the Common Log Format, one line per request", async () => {
  assertEquals(
    await logged("common", ENTRY, {
      ...ENTRY,
      user: "al ice",
      request: null,
      status: 400,
    }),
    '192.0.2.1 - - [02/Nov/2026:03:04:05 +0000] "GET /a HTTP/1.0" 200 512\n' +
      '192.0.2.1 - al\\x20ice [02/Nov/2026:03:04:05 +0000] "-" 400 512\n',
  );
});

Deno.test("accessLog() writes the second of each entry", async () => {
  const seconds = [4, 4, 5, 6, 7, 6];
  const entries = seconds.map((second) => {
    return { ...ENTRY, time: Date.UTC(2026, 10, 2, 3, 4, second, 999) };
  });
  const lines = await logged("common", ...entries);
  const found = [...lines.matchAll(/:03:04:(\d\d) /g)];
  assertEquals(found.map(([, second]) => Number(second)), seconds);
});

Deno.test("accessLog() adds referer and user agent in the combined format", async () => {
  assertEquals(
    await logged("combined", { ...ENTRY, userAgent: "a/1" }),
    '192.0.2.1 - - [02/Nov/2026:03:04:05 +0000] "GET /a HTTP/1.0" 200 512 "-" "a/1"\n',
  );
});

Deno.test("accessLog() writes JSON that reads back", async () => {
  const line = await logged("json", { ...ENTRY, userAgent: '\x1b"\u2028\x9b' });
  assert(/^[\x20-\x7e]*\n$/.test(line), line);
  assertEquals(JSON.parse(line), {
    ...ENTRY,
    time: "2026-11-02T03:04:05.678Z",
    userAgent: '\x1b"\u2028\x9b',
  });
});

Deno.test("accessLog() escapes quotes, backslashes and all that is not printable ASCII", async () => {
  const hostile = 'x"\\\r\n\x1b[31m\x00\x7f\x9b\xff\u20ac';
  for (const format of ["common", "combined", "json"] as const) {
    const entry = {
      ...ENTRY,
      request: hostile,
      user: hostile,
      referer: hostile,
      userAgent: hostile,
    };
    const text = await logged(format, entry);
    assert(/^[\x20-\x7e]*\n$/.test(text), text);
    assertEquals(text.split("\n").length, 2);
  }
  const line = await logged("common", { ...ENTRY, request: hostile });
  assert(
    line.includes('"x\\"\\\\\\x0d\\x0a\\x1b[31m\\x00\\x7f\\x9b\\xff\\u20ac"'),
    line,
  );
});

Deno.test("accessLog() throws at once if there is no such format", () => {
  for (const format of ["text", "", null, undefined]) {
    assertThrows(() => accessLog(format as "json", new Memory()), TypeError);
  }
});

/** Keeps what is printed on stderr. */
class Said implements Disposable {
  readonly #error = console.error;
  readonly lines: string[] = [];

  constructor() {
    console.error = (line: string) => this.lines.push(line);
  }

  [Symbol.dispose](): void {
    console.error = this.#error;
  }
}

Deno.test("accessLog() reports once that it cannot write, and does not stop the server", async () => {
  using said = new Said();
  const sink = {
    write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")),
  };
  const log = accessLog("common", sink);
  await using server = serve(() => ({ status: 200 }), { port: 0, log });
  for (let i = 0; i < 3; i++) {
    assertEquals(
      statuses((await exchange(server, "GET / HTTP/1.0\r\n\r\n")).text),
      [200],
    );
  }
  assertEquals(said.lines.length, 1);
});

Deno.test("accessLog() whose lines are not read does not block the server, nor use memory without bound", async () => {
  let asked = 0;
  const sink = {
    write: (bytes: Uint8Array) => {
      asked += bytes.length;
      return new Promise<number>(() => {});
    },
  };
  const log = accessLog("common", sink);
  for (let i = 0; i < 100_000; i++) log(ENTRY); // 7 MB, of which 1 MB may wait
  await using server = serve(() => ({ status: 200 }), { port: 0, log });
  assertEquals(
    statuses((await exchange(server, "GET / HTTP/1.0\r\n\r\n")).text),
    [200],
  );
  assert(asked < 2 ** 20 + 1_000, `${asked} bytes`);
});

Deno.test("serve() logs each response, even a refusal, with the bytes that were sent", async () => {
  const entries: AccessLogEntry[] = [];
  const start = performance.now();
  await using server = serve(() => ({ status: 201, body: "12345" }), {
    port: 0,
    log: (entry) => entries.push(entry),
  });
  const fields =
    "Authorization: Basic YWxpY2U6c2VjcmV0\r\nUser-Agent: a\r\nReferer: b\r\n";
  const { text } = await exchange(server, `GET /x?y HTTP/1.0\r\n${fields}\r\n`);
  await exchange(server, "BAD\r\n\r\n");
  await exchange(server, "GET / HTTP/1.1\r\n\r\n");
  const elapsed = performance.now() - start;
  for (const { duration } of entries) assert(duration <= elapsed);
  const [first, bad, hostless] = entries;
  assertEquals([first?.user, bad?.user], ["alice", null]);
  assertEquals([first?.status, first?.request, first?.bytes], [
    201,
    "GET /x?y HTTP/1.0",
    text.length,
  ]);
  assertEquals(
    [first?.user, first?.userAgent, first?.referer, first?.address],
    ["alice", "a", "b", "127.0.0.1"],
  );
  assert(!JSON.stringify(entries).includes("secret"));
  assert(Math.abs(first!.time - Date.now()) < 5_000);
  assertEquals(
    [bad?.status, bad?.request, hostless?.status, hostless?.request],
    [400, null, 400, "GET / HTTP/1.1"],
  );
});

/** A sink that fails or writes less, as told, and keeps what it gets. */
class Faulty {
  text = "";
  readonly faults: (Error | number)[];

  constructor(...faults: (Error | number)[]) {
    this.faults = faults;
  }

  write(bytes: Uint8Array): Promise<number> {
    const fault = this.faults.shift() ?? bytes.length;
    if (typeof fault !== "number") return Promise.reject(fault);
    this.text += new TextDecoder().decode(bytes.subarray(0, fault));
    return Promise.resolve(fault);
  }
}

const FULL = new Error("No space left on device (os error 28)");
const LINE = '192.0.2.1 - - [02/Nov/2026:03:04:05 +0000] "GET /a HTTP/1.0" 200';

Deno.test("LineWriter waits for a full pipe, and drops lines if the disk is full", async () => {
  const again = new Deno.errors.WouldBlock("again");
  const cases: readonly (readonly [
    faults: (Error | number)[],
    lines: number[],
    errors: number,
  ])[] = [
    [[again], [1, 2, 3], 0],
    [[again, 10, again, again], [1, 2, 3], 0],
    [[FULL], [2, 3], 1],
    [[FULL, FULL], [3], 1], // told once
    [[FULL, 100, FULL], [2], 2], // and again when it had gone on
    [[FULL, FULL, FULL], [], 1],
    [[0], [2, 3], 1], // and does not try forever
    [[NaN], [2, 3], 1],
    [[new Deno.errors.BrokenPipe("gone")], [], 1],
  ];
  for (const [faults, lines, errorCount] of cases) {
    using said = new Said();
    const sink = new Faulty(...faults);
    const writer = new LineWriter(sink, "lines");
    for (const number of [1, 2, 3]) {
      writer.write(`${LINE} ${number}`);
      await writer.flush();
    }
    const wanted = lines.map((number) => `${LINE} ${number}\n`).join("");
    assertEquals([sink.text, said.lines.length], [wanted, errorCount]);
  }
});

Deno.test("LineWriter writes lines at once, in one write if they arrive together", async () => {
  // [the lines that come together, and then those that come during the write]
  for (const [first, later] of [[1, 0], [3, 0], [1, 2], [64, 64]] as const) {
    const writes: number[] = [];
    const writer = new LineWriter({
      async write({ length }) {
        writes.push(length / 2);
        if (writes.length === 1) await addLines(later);
        return length;
      },
    }, "lines");
    const addLines = async (count: number) => {
      for (let i = 0; i < count; i++) writer.write("x");
      await null;
    };
    await addLines(first);
    assertEquals(writes, [first]);
    await writer.flush();
    assertEquals(writes, later === 0 ? [first] : [first, later]);
  }
});

Deno.test("accessLog() says once on stderr that lines are lost", async () => {
  using said = new Said();
  const act = "Cannot write log, so lines are lost";
  const log = accessLog("common", new Faulty(FULL, FULL));
  for (const bytes of [1, 2]) {
    log({ ...ENTRY, bytes });
    await delay(10);
  }
  assertEquals(said.lines, [`${act}: ${FULL.message}`]);
  // A sink may reject with anything
  accessLog("common", { write: () => Promise.reject("full") })(ENTRY);
  await delay(10);
  assertEquals(said.lines.at(-1), `${act}: full`);
});

Deno.test("accessLog() loses one line if the disk is full, not those after it", async () => {
  using _said = new Said();
  const sink = new Faulty(FULL);
  const { write } = Faulty.prototype;
  sink.write = (bytes) => {
    if (sink.faults.length > 0) log({ ...ENTRY, bytes: 2 }); // comes meanwhile
    return write.call(sink, bytes);
  };
  const log = accessLog("common", sink);
  log({ ...ENTRY, bytes: 1 });
  await delay(10);
  assertEquals(sink.text, `${LINE} 2\n`);
});

Deno.test("accessLog() says when its reader is too slow", () => {
  using said = new Said();
  const sink = { write: () => new Promise<number>(() => {}) };
  const log = accessLog("common", sink);
  for (let i = 0; i < 30_000; i++) log(ENTRY);
  const reason = "its reader is too slow";
  assertEquals(said.lines, [`Cannot write log, so lines are lost: ${reason}`]);
});

/** Serves, and keeps what it logs. */
function serveLogged(
  handler: Handler,
  options: ServeOptions = {},
): HttpServer & { readonly entries: AccessLogEntry[] } {
  const entries: AccessLogEntry[] = [];
  const log = (entry: AccessLogEntry) => entries.push(entry);
  const server = serve(handler, { port: 0, log, ...options });
  return Object.assign(server, { entries });
}

/** Waits until a number of requests are logged, and returns the last. */
async function lastOf(entries: AccessLogEntry[], count = 1) {
  for (let i = 0; i < 500 && entries.length < count; i++) await delay(10);
  return entries[count - 1]!;
}

Deno.test("serve() logs when a request came and how long its response took, in microseconds", async () => {
  const start = Date.now();
  await using server = serveLogged(() => delay(50).then(() => new Response()));
  await exchange(server, "GET / HTTP/1.0\r\n\r\n");
  const { time, duration } = await lastOf(server.entries);
  const elapsed = Date.now() - start;
  assert(duration > 45 && duration < elapsed + 2, `${duration} ms`);
  assert(/^\d+(?:\.\d{1,3})?$/.test(`${duration}`), `${duration} ms`);
  const begin = time - start;
  assert(begin > -2 && begin + duration < elapsed + 2, `after ${begin} ms`);
});

Deno.test("serve() logs each response that was cancelled, stalled or cut, with the bytes sent", async () => {
  const large = new Uint8Array(30_000_000);
  await using tree = await makeTree({ "large.bin": large, "a.txt": "a" });
  const failing = () =>
    new ReadableStream({
      start: (controller) => controller.enqueue(new Uint8Array(9)),
      pull: () => delay(50).then(() => Promise.reject(new Error("no more"))),
    });
  const handlers: readonly (readonly [string, Handler])[] = [
    ["bytes", () => ({ status: 200, body: large })],
    ["file", serveDir(tree.path)],
    ["stream", () => new Response(new Blob([large]).stream())],
    ["failing", () => ({ status: 200, body: failing() })],
  ];
  for (const [name, handler] of handlers) {
    for (const how of ["broken off", "stalled", "cut"] as const) {
      await using server = serveLogged(handler, {
        onError: () => {},
        limits: how === "stalled" ? { writeTimeout: 200 } : {},
      });
      const conn = await dial(server);
      await writeAll(conn, octets("GET /large.bin HTTP/1.0\r\n\r\n"));
      await conn.read(new Uint8Array(1_000));
      if (how === "broken off") conn.close();
      if (how === "cut") void server.shutdown(), void server.shutdown();
      const { status, bytes, headBytes, request } = await lastOf(
        server.entries,
      );
      assertEquals([status, request], [200, "GET /large.bin HTTP/1.0"], name);
      assert(headBytes! > 50 && headBytes! < 500, `${name}: ${headBytes}`);
      assert(bytes > headBytes! && bytes < large.length, `${name}: ${bytes}`);
      if (how !== "broken off") conn.close();
    }
  }
  await delay(60); // for what the failing stream waits for
});

Deno.test("serve() logs only the bytes of the body in the common format, however they are sent", async () => {
  await using tree = await makeTree({ "a.txt": "12345" });
  await using server = serveLogged(serveDir(tree.path));
  const requests: readonly (readonly [string, number])[] = [
    ["GET /a.txt HTTP/1.0\r\n\r\n", 5],
    ["GET /a.txt HTTP/1.0\r\n\r\n", 5],
    ["HEAD /a.txt HTTP/1.0\r\n\r\n", 0],
    ["GET /a.txt HTTP/1.0\r\nRange: bytes=1-3\r\n\r\n", 3],
    [
      "GET /a.txt HTTP/1.0\r\nIf-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n\r\n",
      0,
    ],
    ["GET /none HTTP/1.0\r\n\r\n", "404 Not Found\n".length],
    ["BAD\r\n\r\n", -1],
  ];
  for (const [index, [request, known]] of requests.entries()) {
    const { text } = await exchange(server, request);
    const length = known < 0 ? body(text).length : known;
    const entry = await lastOf(server.entries, index + 1);
    assertEquals(entry.bytes, text.length, request);
    const line = await logged("common", entry);
    assert(line.endsWith(` ${length}\n`), `${request}: ${line}`);
  }
  const kept = "GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  const { text } = await exchange(server, kept.repeat(2), { eof: true });
  await lastOf(server.entries, requests.length + 2);
  assertEquals(
    server.entries.slice(-2).map(({ bytes }) => bytes),
    [text.length / 2, text.length / 2],
  );
});

Deno.test(
  "serve() logs an IPv4 client as such, also on a socket for both families",
  async () => {
    await using server = serveLogged(() => ({ status: 200 }), {
      hostname: "::",
    });
    const { port } = server.addr as Deno.NetAddr;
    for (
      const [hostname, address] of [["127.0.0.1", "127.0.0.1"], ["::1", "::1"]]
    ) {
      const conn = await Deno.connect({ hostname: hostname!, port });
      await writeAll(conn, octets("GET / HTTP/1.0\r\n\r\n"));
      await new Response(conn.readable).text();
      const count = hostname === "127.0.0.1" ? 1 : 2;
      assertEquals((await lastOf(server.entries, count)).address, address);
    }
  },
);

Deno.test("serve() logs clients of a unix socket without an address", async () => {
  await using tree = await makeTree();
  const path = `${tree.path}/knock.sock`;
  await using server = serveLogged(() => ({ status: 200 }), { path });
  const conn = await Deno.connect({ transport: "unix", path });
  await writeAll(conn, octets("GET / HTTP/1.0\r\n\r\n"));
  assertEquals(statuses((await readToEnd(conn)).text), [200]);
  assertEquals((await lastOf(server.entries, 1)).address, "-");
});

Deno.test("serve() logs the client of a trusted proxy, and trusts no other address", async () => {
  const proxies = new Set(["127.0.0.1", "10.0.0.1", "2001:db8::1", "-"]);
  const rows: [fields: string, address: string][] = [
    ["", "127.0.0.1"],
    ["X-Forwarded-For: 192.0.2.7", "192.0.2.7"],
    ["X-Forwarded-For: 1.1.1.1, 192.0.2.7", "192.0.2.7"],
    ["X-Forwarded-For: 192.0.2.7, 10.0.0.1", "192.0.2.7"],
    ["X-Forwarded-For: 192.0.2.7:1234", "192.0.2.7"],
    ["X-Forwarded-For: ::ffff:192.0.2.7", "192.0.2.7"],
    ["X-Forwarded-For: ::ffff:1:2:3", "::ffff:1:2:3"],
    ["X-Forwarded-For: 2001:DB8::7", "2001:db8::7"],
    ["X-Forwarded-For: [2001:db8::7]:80", "2001:db8::7"],
    ["X-Forwarded-For: 10.0.0.1", "10.0.0.1"],
    ["X-Forwarded-For: 1.1.1.1, what", "127.0.0.1"],
    ["X-Forwarded-For: 1.1.1.1, a:b", "127.0.0.1"],
    ['Forwarded: for="a:b"', "127.0.0.1"],
    ['X-Forwarded-For: ", 192.0.2.7', "192.0.2.7"],
    ['X-Forwarded-For: "\\, 192.0.2.7', "192.0.2.7"],
    ["X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 192.0.2.7", "192.0.2.7"],
    ["Forwarded: for=192.0.2.7;proto=https", "192.0.2.7"],
    ['Forwarded: proto=http; For="[2001:db8::7]:4711"', "2001:db8::7"],
    ['Forwarded: for=9.9.9.9, for="192.0.2.7:80", for=10.0.0.1', "192.0.2.7"],
    ["Forwarded: for=unknown", "127.0.0.1"],
    // A proxy may quote the Host that the client sent
    ['Forwarded: host="a;for=9.9.9.9";for=192.0.2.7', "192.0.2.7"],
    ['Forwarded: host="a, for=9.9.9.9";for=192.0.2.7', "192.0.2.7"],
    ['Forwarded: for="x, for=192.0.2.7;host="a,for=9.9.9.9"', "127.0.0.1"],
    [
      'Forwarded: for="x, for=192.0.2.7;host="a,for=9.9.9.9;x="',
      "127.0.0.1",
    ],
    ["Forwarded: for=_hidden, for=10.0.0.1", "10.0.0.1"],
    ["Forwarded: by=192.0.2.7\r\nX-Forwarded-For: 192.0.2.8", "127.0.0.1"],
    // What the client wrote, beside what the proxy wrote
    ["Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 192.0.2.7", "127.0.0.1"],
    ["Forwarded: for=192.0.2.7\r\nX-Forwarded-For: 192.0.2.7", "192.0.2.7"],
    ["Forwarded:\r\nX-Forwarded-For: 192.0.2.7", "192.0.2.7"],
  ];
  const handler = () => ({ status: 200 });
  const isTrustedProxy = (address: string) => proxies.has(address);
  await using server = serveLogged(handler, { isTrustedProxy });
  for (const [i, [fields, address]] of rows.entries()) {
    const lines = fields === "" ? "" : `${fields}\r\n`;
    await exchange(server, `GET / HTTP/1.0\r\n${lines}\r\n`);
    assertEquals((await lastOf(server.entries, i + 1)).address, address);
  }
  await using other = serveLogged(handler);
  await exchange(other, "GET / HTTP/1.0\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n");
  assertEquals((await lastOf(other.entries)).address, "127.0.0.1");
  await using distant = serveLogged(handler, { isTrustedProxy: () => false });
  await exchange(distant, "GET / HTTP/1.0\r\nForwarded: for=1.1.1.1\r\n\r\n");
  assertEquals((await lastOf(distant.entries)).address, "127.0.0.1");
});
