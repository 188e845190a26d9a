import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  drawUrlError,
  parseUrl,
  UrlError,
  type UrlErrorCode,
} from "../../url/mod.ts";

interface Row {
  readonly input: string;
  /** The input of the error, if it is another. */
  readonly shown?: string;
  readonly code: UrlErrorCode;
  readonly index: number;
  readonly message: string;
}

const ROWS: readonly Row[] = [
  {
    input: "",
    code: "missing-protocol",
    index: 0,
    message:
      'Cannot parse URL "": expected "http" or "https" and a colon at its start',
  },
  {
    input: "example.com/a",
    code: "missing-protocol",
    index: 0,
    message:
      'Cannot parse URL "example.com/a": expected "http" or "https" and a colon at its start',
  },
  {
    input: "  FTP://example.com/",
    shown: "FTP://example.com/",
    code: "unknown-protocol",
    index: 0,
    message: 'Cannot parse protocol "FTP": expected "http" or "https"',
  },
  {
    input: "http:///",
    code: "missing-host",
    index: 8,
    message: 'Cannot parse host "": expected a name or an address',
  },
  {
    input: "http://\n",
    shown: "http://",
    code: "missing-host",
    index: 7,
    message: 'Cannot parse host "": expected a name or an address',
  },
  {
    input: "http://user:pass@/",
    code: "missing-host",
    index: 17,
    message: 'Cannot parse host "": expected a name or an address',
  },
  {
    input: "http://:80/",
    code: "missing-host",
    index: 7,
    message: 'Cannot parse host "": expected a name or an address',
  },
  {
    input: "http://exa mple.com/",
    code: "forbidden-character",
    index: 10,
    message: 'Cannot parse host "exa mple.com": expected no " " in it',
  },
  {
    input: "\thttp://exa\nmp\rle<.com/",
    shown: "http://example<.com/",
    code: "forbidden-character",
    index: 14,
    message: 'Cannot parse host "example<.com": expected no "<" in it',
  },
  {
    input: "http://u:p@a%C3%BCb%20c:80/",
    code: "forbidden-character",
    index: 19,
    message: 'Cannot parse host "a%C3%BCb%20c": expected no " " in it',
  },
  {
    input: "http://a\x1b[31m/",
    code: "forbidden-character",
    index: 8,
    message: 'Cannot parse host "a\\u{1b}[31m": expected no "\\u{1b}" in it',
  },
  {
    input: "http://xn--a.ß/",
    code: "invalid-domain",
    index: 7,
    message:
      'Cannot parse host "xn--a.\\u{df}": expected a name that IDNA allows',
  },
  {
    input: "http://u@1.2.3.256:80/",
    code: "invalid-ipv4",
    index: 9,
    message:
      'Cannot parse host "1.2.3.256": expected an IPv4 address, as its last part is a number',
  },
  {
    input: "http://[1::2::3]/",
    code: "invalid-ipv6",
    index: 8,
    message: 'Cannot parse host "[1::2::3]": expected an IPv6 address',
  },
  {
    input: "http://[::1/",
    code: "invalid-ipv6",
    index: 11,
    message: 'Cannot parse host "[::1": expected "]"',
  },
  {
    input: "http://a:80 /",
    code: "invalid-port",
    index: 11,
    message: 'Cannot parse port "80 ": expected a number from 0 to 65535',
  },
  {
    input: "http://a:-1/",
    code: "invalid-port",
    index: 9,
    message: 'Cannot parse port "-1": expected a number from 0 to 65535',
  },
  {
    input: "http:\\\\u@a:8x\\b",
    code: "invalid-port",
    index: 12,
    message: 'Cannot parse port "8x": expected a number from 0 to 65535',
  },
  {
    input: "http://a:65536/",
    code: "invalid-port",
    index: 9,
    message: 'Cannot parse port "65536": expected a number from 0 to 65535',
  },
  {
    input: `http://${"a".repeat(100)}|/`,
    code: "forbidden-character",
    index: 107,
    message: `Cannot parse host "${"a".repeat(60)}...": expected no "|" in it`,
  },
];

Deno.test("UrlError says what is wrong and where", () => {
  for (const { input, shown = input, code, index, message } of ROWS) {
    const error = assertThrows(() => parseUrl(input), UrlError);
    const { name } = error;
    assertEquals(
      { name, code: error.code, index: error.index, message: error.message },
      { name: "UrlError", code, index, message },
    );
    assertEquals(error.input, shown);
    assert(error instanceof TypeError);
  }
});

function draw(input: string): string {
  const error = assertThrows(() => parseUrl(input), UrlError);
  return drawUrlError(error);
}

Deno.test("drawUrlError() puts the caret under the error", () => {
  assertEquals(draw("ftp://a"), "ftp://a\n^");
  assertEquals(draw(""), "\n^");
  assertEquals(draw("http://a:b/"), "http://a:b/\n         ^");
  assertEquals(draw("http://[::1"), "http://[::1\n           ^");
});

Deno.test("drawUrlError() escapes what could control the terminal or shift the caret", () => {
  assertEquals(
    draw("http://日\x1b[2J\u202e@h:x/"),
    `http://\\u{65e5}\\u{1b}[2J\\u{202e}@h:x/\n${" ".repeat(35)}^`,
  );
  for (const { input } of ROWS) {
    assert(/^[ -~]*\n *\^$/.test(draw(input)), input);
  }
});

Deno.test("drawUrlError() shortens a long text around the error", () => {
  const long = `http://${"a".repeat(500)}<${"b".repeat(500)}/`;
  const [line = "", caret = ""] = draw(long).split("\n");
  assertEquals(line, `${"a".repeat(38)}<${"b".repeat(37)}`);
  assertEquals(line[caret.indexOf("^")], "<");
  assertEquals(line.length, 76);
});
