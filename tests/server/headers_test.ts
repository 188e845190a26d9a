import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { HeaderFields } from "../../message/mod.ts";
import {
  type Handler,
  type HttpRequest,
  type HttpResponse,
  serve,
  serveDir,
  withHeaders,
} from "../../server/mod.ts";
import { ask, makeTree } from "./_files.ts";
import { exchange, field, statuses, within } from "./_raw.ts";

const FIELDS = {
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
  "Vary": "Origin",
};

/** What a handler's response becomes, without a socket. */
async function wrap(
  response: HttpResponse | Response,
  fields: ConstructorParameters<typeof HeaderFields>[0] = FIELDS,
): Promise<HttpResponse & { readonly headers: HeaderFields }> {
  const handler = withHeaders(() => response, fields ?? []);
  const request = { headers: new HeaderFields() } as unknown as HttpRequest;
  const result = await handler(request) as HttpResponse;
  return { ...result, headers: new HeaderFields(result.headers) };
}

Deno.test("withHeaders() adds its fields to all responses of serveDir()", async () => {
  const large = "0123456789".repeat(200_000);
  await using tree = await makeTree({ "a.txt": "0123456789", "b.bin": large });
  const handler = withHeaders(serveDir(tree.path), FIELDS);
  await using server = serve(handler, { port: 0 });
  const etag = (await ask(server, "/a.txt")).field("etag")!;
  const cases: readonly (readonly [
    path: string,
    headers: Record<string, string>,
    status: number,
    body: string | null,
  ])[] = [
    ["/a.txt", {}, 200, "0123456789"],
    ["/a.txt", {}, 200, "0123456789"], // once more: it lies ready now
    ["/a.txt", { Range: "bytes=1-2" }, 206, "12"],
    ["/a.txt", { Range: "bytes=10-" }, 416, null],
    ["/a.txt", { "If-None-Match": etag }, 304, ""],
    ["/b.bin", {}, 200, large],
    ["/b.bin", { Range: "bytes=-3" }, 206, "789"],
    ["/", {}, 200, null],
    ["/missing", {}, 404, null],
  ];
  for (const [path, headers, status, body] of cases) {
    for (const method of ["GET", "HEAD"]) {
      if (method === "HEAD" && "Range" in headers) continue;
      const response = await ask(server, path, headers, method);
      const name = `${method} ${path} ${JSON.stringify(headers)}`;
      assertEquals(response.status, status, name);
      assertEquals(response.field("cache-control"), "no-store", name);
      assertEquals(response.field("referrer-policy"), "no-referrer", name);
      const length = response.field("content-length");
      assertEquals(length === null, status === 304, name);
      if (method === "HEAD") assertEquals(response.body, "", name);
      else if (body !== null) assert(response.body === body, name);
    }
  }
});

Deno.test("withHeaders() sets Connection and Date of files in memory and on disk", async () => {
  await using tree = await makeTree({
    "small.txt": "small",
    "large.txt": "x".repeat(100_000),
  });
  const date = "Mon, 01 Jan 2001 00:00:00 GMT";
  for (
    const fields of [
      { Connection: "close", Date: date },
      { Connection: "close" },
      { Date: date },
    ]
  ) {
    const handler = withHeaders(serveDir(tree.path), fields);
    await using server = serve(handler, { port: 0 });
    for (const path of ["small.txt", "small.txt", "large.txt", "none"]) {
      const request = `GET /${path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`;
      const { text } = await within(
        exchange(server, request, { eof: true }),
        3_000,
      );
      const isClosed = fields.Connection !== undefined;
      const connection = isClosed ? "close" : "keep-alive";
      const name = `${path} ${JSON.stringify(fields)}`;
      assertEquals(field(text, "connection"), connection, name);
      const dates = text.match(/^date: .*$/gim)!;
      assertEquals(dates.length, 1, name);
      assertEquals(dates[0] === `Date: ${date}`, "Date" in fields, name);
    }
  }
});

Deno.test("withHeaders() adds its fields to a web Response and keeps all else", async () => {
  const headers = new Headers({ "Content-Type": "text/x", "Vary": "Accept" });
  headers.append("Set-Cookie", "a=1");
  headers.append("Set-Cookie", "b=2");
  const handler = withHeaders(
    () => Promise.resolve(new Response("hi", { status: 201, headers })),
    FIELDS,
  );
  await using server = serve(handler, { port: 0 });
  const { status, body, field, fields } = await ask(server, "/");
  assertEquals([status, body, field("content-type")], [201, "hi", "text/x"]);
  assertEquals(fields.match(/^set-cookie: \w=\d$/gim)?.length, 2);
  assertEquals(field("vary"), "Accept, Origin");
  assertEquals(
    (await wrap(new Response(null, { statusText: "Fine" }))).reason,
    "Fine",
  );
});

Deno.test("withHeaders() keeps a body that is a getter of a class", async () => {
  class Greeting {
    readonly status = 200;
    get body(): string {
      return "hi";
    }
  }
  const handler = withHeaders(() => new Greeting(), { "X-A": "1" });
  await using server = serve(handler, { port: 0 });
  const response = await fetch(server.url);
  assertEquals(response.headers.get("x-a"), "1");
  assertEquals(await response.text(), "hi");
});

Deno.test("withHeaders() passes a stream on as it comes", async () => {
  const handler: Handler = withHeaders(() => {
    const body = ReadableStream.from([
      new Uint8Array([104]),
      new Uint8Array([105]),
    ]);
    return { status: 200, headers: { "Content-Length": "2" }, body };
  }, FIELDS);
  await using server = serve(handler, { port: 0 });
  const { body, field } = await ask(server, "/");
  assertEquals([body, field("content-length")], ["hi", "2"]);
  assertEquals(field("referrer-policy"), "no-referrer");
});

Deno.test("withHeaders() replaces fields in any case, and adds to Vary", async () => {
  const rows: readonly (readonly [
    own: [string, string][],
    added: [string, string][],
    headers: [string, string][],
  ])[] = [
    [[], [["A", "1"]], [["A", "1"]]],
    [[["a", "0"], ["B", "0"], ["A", "0"]], [["A", "1"]], [["B", "0"], [
      "A",
      "1",
    ]]],
    [[["Set-Cookie", "a"]], [["set-cookie", "b"], ["Set-Cookie", "c"]], [
      ["set-cookie", "b"],
      ["Set-Cookie", "c"],
    ]],
    [[["Vary", "Accept"]], [["vary", "Origin"]], [["Vary", "Accept"], [
      "vary",
      "Origin",
    ]]],
    [[], [["Vary", "Origin"]], [["Vary", "Origin"]]],
  ];
  for (const [own, added, expected] of rows) {
    const { headers } = await wrap({ status: 200, headers: own }, added);
    assertEquals([...headers], expected);
  }
});

Deno.test("withHeaders() changes no response of the handler", async () => {
  const headers = new HeaderFields({ "Cache-Control": "no-cache" });
  const response = { status: 200, headers, body: "hi" };
  const wrapped = await wrap(response);
  assertEquals(headers.get("cache-control"), "no-cache");
  assertStrictEquals(wrapped.body, response.body);
  assertEquals((await wrap(response)).headers.getAll("vary"), ["Origin"]);
});

Deno.test("withHeaders() can wrap itself, and the outer one takes precedence", async () => {
  await using tree = await makeTree({ "a.txt": "hi" });
  const inner = withHeaders(serveDir(tree.path), { "X-A": "1", "X-B": "1" });
  await using server = serve(withHeaders(inner, { "x-b": "2" }), { port: 0 });
  for (let time = 1; time <= 2; time++) {
    const { body, field, fields } = await ask(server, "/a.txt");
    assertEquals([body, field("x-a"), field("x-b")], ["hi", "1", "2"]);
    assertEquals(fields.match(/x-b/gi)?.length, 1);
  }
});

Deno.test("withHeaders() refuses at once what cannot be sent", () => {
  const handler = () => ({ status: 200 });
  for (const fields of [{ "A b": "1" }, { A: "1\r\nB: 2" }, { A: "\u20ac" }]) {
    assertThrows(() => withHeaders(handler, fields), TypeError);
  }
});

Deno.test("serve() adds its headers to everything that it sends", async () => {
  await using server = serve(
    async (request) => {
      if (request.path === "/throws") throw new Error("no");
      if (request.path === "/late") throw await Promise.reject("no");
      if (request.path === "/body") {
        return { status: 200, body: await request.text() };
      }
      return { status: 200, headers: { Vary: "Accept", "X-A": "mine" } };
    },
    {
      port: 0,
      headers: { "X-A": "a", "X-B": "b", Vary: "Origin" },
      onError: () => {},
      limits: { headTimeout: 100, maxBodyBytes: 1 },
    },
  );
  const long = "x".repeat(20_000);
  const cases: readonly (readonly [string, number])[] = [
    ["GET / HTTP/1.0\r\n\r\n", 200],
    ["GET /throws HTTP/1.0\r\n\r\n", 500],
    ["GET /late HTTP/1.0\r\n\r\n", 500],
    ["POST /body HTTP/1.0\r\nContent-Length: 2\r\n\r\nab", 413],
    ["BAD\r\n\r\n", 400],
    ["GET / HTTP/1.0\r\n", 408],
    [`GET /${long} HTTP/1.0\r\n\r\n`, 414],
    [`GET / HTTP/1.0\r\nA: ${long}\r\n\r\n`, 431],
    ["GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n", 421],
    ["CONNECT a:1 HTTP/1.0\r\n\r\n", 501],
    ["GET / HTTP/2.0\r\n\r\n", 505],
  ];
  for (const [request, status] of cases) {
    const { text } = await exchange(server, request);
    assertEquals(statuses(text), [status], request);
    assertEquals([field(text, "x-a"), field(text, "x-b")], ["a", "b"], request);
    assert(/^vary: origin$/im.test(text), text);
    assertEquals(/^vary: accept$/im.test(text), status === 200);
  }
  assertThrows(() =>
    serve(() => ({ status: 200 }), { headers: { "a b": "" } })
  );
});
