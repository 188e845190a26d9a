import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { escapeControls } from "../../command/quote.ts";
import { closedPort, latin1, octets, ok, serveRaw } from "./_server.ts";
import { FORMATTERS } from "../../client/_command/explain.ts";
import { main } from "../../client/main.ts";
import { MemoryOutput, run } from "./_memory_io.ts";

const ESCAPES: readonly (readonly [string, string])[] = [
  ["plain\ttext\n", "plain\ttext\n"],
  ["\x1b[31mred", "\\u001b[31mred"],
  [
    "bell\x07 back\b null\0 del\x7f",
    "bell\\u0007 back\\u0008 null\\u0000 del\\u007f",
  ],
  ["over\rwritten", "over\\u000dwritten"],
  ["lines\r\n\r\n", "lines\n\n"],
  ["\r\r\n", "\\u000d\n"],
  ["c1 \x9b31m", "c1 \\u009b31m"],
  ["turned \u202egnp.exe", "turned \\u202egnp.exe"],
  ["é 漢 😀", "é 漢 😀"],
];

for (const [text, expected] of ESCAPES) {
  Deno.test(`escapeControls() escapes ${JSON.stringify(text)}`, () => {
    assertEquals(escapeControls(text), expected);
  });
}

/** A body, its type, and how a terminal shows it. */
const BODIES:
  readonly (readonly [type: string, body: string, shown: string])[] = [
    ["text/plain", "a\x1b[2Jb\r\nc\n", "a\\u001b[2Jb\nc\n"],
    ["text/plain", "no end", "no end"],
    ["text/plain; charset=utf-8", "\xc3\xa9\n", "é\n"],
    ["text/plain; charset=iso-8859-1", "\xe9\n", "é\n"],
    ["text/plain; charset=no-such", "\xc3\xa9\n", "é\n"],
    ["text/plain; charset=utf-16le", "a\0b\0\n\0", "ab\n"],
    ["application/json", '{"a":1}', '{"a":1}'],
    ["text/plain", "", ""],
    ["text/plain", "a\n\r", "a\n\\u000d"],
  ];

for (const [type, body, shown] of BODIES) {
  Deno.test(`main() shows ${JSON.stringify(body.slice(0, 20))} as ${type} in a terminal`, async () => {
    const raw = ok(body, `Content-Type: ${type}\r\n`);
    await using server = serveRaw(() => ({ raw }));
    const { code, out } = await run([server.url], { isTerminal: true });
    assertEquals(code, 0);
    assertEquals(out, shown);
  });

  Deno.test(`main() writes ${JSON.stringify(body.slice(0, 20))} as ${type} unchanged to a pipe`, async () => {
    const raw = ok(body, `Content-Type: ${type}\r\n`);
    await using server = serveRaw(() => ({ raw }));
    const { stdout } = await run([server.url]);
    assertEquals(stdout, octets(body));
  });
}

Deno.test("main() shows a text the same way, however it is split", async () => {
  const raw = ok("a\r\nb\rc\xc3\xa9\x1b\n", "Content-Type: text/plain\r\n");
  for (const before of ["\nb", "c", "\xa9", "\x1b"]) {
    const piece = raw.lastIndexOf(before);
    await using server = serveRaw(() => ({ raw, piece, delay: 10 }));
    const { out } = await run([server.url], { isTerminal: true });
    assertEquals(out, "a\nb\\u000dcé\\u001b\n");
  }
});

Deno.test("main() does not show binary data in a terminal unless it is asked to", async () => {
  await using server = serveRaw(() => ({ raw: ok("\x7fELF\0\x01") }));
  const refused = await run([server.url], { isTerminal: true });
  assertEquals([refused.code, refused.out], [23, ""]);
  assertStringIncludes(refused.err, "-o FILE saves it, -o - shows it anyway");
  const asked = await run(["-o", "-", server.url], { isTerminal: true });
  assertEquals([asked.code, asked.out], [0, "\x7fELF\0\x01"]);
});

Deno.test("main() ends the body's line in a terminal before its notes", async () => {
  for (
    const [body, args] of [["a\n", []], ["a", []], ["a", ["-o", "-"]]] as const
  ) {
    await using server = serveRaw(() => ({ raw: ok(body) }));
    const terminal = { isTerminal: true, showsNotes: true };
    const { out, err } = await run(["-v", ...args, server.url], terminal);
    assertEquals(out, body);
    assertEquals(err.includes("\n\n"), body === "a");
  }
});

Deno.test("main() -i escapes a head in a terminal, and keeps its bytes in a pipe", async () => {
  const raw =
    "HTTP/1.0 200 \xe9\x9b\r\nX-Odd:  a \r\nContent-Length: 0\r\n\r\n";
  await using server = serveRaw(() => ({ raw }));
  const piped = await run(["-i", server.url]);
  assertEquals(piped.stdout, octets(raw));
  const shown = await run(["-i", server.url], { isTerminal: true });
  assertEquals(
    shown.out,
    "HTTP/1.0 200 é\\u009b\nX-Odd:  a \nContent-Length: 0\n\n",
  );
});

Deno.test("main() -i shows the heads that arrived before a failure", async () => {
  const raw = "HTTP/1.0 302 F\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
  await using server = serveRaw(() => ({ raw }));
  const { code, out } = await run(["-siL", "--max-redirs", "1", server.url]);
  assertEquals([code, out], [47, raw.repeat(2)]);
});

/** Flags, the number of redirects, and the exit code. */
const REDIRECTS = [
  [[], 20, 0],
  [[], 21, 47],
  [["--max-redirs", "60"], 60, 0],
  [["--max-redirs", "60", "--max-redirs", "5"], 6, 47],
] as const;

for (const [args, most, expected] of REDIRECTS) {
  Deno.test(`main() -L ${args.join(" ")} ends with ${expected} after ${most} redirects`, async () => {
    const raw = "HTTP/1.0 302 F\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
    await using server = serveRaw((_, count) => ({
      raw: count < most ? raw : ok("there"),
    }));
    const { code } = await run(["-sL", ...args, server.url]);
    assertEquals(code, expected);
  });
}

Deno.test("main() -v shows both heads, and why a secret is not sent again", async () => {
  await using other = serveRaw(() => ({ raw: ok("there"), then: "hold" }));
  await using server = serveRaw(() => ({
    raw:
      `HTTP/1.0 302 Found\r\nLocation: ${other.url}\r\nContent-Length: 0\r\n\r\n`,
  }));
  const { out, err } = await run([
    "-vL",
    "-u",
    "ada:x",
    "-H",
    "Cookie: a=1",
    server.url,
  ]);
  assertEquals(out, "there");
  assertStringIncludes(err, "> GET / HTTP/1.0\n");
  assertStringIncludes(err, "> Authorization: Basic YWRhOng=\n");
  assertStringIncludes(err, "< HTTP/1.0 302 Found\n< Location: ");
  assertMatch(err, /\* Authorization is not sent again: .*port/);
  assertMatch(err, /\* Cookie is not sent again: .*port/);
  assertMatch(err, /\* closed by the client: /);
});

Deno.test("main() -v escapes what the server sends", async () => {
  const raw = "HTTP/1.0 200 \x9b2J\r\nContent-Length: 0\r\n\r\n";
  await using server = serveRaw(() => ({ raw }));
  const { err } = await run(["-v", server.url]);
  assertStringIncludes(err, "< HTTP/1.0 200 \\u009b2J\n");
});

/** Returns the explanation without times, ports and the client's heads. */
function withoutTimes(err: string): string[] {
  return err.trimEnd().split("\n")
    .filter((line) => !/^ +>/.test(line))
    .map((line) =>
      line.replace(/^((?:\[\d\] )?) *[\d.]+ ms {2}/, "$1").trim()
        .replaceAll(/(:|port (?:is )?)\d\d+(?!\d*\.)/g, "$1PORT")
        .replace(/; estimated.*/, "")
    );
}

const STEPS_1_TO_3 = [
  "1. Find the address and port",
  "which addresses does 127.0.0.1 have?",
  "the port is PORT, from the URL",
  "127.0.0.1: already an address, so nobody is asked",
  "2. Create a socket",
  "a socket for TCP over IPv4",
  "only this machine knows of it: nothing is on the network yet",
  "3. Connect",
  "connecting to 127.0.0.1:PORT ...",
];

Deno.test("main() --explain shows the five steps, and what really happened", async () => {
  await using server = serveRaw(() => ({ raw: ok("hi"), then: "hold" }));
  const { code, out, err } = await run(["--explain", server.url]);
  assertEquals([code, out], [0, "hi"]);
  const bytes = server.requests[0]!.length;
  assertEquals(withoutTimes(err), [
    "Request 1: GET http://127.0.0.1:PORT/",
    ...STEPS_1_TO_3,
    "connected: 127.0.0.1:PORT to 127.0.0.1:PORT",
    "4. Write and read",
    `write: ${bytes} bytes`,
    `a head of ${bytes} bytes:`,
    "read: 40 bytes",
    "a head of 38 bytes:",
    "<  HTTP/1.0 200 OK\\r\\n",
    "<  Content-Length: 2\\r\\n",
    "<  \\r\\n",
    "body read: 2 bytes; as many as Content-Length announced",
    "5. Close",
    "closed by the client: no other request will need it",
  ]);
  assertMatch(err, /^ {3,}\d+\.\d ms {2}which/m);
  assertStringIncludes(err, "           >  GET / HTTP/1.0\\r\\n\n");
});

Deno.test("main() --explain starts each exchange with a headline", async () => {
  await using server = serveRaw((_, count) => ({
    raw: count > 0
      ? ok("hi", "Connection: keep-alive\r\n")
      : "HTTP/1.0 303 S\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
    then: count > 0 ? "next" : "hold",
  }));
  const { err } = await run(["--explain", "-L", "-d", "a", server.url]);
  assertEquals(err.match(/^\d/gm)?.join(""), "1234512345");
  assertMatch(err, /ms {2}303 leads to http.*\/b\n.* the method is now GET: /);
  assertStringIncludes(
    err,
    `\nRequest 2: GET ${server.url}b (after a redirect from ${server.url})\n`,
  );
  const responses = [
    "HTTP/1.0 302 F\r\nLocation: /b\r\n\r\n",
    "HTTP/1.0 503 B\r\nRetry-After: 0\r\n\r\n",
    ok(""),
  ];
  await using busy = serveRaw((_, count) => ({ raw: responses[count]! }));
  const again = await run(["--explain", "-L", "--retry", "1", busy.url]);
  assertStringIncludes(again.err, `\nRequest 3: GET ${busy.url}b\n`);
  const kept = await run(["--explain", server.url, server.url]);
  assertMatch(kept.err, /kept open.*\nRequest 1: GET .*\n4\. .*\n.*reusing /);
});

/** [case, arguments, what the server sends, lines of the explanation] */
const EXPLAINED: readonly (readonly [string, string, string, string[]])[] = [
  ["a refused connection", "http://127.0.0.1:CLOSED/", "", [
    ...STEPS_1_TO_3,
    "not connected to 127.0.0.1:PORT: refused: the host is up, but nothing listens on port PORT",
    "step 3 failed; likely cause: no server runs there, or on another port; try next: ss -ltn there",
    "5. Close",
    "nothing is left open",
    "knock: Cannot connect to 127.0.0.1:PORT: refused: the host is up, but nothing listens on port PORT",
  ]],
  ["a cut body", "URL", "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhi", [
    "read: the end, the other side sends nothing more",
    "5. Close",
    "closed by the server: it closed its side first",
    "step 4 failed; likely cause: it crashed, or the connection broke; try next: the same again",
    "knock: Cannot read body: the connection was closed after 2 of 9 bytes",
  ]],
  ["an unknown name", "http://nobody.invalid/", "", [
    "1. Find the address and port",
    "which addresses does nobody.invalid have?",
    "the port is PORT, the default of http",
    "step 1 failed; likely cause: a typo, or DNS has no such name; try next: getent hosts nobody.invalid",
    "5. Close",
    "nothing is left open",
  ]],
  [
    "a URL that is not in normal form",
    "http:\\\\LOCALHOST:OPEN\\a/../b",
    ok(""),
    [
      "http:\\\\LOCALHOST:PORT\\a/../b is read as http://localhost:PORT/b",
      "a backslash is read as a slash",
      "/./ and /../ are resolved",
      "1. Find the address and port",
      "which addresses does localhost have?",
      "the port is PORT, from the URL",
      "127.0.0.1, then ::1: by RFC 6761, so nobody is asked",
    ],
  ],
  [
    "a second address",
    "--resolve *:OPEN:127.0.0.2,127.0.0.1 a.test:OPEN",
    ok(""),
    [
      "127.0.0.2, then 127.0.0.1: from --resolve, so nobody is asked",
      "2. Create a socket",
      "a socket for TCP over IPv4",
      "only this machine knows of it: nothing is on the network yet",
      "3. Connect",
      "connecting to 127.0.0.2:PORT ...",
      "not connected to 127.0.0.2:PORT: refused: the host is up, but nothing listens on port PORT",
      ...STEPS_1_TO_3.slice(4),
      "connected: 127.0.0.1:PORT to 127.0.0.1:PORT",
    ],
  ],
  ["a proxy", "-x URL http://a.test/", ok(""), [
    "which addresses does 127.0.0.1 have?",
    "the port is PORT, the proxy's",
  ]],
  ["packets", "--explain=packets URL", ok(""), [
    "each packet is [ Ethernet 14 [ IP 20 or 40 [ TCP 20 [ data ] ] ] Ethernet 4 ]",
  ]],
  [
    "a retry",
    "--retry 1 --retry-delay 0.001 URL",
    "HTTP/1.0 503 B\r\n\r\n",
    [
      "retrying in 0.001 s: the response is 503 B",
      "Request 2: GET http://127.0.0.1:PORT/",
    ],
  ],
  ["a timeout", "-m 0.06 URL", "HOLD", [
    "5. Close",
    "closed by the client: Cannot read response of 127.0.0.1:PORT: not finished within 60 ms",
    "step 4 failed; likely cause: it is slow, or a firewall drops packets; try next: ping 127.0.0.1",
  ]],
];

for (const [what, words, raw, explanation] of EXPLAINED) {
  Deno.test(`main() --explain explains ${what}`, async () => {
    await using server = serveRaw(() =>
      raw === "HOLD" ? { raw: "", then: "hold" } : { raw }
    );
    const args = words.replaceAll("OPEN", String(server.port))
      .replace("URL", server.url).replace("CLOSED", String(closedPort()));
    const { err } = await run(["--explain", ...args.split(" ")]);
    const lines = withoutTimes(err).join("\n");
    assertStringIncludes(`\n${lines}\n`, `\n${explanation.join("\n")}\n`);
  });
}

// [bytes, the other side, whether TLS encrypts them, the explanation]
const MOVES: readonly (readonly [number, string, boolean, string])[] = [
  [1, "192.0.2.1:80", false, "1 x (20 TCP + 20 IP + 18 Ethernet) + 1 = 59"],
  [
    1460,
    "192.0.2.1:80",
    false,
    "1 x (20 TCP + 20 IP + 18 Ethernet) + 1460 = 1518",
  ],
  [
    1461,
    "192.0.2.1:80",
    false,
    "2 x (20 TCP + 20 IP + 18 Ethernet) + 1461 = 1577",
  ],
  [
    1440,
    "[2001:db8::1]:80",
    false,
    "1 x (20 TCP + 40 IP + 18 Ethernet) + 1440 = 1518",
  ],
  [
    1441,
    "[2001:db8::1]:80",
    false,
    "2 x (20 TCP + 40 IP + 18 Ethernet) + 1441 = 1597",
  ],
  [
    9,
    "[::1]:80",
    false,
    "1 x (20 TCP + 40 IP + 18 Ethernet) + 9 = 87, but this is loopback",
  ],
  [9, "/run/socket", false, ", without packets"],
  [9, "192.0.2.1:443", true, ", plus what TLS adds"],
];

Deno.test("FORMATTERS.write estimates the packets on plain Ethernet, and says if there are none", () => {
  for (const [bytes, remote, encrypted, explanation] of MOVES) {
    const event = { at: 0, type: "write", bytes, encrypted } as const;
    const url = encrypted ? "https://a.test/" : "http://a.test/";
    const how = explanation.startsWith(",")
      ? explanation
      : `; estimated packets: ${explanation}`;
    const line = FORMATTERS.write!(event, { url, remote });
    assertEquals(line, `4+ write: ${bytes} bytes${how}`);
  }
});

Deno.test("main() --explain shows only the first of many reads and writes, and who closed", async () => {
  await using server = serveRaw(() => ({
    raw: ok("x".repeat(900)),
    piece: 30,
    delay: 3,
    then: "hold",
  }));
  const { err } = await run(["--explain", server.url]);
  assertEquals(err.match(/ms {2}read: \d/g)?.length, 10);
  assertMatch(err, /more follow, and this is the last one shown:\n.*read: /);
  assertMatch(err, /body read: 900 bytes/);
  await using ending = serveRaw(() => ({
    raw: `HTTP/1.0 200 OK\r\n\r\n${"x".repeat(900)}`,
    piece: 30,
    delay: 3,
  }));
  const ended = await run(["--explain", ending.url]);
  assertMatch(ended.err, /read: the end, the other side sends nothing more/);
  const file = await Deno.makeTempFile();
  await Deno.writeFile(file, new Uint8Array(1_000_000));
  const sent = await run(["--explain", "-T", file, server.url]);
  await Deno.remove(file);
  assertEquals(sent.err.match(/ms {2}write: \d/g)?.length, 10);
  assertMatch(sent.err, /body written: 1000000 bytes\n.*ms {2}read: \d/);
  assertEquals(sent.err.match(/body written/g)?.length, 1);
  const stop = new AbortController();
  const { signal } = stop;
  const stopping = run(["--explain", server.url], { signal });
  setTimeout(() => stop.abort(new DOMException("Ctrl-C", "AbortError")), 60);
  const stopped = await stopping;
  assertEquals(stopped.code, 130);
  assertMatch(stopped.err, /5\. Close\n.* closed by the client: Ctrl-C\n$/);
});

Deno.test("main() --explain shows how TLS and a tunnel are set up", async () => {
  const folder = new URL("../fixtures/tls/", import.meta.url).pathname;
  const [cert, key] = ["localhost.pem", "localhost.key"].map((name) =>
    Deno.readTextFileSync(folder + name)
  );
  const place = { hostname: "127.0.0.1", port: 0 };
  const listener = Deno.listenTls({ ...place, cert: cert!, key: key! });
  await using server = serveRaw(() => ({ raw: ok("hi") }), listener);
  const url = server.url.replace("http", "https");
  const ca = ["--cacert", `${folder}ca.pem`];
  const checked = withoutTimes((await run(["--explain", ...ca, url])).err);
  const bytes = server.requests[0]!.length;
  assertStringIncludes(
    checked.join("\n"),
    `\nTLS: the certificate of 127.0.0.1 is good\n4. Write and read\nwrite: ${bytes} bytes, plus what TLS adds\n`,
  );
  const taken = withoutTimes((await run(["--explain", "-k", url])).err);
  assertStringIncludes(
    taken.join("\n"),
    "\nTLS: the certificate of 127.0.0.1 is not checked\n4. ",
  );
  const unknown = withoutTimes((await run(["--explain", url])).err);
  assertMatch(unknown.join("\n"), /\nclosed by the client: .* with --cacert /);
  await using proxy = serveRaw(() => ({ raw: "HTTP/1.0 403 No\r\n\r\n" }));
  const refused = await run(["--explain", "-x", proxy.url, url]);
  assertMatch(
    withoutTimes(refused.err).join("\n"),
    /\n3\. Connect\n.*\nconnected: .*\nwrite: \d+ bytes\nread: 19 bytes\n.* says 403 to CONNECT .*\n5\. Close\nclosed by the client: Cannot open tunnel/,
  );
});

Deno.test("main() --explain shows no secrets, unlike -v", async () => {
  await using server = serveRaw((_, count) => ({
    raw: count % 2 === 0
      ? "HTTP/1.0 302 F\r\nSet-Cookie: a=secret1\r\nLocation: http://u:secret2@127.0.0.1/\r\n\r\n"
      : ok(""),
  }));
  const jar = await Deno.makeTempFile();
  const url = server.url.replace("//", "//ada:secret3@");
  const args = ["-c", jar, "-b", "b=secret4", "-x", "", url];
  const { err } = await run(["--explain", ...args]);
  assertStringIncludes(err, "cookie kept: a\n");
  assertEquals(err.includes("secret"), false, err);
  assertStringIncludes((await run(["-v", ...args])).err, "b=secret4");
  await Deno.remove(jar);
});

Deno.test("main() --explain writes its lines in order with the bytes of the body", async () => {
  const written: string[] = [];
  const io = (name: string) => ({
    write: (bytes: Uint8Array) => {
      written.push(name + new TextDecoder().decode(bytes));
      return Promise.resolve(bytes.length);
    },
    writeSync(bytes: Uint8Array) {
      this.write(bytes);
      return bytes.length;
    },
    isTerminal: () => true,
  });
  const stdin = { readable: new Blob([]).stream() };
  const streams = { stdin, stdout: io(""), stderr: io("!") };
  await using server = serveRaw(() => ({
    raw: "HTTP/1.0 200 OK\r\n\r\nhel",
  }));
  assertEquals(await main(["--explain", server.url], streams), 0);
  const all = written.join("").replaceAll(/ +[\d.]+ ms {2}/g, "");
  assertMatch(
    all,
    /^!Request[^]*!read: 22 [^]*hel!\n *read: the end[^]*5\. Close\n.*\n!knock: .*\n$/,
  );
  const both = await main(["--explain", "-Z", server.url, server.url], streams);
  assertEquals(both, 0);
  assertMatch(written.join(""), /!\[1\] Request 1: [^]*!\[2\] +\d.* ms/);
});

Deno.test("main() --timing shows the phases of each exchange", async () => {
  await using server = serveRaw((_, count) => ({
    raw: count > 0
      ? ok("hi")
      : "HTTP/1.0 302 F\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
  }));
  const { err } = await run(["--timing", "-L", server.url]);
  const lines = err.trimEnd().split("\n").map((line) =>
    line.trim().split(/\s+/)
  );
  const exchange = ["find", "connect", "write", "wait", "read"];
  assertEquals(lines.map(([first]) => first), [
    "302",
    ...exchange,
    "200",
    ...exchange,
    "total",
  ]);
  for (
    const [name, value, unit] of lines.filter(([name]) => !/^\d/.test(name!))
  ) {
    assertEquals([name, Number(value) >= 0, unit], [name, true, "ms"]);
  }
});

/** Flags, and whether they show times, which need a rehearsal first. */
const TIMED = [
  ["", false],
  ["--timing", true],
  ["--explain", true],
  ["--draw /dev/null", true],
  ["-w %{http_code}", false],
  ["-w %{time_total}", true],
  ["-w %{json}", true],
  ["-w @/dev/null", true],
] as const;
for (const [args, isTimed] of TIMED) {
  Deno.test(`main() ${args} ${isTimed ? "rehearses" : "does not rehearse"}`, async () => {
    await using server = serveRaw(() => ({ raw: ok("hi") }));
    const { listen } = Deno;
    const listeners: Deno.Listener[] = [];
    Object.assign(Deno, {
      listen: (options: Deno.TcpListenOptions) => {
        const listener = listen(options);
        listeners.push(listener);
        return listener;
      },
    });
    try {
      const words = args === "" ? [] : args.split(" ");
      assertEquals((await run([...words, server.url])).code, 0);
    } finally {
      Object.assign(Deno, { listen });
    }
    assertEquals([listeners.length, server.requests.length], [+isTimed, 1]);
  });
}

Deno.test("main() --timing=json writes the phases as JSON", async () => {
  await using server = serveRaw((_, count) => ({
    raw: count > 0
      ? ok("hi")
      : "HTTP/1.0 302 F\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
  }));
  const { err } = await run(["--timing=json", "-L", server.url]);
  const [hop, last] = JSON.parse(err);
  assertEquals([hop.status, last.status, last.url], [
    302,
    200,
    server.url + "b",
  ]);
  const { resolved, connected, secured, sent, answered, ended } = last.timings;
  const times = [resolved, connected, sent, answered, ended];
  assertEquals(times, times.toSorted((a, b) => a - b));
  assertEquals(secured, null);
  assertEquals((await run(["--timing=xml", server.url])).code, 2);
});

Deno.test("main() -v shows kept connections, interim responses and bodies that were sent", async () => {
  await using server = serveRaw((_, count) => ({
    raw: (count === 0 ? "HTTP/1.1 103 Early\r\nA: b\r\n\r\n" : "") +
      ok("hi", "Connection: keep-alive\r\n"),
    then: "next",
  }));
  const { err } = await run([
    "-v",
    "-X",
    "PUT",
    "-d",
    "12345",
    server.url,
    server.url,
  ]);
  assertStringIncludes(err, "* body written: 5 bytes\n");
  assertStringIncludes(err, "< HTTP/1.1 103 Early\n< A: b\n< \n");
  assertMatch(err, /\* kept open: .*\n/);
  assertMatch(
    err,
    /\* reusing 127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+, for request 2\n/,
  );
});

Deno.test("main() -v shows a unix socket", async () => {
  const folder = await Deno.makeTempDir();
  const listener = Deno.listen({ transport: "unix", path: `${folder}/s` });
  await using _server = serveRaw(
    () => ({ raw: ok("hi") }),
    listener as unknown as Deno.Listener,
  );
  const { out, err } = await run([
    "-v",
    "--unix-socket",
    `${folder}/s`,
    "knock.example",
  ]);
  assertEquals(out, "hi");
  assertStringIncludes(err, "* a unix socket, for processes on this machine\n");
  assertStringIncludes(err, `* connected: a unix socket to ${folder}/s\n`);
  assertStringIncludes(err, "> Host: knock.example\n");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("main() says why it cannot write to stdout", async () => {
  await using server = serveRaw(() => ({ raw: ok("hi") }));
  const full = {
    write: () => Promise.reject(new Error("No space left on device")),
    writeSync: () => 0,
    isTerminal: () => false,
  };
  const stderr = new MemoryOutput(false);
  const stdin = { readable: new Blob([]).stream() };
  assertEquals(await main([server.url], { stdin, stdout: full, stderr }), 23);
  assertEquals(
    stderr.text,
    "knock: Cannot write stdout: No space left on device\n",
  );
});

Deno.test("main() exits silently if nobody reads its stdout, and sends no more requests for it", async () => {
  await using server = serveRaw(() => ({ raw: ok("hi") }));
  const left = {
    write: () => Promise.reject(new Deno.errors.BrokenPipe()),
    writeSync: () => 0,
    isTerminal: () => false,
  };
  const stderr = new MemoryOutput(false);
  const stdin = { readable: new Blob([]).stream() };
  const path = await Deno.makeTempFile();
  const args = [server.url, `${server.url}2`, "-o", "-", "-o", "-", "-o", path];
  const io = { stdin, stdout: left, stderr };
  assertEquals(await main([...args, `${server.url}3`], io), 23);
  assertEquals(stderr.text, "");
  assertEquals(server.requests.length, 2);
  assertEquals(await Deno.readTextFile(path), "hi");
  await Deno.remove(path);
});

Deno.test("main() --stderr writes messages to a file, or to stdout", async () => {
  const path = await Deno.makeTempFile();
  try {
    await using server = serveRaw(() => ({ raw: ok("hi") }));
    const { out, err } = await run(["-v", "--stderr", path, server.url]);
    assertEquals([out, err], ["hi", ""]);
    assertMatch(await Deno.readTextFile(path), /^\* .*\n[^]*> GET/);
    assertMatch(
      (await run(["-v", "--stderr", "-", server.url])).out,
      /^\* [^]*hi/,
    );
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("main() -s is silent about errors, unless -S", async () => {
  const url = `http://127.0.0.1:${closedPort()}/`;
  assertEquals((await run(["-s", url])).err, "");
  assertMatch((await run(["-sS", url])).err, /^knock: Cannot connect.*\n$/);
});

Deno.test("main() explains a 426", async () => {
  await using server = serveRaw(() => ({
    raw: "HTTP/1.1 426 U\r\nContent-Length: 0\r\n\r\n",
  }));
  assertMatch((await run([server.url])).err, /refuses HTTP\/1\.0/);
});

const LONG = "x".repeat(5_000);

/** Flags after `--max-filesize 10`, the responses in turn, and the results. */
const SIZES: readonly (readonly [
  args: string,
  responses: string[],
  code: number,
  out: string,
])[] = [
  ["", [ok("0123456789")], 0, "0123456789"],
  ["", [ok("0123456789a")], 63, ""],
  ["--max-filesize 0", [ok("0123456789a")], 0, "0123456789a"],
  ["", ["HTTP/1.0 200 OK\r\n\r\n0123456789a"], 63, ""],
  ["", ["HTTP/1.0 200 OK\r\nContent-Length: 5000\r\n\r\n01234"], 63, ""],
  ["-I", ["HTTP/1.0 200 OK\r\nContent-Length: 5000\r\n\r\n"], 0, ""],
  [
    "-L",
    [
      `HTTP/1.0 302 F\r\nLocation: /\r\nContent-Length: 5000\r\n\r\n${LONG}`,
      ok("short"),
    ],
    0,
    "short",
  ],
  [
    "--retry 1",
    [
      `HTTP/1.0 503 B\r\nRetry-After: 0\r\nContent-Length: 5000\r\n\r\n${LONG}`,
      ok("short"),
    ],
    0,
    "short",
  ],
];

for (const [args, responses, code, out] of SIZES) {
  Deno.test(`main() --max-filesize limits the body that is delivered: ${args} ${responses[0]!.slice(0, 60)}`, async () => {
    await using server = serveRaw((_, count) => ({ raw: responses[count]! }));
    const words = args === "" ? [] : args.split(" ");
    const result = await run([
      "--max-filesize",
      "10",
      ...words,
      server.url,
    ]);
    assertEquals(result.code, code, result.err);
    if (args !== "-I") assertEquals(result.out, out);
  });
}

Deno.test("main() --max-filesize counts decoded bytes", async () => {
  const pack = (text: string) =>
    new Response(
      new Blob([text]).stream().pipeThrough(new CompressionStream("gzip")),
    ).bytes();
  const [short, long] = [await pack("short"), await pack(LONG)];
  const coded = (body: Uint8Array) =>
    ok(latin1(body), "Content-Encoding: gzip\r\n");
  await using server = serveRaw((request) => ({
    raw: coded(request.startsWith("GET /long") ? long : short),
  }));
  const args = ["--compressed", "--max-filesize", "10"];
  const first = await run([...args, server.url]);
  assertEquals([short.length > 10, first.code, first.out], [true, 0, "short"]);
  const second = await run([...args, `${server.url}long`]);
  assertEquals([second.code, second.out], [63, ""]);
});

Deno.test("main() -i --retry shows the heads of the last attempt", async () => {
  const busy = "HTTP/1.0 503 B\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
  const moved = "HTTP/1.0 302 F\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n";
  const responses = [busy, moved, busy, ok("end")];
  await using server = serveRaw((_, count) => ({ raw: responses[count]! }));
  const { code, out } = await run(["-siL", "--retry", "2", server.url]);
  assertEquals([code, out], [0, moved + ok("end")]);
});

Deno.test("main() writes the bytes before a malformed chunk", async () => {
  const head = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const raw = `${head}5\r\nhello\r\n1\r\n!\r\nZZ\r\n`;
  await using server = serveRaw(() => ({ raw }));
  const { code, out, err } = await run([server.url]);
  assertEquals([code, out], [8, "hello!"]);
  assertStringIncludes(err, "expected a size in hexadecimal digits");
});

Deno.test("main() decodes heads as UTF-8, or else as ISO-8859-1", async () => {
  const raw = ok("", "X: caf\xc3\xa9\r\n");
  await using server = serveRaw(() => ({ raw }));
  const args = ["-v", "-i", "-H", "Y: Zo\u00eb", server.url];
  const { out, err } = await run(args, { isTerminal: true });
  assertStringIncludes(err, "> Y: Zo\u00eb\n");
  assertStringIncludes(err, "< X: caf\u00e9\n");
  assertStringIncludes(out, "X: caf\u00e9\n");
  await using other = serveRaw(() => ({ raw: ok("", "X: caf\xe9\r\n") }));
  assertStringIncludes((await run(["-v", other.url])).err, "< X: caf\u00e9\n");
});

/** A coding, flags, and the note about a body that is not decoded. */
const CODINGS: readonly (readonly [coding: string, flags: string, RegExp])[] = [
  ["zstd", "--compressed", /^knock: the body was not decoded: .*"zstd".*\n$/],
  ["gzip;q=1", "--compressed", /^knock: .*"gzip;q=1"\n$/],
  [
    "gzip",
    "--compressed -r 0-1",
    /^knock: .*"gzip"\n$/,
  ],
  ["zstd", "--compressed -s", /^$/],
  ["zstd", "--compressed -I", /^$/],
  ["zstd", "-g", /^$/],
  ["Identity", "--compressed", /^$/],
  ["", "--compressed", /^$/],
];
for (const [coding, flags, note] of CODINGS) {
  Deno.test(`main() ${flags} notes if it cannot decode "${coding}"`, async () => {
    const raw = ok("hi", `Content-Encoding: ${coding}\r\n`);
    const part = raw.replace("200 OK", "206 Partial Content");
    await using server = serveRaw(() => ({
      raw: flags.includes("-r") ? part : raw,
    }));
    const { code, out, err } = await run([...flags.split(" "), server.url]);
    const expected = flags.includes("-I") ? raw.slice(0, -2) : "hi";
    assertEquals([code, out], [0, expected]);
    assertMatch(err, note);
  });
}
