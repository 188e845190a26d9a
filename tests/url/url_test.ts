import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { parseUrl, Url, type UrlChanges, UrlError } from "../../url/mod.ts";

const FULL = "https://user:secret@example.com:8443/docs/a.html?lang=en#top";

Deno.test("parseUrl() splits the lecture's URL into its parts", () => {
  const url = parseUrl("http://example.com:8080/docs/a.html?lang=en#top");
  assertEquals(url.protocol, "http");
  assertEquals(url.host, "example.com:8080");
  assertEquals(url.hostname, "example.com");
  assertEquals(url.port, 8080);
  assertEquals(url.path, "/docs/a.html");
  assertEquals(url.filename, "a.html");
  assertEquals(url.params, "lang=en");
  assertEquals(url.fragment, "top");
  assertEquals(url.username, "");
  assertEquals(url.password, "");
});

Deno.test("parseUrl() fills in what a URL leaves out", () => {
  const url = parseUrl("https://example.com");
  assertEquals(url.href, "https://example.com/");
  assertEquals(url.host, "example.com");
  assertEquals(url.port, 443);
  assertEquals(parseUrl("http://example.com").port, 80);
  assertEquals(url.path, "/");
  assertEquals(url.filename, "");
  assertEquals(url.params, null);
  assertEquals(url.fragment, null);
});

Deno.test("parseUrl() distinguishes an empty part from a missing one", () => {
  const url = parseUrl("http://:@h:/?#");
  assertEquals(url.href, "http://h/?#");
  assertEquals(url.params, "");
  assertEquals(url.fragment, "");
  assertEquals(url.username, "");
});

// Delimiters in places where they begin no part.
const DELIMITERS: readonly (readonly [
  href: string,
  hostname: string,
  port: number,
  path: string,
  params: string | null,
  fragment: string | null,
])[] = [
  ["http://h/", "h", 80, "/", null, null],
  ["https://h/", "h", 443, "/", null, null],
  ["http://h/a@b:8", "h", 80, "/a@b:8", null, null],
  ["http://u@h/a@b", "h", 80, "/a@b", null, null],
  ["http://u:p@h:8/?a@b:9", "h", 8, "/", "a@b:9", null],
  ["http://h/?a/b?c", "h", 80, "/", "a/b?c", null],
  ["http://h/#a/b?c#d", "h", 80, "/", null, "a/b?c#d"],
  ["http://h/a?#?", "h", 80, "/a", "", "?"],
  ["http://h/a#", "h", 80, "/a", null, ""],
  ["http://h//a//?b", "h", 80, "//a//", "b", null],
  ["http://[::1]/a:b", "[::1]", 80, "/a:b", null, null],
  ["http://u:p@[::1]:8/]:9", "[::1]", 8, "/]:9", null, null],
];

Deno.test("Url finds its parts, whichever is read first", () => {
  for (const [href, hostname, port, path, params, fragment] of DELIMITERS) {
    assertEquals(parseUrl(href).path, path, href);
    const url = parseUrl(href);
    assertEquals(url.hostname, hostname, href);
    assertEquals(url.port, port, href);
    assertEquals(url.path, path, href);
    assertEquals(url.params, params, href);
    assertEquals(url.fragment, fragment, href);
  }
});

Deno.test("parseUrl() reads a number as an address, whatever follows it", () => {
  for (const delimiter of ["", "/", "\\", "?", "#", ":80", ":80/a/.."]) {
    assertEquals(parseUrl(`http://1${delimiter}`).hostname, "0.0.0.1");
    assertEquals(parseUrl(`http://1.2${delimiter}`).hostname, "1.0.0.2");
    assertThrows(() => parseUrl(`http://a.1${delimiter}`), UrlError);
    assertEquals(parseUrl(`http://1.a${delimiter}`).hostname, "1.a");
  }
});

const RELATIVE: readonly (readonly [text: string, href: string])[] = [
  ["", "http://u:p@h:8080/a/b?q"],
  ["#x", "http://u:p@h:8080/a/b?q#x"],
  ["?x", "http://u:p@h:8080/a/b?x"],
  ["?", "http://u:p@h:8080/a/b?"],
  ["c", "http://u:p@h:8080/a/c"],
  ["c?", "http://u:p@h:8080/a/c?"],
  ["./c", "http://u:p@h:8080/a/c"],
  ["../c", "http://u:p@h:8080/c"],
  ["../../c", "http://u:p@h:8080/c"],
  [".", "http://u:p@h:8080/a/"],
  ["..", "http://u:p@h:8080/"],
  ["/c", "http://u:p@h:8080/c"],
  ["\\c", "http://u:p@h:8080/c"],
  ["/", "http://u:p@h:8080/"],
  ["//x", "http://x/"],
  ["\\/x", "http://x/"],
  ["///x", "http://x/"],
  ["////x//y", "http://x//y"],
  ["http:c", "http://u:p@h:8080/a/c"],
  ["http:/c", "http://u:p@h:8080/c"],
  ["http:?x", "http://u:p@h:8080/a/b?x"],
  ["http:#x", "http://u:p@h:8080/a/b?q#x"],
  ["http://x", "http://x/"],
  ["https:c", "https://c/"],
  ["https:/c", "https://c/"],
  [":c", "http://u:p@h:8080/a/:c"],
  ["1:c", "http://u:p@h:8080/a/1:c"],
  ["c%3A80/d", "http://u:p@h:8080/a/c%3A80/d"],
  ["é", "http://u:p@h:8080/a/%C3%A9"],
  [" \n c \t", "http://u:p@h:8080/a/c"],
  // No part of it is taken for the whole, wherever the last search ended
  ["/1234567http://c/d", "http://u:p@h:8080/1234567http://c/d"],
];

Deno.test("parseUrl() resolves a reference against its base", () => {
  const base = "http://u:p@h:8080/a/b?q#f";
  for (const [text, href] of RELATIVE) {
    assertEquals(parseUrl(text, base).href, href, text);
    assertEquals(parseUrl(text, parseUrl(base)).href, href, text);
  }
});

Deno.test("parseUrl() refuses an invalid base, even for an absolute URL", () => {
  const error = assertThrows(
    () => parseUrl("http://a.example/", "b.example"),
    UrlError,
  );
  assertEquals(error.code, "missing-protocol");
  assertEquals(error.input, "b.example");
});

Deno.test("parseUrl() does not join surrogate halves around a tab", () => {
  const url = parseUrl("http://h/\ud83d\t\udca9");
  assertEquals(url.path, "/%EF%BF%BD%EF%BF%BD");
});

Deno.test("Url cannot be changed", () => {
  const url: Record<string, unknown> = Object(parseUrl(FULL));
  for (const part of ["href", "host", "path", "params", "port"]) {
    assertThrows(() => url[part] = "x", TypeError, "");
  }
  assertEquals(String(url), FULL);
});

Deno.test("Url prints as its href", () => {
  const url = new Url(FULL);
  assertEquals(`${url}`, FULL);
  assertEquals(JSON.stringify({ url }), `{"url":"${FULL}"}`);
  assertEquals(Deno.inspect([url]), `[ Url(${FULL}) ]`);
});

Deno.test("Url.filename is the last segment of the path", () => {
  const names = [
    ["http://h", ""],
    ["http://h/a", "a"],
    ["http://h/a/", ""],
    ["http://h/a/b.tar.gz?c/d#e/f", "b.tar.gz"],
    ["http://h/a%2Fb", "a%2Fb"],
    ["http://h/a/..", ""],
  ] as const;
  for (const [text, filename] of names) {
    assertEquals(parseUrl(text).filename, filename, text);
  }
});

Deno.test("Url.searchParams is made once, and cannot be changed", () => {
  const url = parseUrl("http://h/?a=1&b=%C3%BC&a=2+3");
  const params = url.searchParams;
  assertStrictEquals(url.searchParams, params);
  assert(params instanceof URLSearchParams);
  assertEquals([...params], [["a", "1"], ["b", "ü"], ["a", "2 3"]]);
  assertEquals([...parseUrl("http://h/").searchParams], []);
  assertEquals([...parseUrl("http://h/??a=1").searchParams], [["?a", "1"]]);
  for (const change of ["append", "delete", "set", "sort"] as const) {
    assertThrows(() => params[change]("a", "b"), TypeError, "never changes");
  }
  assertEquals(params.getAll("a"), ["1", "2 3"]);
});

const CHANGES: readonly (readonly [changes: UrlChanges, href: string])[] = [
  [{}, FULL],
  [{ protocol: "http" }, FULL.replace("https", "http")],
  [{ username: "", password: "" }, FULL.replace("user:secret@", "")],
  [{ username: "a:b@c/d" }, FULL.replace("user", "a%3Ab%40c%2Fd")],
  [{ password: "" }, FULL.replace(":secret", "")],
  [{ hostname: "B.Example" }, FULL.replace("example.com", "b.example")],
  [{ hostname: "[::1]" }, FULL.replace("example.com", "[::1]")],
  [{ port: null }, FULL.replace(":8443", "")],
  [{ port: 443 }, FULL.replace(":8443", "")],
  [{ port: 0 }, FULL.replace(":8443", ":0")],
  [{ path: "/b" }, FULL.replace("docs/a.html", "b")],
  [{ path: "b" }, FULL.replace("docs/a.html", "b")],
  [{ path: "" }, FULL.replace("docs/a.html", "")],
  [{ path: "\\a\\..\\b" }, FULL.replace("docs/a.html", "b")],
  [{ path: "//b" }, FULL.replace("docs/a.html", "/b")],
  [
    { path: "/x/../a?b#c d\t" },
    FULL.replace("docs/a.html", "a%3Fb%23c%20d%09"),
  ],
  [{ params: null }, FULL.replace("?lang=en", "")],
  [{ params: "" }, FULL.replace("?lang=en", "?")],
  [{ params: "a=b#c " }, FULL.replace("lang=en", "a=b%23c%20")],
  [
    { params: new URLSearchParams([["a b", "ü&"]]) },
    FULL.replace("lang=en", "a+b=%C3%BC%26"),
  ],
  [{ fragment: null }, FULL.replace("#top", "")],
  [{ fragment: "a#b\n" }, FULL.replace("top", "a#b%0A")],
  [{ fragment: "\ud800" }, FULL.replace("top", "%EF%BF%BD")],
];

Deno.test("Url.with() returns a changed copy", () => {
  const url = parseUrl(FULL);
  for (const [changes, href] of CHANGES) {
    const changed = url.with(changes);
    assertEquals(changed.href, href);
    assertEquals(url.href, FULL);
  }
});

Deno.test("Url.with() treats an undefined part as left out", () => {
  // The types of programs without exactOptionalPropertyTypes allow it
  const parts = ["username", "password", "hostname", "port", "path", "params"];
  for (const part of [...parts, "protocol", "fragment"]) {
    const changes = { [part]: undefined } as UrlChanges;
    assertEquals(parseUrl(FULL).with(changes).href, FULL, part);
  }
});

Deno.test("Url.with() keeps an explicit port, and changes a default one with the protocol", () => {
  const plain = parseUrl("http://h/");
  assertEquals(plain.with({ protocol: "https" }).port, 443);
  assertEquals(plain.with({ protocol: "https", port: 80 }).port, 80);
  assertEquals(parseUrl("http://h:8080/").with({ hostname: "i" }).port, 8080);
});

Deno.test("Url.with() refuses an invalid host or port", () => {
  const url = parseUrl(FULL);
  const refused: readonly UrlChanges[] = [
    { hostname: "" },
    { hostname: "a/b" },
    { hostname: "a:80" },
    { hostname: "a@b" },
    { hostname: "1.2.3.4.5" },
    { port: -1 },
    { port: 65_536 },
    { port: 1.5 },
    { port: NaN },
  ];
  for (const changes of refused) {
    assertThrows(() => url.with(changes), UrlError);
  }
});
