import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type DrawnEvent, drawSteps } from "../../client/_command/draw.ts";
import { HeaderFields } from "../../message/header_fields.ts";
import { run } from "./_memory_io.ts";
import { closedPort, ok, serveRaw } from "./_server.ts";

const URL_TEXT = "http://a.test/";

/** Returns the elements of a drawing; fails if it is not well-formed XML. */
function parse(svg: string): { name: string; attributes: string }[] {
  // deno-lint-ignore no-control-regex
  assertEquals(/[\0-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]/.exec(svg), null);
  assertEquals(/&(?!#\d+;)/.exec(svg), null, "a bare ampersand");
  const open: string[] = [];
  const elements: { name: string; attributes: string }[] = [];
  let rest = svg;
  for (;;) {
    const at = rest.indexOf("<");
    if (at < 0) break;
    const tag = /^<(\/?)([a-z]+)((?: [a-zA-Z]+="[^"<>]*")*)(\/?)>/
      .exec(rest.slice(at));
    assert(tag !== null, rest.slice(at, at + 60));
    const [text, closes, name = "", attributes = "", isEmpty] = tag;
    rest = rest.slice(at + text.length);
    if (closes) {
      assertEquals(open.pop(), name);
      continue;
    }
    if (!isEmpty) open.push(name);
    elements.push({ name, attributes });
  }
  assertEquals(open, []);
  assertEquals(elements[0]?.name, "svg");
  return elements;
}

/** Returns the texts of a drawing, unescaped. */
function textsOf(svg: string): string[] {
  return Array.from(
    svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g),
    ([, text]) =>
      text!.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code)),
  );
}

/** Counts the arrows, or crosses, of one kind. */
function countPaths(svg: string, way: string): number {
  return svg.split(`<path class="${way}" d="M`).length - 1;
}

function head(type: "request-head" | "response-head", text: string, at = 0) {
  const bytes = text.length;
  const url = URL_TEXT;
  return type === "request-head" ? { type, at, text, bytes } : {
    type,
    at,
    url,
    version: "1.0",
    status: 200,
    reason: "OK",
    headers: new HeaderFields(),
    text,
    bytes,
  };
}

const EXCHANGE: readonly DrawnEvent[] = [
  { type: "resolve", at: 1, host: "a.test", port: 80 },
  {
    type: "resolved",
    at: 5,
    host: "a.test",
    port: 80,
    source: "system",
    addresses: ["192.0.2.1", "192.0.2.2"],
  },
  { type: "connecting", at: 5, address: "192.0.2.1:80" },
  { type: "connected", at: 10, local: "127.0.0.1:9", remote: "192.0.2.1:80" },
  head("request-head", "GET / HTTP/1.0\r\nHost: a.test\r\n\r\n", 10),
  head("response-head", "HTTP/1.0 200 OK\r\n\r\n", 80),
  { type: "body", at: 90, received: 12_345, total: null },
  {
    type: "body-end",
    at: 90,
    received: 12_345,
    end: "close",
    reason: "the connection ended",
  },
  {
    type: "closed",
    at: 91,
    remote: "192.0.2.1:80",
    by: "server",
    reason: "as HTTP/1.0 has it",
  },
];

Deno.test("drawSteps() draws each step with its time, bytes and heads", () => {
  const svg = drawSteps(EXCHANGE, URL_TEXT);
  parse(svg);
  const texts = textsOf(svg);
  assertEquals(texts.slice(0, 3), ["resolver", "client", "server"]);
  const shown = ["192.0.2.1, 192.0.2.2", "connect to 192.0.2.1:80", "5.0 ms"]
    .concat("GET / HTTP/1.0", "Host: a.test", "32 bytes:", "HTTP/1.0 200 OK")
    .concat("body, 12345 bytes", "the connection ended", "80.0 ms")
    .concat("close: as HTTP/1.0 has it", URL_TEXT);
  for (const text of shown) assert(texts.includes(text), text);
  for (
    const [way, count] of [["system", 1], ["client", 2], ["server", 3], [
      "flow",
      1,
    ], ["fail", 0]] as const
  ) assertEquals(countPaths(svg, way), count, way);
});

/** Lists the elements: name, left, top, height and text. */
function placesOf(svg: string): string[] {
  const regexp =
    /<(text|rect|path|svg)(?: class="[^"]*")? (?:x="(\d+)"(?: y="(\d+)")?|d="M(\d+) (\d+)[hV])(?:[^>]*? height="(\d+)")?[^>]*>([^<]*)/g;
  const body = svg.slice(svg.lastIndexOf("</marker>"));
  return Array.from(body.matchAll(regexp), ([, name, ...parts]) => {
    const [x, y, left, top, height, text] = parts;
    return [name, x ?? left, y ?? top, height, text?.trim()]
      .filter((part) => part !== undefined && part !== "").join(" ");
  });
}

Deno.test("drawSteps() places lifelines, waits and lines of text by their time", () => {
  const [resolve, resolved, connecting] = EXCHANGE;
  const svg = drawSteps([
    { ...resolve!, at: 1_000 },
    { ...resolved!, at: 1_020 },
    { ...connecting!, at: 1_020 },
    head("request-head", "GET / HTTP/1.0\r\nHost: a.test\r\n\r\n", 1_030),
    { type: "failed", at: 1_100, text: "" },
  ], URL_TEXT);
  assertStringIncludes(
    svg,
    '<svg xmlns="http://www.w3.org/2000/svg" width="1240" height="400" viewBox="0 0 1240 400">',
  );
  assertEquals(placesOf(svg), [
    "path 90 58",
    "text 90 52 resolver",
    "path 620 58",
    "text 620 52 client",
    "path 1150 58",
    "text 1150 52 server",
    // Below the names: 20 of 100 ms are 80 of a height of 400
    "rect 620 0 92",
    "path 620 92",
    "svg 620",
    "text 16 108 Where is a.test, port 80?",
    "text 608 108 1000.0 ms",
    "rect 90 92 80",
    "path 90 172",
    "svg 90",
    "text 16 188 192.0.2.1, 192.0.2.2",
    "text 608 188 1020.0 ms",
    // At the same time, so one line below
    "rect 620 172 32",
    "path 620 204",
    "svg 620",
    "text 16 220 connect to 192.0.2.1:80",
    "text 608 220 1020.0 ms",
    "rect 620 204 40",
    "path 620 244",
    "svg 620",
    "text 16 260 32 bytes:",
    "text 16 276 GET / HTTP/1.0",
    "text 16 292 Host: a.test",
    "text 608 260 1030.0 ms",
    // Broken in the middle, because 70 ms would be higher than 140
    "rect 620 244 140",
    "path 620 384",
    "svg 620",
    "text 608 400 1100.0 ms",
    "text 620 314 \u2248",
    "text 20 26 http://a.test/",
  ]);
  const known = drawSteps([connecting!], URL_TEXT);
  assertEquals(placesOf(known).at(-1), "text 550 26 http://a.test/");
});

Deno.test("drawSteps() cuts a line of more than 60 characters, and no other", () => {
  for (const [length, shown] of [[60, 60], [61, 60]] as const) {
    const text = "HTTP/1.0 200 ".padEnd(length, "x");
    const svg = drawSteps([head("response-head", `${text}\r\n\r\n`)], URL_TEXT);
    const line = textsOf(svg).find((line) => line.startsWith("HTTP/1.0 200"))!;
    assertEquals([line.length, line === text], [shown, length === 60]);
  }
});

Deno.test("drawSteps() leaves out the resolver if nobody asked it", () => {
  const known = EXCHANGE.map((event) =>
    event.type === "resolved" ? { ...event, source: "literal" as const } : event
  );
  const [asked, own] = [EXCHANGE, known].map((events) => {
    const [, left, width] = /viewBox="(\d+) 0 (\d+) /
      .exec(drawSteps(events, URL_TEXT))!;
    return [Number(left), Number(width)] as const;
  });
  assertEquals(asked![0], 0);
  assertEquals(own![0] > 400, true);
  assertEquals(own![0] + own![1], asked![1]);
});

Deno.test("drawSteps() draws to scale, and breaks what would be too long", () => {
  const at = (svg: string) =>
    Array.from(
      svg.matchAll(/<path class="own" d="M620 (\d+)h/g),
      ([, y]) => Number(y),
    );
  const steps = (times: readonly number[]): DrawnEvent[] =>
    times.map((at) => ({
      at,
      type: "body-end",
      received: 0,
      end: "none",
      reason: "x",
    }));
  const [a, b, c, d] = at(drawSteps(steps([0, 20, 60, 100]), URL_TEXT));
  assertEquals([c! - b!, d! - c!], [140, 140]); // 40 of 100 are over 140 of 400
  assertEquals(b! - a!, 80);
  const broken = drawSteps(steps([0, 1, 10_000]), URL_TEXT);
  const [e, f, g] = at(broken);
  assertEquals([f! - e!, g! - f!], [32, 140]);
  assertEquals(textsOf(broken).filter((text) => text === "\u2248").length, 1);
});

Deno.test("drawSteps() draws one event, no event, and unknown events", () => {
  const failed = { type: "failed", at: 3, text: "Cannot" } as const;
  const unknown = { type: "read", at: 3, bytes: 1 } as unknown as DrawnEvent;
  for (const events of [[], [failed], [failed, failed], [unknown]]) {
    const svg = drawSteps(events, URL_TEXT);
    parse(svg);
    assert(!svg.includes("NaN") && !svg.includes("Infinity"));
    const count = events.filter((event) => event === failed).length;
    assertEquals(countPaths(svg, "fail"), count);
  }
});

Deno.test("drawSteps() escapes and cuts what the other side sent", () => {
  const hostile = "</text><script>alert(1)</script>&amp;\"'\x1b[31m\x00\x9b" +
    ']]>\xef\xbf\xbf\xef\xbf\xbe class="system" \xe2\x80\xae<!--';
  const long = "x".repeat(5_000);
  const svg = drawSteps([
    head("request-head", `GET /${hostile} HTTP/1.0\r\n\r\n`),
    head("response-head", `HTTP/1.0 200 ${hostile}\r\nX: ${long}\r\n\r\n`),
    {
      type: "redirect",
      at: 1,
      status: 302,
      from: URL_TEXT,
      to: `http://a.test/${hostile}`,
      method: "GET",
      methodReason: null,
      dropped: [],
    },
    { type: "failed", at: 2, text: hostile + long },
  ], `http://a.test/${hostile}${long}`);
  const names = parse(svg).map(({ name }) => name);
  assertEquals(
    [...new Set(names)].sort(),
    ["marker", "path", "rect", "style", "svg", "text"],
  );
  for (const text of textsOf(svg)) assert(text.length <= 60, text);
  assert(textsOf(svg).some((text) => text.endsWith("\u2026")));
  assertEquals(countPaths(svg, "system"), 0);
  assertStringIncludes(svg, 'viewBox="530 ');
});

Deno.test("drawSteps() shows no secrets", () => {
  const secret = "s3cr3t";
  const svg = drawSteps([
    head(
      "request-head",
      `GET http://u:${secret}@a.test/ HTTP/1.0\r\nAuthorization: Basic ${secret}\r\n` +
        `Proxy-Authorization: Basic ${secret}\r\nCookie: a=${secret}\r\n\r\n`,
    ),
    head(
      "response-head",
      `HTTP/1.0 302 Found\r\nSet-Cookie: a=${secret};\r\n ${secret}\r\nLocation: //${secret}@a.test/\r\n\r\n`,
    ),
    {
      type: "redirect",
      at: 1,
      status: 302,
      from: URL_TEXT,
      to: `http://u:${secret}@${"a".repeat(80)}.test/`,
      method: "GET",
      methodReason: null,
      dropped: [],
    },
    { type: "failed", at: 2, text: `Cannot: "https://${secret}:x@a.test/"` },
  ], `http://ada:${secret}@a.test/`);
  assert(!svg.includes(secret), svg);
  assertStringIncludes(svg, "Authorization: Basic ***");
  assertStringIncludes(svg, "http://***@a.test/");
});

Deno.test("drawSteps() names the proxy", () => {
  const [proxied, tunnel] = [
    head("request-head", "GET http://a.test/ HTTP/1.0\r\n\r\n"),
    {
      type: "tunnel",
      at: 0,
      target: "a.test:443",
      status: 200,
      text: "",
    },
  ] as const;
  for (const event of [proxied, tunnel]) {
    const texts = textsOf(drawSteps([event], URL_TEXT));
    assertEquals(texts.slice(0, 3), ["resolver", "client", "proxy"]);
  }
});

Deno.test("main() --draw draws an exchange with its redirects", async () => {
  const path = await Deno.makeTempFile();
  await using server = serveRaw((_, count) => ({
    raw: count > 0
      ? ok("hi")
      : "HTTP/1.0 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
    piece: ok("hi").length - 1,
    delay: 10,
  }));
  const { code, out, err } = await run(["-L", "--draw", path, server.url]);
  assertEquals([code, out, err], [0, "hi", ""]);
  const svg = await Deno.readTextFile(path);
  parse(svg);
  const texts = textsOf(svg);
  for (const line of ["GET / HTTP/1.0", "GET /b HTTP/1.0", "body, 2 bytes"]) {
    assertEquals(texts.filter((text) => text === line).length, 1, line);
  }
  assertEquals(texts.filter((text) => text.startsWith("body, ")).length, 1);
  assert(texts.includes(`302 leads to ${server.url}b`));
  await Deno.remove(path);
});

Deno.test("main() --draw draws failures, too, and exits with the same code as without it", async () => {
  const path = await Deno.makeTempFile();
  await using server = serveRaw(() => ({ raw: "", then: "hold" }));
  for (
    const [url, code, words] of [
      [`http://127.0.0.1:${closedPort()}/`, 7, "Cannot connect"],
      [`https://127.0.0.1:${server.port}/`, 28, "Cannot connect"],
      [server.url, 28, "finished within"],
    ] as const
  ) {
    const args = ["-m", "0.3", "--draw", path, url];
    const started = performance.now();
    const { code: actual, err } = await run(args);
    const took = performance.now() - started;
    assertEquals(actual, code, err);
    const svg = await Deno.readTextFile(path);
    parse(svg);
    assertEquals(svg.lastIndexOf("<svg xmlns"), 0);
    for (const [, ms] of svg.matchAll(/>([\d.]+) ms</g)) {
      assert(Number(ms) <= took, `${ms} of ${took} ms`);
    }
    assert(countPaths(svg, "fail") > 0);
    assertStringIncludes(textsOf(svg).join(" "), words);
  }
  await Deno.remove(path);
});

Deno.test("main() --draw says why it cannot draw", async () => {
  await using server = serveRaw(() => ({ raw: ok("hi") }));
  const path = "/no-such-folder/a.svg";
  for (
    const [args, code, err] of [
      [
        ["--draw", path, server.url],
        23,
        `knock: Cannot write "${path}": no such file or directory\n`,
      ],
      [
        ["--draw", path, server.url, server.url],
        2,
        "knock: Cannot draw several transfers: --draw takes one URL\n",
      ],
      [
        ["--draw", path, "http://a.test/{1,2}"],
        2,
        "knock: Cannot draw several transfers: --draw takes one URL\n",
      ],
    ] as const
  ) {
    const result = await run(args);
    assertEquals([result.code, result.err], [code, err]);
  }
  assertEquals(server.requests.length, 1);
});
