import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fillReferences, Glob } from "../../client/_command/glob.ts";
import { run } from "./_memory_io.ts";
import { closedPort, ok, serveRaw } from "./_server.ts";

/** A glob, the texts that it matches, and `#1` for each of them. */
const GLOBS: readonly (readonly [string, string[], string[]?])[] = [
  ["", [""], ["#1"]],
  ["http://a/", ["http://a/"], ["#1"]],
  ["{a,b}", ["a", "b"], ["a", "b"]],
  ["x{a}y", ["xay"], ["a"]],
  ["{,a}", ["", "a"]],
  ["{a,}", ["a", ""]],
  [String.raw`{a\,b,\{c\}}`, ["a,b", "{c}"]],
  [String.raw`{a\\,b}`, ["a\\", "b"]],
  ["[1-3]", ["1", "2", "3"]],
  ["[8-11]", ["8", "9", "10", "11"]],
  ["[08-11]", ["08", "09", "10", "11"]],
  ["[098-100]", ["098", "099", "100"]],
  ["[0-1]", ["0", "1"]],
  ["[1-6:2]", ["1", "3", "5"]],
  ["[5-5]", ["5"]],
  ["[a-e:2]", ["a", "c", "e"]],
  ["[X-Z]", ["X", "Y", "Z"]],
  ["{a,b}/[1-2]", ["a/1", "a/2", "b/1", "b/2"], ["a", "a", "b", "b"]],
  ["http://[::1]:8/[1-2]", ["http://[::1]:8/1", "http://[::1]:8/2"]],
  ["http://[fe80::1%25eth0-1]/", ["http://[fe80::1%25eth0-1]/"]],
  ["?a[]=1", ["?a[]=1"]],
  [String.raw`\{a\}\[b\]\c`, [String.raw`{a}[b]\c`]],
  ["a\nb{c,d}", ["a\nbc", "a\nbd"]],
  ["{<n>a,b}", ["a", "b"], ["a", "b"]],
  ["[<n>1-2]{c}", ["1c", "2c"], ["1", "2"]],
  ["{<a,b>}", ["<a", "b>"]],
];

for (const [text, expected, firsts] of GLOBS) {
  Deno.test(`Glob expands ${JSON.stringify(text)} to ${JSON.stringify(expected)}`, () => {
    const glob = new Glob(text);
    const all = Array.from(expected, (_, index) => glob.at(index));
    assertEquals([glob.count, all.map(({ text }) => text)], [
      expected.length,
      expected,
    ]);
    if (firsts === undefined) return;
    const filled = all.map(({ captures }) => fillReferences("#1", captures));
    assertEquals(filled, firsts);
  });
}

Deno.test("Glob does not store what a range expands to", () => {
  const glob = new Glob("[1-999999999]/[1-1000000]");
  assertEquals(glob.count, 999_999_999_000_000);
  assertEquals(glob.at(1_000_000).text, "2/1");
});

Deno.test("fillReferences() inserts the value of each list and range", () => {
  const { captures } = new Glob("{a,b}{c,d}").at(1);
  assertEquals(fillReferences("#1#2#3#0#x##<n>", captures), "ad#3#0#x##<n>");
  const { captures: named } = new Glob("{<n>a,b}{<1>c,d}").at(1);
  assertEquals(fillReferences("#<n>#<1>#01#2#<x>", named), "adad#<x>");
});

const WRONG_GLOBS = [
  "{a",
  "a}",
  "[1",
  "1]",
  "{}",
  "{a,{b}}",
  "{a[1-2]}",
  "[3-1]",
  "[a-Z]",
  "[a-9]",
  "[1-3:0]",
  "[1-1:0]",
  "[1-3:5]",
  "[1-2]]",
  "[-1-2]",
  "[1]",
  "{<a>b}{<a>c}",
  "[<a>1]",
  "{a}".repeat(256),
];

for (const text of WRONG_GLOBS) {
  Deno.test(`main() refuses the URL http://127.0.0.1:1/${text.slice(0, 20)}`, async () => {
    const { code, out, err } = await run([`http://127.0.0.1:1/${text}`]);
    assertEquals([code, out], [3, ""]);
    assertMatch(err, /^knock: Cannot read ".*; -g takes it literally\n$/);
  });
}

Deno.test("Glob has at most 255 parts, and says which bracket it cannot read", () => {
  assertEquals(new Glob("{a}".repeat(255)).count, 1);
  const wrong = {
    [`${"{a}".repeat(256)}`]: "there are too many",
    "[1-2]]b": 'Cannot read "]b": ] is unmatched',
    "[3-1]": 'Cannot read "[3-1]": expected a range such as 1-9',
  };
  for (const [text, words] of Object.entries(wrong)) {
    assertThrows(() => new Glob(text), Error, words);
  }
});

/** Runs in a new folder, and returns the requests and the new files. */
async function fetchIn(
  args: readonly string[],
  stdin = "",
): Promise<{ code: number; out: string; requests: string[]; files: string[] }> {
  await using server = serveRaw((request) => {
    const [, target = ""] = request.split(" ");
    return { raw: ok(target), then: "next" };
  });
  const own = ["f1", "f2"];
  const folder = await Deno.makeTempDir();
  const home = Deno.cwd();
  try {
    Deno.chdir(folder);
    for (const name of own) {
      await Deno.writeTextFile(name, `${name} `);
    }
    const url = server.url.slice(0, -1);
    const { code, out } = await run(
      args.map((arg) => arg.replaceAll("URL", url)),
      { stdin: stdin.replaceAll("URL", url) },
    );
    const requests = server.requests.map((request) => {
      const [line] = request.split(" HTTP/");
      return [line, ...request.split("\r\n\r\n").slice(1)].join(" ").trim();
    });
    const files = Array.from(Deno.readDirSync("."), ({ name }) => name);
    return {
      code,
      out,
      requests,
      files: files.filter((name) => !own.includes(name)).sort(),
    };
  } finally {
    Deno.chdir(home);
    await Deno.remove(folder, { recursive: true });
  }
}

/** Arguments, the requests, stdout, and stdin if there is any. */
const SEVERAL: readonly (readonly [string[], string[], string, string?])[] = [
  [
    ["URL/{a,b}/[1-2]"],
    ["GET /a/1", "GET /a/2", "GET /b/1", "GET /b/2"],
    "/a/1/a/2/b/1/b/2",
  ],
  [["-g", "URL/{a,b}[c]"], ["GET /%7Ba,b%7D[c]"], "/%7Ba,b%7D[c]"],
  [["-Z", "URL/[1-3]"], ["GET /1", "GET /2", "GET /3"], "/1/2/3"],
  [
    ["--parallel-max", "1", "-Z", "URL/[1-3]"],
    ["GET /1", "GET /2", "GET /3"],
    "/1/2/3",
  ],
  [["-T", "f{1,2}", "URL/"], ["PUT /f1 f1", "PUT /f2 f2"], "/f1/f2"],
  [["--parallel-max", "1", "-Z", "-T", "f{1,2}", "URL/"], [
    "PUT /f1 f1",
    "PUT /f2 f2",
  ], "/f1/f2"],
  [["-T", "f[1-2]", "URL/{a,b}/"], [
    "PUT /a/f1 f1",
    "PUT /b/f1 f1",
    "PUT /a/f2 f2",
    "PUT /b/f2 f2",
  ], "/a/f1/b/f1/a/f2/b/f2"],
  [
    ["-T", "f1", "@-", "-o", "-", "-o", "-"],
    ["PUT /f1 f1", "GET /2"],
    "/f1/2",
    "URL/\nURL/2\n",
  ],
  [["-d", "x", "URL/[1-2]"], ["POST /1 x", "POST /2 x"], "/1/2"],
  [["URL/1", "--next", "-d", "x", "URL/2", "--next", "-I", "URL/3"], [
    "GET /1",
    "POST /2 x",
    "HEAD /3",
  ], "/1/2HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n"],
  [
    ["--url", "URL/1", "URL/2", "--url=URL/3"],
    ["GET /1", "GET /2", "GET /3"],
    "/1/2/3",
  ],
  [["-K", "-"], ["GET /1", "GET /2"], "/1/2", "url = URL/1\nurl = URL/2"],
  [["--url-query", "a b", "URL/"], ["GET /?a+b"], "/?a+b"],
  [
    ["--url-query", "n=a b&é", "URL/?x=1#y"],
    ["GET /?x=1&n=a+b%26%C3%A9"],
    "/?x=1&n=a+b%26%C3%A9",
  ],
  [["--url-query", "=a=b", "--url-query", "+c=%20 d", "URL/"], [
    "GET /?a%3Db&c=%20%20d",
  ], "/?a%3Db&c=%20%20d"],
  [
    ["--url-query", "n@f1", "--url-query", "@f2", "URL/"],
    ["GET /?n=f1+&f2+"],
    "/?n=f1+&f2+",
  ],
  [["--url-query", "a@b=c", "URL/"], ["GET /?a@b=c"], "/?a@b=c"],
  [
    ["-G", "-d", "a=1", "--url-query", "b=2", "URL/"],
    ["GET /?a=1&b=2"],
    "/?a=1&b=2",
  ],
  [["-G", "-d", "", "URL/"], ["GET /"], "/"],
  [["-G", "-d", "a", "URL/?"], ["GET /?a"], "/?a"],
  [["-G", "-d", "", "--url-query", "", "URL/?"], ["GET /?"], "/?"],
  [["--url-query", "b=2", "-d", "a=1", "URL/"], ["POST /?b=2 a=1"], "/?b=2"],
];

for (const [args, requests, out, stdin] of SEVERAL) {
  Deno.test(`main() sends the requests of ${args.join(" ")}`, async () => {
    const result = await fetchIn(args, stdin);
    assertEquals([result.code, result.requests, result.out], [
      0,
      requests,
      out,
    ]);
  });
}

/** Arguments, the new files, and stdin if there is any. */
const NAMED: readonly (readonly [string[], string[], string?])[] = [
  [["URL/{a,b}/[1-2]", "-o", "#2-#1.txt"], [
    "1-a.txt",
    "1-b.txt",
    "2-a.txt",
    "2-b.txt",
  ]],
  [["-g", "URL/{a,b}", "-o", "#1"], ["#1"]],
  [["URL/{<it>a,b}", "-o", "k-#<it>"], ["k-a", "k-b"]],
  [["-T", "f{<it>1,2}", "URL/", "-o", "k-#<it>"], ["k-1", "k-2"]],
  [["URL/{a,b}", "-o", "k#1"], ["ka", "kb"]],
  [["-K", "-"], ["k1", "k2"], "next\nurl=URL/k1\n-O\nnext\nurl=URL/k2\n-O"],
  [["-s", "-K", "-"], ["k1"], "next\nurl = URL/k1\n-O"],
  [["-T", "f{1,2}", "URL/", "-o", "k-#1"], ["k-1", "k-2"]],
  [["-O", "URL/k[1-2]"], ["k1", "k2"]],
  [["-o", "k1", "URL/a", "--next", "-o", "k2", "URL/b"], ["k1", "k2"]],
  [["--url", "@-"], ["k%7B2%7D", "k1"], "URL/k1\n# no\n\n  URL/k{2}\r\n"],
  [["@-"], ["k1"], "URL/k1"],
  [["-o", "k3", "@-", "-o", "k4", "URL/x"], ["k3", "k4"], "URL/k1\nURL/y\n"],
];

for (const [args, files, stdin] of NAMED) {
  Deno.test(`main() names the files of ${args.join(" ")}`, async () => {
    const result = await fetchIn(args, stdin);
    assertEquals([result.code, result.files], [0, files]);
  });
}

Deno.test("main() shares cookies between operations that keep them", async () => {
  await using server = serveRaw((_, count) => ({
    raw: ok(
      "",
      `Connection: keep-alive\r\n${count === 0 ? "Set-Cookie: a=1\r\n" : ""}`,
    ),
    then: "next",
  }));
  const { url } = server;
  await run([
    ...["-b", "no-such-file", url, "--next", "-b", "no-such-file", url],
    ...["--next", url],
  ]);
  assertEquals(
    server.requests.map((request) => /^Cookie: (.*)\r$/m.exec(request)?.[1]),
    [undefined, "a=1", undefined],
  );
  assertEquals(server.connections, 1);
});

for (
  const [args, expected] of [[[], 50], [["--parallel-max", "3"], 3]] as const
) {
  Deno.test(`main() -Z ${args.join(" ")} sends ${expected} requests at the same time`, async () => {
    let [open, most] = [0, 0];
    await using server = Deno.serve({ port: 0, onListen() {} }, async () => {
      most = Math.max(most, ++open);
      await new Promise((done) => setTimeout(done, 30));
      open--;
      return new Response("a");
    });
    const url = `http://127.0.0.1:${server.addr.port}/[1-60]`;
    const { code, out } = await run(["-Z", ...args, url]);
    assertEquals([code, out], [0, "a".repeat(60)]);
    assertEquals(most, expected);
  });
}

Deno.test("main() says that an operation has no URL", async () => {
  const { code, err } = await run(["http://127.0.0.1:1/", "--next", "-d", "x"]);
  assertEquals(code, 2);
  assertMatch(err, /^knock: Cannot fetch: no URL is given/);
  const first = await run(["-d", "x", "--next", "http://127.0.0.1:1/"]);
  assertEquals([first.code, first.err], [code, err]);
});

Deno.test("main() accepts a body with two equal Content-Length fields", async () => {
  const raw =
    "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi";
  await using server = serveRaw(() => ({ raw }));
  const { code, out } = await run([server.url]);
  assertEquals([code, out], [0, "hi"]);
});

Deno.test("main() --fail-early writes nothing for transfers that were not started", async () => {
  const url = `http://127.0.0.1:${closedPort()}/`;
  const args = ["-w", "%{exitcode}|", "--fail-early", url, url, url];
  const { code, out } = await run(args);
  assertEquals([code, out], [7, "7|"]);
});

Deno.test("main() -Z --fail-early aborts the running transfers", async () => {
  const raw = "HTTP/1.0 404 No\r\n\r\n";
  await using server = serveRaw((request) =>
    request.startsWith("GET /no")
      ? { raw, delay: 50 }
      : { raw: ok("0123456789").slice(0, -5), then: "hold" }
  );
  const [slow, no] = [`${server.url}slow`, `${server.url}no`];
  const args = ["-Z", "-f", "--fail-early", slow, no, slow];
  const { code, err } = await run(args);
  assertEquals(code, 22);
  assertMatch(err, /^knock: Cannot get .*\/no: .*404 No\n$/);
});
