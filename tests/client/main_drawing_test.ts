import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Output } from "../../client/_command/output.ts";
import { Progress, writeDuration } from "../../client/_command/progress.ts";
import { writeSize } from "../../command/size.ts";
import { MemoryOutput, run } from "./_memory_io.ts";
import { ok, serveRaw } from "./_server.ts";

const ANATOMY = `\
before the @ is the user, not the host
https://user:secret@example.com:8080/docs/a.html?lang=en#top
\\___/   \\__________________________/\\__________/ \\_____/ \\_/
  1                   2                   3         4     5

1 protocol       https                         the language: HTTP (https: inside TLS)
2 resource name  user:secret@example.com:8080  where it is
3 path           /docs/a.html                  what to ask for there
4 params         lang=en                       details of the question
5 reference      top                           a place in the response
- user           user:secret                   who asks (Authorization); better left out
- host name      example.com                   the computer
- port           8080                          the program on that computer
- file name      a.html                        the end of the path

What goes where:
  DNS            getaddrinfo looks up the addresses of example.com
  connect        one of them, port 8080, from the URL
  request line   GET /docs/a.html?lang=en HTTP/1.0
  Host           Host: example.com:8080
  never sent     #top
`;

Deno.test("main() --anatomy draws a URL with all its parts", async () => {
  const url = "https://user:secret@example.com:8080/docs/a.html?lang=en#top";
  assertEquals(await run(["--anatomy", url]), {
    code: 0,
    stdout: new TextEncoder().encode(ANATOMY),
    out: ANATOMY,
    err: "",
  });
});

const NOTES: readonly (readonly [string, string])[] = [
  ["example.com", "connect        one of them, port 80, the default of http\n"],
  [
    "example.com",
    "example.com is read as http://example.com/\nno protocol means http\nhttp://example.com/\n",
  ],
  ["http://a/", "http://a/\n\\__/   ||\n  1    23\n\n1 protocol"],
  ["http://0x7f.1/", "a number as the host is an address: 127.0.0.1\n"],
  ["http://2130706433/", "http://2130706433/ is read as http://127.0.0.1/\n"],
  ["http://127.0.0.1/", "DNS            127.0.0.1: already an address, so"],
  [
    "http://b.localhost/",
    "127.0.0.1, then ::1: by RFC 6761, so nobody is asked\n",
  ],
  ["http://[::1]/", "- host name      [::1]  the computer\n"],
  [
    "http://bücher.example/",
    "getaddrinfo looks up the addresses of xn--bcher-kva.example",
  ],
  ["http://bücher.example/", "\nDNS is ASCII only: punycode\n"],
  ["http://good.test@evil.test/", "the @ is the user, not the host\n"],
  ["http://evil.test\\@good.test/", "\na backslash is read as a slash\n"],
  ["http://a/b/../c/%2e/", "/./ and /../ are resolved\n"],
  ["http://a:80/", "that port is the default\n"],
  ["https://a:443?b", "that port is the default\n"],
  [
    "ht\ntp://b@a/",
    "http://b@a/\nouter spaces, tabs and line ends are dropped\nbefore the @",
  ],
  ["http://a/\tb", "outer spaces, tabs and line ends are dropped\n"],
  ["http://a/", "never sent     nothing\n"],
  ["http:/a.test/", "http:/a.test/ is read as http://a.test/\n"],
  ["HTTPS:\\a.test/", "HTTPS:\\a.test/ is read as https://a.test/\n"],
  ["http://a/\x1b", "http://a/\\u001b is read as"],
];

for (const [url, note] of NOTES) {
  Deno.test(`main() --anatomy explains ${JSON.stringify(url)}`, async () => {
    const { code, out } = await run(["--anatomy", url]);
    assertEquals(code, 0);
    assertStringIncludes(out, note);
  });
}

Deno.test("main() --anatomy adds no notes to a URL in normal form", async () => {
  for (const url of ["http://a.test/", "https://127.0.0.1:8443/b.c?d=/../#e"]) {
    const { out } = await run(["--anatomy", url]);
    assertEquals(out.startsWith(`${url}\n\\`), true, out);
  }
});

Deno.test("main() --anatomy needs a URL", async () => {
  assertEquals((await run(["--anatomy"])).code, 2);
});

for (
  const [bytes, text] of [
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1.00 kB"],
    [9_994, "9.99 kB"],
    [9_995, "10.0 kB"],
    [99_950, "100 kB"],
    [999_499, "999 kB"],
    [999_500, "1.00 MB"],
    [2_147_483_648, "2.15 GB"],
    [5e15, "5.00 PB"],
    [1e18, "1000 PB"],
  ] as const
) {
  Deno.test(`writeSize() writes ${bytes} as ${text}`, () => {
    assertEquals(writeSize(bytes), text);
  });
}

for (
  const [seconds, text] of [[0, "0:00"], [3.2, "0:04"], [59.5, "1:00"], [
    3723,
    "62:03",
  ]] as const
) {
  Deno.test(`writeDuration() writes ${seconds} as ${text}`, () => {
    assertEquals(writeDuration(seconds), text);
  });
}

/** Makes a progress line with a clock that the test sets. */
function makeProgress(isTerminal: boolean, begun = 0) {
  const stderr = new MemoryOutput(isTerminal);
  const clock = { now: begun };
  const { signal } = new AbortController();
  const output = new Output(new MemoryOutput(false), stderr, signal);
  const progress = new Progress(output, () => clock.now);
  return { progress, clock, stderr, output };
}

/** The sequences around a line, so that the terminal cuts and does not wrap. */
// deno-lint-ignore no-control-regex
const WRAP_REGEXP = /\x1b\[\?7[lh]/g;

Deno.test("Progress draws nothing in the first second", () => {
  const { progress, clock, stderr, output } = makeProgress(true);
  const meter = progress.begin();
  progress.update(meter, 10, 100);
  clock.now = 999;
  progress.update(meter, 20, 100);
  output.status("");
  assertEquals(stderr.text, "");
});

Deno.test("Progress shows rate and time left, and counts the bytes that were there before", () => {
  const { progress, clock, stderr } = makeProgress(true);
  const meter = progress.begin();
  meter.offset = 1_000_000;
  clock.now = 2_000;
  progress.update(meter, 1_000_000, 3_000_000);
  assertEquals(
    stderr.text.replaceAll(WRAP_REGEXP, ""),
    " 50% [============             ] 2.00 MB of 4.00 MB  500 kB/s  0:04 left",
  );
});

Deno.test("Progress adds up several transfers, and draws ten times a second at most", () => {
  const { progress, clock, stderr } = makeProgress(true);
  const [one, two] = [progress.begin(), progress.begin()];
  clock.now = 1_000;
  progress.update(one, 100, 1_000);
  clock.now = 1_099;
  progress.update(one, 150, 1_000);
  clock.now = 2_000;
  progress.update(two, 100, null);
  const shown = stderr.text.replaceAll(WRAP_REGEXP, "");
  assertEquals(shown, "100 B  100 B/s\r\x1b[K250 B  125 B/s");
});

Deno.test("Progress continues its count when a transfer resumes", () => {
  const { progress, clock, stderr } = makeProgress(true);
  const meter = progress.begin();
  progress.update(meter, 500, 1_000);
  meter.offset = 500;
  clock.now = 1_000;
  progress.update(meter, 100, 500);
  assertStringIncludes(
    stderr.text,
    " 60% [===============          ] 600 B of 1.00 kB  100 B/s  0:04 left",
  );
});

Deno.test("Progress clears its line for a note, and at the end", () => {
  const { progress, clock, stderr, output } = makeProgress(true);
  const meter = progress.begin();
  clock.now = 1_000;
  progress.update(meter, 1_000, null);
  output.note("a note");
  output.status("");
  const shown = stderr.text.replaceAll(WRAP_REGEXP, "");
  assertEquals(shown, "1.00 kB  1.00 kB/s\r\x1b[Ka note\n");
});

Deno.test("Progress draws lines that the terminal cuts where they are too long", () => {
  const { progress, clock, stderr, output } = makeProgress(true);
  const meter = progress.begin();
  clock.now = 2_000;
  progress.update(meter, 1_000, null);
  output.status("");
  assertEquals(
    stderr.text,
    "\x1b[?7l1.00 kB  500 B/s\x1b[?7h\r\x1b[K",
  );
});

Deno.test("Progress draws again after a tenth of a second, and counts nothing twice", () => {
  const { progress, clock, stderr, output } = makeProgress(true, 50_000);
  const meter = progress.begin();
  for (const [now, received] of [[999, 900], [1_000, 900], [1_100, 999]]) {
    clock.now = 50_000 + now!;
    progress.update(meter, received!, 1_000);
  }
  output.status("");
  const bar = "=".repeat(22).padEnd(25);
  const whole = "=".repeat(24).padEnd(25);
  assertEquals(stderr.text.replaceAll(WRAP_REGEXP, "").split("\r\x1b[K"), [
    ` 90% [${bar}] 900 B of 1.00 kB  900 B/s  0:01 left`,
    ` 99% [${whole}] 999 B of 1.00 kB  908 B/s  0:01 left`,
    "",
  ]);
});

Deno.test("Progress.finish() leaves a line with bar, size and speed", () => {
  for (
    const [seconds, end] of [
      [0, "1.00 kB/s  in 0:00"],
      [2, "500 B/s  in 0:02"],
    ] as const
  ) {
    const { progress, clock, stderr } = makeProgress(true, 50_000);
    const meter = progress.begin();
    meter.offset = 500;
    progress.update(meter, 1_000, null);
    clock.now += seconds * 1_000;
    progress.finish(meter);
    assertEquals(
      stderr.text,
      `100% [${"=".repeat(25)}] 1.50 kB of 1.50 kB  ${end}\n`,
    );
  }
});

Deno.test("Progress draws only in a terminal", () => {
  const { progress, clock, stderr } = makeProgress(false);
  const meter = progress.begin();
  clock.now = 5_000;
  progress.update(meter, 1_000, null);
  progress.finish(meter);
  assertEquals(stderr.text, "");
});

Deno.test("main() shows progress only if the body does not go to the terminal", async () => {
  const folder = await Deno.makeTempDir();
  const reply = { raw: ok("x".repeat(120)), piece: 50, delay: 450 };
  await using server = serveRaw(() => reply);
  const file = await run(["-o", `${folder}/f`, server.url], {
    showsNotes: true,
  });
  const shown = await run([server.url], { showsNotes: true, isTerminal: true });
  const silent = await run(["-s", "-o", `${folder}/g`, server.url], {
    showsNotes: true,
  });
  assertStringIncludes(file.err, " of 120 B  ");
  assertMatch(
    file.err,
    /\[K100% \[={25}\] 120 B of 120 B {2}\d\d B\/s {2}in 0:02\n$/,
  );
  assertEquals([shown.err, silent.err], ["", ""]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("main() sums up an upload, and a download to a file", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/f`, "12345");
  await using server = serveRaw(() => ({ raw: ok("hi") }));
  for (
    const [words, isTerminal, ...sizes] of [
      ["-T DIR/f URL", false, "5 B"],
      ["-T DIR/f -o DIR/g URL", false, "5 B", "2 B"],
      ["-o DIR/g URL", true, "2 B"],
      ["-T DIR/f URL", true],
      ["-F a=@DIR/f URL", false, "191 B"],
      ["-d x URL", false],
      ["URL", false],
      ["-s -T DIR/f -o DIR/g URL", false],
      ["-o /dev/null URL", false],
      ["--no-progress-meter -o DIR/g URL", false],
    ] as const
  ) {
    const args = words.replaceAll("DIR", folder).replace("URL", server.url);
    const options = { isTerminal, showsNotes: true };
    const { err } = await run(args.split(" "), options);
    const lines = err.matchAll(
      /^100% \[={25}\] (\d+ B) of \1 .*B\/s .*in \d:\d\d$/gm,
    );
    const shown = [...lines.map(([, size]) => size!)];
    assertEquals(shown, [...sizes], words + err);
    assertEquals(err.split("\n").length, sizes.length + 1, err);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("main() counts what was there before in the line at the end of a resumed download", async () => {
  const folder = await Deno.makeTempDir();
  const cut = 'HTTP/1.0 200 OK\r\nETag: "a"\r\nContent-Length: 9\r\n\r\n12345';
  const rest =
    'HTTP/1.0 206 P\r\nETag: "a"\r\nContent-Range: bytes 5-8/9\r\nContent-Length: 4\r\n\r\n6789';
  await using server = serveRaw((_, count) => ({ raw: count ? rest : cut }));
  const args = ["-C", "-", "-o", `${folder}/f`, server.url];
  assertEquals((await run(args)).code, 18);
  const { code, err } = await run(args, { showsNotes: true });
  assertEquals(code, 0, err);
  assertMatch(err, /^100% \[={25}\] 9 B of 9 B .*in 0:01\n$/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("main() counts nothing of a failed attempt in the line at the end", async () => {
  const folder = await Deno.makeTempDir();
  const cut = "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n12345";
  await using server = serveRaw((_, count) => ({ raw: count ? ok("") : cut }));
  const args = ["--retry", "1", "--retry-delay", "0.01", "-o", `${folder}/f`];
  const { err } = await run([...args, server.url], { showsNotes: true });
  assertMatch(err, /^100% \[={25}\] 0 B of 0 B .*in \d:\d\d$/m);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("main() shows one meter for an upload, however often it tells of it", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeFile(`${folder}/f`, new Uint8Array(130_000));
  await using server = serveRaw(() => ({ raw: ok("") }));
  const args = ["--limit-rate", "100K", "-T", `${folder}/f`, server.url];
  const { err } = await run(args, { showsNotes: true });
  // The speed is that of the whole upload
  assertMatch(err, /100% \[={25}\] 130 kB of 130 kB {2}\d[\d.]+ kB\/s .*\n$/);
  await Deno.remove(folder, { recursive: true });
});
