import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "npm:fast-check@^4.10.2";
import { quote } from "../../message/_octets.ts";
import {
  isValidHost,
  MessageError,
  parseBasicCredentials,
  parseQualityValues,
  parseTarget,
  qualityOf,
  writeBasicCredentials,
} from "../../message/mod.ts";

const HOSTS: [value: string, valid: boolean][] = [
  ["", true],
  ["a", true],
  ["example.org:8000", true],
  ["127.0.0.1", true],
  ["[::1]", true],
  ["[::1]:8080", true],
  ["a%2db", true],
  ["a_b.~!$&'()*+;=", true],
  ["a:", true],
  [":", false],
  [":80", false],
  ["a:65535", true],
  ["a:65536", false],
  ["[::1]:65536", false],
  ["a:-1", false],
  ["a:b", false],
  ["a:1:2", false],
  ["[::1", false],
  ["::1", false],
  ["[1::2::3]", false],
  ["[::1]x", false],
  ["[fe80::1%eth0]", false],
  ["a, b", false],
  ["a,b", false],
  ["a b", false],
  ["a/b", false],
  ["a?b", false],
  ["u@a", false],
  ['"a"', false],
  ["<a>", false],
  ["a%2", false],
  ["m\xc3\xbcn", false],
];

Deno.test("isValidHost() accepts a name or an address, with or without a port", () => {
  for (const [value, valid] of HOSTS) {
    assertEquals(isValidHost(value), valid, value);
  }
});

Deno.test("parseTarget() parses each form of a request target", () => {
  const none = { protocol: null, host: null };
  assertEquals(parseTarget("GET", "/a%20b?c=%00&d"), {
    ...none,
    path: "/a%20b",
    params: "c=%00&d",
  });
  assertEquals(parseTarget("GET", "//x?"), {
    ...none,
    path: "//x",
    params: "",
  });
  assertEquals(parseTarget("OPTIONS", "*"), {
    ...none,
    path: "*",
    params: null,
  });
  const absolute = { protocol: "http" } as const;
  assertEquals(parseTarget("GET", "HTTP://A"), {
    ...absolute,
    host: "A",
    path: "/",
    params: null,
  });
  assertEquals(parseTarget("GET", "http://[::1]:80?q"), {
    ...absolute,
    host: "[::1]:80",
    path: "/",
    params: "q",
  });
});

Deno.test("parseTarget() refuses other forms, and invalid characters and percent-encodings", () => {
  const bad = [
    "*",
    "a:80",
    "?a",
    "../a",
    "a",
    "ftp://a/",
    "http:a",
    "http:///a",
    "http://:80/",
    "http://:?a",
    "http://u@a/",
    "http://a:x/",
    "http://a\\@b/",
    "/%",
    "/%4",
    "/%zz",
    "/?\x7f",
    "/#a",
    "/\xff",
    "/<a>",
    '/"',
    "/a\\b",
    "/a b",
    "/\0",
    "/\x7f",
    "",
    "https:/a",
  ];
  for (const target of bad) {
    assertThrows(
      () => parseTarget("GET", target),
      MessageError,
      "Cannot parse request target",
    );
  }
});

Deno.test("parseTarget() parses a long target in linear time", () => {
  const started = performance.now();
  parseTarget("GET", "/" + "%41a".repeat(250_000));
  assertThrows(
    () => parseTarget("GET", "/" + "%41a".repeat(250_000) + "%"),
    MessageError,
  );
  assert(performance.now() - started < 10_000);
});

const BASIC: [value: string, want: [string, string] | null][] = [
  ["Basic YTpi", ["a", "b"]],
  ["bASIC  YTpi", ["a", "b"]],
  ["Basic YTpiOmM=", ["a", "b:c"]],
  ["Basic Og==", ["", ""]],
  ["Basic Og", ["", ""]],
  ["Basic w6k6w6k=", ["é", "é"]],
  ["Basic /zo=", ["\ufffd", ""]],
  ["Basic 77u/YTo=", ["\ufeffa", ""]],
  ["Basic YQ==", null], // no colon
  ["Basic !!!!", null],
  ["Basic Og=", null],
  ["Basic Og===", null],
  ["Basic", null],
  ["Basic ", null],
  ["Basic YTpi x", null],
  ["Bearer YTpi", null],
  ["Basic " + "Q".repeat(100_001), null],
];

Deno.test("parseBasicCredentials() returns username and password, or null", () => {
  for (const [value, want] of BASIC) {
    const credentials = parseBasicCredentials(value);
    assertEquals(
      credentials === null
        ? null
        : [credentials.username, credentials.password],
      want,
      value.slice(0, 40),
    );
  }
});

Deno.test("writeBasicCredentials() writes what parseBasicCredentials() reads back", () => {
  const text = fc.string({ unit: "grapheme" }).filter((text) =>
    !/\p{Cc}/u.test(text) && text.isWellFormed()
  );
  fc.assert(
    fc.property(
      text.filter((text) => !text.includes(":")),
      text,
      (username, password) => {
        assertEquals(
          parseBasicCredentials(writeBasicCredentials({ username, password })),
          { username, password },
        );
      },
    ),
    { verbose: 1 },
  );
  assertThrows(
    () => writeBasicCredentials({ username: "a:b", password: "" }),
    TypeError,
    "colon",
  );
  assertThrows(
    () => writeBasicCredentials({ username: "a", password: "\n" }),
    TypeError,
    "control",
  );
});

const QUALITIES: [value: string, wanted: string, quality: number | null][] = [
  ["gzip", "gzip", 1],
  ["GZip;Q=0.5", "gzip", 0.5],
  ["gzip;q=0", "gzip", 0],
  ["*", "br", 1],
  ["gzip, *;q=0.1", "br", 0.1],
  ["gzip;q=0.1, br ; q=1.000", "br", 1],
  ["gzip;q=2", "gzip", null],
  ["gzip;q=0.1234", "gzip", null],
  ["gzip;q=", "gzip", null],
  ["", "gzip", null],
  [",,gzip,", "gzip", 1],
  ["text/html;level=1;q=0.3, */*;q=0.2", "text/html", 0.3],
  ["text/*;q=0.3, */*;q=0.2", "text/plain", 0.3],
  ["text/*;q=0.3, */*;q=0.2", "image/png", 0.2],
  ['x;a="b,c";q=0.4', "x", 0.4],
  ['x;a="b;q=0";q=0.4', "x", 0.4],
  ['x;a="\\";q=0"', "x", 1],
  ['gzip, x;a="\\', "x", 1],
];

Deno.test("qualityOf() returns the quality of the value that matches best", () => {
  for (const [value, wanted, quality] of QUALITIES) {
    assertEquals(
      qualityOf(parseQualityValues(value), wanted),
      quality,
      `${wanted} in ${value}`,
    );
  }
});

Deno.test("parseQualityValues() parses a long list in linear time", () => {
  const started = performance.now();
  for (
    const hostile of [
      " ".repeat(1e5),
      ",".repeat(1e5),
      "a;".repeat(5e4),
      '"'.repeat(1e5),
      "a/".repeat(5e4),
    ]
  ) {
    parseQualityValues(hostile);
  }
  assert(performance.now() - started < 10_000);
});

Deno.test("quote() keeps 60 characters at most, and escapes control characters", () => {
  const rows = [
    ["", '""'],
    ['a"b\x1b\x7f\x9b', String.raw`"a\"b\u001b\u007f\u009b"`],
    ["x".repeat(60), `"${"x".repeat(60)}"`],
    ["x".repeat(61), `"${"x".repeat(57)}..."`],
  ] as const;
  for (const [text, quoted] of rows) assertEquals(quote(text), quoted);
});
