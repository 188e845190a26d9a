import { parseArgs } from "@std/cli/parse-args";
import { assertEquals } from "@std/assert";

const OPTIONS = {
  string: ["port", "header", "output", "max-age"],
  boolean: ["quiet", "no-dir-listing", "color", "s", "L"],
  collect: ["header"],
  negatable: ["color"],
  alias: { port: "p", header: ["H"], quiet: "q", output: "o" },
  default: { port: "8000" },
} as const;

const ABSENT: Record<string, unknown> = {
  _: [],
  port: "8000",
  p: "8000",
  header: [],
  H: [],
  quiet: false,
  q: false,
  "no-dir-listing": false,
  color: false,
  s: false,
  L: false,
};

/** The arguments, and what differs from no arguments at all. */
const ROWS: readonly [args: string[], found: Record<string, unknown>][] = [
  [[], {}],
  [["dir"], { _: ["dir"] }],
  [["-"], { _: ["-"] }],
  [[""], { _: [""] }],
  [["12"], { _: [12] }],
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
  [["--color"], { color: true }],
  [["--color", "--no-color"], {}],
  [["--header=A: b=c"], { header: ["A: b=c"], H: ["A: b=c"] }],
  [["-H", "A: 1", "-H", "B: 2"], {
    header: ["A: 1", "B: 2"],
    H: ["A: 1", "B: 2"],
  }],
  [["--header=-x"], { header: ["-x"], H: ["-x"] }],
  [["a", "--", "--quiet", "b"], { _: ["a", "--quiet", "b"] }],
  [["--unknown"], { unknown: true }],
  [["--unknown", "1.5"], { unknown: 1.5 }],
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

Deno.test("parseArgs() keeps what follows -- apart when asked", () => {
  const parsed = parseArgs(["a", "--", "-b", "--"], { "--": true });
  assertEquals({ ...parsed }, { _: ["a"], "--": ["-b", "--"] });
});

Deno.test("parseArgs() stops at the first argument when asked", () => {
  const parsed = parseArgs(["-q", "a", "-x", "--", "b"], {
    boolean: ["q"],
    stopEarly: true,
  });
  assertEquals({ ...parsed }, { _: ["a", "-x", "b"], q: true });
});

Deno.test("parseArgs() keeps positional numbers as text when asked", () => {
  assertEquals<unknown>(parseArgs(["007"], { string: ["_"] })._, ["007"]);
});

Deno.test("parseArgs() leaves the prototype alone", () => {
  const parsed = parseArgs(["--__proto__=1", "--__proto__", "x"]);
  assertEquals(Object.getPrototypeOf(parsed), Object.prototype);
});
