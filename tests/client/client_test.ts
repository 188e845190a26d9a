import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Client,
  ClientError,
  type ClientErrorCode,
  type ClientOptions,
  request,
  type RequestOptions,
  type TraceEvent,
} from "../../client/mod.ts";
import { untilAborted } from "../../client/_connect/deadline.ts";
import { Retries } from "../../client/_retry.ts";
import { HeaderFields } from "../../message/header_fields.ts";
import { ok, type RawServer, serveRaw } from "./_server.ts";

const KEEP = "Connection: keep-alive\r\n";

function reuses(events: TraceEvent[]): number {
  return events.filter(({ type }) => type === "reused").length;
}

Deno.test("Client reuses a kept connection", async () => {
  await using server = serveRaw((_, count) => ({
    raw: ok(`${count}`, KEEP),
    then: "next",
  }));
  await using client = new Client();
  const events: TraceEvent[] = [];
  const bodies: string[] = [];
  for (let i = 0; i < 5; i++) {
    const response = await client.get(server.url, {
      trace: (event) => events.push(event),
    });
    bodies.push(await response.text());
  }
  assertEquals([bodies.join(""), server.connections, reuses(events)], [
    "01234",
    1,
    4,
  ]);
  assert(server.requests[0]!.includes("Connection: keep-alive\r\n"));
});

Deno.test("Client keeps a connection whose last request is aborted after its end", async () => {
  await using server = serveRaw((_, count) => ({
    raw: ok(`${count}`, KEEP),
    then: "next",
  }));
  await using client = new Client();
  const controller = new AbortController();
  const { signal } = controller;
  const first = await client.get(server.url, { signal });
  assertEquals(await first.text(), "0");
  controller.abort();
  const second = await client.get(server.url);
  assertEquals([await second.text(), server.connections], ["1", 1]);
});

/** [case, options of the client, options of a request, fields sent] */
const SHARED: [string, ClientOptions, RequestOptions, string][] = [
  ["all fields", { headers: { "X-A": "1" } }, {}, "X-A: 1"],
  [
    "a field",
    { headers: { "X-A": "1" } },
    { headers: { "X-B": "2" } },
    "X-A: 1, X-B: 2",
  ],
  ["a field of the same name", { headers: { "X-A": "1" } }, {
    headers: { "x-a": "2" },
  }, "x-a: 2"],
  ["several lines", { headers: { "X-A": ["1", "2"] } }, {
    headers: [["X-B", "3"], ["X-B", "4"]],
  }, "X-A: 1, X-A: 2, X-B: 3, X-B: 4"],
  ["headers that are undefined", { headers: { "X-A": "1" } }, {
    headers: undefined!,
  }, "X-A: 1"],
  ["omit that is undefined", { headers: { "X-A": "1" }, omit: ["X-A"] }, {
    omit: undefined!,
  }, ""],
  [
    "keepAlive that is undefined",
    { keepAlive: undefined! },
    {},
    "Connection: keep-alive",
  ],
];

for (const [what, shared, own, expected] of SHARED) {
  Deno.test(`Client adds a request's own options to the shared ones: ${what}`, async () => {
    await using server = serveRaw(() => ({ raw: ok("", KEEP), then: "next" }));
    await using client = new Client({ keepAlive: false, ...shared });
    await client.get(server.url, own);
    const lines = server.requests[0]!.split("\r\n");
    const fields = lines.filter((line) => /^(?:X-|Connection)/i.test(line));
    assertEquals(fields.join(", "), expected);
  });
}

Deno.test("Client reuses a connection after HEAD, 204, 304, and an HTTP/1.1 response", async () => {
  const responses = [
    `HTTP/1.0 200 OK\r\n${KEEP}Content-Length: 5\r\n\r\n`, // to HEAD
    `HTTP/1.0 204 No Content\r\n${KEEP}\r\n`,
    `HTTP/1.0 304 Not Modified\r\n${KEEP}\r\n`,
    ok("1.1").replace("1.0", "1.1"), // RFC 9112 section 9.3
    ok("end", KEEP),
  ];
  await using server = serveRaw((_, count) => ({
    raw: responses[count]!,
    then: "next",
  }));
  await using client = new Client();
  await client.head(server.url);
  assertEquals((await client.get(server.url)).status, 204);
  assertEquals((await client.get(server.url)).status, 304);
  assertEquals(await (await client.get(server.url)).text(), "1.1");
  assertEquals(await (await client.get(server.url)).text(), "end");
  assertEquals(server.connections, 1);
});

// [case, response]: the connection must not be reused after it
const CLOSING: [string, string][] = [
  ["no Connection field", ok("x")],
  ["Connection: close", ok("x", "Connection: keep-alive, close\r\n")],
  [
    "Connection: close of 1.1",
    ok("x", "Connection: close\r\n").replace("1.0", "1.1"),
  ],
  [
    "bytes after the body",
    `${ok("x", KEEP)}HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nEVIL`,
  ],
  [
    "bytes after the last chunk",
    `HTTP/1.1 200 OK\r\n${KEEP}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nHTTP/1.0 200 OK\r\n\r\nEVIL`,
  ],
  [
    "chunks",
    `HTTP/1.1 200 OK\r\n${KEEP}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
  ],
  ["a body that ends with the connection", `HTTP/1.0 200 OK\r\n${KEEP}\r\nx`],
];

for (const [what, raw] of CLOSING) {
  Deno.test(`Client does not reuse a connection after ${what}`, async () => {
    const then = what.endsWith("with the connection") ? "close" : "next";
    await using server = serveRaw(() => ({ raw, then }));
    await using client = new Client();
    for (let i = 0; i < 2; i++) {
      assertEquals(await (await client.get(server.url)).text(), "x");
    }
    assertEquals(server.connections, 2);
  });
}

Deno.test("Client replaces a closed connection once, which the caller does not notice", async () => {
  // The server closes just when the second request arrives
  await using server = serveRaw((_, count) => ({
    raw: count === 1 ? "" : ok("x", KEEP),
    then: count === 1 ? "close" : "next",
  }));
  await using client = new Client();
  const events: TraceEvent[] = [];
  for (let i = 0; i < 3; i++) {
    const response = await client.get(server.url, {
      trace: (event) => events.push(event),
    });
    assertEquals(await response.text(), "x");
  }
  assertEquals([server.connections, reuses(events)], [2, 2]);
  assert(
    events.some((event) => event.type === "closed" && event.by === "server"),
  );
});

const LATE: readonly [what: string, late: string, method: string][] = [
  ["a second response", ok("poison", KEEP), "GET"],
  ["a 408 and a close", "HTTP/1.0 408 Late\r\n\r\nx", "GET"],
  ["a stray line end", "\n", "GET"],
  ["a body after HEAD", "x", "HEAD"],
  ["a close", "", "GET"],
];

for (const [what, late, method] of LATE) {
  Deno.test(`Client closes a kept connection on which ${what} arrives`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const closed = Promise.withResolvers<string>();
    const serving = (async () => {
      using first = await listener.accept();
      const block = new Uint8Array(4_096);
      await first.read(block);
      const head = method === "HEAD" ? ok("", KEEP) : ok("x", KEEP);
      await first.write(new TextEncoder().encode(head));
      await new Promise((done) => setTimeout(done, 20));
      if (late !== "") await first.write(new TextEncoder().encode(late));
      if (late === "" || late.includes("408")) await first.closeWrite();
      assertEquals(await first.read(block), null); // the client closes it
      closed.resolve("closed");
      using second = await listener.accept();
      await second.read(block);
      await second.write(new TextEncoder().encode(ok("right")));
    })();
    await using client = new Client();
    const url = `http://127.0.0.1:${port}/`;
    await (await client.request(url, { method })).text();
    // Immediately, and not only when it would be reused
    const limit = AbortSignal.timeout(10_000);
    assertEquals(await untilAborted(closed.promise, limit), "closed");
    const events: TraceEvent[] = [];
    const trace = (event: TraceEvent) => events.push(event);
    const response = await client.get(url, { trace });
    assertEquals(await response.text(), "right");
    assertEquals(reuses(events), 0);
    await serving;
  });
}

Deno.test("Client does not keep a program running by the connections it keeps", async () => {
  await using server = serveRaw(() => ({ raw: ok("x", KEEP), then: "next" }));
  const client = import.meta.resolve("../../client/client.ts");
  const program = `
    import { Client } from ${JSON.stringify(client)};
    const client = new Client();
    for (let i = 0; i < 2; i++) {
      await (await client.get(${JSON.stringify(server.url)})).text();
    }`;
  const code = `data:text/javascript,${encodeURIComponent(program)}`;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "--no-config", "--allow-net", code],
    signal: AbortSignal.timeout(20_000),
  }).output();
  assert(success);
  assertEquals([server.requests.length, server.connections], [2, 1]);
});

for (const pauses of [0, 3]) {
  Deno.test(`Client does not reuse a connection on which bytes arrived while the program was busy, after ${pauses} pauses`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const folder = await Deno.makeTempDir();
    const client = import.meta.resolve("../../client/client.ts");
    const program = `
      import { Client } from ${JSON.stringify(client)};
      const client = new Client();
      const get = async () =>
        (await client.get("http://127.0.0.1:${port}/")).text();
      await get();
      for (let i = 0; i < ${pauses}; i++) {
        await new Promise((done) => setTimeout(done, 80));
        await get();
      }
      const isSent = () => [...Deno.readDirSync("${folder}")].length > 0;
      for (const end = performance.now() + 10; performance.now() < end;);
      while (!isSent());
      console.log(await get());`;
    const code = `data:text/javascript,${encodeURIComponent(program)}`;
    const running = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-prompt", "--no-config", "-NR", code],
      signal: AbortSignal.timeout(20_000),
    }).output();
    const block = new Uint8Array(4_096);
    {
      using first = await listener.accept();
      for (let i = 0; i <= pauses; i++) {
        await first.read(block);
        await first.write(new TextEncoder().encode(ok("x", KEEP)));
      }
      await new Promise((done) => setTimeout(done, 5));
      await first.write(new TextEncoder().encode(ok("poison", KEEP)));
      await Deno.writeTextFile(`${folder}/sent`, "");
      assertEquals(await first.read(block), null); // the client closes it
    }
    using second = await listener.accept();
    await second.read(block);
    await second.write(new TextEncoder().encode(ok("right")));
    const { stdout } = await running;
    assertEquals(new TextDecoder().decode(stdout), "right\n");
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("Client forgets the kept connections that servers close", async () => {
  await using closing = serveRaw(() => ({ raw: ok("x", KEEP) }));
  await using keeping = serveRaw(() => ({ raw: ok("x", KEEP), then: "next" }));
  const { port } = closing;
  await using client = new Client({ resolve: { [`*:${port}`]: "127.0.0.1" } });
  for (let i = 0; i < 130; i++) {
    await (await client.get(`http://host${i}.test:${port}/`)).text();
  }
  for (let i = 0; i < 2; i++) await (await client.get(keeping.url)).text();
  assertEquals(keeping.connections, 1);
});

Deno.test("Client does not send a POST over a kept connection", async () => {
  await using server = serveRaw(() => ({ raw: ok("x", KEEP), then: "next" }));
  await using client = new Client();
  await (await client.get(server.url)).text();
  await (await client.post(server.url, "a")).text();
  assertEquals(server.connections, 2);
});

Deno.test("Client keeps connections of different origins apart", async () => {
  await using a = serveRaw(() => ({ raw: ok("a", KEEP), then: "next" }));
  await using b = serveRaw(() => ({ raw: ok("b", KEEP), then: "next" }));
  await using client = new Client();
  for (let i = 0; i < 2; i++) {
    assertEquals(await (await client.get(a.url)).text(), "a");
    assertEquals(await (await client.get(b.url)).text(), "b");
  }
  assertEquals([a.connections, b.connections], [1, 1]);
});

// [case, options that change how the host is reached]
const WAYS: [string, RequestOptions][] = [
  ["resolve", { resolve: { "*:80": "127.0.0.1" } }],
  ["family", { family: 4 }],
  ["caCerts", { caCerts: ["-----BEGIN CERTIFICATE-----"] }],
  ["cert", { cert: "certificate", key: "key" }],
];

for (const [what, options] of WAYS) {
  Deno.test(`Client keeps connections with a different ${what} apart`, async () => {
    await using server = serveRaw(() => ({ raw: ok("x", KEEP), then: "next" }));
    await using client = new Client();
    for (const way of [options, {}, options, {}]) {
      await (await client.get(server.url, way)).text();
    }
    assertEquals(server.connections, 2);
  });
}

Deno.test("Client keeps connections to different unix sockets apart", async () => {
  const folder = await Deno.makeTempDir();
  const serveUnix = (name: string) =>
    serveRaw(
      () => ({ raw: ok(name, KEEP), then: "next" }),
      Deno.listen({
        transport: "unix",
        path: `${folder}/${name}`,
      }) as unknown as Deno.Listener,
    );
  await using _a = serveUnix("a");
  await using _b = serveUnix("b");
  await using client = new Client();
  for (const name of ["a", "b"]) {
    const unixSocket = `${folder}/${name}`;
    const response = await client.get("http://knock.test/", { unixSocket });
    assertEquals(await response.text(), name);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Client does not mix up concurrent requests", async () => {
  await using server = serveRaw((text) => ({
    raw: ok(text.split(" ")[1]!, KEEP),
    then: "next",
    delay: 5,
  }));
  await using client = new Client();
  const paths = Array.from({ length: 30 }, (_, i) => `/${i}`);
  for (let round = 0; round < 3; round++) {
    const bodies = await Promise.all(
      paths.map(async (path) =>
        await (await client.get(new URL(path, server.url))).text()
      ),
    );
    assertEquals(bodies, paths);
  }
});

Deno.test("Client does not keep a connection whose body was cancelled", async () => {
  const large = "x".repeat(200_000);
  await using server = serveRaw((_, count) => ({
    raw: ok(count === 0 ? large : "y", KEEP),
    then: "next",
  }));
  await using client = new Client();
  await (await client.get(server.url)).body.cancel();
  assertEquals(await (await client.get(server.url)).text(), "y");
  assertEquals(server.connections, 2);
});

Deno.test("Client.close() closes kept connections, and later ones after their use", async () => {
  await using server = serveRaw(() => ({ raw: ok("x", KEEP), then: "next" }));
  const client = new Client();
  await (await client.get(server.url)).text();
  client.close();
  await (await client.get(server.url)).text();
  assertEquals(server.connections, 2); // and the sanitizer finds no open socket
});

Deno.test("Client merges its options with those of a request", async () => {
  await using server = serveRaw(() => ({ raw: ok("x", KEEP), then: "next" }));
  await using client = new Client({
    headers: { "User-Agent": "a" },
    idleTimeout: 5_000,
  });
  await (await client.get(server.url)).text();
  await (await client.get(server.url, {
    headers: { "User-Agent": "b" },
    keepAlive: false,
  })).text();
  assert(server.requests[0]!.includes("User-Agent: a\r\n"));
  assert(server.requests[1]!.includes("User-Agent: b\r\n"));
  assert(!server.requests[1]!.includes("keep-alive"));
});

/** A cookie store that logs its calls. */
function jar(cookie: string) {
  const log: string[] = [];
  return {
    log,
    getCookieString: (
      url: string,
    ) => (log.push(`get ${url}`), Promise.resolve(cookie)),
    setCookie: (text: string, url: string) => {
      log.push(`set ${text} ${url}`);
      return text.includes("bad")
        ? Promise.reject(new Error("no such domain"))
        : Promise.resolve();
    },
  };
}

Deno.test("Client leaks no connection of a request that is aborted before it is sent", async () => {
  await using server = serveRaw(() => ({ raw: ok("x", KEEP), then: "next" }));
  const client = new Client();
  await (await client.get(server.url)).text();
  const controller = new AbortController();
  const cookies = {
    getCookieString: () => (controller.abort("enough"), ""),
    setCookie() {},
  };
  const asking = client.get(server.url, {
    cookies,
    signal: controller.signal,
  });
  assertEquals(await asking.catch((reason) => reason), "enough");
  client.close(); // and the sanitizer finds no open socket
});

/** A Host field, and the host whose cookies are used; null for the URL's. */
const COOKIE_HOSTS: readonly (readonly [field: string, host: string | null])[] =
  [["a.test:81", "a.test:81"], ["A.test:80", "a.test"], ["a b", null]];

for (const [field, host] of COOKIE_HOSTS) {
  Deno.test(`request() with Host: ${field} uses the cookies of ${host}`, async () => {
    await using server = serveRaw(() => ({
      raw: ok("", "Set-Cookie: a=1\r\n"),
    }));
    const { log, ...cookies } = jar("");
    await request(`${server.url}b?c`, { cookies, headers: { Host: field } });
    const url = host === null ? `${server.url}b?c` : `http://${host}/b?c`;
    assertEquals([log[0], log.at(-1)], [`get ${url}`, `set a=1 ${url}`]);
  });
}

Deno.test("request() gets cookies from a store, and adds those it receives, for each hop", async () => {
  await using server = serveRaw((_, count) => ({
    raw: count > 0
      ? ok("")
      : "HTTP/1.0 302 Found\r\nSet-Cookie: a=1\r\nSet-Cookie: bad=2\r\nLocation: /b\r\n\r\n",
  }));
  const cookies = jar("j=1");
  const events: TraceEvent[] = [];
  await request(`http://u:p@127.0.0.1:${server.port}/`, {
    cookies,
    headers: { Cookie: "own=1" },
    trace: (event) => events.push(event),
  });
  assertEquals(cookies.log, [
    `get ${server.url}`,
    `set a=1 ${server.url}`,
    `set bad=2 ${server.url}`,
    `get ${server.url}b`,
  ]);
  for (const text of server.requests) {
    assert(text.includes("Cookie: own=1; j=1\r\n"), text);
  }
  assertEquals(
    events.flatMap((event) => event.type === "cookie" ? [event.error] : []),
    [null, "no such domain"],
  );
});

Deno.test("request() sends a store's cookies to another origin, but not the caller's Cookie field", async () => {
  await using other = serveRaw(() => ({ raw: ok("") }));
  await using server = serveRaw(() => ({
    raw: `HTTP/1.0 302 Found\r\nLocation: ${other.url}\r\n\r\n`,
  }));
  await request(server.url, {
    cookies: jar("j=1"),
    headers: { Cookie: "own=1" },
  });
  assert(other.requests[0]!.includes("Cookie: j=1\r\n"), other.requests[0]);
});

/** Serves the same failure some times, and then a good response. */
function failing(times: number, raw: string): RawServer {
  return serveRaw((_, count) => ({ raw: count < times ? raw : ok("at last") }));
}

Deno.test("HttpClientResponse.ok is true from 200 to 299", async () => {
  const statuses = [200, 201, 204, 299, 300, 304, 404, 500];
  await using server = serveRaw((_, count) => ({
    raw: `HTTP/1.0 ${statuses[count]} X\r\nContent-Length: 0\r\n\r\n`,
  }));
  for (const status of statuses) {
    const response = await request(server.url, { redirect: "manual" });
    const { ok } = response;
    assertEquals([response.status, ok], [status, status < 300]);
  }
});

// [response, method, outcome: true for a retry, else the status or the code of
// the error]
const RETRIES: [string, string, true | number | string][] = [
  ["HTTP/1.0 503 Unavailable\r\n\r\n", "GET", true],
  ["HTTP/1.0 503 Unavailable\r\n\r\n", "POST", true],
  ["HTTP/1.0 429 Slow down\r\nRetry-After: 0\r\n\r\n", "GET", true],
  ...[408, 429, 503].map((status): [string, string, true] => [
    `HTTP/1.0 ${status} X\r\n\r\n`,
    "POST",
    true,
  ]),
  ...[500, 502, 504].flatMap((status): [string, string, true | number][] => [
    [`HTTP/1.0 ${status} X\r\n\r\n`, "GET", true],
    [`HTTP/1.0 ${status} X\r\n\r\n`, "POST", status],
  ]),
  ...["OPTIONS", "TRACE", "PUT", "DELETE"].map((
    method,
  ): [string, string, true] => ["HTTP/1.0 502 Bad\r\n\r\n", method, true]),
  ["HTTP/1.0 502 Bad\r\n\r\n", "PATCH", 502],
  ["HTTP/1.0 404 Not Found\r\n\r\n", "GET", 404],
  ["HTTP/1.0 501 Not Implemented\r\n\r\n", "GET", 501],
  ["", "GET", true],
  ["", "POST", "empty-reply"],
  ["HTTP/1.0 2", "PUT", true],
  ["junk\r\n", "GET", "malformed"],
];

for (const [raw, method, outcome] of RETRIES) {
  const retries = outcome === true;
  Deno.test(`request() ${retries ? "retries" : "does not retry"} ${method} after ${JSON.stringify(raw)}`, async () => {
    await using server = failing(2, raw);
    const asking = request(server.url, {
      method,
      retry: { count: 3, delay: 1 },
    });
    if (retries) {
      assertEquals(await (await asking).text(), "at last");
    } else if (typeof outcome === "number") {
      const response = await asking;
      await response.body.cancel();
      assertEquals(response.status, outcome);
    } else {
      assertEquals(
        (await assertRejects(() => asking, ClientError)).code,
        outcome,
      );
    }
    assertEquals(server.requests.length, retries ? 3 : 1);
  });
}

Deno.test("request() does not retry by default", async () => {
  await using server = failing(9, "HTTP/1.0 503 Unavailable\r\n\r\n");
  const response = await request(server.url);
  assertEquals([response.status, server.requests.length], [503, 1]);
  await response.body.cancel();
});

Deno.test("request() retries up to its count, then returns the last response", async () => {
  await using server = failing(
    9,
    "HTTP/1.0 503 Unavailable\r\nContent-Length: 4\r\n\r\nbusy",
  );
  const events: TraceEvent[] = [];
  const response = await request(server.url, {
    retry: { count: 3, delay: 4 },
    trace: (event) => events.push(event),
  });
  assertEquals(
    [response.status, await response.text(), server.requests.length],
    [503, "busy", 4],
  );
  const delays = events.flatMap((event) =>
    event.type === "retry" ? [event.delay] : []
  );
  assertEquals(delays, [4, 8, 16]);
});

Deno.test("request() waits as long as Retry-After says, but does not retry if it is over maxDelay", async () => {
  await using server = failing(
    1,
    "HTTP/1.0 503 Unavailable\r\nRetry-After: 1\r\n\r\n",
  );
  const started = performance.now();
  assertEquals((await request(server.url, { retry: 1 })).status, 200);
  const took = performance.now() - started;
  assert(took > 900 && took < 15_000, `${took} ms`);
  await using busy = failing(
    1,
    "HTTP/1.0 503 Unavailable\r\nRetry-After: 61\r\nContent-Length: 0\r\n\r\n",
  );
  assertEquals((await request(busy.url, { retry: 1 })).status, 503);
  const date = new Date(Date.now() - 60_000).toUTCString();
  await using past = failing(
    1,
    `HTTP/1.0 503 Unavailable\r\nRetry-After: ${date}\r\n\r\n`,
  );
  assertEquals((await request(past.url, { retry: 1 })).status, 200);
});

Deno.test("request() retries after idleTimeout, but not after timeout", async () => {
  await using server = serveRaw((_, count) =>
    count === 0 ? { raw: "", then: "hold" } : { raw: ok("at last") }
  );
  const response = await request(server.url, {
    idleTimeout: 100,
    retry: { count: 1, delay: 1 },
  });
  assertEquals(await response.text(), "at last");
  await using silent = serveRaw(() => ({ raw: "", then: "hold" }));
  await assertRejects(
    () => request(silent.url, { timeout: 100, retry: { count: 5, delay: 1 } }),
    ClientError,
    "within 100 ms",
  );
  assertEquals(silent.requests.length, 1);
});

for (const delay of [20_000, 2 ** 31]) {
  Deno.test(`request() ends its pause of ${delay} ms before a retry when its signal aborts`, async () => {
    await using server = failing(1, "HTTP/1.0 503 Unavailable\r\n\r\n");
    const signal = AbortSignal.timeout(50);
    const retry = { count: 1, delay, maxDelay: delay };
    await assertRejects(
      () => request(server.url, { signal, retry }),
      DOMException,
      "due to timeout",
    );
  });
}

Deno.test("request() counts all attempts and pauses towards timeout", async () => {
  const raw = "HTTP/1.0 503 B\r\nContent-Length: 0\r\n\r\n";
  await using server = serveRaw(() => ({ raw }));
  const options = { timeout: 500, retry: { count: 5, delay: 300 } };
  const asking = () => request(server.url, options);
  await assertRejects(asking, ClientError, "not finished within 500 ms");
});

Deno.test("request() refuses a count of retries that is NaN", async () => {
  await using server = failing(
    2,
    "HTTP/1.0 503 Unavailable\r\nContent-Length: 0\r\n\r\n",
  );
  const retry = { count: NaN, delay: 1 };
  const asking = () => request(server.url, { retry });
  await assertRejects(asking, RangeError, "Cannot use count NaN");
});

Deno.test("request() uses up the Retries of its caller, across redirects", async () => {
  const busy = "HTTP/1.0 503 Unavailable\r\nContent-Length: 0\r\n\r\n";
  const responses = [busy, "HTTP/1.0 302 Found\r\nLocation: /b\r\n\r\n"];
  await using server = serveRaw((_, count) => ({
    raw: responses[count] ?? busy,
  }));
  const retries = new Retries({ count: 2, delay: 1 });
  const response = await request(server.url, { retry: retries });
  assertEquals(response.status, 503);
  assertEquals(server.requests.length, 4); // each URL twice
});

Deno.test("Retries doubles the pause up to maxDelay", () => {
  const retries = new Retries({ count: 4, delay: 10, maxDelay: 30 });
  const error = new ClientError("cut", { code: "truncated", step: "exchange" });
  const delays = [0, 1, 2, 3].map(() =>
    retries.afterError(error, "GET")?.delay
  );
  assertEquals(delays, [10, 20, 30, 30]);
  assertEquals(retries.afterError(error, "GET"), null);
});

/** A value of Retry-After, and the pause; null for no retry. */
const PAUSES = [
  [null, 1_000],
  ["0", 0],
  ["2", 2_000],
  ["60", 60_000],
  ["61", null],
  ["soon", 1_000],
  ["Sun, 06 Nov 1994 08:49:37 GMT", 0],
  ["Fri, 01 Jan 2100 00:00:00 GMT", null],
] as const;
for (const [value, delay] of PAUSES) {
  Deno.test(`Retries waits ${delay} ms if Retry-After is ${value}`, () => {
    const fields = value === null ? [] : [["Retry-After", value] as const];
    const headers = new HeaderFields(fields);
    const head = { status: 503, reason: "B", version: "1.0", headers, size: 0 };
    const retry = new Retries(1).afterResponse(head, "GET");
    assertEquals(retry?.delay ?? null, delay);
    assertEquals(retry?.attempt ?? 1, 1);
  });
}

/** Statuses, and the methods that are retried. */
const STATUSES = [
  [408, "GET POST"],
  [429, "GET POST"],
  [503, "GET POST"],
  [500, "GET"],
  [502, "GET"],
  [504, "GET"],
  [200, ""],
  [404, ""],
  [501, ""],
] as const;
for (const [status, expected] of STATUSES) {
  Deno.test(`Retries allows ${expected || "no method"} after ${status}`, () => {
    const headers = new HeaderFields();
    const head = { status, reason: "", version: "1.0", headers, size: 0 };
    const retried = ["GET", "POST"].filter((method) =>
      new Retries(1).afterResponse(head, method) !== null
    );
    assertEquals(retried.join(" "), expected);
  });
}

/** The code and step of an error, and the methods that are retried. */
const TRANSIENT = [
  ["host-not-found", "resolve", "GET POST"],
  ["proxy-not-found", "resolve", "GET POST"],
  ["refused", "connect", "GET POST"],
  ["unreachable", "connect", "GET POST"],
  ["timeout", "connect", "GET POST"],
  ["timeout", "exchange", "GET"],
  ["empty-reply", "exchange", "GET"],
  ["reset", "exchange", "GET"],
  ["truncated", "exchange", "GET"],
  ["malformed", "exchange", ""],
  ["certificate", "connect", ""],
] as const;
for (const [code, step, expected] of TRANSIENT) {
  Deno.test(`Retries allows ${expected || "no method"} after ${code} in the step ${step}`, () => {
    const error = new ClientError("failed", { code, step });
    const retried = ["GET", "POST"].filter((method) =>
      new Retries(1).afterError(error, method) !== null
    );
    assertEquals(retried.join(" "), expected);
  });
}

Deno.test("request() does not retry when its signal aborts before the pause", async () => {
  await using server = failing(1, "HTTP/1.0 503 Unavailable\r\n\r\n");
  const controller = new AbortController();
  const asking = request(server.url, {
    signal: controller.signal,
    retry: { count: 1, delay: 1 },
    trace: ({ type }) => type === "retry" && controller.abort("enough"),
  });
  assertEquals(await asking.catch((reason) => reason), "enough");
  assertEquals(server.requests.length, 1);
});

/** The exit code of curl for each error. */
const EXIT_CODES: Record<ClientErrorCode, number> = {
  "location-protocol": 1,
  "location": 3,
  "proxy-not-found": 5,
  "proxy-invalid": 5,
  "host-not-found": 6,
  "refused": 7,
  "unreachable": 7,
  "proxy-refused": 7,
  "malformed": 8,
  "truncated": 18,
  "timeout": 28,
  "tls": 35,
  "too-many-redirects": 47,
  "redirect": 47,
  "empty-reply": 52,
  "reset": 56,
  "head-too-large": 56,
  "client-certificate": 58,
  "certificate": 60,
  "coding": 61,
  "too-large": 63,
};
Deno.test("ClientError.exitCode is the same as curl's", () => {
  for (const [code, exitCode] of Object.entries(EXIT_CODES)) {
    const what = { code: code as ClientErrorCode, step: "exchange" } as const;
    const error = new ClientError("failed", what);
    assertEquals([code, error.exitCode], [code, exitCode]);
    assertEquals([error.host, error.address, error.port], [null, null, null]);
    assertEquals("cause" in error, false);
  }
});

Deno.test("ClientError.hint writes the host as the suggested command needs it", () => {
  const hintOf = (code: ClientErrorCode, host: string) =>
    new ClientError("no", { code, step: "connect", host, port: 81 }).hint;
  assertEquals(
    hintOf("timeout", "[::1]"),
    "likely cause: it is slow, or a firewall drops packets; try next: ping ::1",
  );
  assertEquals(
    hintOf("tls", "[::1]"),
    "likely cause: it has no TLS there, or only an old one; try next: openssl s_client -connect [::1]:81",
  );
  assertEquals(
    hintOf("malformed", "a.test"),
    "likely cause: it is not an HTTP server; try next: nc a.test 81, and type GET / HTTP/1.0 and an empty line",
  );
});
