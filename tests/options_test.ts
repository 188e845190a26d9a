// What callers in JavaScript may get wrong in options: refused at once, before
// there is a socket, and with what was expected.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  accessLog,
  Client,
  connect,
  listen,
  request,
  serve,
  serveDir,
  Wire,
} from "../mod.ts";
import { checkOptions } from "../message/_options.ts";

type Case = readonly [options: Record<string, unknown>, error: string];

const SERVE: readonly Case[] = [
  [
    { allowedHosts: "a.example" },
    'allowedHosts "a.example": expected an array or "*"',
  ],
  [{ allowedHosts: [5] }, "is not a function"],
  [{ path: "" }, 'path "": expected a path'],
  [{ path: 5 }, "path 5: expected a path"],
  [{ path: null }, "path null: expected a path"],
  [{ port: "8000" }, 'port "8000": expected a whole number from 0'],
  [{ port: null }, "port null: expected a whole number from 0"],
  [{ port: NaN }, "port NaN: expected a whole number from 0"],
  [{ hostname: null }, "hostname null: expected a string"],
  [{ log: "common" }, 'log "common": expected a function'],
  [{ trace: true }, "trace true: expected a function"],
  [{ onListen: null }, "onListen null: expected a function"],
  [{ onError: {} }, "onError [object Object]: expected a function"],
  [{ isTrustedProxy: "::1" }, 'isTrustedProxy "::1": expected a function'],
  [{ keepAlive: "false" }, 'keepAlive "false": expected true or false'],
  [{ oneAtATime: 1 }, "oneAtATime 1: expected true or false"],
  [{ limits: { maxBody: 5 } }, "limit maxBody is 5, there is no such limit"],
  [
    { limits: { maxBodyBytes: "5" } },
    "maxBodyBytes is 5, expected a number",
  ],
  [{ limits: { writeTimeout: 5n } }, "writeTimeout is 5, expected a number"],
];

Deno.test("accessLog() refuses a format that there is not", () => {
  for (const format of ["xml", "Common", "", null, undefined, 5]) {
    const call = () => accessLog(format as "json", Deno.stdout);
    assertThrows(call, Error, 'expected "common" or "combined" or "json"');
  }
});

Deno.test("serve() refuses to share a port that would end the process", () => {
  const call = () => serve(() => ({ status: 200 }), { reusePort: true });
  assertThrows(call, Deno.errors.NotCapable, "deno run --unstable-net");
});

Deno.test("serve() refuses options that make no sense before it listens", () => {
  for (const [options, error] of SERVE) {
    const call = () => serve(() => ({ status: 200 }), { port: 0, ...options });
    assertThrows(call, Error, error, Deno.inspect(options));
  }
  for (const handler of [undefined, null, {}, "handler"]) {
    const call = () => serve(handler as never, { port: 0 });
    assertThrows(call, TypeError, "expected a function");
  }
});

Deno.test("serve() has its default for each option and limit that is undefined", async () => {
  const limits = { maxBodyBytes: undefined!, idleTimeout: undefined! };
  const options = { port: 0, hostname: undefined!, log: undefined!, limits };
  await using server = serve(async (request) => {
    return { status: 200, body: await request.text() };
  }, options);
  const response = await request(server.url, { method: "POST", body: "hi" });
  assertEquals(await response.text(), "hi");
});

const LISTEN: readonly Case[] = [
  [{ timeout: NaN }, "timeout NaN: expected a number from 0"],
  [{ maxLineBytes: NaN }, "maxLineBytes NaN: expected a number from 0"],
  [{ maxBytes: -1 }, "maxBytes -1: expected a number from 0"],
  [{ port: "8000" }, 'port "8000": expected a whole number from 0'],
  [{ path: "" }, 'path "": expected a path'],
  [{ reusePort: "yes" }, 'reusePort "yes": expected true or false'],
];

Deno.test("listen() and Wire refuse options that make no sense at once", () => {
  for (const [options, error] of LISTEN) {
    assertThrows(() => listen(options), Error, error, Deno.inspect(options));
  }
  const duplex = {} as Deno.Conn;
  assertThrows(() => new Wire(duplex, { maxBytes: NaN }), RangeError, "NaN");
});

const SERVE_DIR: readonly Case[] = [
  [{ fallback: null }, "fallback null: expected a path"],
  [{ fallback: "" }, 'fallback "": expected a path'],
  [{ urlRoot: null }, "urlRoot null: expected a string"],
  [{ showDotfiles: "false" }, 'showDotfiles "false": expected true or false'],
  [{ withheld: "key.pem" }, 'withheld "key.pem": expected an array'],
  [{ maxAge: 1.5 }, "maxAge 1.5: expected a whole number from 0"],
  [{ maxAge: "60" }, 'maxAge "60": expected a whole number from 0'],
  [{ cacheTtl: -1 }, "cacheTtl -1: expected a whole number from 0"],
  [{ cacheSize: Infinity }, "cacheSize Infinity: expected a whole number"],
  [{ types: { glb: 5 } }, "to 5: not a string"],
  [{ types: { glb: "a/b\n" } }, "has a control character"],
];

Deno.test("serveDir() refuses options that make no sense at once", () => {
  for (const [options, error] of SERVE_DIR) {
    const call = () => serveDir(".", options);
    assertThrows(call, Error, error, Deno.inspect(options));
  }
});

const REQUEST: readonly Case[] = [
  [{ protocols: "https" }, 'protocols "https": expected an array'],
  [{ redirectProtocols: "https" }, "expected an array"],
  [{ omit: "User-Agent" }, 'omit "User-Agent": expected an array'],
  [{ caCerts: "PEM" }, 'caCerts "PEM": expected an array'],
  [{ keepPost: 301 }, "keepPost 301: expected an array"],
  [{ method: null }, "method null: expected a string"],
  [{ retry: "3" }, 'retry "3": expected a number from 0 or an object'],
  [{ retry: NaN }, "retry NaN: expected a number from 0 or an object"],
  [{ retry: { count: 1, delay: NaN } }, "delay NaN: expected a number"],
  [{ retry: { count: "1" } }, 'count "1": expected a number from 0'],
  [{ family: "6" }, 'family "6": expected 4 or 6'],
  [
    { redirect: "none" },
    'redirect "none": expected "follow" or "manual" or "error"',
  ],
  [{ decode: "no" }, 'decode "no": expected true or false'],
  [{ tls: { insecure: "no" } }, 'insecure "no": expected true or false'],
  [{ tls: true }, "tls true: expected an object"],
  [{ unixSocket: "" }, 'unixSocket "": expected a path'],
  [{ trace: console }, "expected a function"],
  [{ timeout: "5" }, 'timeout "5": expected a number from 0'],
];

Deno.test("request() and Client refuse options that make no sense before they connect", async () => {
  for (const [options, error] of REQUEST) {
    const call = () => request("http://127.0.0.1:1/", options);
    await assertRejects(call, Error, error, Deno.inspect(options));
    assertThrows(() => new Client(options), Error, error);
  }
});

Deno.test("connect() refuses options that make no sense before it connects", async () => {
  const cases: readonly Case[] = [
    [{ maxLineBytes: NaN }, "maxLineBytes NaN: expected a number from 0"],
    [{ secure: "false" }, 'secure "false": expected true or false'],
    [{ port: "80" }, 'port "80": expected a whole number from 0'],
    [{ hostname: 5 }, "hostname 5: expected a string"],
  ];
  for (const [options, error] of cases) {
    await assertRejects(() => connect({ port: 1, ...options }), Error, error);
  }
});

Deno.test("checkOptions() accepts what is undefined, unknown, or at a limit", () => {
  checkOptions({ port: undefined, other: null, maxAge: 0, timeout: Infinity });
  checkOptions(Object.freeze({ count: 1.5, family: 4, redirect: "manual" }));
  const error = assertThrows(() => checkOptions({ port: 0.5 }), RangeError);
  assertEquals(error.name, "RangeError");
});
