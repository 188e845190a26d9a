// Checks the default limits that README and the docs of the options name.

import { assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { Client, ClientError, request } from "../../client/mod.ts";
import { TestClock } from "../_clock.ts";
import { delay } from "../server/_raw.ts";
import { ok, type Responder, serveRaw, silentPort } from "./_server.ts";

const OK = ok("x");

function headOf(bytes: number): string {
  const start = "HTTP/1.0 200 OK\r\nX: ";
  return `${start}${"x".repeat(bytes - start.length - 4)}\r\n\r\n`;
}

/** Returns a response whose body has this many codings. */
function gzipped(times: number): Uint8Array {
  let body = new TextEncoder().encode("x");
  for (let i = 0; i < times; i++) body = new Uint8Array(gzipSync(body));
  const head = OK.replace("1\r\n\r\nx", `${body.length}\r\n`) +
    `Content-Encoding: ${Array(times).fill("gzip").join(", ")}\r\n\r\n`;
  return new Uint8Array([...new TextEncoder().encode(head), ...body]);
}

// An amount at the limit is accepted, and one over it is refused.
// [what, limit, responder for an amount, code of the error]
const AMOUNTS: [string, number, (amount: number) => Responder, string][] = [
  [
    "bytes of a head",
    65_536,
    (n) => () => ({ raw: headOf(n) }),
    "head-too-large",
  ],
  ["fields", 256, (n) => () => ({
    raw: `HTTP/1.0 200 OK\r\n${"A: b\r\n".repeat(n)}\r\n`,
  }), "head-too-large"],
  ["interim responses", 10, (n) => () => ({
    raw: "HTTP/1.0 102 X\r\n\r\n".repeat(n) + OK,
  }), "malformed"],
  ["codings", 5, (n) => () => ({ raw: gzipped(n) }), "coding"],
  ["redirects", 20, (n) => (_, count) => ({
    raw: count < n ? "HTTP/1.0 302 X\r\nLocation: /\r\n\r\n" : OK,
  }), "too-many-redirects"],
];

for (const [what, limit, respond, code] of AMOUNTS) {
  Deno.test(`request() accepts ${limit} ${what}, and no more`, async () => {
    await using server = serveRaw(respond(limit));
    await (await request(server.url, { decode: true })).bytes();
    await using other = serveRaw(respond(limit + 1));
    const asking = async () =>
      (await request(other.url, { decode: true })).bytes();
    assertEquals((await assertRejects(asking, ClientError)).code, code);
  });
}

Deno.test("Client keeps 128 connections", async () => {
  const keep = "Connection: keep-alive\r\n";
  await using server = serveRaw(() => ({ raw: ok("x", keep), then: "next" }));
  const reasons: string[] = [];
  await using client = new Client({
    trace: (event) => {
      if (event.type === "kept" || event.type === "closed") {
        reasons.push(`${event.type}: ${event.reason}`);
      }
    },
  });
  const asking = Array.from({ length: 129 }, () => client.get(server.url));
  for (const response of await Promise.all(asking)) await response.text();
  const counts = Map.groupBy(reasons, (reason) => reason);
  assertEquals([...counts].map(([reason, { length }]) => [reason, length]), [
    ["kept: both sides agreed to keep it", 128],
    ["closed: the client keeps no more connections", 1],
  ]);
});

Deno.test("Client keeps at most one connection after POST and PATCH requests", async () => {
  const keep = "Connection: keep-alive\r\n";
  await using server = serveRaw(() => ({ raw: ok("x", keep), then: "next" }));
  const ends: string[] = [];
  await using client = new Client({
    trace: ({ type }) => {
      if (["kept", "closed", "reused"].includes(type)) ends.push(type);
    },
  });
  for (const method of ["POST", "PATCH", "POST", "GET", "POST"]) {
    await (await client.request(server.url, { method })).text();
  }
  assertEquals(ends, ["kept", "closed", "closed", "reused", "kept", "closed"]);
});

Deno.test("Client reuses a connection within 4.5 s", async () => {
  const keep = "Connection: keep-alive\r\n";
  await using server = serveRaw(() => ({ raw: ok("x", keep), then: "next" }));
  await using client = new Client();
  using clock = new TestClock();
  const connections = [];
  for (const pause of [0, 4_400, 4_600]) {
    clock.pass(pause);
    await (await client.get(server.url)).text();
    connections.push(server.connections);
  }
  assertEquals(connections, [1, 1, 2]);
});

Deno.test("request() waits 30 s for the next byte, and an hour in all", async () => {
  const cases: [passed: number, options: object, message: string][] = [
    [31_000, {}, "nothing arrived within 30000 ms"],
    [
      3_600_001,
      { idleTimeout: 4_000_000 },
      "not finished within 3600000 ms",
    ],
  ];
  for (const [passed, options, message] of cases) {
    await using server = serveRaw(() => ({ raw: "", then: "hold" }));
    using clock = new TestClock();
    const asking = request(server.url, options);
    for (let i = 0; i < 2_000 && server.requests.length === 0; i++) {
      await delay(5);
    }
    clock.pass(passed - 2_000);
    await delay(150);
    clock.pass(2_000);
    await assertRejects(() => asking, ClientError, message);
  }
});

Deno.test("request() waits 10 s for a connection", async () => {
  using silent = await silentPort();
  using clock = new TestClock();
  const asking = request(`http://127.0.0.4:${silent.port}/`);
  await delay(100);
  clock.pass(11_000);
  await assertRejects(() => asking, ClientError, "arrived within 10000 ms");
});
