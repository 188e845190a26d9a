import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";
import {
  isCompressible,
  mediaTypeOf,
} from "../../server/_files/file_fields.ts";
import { acceptedCodings } from "../../server/_files/representation.ts";
import { TestClock } from "../_clock.ts";
import { type Answer, ask, makeTree, serveTree } from "./_files.ts";

const TEXT = "All work and no play makes Jack a dull boy.\n".repeat(100);

/** The body as bytes. */
function bytesOf({ body }: Answer): Uint8Array {
  return Buffer.from(body, "latin1");
}

Deno.test("acceptedCodings() orders codings by quality, then by what saves most", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["", ""],
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["gzip, br, zstd", "br zstd gzip"],
    ["gzip;q=1, br;q=0.5", "gzip br"],
    ["gzip;q=0.1, br;q=1", "br gzip"],
    ["gzip;q=0", ""],
    ["gzip;q=0, *", "br zstd"],
    ["*", "br zstd gzip"],
    ["*;q=0", ""],
    ["identity", ""],
    ["identity, gzip;q=0.5", ""],
    ["identity;q=0.5, gzip", "gzip"],
    ["identity;q=0, gzip", "gzip"],
    ["deflate, compress", ""],
    ["GZIP;Q=0.5", "gzip"],
    ["gzip;q=2", ""],
  ];
  for (const [value, codings] of cases) {
    assertEquals(acceptedCodings(value).join(" "), codings, value);
  }
});

Deno.test("isCompressible() is true for text of any type, not for what is already compressed", () => {
  const type = (name: string) => mediaTypeOf(name, new Uint8Array(1));
  const texts = [
    "a.html",
    "a.css",
    "a.js",
    "a.mjs",
    "a.json",
    "a.svg",
    "a.xml",
    "a.txt",
    "a.md",
    "a.wasm",
    "a.webmanifest",
    "a.ttf",
    "a.ico",
    "a.geojson",
  ];
  for (const name of texts) assert(isCompressible(type(name)), name);
  const others = [
    "a.png",
    "a.jpg",
    "a.woff2",
    "a.zip",
    "a.mp4",
    "a.gz",
    "a.pdf",
    "a",
  ];
  for (const name of others) assert(!isCompressible(type(name)), name);
});

Deno.test("serveDir() sends the sidecar that the client prefers, as its own representation", async () => {
  await using tree = await makeTree({
    "a.js": TEXT,
    "a.js.gz": "GZ",
    "a.js.br": "BR",
    "a.js.zst": "ZST",
  });
  await using server = serveTree(tree.path);
  const cases: readonly (readonly [string, string, string | null])[] = [
    ["gzip", "GZ", "gzip"],
    ["gzip, br", "BR", "br"],
    ["zstd, gzip", "ZST", "zstd"],
    ["gzip;q=0.9, br;q=0.5", "GZ", "gzip"],
    ["gzip;q=0, br;q=0", TEXT, null],
    ["identity", TEXT, null],
  ];
  const tags = new Set<string | null>();
  for (const [accepted, body, coding] of cases) {
    const answer = await ask(server, "/a.js", { "Accept-Encoding": accepted });
    assertEquals([answer.body, answer.field("content-encoding")], [
      body,
      coding,
    ], accepted);
    assertEquals(
      answer.field("content-type"),
      "text/javascript; charset=utf-8",
    );
    assertEquals(answer.field("vary"), "Accept-Encoding");
    assertEquals(answer.field("content-length"), String(body.length));
    tags.add(answer.field("etag"));
  }
  assertEquals(tags.size, 4);
  const plain = await ask(server, "/a.js");
  assertEquals([plain.body, plain.field("vary")], [TEXT, "Accept-Encoding"]);
});

Deno.test("serveDir() sends no coding that the client does not accept, and compresses no small file", async () => {
  await using tree = await makeTree({
    "small.js": "small",
    "small.js.br": "BR",
    "large.js": TEXT,
    "large.js.zst": "ZST",
  });
  await using server = serveTree(tree.path);
  const cases: readonly (readonly [string, string, string | null])[] = [
    ["/small.js", "br", "br"],
    ["/small.js", "gzip", null],
    ["/small.js", "gzip, br;q=0.5", "br"],
    ["/large.js", "br", null],
    ["/large.js", "br, gzip;q=0.5", "gzip"],
    ["/large.js", "zstd;q=0.5, gzip", "gzip"],
  ];
  for (const [path, accepted, coding] of cases) {
    const { field } = await ask(server, path, { "Accept-Encoding": accepted });
    assertEquals([path, accepted, field("content-encoding")], [
      path,
      accepted,
      coding,
    ]);
  }
});

Deno.test("serveDir() evaluates conditions and ranges on the coding that it sends", async () => {
  await using tree = await makeTree({ "a.js": TEXT, "a.js.gz": "0123456789" });
  await using server = serveTree(tree.path);
  const packed = { "Accept-Encoding": "gzip" };
  const etag = (await ask(server, "/a.js", packed)).field("etag")!;
  const same = await ask(server, "/a.js", { ...packed, "If-None-Match": etag });
  assertEquals([same.status, same.field("vary"), same.field("etag")], [
    304,
    "Accept-Encoding",
    etag,
  ]);
  assertEquals(
    (await ask(server, "/a.js", { "If-None-Match": etag })).status,
    200,
  );
  // A part is one of the file, unless the client knows the tag of the other
  const plain = await ask(server, "/a.js", { ...packed, Range: "bytes=2-3" });
  assertEquals([plain.status, plain.body], [206, TEXT.slice(2, 4)]);
  assertEquals(plain.field("content-encoding"), null);
  const part = await ask(server, "/a.js", {
    ...packed,
    Range: "bytes=2-3",
    "If-Range": etag,
  });
  assertEquals([part.status, part.body, part.field("content-range")], [
    206,
    "23",
    "bytes 2-3/10",
  ]);
  assertEquals(part.field("content-encoding"), "gzip");
  const other = await ask(server, "/a.js", {
    Range: "bytes=0-1",
    "If-Range": etag,
  });
  assertEquals(other.status, 200); // it does not take gzip
});

Deno.test("serveDir() sends ranges of a compressed file to clients with its tag, even if it is new", async () => {
  for (const size of [2_000, 100_000]) {
    await using tree = await makeTree({ "a.txt": "text ".repeat(size / 5) });
    await using server = serveTree(tree.path);
    const packed = { "Accept-Encoding": "gzip" };
    const whole = await ask(server, "/a.txt", packed);
    const tag = whole.field("etag")!;
    const cases: readonly [Record<string, string>, number, string | null][] = [
      [{ ...packed, "If-Range": tag }, 206, "gzip"],
      [{ ...packed, "If-Range": tag.replace("-gzip", "") }, 206, null],
      [{ ...packed, "If-Range": tag.replace("-gzip", "-br") }, 200, null],
      [{ "Accept-Encoding": "br", "If-Range": tag }, 200, null],
    ];
    for (const [fields, status, coding] of cases) {
      const part = await ask(server, "/a.txt", {
        ...fields,
        Range: "bytes=2-5",
      });
      assertEquals([part.status, part.field("content-encoding")], [
        status,
        coding,
      ]);
      if (coding !== null) assertEquals(part.body, whole.body.slice(2, 6));
    }
  }
});

Deno.test("serveDir() uses no sidecar that is stale, outside the root, or of an incompressible file", async () => {
  await using tree = await makeTree({
    "secret.gz": "SECRET",
    "root/old.js": TEXT,
    "root/old.js.br": "OLD",
    "root/link.js": "short",
    "root/link.js.gz": { link: "../secret.gz" },
    "root/dir.js": "short",
    "root/dir.js.gz/x": "",
    "root/image.png": "PNG",
    "root/image.png.gz": "GZ",
  });
  await Deno.utime(`${tree.path}/root/old.js.br`, 1e9, 1e9);
  await using server = serveTree(`${tree.path}/root`);
  const wish = { "Accept-Encoding": "br, gzip;q=0.1" };
  for (const path of ["/link.js", "/dir.js", "/image.png"]) {
    const { fields, status } = await ask(server, path, wish);
    assertEquals(status, 200);
    assert(!/^(?:Content-Encoding|Vary):/m.test(fields), `${path}\n${fields}`);
  }
  const old = await ask(server, "/old.js", wish);
  assertEquals(old.field("content-encoding"), "gzip");
});

Deno.test("serveDir() notices when sidecars are added, changed or removed", async () => {
  await using tree = await makeTree({ "a.js": "plain" });
  await using server = serveTree(tree.path, { cacheTtl: 0 });
  const body = async () =>
    (await ask(server, "/a.js", { "Accept-Encoding": "gzip" })).body;
  assertEquals(await body(), "plain");
  await tree.put("a.js.gz", "packed");
  assertEquals(await body(), "packed");
  await tree.put("a.js.gz", "packed anew");
  assertEquals(await body(), "packed anew");
  await Deno.remove(`${tree.path}/a.js.gz`);
  assertEquals(await body(), "plain");
});

Deno.test("serveDir() resolves a path again if a cached sidecar is gone", async () => {
  const large = "br ".repeat(30_000); // too large to be held in memory
  await using tree = await makeTree({ "a.js": "plain", "a.js.br": large });
  for (const name of ["a.js", "a.js.br"]) {
    await Deno.utime(`${tree.path}/${name}`, 1e9, 1e9);
  }
  await using server = serveTree(tree.path, { cacheTtl: 60_000 });
  using clock = new TestClock();
  clock.pass(3_600_000); // they changed long ago
  const body = async () =>
    (await ask(server, "/a.js", { "Accept-Encoding": "br" })).body;
  assertEquals(await body(), large);
  await Deno.remove(`${tree.path}/a.js.br`);
  assertEquals(await body(), "plain");
});

Deno.test("serveDir() compresses text on request, held in memory or not, always to the same bytes", async () => {
  const large = TEXT.repeat(40); // 176 kB: more than is held in memory
  await using tree = await makeTree({ "a.txt": TEXT, "large.txt": large });
  await using server = serveTree(tree.path);
  const wish = { "Accept-Encoding": "gzip" };
  for (
    const [path, text] of [["/a.txt", TEXT], ["/large.txt", large]] as const
  ) {
    const answers = await Promise.all(
      [1, 2, 3].map(() => ask(server, path, wish)),
    );
    const [first] = answers as [Answer];
    assertEquals(gunzipSync(bytesOf(first)).toString(), text);
    assertEquals(first.field("vary"), "Accept-Encoding");
    assert(first.body.length < text.length / 10);
    for (const { body, field } of answers) {
      assertEquals(
        [body, field("etag")],
        [first.body, first.field("etag")],
      );
    }
    const plain = await ask(server, path);
    assertEquals([plain.body, plain.field("vary")], [text, "Accept-Encoding"]);
    assertNotEquals(plain.field("etag"), first.field("etag"));
    const head = await ask(server, path, wish, "HEAD");
    assertEquals(head.field("content-length"), String(first.body.length));
  }
});

Deno.test("serveDir() compresses no file that is small, large, compressed, or gets no smaller", async () => {
  const noise = crypto.getRandomValues(new Uint8Array(20_000));
  await using tree = await makeTree({
    "small.txt": "x".repeat(100),
    "large.txt": "x".repeat(1_100_000),
    "packed.txt.gz": gzipSync(TEXT),
    "image.png": noise,
    "noise.txt": noise,
  });
  await using server = serveTree(tree.path);
  for (
    const path of [
      "/small.txt",
      "/large.txt",
      "/packed.txt.gz",
      "/image.png",
      "/noise.txt",
    ]
  ) {
    const answer = await ask(server, path, { "Accept-Encoding": "gzip, br" });
    assertEquals(
      [answer.status, answer.field("content-encoding")],
      [200, null],
      path,
    );
  }
});

Deno.test("serveDir() compresses a few files at once, and sends the others as they are", async () => {
  const names = Array.from({ length: 12 }, (_, index) => `${index}.txt`);
  const large = TEXT.repeat(200);
  await using tree = await makeTree(
    Object.fromEntries(names.map((name) => [name, name + large])),
  );
  await using server = serveTree(tree.path);
  using clock = new TestClock();
  clock.pass(3_000); // what has just changed would be compressed each time
  const wish = { "Accept-Encoding": "gzip" };
  const codings = async () => {
    const answers = await Promise.all(
      names.map((name) => ask(server, `/${name}`, wish)),
    );
    for (const [index, answer] of answers.entries()) {
      const isPacked = answer.field("content-encoding") === "gzip";
      const text = isPacked
        ? gunzipSync(bytesOf(answer)).toString()
        : answer.body;
      assertEquals(text, names[index] + large);
    }
    return answers.map((answer) => answer.field("content-encoding"));
  };
  const first = await codings();
  assert(first.includes("gzip"), first.join());
  assert(first.includes(null), first.join());
  for (let rounds = 0; (await codings()).includes(null); rounds++) {
    assert(rounds < 12, "some are never compressed");
  }
});
