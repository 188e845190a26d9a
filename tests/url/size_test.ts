import { assert, assertEquals } from "@std/assert";
import { drawUrlError, parseUrl, UrlError } from "../../url/mod.ts";

const SIZE = 1_000_000;

/** A text of a million characters that repeats a piece. */
function many(piece: string): string {
  return piece.repeat(SIZE / piece.length);
}

// Each text makes a careless parser take quadratic time.
const LARGE: readonly (readonly [name: string, text: string])[] = [
  ["spaces at both ends", `${many(" ")}http://h/${many(" ")}`],
  ["spaces in the path", `http://h/${many(" ")}x`],
  ["tabs", `http://h/${many("\ta")}`],
  ["a scheme", `${many("a")}:`],
  ["no scheme", many("a")],
  ["slashes at the start", `http:${many("/")}h`],
  ["a username", `http://${many("u")}@h/`],
  ["at signs", `http://${many("@")}h/`],
  ["colons in the userinfo", `http://${many(":")}@h/`],
  ["colons in the host", `http://${many("a:")}`],
  ["a label", `http://${many("a")}/`],
  ["labels", `http://${many("a.")}b/`],
  ["labels in upper case", `http://${many("A.")}b/`],
  ["dots", `http://${many(".")}/`],
  ["a percent-encoded host", `http://${many("%41")}/`],
  ["percent signs", `http://${many("%")}/`],
  ["forbidden characters", `http://${many("<")}/`],
  ["a label for Punycode", `http://${many("ü")}/`],
  ["labels for Punycode", `http://${many("ü.")}b/`],
  ["digits", `http://${many("1")}/`],
  ["IPv4 parts", `http://${many("1.")}1/`],
  ["hexadecimal digits", `http://0x${many("f")}/`],
  ["IPv6 colons", `http://[${many(":")}]/`],
  ["IPv6 pieces", `http://[${many("1:")}]/`],
  ["IPv6 digits", `http://[${many("9")}.a]/`],
  ["opening brackets", `http://${many("[")}/`],
  ["zeros in the port", `http://h:${many("0")}80/`],
  ["digits in the port", `http://h:${many("9")}/`],
  ["a segment", `http://h/${many("a")}`],
  ["segments", `http://h${many("/a")}`],
  ["slashes", `http://h${many("/")}`],
  ["backslashes", `http://h${many("\\")}`],
  ["segments that go up", `http://h${many("/..")}`],
  ["segments that go down and up", `http://h${many("/a/a/../%2e%2E/./")}`],
  [
    "segments that go down, then segments that go up",
    `http://h${many("/a")}${many("/..")}`,
  ],
  ["characters beyond ASCII", `http://h/${many("ü")}`],
  ["lone surrogates", `http://h/${many("\ud800")}`],
  ["params", `http://h/?${many("'a=b&")}`],
  ["a fragment", `http://h/#${many("`")}`],
];

Deno.test("parseUrl() parses a host of 10 million characters", () => {
  for (const piece of ["a", "A", "a.", "%41"]) {
    const text = piece.repeat(10_000_000 / piece.length);
    const { host } = parseUrl(`http://${text}/`);
    assert(host === text.replaceAll("%41", "a").toLowerCase(), piece);
  }
});

for (const [name, text] of LARGE) {
  Deno.test(`parseUrl() parses a million characters in linear time: ${name}`, () => {
    const start = performance.now();
    try {
      const url = parseUrl(text);
      assertEquals(url.filename, url.path.split("/").at(-1));
    } catch (error) {
      if (!(error instanceof UrlError)) throw error;
      assert(error.message.length < 1_000);
      assert(drawUrlError(error).length < 200);
    }
    // Quadratic time would take minutes.
    assert(performance.now() - start < 5_000);
  });
}
