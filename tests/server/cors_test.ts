import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  type Handler,
  type HttpRequest,
  serve,
  serveDir,
  withBasicAuth,
  withCors,
} from "../../server/mod.ts";
import { PreparedResponse } from "../../server/_prepared_response.ts";
import { HeaderFields } from "../../message/mod.ts";
import { ask, makeTree } from "./_files.ts";
import { exchange } from "./_raw.ts";

const PREFLIGHT = {
  Origin: "https://example.org",
  "Access-Control-Request-Method": "GET",
};

Deno.test("withCors() responds to preflights, and adds its fields to every response", async () => {
  await using tree = await makeTree({ "a.txt": "0123456789" });
  await using server = serve(withCors(serveDir(tree.path)), { port: 0 });
  const preflight = await ask(server, "/a.txt", PREFLIGHT, "OPTIONS");
  assertEquals([preflight.status, preflight.body], [204, ""]);
  assertEquals(preflight.field("access-control-allow-methods"), "GET, HEAD");
  const etag = (await ask(server, "/a.txt")).field("etag")!;
  const requests:
    readonly (readonly [string, Record<string, string>, number])[] = [
      ["/a.txt", {}, 200],
      ["/a.txt", { Range: "bytes=1-2" }, 206],
      ["/a.txt", { "If-None-Match": etag }, 304],
      ["/", {}, 200],
      ["/missing", {}, 404],
    ];
  for (const [path, headers, status] of requests) {
    const answer = await ask(server, path, headers);
    assertEquals([answer.status, answer.field("access-control-allow-origin")], [
      status,
      "*",
    ]);
    assertEquals(answer.field("content-length") === null, status === 304);
  }
  assertEquals((await ask(server, "/a.txt", {}, "OPTIONS")).status, 405);
});

Deno.test("withCors() keeps the reason phrase of a web Response, or uses the registered one", async () => {
  for (const statusText of ["", "Fine"]) {
    await using server = serve(
      withCors(() => new Response("hi", { statusText })),
      { port: 0 },
    );
    const { text } = await exchange(server, "GET / HTTP/1.0\r\n\r\n");
    assertEquals(text.split("\r\n")[0], `HTTP/1.0 200 ${statusText || "OK"}`);
  }
});

Deno.test("withCors() allows only its origin, and needs no password for preflights", async () => {
  const users = [{ username: "a", password: "b" }];
  const handler = withCors(
    withBasicAuth(
      () => Promise.resolve(new Response("hi", { status: 201 })),
      users,
    ),
    { origin: "https://example.org", methods: "POST" },
  );
  await using server = serve(handler, { port: 0 });
  const preflight = await ask(server, "/", PREFLIGHT, "OPTIONS");
  assertEquals(
    preflight.field("access-control-allow-origin"),
    "https://example.org",
  );
  assertEquals(preflight.field("access-control-allow-methods"), "POST");
  const refused = await ask(server, "/");
  assertEquals([refused.status, refused.field("access-control-allow-origin")], [
    401,
    "https://example.org",
  ]);
  const { status, body, field } = await ask(server, "/", {
    Authorization: `Basic ${btoa("a:b")}`,
  });
  assertEquals([status, body, field("access-control-allow-origin")], [
    201,
    "hi",
    "https://example.org",
  ]);
});

Deno.test("withCors() keeps a prepared response prepared", () => {
  const ready = new PreparedResponse({
    status: 200,
    headers: new HeaderFields(),
    body: new Uint8Array(1),
  });
  const handler: Handler = withCors(() => ready);
  const request = {
    method: "GET",
    headers: new HeaderFields(),
  } as unknown as HttpRequest;
  const answer = handler(request);
  assertStrictEquals(handler(request), answer);
  assertEquals(
    (answer as PreparedResponse).headers.get("access-control-allow-origin"),
    "*",
  );
});

Deno.test("withCors() allows every field that a page wants to send", async () => {
  await using server = serve(withCors(() => ({ status: 200 })), { port: 0 });
  for (const asked of ["x-foo", "x-foo, authorization,cache-control", ""]) {
    const wish = { "Access-Control-Request-Headers": asked };
    const headers = { ...PREFLIGHT, ...wish };
    const { status, field } = await ask(server, "/", headers, "OPTIONS");
    assertEquals(status, 204);
    // The wildcard of the Fetch standard does not cover Authorization
    assertEquals(field("access-control-allow-headers"), "*, Authorization");
  }
});
