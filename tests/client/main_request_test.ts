import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { CommandError } from "../../command/errors.ts";
import { parseUrl } from "../../url/url.ts";
import { findInNetrc } from "../../client/_command/request.ts";
import { closedPort, latin1, octets, ok, serveRaw } from "./_server.ts";
import { run } from "./_memory_io.ts";

/**
 * Returns what the command sends, without the fields Host, User-Agent and
 * Accept. If one of these is missing, the others are their first letters.
 */
async function sent(args: readonly string[], stdin = ""): Promise<string> {
  await using server = serveRaw(() => ({ raw: ok("") }));
  const words = args.map((arg) => arg.replace("URL/", server.url));
  const all = words.join(" ") === args.join(" ")
    ? [...words, server.url]
    : words;
  const { code, err } = await run(all, { stdin });
  assertEquals([code, err], [0, ""]);
  return server.requests[0]!
    .replace(
      /^(?:(H)ost: 127\.0\.0\.1:\d+|(U)ser-Agent: Knock\/.*|(A)ccept: \*\/\*)\r\n/gm,
      "$1$2$3 ",
    ).replace(/^H U A /m, "");
}

const REQUESTS:
  readonly (readonly [args: string[], request: string, stdin?: string])[] = [
    [[], "GET / HTTP/1.0\r\n\r\n"],
    [["-I"], "HEAD / HTTP/1.0\r\n\r\n"],
    [["-X", "PROPFIND"], "PROPFIND / HTTP/1.0\r\n\r\n"],
    [["-H", "A: b", "-H", "A:c"], "GET / HTTP/1.0\r\nA: b\r\nA: c\r\n\r\n"],
    [["-H", "A;"], "GET / HTTP/1.0\r\nA: \r\n\r\n"],
    [["-H", "Accept:", "-H", "user-agent:"], "GET / HTTP/1.0\r\nH \r\n"],
    [["-H", "A: b", "-H", "a:"], "GET / HTTP/1.0\r\nA: b\r\n\r\n"],
    [["-H", "A:", "-H", "A: b"], "GET / HTTP/1.0\r\nA: b\r\n\r\n"],
    [
      ["-H", "Accept:", "-H", "Accept: b"],
      "GET / HTTP/1.0\r\nH U Accept: b\r\n\r\n",
    ],
    [
      ["-H", "Host: a", "-H", "host: b"],
      "GET / HTTP/1.0\r\nU A Host: a\r\n\r\n",
    ],
    [["-H", "Host:", "-H", "Host: b"], "GET / HTTP/1.0\r\nU A Host: b\r\n\r\n"],
    [["-H", "Host: a", "-H", "Host:"], "GET / HTTP/1.0\r\nU A Host: a\r\n\r\n"],
    [["-H", "Host:"], "GET / HTTP/1.0\r\nU A \r\n"],
    [
      ["-H", "X: Zo\u00eb \u20ac \u{1f600}"],
      "GET / HTTP/1.0\r\nX: Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x98\x80\r\n\r\n",
    ],
    [
      ["-A", "Zo\u00eb"],
      "GET / HTTP/1.0\r\nH A User-Agent: Zo\xc3\xab\r\n\r\n",
    ],
    [["-b", "n=\u20ac"], "GET / HTTP/1.0\r\nCookie: n=\xe2\x82\xac\r\n\r\n"],
    [
      ["-A", "a", "-H", "User-Agent: b", "-b", "c=d", "-H", "cookie: e=f"],
      "GET / HTTP/1.0\r\nH A User-Agent: b\r\ncookie: e=f\r\n\r\n",
    ],
    [["-e", "http://a/"], "GET / HTTP/1.0\r\nReferer: http://a/\r\n\r\n"],
    [["-e", "http://a/;auto"], "GET / HTTP/1.0\r\nReferer: http://a/\r\n\r\n"],
    [["-e", ";auto"], "GET / HTTP/1.0\r\n\r\n"],
    [
      ["--oauth2-bearer", "t0k"],
      "GET / HTTP/1.0\r\nAuthorization: Bearer t0k\r\n\r\n",
    ],
    [
      ["--oauth2-bearer", "t", "-H", "Authorization: b"],
      "GET / HTTP/1.0\r\nAuthorization: b\r\n\r\n",
    ],
    [
      ["-z", "Sun, 06 Nov 1994 08:49:37 GMT"],
      "GET / HTTP/1.0\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
    ],
    [
      ["-z", "19941106"],
      "GET / HTTP/1.0\r\nIf-Modified-Since: Sun, 06 Nov 1994 00:00:00 GMT\r\n\r\n",
    ],
    [
      ["-z", "-1994-11-06T08:49:37Z"],
      "GET / HTTP/1.0\r\nIf-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
    ],
    [
      ["--etag-compare", "/no/such/file"],
      'GET / HTTP/1.0\r\nIf-None-Match: ""\r\n\r\n',
    ],
    [["URL/../a/./b?c#d", "--path-as-is"], "GET /../a/./b?c HTTP/1.0\r\n\r\n"],
    [["URL/../%7e é", "--path-as-is"], "GET /../%7e%20%C3%A9 HTTP/1.0\r\n\r\n"],
    [
      ["URL/a?b", "--path-as-is", "-G", "-d", "c"],
      "GET /a?b&c HTTP/1.0\r\n\r\n",
    ],
    [["--request-target", "*", "-X", "OPTIONS"], "OPTIONS * HTTP/1.0\r\n\r\n"],
    [
      ["--data-urlencode", "a=b c&é", "--data-urlencode", "=d=", "-d", "e&"],
      "POST / HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 22\r\n\r\na=b+c%26%C3%A9&d%3D&e&",
    ],
    [
      ["-G", "--data-urlencode", "q@-"],
      "GET /?q=a+b%0A HTTP/1.0\r\n\r\n",
      "a b\n",
    ],
    [
      ["-H", "@-"],
      "GET / HTTP/1.0\r\nA: b\r\nC: d\r\n\r\n",
      "A: b\r\nC: d\n\n",
    ],
    [
      ["--basic", "-u", ":"],
      "GET / HTTP/1.0\r\nAuthorization: Basic Og==\r\n\r\n",
    ],
    [["-H", ""], "GET / HTTP/1.0\r\n\r\n"],
    [["-A", "me/1"], "GET / HTTP/1.0\r\nH A User-Agent: me/1\r\n\r\n"],
    [["-A", ""], "GET / HTTP/1.0\r\nH A \r\n"],
    [["-r", "0-9"], "GET / HTTP/1.0\r\nRange: bytes=0-9\r\n\r\n"],
    [
      ["-u", "ada:a:b"],
      "GET / HTTP/1.0\r\nAuthorization: Basic YWRhOmE6Yg==\r\n\r\n",
    ],
    [
      ["-b", "a=1; b=2", "-b", "c=3"],
      "GET / HTTP/1.0\r\nCookie: a=1; b=2; c=3\r\n\r\n",
    ],
    [
      ["-d", "a=1", "-d", "b=2"],
      "POST / HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&b=2",
    ],
    [
      ["-d", "a=1", "--data-raw", "b=2", "-dc=3", "--data-binary=d", "-d", ""],
      "POST / HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 14\r\n\r\na=1&b=2&c=3&d&",
    ],
    [
      ["-d", "@-"],
      "POST / HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 2\r\n\r\nab",
      "a\r\n\0b\n",
    ],
    [
      ["--data-binary", "@-"],
      "POST / HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 4\r\n\r\na\r\nb",
      "a\r\nb",
    ],
    [
      ["--data-raw", "@-"],
      "POST / HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 2\r\n\r\n@-",
    ],
    [
      ["-d", "x", "-H", "content-type: text/plain"],
      "POST / HTTP/1.0\r\ncontent-type: text/plain\r\nContent-Length: 1\r\n\r\nx",
    ],
    [
      ["--json", '{"a":', "--json", "1}"],
      'POST / HTTP/1.0\r\nH U Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}',
    ],
    [["-T", "."], "PUT / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", "abc"],
    [["-T", "-"], "PUT / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", "abc"],
    [["-G", "-d", "a=1", "-d", "b=é"], "GET /?a=1&b=%C3%A9 HTTP/1.0\r\n\r\n"],
    [["-G", "-d", "b=2", "URL/?a=1#c"], "GET /?a=1&b=2 HTTP/1.0\r\n\r\n"],
    [["-G", "-I", "-d", "b=2"], "HEAD /?b=2 HTTP/1.0\r\n\r\n"],
    [
      ["-G", "--json", "b"],
      "GET /?b HTTP/1.0\r\nH U Content-Type: application/json\r\nAccept: application/json\r\n\r\n",
    ],
    [
      ["--compressed"],
      "GET / HTTP/1.0\r\nAccept-Encoding: gzip, deflate, br\r\n\r\n",
    ],
  ];

for (const [args, request, stdin] of REQUESTS) {
  Deno.test(`main() sends what ${JSON.stringify(args)} asks for`, async () => {
    assertEquals(await sent(args, stdin), request);
  });
}

Deno.test("main() sends the version that --version prints", async () => {
  await using server = serveRaw(() => ({ raw: ok("") }));
  await run([server.url]);
  assertEquals(
    /^User-Agent: (.*)\r$/m.exec(server.requests[0]!)?.[1],
    `Knock/${config.version}`,
  );
  const [name] = (await run(["-V"])).out.split("\n");
  assertEquals(name, `knock ${config.version}`);
});

/** Runs a test with a file of this content. */
async function withFile<T>(
  content: string,
  test: (path: string) => Promise<T>,
  suffix = ".txt",
): Promise<T> {
  const path = await Deno.makeTempFile({ suffix });
  try {
    await Deno.writeTextFile(path, content);
    return await test(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("main() -F sends texts and files as multipart", async () => {
  await withFile("in a\nfile", async (path) => {
    const name = path.split("/").at(-1)!;
    const request = await sent([
      ..."-F a=1 -F b=two;lines -F".split(" "),
      `c=@${path}`,
      "-F",
      `d=@${path};type=text/x-test;filename=e.f`,
      "-F",
      `g=<${path}`,
    ]);
    const boundary = /boundary=(\S+)\r\n/.exec(request)![1];
    const part = (disposition: string, body: string) =>
      `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${body}\r\n`;
    assertEquals(
      request.slice(request.indexOf("\r\n\r\n") + 4),
      part('name="a"', "1") + part('name="b"', "two;lines") +
        part(
          `name="c"; filename="${name}"\r\nContent-Type: text/plain`,
          "in a\nfile",
        ) +
        part(
          'name="d"; filename="e.f"\r\nContent-Type: text/x-test',
          "in a\nfile",
        ) +
        part('name="g"', "in a\nfile") + `--${boundary}--\r\n`,
    );
  });
});

Deno.test("main() -T sends a file, and adds its name to a URL that ends in a slash", async () => {
  await withFile("content", async (path) => {
    const name = path.split("/").at(-1)!;
    const body = "Content-Length: 7\r\n\r\ncontent";
    assertEquals(
      await sent(["-T", path, "URL/a/"]),
      `PUT /a/${name} HTTP/1.0\r\n${body}`,
    );
    assertEquals(
      await sent(["-T", path, "URL/a/b"]),
      `PUT /a/b HTTP/1.0\r\n${body}`,
    );
  });
});

/** Arguments, where A is a file with `a` and B one with `b`, and requests. */
const UPLOADS: readonly (readonly [args: string, requests: string[]])[] = [
  ["-T A URL/ URL/2", ["PUT /A a", "GET /2 "]],
  ["-T A -T B URL/ URL/x/ URL/3", ["PUT /A a", "PUT /x/B b", "GET /3 "]],
  ["URL/1 -T A URL/2 -T B", ["PUT /1 a", "PUT /2 b"]],
  ["-T - -T A -T - URL/1 URL/2 URL/3", ["PUT /1 in", "PUT /2 a", "PUT /3 "]],
  ["-T  -T A URL/1 URL/2", ["GET /1 ", "PUT /2 a"]],
  ["-T A URL/?q URL/x/?q", ["PUT /?q a", "GET /x/?q "]],
  ["-X POST -T A URL/ URL/2", ["POST /A a", "POST /2 "]],
];

for (const [args, requests] of UPLOADS) {
  Deno.test(`main() pairs the files and URLs of ${args}`, async () => {
    await using server = serveRaw(() => ({ raw: ok("") }));
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/A`, "a");
    await Deno.writeTextFile(`${folder}/B`, "b");
    const words = args.split(" ").map((word) =>
      word.replace("URL/", server.url).replace(/^[AB]$/, `${folder}/$&`)
    );
    const { code, err } = await run(words, { stdin: "in" });
    assertEquals([code, err], [0, ""]);
    assertEquals(
      server.requests.map((text) => text.replace(/ HTTP.*\r\n\r\n/s, " ")),
      requests,
    );
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("main() -G sends data of any charset octet by octet", async () => {
  await withFile("", async (path) => {
    await Deno.writeFile(path, Uint8Array.of(0x61, 0x3d, 0xe9, 0x26, 0x25));
    assertEquals(
      await sent(["-G", "-d", `@${path}`]),
      "GET /?a=%E9&% HTTP/1.0\r\n\r\n",
    );
  });
});

for (const words of ["-K FILE", "-H @FILE URL", "-w @FILE URL", "@FILE"]) {
  Deno.test(`main() ${words} refuses a file that is not UTF-8`, async () => {
    await withFile("", async (path) => {
      await Deno.writeFile(path, octets("url = a\nA: caf\xe9"));
      const args = words.replace("FILE", path).replace("URL", "a").split(" ");
      const { code, err } = await run(args);
      assertEquals(code, 26);
      assertMatch(err, /^knock: Cannot read ".*" as UTF-8: .*not valid\n$/);
    });
  });
}

Deno.test("main() -H reads a file with a replacement character", async () => {
  await withFile("A: \ufffd", async (path) => {
    const sentAsUtf8 = "GET / HTTP/1.0\r\nA: \xef\xbf\xbd\r\n\r\n";
    assertEquals(await sent(["-H", `@${path}`]), sentAsUtf8);
  });
});

Deno.test("main() -T percent-encodes a file name for a path", async () => {
  const suffix = "a%41 1[0]%.txt";
  await withFile("content", async (path) => {
    const encoded = path.split("/").at(-1)!
      .replace(suffix, "a%2541%201%5B0%5D%25.txt");
    assertEquals(
      await sent(["-g", "-T", path, "URL/"]),
      `PUT /${encoded} HTTP/1.0\r\nContent-Length: 7\r\n\r\ncontent`,
    );
  }, suffix);
});

for (
  const [flag, code] of [
    ["-d @", 26],
    ["-T ", 26],
    ["-F a=@", 26],
    ["--cacert ", 77],
    ["--cert ", 58],
  ] as const
) {
  Deno.test(`main() says which file ${flag} cannot read`, async () => {
    const args = `${flag}/no/such/file`.split(" ");
    const result = await run([...args, `http://127.0.0.1:${closedPort()}/`]);
    assertEquals(result.code, code);
    assertEquals(
      result.err,
      'knock: Cannot read "/no/such/file": no such file or directory\n',
    );
  });
}

Deno.test("main() -b and -c follow the standard for cookies", async () => {
  const cookies = [
    "session=1; Path=/; HttpOnly",
    "lasting=2; Max-Age=1000",
    "foreign=3; Domain=example.com",
    "all=4; Domain=com",
    "gone=5; Max-Age=0",
  ].map((cookie) => `Set-Cookie: ${cookie}\r\n`).join("");
  await using server = serveRaw((_, count) => ({
    raw: ok("", count === 0 ? cookies : ""),
  }));
  await withFile("", async (jar) => {
    const first = await run(["-v", "-c", jar, server.url]);
    assertStringIncludes(
      first.err,
      "* cookie kept: session\n",
    );
    assertMatch(first.err, /\* cookie refused: foreign: .*\n/);
    const lines = (await Deno.readTextFile(jar)).trimEnd().split("\n");
    assertEquals(lines.map((line) => line.replace(/\t\d{10}\t/, "\tTIME\t")), [
      "# Netscape HTTP Cookie File",
      "",
      "#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\t1",
      "127.0.0.1\tFALSE\t/\tFALSE\tTIME\tlasting\t2",
    ]);
    await run(["-b", jar, server.url]);
    await run(["-b", jar, "-b", "given=7", `http://localhost:${server.port}/`]);
  });
  const sentCookies = server.requests.map((text) =>
    /^Cookie: (.*)\r$/m.exec(text)?.[1]
  );
  assertEquals(sentCookies, [undefined, "session=1; lasting=2", "given=7"]);
});

Deno.test("main() -b reads a cookie file as curl writes it", async () => {
  const soon = Math.floor(Date.now() / 1000) + 100;
  const file = [
    "# Netscape HTTP Cookie File",
    "# a comment",
    "",
    "127.0.0.1\tFALSE\t/\tFALSE\t0\tone\t1",
    `#HttpOnly_127.0.0.1\tFALSE\t/deep\tFALSE\t${soon}\ttwo\t2`,
    "127.0.0.1\tFALSE\t/\tFALSE\t1\told\t3",
    ".example.com\tTRUE\t/\tTRUE\t0\tsecure\t4",
    ".example.com\tTRUE\t/\tFALSE\t0\tother\t5",
    "too\tfew\tfields",
  ].join("\r\n");
  await using server = serveRaw(() => ({ raw: ok("") }));
  await withFile(file, async (path) => {
    await run(["-b", path, server.url]);
    await run(["-b", path, `${server.url}deep/er`]);
    const address = `www.example.com:${server.port}`;
    await run(["-b", path, "--resolve", `${address}:127.0.0.1`, address]);
  });
  const sentCookies = server.requests.map((text) =>
    /^Cookie: (.*)\r$/m.exec(text)?.[1]
  );
  assertEquals(sentCookies, ["one=1", "two=2; one=1", "other=5"]);
});

/** Files for `-b`, and the cookies that are sent to 127.0.0.1. */
const COOKIE_FILES: readonly (readonly [
  name: string,
  file: string,
  sent: string | undefined,
])[] = [
  ["an invalid domain", "bad host\tFALSE\t/\tFALSE\t0\tx\t1", "good=1"],
  ["no domain", "\tFALSE\t/\tFALSE\t0\tx\t1", "good=1"],
  ["a domain with a path", "127.0.0.1/a\tFALSE\t/\tFALSE\t0\tx\t1", "good=1"],
  ["a domain with a name", "a@127.0.0.1\tFALSE\t/\tFALSE\t0\tx\t1", "good=1"],
  ["five numbers", "1.2.3.4.5\tFALSE\t/\tFALSE\t0\tx\t1", "good=1"],
  ["a public suffix", ".com\tTRUE\t/\tFALSE\t0\tx\t1", "good=1"],
  ["six columns", "127.0.0.1\tFALSE\t/\tFALSE\t0\tx", "x=; good=1"],
  ["five columns", "127.0.0.1\tFALSE\t/\tFALSE\t0", "good=1"],
  ["a control octet", "127.0.0.1\tFALSE\t/\tFALSE\t0\tx\ta\x01b", "good=1"],
  ["DEL", "127.0.0.1\tFALSE\t/\tFALSE\t0\tx\ta\x7fb", "good=1"],
  ["no name", "127.0.0.1\tFALSE\t/\tFALSE\t0\t\t1", "good=1"],
  [
    "4,096 bytes",
    `127.0.0.1\tFALSE\t/\tFALSE\t0\tx\t${"a".repeat(4_095)}`,
    `x=${"a".repeat(4_095)}; good=1`,
  ],
  [
    "4,097 bytes",
    `127.0.0.1\tFALSE\t/\tFALSE\t0\tx\t${"a".repeat(4_096)}`,
    "good=1",
  ],
  [
    "octets beyond ASCII",
    "127.0.0.1\tFALSE\t/\tFALSE\t0\tx\tcaf\xe9",
    "x=caf\xe9; good=1",
  ],
  [
    "Set-Cookie heads",
    "Set-Cookie: x=1; Domain=127.0.0.1\r\nset-cookie:y=2\r\nDate: now\r\nSet-Cookie: z=3; domain=127.0.0.1; path=/z\r\nSet-Cookie: v=4; Domain = 127.0.0.1 ; Path=/",
    "x=1; v=4; good=1",
  ],
];

for (const [name, file, cookie] of COOKIE_FILES) {
  Deno.test(`main() -b reads a file with ${name}`, async () => {
    await using server = serveRaw(() => ({ raw: ok("") }));
    await withFile("", async (path) => {
      const good = "\n127.0.0.1\tFALSE\t/\tFALSE\t0\tgood\t1\n";
      await Deno.writeFile(path, octets(file + good));
      const { code, err } = await run(["-b", path, server.url]);
      assertEquals([code, err], [0, ""]);
    });
    const [request] = server.requests;
    assertEquals(/^Cookie: (.*)\r$/m.exec(request!)?.[1], cookie);
  });
}

Deno.test("main() -j sends no session cookies", async () => {
  const lines = [0, 2_000_000_000].map((expires) =>
    `127.0.0.1\tFALSE\t/\tFALSE\t${expires}\tn${expires}\tv\n`
  );
  await withFile(lines.join(""), async (path) => {
    const all = await sent(["-b", path]);
    assertMatch(all, /^Cookie: n0=v; n2000000000=v\r$/m);
    const lasting = await sent(["-b", path, "-j"]);
    assertMatch(lasting, /^Cookie: n2000000000=v\r$/m);
  });
});

Deno.test("main() --disallow-username-in-url refuses a URL with a user", async () => {
  const args = ["--disallow-username-in-url", "http://a:b@127.0.0.1:1/"];
  const { code, err } = await run(args);
  assertEquals(code, 67);
  assertMatch(
    err,
    /^knock: Cannot fetch "http:\/\/127.*": [^\n]*\n$/,
  );
});

Deno.test("main() -b and -c use the host of the caller's Host field", async () => {
  await using server = serveRaw((request) => ({
    raw: request.startsWith("GET /away")
      ? `HTTP/1.0 302 F\r\nLocation: http://localhost:${server.port}/\r\n\r\n`
      : ok("", "Set-Cookie: b=2; Domain=a.example\r\n"),
  }));
  const host = ["-H", "Host: www.a.example:81"];
  const lines = [["/", "a", "1"], ["/sub", "c", "3"]]
    .map(([path, ...pair]) =>
      `.a.example\tTRUE\t${path}\tFALSE\t0\t${pair.join("\t")}\n`
    );
  await withFile(lines.join(""), async (path) => {
    await run(["-b", path, "-c", path, ...host, server.url]);
    assertMatch(await Deno.readTextFile(path), /^\.a\.example\t.*\tb\t2$/m);
    await run(["-L", "-b", path, ...host, `${server.url}away`]);
    await run(["-b", path, server.url]);
    await run(["-b", path, "-H", "Host: a b", server.url]);
    await run(["-b", path, ...host, `${server.url}sub/x`]);
  });
  const sentCookies = server.requests.map((text) =>
    /^Cookie: (.*)\r$/m.exec(text)?.[1]
  );
  const all = "a=1; b=2";
  const [first, ...others] = sentCookies;
  assertEquals(first, "a=1");
  assertEquals(others, [all, ...Array(3).fill(undefined), `c=3; ${all}`]);
});

Deno.test("main() -c writes only cookies that fit a line", async () => {
  const cookies = ["a=1; Path=/", "b=2; Path=/x\ty", "c=3\t4"]
    .map((cookie) => `Set-Cookie: ${cookie}\r\n`).join("");
  await using server = serveRaw(() => ({ raw: ok("", cookies) }));
  const { out } = await run(["-c", "-", server.url]);
  assertEquals(out.split("\n").slice(2), [
    "127.0.0.1\tFALSE\t/\tFALSE\t0\ta\t1",
    "",
  ]);
});

/** Flags, the first challenge, and which requests have credentials. */
const CHALLENGES: readonly (readonly [
  args: string,
  challenge: string,
  signed: readonly boolean[],
])[] = [
  ["-u a:b URL", "Basic realm=x", [false, true]],
  ["-u a:b URL", "Digest realm=x, basic", [false, true]],
  ["-u a:b URL", "Digest realm=x", [false]],
  ["-u a:b URL", "", [false]],
  ["-u a:b -T - URL", "Basic", [false, true]],
  ["http://a:b@HOST", "Basic", [false, true]],
  ["--basic -u a:b URL", "Basic", [false, true]],
];

for (const [args, challenge, signed] of CHALLENGES) {
  Deno.test(`main() --anyauth ${args} signs in after "${challenge}": ${signed}`, async () => {
    const field = `WWW-Authenticate: ${challenge}\r\n`;
    await using server = serveRaw((_, count) => ({
      raw: count > 0 || challenge === ""
        ? ok("in")
        : ok("no", field).replace("200", "401"),
    }));
    const words = args.split(" ").map((word) =>
      word.replace("URL", server.url)
        .replace("HOST", `127.0.0.1:${server.port}`)
    );
    const { code, out } = await run(["--anyauth", ...words], { stdin: "x" });
    const isIn = challenge === "" || signed.includes(true);
    assertEquals([code, out], [0, isIn ? "in" : "no"]);
    const fields = server.requests.map((text) => /^Authorization/m.test(text));
    assertEquals(fields, signed);
  });
}

Deno.test("main() --anyauth takes no longer than -m for both requests", async () => {
  const raw = ok("", "WWW-Authenticate: Basic\r\n").replace("200", "401");
  await using server = serveRaw(() => ({ raw, delay: 200 }));
  const args = ["--anyauth", "-u", "a:b", "-m", "0.3", server.url];
  const { code } = await run(args);
  assertEquals([code, server.requests.length], [28, 2]);
});

Deno.test("main() --anyauth has the whole time of -m for each attempt of --retry", async () => {
  const head = "HTTP/1.0 503 Wait\r\n\r\n";
  const raw = ok("", "WWW-Authenticate: Basic\r\n").replace("200", "401");
  const all = [{ raw: head }, { raw }, { raw: ok("in"), delay: 200 }];
  await using server = serveRaw((_, count) => all[count]!);
  const args = "--anyauth -u a:b -m 0.4 --retry 1 --retry-delay 0.5".split(" ");
  const { code, out } = await run([...args, server.url]);
  assertEquals([code, out], [0, "in"]);
});

Deno.test("main() --anyauth -i shows both heads", async () => {
  const no = ok("no", "WWW-Authenticate: Basic\r\n").replace("200", "401");
  await using server = serveRaw((_, count) => ({ raw: count ? ok("in") : no }));
  const args = ["--anyauth", "-i", "-u", "a:b", "-w", "%{num_redirects}"];
  const { out } = await run([...args, server.url]);
  assertEquals(out, `${no.slice(0, -2)}${ok("in")}0`);
});

Deno.test("main() --anyauth reads no body that is not shown", async () => {
  const no = ok("no", "WWW-Authenticate: Basic\r\n").replace("200", "401");
  await using server = serveRaw((_, count) =>
    count === 0 ? { raw: no.slice(0, -1), then: "hold" } : { raw: ok("in") }
  );
  const { out } = await run(["--anyauth", "-u", "a:b", server.url]);
  assertEquals(out, "in");
});

Deno.test('main() -b "" enables cookies', async () => {
  await using server = serveRaw(() => ({ raw: ok("", "Set-Cookie: a=1\r\n") }));
  await run(["-b", "", server.url, server.url]);
  const [first, second] = server.requests;
  assertEquals([/^Cookie/m.test(first!), /^Cookie: a=1\r$/m.test(second!)], [
    false,
    true,
  ]);
});

Deno.test("main() -c and -b keep the octets of a cookie, and an IPv6 host", async () => {
  const listener = Deno.listen({ hostname: "::1", port: 0 });
  const raw = octets(ok("", "Set-Cookie: a=caf\xe9\r\n"));
  await using server = serveRaw(() => ({ raw }), listener);
  await withFile("", async (jar) => {
    const url = `http://[::1]:${server.port}/`;
    await run(["-c", jar, url]);
    const line = (await Deno.readFile(jar)).subarray(-34);
    assertStringIncludes(latin1(line), "::1\tFALSE\t/\tFALSE\t0\ta\tcaf\xe9\n");
    assertEquals((await run(["-b", jar, url])).code, 0);
  });
  assertMatch(server.requests[1]!, /^Cookie: a=caf\xe9\r$/m);
});

/** A cookie that http sets beside a Secure one, and the cookies kept. */
const SECURE_COOKIES: readonly (readonly [given: string, kept: string[]])[] = [
  ["s=2", ["s=1"]],
  ["s=2; Path=/deep", ["s=1"]],
  ["s=2; Domain=a.example", ["s=1"]],
  ["s=2; Secure", ["s=1"]],
  ["s=; Max-Age=0", ["s=1"]],
  ["t=2", ["s=1", "t=2"]],
  ["S=2", ["S=2", "s=1"]],
];

for (const [given, kept] of SECURE_COOKIES) {
  Deno.test(`main() keeps a Secure cookie when http sets ${given}`, async () => {
    await using server = serveRaw(() => ({
      raw: ok("", `Set-Cookie: ${given}\r\n`),
    }));
    const file = "a.example\tFALSE\t/\tTRUE\t0\ts\t1\n";
    await withFile(file, async (path) => {
      const host = `a.example:${server.port}`;
      const args = ["--resolve", `${host}:127.0.0.1`, "-b", path, "-c", path];
      assertEquals((await run([...args, host])).code, 0);
      const lines = (await Deno.readTextFile(path)).trim().split("\n").slice(2);
      const cookies = lines.map((line) => line.split("\t").slice(5).join("="));
      assertEquals(cookies.sort(), kept);
    });
  });
}

// [whether the cookie in the file is Secure, the cookie that http sets]
const RENEWED: readonly (readonly [old: string, given: string])[] = [
  ["FALSE", "s=2"],
  ["TRUE", "s=2; Secure"], // this machine is trusted without TLS
];

for (const [old, given] of RENEWED) {
  Deno.test(`main() renews a cookie when http sets ${given}`, async () => {
    await using server = serveRaw(() => ({
      raw: ok("", `Set-Cookie: ${given}\r\n`),
    }));
    const file = `127.0.0.1\tFALSE\t/\t${old}\t0\ts\t1\n`;
    await withFile(file, async (path) => {
      await run(["-b", path, "-c", path, server.url]);
      const text = await Deno.readTextFile(path);
      assertMatch(text, new RegExp(`\\n127.0.0.1\t.*\t${old}\t0\ts\t2\n$`));
    });
  });
}

Deno.test("main() lets http set a cookie beside a Secure one of another path", async () => {
  await using server = serveRaw(() => ({
    raw: ok("", "Set-Cookie: s=2; Path=/\r\n"),
  }));
  const file = "127.0.0.1\tFALSE\t/deep\tTRUE\t0\ts\t1\n";
  await withFile(file, async (path) => {
    await run(["-b", path, "-c", path, server.url]);
    const text = await Deno.readTextFile(path);
    assertMatch(text, /\/deep\tTRUE\t0\ts\t1\n/);
    assertMatch(text, /\t\/\tFALSE\t0\ts\t2\n/);
  });
});

Deno.test("main() -c writes the whole file or nothing, and follows a link", async () => {
  const folder = await Deno.makeTempDir();
  const [jar, link] = [`${folder}/jar`, `${folder}/link`];
  await Deno.writeTextFile(jar, "old", { mode: 0o640 });
  await Deno.symlink("jar", link);
  await using server = serveRaw(() => ({ raw: ok("", "Set-Cookie: a=1\r\n") }));
  // Nor does it write to what others have put beside it
  await Deno.symlink("elsewhere", `${jar}.knock`);
  assertEquals((await run(["-c", link, server.url])).code, 0);
  await Deno.remove(`${jar}.knock`);
  assertMatch(await Deno.readTextFile(jar), /^# Netscape [^]*\ta\t1\n$/);
  assertEquals((await Deno.stat(jar)).mode! & 0o777, 0o640);
  assertEquals((await Deno.lstat(link)).isSymlink, true);
  assertEquals([...Deno.readDirSync(folder)].length, 2);
  assertEquals((await run(["-c", "/dev/full", server.url])).code, 23);
  const socket = `${folder}/socket`; // which cannot be opened
  const listener = Deno.listen({ transport: "unix", path: socket });
  const unopened = await run(["-c", socket, server.url]);
  assertEquals(unopened.code, 23);
  assertMatch(unopened.err, /^knock: Cannot write ".*\/socket": /);
  assertEquals((await run(["-c", "/dev/null", server.url])).code, 0);
  listener.close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("main() -c - escapes the cookies in a terminal", async () => {
  const raw = ok("", "Set-Cookie: a=\x9b2J\r\n");
  await using server = serveRaw(() => ({ raw }));
  const { out } = await run(["-c", "-", server.url], { isTerminal: true });
  assertMatch(out, /\ta\t\\u009b2J\n$/);
});

Deno.test("main() -c - keeps the octets of cookies, and -c writes a file though stdout is a terminal", async () => {
  const raw = octets(ok("", "Set-Cookie: a=caf\xe9\r\n"));
  await using server = serveRaw(() => ({ raw }));
  const { stdout } = await run(["-c", "-", server.url]);
  assertStringIncludes(latin1(stdout), "\ta\tcaf\xe9\n");
  await withFile("", async (jar) => {
    const { out } = await run(["-c", jar, server.url], { isTerminal: true });
    const line = (await Deno.readFile(jar)).subarray(-8);
    assertEquals([out, latin1(line)], ["", "\ta\tcaf\xe9\n".slice(-8)]);
  });
});

Deno.test("main() -c - writes the cookies to stdout, and -c to a file that only the user can read", async () => {
  await using server = serveRaw(() => ({
    raw: ok("body\n", "Set-Cookie: a=1\r\n"),
  }));
  const { out } = await run(["-c", "-", server.url]);
  assertEquals(
    out,
    "body\n# Netscape HTTP Cookie File\n\n127.0.0.1\tFALSE\t/\tFALSE\t0\ta\t1\n",
  );
  const folder = await Deno.makeTempDir();
  // Another run may be writing the same file
  using other = await Deno.create(`${folder}/jar.knock`);
  await other.lock(true);
  assertEquals((await run(["-c", `${folder}/jar`, server.url])).code, 0);
  assertEquals((await Deno.stat(`${folder}/jar`)).mode! & 0o777, 0o600);
  assertEquals((await run(["-c", `${folder}/none/jar`, server.url])).code, 23);
  await Deno.remove(folder, { recursive: true });
});

const NETRC = `# a comment with machine a.example login wrong password wrong
machine a.example login ada password "love \\"lace\\""
machine e.example login "a\\tb" password "\\r\\n\\x"
machine b.example
  login bob
  account none
  password builder
macdef init
machine macro.example login no password no

machine c.example password only
default login anonymous password me
machine late.example login late password late
`;

const NETRC_HOSTS: readonly (readonly [string, string, string])[] = [
  ["a.example", "ada", 'love "lace"'],
  ["b.example", "bob", "builder"],
  ["e.example", "a\tb", "\r\nx"],
  ["c.example", "", "only"],
  ["sub.a.example", "anonymous", "me"],
  ["macro.example", "anonymous", "me"],
  ["late.example", "anonymous", "me"],
];

for (const [host, username, password] of NETRC_HOSTS) {
  Deno.test(`findInNetrc() finds ${username || "no name"} for ${host}`, () => {
    assertEquals(findInNetrc(NETRC, parseUrl(`http://${host}`)), {
      username,
      password,
    });
  });
}

/** A netrc file, the user in a URL, and the credentials found for `a`. */
const NETRC_USERS: readonly (readonly [
  text: string,
  user: string | undefined,
  found?: string,
])[] = [
  ["machine a login b password c machine a login d password e", "b", "b:c"],
  ["machine a login b password c machine a login d password e", "d", "d:e"],
  ["machine a login b password c", "d"],
  ["machine a login b machine a login b password c", "b", "b:c"],
  ["machine a login b", "b"],
  ["machine a login b", undefined, "b:"],
  ["machine a password c login d machine a password e", "b", "b:e"],
  ["machine a password c", undefined, ":c"],
  [
    "machine a machine a login machine password default",
    undefined,
    "machine:default",
  ],
  ["default login b password c machine a login d password e", "d", "d:e"],
  ["machine", undefined],
];

for (const [text, user, expected] of NETRC_USERS) {
  Deno.test(`findInNetrc() finds ${expected} for ${user} in "${text}"`, () => {
    const at = user === undefined ? "" : `${user}@`;
    const found = findInNetrc(text, parseUrl(`http://${at}a`));
    const shown = found && `${found.username}:${found.password}`;
    assertEquals(shown ?? undefined, expected);
  });
}

Deno.test("findInNetrc() finds a machine in any spelling", () => {
  const names = [["A", "a"], ["bücher.example", "bücher.example"]]
    .concat(["::1", "[::1]", "0:0::1"].map((name) => [name, "[::1]"]));
  for (const [name, host] of names) {
    const found = findInNetrc(
      `machine ${name} login b`,
      parseUrl(`http://${host}`),
    );
    assertEquals(found?.username, "b", name);
  }
});

Deno.test("findInNetrc() refuses an unclosed quote", () => {
  assertThrows(
    () =>
      findInNetrc('machine a login b password "c d\n', parseUrl("http://a")),
    CommandError,
    "a quote is not closed",
  );
});

Deno.test("main() --netrc-file applies to each host of a redirect", async () => {
  await using proxy = serveRaw((_, count) => ({
    raw: count > 1
      ? ok("")
      : `HTTP/1.0 302 Found\r\nLocation: http://${"bc"[count]}.test/\r\n\r\n`,
  }));
  const text = "machine a.test login a password x machine c.test login c";
  await withFile(text, async (path) => {
    const args = ["-L", "--netrc-file", path, "-x", proxy.url, "http://a.test"];
    assertEquals((await run(args)).code, 0);
  });
  const fields = proxy.requests.map((request) =>
    /^Authorization: Basic (.*)\r$/m.exec(request)?.[1]
  );
  assertEquals(fields, [btoa("a:x"), undefined, btoa("c:")]);
});

Deno.test("main() -n finds the password of the user in the URL", async () => {
  const text = "machine 127.0.0.1 login a password b";
  await withFile(text, async (path) => {
    for (const [user, sent] of [["a", "a:b"], ["c", "c:"], ["a:x", "a:x"]]) {
      await using server = serveRaw(() => ({ raw: ok("") }));
      const url = server.url.replace("//", `//${user}@`);
      await run(["--netrc-file", path, url]);
      assertStringIncludes(server.requests[0]!, `Basic ${btoa(sent!)}\r\n`);
    }
  });
});

Deno.test("findInNetrc() finds nothing for a host that is not listed", () => {
  const url = parseUrl("http://b.example");
  assertEquals(
    findInNetrc("machine a.example login a password b", url),
    null,
  );
  assertEquals(findInNetrc("machine", url), null);
  assertEquals(findInNetrc("", url), null);
});

Deno.test("main() -n looks up the host of the URL, not its user", async () => {
  await using server = serveRaw(() => ({ raw: ok("") }));
  const folder = await Deno.makeTempDir();
  const home = Deno.env.get("HOME");
  try {
    await Deno.writeTextFile(
      `${folder}/.netrc`,
      "machine localhost login ada password x\n",
    );
    Deno.env.set("HOME", folder);
    await run(["-n", `http://localhost:${server.port}/`]);
    await run(["-n", `http://localhost:x@127.0.0.1:${server.port}/`]);
    await run(["-n", server.url]);
    await Deno.remove(`${folder}/.netrc`);
    assertEquals((await run(["-n", server.url])).code, 26);
  } finally {
    if (home !== undefined) Deno.env.set("HOME", home);
    await Deno.remove(folder, { recursive: true });
  }
  const fields = server.requests.map((text) =>
    /^Authorization: Basic (.*)\r$/m.exec(text)?.[1]
  );
  assertEquals(fields, [btoa("ada:x"), btoa("localhost:x"), undefined]);
});

Deno.test("main() uses the proxies of the environment, except for excluded hosts", async () => {
  await using proxy = serveRaw(() => ({ raw: ok("by proxy") }));
  await using server = serveRaw(() => ({ raw: ok("directly") }));
  const direct = "http://127.0.0.1:1/";
  Deno.env.set("http_proxy", proxy.url);
  try {
    assertEquals((await run(["http://knock.invalid/"])).out, "by proxy");
    assertEquals(
      (await run(["--noproxy", "127.0.0.0/8", server.url])).out,
      "directly",
    );
    assertEquals((await run(["-x", "", server.url])).out, "directly");
    Deno.env.set("no_proxy", "127.0.0.1");
    assertEquals((await run([server.url])).out, "directly");
    assertEquals(
      (await run(["--noproxy", "x.example", direct])).out,
      "by proxy",
    );
    assertEquals((await run(["-x", proxy.url, server.url])).out, "directly");
  } finally {
    Deno.env.delete("http_proxy");
    Deno.env.delete("no_proxy");
  }
  assertMatch(
    proxy.requests[0]!,
    /^GET http:\/\/knock\.invalid\/ HTTP\/1\.0\r\n/,
  );
});

Deno.test("main() exits with the code of the last URL that failed", async () => {
  await using server = serveRaw(() => ({ raw: ok("ok\n") }));
  const closed = `http://127.0.0.1:${closedPort()}/`;
  const { code, out } = await run(["-s", server.url, closed, server.url]);
  assertEquals([code, out], [7, "ok\nok\n"]);
});

Deno.test("main() checks all URLs before it requests the first", async () => {
  await using server = serveRaw(() => ({ raw: ok("ok") }));
  assertEquals((await run([server.url, "http://a:b/"])).code, 3);
  assertEquals(server.requests.length, 0);
});

Deno.test("main() reuses a connection for several URLs of one host", async () => {
  await using server = serveRaw(() => ({
    raw: ok("ok\n", "Connection: keep-alive\r\n"),
    then: "next",
  }));
  const { out } = await run([server.url, server.url]);
  assertEquals([out, server.connections, server.requests.length], [
    "ok\nok\n",
    1,
    2,
  ]);
});

Deno.test("main() --retry retries, and says so", async () => {
  await using server = serveRaw((_, count) => ({
    raw: count > 0
      ? ok("ok")
      : "HTTP/1.0 503 Busy\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy",
  }));
  const { code, out, err } = await run(["--retry", "2", server.url]);
  assertEquals([code, out], [0, "ok"]);
  assertEquals(err, "knock: the response is 503 Busy; retrying in 0 s\n");
});

Deno.test("main() stops when its signal aborts, and leaves no files", async () => {
  const folder = await Deno.makeTempDir();
  const stop = new AbortController();
  await using server = serveRaw(() => {
    setTimeout(() => stop.abort(), 20);
    return {
      raw: "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nabc",
      then: "hold",
    };
  });
  const args = ["-o", `${folder}/f`, server.url, server.url];
  const { code, err } = await run(args, { signal: stop.signal });
  assertEquals([code, server.requests.length], [130, 1]);
  assertMatch(err, /^nothing is kept of 3 B: .*\n$/);
  assertEquals([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder);
});

Deno.test("main() --form-string sends texts as they are", async () => {
  const odd = await sent(["--form-string", 'a"b\\c=d']);
  assertStringIncludes(odd, 'name="a%22b\\c"\r\n\r\nd\r\n--');
  for (const text of ["@a;type=x", '<"b"\\', "", "a=b;c"]) {
    const request = await sent(["--form-string", `n=${text}`]);
    assertStringIncludes(request, `name="n"\r\n\r\n${text}\r\n--`);
  }
});

/** Flags, the status of a redirect, and a pattern for the second request. */
const REDIRECTS: readonly (readonly [
  args: string,
  status: number,
  second: RegExp,
])[] = [
  ["-L -d a", 301, /^GET \/b /],
  ["-L --post301 -d a", 301, /^POST \/b [^]*\r\n\r\na$/],
  ["-L --post301 -d a", 302, /^GET \/b /],
  ["-L --post302 -d a", 302, /^POST \/b [^]*\r\n\r\na$/],
  ["-L --post303 -d a", 303, /^POST \/b [^]*\r\n\r\na$/],
  ["-L --post303 -X PUT -d a", 303, /^GET \/b /],
  ["--follow -u a:b", 302, /^(?![^]*\r\nAuthorization:)GET \/b /],
  ["-L -H Cookie:a=b", 302, /^(?![^]*\r\nCookie:)GET \/b /],
  ["--location-trusted -u a:b", 302, /\r\nAuthorization: Basic YTpi\r\n/],
  ["--location-trusted", 302, /^(?![^]*\r\nAuthorization:)GET \/b /],
  ["--location-trusted -H Cookie:a=b", 302, /\r\nCookie: a=b\r\n/],
  ["--location-trusted -H Host:a", 302, /\r\nHost: localhost:\d+\r\n/],
  ["-L --path-as-is", 302, /^GET \/b /],
  ["-L --request-target /x", 302, /^GET \/b /],
  ["-L -e first", 302, /\r\nReferer: first\r\n/],
  ["-L -e first;auto", 302, /\r\nReferer: http:\/\/127\.0\.0\.1:\d+\/\?q\r\n/],
  ["-L -e ;auto", 302, /\r\nReferer: http:\/\/127\.0\.0\.1:\d+\/\?q\r\n/],
];

for (const [args, status, second] of REDIRECTS) {
  Deno.test(`main() ${args} follows a ${status}`, async () => {
    await using server = serveRaw((_, count) => ({
      raw: count > 0
        ? ok("")
        : `HTTP/1.0 ${status} X\r\nLocation: http://localhost:${server.port}/b\r\nContent-Length: 0\r\n\r\n`,
    }));
    const url = server.url.replace("//", "//user:pass@") + "?q#f";
    const { code, err } = await run([
      "--resolve",
      `localhost:${server.port}:127.0.0.1`,
      ...args.split(" "),
      url,
    ]);
    assertEquals([code, err], [0, ""]);
    assertEquals(server.requests.length, 2);
    assertMatch(server.requests[1]!, second);
  });
}

Deno.test("main() --netrc-file and --netrc-optional read another file, if there is one", async () => {
  await using server = serveRaw(() => ({ raw: ok("") }));
  const missing = ["--netrc-file", "/no/such/file", server.url];
  await withFile("machine 127.0.0.1 login a password b", async (path) => {
    const { code } = await run(["--netrc-file", path, server.url]);
    assertEquals(code, 0);
  });
  assertEquals((await run(missing)).code, 26);
  assertEquals((await run(["--netrc-optional", ...missing])).code, 0);
  const [first, second] = server.requests;
  assertMatch(first!, /^Authorization: Basic YTpi\r$/m);
  assertEquals(second!.includes("Authorization"), false);
});

Deno.test("main() -n says that it cannot find the user's file", async () => {
  const home = Deno.env.get("HOME");
  Deno.env.delete("HOME");
  try {
    const { code, err } = await run(["-n", "http://127.0.0.1:1/"]);
    const what = "knock: Cannot find ~/.netrc: run with --allow-env=HOME\n";
    assertEquals([code, err], [26, what]);
    const url = `http://127.0.0.1:${closedPort()}/`;
    assertEquals((await run(["--netrc-file", "/dev/null", url])).code, 7);
  } finally {
    if (home !== undefined) Deno.env.set("HOME", home);
  }
});

Deno.test("main() -u without a password needs a terminal to ask for it", async () => {
  const program = new URL("../../client/main.ts", import.meta.url).pathname;
  const map = new URL("../../offline/import_map.json", import.meta.url);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", `--import-map=${map}`, "-A", program, "-u", "ada", "a"],
    stdin: "null",
  }).output();
  assertEquals(code, 2);
  assertStringIncludes(
    new TextDecoder().decode(stderr),
    'Cannot ask for the password of "ada": there is no terminal',
  );
});

Deno.test("main() --etag-save and --etag-compare get a file only if it has changed", async () => {
  await using server = serveRaw((request) => ({
    raw: /^If-None-Match: "1"\r$/m.test(request)
      ? 'HTTP/1.0 304 Not Modified\r\nETag: "2"\r\n\r\n'
      : ok("body", 'ETag: "1"\r\n'),
  }));
  const folder = await Deno.makeTempDir();
  const [tag, file] = [`${folder}/tag`, `${folder}/file`];
  const args = ["--etag-save", tag, "--etag-compare", tag, "-o", file];
  for (const _ of [1, 2]) {
    const { code, err } = await run([...args, server.url]);
    assertEquals([code, err], [0, ""]);
    assertEquals(await Deno.readTextFile(tag), '"1"\n');
    assertEquals(await Deno.readTextFile(file), "body");
  }
  assertEquals([...Deno.readDirSync(folder)].length, 2);
  assertEquals(server.requests.length, 2);
  const none = await run(["--etag-save", `${folder}/no/tag`, server.url]);
  assertEquals(none.code, 23);
  await Deno.remove(folder, { recursive: true });
});

/** Dates for -z, with or without a zone, and what is sent for them. */
const DATES = [
  ["Wed 01 Sep 2021 12:18:00", "Wed, 01 Sep 2021 12:18:00 GMT"],
  ["2021-09-01T12:18:00", "Wed, 01 Sep 2021 12:18:00 GMT"],
  ["20210901 12:18:00", "Wed, 01 Sep 2021 12:18:00 GMT"],
  ["2021-09-01", "Wed, 01 Sep 2021 00:00:00 GMT"],
  ["1 Sep 2021", "Wed, 01 Sep 2021 00:00:00 GMT"],
  ["2021-09-01T12:18:00+02:00", "Wed, 01 Sep 2021 10:18:00 GMT"],
  ["Wed, 01 Sep 2021 12:18:00 -0500", "Wed, 01 Sep 2021 17:18:00 GMT"],
  ["Wed, 01 Sep 2021 12:18:00 EST", "Wed, 01 Sep 2021 17:18:00 GMT"],
] as const;

for (const [text, date] of DATES) {
  Deno.test(`main() -z "${text}" is ${date} in any zone`, async () => {
    const zone = Deno.env.get("TZ");
    Deno.env.set("TZ", "America/New_York");
    try {
      assertEquals(
        await sent(["-z", text]),
        `GET / HTTP/1.0\r\nIf-Modified-Since: ${date}\r\n\r\n`,
      );
    } finally {
      if (zone === undefined) Deno.env.delete("TZ");
      else Deno.env.set("TZ", zone);
    }
  });
}

Deno.test("main() -z with a file requests only what is newer", async () => {
  await withFile("old", async (path) => {
    await Deno.utime(path, 0, 784111777);
    assertEquals(
      await sent(["-z", path]),
      "GET / HTTP/1.0\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
    );
  });
  const { code, err } = await run(["-z", "no date", "a"]);
  assertEquals(code, 2);
  assertStringIncludes(err, 'Cannot read "no date" for --time-cond');
});
