import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  Client,
  ClientError,
  type ClientOptions,
  get,
  isProxyExempt,
  proxyFromEnvironment,
  type TraceEvent,
} from "../../client/mod.ts";
import { parseUrl } from "../../url/mod.ts";
import { addressOf, closedPort, ok, serveRaw } from "./_server.ts";

const fixtures = new URL("../fixtures/tls/", import.meta.url);
const caCerts = [Deno.readTextFileSync(new URL("ca.pem", fixtures))];
const cert = Deno.readTextFileSync(new URL("localhost.pem", fixtures));
const key = Deno.readTextFileSync(new URL("localhost.key", fixtures));

// [member of the list, URLs it matches, URLs it does not match]
const EXEMPT: [string, string[], string[]][] = [
  ["*", ["http://a.test/", "http://192.0.2.1/"], []],
  ["example.org", [
    "http://example.org/",
    "http://www.EXAMPLE.org/",
    "http://example.org./",
  ], ["http://notexample.org/", "http://example.org.evil/", "http://org/"]],
  [".example.org", ["http://example.org/", "http://a.b.example.org/"], [
    "http://xexample.org/",
  ]],
  ["Example.Org", ["http://example.org/"], []],
  ["*.example.org", ["http://a.example.org/", "http://example.org/"], [
    "http://xexample.org/",
  ]],
  ["*.example.org:81", ["http://a.example.org:81/"], ["http://a.example.org/"]],
  ["*example.org, *.", [], ["http://a.example.org/"]],
  ["example.org:8080", ["http://example.org:8080/"], ["http://example.org/"]],
  ["a.test, b.test c.test", [
    "http://a.test/",
    "http://b.test/",
    "http://c.test/",
  ], ["http://d.test/"]],
  ["192.0.2.1", ["http://192.0.2.1/", "http://0xc0.0.2.1/"], [
    "http://192.0.2.10/",
    "http://192.0.2.1.example/",
  ]],
  ["192.0.2.0/24", ["http://192.0.2.7/"], [
    "http://192.0.3.7/",
    "http://[::ffff:c000:207]/",
  ]],
  ["10.0.0.0/8", ["http://10.255.0.1/"], [
    "http://11.0.0.1/",
    "http://10.example/",
  ]],
  ["192.0.2.128/25", ["http://192.0.2.200/"], ["http://192.0.2.100/"]],
  ["0.0.0.0/0", ["http://8.8.8.8/"], [
    "http://[2001:db8::1]/",
    "http://a.test/",
  ]],
  ["192.0.2.0/33", [], ["http://192.0.2.0/"]],
  ["192.0.2.0/x", [], ["http://192.0.2.0/"]],
  ["::1", ["http://[::1]/"], ["http://[::2]/"]],
  ["[::1]:8080", ["http://[::1]:8080/"], ["http://[::1]/"]],
  ["2001:db8::/32", ["http://[2001:db8:5::7]/"], ["http://[2001:db9::7]/"]],
  ["fe80::/10", ["http://[febf::1]/"], ["http://[fec0::1]/"]],
  ["::ffff:192.0.2.1", ["http://[::ffff:c000:201]/"], [
    "http://[::ffff:c000:202]/",
    "http://192.0.2.1/",
  ]],
  ["[::ffff:192.0.2.0/120]:80", ["http://[::ffff:192.0.2.1]/"], [
    "http://[::ffff:192.0.3.1]/",
  ]],
  ["0:0:0:0:0:0:0:1", ["http://[::1]/"], ["http://[::]/"]],
  ["::1::/16", [], ["http://[::1]/"]],
  ["localhost", ["http://localhost/"], ["http://127.0.0.1/"]],
  ["b\u00fccher.example, *.B\u00dcCHER.test:81", [
    "http://xn--bcher-kva.example/",
    "http://www.b\u00fccher.example/",
    "http://a.b\u00fccher.test:81/",
  ], ["http://bucher.example/", "http://b\u00fccher.test/"]],
  ["\u00fc b.test, \u2100", ["http://b.test/"], ["http://a.test/"]],
  ["", [], ["http://a.test/"]],
  [",, .", [], ["http://a.test/"]],
];

for (const [list, matched, others] of EXEMPT) {
  Deno.test(`isProxyExempt() reads ${JSON.stringify(list)}`, () => {
    for (const url of matched) assert(isProxyExempt(parseUrl(url), list), url);
    for (const url of others) assert(!isProxyExempt(parseUrl(url), list), url);
  });
}

Deno.test("isProxyExempt() reads a long list of colons in linear time", () => {
  const started = performance.now();
  assert(!isProxyExempt(parseUrl("http://[::1]/"), `${":".repeat(2_000)}]`));
  assert(performance.now() - started < 1_000);
});

Deno.test("proxyFromEnvironment() reads the variables that curl reads", () => {
  const proxyFor = (url: string, variables: Record<string, string>) =>
    proxyFromEnvironment((name) => variables[name])(parseUrl(url));
  assertEquals(
    proxyFor("http://a.test/", { http_proxy: "http://p:1" }),
    "http://p:1",
  );
  assertEquals(proxyFor("http://a.test/", { HTTP_PROXY: "http://p:1" }), null); // a Proxy field sets it in CGI
  assertEquals(proxyFor("https://a.test/", { http_proxy: "http://p:1" }), null);
  assertEquals(
    proxyFor("https://a.test/", { HTTPS_PROXY: "http://p:1" }),
    "http://p:1",
  );
  assertEquals(
    proxyFor("https://a.test/", { https_proxy: "", all_proxy: "http://p:1" }),
    null,
  );
  assertEquals(
    proxyFor("http://a.test/", { ALL_PROXY: "http://p:1" }),
    "http://p:1",
  );
  assertEquals(
    proxyFor("http://a.test/", {
      http_proxy: "http://p:1",
      no_proxy: "a.test",
    }),
    null,
  );
  assertEquals(
    proxyFor("http://a.test/", {
      http_proxy: "http://p:1",
      NO_PROXY: "b.test",
    }),
    "http://p:1",
  );
});

Deno.test("request() sends a proxy the absolute-form, and the proxy's credentials", async () => {
  await using proxy = serveRaw(() => ({ raw: ok("by proxy") }));
  const response = await get("http://name.test:8080/a?b#c", {
    proxy: `http://us%65r:p%3Ass@127.0.0.1:${proxy.port}`,
    credentials: { username: "u", password: "p" },
  });
  assertEquals([await response.text(), addressOf(response)], [
    "by proxy",
    `127.0.0.1:${proxy.port}`,
  ]);
  const text = proxy.requests[0]!;
  assertStringIncludes(
    text,
    "GET http://name.test:8080/a?b HTTP/1.0\r\nHost: name.test:8080\r\n",
  );
  assertStringIncludes(
    text,
    `Proxy-Authorization: Basic ${btoa("user:p:ss")}\r\n`,
  );
  assertStringIncludes(text, `Authorization: Basic ${btoa("u:p")}\r\n`);
});

Deno.test("request() uses no proxy if the function returns nothing", async () => {
  await using server = serveRaw(() => ({ raw: ok("direct") }));
  for (const given of [null, undefined, ""]) {
    const proxy = () => given as string | null;
    assertEquals(await (await get(server.url, { proxy })).text(), "direct");
  }
});

Deno.test("request() bypasses the proxy for a host in noProxy, without the proxy's credentials", async () => {
  await using server = serveRaw(() => ({ raw: ok("direct") }));
  const options = {
    proxy: `http://u:p@127.0.0.1:${closedPort()}`,
    noProxy: "127.0.0.0/8",
    headers: { "Proxy-Authorization": "Basic own" },
  };
  assertEquals(await (await get(server.url, options)).text(), "direct");
  assertStringIncludes(server.requests[0]!, "GET / HTTP/1.0\r\n");
  assert(!server.requests[0]!.includes("Proxy-Authorization"));
});

for (const protocol of ["", "http:/", "http:\\\\", "HTTP://"]) {
  Deno.test(`request() accepts "${protocol}" before the proxy's host`, async () => {
    await using proxy = serveRaw(() => ({ raw: ok("by proxy") }));
    const response = await get("http://name.test/", {
      proxy: `${protocol}127.0.0.1:${proxy.port}`,
    });
    assertEquals(await response.text(), "by proxy");
  });
}

Deno.test("request() chooses the proxy for each hop", async () => {
  await using direct = serveRaw(() => ({ raw: ok("direct") }));
  await using proxy = serveRaw(() => ({
    raw: `HTTP/1.0 302 Found\r\nLocation: ${direct.url}\r\n\r\n`,
  }));
  const response = await get("http://name.test/", {
    proxy: (url) =>
      url.hostname === "name.test" ? `127.0.0.1:${proxy.port}` : null,
  });
  assertEquals(await response.text(), "direct");
});

Deno.test("Client sends requests for several origins over one connection to a proxy", async () => {
  await using proxy = serveRaw(() => ({
    raw: ok("x", "Connection: keep-alive\r\n"),
    then: "next",
  }));
  await using client = new Client({ proxy: `http://127.0.0.1:${proxy.port}` });
  for (const host of ["a", "b", "a"]) {
    await (await client.get(`http://${host}.test/`)).text();
  }
  assertEquals(proxy.connections, 1);
});

/** A proxy that opens tunnels to one port. */
function serveTunnel(
  port: number,
  response = "HTTP/1.1 200 Connection established\r\n\r\n",
) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: string[] = [];
  const running: Promise<unknown>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      const block = new Uint8Array(4_096);
      const count = await conn.read(block) ?? 0;
      requests.push(new TextDecoder().decode(block.subarray(0, count)));
      await conn.write(new TextEncoder().encode(response));
      if (!response.includes(" 200 ")) {
        conn.close();
        continue;
      }
      const there = await Deno.connect({ hostname: "127.0.0.1", port });
      running.push(
        conn.readable.pipeTo(there.writable).catch(() => {}),
        there.readable.pipeTo(conn.writable).catch(() => {}),
      );
    }
  })();
  return {
    url: `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting.catch(() => {});
      await Promise.all(running);
    },
  };
}

Deno.test("request() speaks TLS through a tunnel, and keeps the proxy's credentials from the origin", async () => {
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert,
    key,
  });
  await using server = serveRaw(() => ({ raw: ok("inner") }), listener);
  await using proxy = serveTunnel(server.port);
  const events: TraceEvent[] = [];
  const response = await get(`https://localhost:${server.port}/a`, {
    caCerts,
    proxy: proxy.url.replace("//", "//u:p@"),
    trace: (event) => events.push(event),
  });
  assertEquals(await response.text(), "inner");
  assertEquals(
    proxy.requests,
    [`CONNECT localhost:${server.port} HTTP/1.0\r\nHost: localhost:${server.port}\r\nProxy-Authorization: Basic dTpw\r\n\r\n`],
  );
  assertStringIncludes(server.requests[0]!, "GET /a HTTP/1.0\r\n");
  assert(!server.requests[0]!.includes("Proxy-Authorization"));
  const tunnel = events.find((event) => event.type === "tunnel");
  assertEquals(tunnel?.type === "tunnel" && tunnel.status, 200);
});

Deno.test("request() sends the caller's Proxy-Authorization only to the proxy", async () => {
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert,
    key,
  });
  await using server = serveRaw(() => ({ raw: ok("inner") }), listener);
  await using proxy = serveTunnel(server.port);
  const headers = { "Proxy-Authorization": "Bearer t" };
  await (await get(`https://localhost:${server.port}/`, {
    caCerts,
    proxy: proxy.url,
    headers,
  })).text();
  assertStringIncludes(proxy.requests[0]!, "Proxy-Authorization: Bearer t\r\n");
  assert(!server.requests[0]!.includes("Proxy-Authorization"));
});

Deno.test("Client opens another tunnel if the fields for the proxy differ", async () => {
  const tls = { hostname: "127.0.0.1", port: 0, cert, key };
  await using server = serveRaw(
    () => ({ raw: ok("x", "Connection: keep-alive\r\n"), then: "next" }),
    Deno.listenTls(tls),
  );
  await using proxy = serveTunnel(server.port);
  const rows: [options: ClientOptions, tunnels: number][] = [
    [{}, 1],
    [{ headers: { "X-Of-Origin": "1" } }, 1],
    [{ proxyHeaders: { "X-Team": "a" } }, 2],
    [{ proxyHeaders: new Headers({ "X-Team": "b" }) }, 3],
    [{ proxyHeaders: [["X-Team", "b"]] }, 4],
    [{ headers: { "Proxy-Authorization": "Bearer t" } }, 5],
    [{ proxyCredentials: { username: "u", password: "p" } }, 6],
    [{ proxyHeaders: { "X-Team": "a" } }, 6],
    [{}, 6],
  ];
  await using client = new Client({ caCerts, proxy: proxy.url });
  for (const [options, tunnels] of rows) {
    const url = `https://localhost:${server.port}/`;
    assertEquals(await (await client.get(url, options)).text(), "x");
    assertEquals(proxy.requests.length, tunnels, JSON.stringify(options));
  }
});

// [the proxy's response, code, exit code, part of the message]
const REFUSALS: [string, string, number, string][] = [
  [
    "HTTP/1.1 403 Filtered\r\n\r\n",
    "proxy-refused",
    7,
    "the proxy answered 403 Filtered",
  ],
  [
    "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
    "proxy-refused",
    7,
    "the proxy answered 407 Proxy Authentication Required",
  ],
  ["", "proxy-refused", 7, "the proxy closed the connection"],
  ["junk\r\n\r\n", "malformed", 8, '"junk"'],
  [
    "HTTP/1.1 100 C\r\n\r\n".repeat(11),
    "proxy-refused",
    7,
    "the proxy sent more than 10 interim responses",
  ],
];

for (const [response, code, exitCode, message] of REFUSALS) {
  Deno.test(`request() fails when a proxy responds to CONNECT with ${JSON.stringify(response)}`, async () => {
    await using proxy = serveTunnel(1, response);
    const error = await assertRejects(
      () => get("https://name.test/", { proxy: proxy.url }),
      ClientError,
      message,
    );
    assertEquals([error.code, error.exitCode], [code, exitCode]);
  });
}

Deno.test("request() skips interim responses to CONNECT", async () => {
  await using server = serveRaw(() => ({ raw: ok("x") }));
  const interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
  const ten = `HTTP/1.1 100 C\r\n\r\n${interim.repeat(9)}`;
  const response = `${ten}HTTP/1.1 200 OK\r\n\r\n`;
  await using proxy = serveTunnel(server.port, response);
  const options = { proxy: proxy.url, proxyTunnel: true };
  assertEquals(await (await get("http://name.test/", options)).text(), "x");
});

Deno.test("request() refuses a byte that arrives through a tunnel before TLS", async () => {
  await using server = serveRaw(() => ({ raw: "" }));
  await using proxy = serveTunnel(server.port, "HTTP/1.1 200 OK\r\n\r\nX");
  const error = await assertRejects(
    () => get("https://name.test/", { proxy: proxy.url }),
    ClientError,
    "bytes came before TLS",
  );
  assertEquals([error.code, error.step], ["proxy-refused", "connect"]);
});

Deno.test("request() waits no longer than connectTimeout for a tunnel", async () => {
  await using proxy = serveRaw(() => ({ raw: "", then: "hold" }));
  const error = await assertRejects(
    () =>
      get("https://name.test/", {
        proxy: `http://127.0.0.1:${proxy.port}`,
        connectTimeout: 100,
      }),
    ClientError,
    "within 100 ms",
  );
  assertEquals([error.code, error.step], ["timeout", "connect"]);
});

Deno.test("request() says that a proxy cannot be found or reached", async () => {
  const lost = await assertRejects(
    () => get("http://name.test/", { proxy: "http://no-such-proxy.invalid:1" }),
    ClientError,
    "this is the proxy",
  );
  assertEquals([lost.code, lost.exitCode], ["proxy-not-found", 5]);
  const closed = await assertRejects(
    () =>
      get("http://name.test/", { proxy: `http://127.0.0.1:${closedPort()}` }),
    ClientError,
  );
  assertEquals([closed.code, closed.exitCode], ["refused", 7]);
});

const WRONG_PROXIES: readonly [proxy: string, why: string][] = [
  ["https:/127.0.0.1:1", "Deno cannot set up TLS inside TLS"],
  ["https://127.0.0.1:1", "Deno cannot set up TLS inside TLS"],
  ["socks5://user:secret@127.0.0.1:1", '"socks5"'],
  ["http://user:secret@[::1", '"[::1"'],
  ["http://user:secret@127.0.0.1:x", "its port is not a number"],
  ["http://user:secret", "no @ after a password"],
  ["user:secret", "no @ after a password"],
  ["http://user:secret/@127.0.0.1:1", "no @ after a password"],
  ["not a host", '"not a host"'],
];

for (const [proxy, why] of WRONG_PROXIES) {
  Deno.test(`request() refuses the proxy ${proxy}, and says where it is from`, async () => {
    await using server = serveRaw(() => ({ raw: ok("direct") }));
    const variable = (name: string) => name === "all_proxy" ? proxy : undefined;
    for (
      const [option, source] of [
        [proxy, ""],
        [proxyFromEnvironment(variable), " from the variable all_proxy"],
      ] as const
    ) {
      const exempt = { proxy: option, noProxy: "127.0.0.1" };
      assertEquals((await get(server.url, exempt)).status, 200);
      const error = await assertRejects(
        () => get("http://name.test/", { proxy: option, retry: 3 }),
        ClientError,
        `Cannot use proxy${source}: `,
      );
      assertStringIncludes(error.message, why);
      assert(!Deno.inspect(error).includes("secret"));
      assertEquals([error.code, error.exitCode], ["proxy-invalid", 5]);
    }
  });
}
