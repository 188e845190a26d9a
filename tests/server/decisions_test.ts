// The decisions about a request, as the trace shows them, and its response.

import { assertEquals } from "@std/assert";
import {
  type Handler,
  serve,
  serveDir,
  type ServeDirOptions,
  type ServerTraceEvent,
  withBasicAuth,
  withHeaders,
} from "../../server/mod.ts";
import { makeTree, type Tree } from "./_files.ts";
import { exchange, statuses } from "./_raw.ts";

const TEXT = "a line of text\n".repeat(100);

function makeSite(): Promise<Tree> {
  return makeTree({
    "a.txt": "0123456789",
    "long.txt": TEXT,
    "large.txt": new Uint8Array(100_000).fill(0x61),
    "page.html": "page",
    "sub/x.txt": "x",
    "index/index.html": "<p>",
    ".env": "secret",
    "secret.key": "secret",
    "out": { link: "/etc/hostname" },
    "pipe": { special: "fifo" },
  });
}

/** Returns the status and the decisions of a request, as `step: finding`. */
async function decisionsAbout(
  handler: Handler,
  request: string,
): Promise<readonly (string | number)[]> {
  const told: string[] = [];
  const trace = (event: ServerTraceEvent) => {
    if (event.type !== "decision") return;
    told.push(`${event.step}: ${event.finding}`);
  };
  await using server = serve(handler, { port: 0, trace });
  const { text } = await exchange(server, `${request}\r\n\r\n`);
  return [...statuses(text), ...told];
}

interface Row {
  readonly request: string;
  /** The status and the decisions; ROOT stands for the directory. */
  readonly told: readonly (string | number)[];
  readonly options?: ServeDirOptions;
}

const GET = (path: string, ...lines: readonly string[]) =>
  [`GET ${path} HTTP/1.0`, ...lines].join("\r\n");

const FRESH = [
  'leads to: file "ROOT/a.txt"',
  "cache: read from disk",
  "coding: none (no other)",
];
const MATCH = '"x"';
const LATER = "Sun, 06 Nov 2101 08:49:37 GMT";
const EARLIER = "Sun, 06 Nov 1994 08:49:37 GMT";

const ROWS: readonly Row[] = [
  { request: GET("/a.txt"), told: [200, ...FRESH, "body: in memory"] },
  { request: GET("/none"), told: [404, "leads to: nothing: no such file"] },
  {
    request: GET("/.env"),
    told: [
      404,
      "leads to: nothing: hidden: a name starts with a dot (--dotfiles)",
    ],
  },
  {
    request: GET("/out"),
    told: [404, "leads to: nothing: a link leads out (--follow-symlinks)"],
  },
  {
    request: GET("/pipe"),
    told: [404, "leads to: nothing: no regular file"],
  },
  {
    request: GET("/%ff"),
    told: [400, "leads to: nothing: bad percent-encoding"],
  },
  {
    request: GET("/a.txt"),
    options: { urlRoot: "/files" },
    told: [404, "leads to: nothing: it is not below --url-root"],
  },
  {
    request: GET("/sub/"),
    told: [200, 'leads to: directory "ROOT/sub"'],
  },
  {
    request: GET("/sub/"),
    options: { showDirListing: false },
    told: [
      404,
      "leads to: nothing: no index.html, and --no-dir-listing",
    ],
  },
  {
    request: GET("/index/"),
    told: [
      200,
      'leads to: file "ROOT/index/index.html"',
      ...FRESH.slice(1),
      "body: in memory",
    ],
  },
  {
    request: GET("/sub"),
    told: [301, "leads to: ./sub/, since it is a directory"],
  },
  {
    request: GET("/a.txt/"),
    told: [301, "leads to: /a.txt, since it is a file"],
  },
  {
    request: GET("//a.txt"),
    told: [301, "leads to: /a.txt, since it has // or %2F"],
  },
  {
    request: GET("/page"),
    options: { cleanUrls: true },
    told: [
      200,
      'leads to: file "ROOT/page.html"',
      ...FRESH.slice(1),
      "body: in memory",
    ],
  },
  {
    request: GET("/route"),
    options: { fallback: "page.html" },
    told: [
      200,
      'leads to: file "ROOT/page.html"',
      ...FRESH.slice(1),
      "body: in memory",
    ],
  },
  {
    request: GET("/route"),
    options: { fallback: "none.html" },
    told: [404, "leads to: nothing: no such file"],
  },
  {
    request: GET("/route"),
    options: { fallback: "sub" },
    told: [404, "leads to: nothing: a directory"],
  },
  {
    request: "POST /a.txt HTTP/1.0\r\nContent-Length: 0",
    told: [405, "method: files allow GET and HEAD only"],
  },
  {
    request: GET("/a.txt", "If-None-Match: *"),
    told: [304, ...FRESH, "condition: 304 by If-None-Match"],
  },
  {
    request: GET("/a.txt", `If-Modified-Since: ${LATER}`),
    told: [304, ...FRESH, `condition: 304 by If-Modified-Since`],
  },
  {
    request: GET("/a.txt", `If-Match: ${MATCH}`),
    told: [412, ...FRESH, `condition: 412 by If-Match`],
  },
  {
    request: GET("/a.txt", `If-Unmodified-Since: ${EARLIER}`),
    told: [412, ...FRESH, `condition: 412 by If-Unmodified-Since`],
  },
  {
    request: GET("/a.txt", "Range: bytes=2-3"),
    told: [
      206,
      ...FRESH,
      "range: bytes=2-3 is 2 of 10 bytes",
      "body: in memory",
    ],
  },
  {
    request: GET("/a.txt", "Range: bytes=10-"),
    told: [416, ...FRESH, "range: bytes=10- is none of 10 bytes"],
  },
  {
    request: GET("/a.txt", "Range: bytes=0-1,4-5"),
    told: [
      200,
      ...FRESH,
      "range: bytes=0-1,4-5 is all of 10 bytes",
      "body: in memory",
    ],
  },
  {
    request: GET("/a.txt", "Range: bytes=2-3", `If-Range: ${MATCH}`),
    told: [
      200,
      ...FRESH,
      "range: bytes=2-3 is all of 10 bytes",
      "body: in memory",
    ],
  },
  {
    request: GET("/long.txt", "Accept-Encoding: gzip"),
    told: [
      200,
      'leads to: file "ROOT/long.txt"',
      "cache: read from disk",
      "coding: gzip (accepted: gzip)",
      "body: in memory",
    ],
  },
  {
    request: GET("/long.txt", "Accept-Encoding: gzip", "Range: bytes=0-1"),
    told: [
      206,
      'leads to: file "ROOT/long.txt"',
      "cache: read from disk",
      "part: of the plain file, or of the coding of If-Range",
      "coding: none (accepted: gzip)",
      "range: bytes=0-1 is 2 of 1500 bytes",
      "body: in memory",
    ],
  },
  {
    request: GET("/long.txt"),
    told: [
      200,
      'leads to: file "ROOT/long.txt"',
      "cache: read from disk",
      "coding: none (accepted: none)",
      "body: in memory",
    ],
  },
  {
    request: "HEAD /a.txt HTTP/1.0",
    told: [200, ...FRESH, "body: in memory"],
  },
  {
    request: GET("/large.txt", "Range: bytes=0-1"),
    told: [
      206,
      'leads to: file "ROOT/large.txt"',
      "cache: read from disk",
      "coding: none (accepted: none)",
      "range: bytes=0-1 is 2 of 100000 bytes",
      "body: on disk",
    ],
  },
  {
    request: GET("/large.txt"),
    told: [
      200,
      'leads to: file "ROOT/large.txt"',
      "cache: read from disk",
      "coding: none (accepted: none)",
      "body: on disk",
    ],
  },
];

for (const { request, told, options = {} } of ROWS) {
  const name = JSON.stringify([request, options]);
  Deno.test(`serveDir() tells what it decides about ${name}`, async () => {
    await using tree = await makeSite();
    const root = await Deno.realPath(tree.path);
    assertEquals(
      await decisionsAbout(serveDir(tree.path, options), request),
      told.map((line) =>
        typeof line === "string" ? line.replace("ROOT", root) : line
      ),
    );
  });
}

Deno.test("serveDir() traces why a secret, or all but one file, is not served", async () => {
  await using tree = await makeSite();
  const withheld = [`${tree.path}/secret.key`];
  assertEquals(
    await decisionsAbout(
      serveDir(tree.path, { withheld }),
      GET("/secret.key"),
    ),
    [404, "leads to: nothing: a key or password file"],
  );
  assertEquals(
    await decisionsAbout(serveDir(`${tree.path}/a.txt`), GET("/long.txt")),
    [404, "leads to: nothing: only that one file is served"],
  );
});

Deno.test("serveDir() traces that 404.html was the body", async () => {
  await using tree = await makeTree({ "404.html": "none" });
  assertEquals(await decisionsAbout(serveDir(tree.path), GET("/none")), [
    404,
    "leads to: nothing: no such file",
    "body: 404.html",
  ]);
});

Deno.test("serveDir() decides again if there is a trace, even for heads that were seen", async () => {
  await using tree = await makeTree({ "a.txt": "0123456789" });
  const told: string[] = [];
  const trace = (event: ServerTraceEvent) => {
    if (event.type === "decision" && event.step === "cache") {
      told.push(event.finding);
    }
  };
  const handler = withHeaders(serveDir(tree.path), { "X-A": "a" });
  await using server = serve(handler, { port: 0, trace });
  // A file is settled two seconds after it was changed
  await Deno.utime(`${tree.path}/a.txt`, 1_000_000, 1_000_000);
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  for (let i = 0; i < 3; i++) {
    const { text } = await exchange(server, `${GET("/a.txt")}\r\n\r\n`);
    assertEquals(statuses(text), [200]);
  }
  assertEquals(told, [
    "read from disk",
    "unchanged",
    "unchanged",
  ]);
});

Deno.test("withBasicAuth() traces who is not let in", async () => {
  const users = [{ username: "ada", password: "1815" }];
  const handler = withBasicAuth(() => ({ status: 200 }), users);
  assertEquals(await decisionsAbout(handler, GET("/")), [
    401,
    "password: missing or wrong",
  ]);
});
