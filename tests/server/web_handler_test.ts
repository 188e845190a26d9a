import { brotliCompressSync, gzipSync } from "node:zlib";
import { assert, assertEquals } from "@std/assert";
import { Hono } from "npm:hono@^4.13.19";
import { streamText } from "npm:hono@^4.13.19/streaming";
import { fetch as ownFetch, request } from "../../client/mod.ts";
import {
  type Handler,
  serve,
  webHandler,
  withCors,
  withHeaders,
} from "../../server/mod.ts";
import {
  body as bodyOf,
  delay,
  dial,
  exchange,
  field,
  latin1,
  octets,
  readToEnd,
  statuses,
  within,
} from "./_raw.ts";

function app(): Hono {
  const app = new Hono();
  app.use("*", async (context, next) => {
    await next();
    context.header("X-Middleware", "yes");
  });
  app.get(
    "/hello/:name",
    (context) =>
      context.text(
        `Hello ${context.req.param("name")} ${context.req.query("q")}`,
      ),
  );
  app.post(
    "/json",
    async (context) => context.json({ got: await context.req.json() }, 201),
  );
  app.post(
    "/form",
    async (context) => context.json(await context.req.parseBody()),
  );
  app.get("/stream", (context) =>
    streamText(context, async (stream) => {
      for (const part of ["a", "b", "c"]) {
        await stream.write(part);
        await delay(20);
      }
    }));
  app.get("/redirect", (context) => context.redirect("/hello/x"));
  app.get("/throws", () => {
    throw new Error("secret");
  });
  app.onError((_error, context) => context.text("handled", 500));
  return app;
}

Deno.test("webHandler() runs a Hono app: routes, bodies, middleware, streams and errors", async () => {
  await using server = serve(webHandler(app().fetch), { port: 0 });
  const at = (path: string) => new URL(path, server.url);

  const hello = await fetch(at("/hello/b%C3%B6b?q=1"));
  assertEquals([await hello.text(), hello.headers.get("x-middleware")], [
    "Hello böb 1",
    "yes",
  ]);

  const json = await fetch(at("/json"), {
    method: "POST",
    body: JSON.stringify({ a: [1, "é"] }),
  });
  assertEquals([json.status, await json.json()], [201, {
    got: { a: [1, "é"] },
  }]);

  const form = new FormData();
  form.append("x", "1");
  assertEquals(
    await (await fetch(at("/form"), { method: "POST", body: form })).json(),
    { x: "1" },
  );

  assertEquals(
    await (await fetch(at("/redirect"))).text(),
    "Hello x undefined",
  );
  const missing = await fetch(at("/missing"));
  assertEquals([missing.status, await missing.text()], [404, "404 Not Found"]);
  const thrown = await fetch(at("/throws"));
  assertEquals([thrown.status, await thrown.text()], [500, "handled"]);
});

Deno.test("webHandler() streams as the parts come, and closes behind them", async () => {
  await using server = serve(webHandler(app().fetch), { port: 0 });
  const response = await fetch(new URL("/stream", server.url));
  const parts: string[] = [];
  for await (
    const part of response.body!.pipeThrough(new TextDecoderStream())
  ) parts.push(part);
  assertEquals(parts, ["a", "b", "c"]);
});

Deno.test("webHandler() gives a Response that is whole its length, and keeps the connection", async () => {
  await using server = serve(
    webHandler(() => new Response("abc", { statusText: "Fine" })),
    { port: 0 },
  );
  const { text, end } = await exchange(
    server,
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    { patience: 200 },
  );
  assert(text.startsWith("HTTP/1.0 200 Fine\r\n"), text);
  assertEquals([field(text, "content-length"), end], ["3", "open"]);
});

Deno.test("webHandler() sends the head of a stream before its first part, unless its length is known", async () => {
  // [the Content-Length, whether the head comes at once]
  const cases: [number | null, boolean][] = [
    [null, true],
    [5, false],
    [1_000_000, false],
  ];
  for (const [length, comesAtOnce] of cases) {
    const hold = Promise.withResolvers<void>();
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        await hold.promise;
        controller.enqueue(new Uint8Array(length ?? 1));
        controller.close();
      },
    });
    const headers: HeadersInit = length === null
      ? {}
      : { "Content-Length": `${length}` };
    await using server = serve(
      webHandler(() => new Response(body, { headers })),
      { port: 0 },
    );
    const conn = await dial(server);
    await conn.write(octets("GET / HTTP/1.0\r\n\r\n"));
    const block = new Uint8Array(1_024);
    const reading = conn.read(block);
    if (comesAtOnce) await within(reading);
    else assertEquals(await Promise.race([reading, delay(100)]), undefined);
    hold.resolve();
    const count = await reading;
    assertEquals(statuses(latin1(block.subarray(0, count ?? 0))), [200]);
    const rest = await readToEnd(conn);
    assertEquals(rest.end, "close");
  }
});

Deno.test("webHandler() refuses a Host that no URL can have, as the client's mistake", async () => {
  const errors: unknown[] = [];
  await using server = serve(webHandler(() => new Response("hi")), {
    port: 0,
    allowedHosts: "*",
    onError: (error) => errors.push(error),
  });
  for (const host of ["999.1.1.1", ":80", "%00.localhost", "xn--.localhost"]) {
    const raw = `GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`;
    assertEquals(statuses((await exchange(server, raw)).text), [400], host);
  }
  assertEquals(errors, []);
});

Deno.test("webHandler() refuses TRACE, which no Request may have, with a 501", async () => {
  const errors: unknown[] = [];
  await using server = serve(webHandler(() => new Response()), {
    port: 0,
    onError: (error) => errors.push(error),
  });
  assertEquals(
    statuses((await exchange(server, "TRACE / HTTP/1.0\r\n\r\n")).text),
    [501],
  );
  assertEquals(errors, []);
});

Deno.test("webHandler() drops the body of a GET, which no Request may have", async () => {
  const handler = webHandler(async (request) =>
    new Response(`${request.method} ${await request.text()}`)
  );
  await using server = serve(handler, { port: 0 });
  const request = "GET / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi";
  const { text } = await exchange(server, request);
  assertEquals(statuses(text), [200]);
  assertEquals(text.split("\r\n\r\n")[1], "GET ");
});

Deno.test("serve() sends what fetch() has decoded without its coding and its length then", async () => {
  const gzip = gzipSync("Knock knock");
  const br = brotliCompressSync("Knock knock");
  const ranged = { headers: { "Range": "bytes=0-" } };
  // [the coding, the body with it, the request, whether fetch() decodes it]
  const cases: [string, Uint8Array, RequestInit, boolean][] = [
    ["gzip", gzip, {}, true],
    ["GZIP", gzip, {}, true],
    ["br", br, {}, true],
    ["gzip", gzip, { method: "HEAD" }, true],
    ["gzip", gzip, ranged, false],
    ["zstd", gzip, {}, false],
  ];
  for (const [coding, coded, init, isDecoded] of cases) {
    const { method = "GET" } = init;
    await using upstream = serve(({ headers }) => ({
      status: headers.has("range") ? 206 : 200,
      headers: { "Content-Encoding": coding },
      body: coded,
    }), { port: 0 });
    for (const send of [fetch, ownFetch]) {
      await using server = serve(() => send(upstream.url, init), { port: 0 });
      const { text } = await exchange(server, `${method} / HTTP/1.0\r\n\r\n`);
      const whole = isDecoded ? "Knock knock" : latin1(coded);
      assertEquals(
        [
          bodyOf(text),
          field(text, "content-encoding"),
          field(text, "content-length") === `${coded.length}`,
        ],
        [
          method === "HEAD" ? "" : whole,
          isDecoded ? null : coding,
          !isDecoded,
        ],
        `${coding} ${JSON.stringify(init)} ${send === fetch}`,
      );
    }
  }
});

/** [case, what a handler around the client's request returns] */
const PASSES: [string, (handler: Handler) => Handler][] = [
  ["as it is", (handler) => handler],
  ["by withHeaders()", (handler) => withHeaders(handler, { "X-A": "1" })],
  ["by withCors()", withCors],
];

for (const [what, wrap] of PASSES) {
  for (const decode of [false, true]) {
    const how = decode ? "decoded" : "coded";
    Deno.test(`serve() passes on the response of a client, ${how}, ${what}`, async () => {
      const coded = gzipSync("Knock knock");
      await using upstream = serve(() => ({
        status: 299,
        reason: "Who's there?",
        headers: { "Content-Encoding": "gzip" },
        body: coded,
      }), { port: 0 });
      const handler = wrap(() => request(upstream.url, { decode }));
      await using server = serve(handler, { port: 0 });
      const { text } = await exchange(server, "GET / HTTP/1.0\r\n\r\n");
      assertEquals(text.split("\r\n")[0], "HTTP/1.0 299 Who's there?");
      assertEquals(bodyOf(text), decode ? "Knock knock" : latin1(coded));
      assertEquals(field(text, "content-encoding"), decode ? null : "gzip");
    });
  }
}

Deno.test("a request's bytes and body suit the functions of the web", async () => {
  await using server = serve(async (request) => {
    if (request.path === "/unzip") {
      const unzip = new DecompressionStream("gzip");
      return new Response(request.body?.pipeThrough(unzip));
    }
    const bytes = await request.bytes();
    const hash = await crypto.subtle.digest("SHA-1", bytes);
    return new Response(new Blob([bytes, hash]));
  }, { port: 0 });
  const send = (path: string, body: BodyInit) =>
    fetch(server.url + path, { method: "POST", body });

  const zipped = new Uint8Array(gzipSync("Knock"));
  assertEquals(await (await send("unzip", zipped)).text(), "Knock");
  assertEquals((await (await send("hash", "Knock")).bytes()).length, 5 + 20);
});
