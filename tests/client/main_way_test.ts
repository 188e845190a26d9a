import { assert, assertEquals, assertMatch } from "@std/assert";
import { closedPort, ok, serveRaw } from "./_server.ts";
import { run } from "./_memory_io.ts";

const BASIC = "Proxy-Authorization: Basic YWRhOng=";

/**
 * Flags, with PROXY and URL as placeholders, and the requests that the proxy
 * receives: their first lines, and their fields for the proxy.
 */
const PROXIED: readonly (readonly [args: string, requests: string[]])[] = [
  ["-x PROXY -U ada:x URL", ["GET URL", BASIC]],
  ["-x PROXY --proxy-user ada:x URL", ["GET URL", BASIC]],
  ["-x http://a:b@PROXY -U ada:x URL", ["GET URL", BASIC]],
  ["-x PROXY -p URL", ["CONNECT HOST", "GET /"]],
  ["-x PROXY --proxytunnel -U ada:x URL", ["CONNECT HOST", BASIC, "GET /"]],
  ["-x PROXY -p -u a:b URL", ["CONNECT HOST", "GET /"]],
  ["-x PROXY --proto =http URL", ["GET URL"]],
  ["-x PROXY --proxy-header Proxy-A:b URL", ["GET URL", "Proxy-A: b"]],
  ["-x PROXY -p --proxy-header Proxy-A:b URL", [
    "CONNECT HOST",
    "Proxy-A: b",
    "GET /",
  ]],
  ["-x PROXY --connect-to ::a:82 URL", ["CONNECT a:82", "GET /"]],
  ["-x PROXY --connect-to :::82 URL", ["CONNECT knock.invalid:82", "GET /"]],
  ["-x PROXY --connect-to :82:a: URL", ["GET URL"]],
  ["-x PROXY --connect-to ::: URL", ["GET URL"]],
];

const TUNNEL = "HTTP/1.1 200 OK\r\nX-Proxy: a\r\n\r\n";
const REFUSED = "HTTP/1.1 407 P\r\n\r\n";

/** Flags, the response to CONNECT, the exit code, and stdout. */
const TUNNEL_HEADS: readonly (readonly [string, string, number, string])[] = [
  ["-i", TUNNEL, 0, TUNNEL + ok("hi")],
  ["-D - -o /dev/null", TUNNEL, 0, TUNNEL + ok("hi").slice(0, -2)],
  ["-s -i", REFUSED, 7, REFUSED],
  ["-s", REFUSED, 7, ""],
];

for (const [args, head, code, out] of TUNNEL_HEADS) {
  Deno.test(`main() ${args} handles the response to CONNECT, and exits with ${code}`, async () => {
    await using proxy = serveRaw((request) =>
      request.startsWith("CONNECT")
        ? { raw: head, then: head === TUNNEL ? "next" : "close" }
        : { raw: ok("hi") }
    );
    const url = "http://knock.invalid/";
    const words = [...args.split(" "), "-p", "-x", proxy.url, url];
    const result = await run(words);
    assertEquals([result.code, result.out], [code, out], result.err);
  });
}

/** Flags, and the least and most milliseconds that the transfer takes. */
const RATES: readonly (readonly [string, number, number])[] = [
  ["--limit-rate 100K URL", 250, 900],
  ["--limit-rate 100K -T FILE URL", 500, 1500],
  ["--limit-rate 100M URL", 0, 250],
  ["--limit-rate 0 URL", 0, 250],
];

for (const [args, least, most] of RATES) {
  Deno.test(`main() ${args} takes from ${least} to ${most} ms`, async () => {
    await using server = serveRaw(() => ({ raw: ok("x".repeat(30_000)) }));
    const path = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(path, "y".repeat(30_000));
      const words = args.split(" ").map((word) =>
        word.replace("URL", server.url).replace("FILE", path)
      );
      const start = performance.now();
      const { code, out } = await run(words);
      const passed = performance.now() - start;
      assertEquals([code, out.length], [0, 30_000]);
      assert(passed >= least && passed <= most, `${passed} ms`);
    } finally {
      await Deno.remove(path);
    }
  });
}

/** Flags, and the exit code for 100 bytes that arrive within half a second. */
const SPEEDS: readonly (readonly [string, number])[] = [
  ["-y 0.2 -Y 1000", 28],
  ["-y 0.2 -Y 1", 0],
  ["-Y 1000", 0],
  ["-y 0.2 -Y 0", 0],
];

for (const [args, code] of SPEEDS) {
  Deno.test(`main() ${args} exits with ${code}`, async () => {
    await using server = serveRaw(() => ({
      raw: ok("x".repeat(100)),
      piece: 14,
      delay: 50,
    }));
    const result = await run(["-s", ...args.split(" "), server.url]);
    assertEquals(result.code, code, result.err);
  });
}

Deno.test("main() -y gives up on a silent server", async () => {
  await using server = serveRaw(() => ({ raw: "", then: "hold" }));
  const { code, err } = await run(["-y", "0.1", server.url]);
  assertEquals(code, 28);
  assertMatch(err, /nothing arrived within 100 ms/);
});

/** URLs, and `--connect-to` rules whose first match leads to the server. */
const DETOURS: readonly (readonly [url: string, rules: string[]])[] = [
  ["http://knock.invalid/", ["knock.invalid:80:HOST"]],
  ["http://KNOCK.invalid/", ["Knock.Invalid::HOST"]],
  ["http://knock.invalid:81/", [":81:HOST", "::a:1"]],
  ["http://knock.invalid/", ["b.invalid::a:1", ":81:a:1", "::HOST"]],
  ["http://[::7]:81/", ["[::7]:81:HOST"]],
  ["http://[::7]:81/", ["[0:0::7]:81:HOST"]],
  ["http://bücher.invalid/", ["BÜcher.invalid::HOST"]],
  ["http://127.0.0.1:81/", ["127.0.0.1:::PORT"]],
  ["http://knock.invalid:PORT/", ["::127.0.0.1:"]],
];

for (const [url, rules] of DETOURS) {
  Deno.test(`main() --connect-to ${rules} connects to another host for ${url}`, async () => {
    await using server = serveRaw(() => ({ raw: ok("here") }));
    const fill = (text: string) =>
      text.replace("HOST", `127.0.0.1:${server.port}`)
        .replace("PORT", String(server.port));
    const args = rules.flatMap((rule) => ["--connect-to", fill(rule)]);
    const { code, out, err } = await run([...args, fill(url)]);
    assertEquals([code, out], [0, "here"], err);
    const host = /\r\nHost: (.*)\r\n/.exec(server.requests[0]!)?.[1];
    const expected = new URL(fill(url)).host;
    assertEquals(host, expected);
  });
}

const fixtures = new URL("../fixtures/tls/", import.meta.url).pathname;

/** Flags, with URL for a TLS server, the exit code, stdout and stderr. */
const TLS_FLAGS: readonly (readonly [string, number, string, RegExp])[] = [
  ["URL", 60, "", /trusted/],
  [
    "-k URL",
    0,
    "hi",
    /^warning: -k: the certificate of localhost is not checked\n$/,
  ],
  ["-sk URL", 0, "hi", /^warning: -k: .* is not checked\n$/],
  [
    "--insecure -s URL URL",
    0,
    "hihi",
    /^(?:warning: -k: .* is not checked\n){2}$/,
  ],
  ["-k --no-insecure URL", 60, "", /trusted/],
  ["-k -s URL", 0, "hi", /^warning/],
  ["-k --explain URL", 0, "hi", /^(?![^]*is good for)[^]*\nwarning: -k: /],
  ["--tlsv1.3 URL", 60, "", /trusted/],
  ["--tlsv1.3 --cacert FILES/ca.pem URL", 0, "hi", /^$/],
  ["--tlsv1.3 --capath FILES URL", 0, "hi", /^$/],
  ["--capath FILES URL", 0, "hi", /^$/],
  [
    "--cacert FILES/localhost.key URL",
    77,
    "",
    /: not in PEM\n$/,
  ],
  ["--cacert FILES/localhost.key --no-ca-native URL", 77, "", /PEM\n$/],
  ["--capath LINKS URL", 0, "hi", /^$/],
  ["--capath LINKS/loop URL", 77, "", /^knock: Cannot read ".*loop": /],
  ["--capath FILES/.. URL", 60, "", /trusted/],
  ["--capath offline URL", 77, "", /^knock: .* "offline": not in PEM\n$/],
  ["--capath FILES/no URL", 77, "", /: no such file or directory\n$/],
];

for (const [args, code, out, err] of TLS_FLAGS) {
  Deno.test(`main() ${args} exits with ${code}`, async () => {
    const [cert, key] = ["localhost.pem", "localhost.key"]
      .map((name) => Deno.readTextFileSync(fixtures + name));
    const hostname = "127.0.0.1";
    await using server = serveRaw(
      () => ({ raw: ok("hi") }),
      Deno.listenTls({ hostname, port: 0, cert: cert!, key: key! }),
    );
    // A folder of links, of which only one leads to a file
    const links = await Deno.makeTempDir();
    await Deno.symlink(`${fixtures}ca.pem`, `${links}/ca.pem`);
    await Deno.symlink("nowhere", `${links}/a.pem`);
    await Deno.symlink(".", `${links}/b.pem`);
    await Deno.mkdir(`${links}/loop`);
    await Deno.symlink("c.pem", `${links}/loop/c.pem`);
    const words = args.split(" ").map((word) =>
      word.replace("URL", `https://localhost:${server.port}/`)
        .replace("FILES", fixtures.slice(0, -1)).replace("LINKS", links)
    );
    const result = await run(words);
    await Deno.remove(links, { recursive: true });
    assertEquals([result.code, result.out], [code, out], result.err);
    assertMatch(result.err, err);
  });
}

Deno.test("main() sends the fields of --proxy-header to no server", async () => {
  await using server = serveRaw(() => ({ raw: ok("") }));
  await run(["--proxy-header", "A: b", server.url]);
  assertEquals(server.requests[0]!.includes("A: b"), false);
});

/** Flags for a proxy, and a pattern for the requests that it receives. */
const PROXY_FIELDS: readonly (readonly [args: string, fields: RegExp])[] = [
  ["--proxy-header User-Agent:b", /^(?!.*Knock).*\r\nUser-Agent: b\r/s],
  ["-A a --proxy-header User-Agent:b", /^(?!.*: a\r).*: b\r/s],
  ["--proxy-header Host:b", /^(?!.*: b\r).*\r\nHost: knock.invalid\r/s],
  ["-p --proxy-header Host:b", /^(?!.*: b\r).*\r\nHost: knock.invalid:80\r/s],
  ["--proxy-header A:b --proxy-header a:c", /\r\nA: b\r\na: c\r/],
  ["-U a:b --proxy-header Proxy-Authorization:b", /^(?!.*Basic).*n: b\r/s],
  ["-p -U a:b --proxy-header Proxy-Authorization:b", /^(?!.*Basic).*n: b\r/s],
];

for (const [args, fields] of PROXY_FIELDS) {
  Deno.test(`main() -x ${args} sends each field once`, async () => {
    await using proxy = serveRaw(() => ({ raw: "HTTP/1.0 400 No\r\n\r\n" }));
    const words = ["-x", proxy.url, ...args.split(" ")];
    await run([...words, "http://knock.invalid/"]);
    assertMatch(proxy.requests.join(""), fields);
  });
}

for (const [args, requests] of PROXIED) {
  Deno.test(`main() ${args} goes through the proxy`, async () => {
    await using proxy = serveRaw((request) =>
      request.startsWith("CONNECT")
        ? { raw: "HTTP/1.0 200 OK\r\n\r\n", then: "next" }
        : { raw: ok("by proxy") }
    );
    const url = "http://knock.invalid:81/";
    const words = args.split(" ").map((word) =>
      word.replace("URL", url).replace("PROXY", `127.0.0.1:${proxy.port}`)
    );
    const { code, out, err } = await run(words);
    assertEquals([code, out], [0, "by proxy"], err);
    const lines = proxy.requests.join("").split("\r\n")
      .filter((line) => /^(?:GET|CONNECT|Proxy-)/.test(line))
      .map((line) =>
        line.replace(" HTTP/1.0", "").replace(url, "URL")
          .replace("knock.invalid:81", "HOST")
      );
    assertEquals(lines, requests);
  });
}

Deno.test("main() -U applies after a redirect, too", async () => {
  await using proxy = serveRaw((_, count) => ({
    raw: count > 0
      ? ok("")
      : "HTTP/1.0 302 Found\r\nLocation: http://b.invalid/\r\n\r\n",
  }));
  const args = ["-L", "-x", proxy.url, "-U", "ada:x", "http://a.invalid/"];
  assertEquals((await run(args)).code, 0);
  for (const text of proxy.requests) assert(text.includes(BASIC));
  assertEquals(proxy.requests.length, 2);
});

/** Flags for protocols, the exit code, and stderr. */
const PROTOCOLS:
  readonly (readonly [args: string, code: number, err: RegExp])[] = [
    ["--proto =http URL", 0, /^$/],
    ["--proto =http,https URL", 0, /^$/],
    ["--proto -all,http URL", 0, /^$/],
    [
      "--proto =https URL",
      1,
      /^knock: Cannot use http: only https is allowed\n$/,
    ],
    [
      "--proto =http -L URLmoved",
      1,
      /: Cannot use https: only http is allowed\n$/,
    ],
    ["--proto https URL", 0, /^$/],
    ["--proto =https,http URL", 0, /^$/],
    ["--proto -http URL", 1, /: Cannot use http: only https is allowed\n$/],
    ["--proto -all,+HTTP URL", 0, /^$/],
    ["--proto -ftp,-scp URL", 0, /^$/],
    ["--proto =ftp URL", 2, /, with at least one left\n$/],
    ["--proto -all URL", 2, /, with at least one left\n$/],
    ["--proto =http, URL", 2, /: expected protocols such as/],
    ["--proto-redir =https URL", 0, /^$/],
    ["--proto-redir -https -L URLmoved", 1, /: only http is allowed\n$/],
    [
      "--proto -https --proto-redir =https -L URLmoved",
      1,
      /none is allowed/,
    ],
    ["--proto-redir =http -L URLagain", 0, /^$/],
    ["--proto-default https --proto =http HOST", 1, /Cannot use https/],
    ["--proto-default http HOST", 0, /^$/],
    ["--proto-default https URL", 0, /^$/],
    ["--proto-default ftp HOST", 1, /unknown|protocol/],
    ["--proto-default ftp URL", 1, /expected the protocol http or https\n$/],
    ["--proto-default ftp", 1, /expected the protocol http or https\n$/],
    ["--proto-default HTTP HOST", 0, /^$/],
    ["--proto =https --tlsv1.2 -sSf URL", 1, /only https is allowed/],
  ];

for (const [args, code, err] of PROTOCOLS) {
  Deno.test(`main() ${args} exits with ${code}`, async () => {
    await using server = serveRaw((request) => ({
      raw: request.startsWith("GET /moved")
        ? "HTTP/1.0 302 Found\r\nLocation: https://127.0.0.1:1/\r\n\r\n"
        : request.startsWith("GET /again")
        ? "HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n"
        : ok(""),
    }));
    const words = args.split(" ").map((word) =>
      word.replace("URL", server.url)
        .replace("HOST", `127.0.0.1:${server.port}`)
    );
    const result = await run(words);
    assertEquals(result.code, code, result.err);
    assertMatch(result.err, err);
  });
}

/**
 * Flags for retries, the statuses of the first responses, the exit code, and
 * the number of requests. Further responses have status 200. A status of 0 is
 * an empty response, -1 is silence, -2 is a head without its body.
 */
const RETRIES: readonly (readonly [
  args: string,
  statuses: readonly number[],
  code: number,
  count: number,
])[] = [
  ["--retry 3 --retry-delay 0.001", [503, 500], 0, 3],
  ["--retry 3 --retry-delay 0.001", [404], 0, 1],
  ["-f --retry 3 --retry-delay 0.001", [404], 22, 1],
  ["--retry 3 --retry-delay 0.001 --retry-all-errors", [404], 0, 1],
  ["-f --retry 3 --retry-delay 0.001 --retry-all-errors", [404, 418], 0, 3],
  ["-f --retry 1 --retry-delay 0.001 --retry-all-errors", [404, 418], 22, 2],
  [
    "--fail-with-body --retry 3 --retry-delay 0.001 --retry-all-errors",
    [404, 418],
    0,
    3,
  ],
  ["--retry 3 --retry-delay 0.001", [0, 0, 0], 0, 4],
  ["--retry 3 --retry-delay 0.001", [0, 0, 0, 0], 52, 4],
  ["-X PUT -d a --retry 3 --retry-delay 0.001", [0], 0, 2],
  ["-d a --retry 3 --retry-delay 0.001", [500], 0, 1],
  ["-d a --retry 3 --retry-delay 0.001", [503], 0, 2],
  ["-d a --retry 3 --retry-delay 0.001", [0], 52, 1],
  ["-d a --retry 3 --retry-delay 0.001 --retry-all-errors", [0, 0], 0, 3],
  ["--retry 3 --retry-max-time 0.5", [503, 503], 0, 1],
  ["--retry 3 --retry-delay 0.001 --retry-max-time 60", [503, 503], 0, 3],
  ["--retry 3 --retry-connrefused --retry-delay 0.001", [503], 0, 2],
  ["-m 0.3 --retry 3 --retry-delay 0.4", [503, -1, -2], 0, 4],
  ["-m 0.3 --retry 1 --retry-delay 0.4", [-1, -1], 28, 2],
  ["-m 0.3 --retry 1 --retry-delay 0.4 -d a", [-1], 28, 1],
];

for (const [args, statuses, code, count] of RETRIES) {
  Deno.test(`main() ${args} sends ${count} requests after ${statuses}`, async () => {
    await using server = serveRaw((_, count) => {
      const status = statuses[count] ?? 200;
      const raw = status > 0
        ? ok("").replace("200 OK", `${status} X`)
        : status === -2
        ? "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n"
        : "";
      return { raw, then: status < 0 ? "hold" : "close" };
    });
    const result = await run(["-s", ...args.split(" "), server.url]);
    assertEquals([result.code, server.requests.length], [code, count]);
  });
}

Deno.test("main() --retry waits as long as Retry-After says, for up to 10 minutes", async () => {
  const cases = [[61, 130], [600, 130], [601, 0]] as const;
  for (const [seconds, code] of cases) {
    const head = `HTTP/1.0 503 X\r\nRetry-After: ${seconds}\r\n\r\n`;
    await using server = serveRaw(() => ({ raw: head }));
    const signal = AbortSignal.timeout(500);
    const result = await run(["--retry", "1", server.url], { signal });
    const told = result.err.includes(`retrying in ${seconds} s`);
    assertEquals([told, seconds], [code === 130, seconds], result.err);
  }
});

Deno.test("main() --retry-delay pauses equally long each time", async () => {
  const args = "--retry 2 --retry-delay 0.002".split(" ");
  const { err } = await run([...args, `http://127.0.0.1:${closedPort()}/`]);
  assertEquals(
    err.match(/retrying in .*/g),
    Array(2).fill("retrying in 0.002 s"),
  );
});

Deno.test("main() ignores a duration of 0", async () => {
  await using server = serveRaw(() => ({ raw: ok("a"), delay: 5 }));
  const args = "-m 0 --connect-timeout 0 --retry-delay 0".split(" ");
  assertEquals((await run([...args, server.url])).out, "a");
});
