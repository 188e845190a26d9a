import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  HeaderFields,
  type HeaderFieldsInit,
  parseHttpDate,
} from "../../message/mod.ts";
import {
  HttpRequest,
  type HttpResponse,
  type HttpServer,
  serve,
  serveDir,
  type ServeDirOptions,
} from "../../server/mod.ts";
import type { ConnectionIo } from "../../server/_connection/connection_io.ts";
import { PreparedResponse } from "../../server/_prepared_response.ts";
import { ask, makeTree, serveTree } from "./_files.ts";
import { TestClock } from "../_clock.ts";
import {
  body,
  delay,
  dial,
  exchange,
  field,
  latin1,
  octets,
  readToEnd,
  type Received,
  statuses,
  within,
  writeAll,
} from "./_raw.ts";

/** A request that came over no connection. */
function requestFor(
  path: string,
  headers: HeaderFieldsInit = {},
  method = "GET",
): HttpRequest {
  const head = {
    method,
    target: path,
    version: "1.0",
    headers: new HeaderFields(headers),
    size: 0,
    bareLf: false,
  };
  const target = { protocol: null, host: null, path, params: null };
  return new HttpRequest(
    { head, target, bodyLength: 0, persistence: "close" },
    {
      server: {
        protocol: "http",
        authority: "localhost",
        clock: { now: performance.now() },
      },
      remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
      watch: () => new AbortController().signal,
    } as unknown as ConnectionIo,
    null,
  );
}

Deno.test("serveDir() sends a file with all its fields", async () => {
  await using tree = await makeTree({ "a.html": "<h1>hi</h1>" });
  await using server = serveTree(tree.path);
  const answer = await ask(server, "/a.html?x=1");
  assertEquals([answer.status, answer.body], [200, "<h1>hi</h1>"]);
  assertEquals(answer.field("content-type"), "text/html; charset=utf-8");
  assertEquals(answer.field("content-length"), "11");
  assertEquals(answer.field("accept-ranges"), "bytes");
  assertEquals(answer.field("cache-control"), "no-cache");
  assertEquals(answer.field("x-content-type-options"), "nosniff");
  assertMatch(answer.field("etag") ?? "", /^"[!-~]+"$/);
  const { mtime } = await Deno.stat(`${tree.path}/a.html`);
  assertEquals(
    parseHttpDate(answer.field("last-modified")!),
    Math.floor(mtime!.getTime() / 1000) * 1000,
  );
});

Deno.test("serveDir() returns one prepared response for a small file, without a promise", async () => {
  await using tree = await makeTree({ "a.txt": "a", "index.html": "i" });
  // What was just written may change without a sign, so it is read each time
  const handler = serveDir(tree.path, { cacheTtl: 60_000 });
  for (const path of ["/a.txt", "/"]) {
    const first = handler(requestFor(path));
    assertInstanceOf(first, PreparedResponse);
    assertStrictEquals(handler(requestFor(path)), first);
    assertStrictEquals(
      handler(requestFor(path, { Accept: "*/*" }, "HEAD")),
      first,
    );
  }
});

Deno.test("serveDir() evaluates conditions from memory, too, with one prepared 304", async () => {
  await using tree = await makeTree({ "a.txt": "a" });
  const handler = serveDir(tree.path, { cacheTtl: 60_000 });
  const first = handler(requestFor("/a.txt")) as PreparedResponse;
  const headers = { "If-None-Match": first.headers.get("etag")! };
  const second = handler(requestFor("/a.txt", headers)) as PreparedResponse;
  assertEquals(second.status, 304);
  const names = [...second.headers].map(([name]) => name);
  assertEquals(names, ["Cache-Control", "ETag"]);
  assertStrictEquals(handler(requestFor("/a.txt", headers)), second);
});

Deno.test("serveDir() sends a small file on a kept connection as on any other", async () => {
  await using tree = await makeTree({ "a.txt": "small" });
  const bodies: number[] = [];
  await using server = serve(serveDir(tree.path), {
    port: 0,
    log: ({ bytes, headBytes = 0 }) => bodies.push(bytes - headBytes),
  });
  const etag = (await ask(server, "/a.txt")).field("etag")!;
  const request = (method: string, field = "Connection: keep-alive") =>
    `${method} /a.txt HTTP/1.0\r\n${field}\r\n\r\n`;
  const kept = `Connection: keep-alive\r\nIf-None-Match: ${etag}`;
  const { text } = await exchange(
    server,
    request("GET") + request("HEAD") + request("GET", kept) +
      request("HEAD", "Connection: close"),
  );
  const responses = text.split(/(?=HTTP\/1\.0 )/);
  const told = responses.map((one) => [
    ...statuses(one),
    field(one, "connection"),
    body(one),
  ]);
  assertEquals(told, [
    [200, "keep-alive", "small"],
    [200, "keep-alive", ""],
    [304, "keep-alive", ""],
    [200, "close", ""],
  ]);
  assertEquals(bodies, [5, 5, 0, 0, 0]);
});

Deno.test("serveDir() leaves framing to the server, whatever fields it is to send", async () => {
  await using tree = await makeTree({
    "held.txt": "0123456789",
    "large.bin": new Uint8Array(70_000),
  });
  const framing = {
    "Connection": "close",
    "Content-Length": "3",
    "Date": "x",
    "Transfer-Encoding": "chunked",
  };
  await using server = serveTree(tree.path, { headers: framing });
  for (const path of ["/held.txt", "/held.txt", "/large.bin", "/missing"]) {
    const { text } = await exchange(server, `HEAD ${path} HTTP/1.0\r\n\r\n`);
    for (const name of ["Connection", "Content-Length", "Date"]) {
      assertEquals(text.split(`${name}: `).length - 1, 1, `${name} of ${path}`);
    }
    assert(!text.includes("chunked"), path);
  }
});

Deno.test("serveDir() evaluates preconditions, for HEAD as for GET, and ranges for GET", async () => {
  await using tree = await makeTree({ "a.txt": "0123456789" });
  await using server = serveTree(tree.path, { headers: { "X-Own": "1" } });
  const { field } = await ask(server, "/a.txt");
  const etag = field("etag")!;
  const date = field("last-modified")!;
  const rows: readonly (readonly [
    Record<string, string>,
    number,
    string,
    string | null,
  ])[] = [
    [{}, 200, "0123456789", null],
    [{ "If-None-Match": etag }, 304, "", null],
    [{ "If-Modified-Since": date }, 304, "", null],
    [
      { "If-None-Match": '"x"', "If-Modified-Since": date },
      200,
      "0123456789",
      null,
    ],
    [{ "If-Match": '"x"' }, 412, "412 Precondition Failed\n", null],
    [{ Range: "bytes=2-4" }, 206, "234", "bytes 2-4/10"],
    [{ Range: "bytes=-3" }, 206, "789", "bytes 7-9/10"],
    [{ Range: "bytes=7-99" }, 206, "789", "bytes 7-9/10"],
    [
      { Range: "bytes=10-" },
      416,
      "416 Range Not Satisfiable\n",
      "bytes */10",
    ],
    [{ Range: "bytes=0-1, 4-5" }, 200, "0123456789", null],
    [{ Range: "bytes=2-4", "If-Range": etag }, 206, "234", "bytes 2-4/10"],
    [{ Range: "bytes=2-4", "If-Range": date }, 206, "234", "bytes 2-4/10"],
    [{ Range: "bytes=2-4", "If-Range": '"x"' }, 200, "0123456789", null],
    [{ Range: "bytes=2-4", "If-None-Match": etag }, 304, "", null],
  ];
  for (const method of ["GET", "HEAD"]) {
    for (const [headers, getStatus, getBody, getRange] of rows) {
      // RFC 9110 section 14.2: only GET has ranges
      const isIgnored = method === "HEAD" && getRange !== null;
      const status = isIgnored ? 200 : getStatus;
      const body = isIgnored ? "0123456789" : getBody;
      const range = isIgnored ? null : getRange;
      const answer = await ask(server, "/a.txt", headers, method);
      const name = `${method} ${JSON.stringify(headers)}`;
      assertEquals(answer.status, status, name);
      assertEquals(answer.body, method === "HEAD" ? "" : body, name);
      assertEquals(answer.field("content-range"), range, name);
      assertEquals(answer.field("x-own"), "1", name);
      const length = status === 304 ? null : String(body.length);
      assertEquals(answer.field("content-length"), length, name);
      if (status < 400) assertEquals(answer.field("etag"), etag, name);
    }
  }
});

Deno.test("serveDir() sends ranges of a large file from where they are", async () => {
  const size = 300_000;
  const content = Uint8Array.from({ length: size }, (_, index) => index % 251);
  await using tree = await makeTree({ "large.bin": content });
  await using server = serveTree(tree.path);
  const text = (start: number, end: number) =>
    Array.from(
      content.subarray(start, end),
      (byte) => String.fromCharCode(byte),
    ).join("");
  const whole = await ask(server, "/large.bin");
  assertEquals(whole.body, text(0, size));
  const part = await ask(server, "/large.bin", {
    Range: "bytes=200000-270000",
  });
  assertEquals([part.status, part.body], [206, text(200_000, 270_001)]);
  const head = await ask(server, "/large.bin", {}, "HEAD");
  assertEquals([head.body, head.field("content-length")], ["", String(size)]);
  const same = await ask(server, "/large.bin", {
    "If-None-Match": whole.field("etag")!,
  });
  assertEquals(same.status, 304);
});

Deno.test("serveDir() sees a file change, after cacheTtl or at once without it", async () => {
  await using tree = await makeTree({ "a.txt": "one" });
  await using patient = serveTree(tree.path, { cacheTtl: 60_000 });
  await using eager = serveTree(tree.path, { cacheTtl: 0 });
  const before = await ask(eager, "/a.txt");
  assertEquals((await ask(patient, "/a.txt")).body, "one");
  await tree.put("a.txt", "three");
  assertEquals((await ask(patient, "/a.txt")).body, "one");
  const after = await ask(eager, "/a.txt");
  assertEquals(after.body, "three");
  assertNotEquals(after.field("etag"), before.field("etag"));
  await Deno.remove(`${tree.path}/a.txt`);
  assertEquals((await ask(eager, "/a.txt")).status, 404);
});

Deno.test("serveDir() sends the version that it opens, not the one in the cache", async () => {
  await using tree = await makeTree({ "log": "a".repeat(100_000) });
  await using server = serveTree(tree.path, { cacheTtl: 60_000 });
  const before = await ask(server, "/log");
  await Deno.writeTextFile(`${tree.path}/log`, "b", { append: true });
  const after = await ask(server, "/log");
  assertEquals([after.body.length, after.body.at(-1)], [100_001, "b"]);
  assertNotEquals(after.field("etag"), before.field("etag"));
  const part = await ask(server, "/log", {
    Range: "bytes=-1",
    "If-Range": before.field("etag")!,
  });
  assertEquals(part.status, 200);
  const known = await ask(server, "/log", {
    "If-None-Match": after.field("etag")!,
  });
  assertEquals(known.status, 304); // and no file stays open
  await tree.put("log", "c".repeat(100_000)); // as long as the first
  assert((await ask(server, "/log")).field("etag") !== null);
});

Deno.test("serveDir() sends a validated file again, whatever its type", async () => {
  await using tree = await makeTree({
    "a.png": "\x89PNG",
    "a.txt": "text",
    "a.svgz": "packed",
  });
  await using server = serveTree(tree.path, { cacheTtl: 0 });
  using clock = new TestClock();
  clock.pass(3_600_000); // they changed long ago
  for (const path of ["/a.png", "/a.txt", "/a.svgz"]) {
    const first = await ask(server, path);
    const second = await ask(server, path);
    assertEquals([first.status, second.status], [200, 200], path);
    assertEquals(second.body, first.body);
  }
  assertEquals(server.errors, []);
});

Deno.test("serveDir() closes each file that it has opened, however it was sent", async () => {
  await using tree = await makeTree({ "a.txt": "a", "b.bin": "b".repeat(1e5) });
  await using server = serveTree(tree.path);
  const { openSync } = Deno;
  const opened: Deno.FsFile[] = [];
  Deno.openSync = (...args) => {
    const file = openSync(...args);
    opened.push(file);
    return file;
  };
  const range = { Range: "bytes=5-9" };
  const old = { Range: "bytes=5-9", "If-Match": '"other"' };
  try {
    await Promise.all(
      [{}, range, old].flatMap((fields) => [
        ask(server, "/a.txt", fields),
        ask(server, "/b.bin", fields),
        ask(server, "/b.bin", fields, "HEAD"),
      ]),
    );
  } finally {
    Deno.openSync = openSync;
  }
  await server.shutdown();
  assert(opened.length > 2);
  for (const file of opened) {
    assertThrows(() => file.statSync(), Deno.errors.BadResource);
  }
});

Deno.test("serveDir() cuts the connection if a file is shorter than its size, as some in /sys", async () => {
  await using tree = await makeTree({ "a.txt": "0123456789" });
  await using server = serveTree(tree.path);
  const { lstatSync } = Deno;
  const { statSync, readSync } = Deno.FsFile.prototype;
  const enlarge = (info: Deno.FileInfo) => ({ ...info, size: info.size + 90 });
  let ends = 0;
  Deno.lstatSync = (path) => {
    const info = lstatSync(path);
    return info.isFile ? enlarge(info) : info;
  };
  Deno.FsFile.prototype.statSync = function () {
    return enlarge(statSync.call(this));
  };
  Deno.FsFile.prototype.readSync = function (into) {
    const count = readSync.call(this, into);
    if (count === null && ++ends > 20) throw new Error("It reads for ever");
    return count;
  };
  try {
    const { status, body, field } = await ask(server, "/a.txt");
    assertEquals([status, field("content-length")], [200, "100"]);
    assertEquals(body, "0123456789");
  } finally {
    Deno.lstatSync = lstatSync;
    Object.assign(Deno.FsFile.prototype, { statSync, readSync });
  }
  assertEquals(server.errors.map(String), [
    "Error: Cannot send file: it lost its last 90 bytes while it was sent",
  ]);
});

Deno.test("serveDir() notices a recent change that leaves size and time as they were", async () => {
  await using tree = await makeTree({ "a.txt": "one" });
  await using server = serveTree(tree.path, { cacheTtl: 0 });
  const now = new Date();
  await Deno.utime(`${tree.path}/a.txt`, now, now);
  assertEquals((await ask(server, "/a.txt")).body, "one");
  await tree.put("a.txt", "two");
  await Deno.utime(`${tree.path}/a.txt`, now, now);
  assertEquals((await ask(server, "/a.txt")).body, "two");
});

Deno.test("serveDir() never mixes two versions of a file, whatever its size", async () => {
  const sizes = [1_000, 30_000, 200_000];
  await using tree = await makeTree();
  await using server = serveTree(tree.path, { cacheTtl: 0 });
  for (const size of sizes) {
    const path = `${tree.path}/${size}.txt`;
    const replace = async (letter: string) => {
      await Deno.writeTextFile(
        `${path}.new`,
        letter.repeat(size + letter.charCodeAt(0)),
      );
      await Deno.rename(`${path}.new`, path);
    };
    await replace("a");
    let isOver = false;
    const replacing = (async () => {
      for (let i = 0; !isOver; i++) await replace("abc"[i % 3]!);
    })();
    const tags = new Map<string, string>();
    for (let i = 0; i < 100; i++) {
      const { status, body, field } = await ask(server, `/${size}.txt`);
      if (status === 404) continue;
      assertEquals(body, body[0]!.repeat(size + body.charCodeAt(0)));
      tags.set(field("content-length")!, body[0]!);
    }
    isOver = true;
    await replacing;
    assert(tags.size > 1, "the file was never replaced");
  }
  assertEquals(server.errors, []);
});

/** Asks for a file, and changes it while the server waits to send the rest. */
async function changeWhileSent(
  server: HttpServer,
  path: string,
  change: () => Promise<void>,
): Promise<Received> {
  const conn = await dial(server);
  await writeAll(conn, octets(`GET ${path} HTTP/1.0\r\n\r\n`));
  const start = new Uint8Array(1_000);
  const count = await conn.read(start) ?? 0;
  await change();
  const { text, end } = await readToEnd(conn);
  return { text: latin1(start.subarray(0, count)) + text, end };
}

/** More than sockets hold. */
const LARGE = 12_000_000;

Deno.test("serveDir() sends no byte past the Content-Length of a file that grows", async () => {
  await using tree = await makeTree({ "log": new Uint8Array(LARGE).fill(97) });
  await using server = serveTree(tree.path);
  const more = new Uint8Array(100_000).fill(98);
  const append = () =>
    Deno.writeFile(`${tree.path}/log`, more, { append: true });
  const { text, end } = await changeWhileSent(server, "/log", append);
  assertEquals(field(text, "content-length"), `${LARGE}`);
  assertEquals([body(text).length, end], [LARGE, "close"]);
  assert(!body(text).includes("b"));
  assertEquals(server.errors, []);
});

Deno.test("serveDir() cuts the connection when a file shrinks, and pads nothing", async () => {
  await using tree = await makeTree({ "log": new Uint8Array(LARGE).fill(97) });
  await using server = serveTree(tree.path);
  const truncate = () => Deno.truncate(`${tree.path}/log`, 1_000);
  const { text, end } = await changeWhileSent(server, "/log", truncate);
  assertEquals(field(text, "content-length"), `${LARGE}`);
  assertMatch(body(text), /^a+$/);
  assertNotEquals(end, "open");
  const lost = LARGE - body(text).length;
  assertEquals(server.errors.map(String), [
    `Error: Cannot send file: it lost its last ${lost} bytes while it was sent`,
  ]);
});

Deno.test("serveDir() leaves no file open, sent or not", async () => {
  await using tree = await makeTree({ "large": new Uint8Array(200_000) });
  await using server = serveTree(tree.path);
  for (const method of ["GET", "HEAD"]) {
    for (
      const headers of [{}, { Range: "bytes=1-" }, { Range: "bytes=300000-" }, {
        "If-None-Match": "*",
      }, { "If-Match": '"x"' }]
    ) {
      await ask(server, "/large", headers, method); // the sanitizer of resources sees what stays open
    }
  }
});

Deno.test("serveDir() opens a file once for all readers, each at its own position", async () => {
  const size = 16_000_000; // more than sockets hold
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i += 1_000) bytes.fill(i / 1_000, i, i + 1_000);
  await using tree = await makeTree({ "large": bytes, "new": "short" });
  await using server = serveTree(tree.path, { cacheTtl: 0 });
  const starts = [0, 999, 1_234_567];
  const conns = await Promise.all(starts.map(async (start) => {
    const conn = await dial(server);
    const request = `GET /large HTTP/1.0\r\nRange: bytes=${start}-\r\n\r\n`;
    await writeAll(conn, octets(request));
    return conn;
  }));
  await delay(50); // now the server waits for all of them
  if (Deno.build.os === "linux") {
    const real = await Deno.realPath(`${tree.path}/large`);
    const args = ["-l", `/proc/${Deno.pid}/fd`];
    const { stdout } = await new Deno.Command("ls", { args }).output();
    const links = new TextDecoder().decode(stdout).split("\n");
    assertEquals(links.filter((link) => link.endsWith(real)).length, 1);
  }
  await Deno.rename(`${tree.path}/new`, `${tree.path}/large`);
  assertEquals((await ask(server, "/large")).body, "short");
  for (const [i, conn] of conns.entries()) {
    const { text } = await readToEnd(conn);
    const body = text.slice(text.indexOf("\r\n\r\n") + 4);
    const start = starts[i]!;
    assertEquals(body.length, size - start);
    for (let at = 0; at < body.length; at += 997) {
      if (body.charCodeAt(at) === bytes[start + at]) continue;
      throw new Error(`wrong byte at ${at} of the part from ${start} on`);
    }
  }
});

Deno.test("serveDir() tells text from other data if the name does not", async () => {
  await using tree = await makeTree({
    "LICENSE": "All rights \u00fcbertragen\n",
    "main.ts": "export {};\n",
    "film.ts": Uint8Array.of(0x47, 0, 1, 2),
    "main.mts": "export {};\n",
    "CLIP.MTS": Uint8Array.of(0, 0, 0, 0, 0x47),
    "program": Uint8Array.of(0x7f, 0x45, 0x4c, 0x46),
    "TODO": "\x1b[1m\tbold text\r\n",
    "data8": Uint8Array.of(0x08),
    "data14": Uint8Array.of(0x0e),
    "constructor": "x",
    "a.constructor": Uint8Array.of(0),
    "a.JPG": "",
    "a.js": "",
    "a.svg": "",
    "a.wasm": "",
    "a.avif": "",
    "dir.html/inner": "t",
  });
  await using server = serveTree(tree.path);
  const types: Record<string, string> = {
    "/LICENSE": "text/plain; charset=utf-8",
    "/main.ts": "text/plain; charset=utf-8",
    "/film.ts": "video/mp2t",
    "/main.mts": "text/plain; charset=utf-8",
    "/CLIP.MTS": "video/mp2t",
    "/program": "application/octet-stream",
    "/TODO": "text/plain; charset=utf-8",
    "/data8": "application/octet-stream",
    "/data14": "application/octet-stream",
    "/constructor": "text/plain; charset=utf-8",
    "/a.constructor": "application/octet-stream",
    "/a.JPG": "image/jpeg",
    "/a.js": "text/javascript; charset=utf-8",
    "/a.svg": "image/svg+xml",
    "/a.wasm": "application/wasm",
    "/a.avif": "image/avif",
    "/dir.html/inner": "text/plain; charset=utf-8",
  };
  for (const [path, type] of Object.entries(types)) {
    assertEquals((await ask(server, path)).field("content-type"), type, path);
  }
});

Deno.test("serveDir() says that text is UTF-8, but not of a page that declares another charset", async () => {
  const equiv = 'http-equiv=Content-Type content="text/html;';
  const utf8: Record<string, string> = {
    "a.html": '<meta charset="utf-8">',
    "utf8.html": "<meta charset=utf8>",
    "e.html": '<meta name=a content="b"><p>charset=koi8-r',
    "g.html": "<meta charset>",
    "h.html": "",
    "i.js": '"<meta charset=koi8-r>"',
  };
  // A browser goes by the page then: the first charset outside of comments
  const others: Record<string, string> = {
    "b.html": "<!doctype html><META CHARSET = Shift_JIS>",
    "c.htm": `<meta ${equiv} charset=ISO-8859-1">\xe9`,
    "d.html": "<meta charset='windows-1252' />",
    "gbk.html": "<meta charset=gbk>",
    "2.html": '<meta charset=utf-8><meta charset="gbk">',
    "3.html": '<meta charset=gbk><meta charset="utf-8">',
    "4.html": "<!--<meta charset=gbk>--><meta charset=utf-8>",
    "5.html": "<!--a--><meta charset=gbk><!--b-->",
  };
  await using tree = await makeTree({ ...utf8, ...others });
  await using server = serveTree(tree.path);
  const typeOf = async (name: string) =>
    (await ask(server, `/${name}`)).field("content-type")!;
  for (const [name, text] of Object.entries(utf8)) {
    assertEquals((await typeOf(name)).split("=")[1], "utf-8", text);
  }
  for (const [name, text] of Object.entries(others)) {
    assertEquals(await typeOf(name), "text/html", text);
  }
});

Deno.test("serveDir() clamps dates of the future, and takes those before 1986 for none", async () => {
  await using tree = await makeTree({
    "future": "a",
    "nix": "b",
    "epoch": "c",
    "zip": "e",
    "npm": "f",
    "old": "d",
  });
  await Deno.utime(`${tree.path}/future`, 9e9, 9e9);
  await Deno.utime(`${tree.path}/nix`, 1, 1);
  await Deno.utime(`${tree.path}/epoch`, 0, 0);
  await Deno.utime(`${tree.path}/zip`, 315_532_801, 315_532_801);
  await Deno.utime(`${tree.path}/npm`, 499_162_500, 499_162_500);
  await Deno.utime(`${tree.path}/old`, 520_000_000, 520_000_000);
  await using server = serveTree(tree.path);
  const future = await ask(server, "/future");
  assert(
    parseHttpDate(future.field("last-modified")!)! <=
      parseHttpDate(future.field("date")!)!,
  );
  for (const path of ["/nix", "/epoch", "/zip", "/npm"]) {
    const { field } = await ask(server, path);
    assertEquals([field("last-modified"), field("etag")], [null, null], path);
  }
  const old = await ask(server, "/old");
  assertEquals(old.field("last-modified"), "Tue, 24 Jun 1986 12:26:40 GMT");
});

Deno.test("serveDir() answers methods other than GET and HEAD with 405 and Allow, unknown ones with 501", async () => {
  await using tree = await makeTree({ "a.txt": "a" });
  await using server = serveTree(tree.path);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]) {
    const { status, field } = await ask(
      server,
      "/a.txt",
      { "Content-Length": "0" },
      method,
    );
    assertEquals([status, field("allow")], [405, "GET, HEAD"], method);
  }
  for (const method of ["get", "BREW", "GETX"]) {
    assertEquals((await ask(server, "/a.txt", {}, method)).status, 501, method);
  }
});

Deno.test("serveDir() redirects to the right spelling, with the query, on this host", async () => {
  await using tree = await makeTree({
    "sub/index.html": "i",
    "sub/a b.txt": "a",
    "evil.example/sub/index.html": "e",
    "\\evil.example/index.html": "b",
    "@a+b/index.html": "a",
  });
  await using server = serveTree(tree.path);
  const rows: Record<string, string> = {
    // Relative, so that they hold behind a proxy that strips a prefix
    "/sub": "./sub/",
    "/sub?a=b&c": "./sub/?a=b&c",
    "/sub?": "./sub/?",
    "/sub/a%20b.txt/": "/sub/a%20b.txt",
    "/sub/a%20b.txt/?x": "/sub/a%20b.txt?x",
    "//sub": "/sub",
    "//sub//": "/sub/",
    "//evil.example/sub": "/evil.example/sub",
    "//evil.example/..%2fsub": "/sub",
    "/%5cevil.example": "./%5Cevil.example/",
    "/@a+b": "./@a+b/",
    "/%2f%2fsub": "/sub",
    "http://localhost/sub?q": "./sub/?q",
  };
  for (const [target, location] of Object.entries(rows)) {
    const answer = await ask(server, target);
    assertEquals(
      [answer.status, answer.field("location")],
      [301, location],
      target,
    );
    assertEquals(answer.field("cache-control"), "no-cache");
  }
});

Deno.test("serveDir() serves index.html for a directory, also through a link", async () => {
  await using tree = await makeTree({
    "page.html": "P",
    "index.html": { link: "page.html" },
    "out/index.html": { link: "/etc/passwd" },
    "out/a.txt": "a",
  });
  await using server = serveTree(tree.path);
  assertEquals((await ask(server, "/")).body, "P");
  const { status, body } = await ask(server, "/out/");
  assertEquals(status, 200);
  assert(!body.includes("root:"));
  assertStringIncludes(body, 'href="./a.txt"');
  await using bare = serveTree(tree.path, {
    showIndex: false,
    showDirListing: false,
  });
  assertEquals((await ask(bare, "/")).status, 404);
});

Deno.test("serveDir() with cleanUrls answers a path with its page, and shadows nothing", async () => {
  await using tree = await makeTree({
    "about.html": "ABOUT",
    "both": "FILE",
    "both.html": "PAGE",
    "dir/index.html": "DIR",
    "dir.html": "PAGE",
    "a b.html": "SPACE",
  });
  using clock = new TestClock();
  clock.pass(3_000); // until what was just written counts as settled
  await using server = serveTree(tree.path, { cleanUrls: true });
  assertEquals((await ask(server, "/about?x")).body, "ABOUT");
  assertEquals(
    (await ask(server, "/about")).field("content-type"),
    "text/html; charset=utf-8",
  );
  assertEquals((await ask(server, "/both")).body, "FILE");
  assertEquals((await ask(server, "/dir")).field("location"), "./dir/");
  assertEquals((await ask(server, "/a%20b")).body, "SPACE");
  for (const path of ["/about/", "/none", "/dir/none"]) {
    assertEquals((await ask(server, path)).status, 404, path);
  }
  await tree.put("about", "FILE");
  assertEquals((await ask(server, "/about")).body, "FILE");
  await Deno.remove(`${tree.path}/about`);
  assertEquals((await ask(server, "/about")).body, "ABOUT");
  await using plain = serveTree(tree.path);
  assertEquals((await ask(plain, "/about")).status, 404);
});

Deno.test("serveDir() redirects to no directory that shows nothing", async () => {
  await using tree = await makeTree({
    "docs/one.html": "ONE",
    "docs.html": "DOCS",
    "img/a.png": "PNG",
    "index.html": "INDEX",
  });
  const bare = { showDirListing: false };
  const pages = { ...bare, cleanUrls: true };
  const routes = { ...pages, fallback: "index.html" };
  const rows: readonly [ServeDirOptions, string, number, string][] = [
    [bare, "/docs", 404, "404 Not Found\n"],
    [pages, "/docs", 200, "DOCS"],
    [pages, "/docs/", 404, "404 Not Found\n"],
    [pages, "/docs/one", 200, "ONE"],
    [pages, "/img", 404, "404 Not Found\n"],
    [routes, "/docs", 200, "DOCS"],
    [routes, "/img", 200, "INDEX"],
    [routes, "/img/", 200, "INDEX"],
  ];
  for (const [options, path, status, body] of rows) {
    await using server = serveTree(tree.path, options);
    const response = await ask(server, path);
    assertEquals([path, response.status, response.body], [path, status, body]);
  }
});

Deno.test("serveDir() with fallback answers missing paths without an extension", async () => {
  await using tree = await makeTree({
    "app.html": "APP",
    "img/a.png": "PNG",
    ".git/config": "G",
  });
  await using server = serveTree(tree.path, {
    fallback: "app.html",
    showDirListing: false,
  });
  const rows: readonly (readonly [string, number, string | null])[] = [
    ["/users/7", 200, "APP"],
    ["/users/7/", 200, "APP"],
    ["/", 200, "APP"],
    ["/img/", 200, "APP"],
    ["/img/a.png", 200, "PNG"],
    ["/missing.js", 404, null],
    ["/.git/config", 404, null],
    ["/%00", 400, null],
  ];
  for (const [path, status, body] of rows) {
    const answer = await ask(server, path);
    assertEquals(answer.status, status, path);
    if (body !== null) assertEquals(answer.body, body, path);
  }
});

Deno.test("serveDir() answers 404 with the site's own page, whatever is asked of it", async () => {
  await using tree = await makeTree({
    "404.html": "<p>Not here",
    "a.txt": "a",
  });
  await using server = serveTree(tree.path);
  const answer = await ask(server, "/missing.js", {
    "If-None-Match": "*",
    Range: "bytes=0-1",
  });
  assertEquals([answer.status, answer.body], [404, "<p>Not here"]);
  assertEquals(answer.field("content-type"), "text/html; charset=utf-8");
  assertEquals(answer.field("etag"), null);
  assertEquals((await ask(server, "/.git")).status, 404);
  await tree.put("404.html", "x".repeat(100_000));
  await using other = serveTree(tree.path);
  assertEquals((await ask(other, "/missing")).body.length, 100_000);
});

Deno.test("serveDir() serves one file as its root", async () => {
  await using tree = await makeTree({
    "a.txt": "A",
    "b.txt": "B",
    "404.html": "no",
  });
  await using server = serveTree(`${tree.path}/a.txt`);
  const rows: Record<string, number> = {
    "/": 200,
    "/a.txt": 200,
    "/b.txt": 404,
    "/a.txt/x": 404,
    "/../b.txt": 404,
  };
  for (const [path, status] of Object.entries(rows)) {
    assertEquals((await ask(server, path)).status, status, path);
  }
  const { body, field } = await ask(server, "/");
  assertEquals([body, field("content-type")], [
    "A",
    "text/plain; charset=utf-8",
  ]);
  await tree.put("a.glb", "{}");
  await using model = serveTree(`${tree.path}/a.glb`);
  assertEquals(
    (await ask(model, "/")).field("content-type"),
    "model/gltf-binary",
  );
});

Deno.test("serveDir() with urlRoot appears there and nowhere else", async () => {
  await using tree = await makeTree({ "a.txt": "A", "sub/b.txt": "B" });
  await using server = serveTree(tree.path, { urlRoot: "static/files" });
  assertEquals((await ask(server, "/static/files/a.txt")).body, "A");
  assertEquals(
    (await ask(server, "/static/files/sub")).field("location"),
    "./sub/",
  );
  assertEquals(
    (await ask(server, "/static/files")).field("location"),
    "./files/",
  );
  for (
    const path of [
      "/a.txt",
      "/staticfiles/a.txt",
      "/static/files-old/a.txt",
      "/",
    ]
  ) {
    assertEquals((await ask(server, path)).status, 404, path);
  }
});

Deno.test("serveDir() sends the fields of `headers` with everything, instead of its own", async () => {
  await using tree = await makeTree({ "a.txt": "a", "sub/x": "" });
  await using server = serveTree(tree.path, {
    headers: [["X-Own", "1"], ["X-Own", "2"], ["Cache-Control", "no-store"]],
    maxAge: 60,
  });
  for (const path of ["/a.txt", "/missing", "/sub", "/sub/"]) {
    const { field } = await ask(server, path);
    assertEquals(
      [field("x-own"), field("cache-control")],
      ["1, 2", "no-store"],
      path,
    );
  }
  await using aged = serveTree(tree.path, { maxAge: 60 });
  assertEquals(
    (await ask(aged, "/a.txt")).field("cache-control"),
    "max-age=60",
  );
});

Deno.test("serveDir() answers 403 for what may not be read", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using tree = await makeTree({
    "a.txt": "a",
    "dir/x": "",
    "b.txt": "b",
    "404.html": "secret",
  });
  await Deno.chmod(tree.path, 0o755);
  await Deno.chmod(`${tree.path}/a.txt`, 0);
  await Deno.chmod(`${tree.path}/404.html`, 0);
  await Deno.chmod(`${tree.path}/dir`, 0);
  // A process of its own, since the superuser may read all
  const program = new URL("./_unprivileged.ts", import.meta.url).href;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const args = ["run", "-q", "-A", "--no-lock", `--config=${config}`, program];
  await using process = new Deno.Command(Deno.execPath(), {
    args: [...args, tree.path],
    stdout: "piped",
  }).spawn();
  const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value: port } = await within(lines.read());
  const server = { addr: { hostname: "127.0.0.1", port: Number(port) } };
  const status = async (path: string) =>
    (await ask(server as HttpServer, path)).status;
  assertEquals(await status("/b.txt"), 200);
  assertEquals(await status("/a.txt"), 403);
  assertEquals(await status("/dir/"), 403);
  assertEquals(await status("/dir/x"), 403);
  assertEquals(await status("/missing"), 404);
  process.kill();
  while (!(await lines.read()).done);
  await Deno.chmod(`${tree.path}/dir`, 0o700);
});

Deno.test("serveDir() soon notices a change that leaves time and size as they were", async () => {
  await using tree = await makeTree({ "a.bin": "one" });
  const recent = Date.now() / 1000 - 1.5;
  await Deno.utime(`${tree.path}/a.bin`, recent, recent);
  await using server = serveTree(tree.path, { cacheTtl: 0 });
  assertEquals((await ask(server, "/a.bin")).body, "one");
  await tree.put("a.bin", "two");
  await Deno.utime(`${tree.path}/a.bin`, recent, recent);
  await new Promise((resolve) => setTimeout(resolve, 700));
  assertEquals((await ask(server, "/a.bin")).body, "two");
});

Deno.test("serveDir() looks for sidecars once after a directory has changed, not at each request", async () => {
  await using tree = await makeTree({ "root/a.txt": "a" });
  await Deno.utime(`${tree.path}/root/a.txt`, 1e9, 1e9);
  await Deno.utime(`${tree.path}/root`, 1e9, 1e9);
  await using server = serveTree(`${tree.path}/root`, { cacheTtl: 0 });
  using clock = new TestClock();
  const { realPathSync } = Deno;
  const looks: string[] = [];
  Deno.realPathSync = (path) => {
    looks.push(String(path).split("/").at(-1)!);
    return realPathSync(path);
  };
  try {
    const sidecarsAt = async () => {
      looks.length = 0;
      assertEquals((await ask(server, "/a.txt")).body, "a");
      return looks.filter((name) => name.startsWith("a.txt.")).length;
    };
    // A change within the last seconds might be followed by one without a sign
    clock.pass(3_100);
    assertEquals([await sidecarsAt(), await sidecarsAt()], [3, 0]);
    await Deno.utime(`${tree.path}/root`, 1e9, 1e9 + 1);
    assertEquals([await sidecarsAt(), await sidecarsAt()], [3, 0]);
  } finally {
    Deno.realPathSync = realPathSync;
  }
});

Deno.test("serveDir() never serves a file outside the root from its cache", async () => {
  const large = 70_000; // too large to be held
  await using tree = await makeTree({
    "root/dir/a.bin": "a".repeat(large),
    "outside/a.bin": "S".repeat(large),
  });
  await using server = serveTree(`${tree.path}/root`, { cacheTtl: 60_000 });
  assertEquals((await ask(server, "/dir/a.bin")).body[0], "a");
  await Deno.rename(`${tree.path}/root/dir`, `${tree.path}/root/was`);
  await Deno.symlink(`${tree.path}/outside`, `${tree.path}/root/dir`);
  assertEquals((await ask(server, "/dir/a.bin")).status, 404);
});

Deno.test("serveDir() holds recently requested files, and no more than its share of memory", async () => {
  await using tree = await makeTree();
  const size = 65_536;
  for (let i = 0; i < 30; i++) {
    await tree.put(`${i}.bin`, new Uint8Array(size));
  }
  const options = { cacheTtl: 60_000, cacheSize: 20 * size };
  const handler = serveDir(tree.path, options);
  const ask = (i: number) => {
    const response = handler(requestFor(`/${i}.bin`)) as HttpResponse;
    const { body } = response;
    if (body instanceof Object && "file" in body) body.file.close();
    return response;
  };
  const all = Array.from({ length: 30 }, (_, i) => i);
  all.forEach(ask);
  for (let i = 0; i < 8; i++) all.slice(11).forEach(ask);
  const responses = all.map(ask);
  assertEquals(all.filter((i) => ask(i) === responses[i]), all.slice(11));
});

Deno.test("serveDir() never takes plain bytes for compressed ones if memory is full", async () => {
  const text = "knock ".repeat(2_500);
  await using tree = await makeTree({ "a.txt": text });
  const names = ["a.txt"];
  // So many that all just fit, in use, with the text but without its compressed
  // copy
  for (let i = 0; i < 1_008; i++) {
    await tree.put(`${i}.bin`, new Uint8Array(65_536));
    names.push(`${i}.bin`);
  }
  const handler = serveDir(tree.path, { cacheTtl: 60_000 });
  for (const name of names) await handler(requestFor(`/${name}`));
  for (let i = 0; i < 3; i++) {
    const headers = { "Accept-Encoding": "gzip" };
    const answer = await handler(requestFor("/a.txt", headers)) as HttpResponse;
    const fields = new HeaderFields(answer.headers);
    const body = answer.body as Uint8Array<ArrayBuffer>;
    const { readable, writable } = fields.get("content-encoding") === "gzip"
      ? new DecompressionStream("gzip")
      : new TransformStream<Uint8Array, Uint8Array>();
    const decoded = new Response(
      new Blob([body]).stream().pipeThrough({ readable, writable }),
    );
    assertEquals(await decoded.text(), text);
  }
});

Deno.test("serveDir() refuses roots and options that make no sense", async () => {
  await using tree = await makeTree();
  assertThrows(() => serveDir(`${tree.path}/missing`), Deno.errors.NotFound);
  assertThrows(
    () => serveDir(tree.path, { fallback: "a\0b" }),
    TypeError,
    'fallback "a\\u0000b"',
  );
  assertThrows(
    () => serveDir("/dev/null"),
    TypeError,
    "neither a directory nor a file",
  );
});

Deno.test("serveDir() compresses a file the next time, if too many are being compressed", async () => {
  const names = Array.from({ length: 5 }, (_, index) => `${index}.txt`);
  const text = "Knock, knock. ".repeat(100);
  const entries = names.map((name) => [name, text] as const);
  await using tree = await makeTree(Object.fromEntries(entries));
  const handler = serveDir(tree.path, { cacheTtl: 60_000 });
  for (const name of names) await handler(requestFor(`/${name}`));
  const headers = new HeaderFields({ "Accept-Encoding": "gzip" });
  const codingOf = async (name: string) => {
    const response = await handler(requestFor(`/${name}`, headers));
    return new HeaderFields(response.headers).get("content-encoding");
  };
  const codings = await Promise.all(names.map(codingOf));
  assertEquals(codings, ["gzip", "gzip", "gzip", "gzip", null]);
  assertEquals(await codingOf("4.txt"), "gzip");
});
