import { assertEquals, assertThrows } from "@std/assert";
import { CommandError } from "../../command/errors.ts";
import {
  collectValues,
  type Flag,
  listTokens,
  value,
  writeHelpRows,
} from "../../command/flags.ts";
import { escapeControls, quote } from "../../command/quote.ts";

const COUNT = value("COUNT", "a whole number", /^\d{1,9}$/, Number);
const PAIRS = value(
  "PAIR...",
  "NAME=TEXT",
  /^(\w+)=(.*)$/s,
  (_, name, text) => name === "no" ? null : [name, text] as const,
);
const FLAGS = [
  ["p", "port", COUNT, "listen there"],
  ["d", "data", "DATA...", "send it"],
  ["", "pair", PAIRS, "a name and a text"],
  ["A", "agent", "TEXT", "call itself so"],
  ["", "cors", "[=ORIGIN]", "let others read"],
  ["s", "silent", "", "say nothing"],
  ["0", "http1.0", "", "speak it"],
  ["", "no-listing", "", "show no lists"],
] as const satisfies readonly Flag[];

/** Parses arguments, and returns what they change. */
function read(args: readonly string[]): Record<string, unknown> {
  const none: Record<string, unknown> = collectValues(FLAGS, []);
  const given = collectValues(FLAGS, [...listTokens(FLAGS, args)]);
  return Object.fromEntries(
    Object.entries(given).filter(([name, value]) =>
      JSON.stringify(value) !== JSON.stringify(none[name])
    ),
  );
}

const ARGUMENTS: readonly (readonly [string[], Record<string, unknown>])[] = [
  [[], {}],
  [["-p", "80"], { port: 80 }],
  [["-p80"], { port: 80 }],
  [["--port=80", "--port", "81"], { port: 81 }],
  [["-sd", "a", "-db"], { silent: true, data: ["a", "b"] }],
  [["-d", "", "--data="], { data: ["", ""] }],
  [["-A", "-s", "x"], { agent: "-s", operands: ["x"] }],
  [["--pair", "a=b=c"], { pair: [["a", "b=c"]] }],
  [["--cors", "x"], { cors: "", operands: ["x"] }],
  [["--cors=x"], { cors: "x" }],
  [["--silent", "-s"], { silent: true }],
  [["-0"], { "http1.0": true }],
  [["--no-listing"], { "no-listing": true }],
  [["x", "-", "--", "-s", "--"], { operands: ["x", "-", "-s", "--"] }],
];

for (const [args, expected] of ARGUMENTS) {
  Deno.test(`collectValues() reads ${JSON.stringify(args)}`, () => {
    assertEquals(read(args), expected);
  });
}

const MISTAKES: readonly (readonly [string[], string])[] = [
  [["--prot"], 'Cannot read flag "--prot": unknown; did you mean --port?'],
  [
    ["--Silent"],
    'Cannot read flag "--Silent": unknown; did you mean --silent?',
  ],
  [["--date=x"], 'Cannot read flag "--date": unknown; did you mean --data?'],
  [["--listing"], 'Cannot read flag "--listing": unknown'],
  [["--no-silent"], 'Cannot read flag "--no-silent": unknown'],
  [["--data-file"], 'Cannot read flag "--data-file": unknown'],
  [["--xyzzy"], 'Cannot read flag "--xyzzy": unknown'],
  [["--D"], 'Cannot read flag "--D": unknown'],
  [["-D"], 'Cannot read flag "-D": unknown'],
  [["-sS"], 'Cannot read flag "-S": unknown'],
  [["-\x1b"], 'Cannot read flag "-\\u001b": unknown'],
  [["--port"], 'Cannot read flag "--port": COUNT is missing'],
  [["-sp"], 'Cannot read flag "-p": COUNT is missing'],
  [["-d"], 'Cannot read flag "-d": DATA is missing'],
  [["--silent=true"], 'Cannot read flag "--silent=true": it takes no value'],
  [["-p", ""], 'Cannot read "" for --port: expected a whole number'],
  [["-p=80"], 'Cannot read "=80" for --port: expected a whole number'],
  [["--pair", "no=1"], 'Cannot read "no=1" for --pair: expected NAME=TEXT'],
];

for (const [args, message] of MISTAKES) {
  Deno.test(`listTokens() refuses ${JSON.stringify(args)}`, () => {
    const error = assertThrows(() => read(args), CommandError);
    assertEquals([error.message, error.exitCode], [message, 2]);
  });
}

Deno.test("listTokens() keeps flags and operands in their order", () => {
  const tokens = [...listTokens(FLAGS, ["a", "-sd1", "b", "--data=2"])];
  assertEquals(
    tokens.map(({ flag, arg, text }) => [flag?.[1] ?? null, arg, text]),
    [
      [null, "a", null],
      ["silent", "-s", null],
      ["data", "-d", "1"],
      [null, "b", null],
      ["data", "--data", "2"],
    ],
  );
});

Deno.test("writeHelpRows() writes letters, names and values", () => {
  const rows = FLAGS.filter(([, name]) => /data|cors|silent/.test(name));
  assertEquals(
    writeHelpRows(rows, 24).split("\n"),
    [
      "  -d, --data DATA       send it",
      "      --cors[=ORIGIN]   let others read",
      "  -s, --silent          say nothing",
    ],
  );
});

Deno.test("quote() and escapeControls() escape what could control a terminal", () => {
  assertEquals(
    quote('a"\n\r\x1b\x9b\u202e'),
    '"a\\"\\n\\r\\u001b\\u009b\\u202e"',
  );
  assertEquals(escapeControls("a\tb\r\nc\rd"), "a\tb\nc\\u000dd");
});
