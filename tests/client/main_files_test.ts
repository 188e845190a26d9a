import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ok, serveRaw } from "./_server.ts";
import { run } from "./_memory_io.ts";

/** A response with a date whose weekday is wrong, as some servers send it. */
const OLD = ok("old one", "Last-Modified: Sun, 07 Nov 1994 08:49:37 GMT\r\n");
/** A date with two digits for the year 2060 (RFC 9110 section 5.6.7). */
const FUTURE = ok(
  "future",
  "Last-Modified: Saturday, 06-Nov-60 08:49:37 GMT\r\n",
);
const UNCHANGED = "HTTP/1.0 304 Not Modified\r\n\r\n";
const CUT = 'HTTP/1.0 200 OK\r\nETag: "1"\r\nContent-Length: 9\r\n\r\ncut';
const MOVED = "HTTP/1.0 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n";
const MISSING = "HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\nno";

/** A response that names its file. */
const named = (value: string) =>
  ok("new", `Content-Disposition: attachment; filename=${value}\r\n`);
const NEW = ok("new");
const BUSY = "HTTP/1.0 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
const EMPTY = "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n";
const HEAD = "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n";

/**
 * Flags, the responses, and the results: exit code, stdout, and new files. The
 * folder already has a file `old` with the content `old`.
 */
const CASES: readonly (readonly [
  args: string,
  raws: readonly string[],
  code: number,
  out: string,
  files: Readonly<Record<string, string>>,
])[] = [
  ["-D heads URL/a", [NEW], 0, "new", { heads: HEAD }],
  ["-D - URL/a", [NEW], 0, `${HEAD}new`, {}],
  ["-D - -o f URL/a", [NEW], 0, HEAD, { f: "new" }],
  ["-D - -o /dev/null URL/a", [NEW], 0, HEAD, {}],
  ["-L -D heads URL/", [MOVED, NEW], 0, "new", { heads: MOVED + HEAD }],
  ["-D old URL/a URL/b", [NEW, NEW], 0, "newnew", { old: HEAD + HEAD }],
  ["-f -D heads URL/a", [MISSING], 22, "", { heads: MISSING.slice(0, -2) }],
  ["-D heads -L --max-redirs 0 URL/", [MOVED], 47, "", { heads: MOVED }],
  ["-D no/heads URL/a", [], 23, "", {}],
  ["-D heads URL/a --next -D heads URL/b", [MISSING, NEW], 0, "nonew", {
    heads: HEAD,
  }],
  ["-z 1994-12-01 -o old URL/a", [OLD], 0, "", {}],
  ["-z 1994-11-07T08:49:37Z URL/a", [OLD], 0, "", {}],
  ["-z 1994-11-07T08:49:37Z -i URL/a", [OLD], 0, OLD.slice(0, -7), {}],
  ["-z 1994-11-01 -o f URL/a", [OLD], 0, "", { f: "old one" }],
  ["-z -1994-11-01 -o f URL/a", [OLD], 0, "", {}],
  ["-z -1994-11-07T08:49:37Z URL/a", [OLD], 0, "old one", {}],
  ["-z -1994-11-07T08:49:36Z URL/a", [OLD], 0, "", {}],
  ["-z -1994-12-01 -o f URL/a", [OLD], 0, "", { f: "old one" }],
  ["-z 1994-12-01 URL/a", [NEW], 0, "new", {}],
  ["-z f -o f URL/a", [OLD], 0, "", { f: "old one" }],
  ["-z 1970-01-01 URL/a", [OLD], 0, "old one", {}],
  ["-z 19941108 URL/a", [OLD], 0, "", {}],
  ["-z 20441301 URL/a", [], 2, "", {}],
  ["-z f.html -o f.html URL/a", [OLD], 0, "", { "f.html": "old one" }],
  ["-z ./log.2044-01-01 URL/a", [OLD], 0, "old one", {}],
  ["-z log.2044-01-01 URL/a", [OLD], 0, "old one", {}],
  ["-z 1994-12-01 URL/a", [MISSING], 0, "no", {}],
  ["-z 1994-12-01 -o old URL/a", [UNCHANGED], 0, "", {}],
  ["-z -1994-12-01 -o f URL/a", [UNCHANGED], 0, "", {}],
  ["-o f URL/a", [UNCHANGED], 0, "", {}],
  ["-z 2055-01-01 URL/a", [FUTURE], 0, "future", {}],
  ["-z -2055-01-01 URL/a", [FUTURE], 0, "", {}],
  ["--out-null -o f URL/a URL/b", [NEW, NEW], 0, "", { f: "new" }],
  ["-O --out-null URL/a URL/b", [NEW, NEW], 0, "", { a: "new" }],
  ["-D heads -o f URL/a", [CUT], 18, "", {
    heads: CUT.slice(0, -3),
    "f.knock": "cut",
    "f.knock.json": "...",
  }],
  ["--create-dirs --output-dir x/y -O URL/a", [NEW], 0, "", { "x/y/a": "new" }],
  ["--create-dirs -o x/f URL/a", [NEW], 0, "", { "x/f": "new" }],
  ["--create-dirs -D x/y/h -o f URL/a", [NEW], 0, "", {
    f: "new",
    "x/y/h": HEAD,
  }],
  [
    "--create-dirs --etag-save x/t URL/a",
    [ok("new", 'ETag: "1"\r\n')],
    0,
    "new",
    {
      "x/t": '"1"\n',
    },
  ],
  ["--create-dirs -D old/h URL/a", [], 23, "", {}],
  ["--stderr e --create-dirs -o old/f URL/a", [], 23, "", {
    e: 'knock: Cannot write "old/f": a file is where its folder should be\n',
  }],
  ["-w %{filename_effective} -o old URL/a", [NEW], 0, "old", { old: "new" }],
  ["--create-dirs -o f URL/a", [NEW], 0, "", { f: "new" }],
  ["--output-dir x -O URL/a", [NEW], 23, "", {}],
  ["--output-dir x -o - URL/a", [NEW], 0, "new", {}],
  ["-OJ URL/a", [named("b")], 0, "", { b: "new" }],
  ["-OJ URL/a", [named('"b c"; size=3')], 0, "", { "b c": "new" }],
  [
    "-OJ URL/a",
    [ok("new", "Content-Disposition: filename=b; x=y\r\n")],
    0,
    "",
    {
      b: "new",
    },
  ],
  ["-OJ URL/a", [named("../../etc/b")], 0, "", { b: "new" }],
  ["-OJ URL/a", [named("x; filename*=UTF-8''%C3%A9%20b")], 0, "", {
    "é b": "new",
  }],
  ["-OJ URL/a", [named("x; FileName*=iso-8859-1'en'%E9")], 0, "", { é: "new" }],
  ["-OJ URL/a", [named("b; filename*=\"utf-8' 'x\"")], 0, "", { x: "new" }],
  ["-OJ URL/a", [named("b; filename*=UTF-8''..%2Fx")], 0, "", { x: "new" }],
  ["-OJ URL/a", [named("b; filename*=UTF-8''.x")], 0, "", { a: "new" }],
  ["-OJ URL/a", [named('"b\\"c;d"')], 0, "", { 'b"c;d': "new" }],
  ["-OJ URL/a", [named('"x\\\\b"')], 0, "", { b: "new" }],
  ["-OJ URL/a", [named('b; x="; filename=c"')], 0, "", { b: "new" }],
  ["-OJ URL/a", [named("\"b; filename*=utf-8''c\"")], 0, "", {
    "b; filename*=utf-8''c": "new",
  }],
  ["-OJ URL/a", [named('"b c')], 0, "", { "b c": "new" }],
  ["-OJ URL/a", [named('"../b; x=y')], 0, "", { "b; x=y": "new" }],
  ["-OJ URL/a", [named('"b\xe2\x80\xaec"')], 0, "", { a: "new" }],
  ["-OJ URL/a", [named("b c")], 0, "", { "b c": "new" }],
  ["-OJ URL/a", [named("b; filename=c")], 0, "", { b: "new" }],
  ["-OJ URL/a", [named('7" single; x=y')], 0, "", { '7" single': "new" }],
  ["-OJ URL/a", [named("b\r\nContent-Disposition: filename=c")], 0, "", {
    b: "new",
  }],
  ["--stderr e -OJ URL/a", [named("b".repeat(256))], 23, "", {
    e: `knock: Cannot write "${"b".repeat(256)}": File name too long\n`,
  }],
  [
    "-OJ URL/a",
    [ok("new", 'Content-Disposition: x; y="; filename=c"; filename = b\r\n')],
    0,
    "",
    {
      b: "new",
    },
  ],
  ["-OJ URL/a", [named('"x\\b"')], 0, "", { b: "new" }],
  ["-OJ URL/a", [named("..")], 0, "", { a: "new" }],
  ["-OJ URL/a", [named(".bashrc")], 0, "", { a: "new" }],
  ["-OJ URL/a", [named("-rf")], 0, "", { a: "new" }],
  ["-OJ URL/a", [named('"a\xc2\x9bb"')], 0, "", { a: "new" }],
  ["-OJ URL/a", [named("b/")], 0, "", { a: "new" }],
  ["-OJ URL/a", [named('""')], 0, "", { a: "new" }],
  ["-OJ URL/a", [NEW], 0, "", { a: "new" }],
  ["-OJ URL/", [named("b")], 0, "", { b: "new" }],
  ["-OJ URL/", [NEW], 0, "", { curl_response: "new" }],
  ["-OJL URL/", [MOVED, NEW], 0, "", { a: "new" }],
  ["-OJL URL/b", [MOVED, named("c")], 0, "", { c: "new" }],
  ["-OJL URL/b", [MOVED.replace("/a", "/.a"), NEW], 0, "", { b: "new" }],
  ["-O URL/", [NEW], 0, "", { curl_response: "new" }],
  ["-O URL///", [NEW], 0, "", { curl_response: "new" }],
  ["-O URL/a/b//?c", [NEW], 0, "", { b: "new" }],
  ["-OJ URL/a", [named("old")], 23, "", {}],
  ["--stderr e -OJ URL/a", [named("old")], 23, "", {
    e: 'knock: Cannot write "old": it exists already; -o NAME would replace it\n',
  }],
  ["-OJ URL/old", [NEW], 23, "", {}],
  ["-OJ URL/old", [named("b")], 0, "", { b: "new" }],
  ["-J -o f URL/a", [named("b")], 0, "", { f: "new" }],
  ["-J --output-dir . -O URL/a", [named("b")], 0, "", { b: "new" }],
  ["-OJ URL/.x", [named("b")], 0, "", { b: "new" }],
  ["-OJ URL/.x", [NEW], 0, "", { curl_response: "new" }],
  ["--no-clobber -OJ URL/old", [NEW], 0, "", { "old.1": "new" }],
  ["-o f URL/a", [CUT.slice(0, -3)], 18, "", {}],
  ["-o f URL/a", ['HTTP/1.0 200 OK\r\nETag: "1"\r\n\r\n'], 0, "", { f: "" }],
  ["--remote-name-all URL/a URL/b", [NEW, NEW], 0, "", { a: "new", b: "new" }],
  ["--remote-name-all -o - URL/a URL/b", [NEW, NEW], 0, "new", { b: "new" }],
  ["--no-clobber -o f URL/a", [NEW], 0, "", { f: "new" }],
  ["--no-clobber -o old URL/a", [NEW], 0, "", { "old.1": "new" }],
  ["--no-clobber -O URL/old URL/b", [NEW, NEW], 0, "new", { "old.1": "new" }],
  ["--no-clobber -o old/f URL/a", [], 23, "", {}],
  [
    "--no-clobber --out-null -w %{filename_effective} URL/a",
    [NEW],
    0,
    "/dev/null",
    {},
  ],
  [
    "--no-clobber -o f URL/a --next --no-clobber -o f URL/a",
    [ok("new", 'ETag: "x"\r\n').slice(0, -1), NEW],
    18,
    "",
    { f: "new" },
  ],
  ["-Z --no-clobber -o f URL/{a,b}", [NEW, NEW], 0, "", {
    f: "new",
    "f.1": "new",
  }],
  ["-Z --no-clobber --create-dirs -o ./f URL/{a,b}", [NEW, NEW], 0, "", {
    f: "new",
    "f.1": "new",
  }],
  ["--etag-save - -o f URL/a", [ok("new", 'ETag: "1"\r\n')], 0, '"1"\n', {
    f: "new",
  }],
  ["--etag-save t URL/a", [ok("new", "ETag: \r\n")], 0, "new", {}],
  ["--etag-save t URL/", [MOVED.replace("\r\n", '\r\nETag: "1"\r\n')], 0, "", {
    t: '"1"\n',
  }],
  ["--etag-save t URL/a", [`HTTP/1.0 400 No\r\nETag: "1"\r\n\r\n`], 0, "", {}],
  ["--etag-save t URL/a URL/b", [], 2, "", {}],
  ["--etag-compare t URL/a URL/b", [], 2, "", {}],
  ["-m 9 --retry 1 --retry-delay 0.01 -o f URL/a", [CUT, NEW], 0, "", {
    f: "new",
  }],
  ["--retry 1 --retry-delay 0.01 URL/a", [EMPTY, NEW], 0, "new", {}],
  // As in curl, a pause of more than ten minutes is too long
  ["--retry 1 -o f URL/a", [BUSY.replace(": 0", ": 601")], 0, "", { f: "" }],
  ["--retry 2 --retry-max-time 1.9 -o f URL/a", [BUSY, EMPTY], 18, "", {}],
  ["--retry 1 --retry-delay 0.01 -i -D h -o f URL/a", [CUT, NEW], 0, "", {
    f: NEW,
    h: CUT.slice(0, -3) + HEAD,
  }],
  ["--skip-existing -o old URL/a", [], 0, "", {}],
  ["-I -X GET URL/a", [NEW], 0, HEAD, {}],
  ["-I -X POST -o f URL/a", [MISSING], 0, "", { f: MISSING.slice(0, -2) }],
  ["-O URL/-x", [], 23, "", {}],
  ["-O URL/.x", [], 23, "", {}],
  ["--skip-existing -O URL/old", [], 0, "", {}],
  ["--skip-existing -o . URL/a", [], 0, "", {}],
  ["--stderr e -o . URL/a", [], 23, "", {
    e: 'knock: Cannot write ".": it is a folder\n',
  }],
  ["--skip-existing -o f URL/a", [NEW], 0, "", { f: "new" }],
  ["--stderr e -f URL/a", [`HTTP/1.0 500 ${"x".repeat(99)}\r\n\r\n`], 22, "", {
    e: `knock: Cannot get URL/a: the server answered 500 ${"x".repeat(60)}\n`,
  }],
  ["--fail-with-body URL/a", [MISSING], 22, "no", {}],
  ["--fail-with-body -o f URL/a", [MISSING], 22, "", { f: "no" }],
  ["--fail-with-body URL/a", [NEW], 0, "new", {}],
  ["-f URL/a", ["HTTP/1.0 400 No\r\n\r\n"], 22, "", {}],
  ["-f URL/a", ["HTTP/1.0 416 No\r\n\r\n"], 22, "", {}],
  [
    "--retry 1 --retry-delay 0.01 -L -o f -w %{num_redirects} URL/",
    [MOVED, CUT, MOVED, NEW],
    0,
    "1",
    { f: "new" },
  ],
  ["-f --fail-early URL/a URL/b", [MISSING, NEW], 22, "", {}],
  ["--fail-early URL/a URL/b", [NEW, NEW], 0, "newnew", {}],
  [
    "-f --retry-all-errors --retry 1 --retry-delay 0.01 URL/a",
    ["HTTP/1.0 400 No\r\n\r\n", NEW],
    0,
    "new",
    {},
  ],
  ["-f URL/a URL/b", [MISSING, NEW], 22, "new", {}],
  ["-f --fail-early URL/a --next URL/b", [MISSING], 22, "", {}],
  [
    "-w %{filename_effective} -OJ --output-dir . URL/a",
    [named("b")],
    0,
    "./b",
    { b: "new" },
  ],
  ["--stderr e -fsS URL/a", [MISSING], 22, "", {
    e: "knock: Cannot get URL/a: the server answered 404 Not Found\n",
  }],
  ["--stderr e -T no URL/a", [], 26, "", {
    e: 'knock: Cannot read "no": no such file or directory\n',
  }],
  ["-C - -o f -H range:bytes=1-2 URL/a", [], 2, "", {}],
  ["-C - -o f -r 1-2 URL/a", [], 2, "", {}],
  ["-C - -o f -i URL/a", [], 2, "", {}],
  ["-C - -o f -I URL/a", [], 2, "", {}],
  ["-C - -o f --compressed URL/a", [], 2, "", {}],
  ["-C - URL/a", [], 2, "", {}],
  ["--stderr e -C 5 -o f URL/a", [], 2, "", {
    e: 'knock: Cannot resume at "5": only -C - is safe; use -r 5- for the bytes from there\n',
  }],
];

/** Returns the content of all files in a folder and its subfolders, by path. */
function readFolder(path: string): Record<string, string> {
  return Object.fromEntries(
    [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) =>
      isDirectory
        ? Object.entries(readFolder(`${path}/${name}`))
          .map(([below, text]) => [`${name}/${below}`, text])
        : [[name, Deno.readTextFileSync(`${path}/${name}`)]]
    ),
  );
}

for (const [args, raws, code, out, files] of CASES) {
  Deno.test(`main() ${args} writes "${Object.keys(files)}" after ${raws.length} responses: ${raws.at(-1)?.slice(16, 90)}`, async () => {
    await using server = serveRaw((_, count) => ({ raw: raws[count]! }));
    const folder = await Deno.makeTempDir();
    const cwd = Deno.cwd();
    Deno.chdir(folder);
    try {
      await Deno.writeTextFile("old", "old");
      const words = args.split(" ")
        .map((word) => word.replace("URL/", server.url));
      const result = await run(words);
      assertEquals([result.code, result.out], [code, out], result.err);
      const found = readFolder(".");
      for (const name of Object.keys(found)) {
        found[name] = found[name]!.replaceAll(server.url, "URL/");
        if (name.endsWith(".json")) found[name] = "...";
        assertEquals(Deno.lstatSync(name).mode, Deno.lstatSync("old").mode);
      }
      assertEquals(found, { old: "old", ...files });
    } finally {
      Deno.chdir(cwd);
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** Dates of a server, and their time. Some builds date all files 1970. */
const DATES = [
  ["Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777_000],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
] as const;
for (const [date, time] of DATES) {
  Deno.test(`main() -R gives the file the server's date: ${date}`, async () => {
    const fields = `Last-Modified: ${date}\r\n`;
    await using server = serveRaw(() => ({ raw: ok("a", fields) }));
    const path = await Deno.makeTempFile();
    await run(["-R", "-o", path, server.url]);
    const { mtime, atime } = await Deno.stat(path);
    assertEquals([mtime, atime], Array(2).fill(new Date(time)));
    await run(["-z", path, server.url]);
    assertEquals(
      server.requests[1]!.includes(`If-Modified-Since: ${date}`),
      true,
    );
    await Deno.remove(path);
  });
}

/** Flags for a response without a date or with one, and why none is set. */
const UNDATED = [
  ["-o FILE", OLD],
  ["-R URL -o FILE", ok("")],
  ["-R", OLD],
  ["-R -o /dev/null", OLD],
] as const;
for (const [flags, raw] of UNDATED) {
  Deno.test(`main() ${flags} dates no file after ${raw.slice(17, 60)}`, async () => {
    await using server = serveRaw(() => ({ raw }));
    const path = await Deno.makeTempFile();
    const words = flags.replace("FILE", path).replace("URL", server.url);
    const start = Date.now();
    const { code, err } = await run([...words.split(" "), server.url]);
    const { mtime } = await Deno.stat(path);
    assertEquals([code, err], [0, ""]);
    assertEquals(Math.abs(mtime!.getTime() - start) < 60_000, true);
    await Deno.remove(path);
  });
}

Deno.test("main() --retry-delay waits before it resumes a body that was cut", async () => {
  await using server = serveRaw((_, count) => ({ raw: count ? NEW : CUT }));
  const path = await Deno.makeTempFile();
  const start = performance.now();
  const args = ["--retry", "1", "--retry-delay", "0.3", "-o", path];
  assertEquals((await run([...args, server.url])).code, 0);
  assertEquals(performance.now() - start > 290, true);
  await Deno.remove(path);
});

Deno.test("main() -D - escapes the head in a terminal", async () => {
  await using server = serveRaw(() => ({ raw: ok("", "A: \x9b2J\r\n") }));
  const args = ["-D", "-", "-o", "/dev/null", server.url];
  const { out } = await run(args, { isTerminal: true });
  assertMatch(out, /A: \\u009b2J\n/);
});

Deno.test("main() -Z -D - writes a head between two bodies", async () => {
  await using server = serveRaw((request) => ({
    raw: ok(request.slice(4, 6).repeat(20)),
    ...request.startsWith("GET /a") ? { piece: 10, delay: 5 } : {},
    ...request.startsWith("GET /b") ? { delay: 120 } : {},
  }));
  const urls = ["a", "b", "c"].map((name) => server.url + name);
  const outputs = ["-o", "-", "-o", "/dev/null", "-o", "-"];
  const { out } = await run(["-Z", "-D", "-", ...outputs, ...urls]);
  const head = "HTTP/1.0 200 OK\r\nContent-Length: 40\r\n\r\n";
  assertEquals(
    out,
    `${head}${"/a".repeat(20)}${head}${head}${"/c".repeat(20)}`,
  );
});

Deno.test("main() saves files where the file system has no locks", async () => {
  const { tryLockSync } = Deno.FsFile.prototype;
  const folder = await Deno.makeTempDir();
  await using server = serveRaw(() => ({ raw: NEW }));
  Deno.FsFile.prototype.tryLockSync = () => {
    throw new Error("No locks available (os error 37)");
  };
  try {
    const files = ["-c", `${folder}/jar`, "-o", `${folder}/f`];
    const result = await run([...files, "--no-clobber", server.url]);
    assertEquals([result.code, result.err], [0, ""]);
    assertEquals(Object.keys(readFolder(folder)).sort(), ["f", "jar"]);
  } finally {
    Deno.FsFile.prototype.tryLockSync = tryLockSync;
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("main() writes to a file that cannot be replaced, as it is mounted by itself", async () => {
  const { renameSync } = Deno;
  const path = await Deno.makeTempFile();
  await using server = serveRaw(() => ({ raw: NEW }));
  Deno.renameSync = () => {
    throw Object.assign(new Error("Device is busy"), { code: "EBUSY" });
  };
  try {
    const { ino } = Deno.statSync(path);
    const result = await run(["-o", path, server.url]);
    assertEquals([result.code, result.err], [0, ""]);
    assertEquals(await Deno.readTextFile(path), "new");
    assertEquals(Deno.statSync(path).ino, ino);
    await assertRejects(() => Deno.stat(`${path}.knock`), Deno.errors.NotFound);
  } finally {
    Deno.renameSync = renameSync;
    await Deno.remove(path);
  }
});

Deno.test("main() -R only notes that the date of a file cannot be set", async () => {
  const { utime } = Deno;
  const path = await Deno.makeTempFile();
  await using server = serveRaw(() => ({ raw: OLD }));
  Deno.utime = () =>
    Promise.reject(new Error("Operation not permitted (os error 1): utime"));
  try {
    const { code, err } = await run(["-R", "-o", path, server.url]);
    const note = `knock: Cannot write "${path}": Operation not permitted\n`;
    assertEquals([code, err], [0, note]);
    assertEquals(await Deno.readTextFile(path), "old one");
  } finally {
    Deno.utime = utime;
    await Deno.remove(path);
  }
});
