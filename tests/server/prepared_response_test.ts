import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { HeaderFields } from "../../message/mod.ts";
import { type Handler, serve, serveDir } from "../../server/mod.ts";
import { PreparedResponse } from "../../server/_prepared_response.ts";
import { ask, makeTree } from "./_files.ts";
import { exchange, field, latin1, statuses } from "./_raw.ts";

/** Adds a field as a handler may: to a copy of the response. */
function withExtra(handler: Handler): Handler {
  return async (request) => {
    const response = await handler(request);
    const headers = new HeaderFields(response.headers);
    headers.set("X-Extra", "yes");
    return { ...response, headers };
  };
}

const LARGE = "0123456789".repeat(20_000);

Deno.test("serveDir() gives responses whose copies have the same body", async () => {
  await using tree = await makeTree({
    "held.txt": "held",
    "large.txt": LARGE,
    "list/": "",
    "list/one.txt": "1",
  });
  const files = serveDir(tree.path);
  await using plain = serve(files, { port: 0 });
  await using server = serve(withExtra(files), { port: 0 });
  const etag = (await ask(plain, "/held.txt")).field("etag")!;
  const rows: [target: string, headers: Record<string, string>][] = [
    ["/held.txt", {}],
    ["/held.txt", { Range: "bytes=1-2" }],
    ["/held.txt", { "If-None-Match": etag }],
    ["/held.txt", { "If-Match": '"other"' }],
    ["/large.txt", {}],
    ["/large.txt", { Range: "bytes=100000-" }],
    ["/list/", {}],
    ["/list", {}],
    ["/missing", {}],
  ];
  for (const [target, headers] of rows) {
    for (const method of ["GET", "HEAD"]) {
      const wanted = await ask(plain, target, headers, method);
      const got = await ask(server, target, headers, method);
      const name = `${method} ${target} ${JSON.stringify(headers)}`;
      assertEquals(got.status, wanted.status, name);
      assert(got.body === wanted.body, name);
      for (const field of ["content-length", "etag", "location"]) {
        assertEquals(got.field(field), wanted.field(field), name);
      }
      assertEquals(got.field("x-extra"), "yes", name);
    }
  }
});

const ready = () =>
  new PreparedResponse({
    status: 200,
    headers: new HeaderFields({ "X-Own": "1" }),
    body: new TextEncoder().encode("abc"),
  });

Deno.test("PreparedResponse has its status, fields and body as properties of its own", () => {
  const response = ready();
  assertEquals(Object.keys(response).sort(), ["body", "headers", "status"]);
  const { status, headers, body } = { ...response };
  assertEquals([status, [...headers]], [200, [["X-Own", "1"]]]);
  assertEquals(new TextDecoder().decode(body), "abc");
});

Deno.test("PreparedResponse keeps its body however its connections end", () => {
  const response = ready();
  const date = "d".repeat(29);
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  for (const keepAlive of [true, false, false, true]) {
    const text = keepAlive
      ? decode(response.octets(date))
      : response.closingHead(date) + decode(response.body);
    const connection = keepAlive ? "keep-alive" : "close";
    assertEquals(
      text,
      `HTTP/1.0 200 OK\r\nDate: ${date}\r\n` +
        `Connection: ${connection}\r\nContent-Length: 3\r\nX-Own: 1\r\n\r\nabc`,
    );
    if (keepAlive) assertEquals(response.headBytes, text.length - 3);
    assertEquals(decode(response.body), "abc");
  }
});

Deno.test("PreparedResponse refuses to be changed, so that no request changes it for others", async () => {
  const shared = ready();
  const errors: string[] = [];
  const changes: ((response: PreparedResponse) => unknown)[] = [
    ({ headers }) => headers.set("X-Own", "2"),
    ({ headers }) => headers.append("X-Other", "2"),
    ({ headers }) => headers.delete("X-Own"),
    (response) => Object.assign(response, { status: 500 }),
    (response) => Object.assign(response, { body: null }),
  ];
  await using server = serve((request) => {
    changes[Number(request.params)]?.(shared);
    return shared;
  }, { port: 0, onError: (error) => errors.push(String(error)) });
  for (const at of changes.keys()) {
    const { text } = await exchange(server, `GET /?${at} HTTP/1.0\r\n\r\n`);
    assertEquals(statuses(text), [500]);
  }
  assertEquals(
    errors[0],
    'TypeError: Cannot change field "X-Own": other requests share this response, so copy it and its headers',
  );
  assert(errors.every((error) => error.startsWith("TypeError: Cannot ")));
  const { text } = await exchange(server, "GET /?none HTTP/1.0\r\n\r\n");
  assertEquals([statuses(text), field(text, "x-own")], [[200], "1"]);
  assert(text.endsWith("\r\n\r\nabc"), text);
});

Deno.test("PreparedResponse lets copies of its fields be changed", () => {
  const { headers } = ready();
  const copy = new HeaderFields(headers);
  copy.set("X-Own", "2");
  copy.append("X-Other", "3");
  copy.delete("x-own");
  assertEquals([[...copy], headers.get("x-own")], [[["X-Other", "3"]], "1"]);
  assertStrictEquals(headers instanceof HeaderFields, true);
});

Deno.test("PreparedResponse has one date, the present one", () => {
  const response = new PreparedResponse({
    status: 200,
    headers: new HeaderFields({ "date": "long ago" }),
    body: new Uint8Array(0),
  });
  for (const date of ["d".repeat(29), "e".repeat(29)]) {
    const kept = latin1(response.octets(date));
    assertEquals(kept.match(/^date: .*$/gim), [`Date: ${date}`]);
    const closing = response.closingHead(date);
    assertEquals(closing.match(/^date: .*$/gim), [`Date: ${date}`]);
  }
});
