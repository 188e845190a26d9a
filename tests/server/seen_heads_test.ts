// A head that was seen before is not parsed again, and nobody may notice.

import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@^4.10.2";
import type { HeaderFields } from "../../message/mod.ts";
import { ReadBuffer } from "../../message/_read_buffer.ts";
import { SeenHeads } from "../../server/_connection/seen_heads.ts";
import {
  type Handler,
  serve,
  serveDir,
  type ServerLimits,
} from "../../server/mod.ts";
import { ask, makeTree } from "./_files.ts";
import {
  delay,
  dial,
  exchange,
  octets,
  readToEnd,
  statuses,
  writeAll,
} from "./_raw.ts";

const DATE_REGEXP = /Date: [^\r]*\r\n/g;

/** Responds with all that a handler sees. */
const tell: Handler = (request) => ({
  status: 200,
  body: JSON.stringify([
    request.method,
    request.target,
    request.path,
    request.params,
    request.version,
    request.url,
    [...request.headers],
  ]),
});

/** Heads of all kinds, most of them nearly right. */
const anyHead = fc.tuple(
  fc.constantFrom("", "\r\n", "\n", "\r\n\r\n"),
  fc.constantFrom("GET", "HEAD", "OPTIONS", "get", "POST", "CONNECT", "G T"),
  fc.constantFrom("/", "/a?b", "/%zz", "*", "http://localhost/x", "/\xe9", "a"),
  fc.constantFrom("HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "http/1.0", ""),
  fc.array(
    fc.constantFrom(
      "Host: localhost",
      "Host: [::1]:80",
      "Host: evil.example",
      "Connection: keep-alive",
      "Connection: close",
      "Content-Length: 0",
      "Content-Length: 3",
      "Transfer-Encoding: chunked",
      "Expect: 100-continue",
      "X-A: \xe9\xff",
      "X-A:  two ",
      "x-a:",
      " fold",
      "no colon",
      "X-B: \0",
    ),
    { maxLength: 5 },
  ),
  fc.constantFrom("\r\n", "\r\n", "\n", "\r"),
).map(([before, method, target, version, fields, end]) =>
  before + [`${method} ${target} ${version}`, ...fields, "", ""].join(end)
);

Deno.test("serve() gives a handler the same request for a head that it has seen before", async () => {
  await using server = serve(tell, { port: 0 });
  const options = { eof: true };
  await fc.assert(
    fc.asyncProperty(anyHead, async (head) => {
      const first = await exchange(server, head, options);
      const second = await exchange(server, head, options);
      assertEquals(
        second.text.replace(DATE_REGEXP, ""),
        first.text.replace(DATE_REGEXP, ""),
      );
    }),
    { numRuns: 300 },
  );
});

const anyTarget = fc.oneof(
  fc.constantFrom("/", "/c?d", "/%zz", "//c", "http://a.example/", "*", "c"),
  fc.string({ unit: "binary-ascii", maxLength: 9 }).map((it) => `/${it}`),
);

/** The rest of a head, most of them right. */
const anyFields = fc.tuple(
  fc.constantFrom("HTTP/1.0", "HTTP/1.1"),
  fc.subarray(["X-A: \xe9", "Connection: keep-alive", "Host: localhost", ""]),
).map(([version, fields]) => [version, ...fields, "", ""].join("\r\n"));

Deno.test("serve() gives a handler the same request for fields that it has seen with another target", async () => {
  const methods = fc.constantFrom("GET", "GET", "HEAD", "\r\nGET");
  await fc.assert(
    fc.asyncProperty(
      methods,
      fc.array(anyTarget, { minLength: 2, maxLength: 3 }),
      anyFields,
      async (method, targets, fields) => {
        await using server = serve(tell, { port: 0 });
        for (const target of targets) {
          const head = `${method} ${target} ${fields}`;
          await using fresh = serve(tell, { port: 0 });
          const [first, second] = await Promise.all(
            [fresh, server].map((it) => exchange(it, head, { eof: true })),
          );
          const port = `:${(fresh.addr as Deno.NetAddr).port}`;
          const own = `:${(server.addr as Deno.NetAddr).port}`;
          assertEquals(
            second!.text.replace(DATE_REGEXP, "").replace(own, port),
            first!.text.replace(DATE_REGEXP, ""),
          );
        }
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("serve() holds to its limits for a long target with fields that it has seen", async () => {
  const rows: [ServerLimits, number][] = [
    [{ maxLineBytes: 60 }, 414],
    [{ maxHeadBytes: 60 }, 431],
    [{}, 200],
  ];
  for (const [limits, status] of rows) {
    await using server = serve(tell, { port: 0, limits });
    for (const length of [1, 1, 60]) {
      const head = `GET /${"a".repeat(length)} HTTP/1.0\r\nX-A: b\r\n\r\n`;
      const { text } = await exchange(server, head);
      assertEquals(statuses(text), [length === 1 ? 200 : status]);
    }
  }
});

Deno.test("SeenHeads skips heads of more than a kilobyte", async () => {
  const seen = new SeenHeads();
  const lengthOf = async (length: number, consumed = 0) => {
    const source = { read: (into: Uint8Array) => Promise.resolve(into.length) };
    const input = new ReadBuffer(source, new Uint8Array(length));
    await input.fill();
    input.consume(consumed);
    return seen.decode(input)?.length;
  };
  assertEquals(await lengthOf(1_024), 1_024);
  assertEquals(await lengthOf(1_025), undefined);
  assertEquals(await lengthOf(1_025, 600), 425); // after another request
});

Deno.test("serve() lets a handler change the fields of a head for itself alone", async () => {
  await using server = serve((request) => {
    const body = JSON.stringify([...request.headers]);
    request.headers.set("X-A", "changed");
    request.headers.append("X-B", "added");
    request.headers.delete("X-C");
    return { status: 200, body };
  }, { port: 0 });
  const head = "GET / HTTP/1.0\r\nX-A: 1\r\nX-C: 2\r\n\r\n";
  for (let i = 0; i < 3; i++) {
    const { text } = await exchange(server, head);
    assert(text.endsWith('[["X-A","1"],["X-C","2"]]'), text);
  }
});

Deno.test("serve() refuses a head each time, and keeps none of a request with a body", async () => {
  await using server = serve(
    async (request) => ({ status: 200, body: await request.text() }),
    { port: 0, allowedHosts: ["a.example"] },
  );
  const refused = "GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n";
  const post = "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\n";
  for (const body of ["abc", "def", "ghi"]) {
    assertEquals(statuses((await exchange(server, refused)).text), [421]);
    const { text } = await exchange(server, post + body);
    assert(text.endsWith(`\r\n\r\n${body}`), text);
  }
});

Deno.test("serve() finds heads that come in pieces, or several at once", async () => {
  await using server = serve(tell, { port: 0 });
  const head = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const last = head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
  const { text } = await exchange(server, head + head + last);
  assertEquals(statuses(text), [200, 200, 200]);
  const pieces = ["GET /a HTTP/1.1\r\nHo", `st: localhost\r\n\r\n${last}`];
  const cut = await exchange(server, "", { pieces });
  assertEquals(statuses(cut.text), [200, 200]);
  for (const name of ["one", "two", "three"]) {
    const conn = await dial(server);
    await writeAll(conn, octets("GET /a HTTP/1.0\r\nX-"));
    await delay(20); // until it was read
    await writeAll(conn, octets(`Name: ${name}\r\n\r\n`));
    const { text } = await readToEnd(conn);
    assert(text.includes(`[["X-Name","${name}"]]`), text);
  }
  const conn = await dial(server);
  for (const target of ["/", "/abcdefgh", "/a"]) {
    await writeAll(conn, octets(head.replace("/a", target)));
    await delay(20); // until it was read
  }
  await conn.closeWrite();
  assertEquals(statuses((await readToEnd(conn)).text), [200, 200, 200]);
});

Deno.test("serveDir() goes by the request that it gets, not by the head that was sent", async () => {
  await using tree = await makeTree({
    "a.txt": "a".repeat(2_000),
    "a.txt.br": "b",
    "b.txt": "other",
  });
  const files = serveDir(tree.path);
  let change = (_fields: HeaderFields): void => {};
  let rewritten: Record<string, unknown> = {};
  await using server = serve((request) => {
    change(request.headers);
    return files(Object.assign(Object.create(request), rewritten));
  }, { port: 0 });
  const fields = { "Accept-Encoding": "br", "X-Same": "head" };
  const get = () => ask(server, "/a.txt", fields);
  assertEquals((await get()).body, "b");
  assertEquals((await get()).body, "b");
  const rows: [(fields: HeaderFields) => void, number, number][] = [
    [(fields) => fields.delete("accept-encoding"), 200, 2_000],
    [(fields) => fields.set("Range", "bytes=0-2"), 206, 3],
    [(fields) => fields.set("If-None-Match", "*"), 304, 0],
    [() => {}, 200, 1],
  ];
  for (const [changed, status, length] of rows) {
    change = changed;
    for (let i = 0; i < 2; i++) {
      const answer = await get();
      assertEquals([answer.status, answer.body.length], [status, length]);
    }
  }
  rewritten = { path: "/b.txt" };
  assertEquals((await get()).body, "other");
  rewritten = { method: "POST" };
  assertEquals((await get()).status, 405);
});

Deno.test("serveDir() keeps its responses for itself if two of them share a server", async () => {
  await using one = await makeTree({ "a.txt": "one" });
  await using two = await makeTree({ "a.txt": "two" });
  const handlers = [serveDir(one.path), serveDir(two.path)];
  let turn = 0;
  await using server = serve((request) => handlers[turn++ % 2]!(request), {
    port: 0,
  });
  for (const body of ["one", "two", "one", "two"]) {
    assertEquals((await ask(server, "/a.txt")).body, body);
  }
});

Deno.test("serveDir() sends the same 206, 304 and HEAD again as long as the file is the same", async () => {
  await using tree = await makeTree({ "a.txt": "0123456789" });
  await using server = serve(serveDir(tree.path), { port: 0 });
  const { field } = await ask(server, "/a.txt");
  const rows: [fields: Record<string, string>, method: string][] = [
    [{ Range: "bytes=2-4" }, "GET"],
    [{ Range: "bytes=2-4" }, "HEAD"],
    [{ "If-None-Match": field("etag")! }, "GET"],
    [{}, "HEAD"],
  ];
  const results = async () => {
    const all = [];
    for (const [fields, method] of rows) {
      const { status, body } = await ask(server, "/a.txt", fields, method);
      all.push([status, body]);
    }
    return all;
  };
  const first = [[206, "234"], [200, ""], [304, ""], [200, ""]];
  for (let i = 0; i < 3; i++) assertEquals(await results(), first);
  await tree.put("a.txt", "abcdefghijk");
  for (let i = 0; i < 2; i++) {
    const second = [[206, "cde"], [200, ""], [200, "abcdefghijk"], [200, ""]];
    assertEquals(await results(), second);
  }
});

/** Makes an admitted request, with what the table reads of it. */
function admitted(text: string) {
  const [, target] = text.split(" ");
  const head = { method: "GET", target, size: text.length };
  return { head } as unknown as Parameters<SeenHeads["add"]>[1];
}

Deno.test("SeenHeads remembers up to 2,048 heads", () => {
  const heads = new SeenHeads();
  const get = (target: string, i: number) => `GET ${target} HTTP/1.0 ${i}`;
  for (let i = 0; i < 2_048; i++) {
    heads.add(get("/a", i), admitted(get("/a", i)));
  }
  const known = [get("/a", 0), get("/b", 1)];
  for (const text of known) assert(heads.get(text) !== null, text);
  heads.add("last", admitted("last"));
  for (const text of known) assertEquals(heads.get(text), null, text);
  assert(heads.get("last") !== null);
});

Deno.test("SeenHeads looks up one in eight heads while each one is different", () => {
  const heads = new SeenHeads();
  const look = (text: string): boolean => {
    const bytes = new TextEncoder().encode(text);
    const found = heads.decode({ bytes, start: 0, end: bytes.length } as Input);
    if (found !== null && heads.get(found) === null) {
      heads.add(found, admitted(found));
    }
    return found !== null;
  };
  const count = (of: (i: number) => string) =>
    Array.from({ length: 8_000 }, (_, i) => look(of(i))).filter(Boolean).length;
  assertEquals(count((i) => `again ${i % 50}`), 8_000);
  const others = count((i) => `other ${i}`);
  assert(others > 1_000 && others < 1_200, `${others} of 8,000`);
  const back = count((i) => `back ${i % 50}`);
  assert(back > 7_000, `${back} of 8,000`);
  // Of the same fields, each target is found
  assertEquals(count((i) => `GET /${i + 1_000} HTTP/1.0`), 8_000);
  assertEquals(heads.get("GET /abcd HTTP/1.0")?.target.path, "/abcd");
});

type Input = Parameters<SeenHeads["decode"]>[0];
