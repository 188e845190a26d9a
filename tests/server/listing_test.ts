import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as fc from "npm:fast-check@^4.10.2";
import {
  COLUMNS,
  type Entry,
  entryOf,
  type Order,
  parseLine,
  parseOrder,
  writeLine,
  writeOrder,
} from "../../server/_listing/entries.ts";
import { EntryList, ListCache, Lister } from "../../server/_listing/lister.ts";
import { HTML_FORMAT } from "../../server/_listing/html.ts";
import { HeaderFields } from "../../message/mod.ts";
import {
  type FileEntry,
  FileSystem,
  toHttpError,
} from "../../server/_files/file_system.ts";
import type {
  PathResolver,
  PathResolverOptions,
} from "../../server/_files/resolve.ts";
import type { HttpRequest } from "../../server/mod.ts";
import { ask, makeTree, serveTree } from "./_files.ts";
import { delay, dial, octets, readToEnd, writeAll } from "./_raw.ts";

const JSON_WISH = { Accept: "application/json" };

/**
 * Names that do harm where they are not escaped or encoded; as many as the
 * platform can hold.
 */
const NASTY = Deno.build.os === "windows"
  ? ["a b", "a#b", "a%2e", "a&b", "a'b"]
  : [
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)<\u2044script>',
    "'onmouseover='alert(1)",
    "a&amp;b",
    "a b#c?d%e",
    "javascript:alert(1)",
    "data:text,x",
    "a..%2f..%2fetc",
    "%2e%2e",
    "a:b",
    "-rf",
    "~",
    "back\\slash",
    "new\nline",
    "tab\tesc\x1b[31m",
    "rtl\u202egpj.exe",
    "\u00fcml\u00e4ut \u65e5\u672c \ud83d\ude00",
    " lead and trail ",
    "constructor",
  ];

function sortedLines(entries: readonly Entry[], order: Order): string[] {
  return entries.map((entry) => writeLine(entry, order)).sort();
}

/**
 * The links of the rows of a page, as a browser would resolve them, with the
 * text that is shown.
 */
function linksOf(page: string, base: string): { href: string; text: string }[] {
  const rows = page.slice(page.indexOf("<tbody>"), page.indexOf("</tbody>"));
  return [
    ...rows.matchAll(/<a class="\w+" href="([^"]*)"><bdi>(.*?)<\/bdi><\/a>/gs),
  ]
    .map(([, href = "", text = ""]) => ({
      href: new URL(href, base).href,
      text,
    }));
}

Deno.test("serveDir() lists any name as text that does nothing, and as a link that leads to it", async () => {
  await using tree = await makeTree(
    Object.fromEntries(NASTY.map((name) => [name, `OK ${name}`])),
  );
  await tree.put("dir <b>#?%/inner.txt", "inner");
  await using server = serveTree(tree.path);
  const { body: raw, field } = await ask(server, "/");
  const page = new TextDecoder().decode(
    Uint8Array.from(raw, (char) => char.charCodeAt(0)),
  );
  assertEquals(field("content-type"), "text/html; charset=utf-8");
  assertStringIncludes(field("content-security-policy")!, "default-src 'none'");
  const links = linksOf(page, server.url);
  assertEquals(links.length, NASTY.length + 1);
  for (const { href, text } of links) {
    assert(href.startsWith(server.url), href);
    assertFalse(
      /[<>"']|&(?!#\d+;)|\p{Cc}/u.test(text),
      text,
    );
    const { status, body } = await ask(
      server,
      href.slice(server.url.length - 1),
    );
    assertEquals(status, 200, href);
    if (!href.endsWith("/")) assert(body.startsWith("OK "), href);
  }
  assertFalse(page.includes("<script>alert"));
  assertFalse(page.includes("\u202e"));
});

Deno.test("HTML_FORMAT escapes whatever a name is", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (name) => {
    if (!name.isWellFormed()) return;
    const entry = {
      name,
      isDirectory: false,
      size: 1,
      modified: 0,
      isMeasured: true,
    };
    const row = HTML_FORMAT.entry(entry, {
      names: [],
      path: "/",
      origin: "",
      format: HTML_FORMAT,
      order: parseOrder(new URLSearchParams()),
    });
    const shell = row.replace(/href="\.\/[^"<>'\s\\]*"/, "").replace(
      /<bdi>[^<>"']*<\/bdi>/,
      "",
    );
    assertEquals(
      shell.replace(/class="\w+"/, ""),
      '<tr><th scope="row"><a  ></a></th><td>1 B</td><td><time datetime="1970-01-01T00:00:00.000Z">1970-01-01 00:00</time></td></tr>\n',
    );
  }));
});

Deno.test("serveDir() sends the policy that lets just its own style and script run", async () => {
  await using tree = await makeTree({ "a.txt": "" });
  await using server = serveTree(tree.path);
  const { body, field } = await ask(server, "/");
  const policy = field("content-security-policy")!;
  for (const tag of ["style", "script"]) {
    const [, text = ""] =
      new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(body) ?? [];
    assert(text !== "");
    const digest = await crypto.subtle.digest(
      "SHA-256",
      octets(text) as Uint8Array<ArrayBuffer>,
    );
    const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
    assertStringIncludes(policy, `${tag}-src 'sha256-${hash}'`);
  }
  assertFalse(
    /\son\w+=|\sstyle=|javascript:/.test(
      body.slice(0, body.indexOf("<script>")),
    ),
  );
  const json = await ask(server, "/", JSON_WISH);
  assertEquals(json.field("content-security-policy"), null);
});

Deno.test("serveDir() lists the same as a page, as JSON and as plain URLs", async () => {
  await using tree = await makeTree({
    "b 1.txt": "12345",
    "a/x": "",
    "\u00e9": "1",
  });
  await Deno.utime(`${tree.path}/b 1.txt`, 784111777, 784111777);
  await Deno.utime(`${tree.path}/\u00e9`, 0, 0);
  await using server = serveTree(tree.path);
  const { body, field } = await ask(server, "/", JSON_WISH);
  assertEquals([field("content-type"), field("vary")], [
    "application/json",
    "Accept",
  ]);
  assertFalse(body.includes(tree.path));
  const { path, entries } = JSON.parse(body);
  assertEquals(path, "/");
  assertEquals(entries.map((entry: Entry) => entry.name), [
    "a",
    "b 1.txt",
    "\xc3\xa9",
  ]);
  assertEquals(entries[1], {
    name: "b 1.txt",
    type: "file",
    url: "./b%201.txt",
    size: 5,
    modified: "1994-11-06T08:49:37.000Z",
  });
  assertEquals([entries[2].size, entries[2].modified], [1, undefined]);
  assertEquals([entries[0].type, entries[0].url, entries[0].size], [
    "directory",
    "./a/",
    undefined,
  ]);
  const plain = await ask(server, "/", {
    Accept: "text/plain",
    Host: "example.localhost:81",
  });
  assertEquals(
    plain.body,
    ["a/", "b%201.txt", "%C3%A9"].map((name) =>
      `http://example.localhost:81/${name}\n`
    ).join(""),
  );
  const below = await ask(server, "/a/?sort=size", { Accept: "text/plain" });
  assertEquals(below.body, "http://localhost/a/x\n");
});

Deno.test("serveDir() picks the format of a listing by Accept", async () => {
  await using tree = await makeTree({ "a.txt": "" });
  await using server = serveTree(tree.path);
  const html = "text/html; charset=utf-8";
  const cases: readonly (readonly [string, string])[] = [
    ["*/*", html],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", html],
    ["application/json", "application/json"],
    ["application/json, text/plain;q=0.5", "application/json"],
    ["text/plain, application/json;q=0.5", "text/plain; charset=utf-8"],
    ["application/json, text/plain, */*", "application/json"],
    ["*/*, text/plain", "text/plain; charset=utf-8"],
    ["text/*, application/json;q=0.999", html],
    ["application/json;q=0, */*", html],
    ["application/json;q=0", html],
    ["text/*", html],
    ["application/*", "application/json"],
    ["image/png", html],
    ["", html],
  ];
  for (const [accept, type] of cases) {
    assertEquals(
      (await ask(server, "/", { Accept: accept })).field("content-type"),
      type,
      accept,
    );
  }
  assertEquals((await ask(server, "/")).field("content-type"), html);
});

Deno.test("serveDir() lists what it would serve: links as what they lead to, no dot names, no pipes", async () => {
  await using tree = await makeTree({
    "secret/x.txt": "",
    "root/a.txt": "12345",
    "root/.hidden": "",
    "root/.well-known/security.txt": "",
    "root/to-file": { link: "a.txt" },
    "root/to-dir": { link: "sub" },
    "root/sub/x": "",
    "root/out": { link: "../secret" },
    "root/dangling": { link: "nowhere" },
    "root/loop": { link: "loop" },
    ...Deno.build.os !== "windows" && {
      "root/pipe": { special: "fifo" },
      "root/sock": { special: "socket" },
    },
  });
  const names = async (options = {}) => {
    await using server = serveTree(`${tree.path}/root`, options);
    const { entries } = JSON.parse((await ask(server, "/", JSON_WISH)).body);
    return entries.map((entry: { name: string; size?: number }) =>
      `${entry.name} ${entry.size ?? "dir"}`
    );
  };
  const usual = [
    ".well-known dir",
    "sub dir",
    "to-dir dir",
    "a.txt 5",
    "to-file 5",
  ];
  assertEquals(await names(), usual);
  assertEquals(await names({ showDotfiles: true }), [
    ...usual.slice(0, 3),
    ".hidden 0",
    ...usual.slice(3),
  ]);
  assertEquals(await names({ followSymlinks: true }), [
    ".well-known dir",
    "out dir",
    ...usual.slice(1),
  ]);
});

Deno.test("serveDir() answers HEAD for a listing with its length", async () => {
  await using tree = await makeTree({ "a.txt": "" });
  await using server = serveTree(tree.path);
  const { body } = await ask(server, "/");
  const head = await ask(server, "/", {}, "HEAD");
  assertEquals([head.status, head.body, head.field("content-length")], [
    200,
    "",
    String(body.length),
  ]);
});

Deno.test("serveDir() shows where a folder is, and the way up, but not above the root", async () => {
  await using tree = await makeTree({ "a <b>/c/x": "" });
  await using server = serveTree(tree.path);
  const { body } = await ask(server, "/a%20%3Cb%3E/c/");
  assertStringIncludes(
    body,
    '<li><a href="../../"><bdi>Home</bdi></a></li><li><a href="../"><bdi>a &#60;b&#62;</bdi></a></li><li><a href="./" aria-current="location"><bdi>c</bdi></a></li>',
  );
  assertStringIncludes(body, 'href="../">Parent folder</a>');
  assertFalse((await ask(server, "/")).body.includes("Parent folder"));
  await tree.put("empty/", "");
  assertStringIncludes(
    (await ask(server, "/empty/")).body,
    "This folder is empty.",
  );
});

Deno.test("serveDir() sorts by each column, both ways, folders first", async () => {
  await using tree = await makeTree({
    "file 10": "1",
    "file 9": "22",
    "File 1": "333",
    "b/": "",
    "a/": "",
  });
  for (
    const [name, time] of [["file 10", 300], ["file 9", 200], ["File 1", 100], [
      "a",
      50,
    ], ["b", 60]] as const
  ) {
    await Deno.utime(`${tree.path}/${name}`, time, time);
  }
  await using server = serveTree(tree.path);
  const cases: Record<string, string> = {
    "": "a b File 1 file 9 file 10",
    "?sort=name&order=asc": "a b File 1 file 9 file 10",
    "?sort=name&order=desc": "b a file 10 file 9 File 1",
    "?sort=size&order=asc": "a b file 10 file 9 File 1",
    "?sort=size&order=desc": "a b File 1 file 9 file 10",
    "?sort=modified": "a b File 1 file 9 file 10",
    "?sort=modified&order=desc": "b a file 10 file 9 File 1",
    "?sort=constructor&order=x": "a b File 1 file 9 file 10",
    "?%00&&=": "a b File 1 file 9 file 10",
  };
  for (const [params, names] of Object.entries(cases)) {
    const { body } = await ask(server, `/${params}`, JSON_WISH);
    const { entries } = JSON.parse(body);
    assertEquals(
      entries.map((entry: Entry) => entry.name).join(" "),
      names,
      params,
    );
  }
  const { body } = await ask(server, "/?sort=size&order=desc");
  assertStringIncludes(
    body,
    '<th scope="col" aria-sort="descending"><a href="./?sort=size&#38;order=asc">Size</a></th>',
  );
  assertStringIncludes(
    body,
    '<th scope="col"><a href="./?sort=modified&#38;order=desc">',
  );
  assertStringIncludes(
    (await ask(server, "/")).body,
    '<th scope="col" aria-sort="ascending"><a href="./?sort=name&#38;order=desc">',
  );
});

/** Makes a lister of the files whose names are served. */
function makeLister(
  fileSystem: FileSystem,
  isServed: (name: string) => boolean = () => true,
): Lister {
  const resolver: Partial<PathResolver> = {
    fileSystem,
    isServed,
    options: { urlRoot: [] } as unknown as PathResolverOptions,
  };
  return new Lister(resolver as PathResolver);
}

/** As much of a request as a listing looks at. */
const PLAIN_REQUEST: Partial<HttpRequest> = {
  headers: new HeaderFields(),
  url: "",
  searchParams: new URLSearchParams(),
};

/** What names are made of where their order is tried. */
const UNITS = "aAb0123456789\x01\u00e9\uffff";

Deno.test("writeLine() puts folders first, then sorts by column and name", () => {
  const entry = fc.record({
    name: fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.string({ unit: fc.constantFrom(...UNITS), maxLength: 4 }),
    ),
    isDirectory: fc.boolean(),
    size: fc.option(fc.nat(3)),
    modified: fc.option(fc.nat(3)),
  }, { noNullPrototype: true });
  const counted = (name: string) =>
    name.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(16, "0"));
  const compare = (a: string, b: string) => a < b ? -1 : Number(a > b);
  const many = fc.uniqueArray(entry, {
    selector: ({ name }) => name,
    minLength: 300,
    maxLength: 600,
  });
  const orders = COLUMNS.flatMap((column) => [
    { column, isDescending: false },
    { column, isDescending: true },
  ]);
  fc.assert(
    fc.property(many, (entries) => {
      for (const { column, isDescending } of orders) {
        const sign = isDescending ? -1 : 1;
        const nameSign = column === "name" ? sign : 1;
        const value = (entry: Entry) =>
          column === "name" ? 0 : entry[column] ?? 0;
        const expected = entries.toSorted((a, b) =>
          Number(b.isDirectory) - Number(a.isDirectory) ||
          (value(a) - value(b)) * sign ||
          compare(counted(a.name), counted(b.name)) * nameSign ||
          compare(a.name, b.name) * nameSign
        );
        assertEquals(
          sortedLines(entries, { column, isDescending }).map(parseLine),
          expected,
        );
      }
    }),
    { numRuns: 2 },
  );
});

Deno.test("writeOrder() writes what parseOrder() reads", () => {
  for (const column of ["name", "size", "modified"] as const) {
    for (const isDescending of [true, false]) {
      const order = { column, isDescending };
      assertEquals(parseOrder(new URLSearchParams(writeOrder(order))), order);
    }
  }
});

Deno.test("serveDir() streams a large listing from its first line on, in order, and delays nobody", async () => {
  const count = 20_000;
  await using tree = await makeTree({ "aaa.txt": "small" });
  for (let i = 0; i < count; i++) {
    Deno.createSync(`${tree.path}/file ${i}.txt`).close();
  }
  await using server = serveTree(tree.path);
  const start = performance.now();
  const conn = await dial(server);
  await writeAll(conn, octets("GET / HTTP/1.0\r\nAccept: text/plain\r\n\r\n"));
  assert(await conn.read(new Uint8Array(100)) !== null);
  const first = performance.now() - start;
  conn.close(); // and its client goes, which leaves nothing behind
  let slowest = 0;
  let isOver = false;
  const others = (async () => {
    while (!isOver) {
      const asked = performance.now();
      assertEquals((await ask(server, "/aaa.txt")).body, "small");
      slowest = Math.max(slowest, performance.now() - asked);
    }
  })();
  const asked = performance.now();
  const { body, field } = await ask(server, "/", { Accept: "text/plain" });
  const whole = performance.now() - asked;
  isOver = true;
  await others;
  assertEquals([field("content-length"), field("connection")], [null, "close"]);
  const lines = body.trimEnd().split("\n");
  assertEquals(lines.length, count + 1);
  assertEquals(
    lines.slice(1).map((line) => decodeURIComponent(line)),
    Array.from({ length: count }, (_, i) => `http://localhost/file ${i}.txt`),
  );
  // A share of the whole, since other programs delay all three
  for (const [name, time] of Object.entries({ first, slowest })) {
    assert(time < whole / 2, `${name}: ${time} of ${whole} ms`);
  }
  const { entries } = JSON.parse(
    (await ask(server, "/?sort=size&order=desc", JSON_WISH)).body,
  );
  assertEquals([entries.length, entries[0].name], [count + 1, "aaa.txt"]);
});

Deno.test("Lister.list() lets others have a turn after each 500 entries, read or written", async () => {
  await using root = await makeTree();
  for (let i = 0; i < 3_000; i++) Deno.createSync(`${root.path}/${i}`).close();
  const fileSystem = new FileSystem(root.path, false);
  const directory = fileSystem.find([]) as FileEntry;
  const seenAt: number[] = []; // for each turn, how many names it saw
  const isServed = () => {
    seenAt[turns] = (seenAt[turns] ?? 0) + 1;
    return true;
  };
  const lister = makeLister(fileSystem, isServed);
  let turns = 0;
  let isOver = false;
  const counting = (async () => {
    for (; !isOver; turns++) await delay(0);
  })();
  const { body } = await lister.list(
    PLAIN_REQUEST as HttpRequest,
    directory,
  );
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  await reader.read(); // what comes before the entries
  const most = Math.max(...seenAt.filter(Boolean));
  assert(most <= 500, `${most} were read in one turn`);
  turns = 0;
  while (!(await reader.read()).done);
  assert(turns >= 5, `${turns} turns while they were written`);
  isOver = true;
  await counting;
});

Deno.test("serveDir() lists a large directory to all, however many clients do not read theirs", async () => {
  await using tree = await makeTree();
  for (let i = 0; i < 15_000; i++) {
    Deno.createSync(`${tree.path}/${i} ${"x".repeat(200)}`).close();
  }
  await using server = serveTree(tree.path);
  const idle = await Promise.all(Array.from({ length: 12 }, async (_, i) => {
    const conn = await dial(server);
    const order = ["name", "size", "modified"][i % 3];
    await writeAll(
      conn,
      octets(`GET /?sort=${order} HTTP/1.0\r\nAccept: text/plain\r\n\r\n`),
    );
    const block = new Uint8Array(12);
    await conn.read(block);
    assertEquals(new TextDecoder().decode(block), "HTTP/1.0 200");
    return conn;
  }));
  const { status, body } = await ask(server, "/", JSON_WISH);
  assertEquals([status, JSON.parse(body).entries.length], [200, 15_000]);
  await tree.put("0 a new one", ""); // the others go on in the lists they had
  const late = await readToEnd(idle[0]!, 10_000);
  assertEquals(late.text.match(/^http:/gm)?.length, 15_000);
  for (const conn of idle.slice(1)) conn.close();
});

Deno.test("serveDir() lists a large directory in two orders at once", async () => {
  await using tree = await makeTree();
  const names = Array.from({ length: 1_200 }, (_, i) => `${i}`);
  for (const name of names) Deno.createSync(`${tree.path}/${name}`).close();
  await using server = serveTree(tree.path);
  const lists = ["asc", "desc", "asc"].map(async (order) => {
    const { body } = await ask(server, `/?order=${order}`, JSON_WISH);
    const { entries } = JSON.parse(body) as { entries: { name: string }[] };
    return entries.map(({ name }) => name);
  });
  const expected = [names, names.toReversed(), names];
  assertEquals(await Promise.all(lists), expected);
});

const NO_TOTALS = { folders: 0, files: 0, bytes: 0 };

Deno.test("EntryList.after() continues where another list of the directory stopped", () => {
  const makeEntry = (index: number): Entry => ({
    name: `file ${index}`,
    isDirectory: index % 7 === 0,
    size: index % 5 === 0 ? null : index % 3,
    modified: null,
  });
  const all = Array.from({ length: 2_000 }, (_, index) => makeEntry(index));
  for (const column of ["name", "size", "modified"] as const) {
    for (const isDescending of [false, true]) {
      const order = { column, isDescending };
      const lists = [0, 1, 2].map((rest) => {
        const some = all.filter((_, index) => index % 10 !== rest);
        return new EntryList(sortedLines(some, order), NO_TOTALS);
      });
      const seen: string[] = [];
      for (let turn = 0;; turn++) {
        const page = lists[turn % 3]!.after(seen.at(-1) ?? "");
        if (page.length === 0) break;
        seen.push(...page);
      }
      const names = new Set(seen.map((line) => parseLine(line).name));
      assertEquals(names.size, seen.length);
      const inAll = all.filter((_, index) => index % 10 > 2);
      for (const { name } of inAll) assert(names.has(name), name);
    }
  }
});

Deno.test("ListCache makes one list at a time, once for all who wait, and keeps the newest", async () => {
  const cache = new ListCache();
  const big = "x".repeat(400_000);
  const lines = Array.from({ length: 60 }, (_, i) => `${i}${big}`);
  const list = new EntryList(lines, NO_TOTALS);
  let atOnce = 0;
  const made: string[] = [];
  const make = (key: string) => async () => {
    assertEquals(++atOnce, 1);
    made.push(key);
    await delay(5);
    atOnce--;
    if (key === "fails") throw new Error("no");
    return list;
  };
  const get = (key: string) => cache.get(key, make(key));
  await Promise.all(["a", "b", "a", "a", "c"].map(get)); // 24 MB each
  assertEquals(made.join(" "), "a b c");
  await get("c");
  await get("b");
  assertEquals(made.join(" "), "a b c");
  await get("a");
  assertEquals(made.join(" "), "a b c a");
  await get("c");
  await get("a");
  assertEquals(made.join(" "), "a b c a");
  await assertRejects(async () => await get("fails"));
  await cache.make("a", make("a")); // anew, though it is kept
  assertEquals(made.join(" "), "a b c a fails a");
});

Deno.test(
  "serveDir() lists a name that is not UTF-8 without a link",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    await using tree = await makeTree({ "ok \ufffd.txt": "x" });
    const script = `: > "$1/$(printf 'bad\\377.txt')"`;
    const args = ["-c", script, "sh", tree.path];
    assert((await new Deno.Command("sh", { args }).output()).success);
    await using server = serveTree(tree.path);
    const { entries } = JSON.parse((await ask(server, "/", JSON_WISH)).body);
    assertEquals(
      entries.map(({ url }: { url: string | null }) => url),
      [null, "./ok%20%EF%BF%BD.txt"],
    );
    const { body } = await ask(server, "/");
    assertStringIncludes(body, '<span class="text" title="Its name is not');
    assertEquals(linksOf(body, server.url).length, 1);
    const plain = await ask(server, "/", { Accept: "text/plain" });
    assertEquals(plain.body, "http://localhost/ok%20%EF%BF%BD.txt\n");
  },
);

Deno.test("serveDir() keeps the order in the links to folders, and in no others", async () => {
  await using tree = await makeTree({ "a/b/c.txt": "", "a/d.txt": "" });
  await using server = serveTree(tree.path);
  for (
    const order of [
      "sort=size&order=desc",
      "sort=size&order=asc",
      "sort=name&order=desc",
    ]
  ) {
    const { body } = await ask(server, `/a/?${order}`);
    const search = `?${order.replace("&", "&#38;")}`;
    for (
      const href of [`./b/${search}`, `../${search}`, `./${search}`, "./d.txt"]
    ) assertStringIncludes(body, `href="${href}"`);
  }
  const usual = await ask(server, "/a/?sort=name&order=asc");
  for (const href of ["./b/", "../", "./d.txt"]) {
    assertStringIncludes(usual.body, `href="${href}"`);
  }
});

Deno.test("serveDir() says on top where a list is, and what is in it", async () => {
  await using tree = await makeTree({ "a b/c.txt": "123", "a b/d/": "" });
  await using server = serveTree(tree.path);
  const top = await ask(server, "/", { Host: "files.localhost:81" });
  assertStringIncludes(top.body, "<title>files.localhost:81</title>");
  assertStringIncludes(top.body, "<p>1 folder</p>\n</header>");
  const { body } = await ask(server, "/a%20b/");
  assertStringIncludes(body, "<title>a b</title>");
  assertStringIncludes(body, "<p>1 folder, 1 file, 3 B</p>\n</header>");
  const below = await ask(server, "/a%20b/d/");
  assertStringIncludes(below.body, "<title>d</title>");
});

Deno.test("HTML_FORMAT writes sizes and counts for people", () => {
  const listing = {
    names: [],
    path: "/",
    origin: "",
    format: HTML_FORMAT,
    order: parseOrder(new URLSearchParams()),
  };
  const sizes: [number, string][] = [
    [0, "0 B"],
    [12_345, "12.3 kB"],
  ];
  for (const [size, text] of sizes) {
    const entry = { name: "a", isDirectory: false, size, modified: null };
    assertStringIncludes(HTML_FORMAT.entry(entry, listing), `<td>${text}</td>`);
  }
  const folder = { name: "a", isDirectory: true, size: null, modified: null };
  assertStringIncludes(
    HTML_FORMAT.entry(folder, listing),
    "</th><td></td><td></td></tr>",
  );
  const counts: [number, number, number, string][] = [
    [0, 0, 0, "This folder is empty."],
    [1, 0, 0, "1 folder"],
    [0, 1, 0, "1 file, 0 B"],
    [2, 1_234, 5_000, "2 folders, 1,234 files, 5.00 kB"],
  ];
  for (const [folders, files, bytes, text] of counts) {
    const start = HTML_FORMAT.start(listing, { folders, files, bytes });
    assertStringIncludes(start, `<p>${text}</p>`);
  }
});

Deno.test("serveDir() puts icons before names by the kind of file", async () => {
  const kinds: Record<string, string> = {
    "main.ts": "code",
    "lib.rs": "code",
    "a.py": "code",
    "x.wasm": "wasm",
    "x.woff2": "font",
    "x.ttf": "font",
    "a.tar.gz": "archive",
    "a.mp4": "video",
    "a.mp3": "audio",
    "a.png": "image",
    "a.md": "text",
    "a.bin": "file",
    "what.ever": "file",
    "feed.atom": "text",
    "index.html": "code",
  };
  await using tree = await makeTree(
    Object.fromEntries(Object.keys(kinds).map((name) => [`d/${name}`, ""])),
  );
  await using server = serveTree(tree.path, { showIndex: false });
  const { body } = await ask(server, "/d/");
  for (const [name, kind] of Object.entries(kinds)) {
    assertStringIncludes(body, `<a class="${kind}" href="./${name}">`);
  }
});

Deno.test("serveDir() gives browsers a page for errors, with links up, and others plain text", async () => {
  await using tree = await makeTree({ "a/b.txt": "" });
  await using server = serveTree(tree.path, { urlRoot: "/files" });
  const browser = {
    Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  };
  // The links, of the breadcrumbs and to the folder above; and the place
  const cases: readonly (readonly [string, string, string])[] = [
    ["/files/a/none", "../ ./ ./", "/a/none"],
    ["/files/a/none/", "../../ ../ ./ ../", "/a/none"],
    ["/files/none", "./ ./", "/none"],
    ["/files/%3Cb%3E'%22", "./ ./", "/&#60;b&#62;&#39;&#34;"],
    ["/elsewhere", "./ ./", "/elsewhere"],
    ["/", "./", "/"],
  ];
  for (const [path, hrefs, place] of cases) {
    const { status, body, field } = await ask(server, path, browser);
    assertEquals([status, field("content-type")], [
      404,
      "text/html; charset=utf-8",
    ]);
    assertStringIncludes(field("content-security-policy")!, "default-src");
    assertStringIncludes(body, "<title>404 Not Found</title>");
    const found = [...body.matchAll(/<a [^>]*href="([^"]*)"/g)];
    assertEquals(found.map(([, href]) => href).join(" "), hrefs, path);
    const reason = `<p>There is nothing at <bdi>${place}</bdi>.</p>`;
    assertStringIncludes(body, reason);
    assertFalse(body.includes("<b>"));
    const head = await ask(server, path, browser, "HEAD");
    assertEquals(head.field("content-length"), String(body.length));
    for (const accept of ["*/*", "", "text/plain", "image/png,*/*;q=0.8"]) {
      const plain = await ask(server, path, { Accept: accept });
      assertEquals([plain.body, plain.field("vary")], [
        "404 Not Found\n",
        "Accept",
      ]);
    }
  }
  const posted = await ask(server, "/files/a/b.txt", browser, "POST");
  assertEquals([posted.status, posted.field("allow")], [405, "GET, HEAD"]);
  assertStringIncludes(posted.body, "<h2>405 Method Not Allowed</h2>\n<p><a");
  const found = await ask(server, "/files/a/b.txt", browser);
  assertEquals([found.status, found.body], [200, ""]);
});

Deno.test("entryOf() omits what has just vanished, and measures what is there", async () => {
  await using root = await makeTree({ "a.txt": "12345" });
  await Deno.utime(`${root.path}/a.txt`, 0, 0);
  const fileSystem = new FileSystem(root.path, false);
  const directory = fileSystem.find([]) as FileEntry;
  const entry = (name: string, isFile = true) => {
    const listed = { name, isFile, isDirectory: false, isSymlink: false };
    return entryOf(listed, fileSystem, directory);
  };
  const file = { name: "a.txt", isDirectory: false };
  assertEquals(entry("a.txt"), { ...file, size: 5, modified: null });
  assertEquals(entry("a.txt", false), null); // a pipe
  assertEquals(entry("gone"), null);
  assertEquals(entry("\ufffd")?.modified, null); // its real name is another
});

Deno.test("Lister.list() rejects for a directory that has just vanished, which is a 404", async () => {
  await using root = await makeTree({ "gone/a.txt": "" });
  const fileSystem = new FileSystem(root.path, false);
  const directory = fileSystem.find(["gone"]) as FileEntry;
  await Deno.remove(directory.path, { recursive: true });
  const lister = makeLister(fileSystem);
  const error = await assertRejects(
    () => lister.list(PLAIN_REQUEST as HttpRequest, directory),
  );
  assertEquals(toHttpError(error).status, 404);
});
