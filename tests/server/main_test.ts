import {
  assert,
  assertEquals,
  assertFalse,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { main } from "../../server/main.ts";
import { Command, fetchText, PATIENCE } from "./_command.ts";
import { makeTree } from "./_files.ts";
import { octets, readToEnd, statuses } from "./_raw.ts";

const TLS = new URL("../fixtures/tls/", import.meta.url).pathname;
Deno.test("main() serves a directory with no more than net and read, logs, and ends well", async () => {
  await using tree = await makeTree({ "a.txt": "hello", "sub/b.txt": "b" });
  await using command = new Command([tree.path, "--port", "0"]);
  const url = await command.url();
  assertMatch(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assertEquals(await fetchText(`${url}a.txt`), "hello");
  assertStringIncludes(await fetchText(`${url}sub/`), "b.txt");
  await command.until(
    /^127\.0\.0\.1 - - \[.*\] "GET \/a\.txt HTTP\/1\.[01]" 200 \d+$/m,
  );
  assertStringIncludes(command.stdout, JSON.stringify(tree.path));
  assertFalse(command.stdout.includes("Exposed"), command.stdout);
  command.signal("SIGINT");
  assertEquals([await command.ended(), command.stderr], [0, ""]);
});

Deno.test("main() loads neither Node nor fetch nor streams for a small file", async () => {
  const log = await Deno.makeTempFile();
  const how = ["--log-function-events", "--no-logfile-per-isolate"];
  const v8 = `--v8-flags=${[...how, `--logfile=${log}`].join(",")}`;
  await using command = new Command(["--port", "0"], ["-P=serve", v8]);
  const url = await command.url();
  const headers = { "Accept-Encoding": "identity" }; // nothing is compressed
  for (const path of ["README.md", "none", "tests/"]) {
    await fetchText(url + path, { headers });
  }
  const loaded = (await Deno.readTextFile(log)).split("\n")
    .filter((line) => line.startsWith("script-details"));
  const has = (name: string) => loaded.some((line) => line.includes(name));
  assertEquals(has("_files/file_server.ts"), true);
  for (const name of ["deno_node/internal", "23_response", "06_streams"]) {
    assertEquals([name, has(name)], [name, false]);
  }
  await Deno.remove(log);
});

Deno.test("main() says at the start, not at each request, what it may not read", async () => {
  await using tree = await makeTree({
    "site/a.txt": "hello",
    "link": { link: "site" },
  });
  const cases: readonly [root: string, permission: string][] = [
    ["site", `--deny-read=${tree.path}/site/index.html`],
    ["link", `--deny-read=${tree.path}/site`],
  ];
  for (const [root, permission] of cases) {
    await using command = new Command(
      [`${tree.path}/${root}`, "--port", "0"],
      ["--allow-net", "--allow-read", permission, "--no-prompt"],
    );
    assertEquals(await command.ended(), 1);
    assertMatch(command.stderr, /^Cannot serve ".*": Requires read access to /);
  }
});

Deno.test("main() says in one line what is wrong, and exits with 1 or 2", async () => {
  await using tree = await makeTree({
    "users": "ada\n",
    "none": "# nobody\n",
    "a.txt": "",
    "cert.pem": await Deno.readTextFile(`${TLS}localhost.pem`),
    "other.key": await Deno.readTextFile(`${TLS}self_signed.key`),
    "locked.key": "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
    "locked-too.key":
      "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\n",
    "broken.pem": "-----BEGIN CERTIFICATE-----\nxxxx\n",
    "site/a.html": "",
    "site/sub/": "",
    "site/out.html": { link: "../a.txt" },
  });
  const site = `${tree.path}/site`;
  const tls = (cert: string, key: string) => [
    ...["--cert", `${tree.path}/${cert}`, "--key", `${tree.path}/${key}`],
    ...["--port", "0", site],
  ];
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [
      ["/no/such/dir"],
      1,
      /^Cannot serve "\/no\/such\/dir": no such file or directory$/,
    ],
    [
      ["/dev/null"],
      1,
      /^Cannot serve "\/dev\/null": neither a directory nor a file$/,
    ],
    [
      ["--prot", "80"],
      2,
      /^Cannot read flag "--prot": unknown; did you mean --port\?$/,
    ],
    [["--no-dir-listings"], 2, /did you mean --no-dir-listing\?$/],
    [["--xyzzy"], 2, /^Cannot read flag "--xyzzy": unknown$/],
    [["--no-dotfiles"], 2, /^Cannot read flag "--no-dotfiles": unknown$/],
    [["--dir-listing"], 2, /^Cannot read flag "--dir-listing": unknown$/],
    [["-z"], 2, /^Cannot read flag "-z": unknown$/],
    [["-P", "80"], 2, /^Cannot read flag "-P": unknown$/],
    [
      ["--port", "65536"],
      2,
      /^Cannot read "65536" for --port: expected a whole number from 0 to 65535$/,
    ],
    [["--port", "1e3"], 2, /"1e3" for --port/],
    [["--port"], 2, /^Cannot read flag "--port": PORT is missing$/],
    [["--host", ""], 2, /^Cannot read flag "--host": ADDRESS is missing$/],
    [["--cors="], 2, /^Cannot read flag "--cors": ORIGIN is missing$/],
    [["-p=1x"], 2, /"1x" for --port/],
    [["--max-age=-1"], 2, /"-1" for --max-age/],
    [["--max-connections", "0"], 2, /expected a whole number from 1 to/],
    [["--cache-size", "9P"], 2, /expected bytes, such as 10M$/],
    [["--trusted-proxies", "a.example"], 2, /expected addresses such as/],
    [["--trusted-proxies", "10.0.0.0/33"], 2, /^Cannot read "10.0.0.0\/33"/],
    [["--trusted-proxies", "1.2.3"], 2, /expected addresses such as/],
    [
      ["--log", "xml"],
      2,
      /^Cannot read "xml" for --log: expected none, common, combined, json$/,
    ],
    [
      ["-H", "no colon"],
      2,
      /^Cannot read "no colon" for --header: expected "Name: value"$/,
    ],
    [["-H", "a b: c"], 2, /a b/],
    [["-H", "a (os b: c"], 2, /"a \(os b": /],
    [["-H", "X: a\nb"], 2, /control character/],
    [["--cert", "x"], 2, /^Cannot speak TLS: --cert and --key go together$/],
    [
      ["--unix", "x", "--port", "1"],
      2,
      /^Cannot listen: --unix does not go with --host/,
    ],
    [[".", "other"], 2, /^Cannot serve "." and "other": one at a time$/],
    [
      ["\x1b[31m"],
      1,
      /^Cannot serve "\\u001b\[31m": no such file or directory$/,
    ],
    [
      ["--cert", "/no/cert", "--key", "/no/key"],
      1,
      /^Cannot read "\/no\/cert": no such file/,
    ],
    [
      [
        "--cert",
        `${tree.path}/a.txt`,
        "--key",
        `${tree.path}/a.txt`,
        "--port",
        "0",
      ],
      1,
      /^Cannot use --cert ".*a\.txt" with --key ".*a\.txt": expected a certificate and its unencrypted key in PEM \(No certificates /,
    ],
    [
      ["--auth-file", `${tree.path}/users`],
      1,
      /users": line 1 is not "user:password"$/,
    ],
    [["--auth-file", `${tree.path}/none`], 1, /none": it names no user$/],
    [
      ["--host", "192.0.2.1", "--port", "0"],
      1,
      /^Cannot listen on 192\.0\.2\.1, port 0: this machine has no such address$/,
    ],
    [
      ["--fallback", "missing.html", tree.path],
      1,
      /^Cannot serve "missing\.html": expected a file in ".*" that is served$/,
    ],
    [
      ["--fallback", "x", `${site}/a.html`],
      1,
      /^Cannot serve "x": expected a file in ".*" that is served$/,
    ],
    [["--fallback", "sub", site], 1, /^Cannot serve "sub": expected a file /],
    [["--fallback", ".", site], 1, /^Cannot serve ".": expected a file /],
    [
      ["--fallback", "../a.txt", site],
      1,
      /: expected a file in ".*" that is served$/,
    ],
    [
      ["--fallback", "out.html", site],
      1,
      /: expected a file in ".*" that is served$/,
    ],
    ...[
      "not an origin",
      "a.example",
      "https://",
      "https://a.example/",
      "https://a.example/path",
      "https://u@a.example",
      "https://a.example, https://b.example",
      "https://*.example",
      "https://a.example:x",
      "null",
    ].map((origin) =>
      [
        [`--cors=${origin}`],
        2,
        / for --cors: expected an origin such as https:\/\/a\.example, or \*$/,
      ] as const
    ),
    ...[
      "http://x/",
      "a.example/",
      "a.example,",
      "a b",
      "*.example",
      "a.example:x",
    ].map((names) =>
      [
        ["--allowed-hosts", names],
        2,
        / for --allowed-hosts: expected names such as a\.example, /,
      ] as const
    ),
    [
      tls("cert.pem", "locked.key"),
      1,
      / --key ".*locked\.key": expected a certificate and its unencrypted key in PEM \(/,
    ],
    [
      tls("cert.pem", "locked-too.key"),
      1,
      / --key ".*locked-too\.key": expected a certificate and its unencr/,
    ],
    [
      tls("cert.pem", "cert.pem"),
      1,
      / --key ".*cert\.pem": expected a certificate and its .* \(No keys /,
    ],
    [
      tls("cert.pem", "other.key"),
      1,
      /^Cannot use --cert ".*cert\.pem" with --key ".*other\.key": .*keys/,
    ],
    [tls("broken.pem", "other.key"), 1, /^Cannot use --cert ".*broken\.pem"/],
    [
      ["--qr", "--port", "0", site],
      2,
      /^Cannot draw a QR code of an address that only this machine can reach: --host 0\.0\.0\.0 /,
    ],
  ];
  const { error } = console;
  try {
    for (const [args, code, message] of cases) {
      const said: string[] = [];
      console.error = (text: string) => said.push(text);
      assertEquals(await main(args), code, args.join(" "));
      assertEquals(said.length, 1, args.join(" "));
      assertMatch(said[0]!, message);
      assertFalse(said[0]!.includes("\n"));
    }
  } finally {
    console.error = error;
  }
});

Deno.test("main() prints help and version", async () => {
  await using help = new Command(["--help"], ["--no-prompt"]);
  assertEquals([await help.ended(), help.stderr], [0, ""]);
  for (
    const word of [
      "--fallback FILE",
      "--cors[=ORIGIN]",
      "-H, --header LINE",
      "--allow-net --allow-read",
      "Examples:",
    ]
  ) {
    assertStringIncludes(help.stdout, word);
  }
  for (const line of help.stdout.split("\n")) assert(line.length <= 80, line);
  assertMatch(help.stdout, /--trusted-proxies RANGES log/);
  await using version = new Command(["-V"], ["--no-prompt"]);
  assertEquals(await version.ended(), 0);
  assertMatch(version.stdout, /^knock \d+\.\d+\.\d+\n$/);
});

Deno.test("main() takes the next port only if none was asked for", async () => {
  await using tree = await makeTree();
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  await using asked = new Command([tree.path, "-p", String(port)]);
  assertEquals(await asked.ended(), 1);
  assertEquals(
    asked.stderr,
    `Cannot listen on 127.0.0.1, port ${port}: the port is in use\n`,
  );
  taken.close();
  await using first = new Command([tree.path]);
  await using second = new Command([tree.path]);
  const urls = [await first.url(), await second.url()];
  assert(urls[0] !== urls[1], urls.join());
  const { stderr } = first.stderr === "" ? second : first;
  assertMatch(
    stderr,
    /^Cannot listen on 127\.0\.0\.1, port 8\d\d\d: the port is in use: trying 8\d\d\d$/m,
  );
});

Deno.test(
  "main() lets answers that are under way finish, and a second signal ends it at once",
  { ignore: Deno.build.os === "windows" },
  async () => {
    await using tree = await makeTree({
      "large.bin": new Uint8Array(30_000_000),
    });
    for (const signals of [1, 2]) {
      await using command = new Command([tree.path, "-p", "0"]);
      const url = new URL(await command.url());
      const conn = await Deno.connect({
        hostname: "127.0.0.1",
        port: Number(url.port),
      });
      await conn.write(
        new TextEncoder().encode("GET /large.bin HTTP/1.0\r\n\r\n"),
      );
      await conn.read(new Uint8Array(1_000));
      command.signal("SIGTERM");
      await command.until(
        /^1 response under way; Ctrl-C again cuts it\n$/,
        "stderr",
      );
      // Later than a repeat of the same key press may come
      await new Promise((resolve) => setTimeout(resolve, 350));
      const started = performance.now();
      if (signals === 2) {
        command.signal("SIGTERM");
        assertEquals(await command.ended(), 0);
        assert(performance.now() - started < 5_000);
        conn.close();
        continue;
      }
      let size = 1_000;
      const block = new Uint8Array(1_000_000);
      for (let count; (count = await conn.read(block)) !== null;) size += count;
      conn.close();
      assert(size > 30_000_000, `only ${size} bytes came`);
      assertEquals(await command.ended(), 0);
    }
  },
);

Deno.test("main() says what is exposed beyond the defaults", async () => {
  await using tree = await makeTree({
    "users": "ada:1815\n",
    ".env": "secret",
  });
  await using command = new Command(
    [
      tree.path,
      "-p",
      "0",
      "--host",
      "0.0.0.0",
      "--dotfiles",
      "--follow-symlinks",
      "--cors=https://a.example",
      "--allowed-hosts",
      "*",
      "--auth-file",
      `${tree.path}/users`,
    ],
    [
      "--allow-net",
      "--allow-read",
      "--allow-sys=networkInterfaces",
      "--no-prompt",
    ],
  );
  const url = await command.url();
  await command.until(/Exposed: under any host name\n/);
  assertEquals(command.stdout.match(/^Exposed: /gm)?.length, 6);
  assertStringIncludes(
    command.stdout,
    `\nNot served: ${
      JSON.stringify(tree.path + "/users")
    }, the file of --auth-file\n`,
  );
  for (
    const word of [
      "everyone",
      "dot",
      "links",
      '"https://a.example"',
      "passwords",
      "any host name",
    ]
  ) {
    assertStringIncludes(command.stdout, word);
  }
  for (const { address, family } of Deno.networkInterfaces()) {
    if (family === "IPv4" && !address.startsWith("127.")) {
      assertStringIncludes(command.stdout, `http://${address}:`);
    }
  }
  assertEquals(await fetchText(`${url}.env`), "401 Unauthorized\n");
  const headers = { Authorization: `Basic ${btoa("ada:1815")}` };
  assertEquals(await fetchText(`${url}.env`, { headers }), "secret");
  for (const path of ["users", "%75sers", "./users"]) {
    const text = await fetchText(`${url}${path}`, { headers });
    assertEquals(text, "404 Not Found\n", path);
  }
  assertFalse((await fetchText(url, { headers })).includes("users"));
});

Deno.test("main() exposes nothing on loopback, however it is spelled", async () => {
  await using tree = await makeTree();
  for (const host of ["LOCALHOST", "0x7f.1", "0:0:0:0:0:0:0:1", "127.9.9.9"]) {
    await using command = new Command([tree.path, "-p", "0", "--host", host]);
    await command.url();
    assertFalse(command.stdout.includes("Exposed"), command.stdout);
  }
});

Deno.test(
  "main() takes a key press that arrives twice for one, says what it waits for, and logs what it cuts",
  { ignore: Deno.build.os === "windows" },
  async () => {
    await using tree = await makeTree({ "a.bin": new Uint8Array(30_000_000) });
    await using command = new Command([tree.path, "-p", "0"]);
    const port = Number(new URL(await command.url()).port);
    const conns = [];
    for (let i = 0; i < 2; i++) {
      const conn = await Deno.connect({ port });
      await conn.write(new TextEncoder().encode("GET /a.bin HTTP/1.0\r\n\r\n"));
      await conn.read(new Uint8Array(1_000));
      conns.push(conn);
    }
    command.signal("SIGINT");
    // At once they would be one signal
    await new Promise((resolve) => setTimeout(resolve, 20));
    command.signal("SIGINT");
    await command.until(
      /^2 responses under way; Ctrl-C again cuts them\n$/,
      "stderr",
    );
    await new Promise((resolve) => setTimeout(resolve, 400));
    command.signal("SIGINT");
    assertEquals(await command.ended(), 0);
    for (const conn of conns) conn.close();
    assertEquals(
      command.stdout.match(/"GET \/a\.bin HTTP\/1\.0" 200 \d+\n/g)?.length,
      2,
    );
  },
);

Deno.test(
  "main() says in one line that stdout is full, and serves",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    await using tree = await makeTree({ "a.txt": "a" });
    const script = `exec "$@" > /dev/full`;
    await using help = new Command(["--help"], ["--no-prompt"], script);
    assertEquals(await help.ended(), 1);
    assertMatch(help.stderr, /^Cannot write to stdout: No space left .*\n$/);
    await using command = new Command(
      [tree.path, "-p", "0"],
      undefined,
      script,
    );
    await command.until(/\n/, "stderr");
    command.signal("SIGTERM");
    assertEquals(await command.ended(), 0);
    assertMatch(
      command.stderr,
      /^Cannot write to stdout, so lines are lost: No space left .*\n$/,
    );
  },
);

Deno.test("main() serves the current directory also when it was made anew, below --url-root", async () => {
  for (const roots of [[], ["./"]]) {
    await using tree = await makeTree({ "dist/a.txt": "old" });
    await using command = new Command(
      ["-p", "0", "--url-root", "/my app", ...roots],
      ["-P=serve"],
      `cd ${tree.path}/dist && exec "$@"`,
    );
    const url = await command.url();
    assertMatch(url, /^http:\/\/127\.0\.0\.1:\d+\/my%20app\/$/);
    await command.until(/\nListening on http:\/\/127\.0\.0\.1:\d+\/\n/);
    assertEquals(await fetchText(`${url}a.txt`), "old");
    await Deno.remove(`${tree.path}/dist`, { recursive: true });
    await tree.put("dist/a.txt", "new");
    assertEquals(await fetchText(`${url}a.txt`), "new");
  }
});

Deno.test("main() serves one file, with the flags that change what is answered", async () => {
  await using tree = await makeTree({
    "app.html": "APP",
    "page.html": "PAGE",
    "a.own": "OWN",
  });
  await using command = new Command([
    tree.path,
    "-p",
    "0",
    "--fallback",
    "app.html",
    "--type",
    ".own=model/own",
    "--clean-urls",
    "--no-dir-listing",
    "-H",
    "X-One: 1",
    "--header",
    "X-Two:2 ",
    "--max-age",
    "60",
    "--cache-ttl",
    "60",
    "--cors",
    "--allowed-hosts",
    "a.example",
    "--log",
    "json",
    "--max-connections",
    "10",
    "--cache-size",
    "1M",
    "--trusted-proxies",
    "unix,127.0.0.0/8,::1",
  ]);
  const url = await command.url();
  assertEquals(await fetchText(`${url}some/route`), "APP");
  assertEquals(await fetchText(`${url}page`), "PAGE");
  const response = await fetch(`${url}a.own`);
  assertEquals(await response.text(), "OWN");
  await tree.put("a.own", "NEW");
  assertEquals(await fetchText(`${url}a.own`), "OWN"); // known for a minute
  for (const [name, status] of [["a.example", 200], ["b.example", 421]]) {
    const { port } = new URL(url);
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: +port });
    await conn.write(octets(`GET /page HTTP/1.0\r\nHost: ${name}\r\n\r\n`));
    assertEquals(statuses((await readToEnd(conn)).text), [status]);
  }
  const fields = [
    "content-type",
    "x-one",
    "x-two",
    "cache-control",
    "access-control-allow-origin",
  ];
  assertEquals(fields.map((name) => response.headers.get(name)), [
    "model/own",
    "1",
    "2",
    "max-age=60",
    "*",
  ]);
  await command.until(/^\{.*"GET \/a\.own HTTP\/1\.[01]".*\}$/m);
  await using single = new Command([`${tree.path}/page.html`, "-p", "0"]);
  assertEquals(await fetchText(await single.url()), "PAGE");
});

Deno.test("main() speaks TLS, and over a unix socket", async () => {
  await using tree = await makeTree({ "a.txt": "hello" });
  const [cert, key] = [`${TLS}localhost.pem`, `${TLS}localhost.key`];
  await using command = new Command([
    tree.path,
    "-p",
    "0",
    "--cert",
    cert,
    "--key",
    key,
  ]);
  const url = await command.url();
  assertMatch(url, /^https:/);
  const conn = await Deno.connectTls({
    hostname: "localhost",
    port: Number(new URL(url).port),
    caCerts: [await Deno.readTextFile(`${TLS}ca.pem`)],
  });
  await conn.write(new TextEncoder().encode("GET /a.txt HTTP/1.0\r\n\r\n"));
  assertStringIncludes(
    await new Response(conn.readable).text(),
    "\r\n\r\nhello",
  );
  const path = `${tree.path}/knock.sock`;
  const unix = [[tree.path, "--unix", path], [
    "--allow-net",
    "--allow-read",
    `--allow-write=${path}`,
    "--no-prompt",
  ]] as const;
  await using unable = new Command(unix[0], [
    ...unix[1].slice(0, 2),
    "--no-prompt",
  ]);
  assertEquals(await unable.ended(), 1);
  assertMatch(
    unable.stderr,
    /^Cannot listen on .*: that needs .* --allow-write=".*knock\.sock" .*\n$/,
  );
  await tree.put("knock.sock", "precious");
  await using regular = new Command(...unix);
  assertEquals([await regular.ended(), regular.stderr], [
    1,
    `Cannot listen on ${JSON.stringify(path)}: it is not a socket\n`,
  ]);
  assertEquals(await Deno.readTextFile(path), "precious");
  await Deno.remove(path);
  await using local = new Command(...unix);
  await local.until(/http\+unix:/);
  await using second = new Command(...unix);
  assertEquals(await second.ended(), 1);
  assertMatch(second.stderr, /^Cannot listen on .*: another server listens/);
  const socket = await Deno.connect({ transport: "unix", path });
  await socket.write(new TextEncoder().encode("GET /a.txt HTTP/1.0\r\n\r\n"));
  assertStringIncludes(
    await new Response(socket.readable).text(),
    "\r\n\r\nhello",
  );
});

Deno.test("main() with --explain prints each decision, and with --quiet nothing", async () => {
  await using tree = await makeTree({ "a.txt": "0123456789" });
  await using command = new Command([
    tree.path,
    "-p",
    "0",
    "--explain",
  ]);
  const url = await command.url();
  const authorization = `Basic ${btoa("ada:secret")}`;
  const headers = { Range: "bytes=2-3", authorization, Connection: "close" };
  await fetchText(`${url}a.txt?a=1`, { headers });
  await command.until(/7\. Close: .*\n/);
  const lines = command.stdout.split("\n")
    .filter((line) => line.includes(" ms  "))
    .map((line) => line.replace(/^(#\d+)? +[\d.]+ ms {2}/, "$1 "));
  const address = `127.0.0.1:${new URL(url).port}`;
  assertEquals(lines.slice(0, 3), [
    ` 1. Find the address and port: ${address} (asked for: 127.0.0.1:0)`,
    " 2. Create a socket, 3. bind it, 4. listen: all three in one Deno call",
    "    up to 511 may wait to be accepted",
  ]);
  const told = lines.slice(3).join("\n");
  for (
    const line of [
      /^#1 5\. Accept: 127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+$/m,
      /^#1 6\. Read: \d+ bytes$/m,
      /^#1 +> GET \/a\.txt\?a=1 HTTP\/1\.[01]\\r\\n$/m,
      /^#1 +> range: bytes=2-3\\r\\n$/mi,
      /^#1 +> authorization: Basic \*\*\*\\r\\n$/mi,
      /^#1 +leads to: file ".*a\.txt"$/m,
      /^#1 +range: bytes=2-3 is 2 of 10 bytes$/m,
      /^#1 +< HTTP\/1\.0 206 Partial Content\\r\\n$/m,
      /^#1 +< \\r\\n$/m,
      /^#1 6\. Write: \d+ bytes$/m,
      /^#1 7\. Close: the (?:client|server) was first \(close\)$/m,
    ]
  ) assertMatch(told, line);
  assert(!command.stdout.includes("secret"));
  assert(!command.stdout.includes('"GET /'), "the log is not asked for");
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await using quiet = new Command([tree.path, "-q", "-p", String(port)]);
  let text = "";
  for (
    const end = performance.now() + PATIENCE;
    text === "" && performance.now() < end;
  ) {
    text = await fetchText(`http://127.0.0.1:${port}/a.txt`).catch(() => "");
  }
  quiet.signal("SIGTERM");
  assertEquals([await quiet.ended(), text, quiet.stdout, quiet.stderr], [
    0,
    "0123456789",
    "",
    "",
  ]);
});

Deno.test("main() with --explain logs beside it if that is asked for", async () => {
  await using tree = await makeTree({ "a.txt": "a" });
  const args = [tree.path, "-p", "0", "--explain", "--log", "common"];
  await using command = new Command(args);
  await fetchText(`${await command.url()}a.txt`);
  await command.until(/"GET \/a\.txt HTTP\/1\.1" 200 1\n/);
  assertMatch(command.stdout, /^#1 .* ms +6\. Read: \d+ bytes$/m);
});

Deno.test("main() with --one-at-a-time says who waits, and how long", async () => {
  await using tree = await makeTree({ "a.txt": "a" });
  await using command = new Command([tree.path, "-p", "0", "--one-at-a-time"]);
  const port = Number(new URL(await command.url()).port);
  const conns: Deno.TcpConn[] = [];
  for (let i = 1; i <= 4; i++) {
    conns.push(await Deno.connect({ port }));
    const waits = new RegExp(
      `^#${i} .* ms +127\\.0\\.0\\.1:\\d+ waits: .* ${i - 1} came before it\n`,
      "m",
    );
    if (i > 1) await command.until(waits);
  }
  const request = new TextEncoder().encode("GET /a.txt HTTP/1.0\r\n\r\n");
  for (const conn of conns) {
    await conn.write(request);
    assertMatch(await new Response(conn.readable).text(), /\r\n\r\na$/);
  }
  await command.until(/^#4 .* its turn has come, after \d+ ms\n/m);
  assertEquals(command.stdout.match(/its turn has come/g)?.length, 3);
  assert(!command.stdout.includes("Read: "));
});
