import { assert, assertEquals, assertMatch } from "@std/assert";
import * as fc from "npm:fast-check@^4.10.2";
import {
  isHidden,
  isWindowsTrap,
  parseRequestPath,
  writeRequestPath,
} from "../../server/_files/resolve.ts";

Deno.test("parseRequestPath() decodes once and resolves dot segments below the root", () => {
  const cases: [string, string[], boolean, boolean][] = [
    ["/", [], true, true],
    ["/a", ["a"], false, true],
    ["/a/", ["a"], true, true],
    ["/a%20b/c", ["a b", "c"], false, true],
    ["/%25", ["%"], false, true],
    ["/%252e%252e/x", ["%2e%2e", "x"], false, true],
    ["/./a/../b", ["b"], false, true],
    ["/../../a", ["a"], false, true],
    ["/%2e%2e/a", ["a"], false, true],
    ["/a/..", [], true, true],
    ["/a/b/.", ["a", "b"], true, true],
    ["/...", ["..."], false, true],
    ["//a", ["a"], false, false],
    ["/a//b///", ["a", "b"], true, false],
    ["/%2Fa", ["a"], false, false],
    ["/a%2f", ["a"], true, false],
    ["/%2F..%2F..", [], true, false],
    ["/%5ca", ["\\a"], false, true],
    ["/%e2%82%ac", ["\u20ac"], false, true],
  ];
  for (const [path, names, endsInSlash, isCanonical] of cases) {
    assertEquals(
      parseRequestPath(path),
      { names, endsInSlash, isCanonical },
      path,
    );
  }
});

Deno.test("parseRequestPath() refuses what is no path in UTF-8", () => {
  const cases = [
    "",
    "a",
    "*",
    "/%",
    "/%zz",
    "/%ff",
    "/%c0%ae",
    "/a%00",
    "/%00/..",
    "/%ed%a0%80",
    "/%e2%82",
  ];
  for (const path of cases) assertEquals(parseRequestPath(path), null, path);
});

Deno.test("parseRequestPath() gives names that cannot leave the root, whatever the path", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "..",
      ".",
      "",
      "%2e",
      "%2F",
      "%5c",
      "..%2f",
      "%00",
      "%25",
      "a",
    ),
    fc.string(),
  );
  fc.assert(fc.property(fc.array(piece), (pieces) => {
    const names = parseRequestPath(`/${pieces.join("/")}`)?.names ?? [];
    for (const name of names) {
      assert(name !== "" && name !== "." && name !== "..", name);
      assert(!name.includes("/") && !name.includes("\0"), name);
    }
  }));
});

Deno.test("writeRequestPath() writes what parseRequestPath() reads, and no way to another host", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1 })
    .filter((name) => !/[/\0]|^\.\.?$/.test(name) && name.isWellFormed());
  fc.assert(fc.property(fc.array(name), fc.boolean(), (names, endsInSlash) => {
    const path = writeRequestPath(names, endsInSlash);
    assertMatch(path, /^\/(?:[!-.0-[\]-~][!-[\]-~]*)?$/); // one slash, no backslash, no control, nothing to decode anew
    const read = parseRequestPath(path);
    assertEquals(read?.names, names);
    assertEquals(read?.isCanonical, true);
  }));
});

Deno.test("writeRequestPath() encodes no more than clients do", () => {
  const rows: readonly (readonly [readonly string[], string])[] = [
    [["@scope", "+page,a;b=c&d:$.js"], "/@scope/+page,a;b=c&d:$.js/"],
    [["a?b#c", "%41 \\", "\u00e9[1]"], "/a%3Fb%23c/%2541%20%5C/%C3%A9%5B1%5D/"],
    [[], "/"],
  ];
  for (const [names, path] of rows) {
    assertEquals(writeRequestPath(names, true), path);
    assertEquals(writeRequestPath(names, false), path.replace(/(.)\/$/, "$1"));
  }
});

Deno.test("isHidden() hides dot names except .well-known", () => {
  assertEquals(
    [".git", ".env", "..", "...", ".well-known2"].filter(isHidden).length,
    5,
  );
  assertEquals(["a", "a.", "a.b", ".well-known"].filter(isHidden), []);
});

Deno.test("isWindowsTrap() finds devices, streams, drives, short names, and what Windows drops", () => {
  const traps = [
    "con",
    "CON",
    "nul.txt",
    "aux.tar.gz",
    "com1",
    "LPT9.log",
    "com\u00b9",
    "conin$",
    "CONOUT$",
    "prn .txt",
    "file.txt::$DATA",
    "a:b",
    "C:",
    "file.",
    "file ",
    "PROGRA~1",
    "a\\b",
    "..\\secret",
    "a*",
    "a?",
    "a<b",
    "a|b",
    "\x1f",
  ];
  for (const name of traps) assert(isWindowsTrap(name), name);
  const names = [
    "console",
    "com",
    "com10",
    "nulls.txt",
    "aux-file",
    "a.b",
    "~",
    "-rf",
    "a b.txt",
    ".hidden",
  ];
  for (const name of names) assert(!isWindowsTrap(name), name);
});
