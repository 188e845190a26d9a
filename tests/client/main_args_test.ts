import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ACCEPTED, REFUSED } from "../../client/_command/curl_flags.ts";
import { FLAGS } from "../../client/_command/flag_table.ts";
import { type Options, parseOptions } from "../../client/_command/options.ts";
import { parseTypedUrl } from "../../client/route.ts";
import type { Flag } from "../../command/flags.ts";
import { run } from "./_memory_io.ts";
import { ok, serveRaw } from "./_server.ts";

/** Parses a command line that has only one operation. */
async function parseOne(args: readonly string[]): Promise<Flags> {
  const [options, ...others] = await parse(args);
  assertEquals(others, []);
  return options;
}

/** What the flags say, without where they were read from. */
type Flags = Omit<Options, "input">;

async function parse(
  args: readonly string[],
  stdin = "",
): Promise<[Flags, ...Flags[]]> {
  const { signal } = new AbortController();
  const readable = new Blob([stdin]).stream();
  const input = { stdin: { readable }, signal };
  const [first, ...others] = (await parseOptions(args, input))
    .map(({ input: _, ...flags }) => flags);
  return [first!, ...others];
}

/** Returns the options that the arguments set. */
async function given(
  args: readonly string[],
): Promise<Record<string, unknown>> {
  const entries = Object.entries(await parseOne(args));
  return Object.fromEntries(
    entries.filter(([name, value]) =>
      name !== "operands" && name !== "parts" && name !== "notes" &&
      value !== false &&
      (value as string).length !== 0
    ),
  );
}

const ARGUMENTS: readonly (readonly [string[], Record<string, unknown>])[] = [
  [[], {}],
  [["http://a/", "b"], { urls: ["http://a/", "b"] }],
  [["-sSfLo", "file", "u"], {
    silent: true,
    "show-error": true,
    fail: true,
    location: true,
    output: ["file"],
    urls: ["u"],
  }],
  [["-ofile", "u"], { output: ["file"], urls: ["u"] }],
  [["-o", "a", "-O", "-o", "b"], { output: ["a", "", "b"] }],
  [["-XPUT"], { request: "PUT" }],
  [["--request=PUT"], { request: "PUT" }],
  [["--request", "PUT", "-X", "GET"], { request: "GET" }],
  [["-H", "-o: a", "-H", "--data:"], {
    header: [["-o", "a"], ["--data", null]],
  }],
  [["-A", "-o", "-b", "--data"], { "user-agent": "-o", cookie: ["--data"] }],
  [["-d", "-"], { data: ["-"] }],
  [["-C", "-"], { "continue-at": "-" }],
  [["-o", "-"], { output: ["-"] }],
  [["-d", "a=b=c", "--data=d=e"], { data: ["a=b=c", "d=e"] }],
  [["-d", "", "-d", "x"], { data: ["", "x"] }],
  [["-d", "1", "-m", "2"], { data: ["1"], "max-time": 2000 }],
  [["-d", "true", "-A", "false"], { data: ["true"], "user-agent": "false" }],
  [["-d", "a\nb\r\nc"], { data: ["a\nb\r\nc"] }],
  [["-A", ""], {}],
  [["-6", "-4"], { ipv4: true, ipv6: true }],
  [["--noproxy", "*"], { noproxy: "*" }],
  [["--", "-s", "--fail"], { urls: ["-s", "--fail"] }],
  [["-s", "-", "--"], { silent: true, urls: ["-"] }],
];

for (const [args, expected] of ARGUMENTS) {
  Deno.test(`parseOptions() reads ${JSON.stringify(args)}`, async () => {
    assertEquals(await given(args), expected);
  });
}

Deno.test("parseOptions() keeps an empty value", async () => {
  assertEquals((await parseOne(["-A", ""]))["user-agent"], "");
  assertEquals((await parseOne(["--user-agent=", "-s"]))["user-agent"], "");
});

Deno.test("FLAGS has each letter and each name once", () => {
  const letters = FLAGS.map(([letter]) => letter).filter((letter) => letter);
  assertEquals(letters.length, new Set<string>(letters).size);
  assertEquals(FLAGS.length, new Set(FLAGS.map(([, name]) => name)).size);
});

Deno.test("no flag is in two tables", () => {
  const all: readonly Flag[] = [...FLAGS, ...ACCEPTED, ...REFUSED];
  const names = all.flatMap(([letter, name]) => letter ? [letter, name] : name);
  assertEquals(names.filter((name, at) => names.indexOf(name) !== at), []);
});

// Arguments, and some options of each operation
const OPERATIONS: readonly (readonly [string[], Partial<Options>[]])[] = [
  [["a", "--next", "b"], [{ urls: ["a"] }, { urls: ["b"] }]],
  [["--next", "a", "--next", "--next", "b"], [{ urls: ["a"] }, {
    urls: ["b"],
  }]],
  [["a", "-:", "b", "-:", "c"], [{ urls: ["a"] }, { urls: ["b"] }, {
    urls: ["c"],
  }]],
  [["-I", "a", "--next", "-d", "x", "b"], [
    { head: true, data: [] },
    { head: false, data: ["x"] },
  ]],
  [["a", "--next", "-s", "b", "-Z"], [
    { silent: true, parallel: true },
    { silent: true, parallel: true },
  ]],
  [["-o", "1", "a", "--next", "b", "-o", "2"], [
    { output: ["1"] },
    { output: ["2"] },
  ]],
];

for (const [args, expected] of OPERATIONS) {
  Deno.test(`parseOptions() splits ${args.join(" ")} into operations`, async () => {
    const operations = await parse(args);
    assertEquals(operations.length, expected.length);
    for (const [index, part] of expected.entries()) {
      const names = Object.keys(part) as (keyof Flags)[];
      const given = names.map((name) => [name, operations[index]![name]]);
      assertEquals(Object.fromEntries(given), part);
    }
  });
}

/** The text of a file for -K, and arguments that mean the same. */
const CONFIGS: readonly (readonly [string, string[]])[] = [
  ["", []],
  ["# silent\n\n  \t\r\n", []],
  ["silent\n--fail\n-i", ["-s", "-f", "-i"]],
  ["url = http://a/", ["http://a/"]],
  ["url=http://a/\r\nurl: http://b/", ["http://a/", "http://b/"]],
  ["-sSL", ["-s", "-S", "-L"]],
  ["-o file", ["-o", "file"]],
  ["-ofile", ["-o", "file"]],
  ["--output file", ["-o", "file"]],
  ["output\tfile # a comment", ["-o", "file"]],
  ['user-agent = "a b" # c', ["-A", "a b"]],
  [String.raw`data = "a\"b\\c\td\ne\rf\vg\h"`, ["-d", 'a"b\\c\td\ne\rf\vgh']],
  ['data = ""', ["-d", ""]],
  ["data = =x", ["-d", "x"]],
  ['header = "A: b"', ["-H", "A: b"]],
  ["data = @x#y", ["-d", "@x#y"]],
  ["no-silent", []],
  ["request PUT\nrequest GET", ["-X", "GET"]],
];

for (const [text, args] of CONFIGS) {
  Deno.test(`parseOptions() reads a file with ${JSON.stringify(text)}`, async () => {
    assertEquals(await parse(["-K", "-"], text), await parse(args));
  });
}

Deno.test("parseOptions() inserts the flags of a file where -K stands", async () => {
  const [first, second] = await parse(
    ["-X", "PUT", "-o", "1", "-K", "-", "-o", "3", "b"],
    "request = POST\noutput = 2\nurl = a\nnext",
  );
  assertEquals(first.output, ["1", "2"]);
  assertEquals([first.request, first.urls], ["POST", ["a"]]);
  assertEquals([second!.output, second!.urls], [["3"], ["b"]]);
});

const WRONG_LINES: readonly (readonly [string, string])[] = [
  ["\nbogus", 'Cannot read flag "--bogus": unknown (line 2 of "-")'],
  [
    "silent = yes",
    'Cannot read flag "--silent": it takes no value (line 1 of "-")',
  ],
  ["-s http://a/", 'Cannot read flag "-s": it takes no value (line 1 of "-")'],
  [
    "http://a/",
    'Cannot read flag "--http": unknown; did you mean --http2? (line 1 of "-")',
  ],
  ["output", 'Cannot read flag "--output": FILE is missing (line 1 of "-")'],
  [
    "user-agent = a b",
    'Cannot read "a b" for --user-agent: expected one word, or "..." (line 1 of "-")',
  ],
  [
    'user-agent = "a',
    'Cannot read "\\"a" for --user-agent: expected one word, or "..." (line 1 of "-")',
  ],
  ["config = no-such", 'Cannot read "no-such": no such file or directory'],
];

for (const [text, message] of WRONG_LINES) {
  Deno.test(`main() explains what is wrong with the line ${JSON.stringify(text)}`, async () => {
    const { err } = await run(["-K", "-", HOST], { stdin: text });
    assertEquals(err, `knock: ${message}\n`);
  });
}

Deno.test("main() refuses --insecure in a file", async () => {
  for (const stdin of ["insecure", "-k", "--insecure", "-sk", "-K\n-k"]) {
    const { code, err } = await run(["-K", "-", HOST], { stdin });
    assertEquals(code, 2);
    assertMatch(err, /-k must be typed each time|FILE is missing/);
  }
});

Deno.test("main() refuses a file of -K that includes itself", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, `config = ${path}`);
    const { code, err } = await run(["-K", path, HOST]);
    assertEquals(code, 2);
    assertMatch(err, /: files are nested too deeply\n$/);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("main() -v says which flags change nothing, and why", async () => {
  await using server = serveRaw(() => ({ raw: ok("hi") }));
  const args = ["--http2", "-N", "--keepalive-time", "5", "--no-buffer"];
  const quiet = await run([...args, server.url]);
  assertEquals([quiet.code, quiet.out, quiet.err], [0, "hi", ""]);
  const { err } = await run([...args, "-v", server.url]);
  assertStringIncludes(err, "* --http2: Knock asks in HTTP/1.0\n");
  assertStringIncludes(err, "* -N: output is never buffered\n");
});

Deno.test("main() says why it does not have a flag of curl", async () => {
  for (const [letter, name, , reason] of REFUSED) {
    const args = [`--${name}`, ...letter === "" ? [] : [`-${letter}`]];
    for (const arg of args) {
      const { code, out, err } = await run([arg, "x", HOST]);
      const message = `knock: Cannot use ${arg}: ${reason}\n`;
      assertEquals([code, out, err], [2, "", message]);
    }
  }
  const { err } = await run(["--socks5=x", "--bogus", HOST]);
  assertMatch(err, /^knock: Cannot use --socks5: /);
});

/** Other spellings of curl, flags that are turned off, and their meaning. */
const SPELLINGS: readonly (readonly [string[], string[]])[] = [
  [["--data-ascii", "a"], ["--data", "a"]],
  [["--show-headers"], ["--include"]],
  [["--proxy1.0", "a"], ["--proxy", "a"]],
  [["--url", "a", "b", "--url=c"], ["a", "b", "c"]],
  [["-L", "--no-location"], []],
  [["-s", "--no-silent", "-f"], ["-f"]],
  [["--no-progress-meter", "--progress-meter"], []],
  [["--http1.1", "-0"], []],
];

for (const [args, same] of SPELLINGS) {
  Deno.test(`parseOptions() reads ${args.join(" ")} as "${same.join(" ")}"`, async () => {
    assertEquals(await given(args), await given(same));
  });
}

// A wrong suggestion for these could send what was meant for another flag
const NOT_SUGGESTED = ["--D", "--dump", "--limit"];

Deno.test("main() suggests no flag that is too different", async () => {
  for (const arg of NOT_SUGGESTED) {
    const { err } = await run([arg, "x", HOST]);
    assertEquals(err, `knock: Cannot read flag "${arg}": unknown\n`);
  }
});

const HOST = "http://127.0.0.1:1/";

const WRONG_USES: readonly (readonly [string[], string])[] = [
  [[], "Cannot fetch: no URL is given; see --help"],
  [
    ["--no-such"],
    'Cannot read flag "--no-such": unknown',
  ],
  [
    ["--locaton"],
    'Cannot read flag "--locaton": unknown; did you mean --location?',
  ],
  [
    ["--Silent"],
    'Cannot read flag "--Silent": unknown; did you mean --silent?',
  ],
  [["-W"], 'Cannot read flag "-W": unknown'],
  [["-s5"], 'Cannot read flag "-5": unknown'],
  [["-X"], 'Cannot read flag "-X": METHOD is missing'],
  [["-o", "", HOST], 'Cannot read flag "-o": FILE is missing'],
  [
    ["--unix-socket", "", HOST],
    'Cannot read flag "--unix-socket": PATH is missing',
  ],
  [["--draw", "", HOST], 'Cannot read "" for --draw: expected FILE.svg'],
  [["--draw", "-", HOST], 'Cannot read "-" for --draw: expected FILE.svg'],
  [
    ["-r", "-", HOST],
    'Cannot read "-" for --range: expected bytes, such as 0-499 or -500',
  ],
  [
    ["-r", "0-9,-", HOST],
    'Cannot read "0-9,-" for --range: expected bytes, such as 0-499 or -500',
  ],
  [["--silent=yes"], 'Cannot read flag "--silent=yes": it takes no value'],
  [
    ["--no-silent=true"],
    'Cannot read flag "--no-silent=true": it takes no value',
  ],
  [
    ["-m", "soon", HOST],
    'Cannot read "soon" for --max-time: expected seconds, such as 2.5',
  ],
  [
    ["-m", "-1", HOST],
    'Cannot read "-1" for --max-time: expected seconds, such as 2.5',
  ],
  [
    ["--retry", "-1", HOST],
    'Cannot read "-1" for --retry: expected a whole number',
  ],
  [
    ["--max-redirs", "1e3", HOST],
    'Cannot read "1e3" for --max-redirs: expected a whole number',
  ],
  [
    ["--max-filesize", "1X", HOST],
    'Cannot read "1X" for --max-filesize: expected bytes, such as 10M',
  ],
  [
    ["-r", "a", HOST],
    'Cannot read "a" for --range: expected bytes, such as 0-499 or -500',
  ],
  [
    ["-H", "no colon", HOST],
    'Cannot read "no colon" for --header: expected "Name: value"',
  ],
  [
    ["-u", "ada", HOST],
    'Cannot ask for the password of "ada": there is no terminal; use -u NAME:PASSWORD, or -n',
  ],
  [
    ["-F", "no-equals", HOST],
    'Cannot read "no-equals" for --form: expected NAME=TEXT or NAME=@FILE',
  ],
  [
    ["-d", "a", "-T", "b", HOST],
    "Cannot send two bodies: use -d, -F or -T alone",
  ],
  [
    ["-T", "a", "-T", "b", HOST],
    'Cannot upload "b": there is no URL for it',
  ],
  [["-I", "-d", "a", HOST], "Cannot send a body with -I: HEAD has none"],
  [
    ["-C", "5", "-o", "f", HOST],
    'Cannot resume at "5": only -C - is safe; use -r 5- for the bytes from there',
  ],
  [
    ["-C", "-", HOST],
    "Cannot resume this download: -C - needs -o or -O, and no -r, -i, -I or --compressed",
  ],
  [
    ["-X", "G T", HOST],
    'Cannot write request line: method "G T" is not a token',
  ],
];

for (const [args, message] of WRONG_USES) {
  Deno.test(`main() explains what is wrong with ${JSON.stringify(args)}`, async () => {
    const { code, out, err } = await run(args);
    assertEquals([code, out, err], [2, "", `knock: ${message}\n`]);
  });
}

const WRONG_RULES = ["", "a:b", "::a:b", "1:a:1.2.3.4"];
const WRONG_ADDRESSES = [
  "a:80:b",
  "a:80",
  "a:80:1.2.3.4,b",
  "-a:80:1.2.3.4",
  "a:65536:1.2.3.4",
];

Deno.test("main() exits with 49 for an invalid address of --resolve", async () => {
  for (const rule of WRONG_ADDRESSES) {
    assertEquals((await run(["--resolve", rule, HOST])).code, 49, rule);
  }
});

Deno.test("main() exits with 49 for an invalid rule about hosts", async () => {
  for (const flag of ["--resolve", "--connect-to"]) {
    for (const rule of WRONG_RULES) {
      const { code, err } = await run([flag, rule, HOST]);
      assertEquals(code, 49, `${flag} ${rule}`);
      assertMatch(
        err,
        /^knock: Cannot read ".*" for --.*: expected HOST:PORT:/,
      );
    }
  }
});

Deno.test("main() refuses line ends in fields before it connects", async () => {
  const { code, err } = await run(["-H", "A: b\r\nC: d", HOST]);
  assertEquals(code, 2);
  assertMatch(err, /^knock: Cannot write field "A": .*\n$/);
});

const WRONG_URLS: readonly (readonly [string, number, string])[] = [
  [
    "a:99999",
    3,
    'Cannot parse port "99999": expected a number from 0 to 65535\n  http://a:99999\n           ^\n',
  ],
  [
    "b:c@a:99999",
    3,
    'Cannot parse port "99999": expected a number from 0 to 65535\n  http://***@a:99999\n               ^\n',
  ],
  [
    "http://a b/",
    3,
    'Cannot parse host "a b": expected no " " in it\n  http://a b/\n          ^\n',
  ],
  [
    "knock://a/",
    1,
    'Cannot parse protocol "knock": expected "http" or "https"\n  knock://a/\n  ^\n',
  ],
];

for (const [url, code, text] of WRONG_URLS) {
  Deno.test(`main() shows what is wrong with the URL "${url}"`, async () => {
    const result = await run([url]);
    assertEquals([result.code, result.err], [code, `knock: ${text}`]);
  });
}

Deno.test("main() --help all lists every flag, in lines of at most 80 columns", async () => {
  const { code, out } = await run(["--help", "all"]);
  assertEquals(code, 0);
  for (const [letter, name] of [...FLAGS, ...ACCEPTED]) {
    assertStringIncludes(
      out,
      letter === "" ? `--${name}` : `-${letter}, --${name}`,
    );
  }
  assertEquals(out.split("\n").filter((line) => line.length > 80), []);
});

Deno.test("main() --help shows the common flags on one screen", async () => {
  const { code, out } = await run(["--help"]);
  assertEquals(code, 0);
  const lines = out.split("\n");
  assertEquals(lines.filter((line) => line.length > 80), []);
  assertEquals(lines.length <= 25, true, `${lines.length} lines`);
  assertStringIncludes(out, "--help all");
});

Deno.test("main() --version prints the command, its version, protocols and features", async () => {
  const { code, out } = await run(["-V"]);
  assertEquals(code, 0);
  assertMatch(
    out,
    /^knock \d+\.\d+\.\d+\nProtocols: http https\nFeatures: [ \w./]+\n$/,
  );
});

const TYPED: readonly [typed: string, href: string][] = [
  ["a.test", "http://a.test/"],
  ["http:/a.test/b", "http://a.test/b"],
  ["HTTPS:\\\\a.test", "https://a.test/"],
  [" \n http://a.test/b", "http://a.test/b"],
  [" a.test", "http://a.test/"],
  ["htt\np:/\t/a.te\r\nst/b", "http://a.test/b"],
  ["http:81", "http://http:81/"],
  ["https:81/a", "http://https:81/a"],
];

for (const [typed, href] of TYPED) {
  Deno.test(`parseTypedUrl() reads ${JSON.stringify(typed)} as ${href}`, () => {
    assertEquals(parseTypedUrl(typed).href, href);
  });
}
