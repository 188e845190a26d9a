import { parseArgs } from "@std/cli/parse-args";
import { assertEquals } from "@std/assert";

const OPTIONS = {
  string: ["_", "port", "header", "output", "max-age"],
  boolean: ["quiet", "no-dir-listing"],
  collect: ["header"],
} as const;

const ABSENT: Record<string, unknown> = {
  _: [],
  header: [],
  quiet: false,
  "no-dir-listing": false,
};

/** Arguments, and how the result differs from the one without arguments. */
const ROWS: readonly [args: string[], found: Record<string, unknown>][] = [
  [[], {}],
  [["dir"], { _: ["dir"] }],
  [["-"], { _: ["-"] }],
  [[""], { _: [""] }],
  [["007"], { _: ["007"] }],
  [["--port=8080"], { port: "8080" }],
  [["--port", "8080"], { port: "8080" }],
  [["--port=1", "--port=2"], { port: "2" }],
  [["--port="], { port: "" }],
  [["--port"], { port: "" }],
  [["--port", "--quiet"], { port: "", quiet: true }],
  [["--port", ""], { port: "", _: [""] }],
  [["--port", "--", "8080"], { port: "", _: ["8080"] }],
  [["--max-age=60"], { "max-age": "60" }],
  [["--quiet"], { quiet: true }],
  [["--quiet", "dir"], { quiet: true, _: ["dir"] }],
  [["--quiet=true"], { quiet: true }],
  [["--quiet=false"], {}],
  [["--output", "-"], { output: "", _: ["-"] }],
  [["--output=-"], { output: "-" }],
  [["--no-dir-listing"], { "no-dir-listing": true }],
  [["--header=A: b=c"], { header: ["A: b=c"] }],
  [["--header", "A: 1", "--header", "B: 2"], { header: ["A: 1", "B: 2"] }],
  [["--header=-x"], { header: ["-x"] }],
  [["--header=a\nb"], { header: ["a\nb"] }],
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

Deno.test("parseArgs() calls unknown() with arguments that no option names", () => {
  const calls: unknown[] = [];
  const args = ["--nope=1", "-x", "--quiet", "dir", "--no-such"];
  const parsed = parseArgs(args, {
    boolean: ["quiet"],
    unknown: (arg, key, value) => {
      calls.push([arg, key, value]);
      return key === undefined;
    },
  });
  assertEquals(calls, [
    ["--nope=1", "nope", "1"],
    ["-x", "x", true],
    ["dir", undefined, undefined],
    ["--no-such", "no-such", true],
  ]);
  assertEquals({ ...parsed }, { _: ["dir"], quiet: true });
});

Deno.test("parseArgs() does not change the prototype", () => {
  const parsed = parseArgs(["--__proto__=1", "--__proto__", "x"]);
  assertEquals(Object.getPrototypeOf(parsed), Object.prototype);
});
