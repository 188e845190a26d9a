// Checks that the source files have the structure that README promises: the
// direction of imports, and what the pure folders must not use.

import { assert, assertEquals } from "@std/assert";
import {
  FOLDERS,
  matches,
  readSource,
  SOURCES,
  sourcesOf,
} from "./_sources.ts";

const PURE = ["url", "message"];

Deno.test("the source files are found, and their comments removed", () => {
  for (const folder of FOLDERS) assert(sourcesOf(folder).length > 0, folder);
  const { code, imports } = readSource("message/mod.ts");
  assert(!code.includes("@module"));
  assert(imports.includes("message/wire.ts"));
});

for (const folder of PURE) {
  const sources = sourcesOf(folder);

  Deno.test(`${folder}/ never mentions Deno`, () => {
    assertEquals(matches(sources, /\bDeno\b/g), []);
    assertEquals(matches(sources, /"node:[a-z]+"/g), []);
  });

  Deno.test(`${folder}/ needs nothing that Node 22 lacks`, () => {
    const recent = /\busing \w+ =|\b(?:from|to)Base64\b/g;
    assertEquals(matches(sources, recent), []);
  });

  Deno.test(`${folder}/ starts no timer`, () => {
    const timer = /\b(?:setTimeout|setInterval|AbortSignal\.timeout)\b/g;
    assertEquals(matches(sources, timer), []);
  });

  Deno.test(`${folder}/ keeps no state`, () => {
    assertEquals(matches(sources, /^(?:export )?(?:let|var) .*/gm), []);
    const written = sources.flatMap(({ path, code }) =>
      Array.from(
        code.matchAll(/^(?:export )?const (\w+)/gm),
        ([, name]) => name!,
      )
        .filter((name) => isWritten(name, code))
        .map((name) => `${path}: ${name}`)
    );
    assertEquals(written, []);
  });
}

/**
 * Whether code changes the value of a constant: a map, a set or an array. The
 * `lastIndex` of an expression does not count, because it is set before a use.
 */
function isWritten(name: string, code: string): boolean {
  const change = "set|add|delete|clear|push|pop|shift|unshift|splice|sort" +
    "|reverse|fill|copyWithin";
  const call = String.raw`\??\.(?:${change})\(`;
  const assignment = String
    .raw`(?:\.(?!lastIndex)\w+|\[[^\]\n]*\])\s*(?:[-+*/|&?]{0,2})=(?!=)`;
  return new RegExp(String.raw`\b${name}(?:${call}|${assignment})`).test(code);
}

/** Files that every folder may import, because of the version. */
const ROOT_FILES = ["deno.json"];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  url: [],
  message: ["url"],
  command: ["url", "message"],
  server: ["url", "message", "command"],
  client: ["url", "message", "command"],
};

for (const [folder, others] of Object.entries(MAY_IMPORT)) {
  Deno.test(`${folder}/ imports ${others.join(", ") || "nothing"} from outside`, () => {
    const outside = sourcesOf(folder).flatMap(({ path, imports }) =>
      imports
        .filter((target) => !ROOT_FILES.includes(target))
        .filter((target) =>
          ![folder, ...others].some((one) => target.startsWith(`${one}/`))
        )
        .map((target) => `${path} -> ${target}`)
    );
    assertEquals(outside, []);
  });
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Whether one folder contains the other. Such folders may import each other. */
function isWithin(folder: string, other: string): boolean {
  return folder.startsWith(`${other}/`) || other.startsWith(`${folder}/`);
}

Deno.test("no two folders import each other", () => {
  const arrows = new Set(
    SOURCES.flatMap(({ path, imports }) =>
      imports.map((target) => `${folderOf(path)} -> ${folderOf(target)}`)
    ),
  );
  const pairs = [...arrows].filter((arrow) => {
    const [from = "", to = ""] = arrow.split(" -> ");
    return from < to && !isWithin(from, to) && arrows.has(`${to} -> ${from}`);
  });
  assertEquals(pairs, []);
});

Deno.test("no file imports itself, directly or through others", () => {
  const graph = new Map(SOURCES.map(({ path, imports }) => [path, imports]));
  const circles = SOURCES.filter(({ path }) => reaches(graph, path));
  assertEquals(circles.map(({ path }) => path), []);
});

/** Whether the imports of a file lead back to it. */
function reaches(
  graph: ReadonlyMap<string, readonly string[]>,
  start: string,
): boolean {
  const seen = new Set<string>();
  const open = [...graph.get(start) ?? []];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (path === start) return true;
    if (seen.has(path)) continue;
    seen.add(path);
    open.push(...graph.get(path) ?? []);
  }
  return false;
}

Deno.test("each mod.ts lists the names that it exports", () => {
  const modules = SOURCES.filter(({ path }) => path.endsWith("/mod.ts"));
  assert(modules.length >= 4);
  assertEquals(matches(modules, /^export \*.*/gm), []);
});
