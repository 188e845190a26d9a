import { parseArgs } from "@std/cli/parse-args";
import { assertEquals } from "@std/assert";

const OPTIONS = {
  string: ["_", "port", "header", "output", "max-age"],
  boolean: ["quiet", "no-dir-listing", "s", "L"],
  collect: ["header"],
  alias: { port: "p", header: ["H"], quiet: "q", output: "o" },
} as const;

const ABSENT: Record<string, unknown> = {
  _: [],
  header: [],
  H: [],
  quiet: false,
  q: false,
  "no-dir-listing": false,
  s: false,
  L: false,
};

/** The arguments, and what differs from no arguments at all. */
const ROWS: readonly [args: string[], found: Record<string, unknown>][] = [
  [[], {}],
  [["dir"], { _: ["dir"] }],
  [["-"], { _: ["-"] }],
  [[""], { _: [""] }],
  [["007"], { _: ["007"] }],
  [["--port=8080"], { port: "8080", p: "8080" }],
  [["--port", "8080"], { port: "8080", p: "8080" }],
  [["-p", "8080"], { port: "8080", p: "8080" }],
  [["-p8080"], { port: "8080", p: "8080" }],
  [["-p=8080"], { port: "8080", p: "8080" }],
  [["--port=1", "--port=2"], { port: "2", p: "2" }],
  [["--port="], { port: "", p: "" }],
  [["--port"], { port: "", p: "" }],
  [["--port", "--quiet"], { port: "", p: "", quiet: true, q: true }],
  [["--port", ""], { port: "", p: "", _: [""] }],
  [["--max-age=60"], { "max-age": "60" }],
  [["--quiet", "dir"], { quiet: true, q: true, _: ["dir"] }],
  [["--quiet", "false"], {}],
  [["--quiet=false"], {}],
  [["-q", "dir"], { quiet: true, q: true, _: ["dir"] }],
  [["-sL", "dir"], { s: true, L: true, _: ["dir"] }],
  [["-sLo", "file"], { s: true, L: true, o: "file", output: "file" }],
  [["-o", "-"], { o: "-", output: "-" }],
  [["--output", "-"], { o: "", output: "", _: ["-"] }],
  [["--no-dir-listing"], { "no-dir-listing": true }],
  [["--header=A: b=c"], { header: ["A: b=c"], H: ["A: b=c"] }],
  [["-H", "A: 1", "-H", "B: 2"], {
    header: ["A: 1", "B: 2"],
    H: ["A: 1", "B: 2"],
  }],
  [["--header=-x"], { header: ["-x"], H: ["-x"] }],
  [["a", "--", "--quiet", "b"], { _: ["a", "--quiet", "b"] }],
  [["--unknown"], { unknown: true }],
  [["--unknown", "value"], { unknown: "value" }],
  [["--unknown=x"], { unknown: "x" }],
  [["-x"], { x: true }],
];

for (const [args, found] of ROWS) {
  Deno.test(`parseArgs() reads ${JSON.stringify(args)}`, () => {
    assertEquals({ ...parseArgs(args, OPTIONS) }, { ...ABSENT, ...found });
  });
}

Deno.test("parseArgs() asks about what no option names", () => {
  const asked: unknown[] = [];
  const args = ["--nope=1", "-x", "--quiet", "dir", "--no-such"];
  const parsed = parseArgs(args, {
    boolean: ["quiet"],
    unknown: (arg, key, value) => {
      asked.push([arg, key, value]);
      return key === undefined;
    },
  });
  assertEquals(asked, [
    ["--nope=1", "nope", "1"],
    ["-x", "x", true],
    ["dir", undefined, undefined],
    ["--no-such", "no-such", true],
  ]);
  assertEquals({ ...parsed }, { _: ["dir"], quiet: true });
});

Deno.test("parseArgs() leaves the prototype alone", () => {
  const parsed = parseArgs(["--__proto__=1", "--__proto__", "x"]);
  assertEquals(Object.getPrototypeOf(parsed), Object.prototype);
});
