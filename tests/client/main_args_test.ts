import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FLAGS, parseOptions } from "../../client/_command/options.ts";
import { run } from "./_memory_io.ts";

/** What of the flags is not as it is without any. */
function given(args: readonly string[]): Record<string, unknown> {
  const entries = Object.entries(parseOptions(args));
  return Object.fromEntries(
    entries.filter(([name, value]) =>
      name !== "operands" && name !== "parts" && value !== false &&
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
  [["--silent=true", "--fail=false"], { silent: true }],
  [["-6", "-4"], { ipv4: true, ipv6: true }],
  [["--noproxy", "*"], { noproxy: "*" }],
  [["--", "-s", "--fail"], { urls: ["-s", "--fail"] }],
  [["-s", "-", "--"], { silent: true, urls: ["-"] }],
];

for (const [args, expected] of ARGUMENTS) {
  Deno.test(`parseOptions() reads ${JSON.stringify(args)}`, () => {
    assertEquals(given(args), expected);
  });
}

Deno.test("parseOptions() keeps an empty value", () => {
  assertEquals(parseOptions(["-A", ""])["user-agent"], "");
  assertEquals(parseOptions(["--user-agent=", "-s"])["user-agent"], "");
});

Deno.test("FLAGS has each letter and each name once", () => {
  const letters = FLAGS.map(([letter]) => letter).filter((letter) => letter);
  assertEquals(letters.length, new Set<string>(letters).size);
  assertEquals(FLAGS.length, new Set(FLAGS.map(([, name]) => name)).size);
});

const HOST = "http://127.0.0.1:1/";

const WRONG_USES: readonly (readonly [string[], string])[] = [
  [[], "Cannot fetch: no URL is given; --help tells more"],
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
  [["-l"], 'Cannot read flag "-l": unknown'],
  [["-D", "f"], 'Cannot read flag "-D": unknown'],
  [["-sy"], 'Cannot read flag "-y": unknown'],
  [["-X"], 'Cannot read flag "-X": METHOD is missing'],
  [["-o", "", HOST], 'Cannot read flag "-o": FILE is missing'],
  [["--silent=yes"], 'Cannot read flag "--silent=yes": it takes no value'],
  [
    ["-m", "soon", HOST],
    'Cannot read "soon" for --max-time: expected seconds, such as 2.5',
  ],
  [
    ["-m", "0", HOST],
    'Cannot read "0" for --max-time: expected seconds, such as 2.5',
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
    'Cannot read "ada" for --user: expected NAME:PASSWORD, where either may be empty',
  ],
  [
    ["-F", "no-equals", HOST],
    'Cannot read "no-equals" for --form: expected NAME=TEXT or NAME=@FILE',
  ],
  [
    ["--resolve", "a:b", HOST],
    'Cannot read "a:b" for --resolve: expected HOST:PORT:IP',
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
    'Cannot go on at "5": only -C - is safe; -r 5- asks for the bytes from there',
  ],
  [
    ["-C", "-", HOST],
    "Cannot go on with this download: -C - needs -o or -O, without -r, -i, -I and --compressed",
  ],
  [["-X", "G T", HOST], 'Cannot write request line: method "G T" is no token'],
];

for (const [args, message] of WRONG_USES) {
  Deno.test(`main() explains the wrong use ${JSON.stringify(args)}`, async () => {
    const { code, out, err } = await run(args);
    assertEquals([code, out, err], [2, "", `knock: ${message}\n`]);
  });
}

Deno.test("main() refuses line ends in fields before it connects", async () => {
  const { code, err } = await run(["-H", "A: b\r\nC: d", HOST]);
  assertEquals(code, 2);
  assertMatch(err, /^knock: Cannot write field "A": .*\n$/);
});

Deno.test("main() refuses -k, with the reason and the way out", async () => {
  const { code, err } = await run(["-k", "https://localhost/"]);
  assertEquals(code, 2);
  assertMatch(
    err,
    /anyone on the way could read and change all.*--cacert FILE/,
  );
});

const WRONG_URLS: readonly (readonly [string, number, string])[] = [
  [
    "a:99999",
    3,
    'Cannot parse port "99999": expected a number from 0 to 65535\n  http://a:99999\n           ^\n',
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

Deno.test("main() --help names every flag, in lines that fit", async () => {
  const { code, out } = await run(["--help"]);
  assertEquals(code, 0);
  for (const [letter, name] of FLAGS) {
    assertStringIncludes(
      out,
      letter === "" ? `--${name}` : `-${letter}, --${name}`,
    );
  }
  assertEquals(out.split("\n").filter((line) => line.length > 80), []);
});

Deno.test("main() --version names the command and its version", async () => {
  const { code, out } = await run(["-V"]);
  assertEquals(code, 0);
  assertMatch(out, /^knock \d+\.\d+\.\d+\n$/);
});
