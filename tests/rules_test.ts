// Checks those style rules that a program can check. CONTRIBUTING.md lists all.

import { assert, assertEquals } from "@std/assert";
import { matches, ROOT, SOURCES } from "./_sources.ts";

const WIDTH = 80;
const COMMENT_REGEXP = /^\s*(?:\*|\/\/|\/\*)/;

Deno.test("comments have at most 80 columns", () => {
  const wide = SOURCES.flatMap(({ path, text }) =>
    text.split("\n")
      .filter((line) => line.length > WIDTH && COMMENT_REGEXP.test(line))
      .map((line) => `${path}: ${line}`)
  );
  assertEquals(wide, []);
});

Deno.test("no module has top-level variables", () => {
  assertEquals(matches(SOURCES, /^(?:export )?(?:let|var) .*/gm), []);
});

const REGEXP_REGEXP =
  /^(?:export )?const (\w+)(?::[^=]+)?\s*=\s*\/((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+)\/([a-z]*);/gm;
const CLASS_OR_ESCAPE_REGEXP = /\[(?:\\.|[^\]\\])*\]|\\./g;

/**
 * Whether a regular expression is anchored: by a flag, at its start or end, or
 * at the semicolon before a parameter. One that repeats nothing needs no anchor.
 */
function isBound(pattern: string, flags: string): boolean {
  if (/[gy]/.test(flags)) return true;
  if (/^(?:\(\?:)?\^|^\(\?<|\$\)?$|^;/.test(pattern)) return true;
  return !/[*+]|\{\d+,/.test(pattern.replace(CLASS_OR_ESCAPE_REGEXP, "x"));
}

Deno.test("regular expressions are anchored, and named _REGEXP", () => {
  let count = 0;
  for (const { path, code } of SOURCES) {
    for (const [, name, pattern, flags] of code.matchAll(REGEXP_REGEXP)) {
      count++;
      assert(name!.endsWith("_REGEXP"), `${path}: ${name}`);
      assert(isBound(pattern!, flags!), `${path}: ${name} is not anchored`);
    }
  }
  assert(count > 50, `${count} found`);
});

/** An export as `deno doc` describes it. */
interface Callable {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly def: { readonly params?: readonly unknown[] };
  }[];
}

Deno.test("exported functions take at most two arguments, then options", () => {
  const map = new URL("offline/import_map.json", ROOT);
  const { stdout } = new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", `--import-map=${map}`, "mod.ts"],
    cwd: ROOT,
    stderr: "null",
  }).outputSync();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout));
  const files: { symbols: Callable[] }[] = Object.values(nodes);
  const functions = files.flatMap(({ symbols }) => symbols)
    .filter(({ declarations: [first] }) => first?.kind === "function");
  assert(functions.length > 30);
  for (const { name, declarations: [first] } of functions) {
    const params = first!.def.params ?? [];
    assert(params.length <= 3, name);
    if (params.length < 3) continue;
    // accessLog() takes onError instead of options
    assert(
      /"name":"(?:options|onError)"/.test(JSON.stringify(params[2])),
      name,
    );
  }
});
