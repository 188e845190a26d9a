import { assert, assertEquals } from "@std/assert";
import { accessLog, type AccessLogEntry, serve } from "../../server/mod.ts";
import { delay, exchange, statuses } from "./_raw.ts";

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

/** Keeps what is written, in as many pieces as it comes. */
class Memory {
  text = "";

  write(bytes: Uint8Array): Promise<number> {
    const count = Math.min(7, bytes.length); // a slow sink takes a few bytes at a time
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

Deno.test("accessLog() writes the Common Log Format, one line a request", async () => {
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

Deno.test("accessLog() escapes all that is not printable, quotes and backslashes", async () => {
  const hostile = 'x"\\\r\n\x1b[31m\x00\x7f\x9b\u20ac';
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
    line.includes('"x\\"\\\\\\x0d\\x0a\\x1b[31m\\x00\\x7f\\x9b\\u20ac"'),
    line,
  );
});

Deno.test("accessLog() that cannot be written is told once and does not stop the server", async () => {
  const errors: unknown[] = [];
  const sink = {
    write: () => Promise.reject(new Deno.errors.BrokenPipe("gone")),
  };
  const log = accessLog("common", sink, (error) => errors.push(error));
  await using server = serve(() => ({ status: 200 }), { port: 0, log });
  for (let i = 0; i < 3; i++) {
    assertEquals(
      statuses((await exchange(server, "GET / HTTP/1.0\r\n\r\n")).text),
      [200],
    );
  }
  assertEquals(errors.length, 1);
});

Deno.test("accessLog() that is not read does not block the server, nor grow without end", async () => {
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
  assert(asked < 1_000, `${asked} bytes`);
});

Deno.test("serve() logs each answer, refusals too, with the bytes that were sent", async () => {
  const entries: AccessLogEntry[] = [];
  await using server = serve(() => ({ status: 201, body: "12345" }), {
    port: 0,
    log: (entry) => entries.push(entry),
  });
  const fields =
    "Authorization: Basic YWxpY2U6c2VjcmV0\r\nUser-Agent: a\r\nReferer: b\r\n";
  const { text } = await exchange(server, `GET /x?y HTTP/1.0\r\n${fields}\r\n`);
  await exchange(server, "BAD\r\n\r\n");
  await exchange(server, "GET / HTTP/1.1\r\n\r\n");
  const [first, bad, hostless] = entries;
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
