import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { escapeControls } from "../../command/quote.ts";
import { closedPort, latin1, octets, ok, serveRaw } from "./_server.ts";
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
  Deno.test(`escapeControls() writes ${JSON.stringify(text)}`, () => {
    assertEquals(escapeControls(text), expected);
  });
}

/** A body with its type, and what a terminal shows of it. */
const BODIES:
  readonly (readonly [type: string, body: string, shown: string])[] = [
    ["text/plain", "a\x1b[2Jb\r\nc\n", "a\\u001b[2Jb\nc\n"],
    ["text/plain", "no end", "no end\n"],
    ["text/plain; charset=utf-8", "\xc3\xa9\n", "é\n"],
    ["text/plain; charset=iso-8859-1", "\xe9\n", "é\n"],
    ["text/plain; charset=no-such", "\xc3\xa9\n", "é\n"],
    ["text/plain; charset=utf-16le", "a\0b\0\n\0", "ab\n"],
    ["application/json", '{"a":1}', '{"a":1}\n'],
    ["text/plain", "", ""],
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

Deno.test("main() shows a text the same in whatever pieces it comes", async () => {
  const raw = ok("a\r\nb\rc\xc3\xa9\x1b\n", "Content-Type: text/plain\r\n");
  await using server = serveRaw(() => ({ raw, piece: 1 }));
  const { out } = await run([server.url], { isTerminal: true });
  assertEquals(out, "a\nb\\u000dcé\\u001b\n");
});

Deno.test("main() does not show bytes in a terminal unless asked to", async () => {
  await using server = serveRaw(() => ({ raw: ok("\x7fELF\0\x01") }));
  const refused = await run([server.url], { isTerminal: true });
  assertEquals([refused.code, refused.out], [23, ""]);
  assertStringIncludes(refused.err, "-o FILE saves it, -o - shows it anyway");
  const asked = await run(["-o", "-", server.url], { isTerminal: true });
  assertEquals([asked.code, asked.out], [0, "\x7fELF\0\x01"]);
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

Deno.test("main() -i shows the heads that came before a failure", async () => {
  const raw = "HTTP/1.0 302 F\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
  await using server = serveRaw(() => ({ raw }));
  const { code, out } = await run(["-siL", "--max-redirs", "1", server.url]);
  assertEquals([code, out], [47, raw.repeat(2)]);
});

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

Deno.test("main() --explain counts the five steps, with what really happened", async () => {
  await using server = serveRaw(() => ({ raw: ok("hi") }));
  const { code, out, err } = await run(["--explain", server.url]);
  assertEquals([code, out], [0, "hi"]);
  const steps = err.split("\n").filter((line) => /^\d/.test(line));
  assertEquals(steps, [
    "1. Find the address and port",
    "2. Create a socket",
    "3. Connect",
    "4. Write and read",
    "5. Close",
  ]);
  assertMatch(
    err,
    new RegExp(
      `connected: 127\\.0\\.0\\.1:\\d+ to 127\\.0\\.0\\.1:${server.port}\n`,
    ),
  );
  assertStringIncludes(err, "  > GET / HTTP/1.0\n");
  assertStringIncludes(
    err,
    "body read: 2 bytes; as many bytes came as Content-Length told\n",
  );
});

Deno.test("main() --explain begins again at step 1 for a redirect", async () => {
  await using server = serveRaw((_, count) => ({
    raw: count > 0
      ? ok("hi")
      : "HTTP/1.0 303 S\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
  }));
  const { err } = await run(["--explain", "-L", "-d", "a", server.url]);
  assertEquals(err.match(/^\d/gm)?.join(""), "1234512345");
  assertMatch(err, /303 leads to http.*\/b\n {2}the method is now GET: /);
});

Deno.test("main() --explain tells the step that failed", async () => {
  const { code, err } = await run([
    "--explain",
    `http://127.0.0.1:${closedPort()}/`,
  ]);
  assertEquals(code, 7);
  assertMatch(
    err,
    /3\. Connect\n.*\n {2}not to .*refused[^]*\nknock: Cannot connect/,
  );
});

Deno.test("main() --timing tells the phases of each exchange", async () => {
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
    "whole",
  ]);
  for (
    const [name, value, unit] of lines.filter(([name]) => !/^\d/.test(name!))
  ) {
    assertEquals([name, Number(value) >= 0, unit], [name, true, "ms"]);
  }
});

Deno.test("main() -v tells of kept connections, interim answers and bodies that were sent", async () => {
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
    /\* 127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+ is used again, for request 2\n/,
  );
});

Deno.test("main() -v tells of a unix socket", async () => {
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
  assertStringIncludes(err, "> Host: knock.example\n");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("main() says why stdout does not take more", async () => {
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

Deno.test("main() --stderr writes there what would go to stderr", async () => {
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

Deno.test("main() hints at what to do about a 426", async () => {
  await using server = serveRaw(() => ({
    raw: "HTTP/1.1 426 U\r\nContent-Length: 0\r\n\r\n",
  }));
  assertMatch((await run([server.url])).err, /refuses HTTP\/1\.0/);
});

const LONG = "x".repeat(5_000);

/** Answers to requests in turn, and what `--max-filesize 10` makes of them. */
const SIZES: readonly (readonly [
  args: string,
  answers: string[],
  code: number,
  out: string,
])[] = [
  ["", [ok("0123456789")], 0, "0123456789"],
  ["", [ok("0123456789a")], 63, ""],
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

for (const [args, answers, code, out] of SIZES) {
  Deno.test(`main() --max-filesize is about the body that is delivered: ${args} ${answers[0]!.slice(0, 60)}`, async () => {
    await using server = serveRaw((_, count) => ({ raw: answers[count]! }));
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

Deno.test("main() --max-filesize counts what a coding unpacks, and what is there already", async () => {
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
  const answers = [busy, moved, busy, ok("end")];
  await using server = serveRaw((_, count) => ({ raw: answers[count]! }));
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

Deno.test("main() shows heads in UTF-8 as they were meant, and others by octets", async () => {
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
