import { assertEquals } from "@std/assert";
import { maskedHead, maskedUrl } from "../../command/quote.ts";

const URLS: readonly (readonly [string, string])[] = [
  ["http://a.test/x", "http://a.test/x"],
  ["http://ada:1815@a.test/", "http://***@a.test/"],
  ["https://ada@a.test/@x", "https://***@a.test/@x"],
  ["http://a:b@c@a.test/", "http://***@a.test/"],
  ["http:\\\\a:b@a.test/", "http:\\\\***@a.test/"],
  ["http:a:b@a.test/", "http:***@a.test/"],
  ["//a:b@a.test/", "//***@a.test/"],
  ["http://a.test/x@y", "http://a.test/x@y"],
  ["http://a.test?x@y", "http://a.test?x@y"],
  [
    "from http://a:b@a.test/ to HTTP://c@d/, me@e",
    "from http://***@a.test/ to HTTP://***@d/, me@e",
  ],
];

for (const [text, masked] of URLS) {
  Deno.test(`maskedUrl() of ${JSON.stringify(text)}`, () => {
    assertEquals(maskedUrl(text), masked);
  });
}

const FIELDS: readonly (readonly [string, string])[] = [
  ["Host: a.test", "Host: a.test"],
  ["Authorization: Basic YWRhOjE4MTU=", "Authorization: Basic ***"],
  ["authorization:Bearer  a b", "authorization:Bearer  ***"],
  ["AUTHORIZATION: secret", "AUTHORIZATION: ***"],
  ["Authorization: secret ", "Authorization: ***"],
  ["Authorization:", "Authorization:"],
  ["Authorization: \r\n secret", "Authorization: ***"],
  ["Proxy-Authorization: Basic eA==", "Proxy-Authorization: Basic ***"],
  ["Cookie: a=1; b=2", "Cookie: ***"],
  ["Set-Cookie: id=1; Path=/", "Set-Cookie: ***"],
  ["Set-Cookie: id=1\r\n 2\r\n\t3", "Set-Cookie: ***"],
  ["Authorization: Basic\r\n eA==", "Authorization: ***"],
  ["Location: http://a:b@c/", "Location: http://***@c/"],
  ["WWW-Authenticate: Basic realm=x", "WWW-Authenticate: Basic realm=x"],
  ["X-Cookie: a", "X-Cookie: a"],
  ["X: Cookie: a", "X: Cookie: a"],
];

for (const [field, masked] of FIELDS) {
  Deno.test(`maskedHead() of ${JSON.stringify(field)}`, () => {
    assertEquals(maskedHead(field), masked);
    for (const end of ["\r\n", "\n"]) {
      const head = `GET / HTTP/1.0${end}${field}${end}A: b${end}${end}`;
      const shown = `GET / HTTP/1.0${end}${masked}${end}A: b${end}${end}`;
      assertEquals(maskedHead(head), shown);
    }
  });
}

Deno.test("maskedHead() masks each of several fields", () => {
  assertEquals(
    maskedHead("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nCookie: c\r\n\r\n"),
    "Set-Cookie: ***\r\nSet-Cookie: ***\r\nCookie: ***\r\n\r\n",
  );
});
