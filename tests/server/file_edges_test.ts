// Problems that users of other file servers had, at the edges of a file.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { serveDir } from "../../server/mod.ts";
import { TestClock } from "../_clock.ts";
import { ask, makeTree, serveTree } from "./_files.ts";
import { delay } from "./_raw.ts";

const isUnix = Deno.build.os !== "windows";

Deno.test("serveDir() always serves what is on the disk at the moment", async () => {
  await using tree = await makeTree({ "404.html": "404", "dir/x.txt": "x" });
  await using server = serveTree(tree.path);
  const path = `${tree.path}/a.js`;
  const text = (i: number) => `${i} `.repeat(400);
  for (let i = 0; i < 200; i++) {
    await Deno.writeTextFile(path, text(i));
    assertEquals((await ask(server, "/a.js")).body, text(i));
    assertEquals((await ask(server, "/a.js?x")).body, text(i));
  }
  for (let i = 0; i < 200; i++) {
    const name = `${i}.txt`;
    await Deno.writeTextFile(`${tree.path}/dir/${name}`, name);
    const list = await ask(server, "/dir/", { Accept: "text/plain" });
    assert(list.body.includes(name));
    assertEquals((await ask(server, `/dir/${name}`)).body, name);
    await Deno.rename(`${tree.path}/dir/${name}`, `${tree.path}/dir/b${name}`);
    assertEquals((await ask(server, `/dir/${name}`)).status, 404);
    assertEquals((await ask(server, `/dir/b${name}`)).body, name);
    await Deno.remove(`${tree.path}/dir/b${name}`);
    assertEquals((await ask(server, `/dir/b${name}`)).status, 404);
  }
  for (let i = 0; i < 50; i++) {
    await Deno.writeTextFile(`${tree.path}/404.html`, text(i));
    assertEquals((await ask(server, "/missing")).body, text(i));
  }
});

Deno.test("serveDir() notices at once when a sidecar is added or removed", async () => {
  await using tree = await makeTree({ "a.js": "a".repeat(100) });
  await using server = serveTree(tree.path);
  const gzip = { "Accept-Encoding": "gzip" };
  for (let i = 0; i < 50; i++) {
    assertEquals((await ask(server, "/a.js", gzip)).body, "a".repeat(100));
    await Deno.writeTextFile(`${tree.path}/a.js.gz`, `packed ${i}`);
    assertEquals((await ask(server, "/a.js", gzip)).body, `packed ${i}`);
    await Deno.remove(`${tree.path}/a.js.gz`);
  }
  using clock = new TestClock();
  clock.pass(3_600_000); // all that changed so long ago
  await tree.put("sub/a.js", "a".repeat(100));
  for (const folder of [`${tree.path}/sub`, tree.path]) {
    await Deno.utime(`${folder}/a.js`, 1e9, 1e9);
    await Deno.utime(folder, 1e9, 1e9);
  }
  for (const path of ["/a.js", "/sub/a.js"]) {
    assertEquals((await ask(server, path, gzip)).body, "a".repeat(100));
    await tree.put(`${path}.gz`, "packed");
    assertEquals((await ask(server, path, gzip)).body, "packed");
  }
});

Deno.test("serveDir() ignores an empty sidecar", async () => {
  await using tree = await makeTree({
    "a.js": "new",
    "a.js.br": "",
    "a.js.gz": "gz",
  });
  await using server = serveTree(tree.path);
  const cases: readonly [accepted: string, body: string][] = [
    ["br", "new"],
    ["br, gzip", "gz"],
  ];
  for (const [accepted, body] of cases) {
    const fields = { "Accept-Encoding": accepted };
    assertEquals((await ask(server, "/a.js", fields)).body, body);
  }
  await tree.put("a.js.br", "br");
  const fields = { "Accept-Encoding": "br" };
  assertEquals((await ask(server, "/a.js", fields)).body, "br");
});

Deno.test("serveDir() considers a sidecar stale that is older by a millisecond", async () => {
  await using tree = await makeTree({ "a.js": "new", "a.js.gz": "old" });
  await using server = serveTree(tree.path);
  const gzip = { "Accept-Encoding": "gzip" };
  const cases: readonly [number, number, string][] = [
    [1e9 + 0.5, 1e9 + 0.499, "new"],
    [1e9 + 0.5, 1e9 + 0.5, "old"],
    [1e9 + 0.5, 1e9 + 1, "old"],
  ];
  for (const [file, sidecar, body] of cases) {
    await Deno.utime(`${tree.path}/a.js`, file, file);
    await Deno.utime(`${tree.path}/a.js.gz`, sidecar, sidecar);
    assertEquals((await ask(server, "/a.js", gzip)).body, body);
  }
});

Deno.test({
  name: "serveDir() tells versions apart that have the same size and time",
  ignore: !isUnix,
  async fn() {
    await using tree = await makeTree({ "a.txt": "first" });
    const path = `${tree.path}/a.txt`;
    await Deno.utime(path, 1e9, 1e9);
    await delay(1_100); // until a change shows in the time of the change
    using clock = new TestClock();
    clock.pass(3_000);
    await using server = serveTree(tree.path);
    const first = await ask(server, "/a.txt");
    const tag = first.field("etag")!;
    await Deno.writeTextFile(path, "other");
    await Deno.utime(path, 1e9, 1e9);
    const second = await ask(server, "/a.txt", { "If-None-Match": tag });
    assertEquals([first.body, second.status, second.body], [
      "first",
      200,
      "other",
    ]);
    const part = await ask(server, "/a.txt", {
      Range: "bytes=1-",
      "If-Range": tag,
    });
    assertEquals([part.status, part.body], [200, "other"]);
    // Nor does its date say that nothing has changed
    const date = first.field("last-modified")!;
    for (
      const condition of [
        { "If-Modified-Since": date },
        { Range: "bytes=1-", "If-Range": date },
      ]
    ) {
      const { status, body } = await ask(server, "/a.txt", condition);
      assertEquals([status, body], [200, "other"]);
    }
    // Another server knows nothing of the change, and says what replicas say
    await using replica = serveTree(tree.path);
    assertEquals((await ask(replica, "/a.txt")).field("etag"), tag);
  },
});

Deno.test({
  name:
    "serveDir() tells builds with a fixed time apart when a link changes over",
  ignore: !isUnix,
  async fn() {
    const large = "x".repeat(100_000);
    await using tree = await makeTree({
      "one/a.html": "<p>1",
      "two/a.html": "<p>2",
      "one/b.bin": `${large}1`,
      "two/b.bin": `${large}2`,
      "current": { link: "one" },
    });
    for (const path of ["one/a.html", "two/a.html", "one/b.bin", "two/b.bin"]) {
      await Deno.utime(`${tree.path}/${path}`, 1e9, 1e9);
    }
    using clock = new TestClock();
    clock.pass(3_000); // until what was just written counts as settled
    await using server = serveTree(tree.path);
    await using above = serveTree(`${tree.path}/current`);
    const asked = [
      [server, "/current/a.html"],
      [server, "/current/b.bin"],
      [above, "/a.html"],
      [above, "/b.bin"],
    ] as const;
    const tags: string[] = [];
    for (const [server, path] of asked) {
      tags.push((await ask(server, path)).field("etag")!);
    }
    await Deno.remove(`${tree.path}/current`);
    await tree.put("current", { link: "two" });
    for (const [index, [server, path]] of asked.entries()) {
      const { status, body } = await ask(server, path, {
        "If-None-Match": tags[index]!,
      });
      assertEquals([path, status, body.at(-1)], [path, 200, "2"]);
    }
  },
});

Deno.test("serveDir() tells versions of one second apart by their bytes", async () => {
  await using tree = await makeTree();
  await using server = serveTree(tree.path);
  const tags: Record<string, string> = {};
  for (const text of ["first", "other", "third", "first", "other"]) {
    for (const path of ["/a.txt", "/b.txt"]) {
      await tree.put(path, text);
      await Deno.utime(tree.path + path, 1e9, 1e9);
      const { status, body, field } = await ask(server, path, {
        "If-None-Match": tags[path] ?? '""',
      });
      assertEquals([status, body], [200, text]);
      const tag = tags[path] = field("etag")!;
      const same = await ask(server, path, { "If-None-Match": tag });
      assertEquals(same.status, 304);
    }
  }
});

Deno.test("serveDir() has no tag for two versions of one second, whatever came between", async () => {
  await using tree = await makeTree();
  await using server = serveTree(tree.path);
  const path = `${tree.path}/a.txt`;
  const seen = new Map<string, string>();
  const versions: [text: string, isSetBack: boolean][] = [
    ["first", true],
    ["another size", true],
    ["other", true],
    ["third", false],
    ["first", true],
    ["third", true],
    ["none", false],
    ["other", true],
  ];
  for (const [text, isSetBack] of versions) {
    await Deno.writeTextFile(path, text);
    if (isSetBack) await Deno.utime(path, 1e9, 1e9);
    const { body, field } = await ask(server, "/a.txt");
    const tag = field("etag")!;
    assertEquals([body, seen.get(tag) ?? text], [text, text], tag);
    seen.set(tag, text);
  }
});

Deno.test({
  name: "serveDir() never serves a secret, by whichever name",
  ignore: !isUnix,
  async fn() {
    await using tree = await makeTree({
      "live/key.pem": { link: "../root/archive/key1.pem" },
      "root/archive/key1.pem": "first",
      "root/archive/key2.pem": "second",
      "root/archive/key3.pem": "third",
      "root/users": "users",
      "root/link.pem": { link: "archive/key1.pem" },
      "root/other.txt": "other",
    });
    const root = `${tree.path}/root`;
    await Deno.link(`${root}/users`, `${root}/copy.txt`);
    using clock = new TestClock();
    clock.pass(3_000); // until what was just written counts as settled
    const withheld = [`${tree.path}/live/key.pem`, `${root}/users`];
    await using server = serveTree(root, { withheld });
    const look = async () => {
      const found: string[] = [];
      const paths = [1, 2, 3].map((number) => `/archive/key${number}.pem`);
      for (const path of [...paths, "/link.pem", "/users", "/copy.txt"]) {
        if ((await ask(server, path)).status === 200) found.push(path);
      }
      const accept = { "Accept": "text/plain" };
      const list = (await ask(server, "/", accept)).body.split("\n");
      return [...found, ...list.filter((name) => /^(?:copy|link)/.test(name))];
    };
    const unused = ["/archive/key2.pem", "/archive/key3.pem"];
    assertEquals(await look(), unused);
    // As certbot renews a certificate
    await Deno.remove(`${tree.path}/live/key.pem`);
    assertEquals(await look(), unused);
    for (const [number, found] of [[2, ["/archive/key3.pem"]], [3, []]]) {
      const link = `../root/archive/key${number}.pem`;
      await tree.put("live/key.pem", { link });
      clock.pass(300);
      assertEquals(await look(), found);
      await Deno.remove(`${tree.path}/live/key.pem`);
    }
    assertEquals((await ask(server, "/other.txt")).body, "other");
  },
});

for (const trust of ["looked at each time", "trusted for a minute"]) {
  Deno.test({
    name:
      `serveDir() tells no version of a large file whose time is set back, ${trust}`,
    ignore: !isUnix,
    async fn() {
      await using tree = await makeTree();
      const put = async (character: string) => {
        await tree.put("a.bin", character.repeat(100_000));
        await Deno.utime(`${tree.path}/a.bin`, 1e9, 1e9);
      };
      const options = trust === "trusted for a minute"
        ? { cacheTtl: 60_000 }
        : {};
      await put("a");
      // So that one second has all; the clock of the file system is a bit slow
      await delay(1_020 - Date.now() % 1_000);
      await using server = serveTree(tree.path, options);
      await put("b");
      const changedAt = () =>
        Deno.statSync(`${tree.path}/a.bin`).ctime!.getTime();
      const second = changedAt();
      const b = await ask(server, "/a.bin");
      const fields = [b.field("etag"), b.field("last-modified")];
      assertEquals([b.body[0], ...fields], ["b", null, null]);
      await put("c");
      const date = new Date(1e12).toUTCString();
      const rows: Record<string, string>[] = [
        { "If-None-Match": '"255s-cre66i9s"' },
        { "If-Modified-Since": date },
        { "Range": "bytes=1-2", "If-Range": date },
        { "Range": "bytes=1-2", "If-Range": '"255s-cre66i9s"' },
      ];
      for (const row of rows) {
        const { status, body } = await ask(server, "/a.bin", row);
        assertEquals([status, body.length, body[0]], [200, 100_000, "c"]);
      }
      // Else the change showed, and the tag tells of it
      const isHidden = changedAt() === second;
      if (trust === "trusted for a minute" || !isHidden) return;
      using clock = new TestClock();
      clock.pass(3_000);
      const settled = await ask(server, "/a.bin");
      assertEquals(settled.field("etag"), '"255s-cre66i9s"');
    },
  });
}

Deno.test({
  name: "serveDir() opens no FIFO in place of a file that it knows",
  ignore: !isUnix,
  async fn() {
    const large = "x".repeat(100_000);
    await using tree = await makeTree({ "a.txt": "a", "large.bin": large });
    await using server = serveTree(tree.path, { cacheTtl: 60_000 });
    for (const name of ["a.txt", "large.bin"]) {
      assertEquals((await ask(server, `/${name}`)).status, 200);
      await Deno.remove(`${tree.path}/${name}`);
      await tree.put(name, { special: "fifo" });
    }
    assertEquals((await ask(server, "/large.bin")).status, 404);
    await using fresh = serveTree(tree.path);
    assertEquals((await ask(fresh, "/a.txt")).status, 404);
  },
});

Deno.test({
  name:
    "serveDir() tells no version of a small file whose time is set back, where it is trusted and not held",
  ignore: !isUnix,
  async fn() {
    await using tree = await makeTree();
    await using server = serveTree(tree.path, {
      cacheTtl: 60_000,
      cacheSize: 0,
    });
    const tags: (string | null)[] = [];
    for (const text of ["one", "two"]) {
      await tree.put("a.txt", text);
      await Deno.utime(`${tree.path}/a.txt`, 1e9, 1e9);
      const { body, field } = await ask(server, "/a.txt");
      assertEquals(body, text);
      tags.push(field("etag"));
    }
    assertEquals(tags, [null, null]);
  },
});

Deno.test({
  name:
    "serveDir() notices a directory that takes the place of a file while that is opened",
  ignore: !isUnix,
  async fn() {
    await using tree = await makeTree({ "a.txt": "a" });
    await using server = serveTree(tree.path);
    const { openSync } = Deno;
    Deno.openSync = (path, options) => {
      Deno.openSync = openSync;
      Deno.removeSync(path);
      Deno.mkdirSync(path);
      return openSync(path, options);
    };
    try {
      const { status, field } = await ask(server, "/a.txt");
      assertEquals([status, field("location")], [301, "./a.txt/"]);
    } finally {
      Deno.openSync = openSync;
    }
    assertEquals(server.errors, []);
  },
});

Deno.test("serveDir() sends 503 with Retry-After if no descriptor is left, and warns once a second", async () => {
  await using tree = await makeTree({ "a.txt": "a" });
  await using server = serveTree(tree.path);
  const { openSync } = Deno;
  const { error } = console;
  const told: string[] = [];
  console.error = (text: string) => told.push(text);
  let failure: Error = new Deno.errors.NotFound();
  Deno.openSync = () => {
    throw failure;
  };
  using clock = new TestClock();
  try {
    assertEquals([(await ask(server, "/a.txt")).status, ...told], [404]);
    failure = Object.assign(new Error("Too many"), { code: "EMFILE" });
    const answers = [await ask(server, "/a.txt"), await ask(server, "/a.txt")];
    for (const { status, field } of answers) {
      assertEquals([status, field("retry-after")], [503, "1"]);
    }
    assertEquals(told, ["Cannot open file: no descriptor is left"]);
    clock.pass(5_000);
    // At the next tick of the server's clock, of a second at most
    for (let i = 0; i < 100 && told.length < 2; i++) {
      await delay(50);
      await ask(server, "/a.txt");
    }
    assertEquals(told.length, 2);
  } finally {
    Deno.openSync = openSync;
    console.error = error;
  }
  assertEquals((await ask(server, "/a.txt")).body, "a");
});

Deno.test("serveDir() sends 500 if the disk is broken, and reports the error of the system", async () => {
  await using tree = await makeTree({ "a.txt": "a" });
  await using server = serveTree(tree.path);
  const { lstatSync } = Deno;
  const broken = Object.assign(new Error("Input/output error"), {
    code: "EIO",
  });
  Deno.lstatSync = () => {
    throw broken;
  };
  try {
    assertEquals((await ask(server, "/a.txt")).status, 500);
  } finally {
    Deno.lstatSync = lstatSync;
  }
  assertEquals(server.errors, [broken]);
});

Deno.test("serveDir() lets clients keep only what they may", async () => {
  await using tree = await makeTree({
    "index.html": "i",
    "app-3f2a9c1b.js": "1",
    "app-3f2a9c1b.js.map": "1",
    "app.3f2a9c1b.css": "1",
    "index-BxY9-k2a.js": "1",
    "chunk.Ab3dEf5hIj.js": "1",
    "my-document.js": "1",
    "app-12345678.js": "1",
    "app-deadbeef.js": "1",
    "report-2024-final.pdf": "1",
    "plain.js": "1",
    "sub/a.txt": "1",
    "app": "1",
  });
  await using server = serveTree(tree.path, {
    maxAge: 60,
    fallback: "app",
  });
  const cases: Record<string, string> = {
    "/": "no-cache",
    "/index.html": "no-cache",
    "/app-3f2a9c1b.js": "max-age=60, immutable",
    "/app-3f2a9c1b.js.map": "max-age=60, immutable",
    "/app.3f2a9c1b.css": "max-age=60, immutable",
    "/index-BxY9-k2a.js": "max-age=60, immutable",
    "/chunk.Ab3dEf5hIj.js": "max-age=60, immutable",
    "/my-document.js": "max-age=60",
    "/app-12345678.js": "max-age=60",
    "/app-deadbeef.js": "max-age=60",
    "/report-2024-final.pdf": "max-age=60",
    "/plain.js": "max-age=60",
    "/app": "max-age=60",
    "/sub": "no-cache",
    "/sub/": "no-cache",
    "/some/route": "no-cache", // the fallback
    "/missing-3f2a9c1b.js": "no-cache", // 404
  };
  for (const [path, cacheControl] of Object.entries(cases)) {
    const { field } = await ask(server, path);
    assertEquals([path, field("cache-control")], [path, cacheControl]);
  }
});

Deno.test("serveDir() knows the types that people serve, and shows text", async () => {
  const names: Record<string, string | null> = {
    "main.rs": "text/plain; charset=utf-8",
    "lib.cjs": "text/javascript; charset=utf-8",
    "a.js": "text/javascript; charset=utf-8",
    "a.docx":
      "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "a.m3u8": "application/vnd.apple.mpegurl",
    "a.usdz": "model/vnd.usdz+zip",
    "a.ipynb": "application/json",
    "a.avi": "video/x-msvideo",
    "a.flac": "audio/flac",
    "a.ico": "image/vnd.microsoft.icon",
    "a.vcf": "text/vcard; charset=utf-8",
    "a.ini": "text/plain; charset=utf-8",
    "a.log": "text/plain; charset=utf-8",
    "a.toml": "text/plain; charset=utf-8",
    "a.sql": "text/plain; charset=utf-8",
    "a.csv": "text/plain; charset=utf-8",
    "a.ics": "text/plain; charset=utf-8",
    "a.json5": "text/plain; charset=utf-8",
    "a.scm": "text/plain; charset=utf-8",
    "a.org": "text/plain; charset=utf-8",
    "a.jsonl": "text/plain; charset=utf-8",
    "a.svgz": "image/svg+xml",
    "a.own": "model/own",
    "a.OTHER": "model/other",
    ".well-known/apple-app-site-association": "application/json",
  };
  await using tree = await makeTree(
    Object.fromEntries(Object.keys(names).map((name) => [name, "text"])),
  );
  const types = { own: "model/own", ".Other": "model/other" };
  await using server = serveTree(tree.path, { types });
  for (const [name, type] of Object.entries(names)) {
    const { field } = await ask(server, `/${name}`);
    assertEquals([name, field("content-type")], [name, type]);
  }
  const { field } = await ask(server, "/a.svgz");
  assertEquals(field("content-encoding"), "gzip");
});

Deno.test("serveDir() refuses numbers that make no sense", () => {
  for (const value of [-1, 1.5, NaN, Infinity, "60" as unknown as number]) {
    const kind = typeof value === "number" ? RangeError : TypeError;
    assertThrows(() => serveDir(".", { maxAge: value }), kind, "maxAge");
    assertThrows(() => serveDir(".", { cacheTtl: value }), kind);
  }
});
