import { assertEquals } from "@std/assert";
import { parseUrl, percentDecode } from "../../url/mod.ts";

Deno.test("percentDecode() decodes valid percent-encodings and nothing else", () => {
  const rows: readonly (readonly [text: string, bytes: number[]])[] = [
    ["", []],
    ["ab", [0x61, 0x62]],
    ["%41%7a%00", [0x41, 0x7a, 0x00]],
    ["%fF%", [0xff, 0x25]],
    ["%2", [0x25, 0x32]],
    ["%zz%2g", [0x25, 0x7a, 0x7a, 0x25, 0x32, 0x67]],
    ["%%41", [0x25, 0x41]],
    ["%2541", [0x25, 0x34, 0x31]],
    ["ü", [0xc3, 0xbc]],
    ["%4ü", [0x25, 0x34, 0xc3, 0xbc]],
    ["\ud800", [0xef, 0xbf, 0xbd]],
  ];
  for (const [text, bytes] of rows) {
    assertEquals([...percentDecode(text)], bytes, text);
  }
});

const PRINTABLE = Array.from(
  { length: 0x7f - 0x20 },
  (_, i) => String.fromCharCode(0x20 + i),
);

/** Lists what a part percent-encodes; `write` makes a URL with a character. */
function encodedIn(
  part: "username" | "path" | "params" | "fragment",
  write: (character: string) => string,
): string {
  return PRINTABLE.filter((character) => {
    const hex = character.charCodeAt(0).toString(16).toUpperCase();
    return parseUrl(write(character))[part]?.endsWith(`a%${hex}b`);
  }).join("");
}

Deno.test("parseUrl() percent-encodes in each part the characters of its set", () => {
  // URL standard 1.3, except the characters that end the part.
  const parts = {
    username: encodedIn("username", (c) => `http://a${c}b@h/`),
    path: encodedIn("path", (c) => `http://h/a${c}b`),
    params: encodedIn("params", (c) => `http://h/?a${c}b`),
    fragment: encodedIn("fragment", (c) => `http://h/#a${c}b`),
  };
  assertEquals(parts, {
    username: ' ";<=>@[]^`{|}',
    path: ' "<>^`{}',
    params: " \"'<>",
    fragment: ' "<>`',
  });
});
