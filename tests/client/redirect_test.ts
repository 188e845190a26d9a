import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ClientError,
  type DroppedField,
  request,
  type RequestOptions,
  type TraceEvent,
} from "../../client/mod.ts";
import { type Credentials, HeaderFields } from "../../message/mod.ts";
import { parseUrl, type Url } from "../../url/mod.ts";
import { followRedirect, locationOf } from "../../client/_redirect.ts";
import { parseResponseHead } from "../../message/mod.ts";
import { octets, ok, serveRaw } from "./_server.ts";

interface Case {
  name: string;
  raw: string;
  status: number;
  follow?: string | null;
  strip_auth?: boolean;
}

const cases: Case[] = Deno.readTextFileSync(
  new URL("../cases/responses.jsonl", import.meta.url),
).trim().split("\n").map((line) => JSON.parse(line))
  .filter(({ name }: Case) => name.startsWith("redir-"));

/** A request with fields that must not leave its origin. */
function specFor(url: string, method = "GET") {
  return {
    options: {},
    end: Infinity,
    pool: null,
    emit: undefined,
    url: parseUrl(url),
    href: url,
    target: undefined,
    method,
    headers: new HeaderFields({
      Authorization: "Basic YTpi",
      Cookie: "c=1",
      "Proxy-Authorization": "Basic YTpi",
      "X-Api-Key": "k",
    }),
    payload: null,
    credentials: null as Credentials | null,
  };
}

for (const { name, raw, follow, strip_auth } of cases) {
  Deno.test(`followRedirect() follows case ${name}`, () => {
    const head = parseResponseHead(octets(raw))!;
    const spec = specFor("http://HOST/a");
    const location = locationOf(head);
    if (follow === null && location === null) return; // no redirect at all
    assert(location !== null, "must be a redirect");
    const text = location.replaceAll("HOST", "host");
    if (follow === null && !/^https?:/.test(text)) {
      const error = assertThrowsClientError(() =>
        followRedirect(spec, head.status, text)
      );
      assertEquals(error.code, "location-protocol");
      return;
    }
    const { spec: next } = followRedirect(spec, head.status, text);
    if (typeof follow === "string" && follow !== "loop") {
      assertEquals(next.url.href, follow.replaceAll("HOST", "host"));
    }
    if (follow === "loop") assertEquals(next.url.href, "http://host/");
    const strips = next.url.host !== "host" || next.url.protocol !== "http";
    if (strip_auth !== undefined) assertEquals(strips, strip_auth);
    for (const field of ["Authorization", "Cookie", "Proxy-Authorization"]) {
      assertEquals(next.headers.has(field), !strips, field);
    }
    assert(
      /^[!-~]+$/.test(next.url.href),
      "only what may stand in a request line",
    );
  });
}

function assertThrowsClientError(run: () => unknown): ClientError {
  try {
    run();
  } catch (error) {
    if (error instanceof ClientError) return error;
    throw error;
  }
  throw new Error("expected a ClientError");
}

// [status, method, next method, body sent again]; Fetch standard,
// "HTTP-redirect fetch"
const METHODS: [number, string, string, boolean][] = [
  [301, "GET", "GET", false],
  [301, "HEAD", "HEAD", false],
  [301, "POST", "GET", false],
  [301, "PUT", "PUT", true],
  [302, "POST", "GET", false],
  [302, "DELETE", "DELETE", true],
  [303, "POST", "GET", false],
  [303, "PUT", "GET", false],
  [303, "HEAD", "HEAD", false],
  [307, "POST", "POST", true],
  [308, "PUT", "PUT", true],
];

for (const [status, method, wanted, again] of METHODS) {
  Deno.test(`request() follows ${status} after ${method} with ${wanted}`, async () => {
    await using server = serveRaw((_, count) => ({
      raw: count > 0
        ? ok("")
        : `HTTP/1.0 ${status} X\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n`,
    }));
    const hasBody = method !== "GET" && method !== "HEAD";
    const response = await request(server.url, {
      method,
      headers: { "X-Kept": "1" },
      ...hasBody ? { body: "text" } : {},
    });
    assertEquals([response.redirected, response.url], [true, `${server.url}b`]);
    const [first = "", second = ""] = server.requests;
    assert(first.startsWith(`${method} / HTTP/1.0\r\n`));
    assert(second.startsWith(`${wanted} /b HTTP/1.0\r\n`), second);
    assert(second.includes("X-Kept: 1\r\n"));
    assertEquals(second.endsWith("\r\n\r\ntext"), again);
    assertEquals(second.includes("Content-Type"), again);
    assertEquals(second.includes("Content-Length"), again);
  });
}

Deno.test("request() returns 300, 304, 305, 306 and 201 with Location", async () => {
  for (const status of [201, 300, 304, 305, 306]) {
    await using server = serveRaw(() => ({
      raw: `HTTP/1.0 ${status} X\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n`,
    }));
    const response = await request(server.url);
    assertEquals([response.status, server.requests.length], [status, 1]);
  }
});

async function redirectToOtherOrigin(
  options: RequestOptions,
): Promise<{ second: string; dropped: readonly DroppedField[] }> {
  await using other = serveRaw(() => ({ raw: ok("there") }));
  await using server = serveRaw(() => ({
    raw:
      `HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:${other.port}/x\r\n\r\n`,
  }));
  const events: TraceEvent[] = [];
  const response = await request(server.url, {
    ...options,
    trace: (event) => events.push(event),
  });
  assertEquals(await response.text(), "there");
  const redirect = events.find(({ type }) => type === "redirect") as
    & TraceEvent
    & { type: "redirect" };
  return { second: other.requests[0]!, dropped: redirect.dropped };
}

Deno.test("request() sends another origin no credentials, and traces which it drops", async () => {
  const { second, dropped } = await redirectToOtherOrigin({
    headers: {
      Authorization: "Bearer t",
      Cookie: "a=1",
      Host: "name.test",
      "X-Own": "1",
    },
  });
  assert(!/authorization|cookie|name\.test/i.test(second), second);
  assert(second.includes("X-Own: 1"));
  assertEquals(dropped.map(({ name }) => name), [
    "Authorization",
    "Cookie",
    "Host",
  ]);
  assert(/^port \d+ is not \d+$/.test(dropped[0]!.reason), dropped[0]!.reason);
});

Deno.test("request() sends another origin no Basic credentials of its options", async () => {
  const { second, dropped } = await redirectToOtherOrigin({
    credentials: { username: "u", password: "p" },
  });
  assert(!second.includes("Authorization"));
  assertEquals(dropped.map(({ name }) => name), ["Authorization"]);
});

Deno.test("request() sends credentials again within their origin", async () => {
  await using server = serveRaw((_, count) => ({
    raw: count > 0 ? ok("") : "HTTP/1.0 302 Found\r\nLocation: /b\r\n\r\n",
  }));
  await request(`http://u:p@127.0.0.1:${server.port}/`);
  for (const text of server.requests) {
    assert(text.includes("Authorization: Basic dTpw\r\n"), text);
    assert(!text.includes("u:p@"));
  }
});

/** A Location, and the user and password that the next request has. */
const USERS: readonly (readonly [location: string, wanted: string])[] = [
  ["http://new:p@a/", "new:p"],
  ["http://new@a/", "new:netrc"],
  ["http://a/b", "old:netrc"],
  ["/b", "old:netrc"],
  ["http://new:p@b/", "new:p"],
  ["http://new@b/", "new:netrc"],
  ["http://b/", "alice:netrc"],
];

for (const [location, wanted] of USERS) {
  Deno.test(`followRedirect() signs in as ${wanted} after Location ${location}`, () => {
    const options = {
      findCredentials: ({ username, password }: Url) =>
        password ? null : { username: username || "alice", password: "netrc" },
    };
    const credentials = { username: "old", password: "netrc" };
    const spec = { ...specFor("http://old@a/"), credentials, options };
    const next = followRedirect(spec, 302, location).spec;
    const { username, password } = next.credentials!;
    assertEquals(`${username}:${password}`, wanted);
    const own = { username: "own", password: "p" };
    const mine = { ...spec, credentials: own, options: { credentials: own } };
    const isSame = next.url.host === "a";
    assertEquals(
      followRedirect(mine, 302, location).spec.credentials?.username,
      isSame ? "own" : location.includes("@") ? "new" : undefined,
    );
  });
}

Deno.test("request() does not restore credentials when another origin redirects back", async () => {
  // a -> b -> a: the credentials stay dropped, as in the Fetch standard
  await using a = serveRaw((_, count) => ({
    raw: count > 0
      ? ok("")
      : `HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:${b.port}/\r\n\r\n`,
  }));
  await using b = serveRaw(() => ({
    raw: `HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:${a.port}/\r\n\r\n`,
  }));
  await request(a.url, { credentials: { username: "u", password: "p" } });
  assert(a.requests[0]!.includes("Authorization"));
  assert(!a.requests[1]!.includes("Authorization"));
});

Deno.test("request() keeps its credentials from another origin that redirects within itself", async () => {
  await using b = serveRaw((_, count) => ({
    raw: count > 0 ? ok("") : "HTTP/1.0 302 Found\r\nLocation: /b\r\n\r\n",
  }));
  await using a = serveRaw(() => ({
    raw: `HTTP/1.0 302 Found\r\nLocation: ${b.url}\r\n\r\n`,
  }));
  await request(a.url, { credentials: { username: "u", password: "p" } });
  assertEquals(b.requests.length, 2);
  for (const text of b.requests) assert(!text.includes("Authorization"), text);
});

Deno.test("request() ends a loop at maxRedirects", async () => {
  await using server = serveRaw(() => ({
    raw: "HTTP/1.0 302 Found\r\nLocation: \r\n\r\n",
  }));
  const error = await assertRejects(
    () => request(server.url, { maxRedirects: 3 }),
    ClientError,
    'Cannot follow redirect to "": 3 were followed already',
  );
  assertEquals([error.code, error.exitCode, server.requests.length], [
    "too-many-redirects",
    47,
    4,
  ]);
});

/** Options, a Location, and the error, which quotes 100 characters of it. */
const LONG_LOCATIONS: readonly (readonly [RequestOptions, string, string])[] = [
  [{ maxRedirects: 0 }, "/", ": 0 were followed already"],
  [{ redirect: "error" }, "/", ": none is allowed"],
  [{}, "//[", ": "],
];

for (const [options, start, end] of LONG_LOCATIONS) {
  Deno.test(`request() with ${JSON.stringify(options)} quotes the start of a long Location ${start}`, async () => {
    const location = start + "x".repeat(200);
    await using server = serveRaw(() => ({
      raw: `HTTP/1.0 302 Found\r\nLocation: ${location}\r\n\r\n`,
    }));
    const { message } = await assertRejects(
      () => request(server.url, options),
      ClientError,
    );
    const quoted = `redirect to "${location.slice(0, 100)}"${end}`;
    assert(message.includes(quoted), message);
  });
}

Deno.test("request() follows 20 redirects and no more", async () => {
  await using server = serveRaw((_, count) => ({
    raw: `HTTP/1.0 302 Found\r\nLocation: /${count}\r\n\r\n`,
  }));
  await assertRejects(
    () => request(server.url),
    ClientError,
    "20 were followed",
  );
  assertEquals(server.requests.length, 21);
});

Deno.test('request() with redirect "manual" returns the redirect, and fails with "error"', async () => {
  await using server = serveRaw(() => ({
    raw: "HTTP/1.0 302 Found\r\nLocation: /b\r\n\r\n",
  }));
  await using response = await request(server.url, { redirect: "manual" });
  assertEquals([response.status, response.redirected], [302, false]);
  await response.text();
  const error = await assertRejects(
    () => request(server.url, { redirect: "error" }),
    ClientError,
    '"/b"',
  );
  assertEquals(error.code, "redirect");
});

// [Location, the next target or the code of the error]
const LOCATIONS: [string, string][] = [
  ["/é", "/%E9"],
  ["/\xc3\xa9", "/%C3%A9"],
  ["/a b", "/a%20b"],
  ["../x?y=1#z", "/x?y=1"],
  ["?q", "/dir/page?q"],
  ["//", "location"],
  ["http://[::1/", "location"],
  ["http://127.0.0.1:99999/", "location"],
  ["http://a%3Ab:c@127.0.0.1/", "location"], // Basic has no colon in a user
  ["http://a:%0A@127.0.0.1/", "location"],
  ["ftp://127.0.0.1/", "location-protocol"],
  ["data:text/html,x", "location-protocol"],
];

for (const [location, wanted] of LOCATIONS) {
  Deno.test(`request() resolves Location ${JSON.stringify(location)} to ${JSON.stringify(wanted)}`, async () => {
    await using server = serveRaw((_, count) => ({
      raw: count > 0
        ? ok("")
        : `HTTP/1.0 302 Found\r\nLocation: ${location}\r\n\r\n`,
    }));
    const asking = request(`${server.url}dir/page#top`);
    if (wanted.startsWith("/")) {
      assertEquals((await asking).url, server.url.slice(0, -1) + wanted);
      assert(
        server.requests[1]!.startsWith(`GET ${wanted} HTTP/1.0\r\n`),
        server.requests[1],
      );
    } else {
      const error = await assertRejects(() => asking, ClientError);
      assertEquals(error.code, wanted);
      const quoted = `Cannot follow redirect to ${JSON.stringify(location)}: `;
      assert(error.message.startsWith(quoted), error.message);
    }
  });
}

Deno.test("request() refuses two different Locations, and accepts two equal ones", async () => {
  await using server = serveRaw((text, count) => ({
    raw: count === 3 || text.startsWith("GET /b")
      ? ok("")
      : `HTTP/1.0 302 Found\r\nLocation: /b\r\nLocation: ${
        count === 0 ? "/c" : "/b"
      }\r\n\r\n`,
  }));
  const error = await assertRejects(
    () => request(server.url),
    ClientError,
    "more than one",
  );
  assertEquals([error.code, error.step], ["location", "exchange"]);
  assertEquals((await request(server.url)).url, `${server.url}b`);
});

Deno.test("followRedirect() sets Referer with autoReferer, but not from https to http", () => {
  const cases: [
    from: string,
    to: string,
    autoReferer: boolean,
    isSent: boolean,
  ][] = [
    ["http://a/?q", "http://b/", true, true],
    ["http://a/?q", "https://a/", true, true],
    ["https://a/?q", "https://b/", true, true],
    ["https://a/?q", "http://a/", true, false],
    ["http://a/?q", "http://b/", false, false],
    ["https://a/?q", "http://a/", false, false],
  ];
  const first = "https://first/";
  for (const [from, to, autoReferer, isSent] of cases) {
    const headers = new HeaderFields({ Referer: first });
    const spec = { ...specFor(from), headers, options: { autoReferer } };
    const next = followRedirect(spec, 302, to).spec.headers.get("referer");
    const expected = isSent ? from : autoReferer ? null : first;
    assertEquals(next, expected, `${from} ${to}`);
  }
});

Deno.test("followRedirect() says why a method becomes GET", () => {
  const cases: [status: number, method: string, reason: string | null][] = [
    [302, "POST", "302 turns POST into GET"],
    [303, "PUT", "303 turns PUT into GET"],
    [307, "POST", null],
    [302, "GET", null],
  ];
  for (const [status, method, reason] of cases) {
    const spec = specFor("http://a/", method);
    const { methodReason } = followRedirect(spec, status, "/b");
    assertEquals(methodReason, reason);
  }
});

Deno.test("followRedirect() lists each dropped field once, and none that was not sent", () => {
  const credentials = { username: "a", password: "b" };
  const bare = { ...specFor("http://a/"), headers: new HeaderFields() };
  const names = (spec: typeof bare) =>
    followRedirect(spec, 302, "http://b/").dropped.map(({ name }) => name);
  assertEquals(names(bare), []);
  const known = { ...bare, credentials } as unknown as typeof bare;
  assertEquals(names(known), ["Authorization"]);
  const both = { ...specFor("http://a/"), credentials };
  assertEquals(
    names(both as unknown as typeof bare).filter((name) =>
      name.toLowerCase() === "authorization"
    ).length,
    1,
  );
});

Deno.test("followRedirect() keeps the fragment, unless Location has one", () => {
  const spec = specFor("http://host/a#top");
  assertEquals(
    followRedirect(spec, 302, "/b").spec.url.href,
    "http://host/b#top",
  );
  assertEquals(
    followRedirect(spec, 302, "/b#own").spec.url.href,
    "http://host/b#own",
  );
});

Deno.test("request() lists the hops before the last response", async () => {
  await using server = serveRaw((_, count) => ({
    raw: count > 0
      ? ok("")
      : "HTTP/1.0 303 See Other\r\nLocation: /b\r\nX-A: 1\r\n\r\n",
  }));
  const { hops, redirected } = await request(server.url, { method: "POST" });
  assertEquals(redirected, true);
  assertEquals(
    hops.map(({ url, method, status }) => ({ url, method, status })),
    [
      { url: server.url, method: "POST", status: 303 },
    ],
  );
  assertEquals(hops[0]!.headers.get("x-a"), "1");
  assert(hops[0]!.timings.answered! > 0);
});
