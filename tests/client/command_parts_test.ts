// Tests flags, cookie files and drawings without a process or a server.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as toughCookie from "npm:tough-cookie@^6.1.0";
import {
  type Check,
  checkSpeed,
} from "../../client/_command/check_response.ts";
import { Cookies, openCookies } from "../../client/_command/cookies.ts";
import { FORMATTERS } from "../../client/_command/explain.ts";
import { explainFailure } from "../../client/_command/failure.ts";
import { beside, replaceFile } from "../../client/_command/part_file.ts";
import { type Options, parseOptions } from "../../client/_command/options.ts";
import type { Output } from "../../client/_command/output.ts";
import { readReach } from "../../client/_command/request.ts";
import { applyErase } from "../../client/_command/secret.ts";
import { drawTimings } from "../../client/_command/timing.ts";
import { CommandError } from "../../command/errors.ts";
import { parseUrl } from "../../url/url.ts";
import { latin1 } from "./_server.ts";
import {
  ClientError,
  type ClientOptions,
  type HttpClientResponse,
  type Timings,
} from "../../client/mod.ts";

const NO_INPUT = {} as Parameters<typeof parseOptions>[1];

Deno.test("--explain says whether addresses are from the hosts file or the resolver", () => {
  for (
    const [source, words] of [
      ["hosts", "from the hosts file"],
      ["system", "from the system's resolver"],
    ] as const
  ) {
    const host = { host: "a.test", port: 80, addresses: ["192.0.2.1"] };
    const event = { at: 0, type: "resolved", source, ...host } as const;
    const line = FORMATTERS.resolved!(event, { url: "", remote: "" });
    assertStringIncludes(line as string, words);
  }
});

Deno.test("--explain says which kind of socket connects", () => {
  for (
    const [address, words] of [
      ["192.0.2.1:80", "TCP over IPv4"],
      ["[2001:db8::1]:80", "TCP over IPv6"],
      ["/run/a.sock", "a unix socket"],
    ] as const
  ) {
    const event = { at: 0, type: "connecting", address } as const;
    const lines = FORMATTERS.connecting!(event, { url: "", remote: "" });
    assertStringIncludes(lines[0]!, words);
  }
});

/** Errors of rustls, and whether the advice is to make a new certificate. */
const CERTIFICATES: readonly (readonly [said: string, advises: boolean])[] = [
  ["Other(OtherError(CaUsedAsEndEntity))", true],
  ["Other(OtherError(UnsupportedCertVersion))", true],
  [
    "certificate not valid for name; certificate is not valid for any names (according to its subjectAltName extension)",
    true,
  ],
  ["certificate not valid for name; certificate is only valid for a.t", false],
  ["UnknownIssuer", false],
];

for (const [said, advises] of CERTIFICATES) {
  Deno.test(`explainFailure() ${advises ? "says" : "does not say"} how to make a certificate after "${said}"`, () => {
    const what = { code: "certificate", step: "connect" } as const;
    const error = new ClientError(said, { ...what, host: "a.test" });
    const { lines } = explainFailure(error);
    const commands = lines.filter((line) => line.startsWith("  openssl req "));
    assertEquals(commands.length, advises ? 2 : 0);
  });
}

/** Seconds as curl reads them, and milliseconds; null if they are refused. */
const SECONDS = [
  ["2.5", 2_500],
  [".5", 500],
  ["2.", 2_000],
  ["0.12500000000", 125],
  ["0", undefined],
  [".", null],
  ["", null],
  ["1.5.2", null],
  ["5s", null],
] as const;

for (const [text, expected] of SECONDS) {
  Deno.test(`parseOptions() reads "${text}" as ${expected} ms`, async () => {
    const reading = parseOptions(["-m", text], NO_INPUT);
    if (expected === null) {
      await assertRejects(() => reading, Error, "--max-time");
    } else assertEquals((await reading)[0]["max-time"], expected);
  });
}

Deno.test("parseOptions() reads sizes in curl's units, and seconds", async () => {
  const sizes: Record<string, number> = {
    "7": 7,
    "9B": 9,
    "2K": 2_048,
    "2k": 2_048,
    "3M": 3_145_728,
    "1g": 1_073_741_824,
    "1T": 1_099_511_627_776,
  };
  for (const [text, bytes] of Object.entries(sizes)) {
    const args = ["--max-filesize", text, "-m", "2.5"];
    const [options] = await parseOptions(args, NO_INPUT);
    assertEquals([options["max-filesize"], options["max-time"]], [
      bytes,
      2_500,
    ]);
  }
});

/** Flags, and the options for reaching a host that they change. */
const REACH: readonly (readonly [args: string, changes: ClientOptions])[] = [
  ["", {}],
  ["-m 60", { timeout: 60_000, idleTimeout: 60_000 }],
  ["-m 20", { timeout: 20_000 }],
  ["-m 60 -Y 1", { timeout: 60_000 }],
  ["-m 60 -Y 1 -y 5", { timeout: 60_000, idleTimeout: 5_000 }],
  ["--limit-rate 1K", { maxRate: 1_024, idleTimeout: 281_600 }],
  ["--limit-rate 0", {}],
  ["--connect-timeout 2", { connectTimeout: 2_000 }],
  ["-4", { family: 4 }],
  ["-6", { family: 6 }],
  ["-L", { redirect: "follow" }],
  ["--location-trusted", { redirect: "follow", trustRedirects: true }],
  ["--max-redirs 3", { maxRedirects: 3 }],
  ["--max-redirs 0", { maxRedirects: 0 }],
  ["--post301 --post303", { keepPost: [301, 303] }],
  ["-e ;auto", { autoReferer: true }],
  ["-k", { tls: { insecure: true } }],
  ["--tlsv1.3", { tls: { insecure: false, minVersion: "TLSv1.3" } }],
  ["--proto-redir =https", { redirectProtocols: ["https"] }],
  ["--proto =http --proto-redir =http,https", {
    protocols: ["http"],
    redirectProtocols: ["http"],
  }],
  ["-p", { proxyTunnel: true }],
  ["--compressed", { decode: true }],
  ["-u a:b -n", { credentials: { username: "a", password: "b" } }],
  ["--oauth2-bearer t -n", {}],
  ["--resolve a:1:127.0.0.1", { resolve: { "a:1": ["127.0.0.1"] } }],
];
for (const [args, changes] of REACH) {
  Deno.test(`readReach() of "${args}" is ${JSON.stringify(changes)}`, async () => {
    const [options] = await parseOptions(args.split(" "), NO_INPUT);
    const { proxy: _, ...reach } = await readReach(options);
    assertEquals(reach, {
      redirect: "manual",
      trustRedirects: false,
      keepPost: [],
      autoReferer: false,
      proxyTunnel: false,
      timeout: 31_536_000_000,
      idleTimeout: 30_000,
      maxRate: Infinity,
      decode: false,
      connectTo: [],
      proxyHeaders: [],
      caCerts: [],
      ...changes,
    });
  });
}

Deno.test("beside() makes names that fit the file system, and a different one for each file", () => {
  assertEquals(beside("a/b", ".part"), "a/b.part");
  assertEquals(beside(`a/${"b".repeat(240)}`, ".part").length, 247);
  assertEquals(beside("b".repeat(241), "").slice(0, 61), `${"b".repeat(60)}-`);
  const long = Array.from(
    { length: 200 },
    (_, i) => `a/${"b".repeat(60 + i)}c${"b".repeat(199 - i)}`,
  );
  const names = long.map((path) => beside(path, ".part"));
  assertEquals(new Set(names).size, 200);
  for (const name of names) {
    assertMatch(name, /^a\/b{60}-\d+\.part$/);
    assert(name.length <= 2 + 255);
  }
});

Deno.test("checkSpeed() checks each period by itself", () => {
  const limits = { "speed-limit": 1_000, "speed-time": 1_000 } as Options;
  const first: Check = [performance.now() - 2_000, 0];
  assertThrows(() => checkSpeed(1_000, first, limits), ClientError, "under");
  const next = checkSpeed(9_000, first, limits);
  assert(next[0] > first[0] + 1_999);
  assertEquals(next[1], 9_000);
  assertEquals(checkSpeed(9_000, next, limits), next); // it has just begun
  // Without -Y, no speed is too low
  const none = { "speed-time": 1_000 } as Options;
  assertEquals(checkSpeed(0, first, none)[1], 0);
  const later: Check = [performance.now() - 2_000, 4_000];
  assertThrows(() => checkSpeed(5_200, later, limits), ClientError, "under");
  assertEquals(checkSpeed(8_000, later, limits)[1], 8_000);
});

Deno.test("replaceFile() writes a file whose name is as long as its own may be", async () => {
  const folder = await Deno.makeTempDir();
  for (const length of [240, 241, 255]) {
    const path = `${folder}/${"b".repeat(length)}`;
    await replaceFile(path, new Uint8Array([1]), 0o600);
    assertEquals((await Deno.readFile(path)).length, 1);
  }
  await Deno.remove(folder, { recursive: true });
});

/** The code of a failed rename, and whether the file is copied instead. */
for (const [code, isCopied] of [["EBUSY", true], ["EPERM", false]] as const) {
  Deno.test(`replaceFile() ${isCopied ? "copies the file" : "leaves nothing"} if its renaming fails with ${code}`, async () => {
    const folder = await Deno.makeTempDir();
    const { renameSync } = Deno;
    Deno.renameSync = () => {
      throw Object.assign(new Error("as the system says"), { code });
    };
    try {
      const writing = replaceFile(`${folder}/f`, new Uint8Array([1]), 0o600);
      if (isCopied) await writing;
      else await assertRejects(() => writing, Error, "as the system says");
    } finally {
      Deno.renameSync = renameSync;
    }
    const found = Array.from(Deno.readDirSync(folder), ({ name }) => name);
    assertEquals(found, isCopied ? ["f"] : []);
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("replaceFile() leaves nothing if its writing fails", async () => {
  const folder = await Deno.makeTempDir();
  const { writeSync } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.writeSync = () => {
    throw new Error("the disk is full");
  };
  try {
    const writing = replaceFile(`${folder}/f`, new Uint8Array([1]), 0o600);
    await assertRejects(() => writing, CommandError, "the disk is full");
  } finally {
    Deno.FsFile.prototype.writeSync = writeSync;
  }
  assertEquals([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("replaceFile() does not replace a file that may not be written", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/f`, "old");
  const { openSync } = Deno;
  Deno.openSync = (path, options) => {
    if (path === `${folder}/f`) throw new Deno.errors.PermissionDenied("no");
    return openSync(path, options);
  };
  try {
    const writing = replaceFile(`${folder}/f`, new Uint8Array([1]), 0o600);
    await assertRejects(() => writing, CommandError, "Cannot write");
  } finally {
    Deno.openSync = openSync;
  }
  assertEquals(await Deno.readTextFile(`${folder}/f`), "old");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Cookies sends a cookie back to a host of a single name, also one of special use", async () => {
  for (const host of ["test", "localhost", "example", "intranet"]) {
    const cookies = new Cookies(toughCookie);
    await cookies.setCookie(`a=1; Domain=${host}`, `http://${host}/`);
    assertEquals(await cookies.getCookieString(`http://${host}/`), "a=1");
    // Names below localhost are its own; nobody registers them
    const below = await cookies.getCookieString(`http://a.${host}/`);
    assertEquals(below, host === "localhost" ? "a=1" : "");
  }
});

Deno.test("Cookies.getCookieString() returns whole cookies, up to 8,190 bytes", async () => {
  const cookies = new Cookies(toughCookie);
  for (const name of ["a", "b", "c"]) {
    const text = `${name}=${"x".repeat(4_090)}`;
    await cookies.setCookie(text, "http://a.example/");
  }
  const text = await cookies.getCookieString("http://a.example/");
  assertMatch(text, /^a=x{4090}; b=x{4090}$/);
});

Deno.test("Cookies.save() writes what Cookies.read() reads, with all attributes", async () => {
  const cookies = new Cookies(toughCookie);
  const expires = "Fri, 01 Jan 2100 00:00:00 GMT";
  for (
    const text of [
      "plain=1",
      "secret=2; Secure; HttpOnly",
      `wide=3; Domain=a.example; Path=/b; Expires=${expires}`,
    ]
  ) await cookies.setCookie(text, "https://a.example/");
  for (const text of ["__Host-a=1", "__Secure-a=1", " __SECURE-a=1"]) {
    await assertRejects(
      () => cookies.setCookie(text, "https://a.example/"),
      Error,
      "not match its prefix",
    );
  }
  const path = await Deno.makeTempFile();
  await cookies.save(path, {} as Output);
  const text = await Deno.readTextFile(path);
  const lines = text.trimEnd().split("\n").slice(2);
  assertEquals(lines, [
    "a.example\tFALSE\t/\tFALSE\t0\tplain\t1",
    "#HttpOnly_a.example\tFALSE\t/\tTRUE\t0\tsecret\t2",
    ".a.example\tTRUE\t/b\tFALSE\t4102444800\twide\t3",
  ]);
  const copy = new Cookies(toughCookie);
  await copy.read(text);
  await copy.save(path, {} as Output);
  assertEquals(await Deno.readTextFile(path), text);
  assertEquals(await copy.getCookieString("http://a.example/"), "plain=1");
  await Deno.remove(path);
});

Deno.test("Cookies.setCookie() accepts up to 4,096 bytes of name and value", async () => {
  const cookies = new Cookies(toughCookie);
  const value = "x".repeat(4_094);
  await cookies.setCookie(`ab=${value}`, "http://a.example/");
  assertEquals(
    await cookies.getCookieString("http://a.example/"),
    `ab=${value}`,
  );
  for (const text of [`abc=${value}`, `a=${value}xx`]) {
    await assertRejects(
      () => cookies.setCookie(text, "http://a.example/"),
      Error,
      "Cookie is over 4096 bytes",
    );
  }
});

Deno.test("Cookies.read() skips lines that are not valid, and goes on", async () => {
  const cookies = new Cookies(toughCookie);
  await cookies.read([
    "Set-Cookie: __Host-a=1; Domain=a.example",
    "Set-Cookie: b=2",
    "no cookie",
    "a.example\tFALSE\t/\tFALSE\t0\t__Secure-c\t3",
    "Set-Cookie: d=4; Domain=a.example",
  ].join("\r\n"));
  const text = await cookies.getCookieString("http://a.example/");
  assertEquals(text, "d=4");
});

/** Flags, and whether they need a cookie jar, which loads a package. */
const JARS = [
  ["", false],
  ["-b a=1", false],
  ["-b none", true],
  ["-c none", true],
] as const;

for (const [flags, isNeeded] of JARS) {
  Deno.test(`openCookies() opens ${isNeeded ? "a jar" : "nothing"} for "${flags}"`, async () => {
    const args = flags === "" ? [] : flags.split(" ");
    const [options] = await parseOptions([...args, "http://a/"], NO_INPUT);
    assertEquals(await openCookies([options]) !== null, isNeeded);
  });
}

Deno.test("applyErase() deletes the last character, or the whole line", () => {
  const octetsOf = (text: string) => latin1(new TextEncoder().encode(text));
  const typed: readonly (readonly [string, string])[] = [
    ["ab\x7f", "a"],
    ["ab\b", "a"],
    ["\x7f", ""],
    ["a€\x7f", "a"],
    ["aé\x7f", "a"],
    ["a😀\x7f", "a"],
    ["aé€\x15", ""],
    ["\x15", ""],
    ["aé", "aé"],
  ];
  for (const [text, left] of typed) {
    assertEquals(applyErase(octetsOf(text)), octetsOf(left));
  }
});

/** A cookie, the URL that sets it, the next URL, and what is sent there. */
const COOKIES = [
  ["a=1; Path=/b%20c", "http://x.example/b%20c/", "/b%20c/d", "a=1"],
  ["a=1; Path=/b%20c", "http://x.example/b%20c/", "/b%2520c/d", ""],
  ["a=1", "http://x.example/%E6%97%A5/", "/%E6%97%A5/d", "a=1"],
  ["a=1; Domain=docker", "http://docker/", "/", "a=1"],
  ["a=1; domain=DOCKER", "http://docker/", "/", "a=1"],
  ["a=1; Domain=github.io", "http://github.io/", "/", "a=1"],
  ["a=1; Domain=github.io", "http://github.io/", "http://b.github.io/", ""],
  ["a=1; Domain=io", "http://github.io/", "/", ""],
] as const;
for (const [text, url, next, sent] of COOKIES) {
  Deno.test(`Cookies sends ${sent || "nothing"} to ${next} after ${text} from ${url}`, async () => {
    const cookies = new Cookies(toughCookie);
    await cookies.setCookie(text, url).catch(() => {});
    const path = await Deno.makeTempFile();
    await cookies.save(path, {} as Output);
    const copy = new Cookies(toughCookie);
    await copy.read(await Deno.readTextFile(path));
    await Deno.remove(path);
    for (const jar of [cookies, copy]) {
      const { href } = parseUrl(next, url);
      assertEquals(await jar.getCookieString(href), sent);
    }
  });
}

/**
 * The URL and attributes of a Secure cookie, those of a later one of the same
 * name, and whether the later one is accepted.
 */
const AFTER_SECURE = [
  [
    "https://x.a.example/",
    "",
    "http://x.a.example/",
    "Domain=a.example",
    false,
  ],
  ["https://a.example/", "Domain=a.example", "http://x.a.example/", "", false],
  ["https://x.a.example/", "", "http://y.a.example/", "", true],
  ["https://a.example/", "Path=/b", "http://a.example/", "Path=/b/c", false],
  ["https://a.example/", "Path=/b", "http://a.example/", "Path=/", true],
  ["https://a.example/", "", "https://a.example/", "", true],
] as const;

for (const [first, how, second, attributes, isAccepted] of AFTER_SECURE) {
  Deno.test(`Cookies ${isAccepted ? "accepts" : "refuses"} a cookie of ${second} ${attributes} after a Secure one of ${first} ${how}`, async () => {
    const cookies = new Cookies(toughCookie);
    await cookies.setCookie(`a=1; Secure; ${how}`, first);
    const setting = cookies.setCookie(`a=2; ${attributes}`, second);
    if (isAccepted) await setting;
    else await assertRejects(() => setting, Error, "would hide a Secure one");
  });
}

Deno.test("drawTimings() draws each phase from its start, in proportion to its time", () => {
  const hop = (status: number, timings: Partial<Timings>) => ({
    url: "http://a/",
    status,
    timings: {
      ...{ resolved: null, connected: null, secured: null },
      ...{ sent: null, answered: null, ended: null },
      ...timings,
    },
  });
  const first = { resolved: 10, connected: 20, sent: 20, answered: 50 };
  const last = { sent: 1, answered: 25, ended: 50 };
  const response = { ...hop(200, last), hops: [hop(301, first)] };
  const lines = drawTimings(response as unknown as HttpClientResponse);
  assertEquals(lines, [
    "301 http://a/",
    "  find        10.0 ms  ====",
    "  connect     10.0 ms      ====",
    "  write        0.0 ms          =",
    "  wait        30.0 ms          ============",
    "200 http://a/",
    "  write        1.0 ms                      =",
    "  wait        24.0 ms                      ==========",
    "  read        25.0 ms                                ==========",
    "  total      100.0 ms",
  ]);
  assert(lines.every((line) => line.length <= 64));
  const quick = { ...hop(200, { sent: 1, answered: 9, ended: 9 }), hops: [] };
  assertEquals(drawTimings(quick as unknown as HttpClientResponse), [
    "200 http://a/",
    "  write        1.0 ms  ====",
    "  wait         8.0 ms      ====================================",
    "  read         0.0 ms                                         =",
    "  total        9.0 ms",
  ]);
});
