import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  Client,
  ClientError,
  request,
  resolveHost,
  type Trace,
  type TraceEvent,
} from "../../client/mod.ts";
import { describeConnectError } from "../../client/error.ts";
import {
  addressOf,
  closedPort,
  octets,
  ok,
  serveRaw,
  silentPort,
} from "./_server.ts";

Deno.test("request() says that nothing listens on a port", async () => {
  const port = closedPort();
  const error = await assertRejects(
    () => request(`http://127.0.0.1:${port}/`),
    ClientError,
  );
  assertEquals(
    error.message,
    `Cannot connect to 127.0.0.1:${port}: refused: the host is up, but nothing listens on port ${port}`,
  );
  const { code, step, exitCode, host, address } = error;
  assertEquals(
    { code, step, exitCode, host, address, port: error.port },
    {
      code: "refused",
      step: "connect",
      exitCode: 7,
      host: "127.0.0.1",
      address: "127.0.0.1",
      port,
    },
  );
  assert(error.cause instanceof Deno.errors.ConnectionRefused);
});

Deno.test("describeConnectError() explains the system's codes", () => {
  const cases: [code: string, words: string][] = [
    ["ECONNREFUSED", "refused: the host is up, but nothing listens on port 1"],
    ["EHOSTUNREACH", "unreachable: the host is down, or no route leads there"],
    ["ENETUNREACH", "unreachable: this machine has no route to its network"],
    ["EADDRNOTAVAIL", "unreachable: this machine has no route to its network"],
    [
      "ETIMEDOUT",
      "no answer: the host is down, or something on the way drops packets",
    ],
    ["ECONNRESET", "the other side reset the connection"],
    ["EOTHER", "what the system says"],
  ];
  for (const [code, words] of cases) {
    const error = Object.assign(new Error("what the system says"), { code });
    assertEquals(describeConnectError(error, 1), words);
  }
  assertEquals(describeConnectError(new Error("other"), 1), "other");
  // A unix socket has no host that could be up
  assertEquals(
    describeConnectError({ code: "ECONNREFUSED" }, null),
    "refused: nothing listens on it",
  );
});

Deno.test("request() says that a host has no address", async () => {
  const error = await assertRejects(
    () => request("http://no-such-host.invalid/"),
    ClientError,
    '"no-such-host.invalid"',
  );
  assertEquals([error.code, error.step, error.exitCode], [
    "host-not-found",
    "resolve",
    6,
  ]);
});

Deno.test("request() refuses a host for which resolve has no address", async () => {
  for (const addresses of [[], ""]) {
    await assertRejects(
      () => request("http://a.test/", { resolve: { "a.test:80": addresses } }),
      ClientError,
      'Cannot find host "a.test": the option resolve has no address for it',
    );
  }
});

Deno.test("request() finds a host in resolve, however its key is written", async () => {
  const HOSTS = [
    ["Example.INVALID", "example.invalid"],
    ["example.invalid", "EXAMPLE.invalid"],
    ["b\u00fccher.invalid", "xn--bcher-kva.invalid"],
    ["xn--bcher-kva.invalid", "B\u00dcCHER.invalid"],
    ["[2001:DB8:0::1]", "[2001:db8::1]"],
    ["*", "any.invalid"],
  ];
  await using server = serveRaw(() => ({ raw: ok("hi") }));
  for (const [key, host] of HOSTS) {
    const resolve = { [`${key}:${server.port}`]: "127.0.0.1" };
    const response = await request(`http://${host}:${server.port}/`, {
      resolve,
    });
    assertEquals(await response.text(), "hi", key);
  }
});

Deno.test("request() refuses a key of resolve that is not a host and a port", async () => {
  for (const key of ["a.test", ":80", "a b:80", "a.test:http"]) {
    await assertRejects(
      () => request("http://a.test/", { resolve: { [key]: "127.0.0.1" } }),
      TypeError,
      `Cannot use key "${key}" of resolve: expected host:port or *:port`,
    );
  }
});

Deno.test("resolveHost() asks the system, which reads its hosts file first", async () => {
  const line = Deno.readTextFileSync("/etc/hosts").split("\n")
    .map((line) => line.split("#")[0]!.split(/\s+/))
    .find(([ip = "", name]) =>
      /^[\d.]+$/.test(ip) && name && !/localhost/.test(name)
    );
  if (line === undefined) return; // the file has no other name
  const [address = "", name = ""] = line;
  const found = await resolveHost(name.toUpperCase(), 80);
  assertEquals([found.addresses[0], found.source], [address, "hosts"]);
  const { readTextFileSync } = Deno;
  Deno.readTextFileSync = () => {
    throw new Deno.errors.PermissionDenied("this program cannot read it");
  };
  try {
    const unread = await resolveHost(name, 80);
    assertEquals([unread.addresses[0], unread.source], [address, "system"]);
  } finally {
    Deno.readTextFileSync = readTextFileSync;
  }
});

Deno.test("request() tries every address, and traces each failure", async () => {
  const port = closedPort();
  const events: TraceEvent[] = [];
  const error = await assertRejects(
    () =>
      request(`http://name.test:${port}/`, {
        resolve: { [`name.test:${port}`]: ["127.0.0.2", "127.0.0.3"] },
        trace: (event) => events.push(event),
      }),
    ClientError,
    `name.test:${port} (127.0.0.2, 127.0.0.3): refused`,
  );
  assertEquals([error.code, error.address], ["refused", null]);
  assert(error.cause instanceof AggregateError);
  assertEquals(error.cause.errors.length, 2);
  const failed = events.filter(({ type }) => type === "connect-failed");
  assertEquals(failed.length, 2);
});

Deno.test("request() says why each address failed if the reasons differ", async () => {
  const port = closedPort();
  const resolve = { [`*:${port}`]: ["127.0.0.2", "255.255.255.255"] };
  const error = await assertRejects(
    () => request(`http://name.test:${port}/`, { resolve }),
    ClientError,
    `): 127.0.0.2:${port} refused`,
  );
  assertStringIncludes(error.message, `; 255.255.255.255:${port} `);
});

Deno.test("request() tries the next address when one refuses", async () => {
  await using server = serveRaw(() => ({ raw: ok("hi") }));
  const response = await request(`http://name.test:${server.port}/`, {
    resolve: { [`*:${server.port}`]: ["127.0.0.2", "127.0.0.1"] },
  });
  assertEquals([await response.text(), addressOf(response)], [
    "hi",
    `127.0.0.1:${server.port}`,
  ]);
  assertStringIncludes(
    server.requests[0]!,
    `Host: name.test:${server.port}\r\n`,
  );
});

/** A silent port of 127.0.0.4, and a listener on that port of 127.0.0.1. */
async function silentBesideListener(
  tries = 20,
): Promise<[Disposable, Deno.TcpListener]> {
  const silent = await silentPort();
  try {
    const { port } = silent;
    return [silent, Deno.listen({ hostname: "127.0.0.1", port })];
  } catch (error) { // another program has the port there
    silent[Symbol.dispose]();
    if (tries === 0) throw error;
    return silentBesideListener(tries - 1);
  }
}

Deno.test("request() tries no other address once it is connected", async () => {
  await using server = serveRaw(() => ({ raw: ok("first") }));
  const tried: string[] = [];
  const response = await request(`http://two.test:${server.port}/`, {
    resolve: { [`two.test:${server.port}`]: ["127.0.0.1", "127.0.0.2"] },
    trace: (event) => {
      if (event.type === "connecting") tried.push(event.address);
    },
  });
  assertEquals(await response.text(), "first");
  assertEquals(tried, [`127.0.0.1:${server.port}`]);
});

Deno.test("request() tries the next address when one has been silent for a while", async () => {
  const [silent, listener] = await silentBesideListener();
  using _ = silent;
  await using server = serveRaw(() => ({ raw: ok("hi") }), listener);
  const events: TraceEvent[] = [];
  const started = performance.now();
  const response = await request(`http://name.test:${server.port}/`, {
    resolve: { [`*:${server.port}`]: ["127.0.0.4", "127.0.0.1"] },
    trace: (event) => events.push(event),
  });
  assertEquals(await response.text(), "hi");
  const took = performance.now() - started;
  assert(took > 200 && took < 9_000, `${took} ms`);
  const lost = events.find(({ type }) => type === "connect-failed");
  assert(lost?.type === "connect-failed");
  assertEquals([lost.address, lost.reason], [
    `127.0.0.4:${server.port}`,
    "another address was faster",
  ]);
});

Deno.test("request() gives up connecting after connectTimeout", async () => {
  using silent = await silentPort();
  const error = await assertRejects(
    () => request(`http://127.0.0.4:${silent.port}/`, { connectTimeout: 100 }),
    ClientError,
    `Cannot connect to 127.0.0.4:${silent.port}: nothing arrived within 100 ms`,
  );
  assertEquals([error.code, error.step, error.exitCode], [
    "timeout",
    "connect",
    28,
  ]);
});

Deno.test("request() uses only addresses of the given family", async () => {
  await using server = serveRaw(() => ({ raw: ok("4") }));
  const url = `http://localhost:${server.port}/`;
  assertEquals(await (await request(url, { family: 4 })).text(), "4");
  const error = await assertRejects(
    () => request(server.url, { family: 6 }),
    ClientError,
    "no IPv6 address",
  );
  assertEquals(error.code, "host-not-found");
});

Deno.test("request() speaks IPv6, with brackets in Host", async () => {
  const listener = Deno.listen({ hostname: "::1", port: 0 });
  await using server = serveRaw(() => ({ raw: ok("6") }), listener);
  const response = await request(`http://[::1]:${server.port}/`);
  assertEquals([await response.text(), addressOf(response)], [
    "6",
    `[::1]:${server.port}`,
  ]);
  assertStringIncludes(server.requests[0]!, `Host: [::1]:${server.port}\r\n`);
});

Deno.test("request() connects over a unix socket", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/socket`;
    {
      await using server = serveRaw(
        () => ({ raw: ok("unix") }),
        Deno.listen({ transport: "unix", path }),
      );
      const response = await request("http://name.test/a", {
        unixSocket: path,
        proxy: `http://127.0.0.1:${closedPort()}/`, // which is not asked
      });
      assertEquals([await response.text(), addressOf(response)], [
        "unix",
        path,
      ]);
      assertStringIncludes(
        server.requests[0]!,
        "GET /a HTTP/1.0\r\nHost: name.test\r\n",
      );
    }
    const error = await assertRejects(
      () => request("http://name.test/", { unixSocket: `${directory}/none` }),
      ClientError,
    );
    assertEquals([error.code, error.exitCode], ["refused", 7]);
    await using server = serveRaw(
      () => ({ raw: "junk" }),
      Deno.listen({ transport: "unix", path }),
    );
    const junk = await assertRejects(
      () => request("http://name.test/", { unixSocket: path }),
      ClientError,
    );
    assertEquals([server.requests.length, junk.address], [1, path]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("request() traces its five steps", async () => {
  await using server = serveRaw(() => ({ raw: ok("hello"), then: "hold" }));
  const events: TraceEvent[] = [];
  const response = await request(server.url, {
    trace: (event) => events.push(event),
  });
  await response.text();
  assertEquals(events.map(({ type }) => type), [
    "request",
    "resolve",
    "resolved",
    "connecting",
    "connected",
    "write",
    "request-head",
    "read",
    "response-head",
    "body",
    "body-end",
    "closed",
  ]);
  const text = (type: string) =>
    (events.find((event) => event.type === type) as { text: string }).text;
  assertEquals(text("request-head"), server.requests[0]);
  assertEquals(
    text("response-head"),
    "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
  );
  const times = events.map(({ at }) => at);
  assertEquals(times, times.toSorted((a, b) => a - b));
  const { resolved, connected, secured, sent, answered, ended } =
    response.timings;
  assert(
    resolved! <= connected! && connected! <= sent! && sent! <= answered! &&
      answered! <= ended!,
  );
  assertEquals(secured, null);
});

Deno.test("request() keeps the URL's password out of its trace and response", async () => {
  await using server = serveRaw(() => ({ raw: ok("") }));
  const events: TraceEvent[] = [];
  const { url } = await request(
    `http://user:secret@127.0.0.1:${server.port}/#top`,
    {
      trace: (event) => events.push(event),
    },
  );
  assertEquals(url, server.url);
  for (const event of events) {
    const shown = Object.values(event).filter((value) =>
      typeof value === "string" && value.includes("secret")
    );
    assertEquals(shown, []);
  }
});

Deno.test("request() leaks nothing when trace throws as sending stops", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const serving = (async () => {
    using conn = await listener.accept();
    const block = new Uint8Array(65_536);
    await conn.read(block);
    await conn.write(octets(ok("no").replace("200", "403")));
    while (await conn.read(block).catch(() => null) !== null);
  })();
  const response = await request(`http://127.0.0.1:${port}/`, {
    method: "PUT",
    body: {
      size: 10,
      stream: new ReadableStream({ pull: () => new Promise(() => {}) }),
    },
    trace({ type }) {
      if (type === "send-stopped") throw new Error("cannot listen");
    },
  });
  assertEquals(await response.text(), "no");
  await serving;
  await new Promise((done) => setTimeout(done));
});

// [the event at which trace throws, the transport]
const THROWING: [TraceEvent["type"], string][] = [
  ["connected", "TCP"],
  ["connected", "unix"],
  ["reused", "TCP"],
  ["cookie", "TCP"],
  ["write", "TCP"],
  ["request-head", "TCP"],
  ["read", "TCP"],
  ["response-head", "TCP"],
  ["body", "TCP"],
  ["body-end", "TCP"],
];

for (const [type, way] of THROWING) {
  Deno.test(`Client closes a connection over ${way} when trace throws at "${type}"`, async () => {
    const folder = await Deno.makeTempDir();
    const unixSocket = `${folder}/socket`;
    await using server = serveRaw(
      () => ({
        raw: ok("x", "Connection: keep-alive\r\nSet-Cookie: a=1\r\n"),
        then: "next",
      }),
      way === "TCP"
        ? Deno.listen({ hostname: "127.0.0.1", port: 0 })
        : Deno.listen({ transport: "unix", path: unixSocket }),
    );
    await using client = new Client({
      ...way === "unix" ? { unixSocket } : {},
      cookies: { getCookieString: () => "", setCookie() {} },
    });
    const ask = async (trace?: Trace) =>
      await (await client.get(
        way === "unix" ? "http://name.test/" : server.url,
        trace && { trace },
      )).text();
    if (type === "reused") await ask();
    const asking = ask((event) => {
      if (event.type === type) throw new Error("cannot listen");
    });
    assertEquals(await asking.catch(String), "Error: cannot listen");
    await Deno.remove(folder, { recursive: true });
  }); // and the sanitizer finds no open socket
}

Deno.test("request() hints that a server that closes without a response may speak TLS", async () => {
  const HINT =
    "a TLS server does that too: maybe the URL should begin with https:";
  await using silent = serveRaw(() => ({ raw: "" }));
  const error = await assertRejects(
    () => request(silent.url),
    ClientError,
    HINT,
  );
  assertEquals(error.code, "empty-reply");
  await using half = serveRaw(() => ({ raw: "HTTP/1.0 2" }));
  const cut = await assertRejects(() => request(half.url), ClientError);
  assert(!cut.message.includes(HINT));
});
