import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { gzipSync } from "node:zlib";
import { ClientError, fetch as ownFetch } from "../../client/mod.ts";
import { closedPort, ok, serveRaw } from "./_server.ts";

type Fetch = (
  input: string | URL | Request,
  init?: RequestInit,
) => Promise<Response>;

/** The server that the platform's fetch() and Knock's are compared with. */
async function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/echo":
      return new Response(request.body, {
        status: 201,
        headers: {
          "Content-Type": request.headers.get("content-type") ?? "",
          "X-Method": request.method,
        },
      });
    case "/fields":
      return Response.json({
        a: request.headers.get("x-a"),
        authorization: request.headers.get("authorization"),
      });
    case "/302":
    case "/303":
    case "/307":
      return new Response(null, {
        status: Number(pathname.slice(1)),
        headers: { Location: "/echo" },
      });
    case "/aimless":
      return new Response(null, { status: 302 });
    case "/loop":
      return new Response(null, {
        status: 302,
        headers: { Location: "/loop" },
      });
    case "/away":
      return new Response(null, {
        status: 302,
        headers: { Location: "ftp://a.test/" },
      });
    case "/gzip":
      return new Response(new Uint8Array(gzipSync("coded")), {
        headers: { "Content-Encoding": "gzip" },
      });
    case "/part":
      return new Response(new Uint8Array(gzipSync("coded")).slice(5), {
        status: 206,
        headers: { "Content-Encoding": "gzip" },
      });
    case "/204":
    case "/205":
    case "/304":
      return new Response(null, {
        status: Number(pathname.slice(1)),
        headers: { "X-A": "1" },
      });
    case "/cookies":
      return new Response("", {
        headers: [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2"]],
      });
    case "/slow":
      await new Promise((done) => setTimeout(done, 300));
      return new Response("late");
    case "/stream":
      return new Response(
        ReadableStream.from(["one ", "two ", "three"]).pipeThrough(
          new TextEncoderStream(),
        ),
      );
    default:
      return new Response(`no ${pathname}`, {
        status: 404,
        statusText: "Nowhere",
      });
  }
}

/** What a caller sees of a response or an error. */
interface Outcome {
  status?: number;
  ok?: boolean;
  redirected?: boolean;
  path?: string;
  body?: string;
  fields?: (string | null)[];
  cookies?: string[];
  hasBody?: boolean;
  error?: string;
}

async function observe(fetching: Promise<Response>): Promise<Outcome> {
  try {
    const response = await fetching;
    const { status, ok, redirected, headers } = response;
    return {
      status,
      ok,
      redirected,
      path: new URL(response.url).pathname,
      fields: ["content-type", "x-method", "x-a", "location"].map((name) =>
        headers.get(name)
      ),
      cookies: headers.getSetCookie(),
      hasBody: response.body !== null,
      body: await response.text(),
    };
  } catch (error) {
    return { error: (error as Error).name };
  }
}

// [case, path, init]
const CALLS: [string, string, () => RequestInit][] = [
  ["a GET", "/fields", () => ({ headers: { "X-A": "b" } })],
  ["a HEAD", "/stream", () => ({ method: "HEAD" })],
  ["a POST of text", "/echo", () => ({ method: "POST", body: "text é" })],
  [
    "a POST of bytes",
    "/echo",
    () => ({ method: "POST", body: new Uint8Array([65, 66]) }),
  ],
  [
    "a POST of a form",
    "/echo",
    () => ({ method: "POST", body: new URLSearchParams({ a: "1 2" }) }),
  ],
  [
    "a PUT of a blob",
    "/echo",
    () => ({ method: "PUT", body: new Blob(["blob"], { type: "text/x" }) }),
  ],
  ["a DELETE", "/echo", () => ({ method: "DELETE" })],
  [
    "a redirect of a POST by 302",
    "/302",
    () => ({
      method: "POST",
      body: "x",
      headers: { "Content-Type": "text/x" },
    }),
  ],
  ["a redirect of a PUT by 303", "/303", () => ({ method: "PUT", body: "x" })],
  [
    "a redirect of a POST by 307",
    "/307",
    () => ({ method: "POST", body: "x" }),
  ],
  ["a redirect that is not followed", "/302", () => ({ redirect: "manual" })],
  ["a redirect that is an error", "/302", () => ({ redirect: "error" })],
  [
    "a redirect without Location that is an error",
    "/aimless",
    () => ({ redirect: "error" }),
  ],
  ["a loop", "/loop", () => ({})],
  ["a redirect to another protocol", "/away", () => ({})],
  ["a coded body", "/gzip", () => ({})],
  [
    "a part of a coded body",
    "/part",
    () => ({ headers: { "Range": "bytes=5-" } }),
  ],
  ["204", "/204", () => ({})],
  ["205", "/205", () => ({})],
  ["304", "/304", () => ({})],
  ["several cookies", "/cookies", () => ({})],
  ["a body of unknown length", "/stream", () => ({})],
  ["404", "/nowhere", () => ({})],
  ["an abort", "/slow", () => ({ signal: AbortSignal.timeout(50) })],
  [
    "a signal that has aborted",
    "/fields",
    () => ({ signal: AbortSignal.abort() }),
  ],
  ["a bad method", "/fields", () => ({ method: "A B" })],
  ["a bad field", "/fields", () => ({ headers: { "X": "a\nb" } })],
  ["a GET with a body", "/fields", () => ({ body: "x" })],
  ["null as init", "/fields", () => null!],
];

for (const [what, path, init] of CALLS) {
  Deno.test(`fetch() returns the same as the platform's for ${what}`, async () => {
    await using server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen() {},
    }, handle);
    const url = `http://127.0.0.1:${server.addr.port}${path}`;
    const client = Deno.createHttpClient({});
    const platform: Fetch = (input, init) =>
      fetch(input, { ...init, client } as RequestInit);
    const wanted = await observe(platform(url, init()));
    client.close();
    assertEquals(await observe(ownFetch(url, init())), wanted);
    assert(wanted.status !== undefined || wanted.error !== undefined);
  });
}

Deno.test("fetch() accepts a Request", async () => {
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, handle);
  const asked = new Request(`http://127.0.0.1:${server.addr.port}/echo`, {
    method: "POST",
    body: "asked",
  });
  const response = await ownFetch(asked);
  assertEquals([response.status, await response.text(), asked.bodyUsed], [
    201,
    "asked",
    true,
  ]);
});

Deno.test("fetch() fails with a TypeError that has the cause", async () => {
  const error = await assertRejects(
    () => ownFetch(`http://127.0.0.1:${closedPort()}/`),
    TypeError,
    "nothing listens",
  );
  assert(error.cause instanceof ClientError);
  assertEquals(error.cause.code, "refused");
});

for (const status of [299, 599, 600, 601, 666, 900, 999]) {
  Deno.test(`fetch() returns status ${status}, as the platform's does`, async () => {
    await using server = serveRaw(() => ({
      raw: `HTTP/1.0 ${status} What\r\nContent-Length: 2\r\n\r\nhi`,
    }));
    const client = Deno.createHttpClient({});
    const platform = await fetch(server.url, { client });
    const own = await ownFetch(server.url);
    assertEquals(
      [own.status, own.ok, own.statusText, await own.text()],
      [status, platform.ok, "What", await platform.text()],
    );
    assertEquals(platform.status, status);
    client.close();
  });
}

Deno.test("fetch() returns a response that behaves as the platform's", async () => {
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, handle);
  const url = `http://127.0.0.1:${server.addr.port}/307#top`;
  const init = { method: "POST", body: "x" };
  const response = await ownFetch(url, init);
  const copy = response.clone();
  const copyOfCopy = copy.clone();
  for (const one of [response, copy, copyOfCopy]) {
    assertEquals(one.url, `http://127.0.0.1:${server.addr.port}/echo`);
    assertEquals([one.status, one.ok, one.type], [201, true, "basic"]);
    assertEquals([one.redirected, one.bodyUsed], [true, false]);
    assertEquals(one.headers.get("x-method"), "POST");
    assert(one instanceof Response && one.headers instanceof Headers);
    for (
      const change of [
        () => one.headers.set("x-method", "b"),
        () => one.headers.append("x-method", "b"),
        () => one.headers.delete("x-method"),
      ]
    ) assertThrows(change, TypeError, "Cannot change headers");
    new Headers(one.headers).set("x-method", "b");
    assertEquals(await one.text(), "x");
    assertThrows(() => one.clone(), TypeError);
  }
  assert(Deno.inspect(copy).includes("/echo"));
});

Deno.test("fetch() returns a body that a BYOB reader can read", async () => {
  await using server = serveRaw(() => ({ raw: ok("12345"), piece: 1 }));
  const response = await ownFetch(server.url);
  const reader = response.body!.getReader({ mode: "byob" });
  let text = "";
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(2));
    if (done) break;
    text += new TextDecoder().decode(value);
  }
  assertEquals(text, "12345");
});

const BREAKS = [
  ["a cut body", "Content-Length: 9\r\n\r\nhalf", "truncated"],
  ["a cut chunk", "Transfer-Encoding: chunked\r\n\r\n9\r\nhalf", "truncated"],
  ["a bad chunk", "Transfer-Encoding: chunked\r\n\r\nx\r\n", "malformed"],
  [
    "a bad coding",
    "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno",
    "coding",
  ],
];

for (const [what, fields, code] of BREAKS) {
  Deno.test(`fetch() fails with a TypeError on ${what}`, async () => {
    await using server = serveRaw(() => ({
      raw: `HTTP/1.1 200 OK\r\n${fields}`,
      piece: 45,
      delay: 5,
    }));
    for (const read of ["text", "bytes", "blob", "clone"] as const) {
      const response = await ownFetch(server.url);
      const reading = read === "clone"
        ? Promise.all([response.clone().text(), response.text()])
        : response[read]();
      const error = await assertRejects(() => reading, TypeError);
      assert(error.cause instanceof ClientError, String(error.cause));
      assertEquals(error.cause.code, code);
    }
  });
}

Deno.test("fetch() rejects the body with the reason of its signal", async () => {
  await using server = serveRaw(() => ({
    raw: "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    then: "hold",
  }));
  const controller = new AbortController();
  const { signal } = controller;
  const response = await ownFetch(server.url, { signal });
  const reason = new RangeError("enough");
  setTimeout(() => controller.abort(reason), 20);
  assertEquals(await assertRejects(() => response.text()), reason);
});

Deno.test("fetch() returns no body after its signal aborts, even if all has arrived, as the platform's", async () => {
  await using server = serveRaw(() => ({ raw: ok("all"), then: "hold" }));
  for (const fetch of [ownFetch, globalThis.fetch]) {
    const controller = new AbortController();
    const { signal } = controller;
    const response = await fetch(server.url, { signal });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const reason = new RangeError("enough");
    controller.abort(reason);
    assertEquals(await assertRejects(() => response.text()), reason);
  }
});

Deno.test("fetch() sends a blob that is larger than a body in memory may be", async () => {
  let length = "";
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, (request) => {
    length = request.headers.get("content-length") ?? "none";
    return new Response("enough");
  });
  const part = new Blob([new Uint8Array(2 ** 24)]);
  const body = new Blob(new Array(17).fill(part), { type: "text/x" });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const response = await ownFetch(url, { method: "POST", body });
  assertEquals(await response.text(), "enough");
  assertEquals(length, String(17 * 2 ** 24));
});

Deno.test("fetch() waits for a body to send no longer than its signal allows", async () => {
  const body = new ReadableStream({ cancel: () => new Promise(() => {}) });
  const signal = AbortSignal.timeout(50);
  const init = { method: "POST", body, signal };
  await assertRejects(
    () => ownFetch("http://127.0.0.1:1/", init),
    DOMException,
    "due to timeout",
  );
});

Deno.test("fetch() does not wrap the error of a missing permission", {
  permissions: { net: ["127.0.0.1:1"] },
}, async () => {
  const error = await assertRejects(() => ownFetch("http://127.0.0.1:2/"));
  assert(error instanceof Deno.errors.NotCapable, String(error));
});
