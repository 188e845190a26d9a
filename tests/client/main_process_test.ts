// Runs the command as a process: its permissions, pipes and signals.

import { assertEquals, assertMatch } from "@std/assert";
import { closedPort, ok, serveRaw } from "./_server.ts";
import { run } from "./_memory_io.ts";

const MAIN = import.meta.resolve("../../client/main.ts");
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const OFFLINE = import.meta.resolve("../../offline/import_map.json");
/**
 * The command must run with the same packages as these tests, which may be
 * those of the offline import map.
 */
const PACKAGES = import.meta.resolve("@std/cli/parse-args").startsWith("file:")
  ? [`--import-map=${OFFLINE}`]
  : [];
const TIMEOUT_MS = 30_000;

function command(
  permissions: readonly string[],
  args: readonly string[],
  stdin: "null" | "piped" = "null",
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-q",
      "--no-prompt",
      `--config=${CONFIG}`,
      ...PACKAGES,
      ...permissions,
      MAIN,
      ...args,
    ],
    stdin,
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
}

async function runProcess(
  permissions: readonly string[],
  args: readonly string[],
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await command(permissions, args).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("main() needs only --allow-net", async () => {
  await using server = serveRaw(() => ({ raw: ok("hi") }));
  const args = ["-sSivfL", "--compressed", "--explain", "--timing", server.url];
  const { code, out } = await runProcess(["--allow-net"], args);
  assertEquals(code, 0);
  assertMatch(out, /^HTTP\/1\.0 200 OK[^]*hi$/);
});

// Starting the process takes most of the time of a small response
for (const flags of [[], ["-i"], ["-fsSL"], ["-v"], ["-o", "/dev/null"]]) {
  Deno.test(`main() loads neither Node's modules nor streams: ${flags.join(" ")}`, async () => {
    const log = await Deno.makeTempFile();
    await using server = serveRaw(() => ({ raw: ok("hi") }));
    const how = ["--log-function-events", "--no-logfile-per-isolate"];
    const v8 = `--v8-flags=${[...how, `--logfile=${log}`].join(",")}`;
    const access = ["--allow-net", "--allow-read", "--allow-write", v8];
    const url = server.url.replace("127.0.0.1", "localhost");
    await runProcess(access, [...flags, url]);
    const loaded = (await Deno.readTextFile(log)).split("\n")
      .filter((line) => line.startsWith("script-details"));
    const has = (name: string) => loaded.some((line) => line.includes(name));
    assertEquals(has("client/_perform.ts"), true);
    assertEquals(has("deno_node/internal"), false);
    assertEquals(has("06_streams"), false);
    await Deno.remove(log);
  });
}

Deno.test("main() needs no permission to show its help or the parts of a URL", async () => {
  for (const args of [["--help"], ["--version"], ["--anatomy", "http://a/"]]) {
    const { code, err } = await runProcess([], args);
    assertEquals([code, err], [0, ""]);
  }
});

const TLS_FILES = new URL("../fixtures/tls/", import.meta.url).pathname;
const CERT = `${TLS_FILES}localhost.pem`;
const KEY = `${TLS_FILES}localhost.key`;

for (
  const flags of [
    [],
    ["--tlsv1.3"],
    ["--cert", CERT, "--key", KEY],
    ["--cert", CERT, "--key", KEY, "-4"],
  ]
) {
  const names = flags.filter((flag) => flag.startsWith("-")).join(" ");
  Deno.test(`main() trusts what Deno trusts as well as --cacert, with ${names}`, async () => {
    await using server = serveRaw(
      () => ({ raw: ok("secret") }),
      Deno.listenTls({
        hostname: "127.0.0.1",
        port: 0,
        cert: await Deno.readTextFile(CERT),
        key: await Deno.readTextFile(KEY),
      }),
    );
    const trusted = [`--cert=${TLS_FILES}ca.pem`, "--allow-net"];
    const args = [...flags, "--cacert", `${TLS_FILES}self_signed.pem`];
    const url = `https://localhost:${server.port}/`;
    assertEquals(
      await runProcess([...trusted, "--allow-read"], ["-sS", ...args, url]),
      { code: 0, out: "secret", err: "" },
    );
  });
}

Deno.test("main() needs access only to the folder of a download", async () => {
  const folder = await Deno.makeTempDir();
  await using server = serveRaw(() => ({ raw: ok("hi") }));
  const access = [`--allow-read=${folder}`, `--allow-write=${folder}`];
  for (const flags of [[], ["--create-dirs"]]) {
    const path = `${folder}/${flags.length > 0 ? "new/" : ""}f`;
    const args = [...flags, "-o", path, server.url];
    assertEquals(await runProcess(["--allow-net", ...access], args), {
      code: 0,
      out: "",
      err: "",
    });
    assertEquals(await Deno.readTextFile(path), "hi");
  }
  await Deno.remove(folder, { recursive: true });
});

const REFUSALS: readonly (readonly [string[], string[], number, RegExp])[] = [
  [[], ["URL"], 2, /^knock: Requires net access to .*--allow-net/],
  [
    ["--allow-net"],
    ["-o", "f", "URL"],
    23,
    /^knock: Cannot write "f": Requires read access to "f".*--allow-read/,
  ],
  [
    ["--allow-net"],
    ["-d", "@f", "URL"],
    26,
    /^knock: Cannot read "f": Requires read access to "f".*--allow-read/,
  ],
  [
    ["--allow-net"],
    ["-n", "URL"],
    26,
    /^knock: Cannot find ~\/\.netrc: run with --allow-env=HOME/,
  ],
  [
    ["--allow-net"],
    ["-c", "f", "URL"],
    23,
    /^knock: Cannot write "f": Requires read access to "f".*--allow-read/,
  ],
];

for (const [permissions, args, code, message] of REFUSALS) {
  Deno.test(`main() names the permission that ${args.join(" ")} lacks with ${permissions.join(" ") || "none"}`, async () => {
    await using server = serveRaw(() => ({ raw: ok("") }));
    const words = args.map((arg) => arg.replace("URL", server.url));
    const result = await runProcess(permissions, words);
    assertEquals(result.code, code);
    assertMatch(result.err, message);
    assertEquals(result.err.trimEnd().split("\n").length, 1);
  });
}

Deno.test("main() exits silently when nobody reads its stdout any more", async () => {
  await using server = serveRaw(() => ({ raw: ok("x".repeat(5_000_000)) }));
  const child = command(["--allow-net"], [server.url]).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const err = await new Response(child.stderr).text();
  assertEquals([(await child.status).code, err], [23, ""]);
});

Deno.test("main() exits with 130 on Ctrl-C, and keeps what can be resumed", async () => {
  const folder = await Deno.makeTempDir();
  await using server = serveRaw(() => ({
    raw: 'HTTP/1.0 200 OK\r\nETag: "a"\r\nContent-Length: 9\r\n\r\nabc',
    then: "hold",
  }));
  const access = [
    "--allow-net",
    `--allow-read=${folder}`,
    `--allow-write=${folder}`,
  ];
  const child = command(access, ["-o", `${folder}/f`, server.url]).spawn();
  await until(() => sizeOf(`${folder}/f.knock`) === 3);
  child.kill("SIGINT");
  const { code, stderr } = await child.output();
  assertEquals(code, 130);
  assertMatch(
    new TextDecoder().decode(stderr),
    /^3 B are in ".*f\.knock"; run it again with -C - to resume\n$/,
  );
  await Deno.remove(folder, { recursive: true });
});

/** Arguments that wait for the other end of a pipe, which nobody opens. */
const WAITS: readonly string[] = [
  "-d @- URL",
  "-T - URL",
  "-F f=@- URL",
  "-d @FIFO URL",
  "-T FIFO URL",
  "-b FIFO URL",
  "-o FIFO URL",
  "-D FIFO URL",
  "--netrc-file FIFO URL",
  "--etag-compare FIFO URL",
  "--stderr FIFO URL",
  "URL",
];

for (const words of WAITS) {
  Deno.test(`main() exits on the first Ctrl-C while it waits: ${words}`, async () => {
    const folder = await Deno.makeTempDir();
    const fifo = `${folder}/fifo`;
    await new Deno.Command("mkfifo", { args: [fifo] }).output();
    await using server = serveRaw(() => ({ raw: ok("x".repeat(5_000_000)) }));
    const args = words.replace("FIFO", fifo).replace("URL", server.url)
      .split(" ");
    const child = command(["-A"], ["-s", ...args], "piped").spawn();
    // Nothing shows that it is waiting
    await new Promise((resume) => setTimeout(resume, 700));
    child.kill("SIGINT");
    assertEquals((await child.status).code, 130);
    const { stdin, stdout, stderr } = child;
    await Promise.all([stdin.close(), stdout.cancel(), stderr.cancel()]);
    await Deno.remove(folder, { recursive: true });
  });
}

/** Flags that write a file, which is stdout's pipe here, and its content. */
const PIPED = [
  ["-o /dev/stdout", "hi"],
  ["-o /dev/null -c /dev/stdout", "# Netscape HTTP Cookie File\n\n"],
  ["-o /dev/null --etag-save /dev/stdout", '"1"\n'],
] as const;
for (const [words, expected] of PIPED) {
  Deno.test(`main() writes to a pipe that has no path: ${words}`, async () => {
    await using server = serveRaw(() => ({ raw: ok("hi", 'ETag: "1"\r\n') }));
    const args = [...words.split(" "), server.url];
    const { code, out } = await runProcess(["-A"], args);
    assertEquals([code, out], [0, expected]);
  });
}

Deno.test("main() sends no more requests for stdout once its reader has left", async () => {
  const folder = await Deno.makeTempDir();
  await using server = serveRaw(() => ({ raw: ok("x".repeat(200_000)) }));
  const args = [`${server.url}[1-9]`, "-o", `${folder}/f`, `${server.url}f`];
  const child = command(["-A"], ["-o", "-", ...args]).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await Promise.all([reader.cancel(), child.stderr.cancel()]);
  assertEquals((await child.status).code, 23);
  assertEquals((await Deno.stat(`${folder}/f`)).size, 200_000);
  assertEquals(server.requests.length < 6, true);
  await Deno.remove(folder, { recursive: true });
});

/** Arguments of `unshare` that run a command without a network. */
const ALONE = ["--user", "--map-root-user", "--net"];
const hasNamespaces = await new Deno.Command("unshare", {
  args: [...ALONE, "true"],
  stderr: "null",
}).output().then(({ success }) => success, () => false);

Deno.test({
  name: "main() says that DNS does not answer if there is no network",
  ignore: !hasNamespaces,
  async fn() {
    const { code, stderr } = await new Deno.Command("unshare", {
      args: [
        ...[...ALONE, Deno.execPath(), "run", "-q", "-A"],
        ...[`--config=${CONFIG}`, ...PACKAGES, MAIN, "http://name.test/"],
      ],
      stdout: "null",
    }).output();
    assertEquals(code, 6);
    assertMatch(new TextDecoder().decode(stderr), /: DNS does not answer:/);
  },
});

for (const path of ["-", "FIFO"]) {
  Deno.test(`main() -m limits the wait for the data of -T ${path}`, async () => {
    const folder = await Deno.makeTempDir();
    const fifo = `${folder}/fifo`;
    await new Deno.Command("mkfifo", { args: [fifo] }).output();
    const args = ["-m", "0.3", "-T", path.replace("FIFO", fifo), "a.test"];
    const child = command(["-A"], args, "piped").spawn();
    assertEquals((await child.status).code, 28);
    const { stdin, stdout, stderr } = child;
    await Promise.all([stdin.close(), stdout.cancel(), stderr.cancel()]);
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("main() never shows a stack trace", async () => {
  const closed = `http://127.0.0.1:${closedPort()}/`;
  for (
    const args of [[closed], ["http://[/"], ["--nonsense"], [
      "-x",
      "https://a/",
      closed,
    ]]
  ) {
    const { code, err } = await runProcess(["--allow-net"], args);
    assertEquals(code > 0 && !/\n\s+at |Uncaught|file:/.test(err), true, err);
  }
});

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + TIMEOUT_MS;
  while (!holds()) {
    if (performance.now() > end) throw new Error("waited too long");
    await new Promise((resume) => setTimeout(resume, 10));
  }
}

function hasOpenssl(): boolean {
  try {
    return new Deno.Command("openssl", { args: ["version"] }).outputSync()
      .success;
  } catch {
    return false;
  }
}

Deno.test(
  "main() --cacert works with certificates made by the commands that it prints",
  {
    ignore: !hasOpenssl(),
  },
  async () => {
    const fixture = (name: string) =>
      Deno.readTextFileSync(
        new URL(`../fixtures/tls/${name}`, import.meta.url),
      );
    const serve = (cert: string, key: string) =>
      Deno.serve(
        { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
        () => new Response("hi"),
      );
    const ask = (ca: string, port: number, host: string) =>
      run(["-sS", "--cacert", ca, `https://${host}:${port}/`]);
    const signer = new URL("../fixtures/tls/self_signed.pem", import.meta.url);
    const keys = ["self_signed.pem", "self_signed.key"].map(fixture);
    for (const host of ["localhost", "127.0.0.1"]) {
      await using own = serve(keys[0]!, keys[1]!);
      const { code, err } = await ask(signer.pathname, own.addr.port, host);
      assertEquals(code, 60);
      const commands = err.split("\n").filter((line) => line.startsWith("  "));
      assertEquals(commands.length, 2, err);
      const cwd = await Deno.makeTempDir();
      for (const command of commands) {
        const [program, ...args] = command.trim().split(" ");
        const made = await new Deno.Command(program!, { args, cwd }).output();
        assertEquals(made.code, 0, new TextDecoder().decode(made.stderr));
      }
      const [cert, key] = ["cert.pem", "key.pem"].map((name) =>
        Deno.readTextFileSync(`${cwd}/${name}`)
      );
      await using signed = serve(cert!, key!);
      const good = await ask(`${cwd}/ca.pem`, signed.addr.port, host);
      assertEquals([good.code, good.out, good.err], [0, "hi", ""]);
      await Deno.remove(cwd, { recursive: true });
    }
  },
);
