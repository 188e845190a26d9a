import { assert, assertEquals, assertMatch } from "@std/assert";
import * as fc from "fast-check";
import {
  isHidden,
  isWindowsTrap,
  readRequestPath,
  writeRequestPath,
} from "../../server/_files/request_path.ts";

Deno.test("readRequestPath() decodes once and resolves dot segments below the root", () => {
  const cases: [string, string[], boolean, boolean][] = [
    ["/", [], true, false],
    ["/a", ["a"], false, false],
    ["/a/", ["a"], true, false],
    ["/a%20b/c", ["a b", "c"], false, false],
    ["/%25", ["%"], false, false],
    ["/%252e%252e/x", ["%2e%2e", "x"], false, false],
    ["/./a/../b", ["b"], false, false],
    ["/../../a", ["a"], false, false],
    ["/%2e%2e/a", ["a"], false, false],
    ["/a/..", [], true, false],
    ["/a/b/.", ["a", "b"], true, false],
    ["/...", ["..."], false, false],
    ["//a", ["a"], false, true],
    ["/a//b///", ["a", "b"], true, true],
    ["/%2Fa", ["a"], false, true],
    ["/a%2f", ["a"], true, true],
    ["/%2F..%2F..", [], true, true],
    ["/%5ca", ["\\a"], false, false],
    ["/%e2%82%ac", ["\u20ac"], false, false],
  ];
  for (const [path, names, endsInSlash, isCrooked] of cases) {
    assertEquals(
      readRequestPath(path),
      { names, endsInSlash, isCrooked },
      path,
    );
  }
});

Deno.test("readRequestPath() refuses what is no path in UTF-8", () => {
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
  for (const path of cases) assertEquals(readRequestPath(path), null, path);
});

Deno.test("readRequestPath() gives names that cannot leave the root, whatever the path", () => {
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
    const names = readRequestPath(`/${pieces.join("/")}`)?.names ?? [];
    for (const name of names) {
      assert(name !== "" && name !== "." && name !== "..", name);
      assert(!name.includes("/") && !name.includes("\0"), name);
    }
  }));
});

Deno.test("writeRequestPath() writes what readRequestPath() reads, and no way to another host", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1 })
    .filter((name) => !/[/\0]|^\.\.?$/.test(name) && name.isWellFormed());
  fc.assert(fc.property(fc.array(name), fc.boolean(), (names, endsInSlash) => {
    const path = writeRequestPath(names, endsInSlash);
    assertMatch(path, /^\/(?:[!-.0-[\]-~][!-[\]-~]*)?$/); // one slash, no backslash, no control, nothing to decode anew
    const read = readRequestPath(path);
    assertEquals(read?.names, names);
    assertEquals(read?.isCrooked, false);
  }));
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
