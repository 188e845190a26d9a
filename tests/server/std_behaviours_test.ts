// What the file server of the Deno standard library is tested for, test by
// test, and what this one does: the same, or a departure with its reason.

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { HeaderFields, parseHttpDate } from "../../message/mod.ts";
import {
  serve,
  serveDir,
  type ServeDirOptions,
  withCors,
} from "../../server/mod.ts";
import { main } from "../../server/main.ts";
import { type Answer, ask, makeTree, type Tree } from "./_files.ts";

const TEXT = Array.from(
  { length: 10_034 },
  (_, index) => "L234567890"[index % 10],
).join("");

function makeFixture(): Promise<Tree> {
  return makeTree({
    "hello.html": "<p>hello",
    "test_file.txt": TEXT,
    "test_empty_file.txt": "",
    "file#2.txt": "hash",
    "test file.txt": "space",
    "%": "percent",
    "%25A.txt": "twice",
    ".dotfile": "dot",
    "<img src=x onerror=alert(1)>": "x",
    "tls/cert": "",
    "nested-subdirs/subdir/x": "",
    "subdir-with-index/index.html": "INDEX",
    "test_clean_urls/x": "",
    "test_clean_urls.html": "CLEAN",
  });
}

/** Asks a server of the fixture; CORS is on, as it is there by default. */
async function get(
  target: string,
  headers: Record<string, string> = {},
  options: ServeDirOptions & {
    readonly method?: string;
    readonly file?: string;
  } = {},
): Promise<Answer> {
  await using tree = await makeFixture();
  const root = options.file === undefined
    ? tree.path
    : `${tree.path}/${options.file}`;
  await using server = serve(withCors(serveDir(root, options)), { port: 0 });
  return await ask(server, target, headers, options.method);
}

/** Expects a status, parts of the body, and fields. */
async function expect(
  answer: Promise<Answer>,
  status: number,
  body: string | null = null,
  fields: Record<string, string> = {},
): Promise<void> {
  const given = await answer;
  assertEquals(given.status, status);
  if (body !== null) assertStringIncludes(given.body, body);
  for (const [name, value] of Object.entries(fields)) {
    assertEquals(given.field(name), value, name);
  }
}

/** Expects a range of the text. */
async function expectRange(
  range: string,
  start: number,
  end: number,
): Promise<void> {
  const { status, body, field } = await get("/test_file.txt", { Range: range });
  assertEquals([status, body], [206, TEXT.slice(start, end)]);
  assertEquals(
    field("content-range"),
    `bytes ${start}-${end - 1}/${TEXT.length}`,
  );
}

async function expectUnsatisfiable(
  range: string,
  file = "test_file.txt",
): Promise<void> {
  await expect(get(`/${file}`, { Range: range }), 416, null, {
    "content-range": `bytes */${TEXT.length}`,
  });
}

/** Asks anew on the conditions that the first answer makes possible. */
async function expectConditional(
  conditions: (first: Answer) => Record<string, string>,
  status: number,
  file = "test_file.txt",
): Promise<void> {
  await using tree = await makeFixture();
  await using server = serve(serveDir(tree.path), { port: 0 });
  const first = await ask(server, `/${file}`);
  const second = await ask(server, `/${file}`, conditions(first));
  assertEquals([second.status, second.body], [
    status,
    status === 304 ? "" : first.body,
  ]);
  assertEquals(second.field("etag"), first.field("etag"));
}

const SAME = "the same";
const TEXT_TYPE = { "content-type": "text/plain; charset=utf-8" };
const STALE = "Mon, 01 Jan 2001 00:00:00 GMT";

type Check = () => Promise<void> | void;

/**
 * The name of the test there, what is done here, and how that shows; null where
 * only the reason can be given.
 */
const BEHAVIOURS: readonly (readonly [string, string, Check | null])[] = [
  ["serveDir() sets last-modified header", SAME, async () => {
    const { field } = await get("/test_file.txt");
    assert(
      Math.abs(Date.now() - parseHttpDate(field("last-modified")!)!) < 60_000,
    );
  }],
  [
    "serveDir()",
    SAME,
    () =>
      expect(get("/hello.html"), 200, "<p>hello", {
        "content-type": "text/html; charset=utf-8",
      }),
  ],
  [
    "serveDir() with hash symbol in filename",
    SAME,
    () => expect(get("/file%232.txt"), 200, "hash", TEXT_TYPE),
  ],
  [
    "serveDir() with space in filename",
    SAME,
    () => expect(get("/test%20file.txt"), 200, "space", TEXT_TYPE),
  ],
  [
    "serveDir() serves directory index",
    "departure: dates in place of file modes, other markup",
    async () => {
      const { body } = await get("/");
      for (
        const href of ["./", "./hello.html", "./tls/", "./%2525A.txt"]
      ) assertStringIncludes(body, `href="${href}"`);
    },
  ],
  [
    "serveDir() serves directory index with entry to the parent directory",
    SAME,
    async () => {
      const { body } = await get("/nested-subdirs/subdir/");
      for (const href of ["../../", "../", "./"]) {
        assertStringIncludes(body, `<a href="${href}"`);
      }
      assertStringIncludes(body, 'href="../">Parent folder</a>');
    },
  ],
  [
    "serveDir() serves directory index with file containing space in the filename",
    SAME,
    () => expect(get("/"), 200, "test%20file.txt"),
  ],
  [
    "serveDir() serves directory index with file's mode is 0",
    "departure: no column of file modes",
    null,
  ],
  [
    "serveDir() escapes file names when rendering directory index",
    SAME,
    () =>
      expect(
        get("/"),
        200,
        'href="./%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"><bdi>&#60;img src=x onerror=alert(1)&#62;</bdi>',
      ),
  ],
  [
    "serveDir() returns a response even if fileinfo is inaccessible",
    SAME,
    async () => {
      const { lstatSync } = Deno;
      try {
        Deno.lstatSync = (path) => {
          if (String(path).endsWith("test_file.txt")) throw new Error("locked");
          return lstatSync(path);
        };
        await expect(get("/"), 200, "./test_file.txt");
      } finally {
        Deno.lstatSync = lstatSync;
      }
    },
  ],
  [
    "serveDir() handles not found files",
    SAME,
    () => expect(get("/badfile.txt"), 404),
  ],
  [
    "serveDir() handles incorrect method",
    "departure: with Allow, as RFC 9110 asks",
    () =>
      expect(
        get("/", { "Content-Length": "0" }, { method: "POST" }),
        405,
        "Method Not Allowed",
        {
          allow: "GET, HEAD",
        },
      ),
  ],
  [
    "serveDir() traverses path correctly",
    SAME,
    () => expect(get("/../../../../../../../.."), 200, "hello.html"),
  ],
  ["serveDir() traverses path", SAME, async () => {
    await expect(get("../../../../../../../.."), 400);
    await expect(get("http://localhost/../../../../.."), 200, "hello.html");
  }],
  [
    "serveDir() traverses encoded URI path",
    "departure: the Location is a path",
    () => expect(get("/%2F..%2F..%2F..%2F.."), 301, null, { location: "/" }),
  ],
  ["serveDir() serves unusual filename", SAME, async () => {
    await expect(get("/%25"), 200, "percent", {
      "access-control-allow-origin": "*",
    });
    await expect(get("/%2525A.txt"), 200, "twice");
  }],
  [
    "serveDir() supports CORS",
    "departure: off unless asked for; withCors() wraps any handler",
    async () => {
      for (const path of ["/", "/hello.html"]) {
        const { field } = await get(path);
        assertEquals(field("access-control-allow-origin"), "*");
        assertMatch(field("access-control-allow-headers")!, /^\*/);
      }
    },
  ],
  [
    "serveDir() script prints help",
    "departure: other words",
    async () => assertEquals(await main(["--help"]), 0),
  ],
  [
    "serveDir() script prints version",
    "departure: other words",
    async () => assertEquals(await main(["--version"]), 0),
  ],
  [
    "serveDir() ignores query params",
    SAME,
    () => expect(get("/test_file.txt?key=value"), 200, TEXT),
  ],
  [
    "serveDir() script fails with partial TLS args",
    "departure: other words",
    async () => assertEquals(await main([".", "--cert", "x.pem"]), 2),
  ],
  [
    "serveDir() doesn't show directory listings",
    SAME,
    () => expect(get("/", {}, { showDirListing: false }), 404),
  ],
  ["serveDir() shows dotfiles when showDotfiles=true", SAME, async () => {
    await expect(get("/", {}, { showDotfiles: true }), 200, "./.dotfile");
    await expect(get("/.dotfile", {}, { showDotfiles: true }), 200, "dot");
  }],
  [
    "serveDir() doesn't show dotfiles when showDotfiles=false",
    "departure: that is the default; .well-known is served",
    async () => {
      assert(!(await get("/")).body.includes(".dotfile"));
      await expect(get("/.dotfile"), 404, "Not Found");
    },
  ],
  ["serveDir() shows .. if it makes sense", SAME, async () => {
    assert(!(await get("/")).body.includes('"../"'));
    await expect(get("/tls/"), 200, '"../"');
  }],
  [
    "serveDir() handles range request (bytes=0-0)",
    SAME,
    () => expectRange("bytes=0-0", 0, 1),
  ],
  [
    "serveDir() handles range request (bytes=0-100)",
    SAME,
    () => expectRange("bytes=0-100", 0, 101),
  ],
  [
    "serveDir() handles range request (bytes=300-)",
    SAME,
    () => expectRange("bytes=300-", 300, TEXT.length),
  ],
  [
    "serveDir() handles range request (bytes=-200)",
    SAME,
    () => expectRange("bytes=-200", TEXT.length - 200, TEXT.length),
  ],
  [
    "serveDir() clamps ranges that are too large (bytes=0-999999999)",
    SAME,
    () => expectRange("bytes=0-999999999", 0, TEXT.length),
  ],
  [
    "serveDir() clamps ranges that are too large (bytes=-999999999)",
    SAME,
    () => expectRange("bytes=-999999999", 0, TEXT.length),
  ],
  [
    "serveDir() handles bad range request (bytes=500-200)",
    SAME,
    () => expectUnsatisfiable("bytes=500-200"),
  ],
  [
    "serveDir() handles bad range request (bytes=99999-999999)",
    SAME,
    () => expectUnsatisfiable("bytes=99999-999999"),
  ],
  [
    "serveDir() handles bad range request (bytes=99999)",
    SAME,
    () => expectUnsatisfiable("bytes=99999-"),
  ],
  [
    "serveDir() ignores bad range request (bytes=100)",
    SAME,
    () => expect(get("/test_file.txt", { Range: "bytes=100" }), 200, TEXT),
  ],
  [
    "serveDir() ignores bad range request (bytes=a-b)",
    SAME,
    () => expect(get("/test_file.txt", { Range: "bytes=a-b" }), 200, TEXT),
  ],
  [
    "serveDir() ignores bad multi-range request (bytes=0-10, 20-30)",
    SAME,
    () =>
      expect(get("/test_file.txt", { Range: "bytes=0-10, 20-30" }), 200, TEXT),
  ],
  [
    "serveFile() serves ok response for empty file range request",
    SAME,
    () =>
      expect(get("/test_empty_file.txt", { Range: "bytes=0-100" }), 200, "", {
        "content-length": "0",
      }),
  ],
  [
    "serveDir() sets accept-ranges header to bytes for directory listing",
    "departure: a list is made anew each time, and has no ranges",
    async () => assertEquals((await get("/")).field("accept-ranges"), null),
  ],
  [
    "serveDir() sets accept-ranges header to bytes for file response",
    SAME,
    () =>
      expect(get("/test_file.txt"), 200, null, { "accept-ranges": "bytes" }),
  ],
  ["serveDir() sets headers if provided as arguments", SAME, () =>
    expect(
      get("/hello.html", {}, {
        headers: { "cache-control": "max-age=100", "x-custom-header": "hi" },
      }),
      200,
      null,
      { "cache-control": "max-age=100", "x-custom-header": "hi" },
    )],
  [
    "serveDir() sets etag header",
    "departure: a strong tag, so that If-Range works",
    async () =>
      assertMatch(
        (await get("/test_file.txt")).field("etag")!,
        /^"[0-9a-z]+-[0-9a-z]+"$/,
      ),
  ],
  [
    "serveDir() serves empty HTTP 304 response for if-none-match request of unmodified file",
    SAME,
    () =>
      expectConditional(
        ({ field }) => ({ "If-None-Match": field("etag")! }),
        304,
      ),
  ],
  [
    "serveDir() serves HTTP 304 response for if-modified-since request of unmodified file",
    SAME,
    () =>
      expectConditional(
        ({ field }) => ({ "If-Modified-Since": field("last-modified")! }),
        304,
      ),
  ],
  [
    "serveDir() only uses if-none-match header if if-non-match and if-modified-since headers are provided",
    SAME,
    () =>
      expectConditional(
        ({ field }) => ({
          "If-None-Match": '"not it"',
          "If-Modified-Since": field("last-modified")!,
        }),
        200,
      ),
  ],
  [
    "serveFile() serves test file",
    SAME,
    () => expect(get("/", {}, { file: "test_file.txt" }), 200, TEXT, TEXT_TYPE),
  ],
  [
    "serveFile() handles file not found",
    "departure: it throws where it is made",
    async () =>
      assertEquals(
        await get("/", {}, { file: "badfile.txt" }).catch((error) =>
          error.name
        ),
        "NotFound",
      ),
  ],
  [
    "serveFile() handles method not allowed",
    SAME,
    () =>
      expect(
        get("/", { "Content-Length": "0" }, {
          file: "test_file.txt",
          method: "POST",
        }),
        405,
      ),
  ],
  [
    "serveFile() serves HTTP 404 when the path is a directory",
    "departure: serveDir() takes both, and lists a directory",
    () => expect(get("/", {}, { file: "tls" }), 200, "cert"),
  ],
  [
    "serveFile() handles bad range request (bytes=200-500)",
    SAME,
    () => expectRange("bytes=200-500", 200, 501),
  ],
  [
    "serveFile() handles bad range request (bytes=500-200)",
    SAME,
    () => expectUnsatisfiable("bytes=500-200"),
  ],
  [
    "serveFile() serves HTTP 304 response for if-modified-since request of unmodified file",
    SAME,
    () =>
      expectConditional(
        ({ field }) => ({
          "If-None-Match": field("etag")!,
          "If-Modified-Since": field("last-modified")!,
        }),
        304,
      ),
  ],
  [
    "serveFile() only uses if-none-match header if if-non-match and if-modified-since headers are provided",
    SAME,
    () =>
      expectConditional(
        ({ field }) => ({
          "If-None-Match": field("etag")!,
          "If-Modified-Since": STALE,
        }),
        304,
      ),
  ],
  [
    "serveFile() etag value falls back to DENO_DEPLOYMENT_ID if fileInfo.mtime is not available",
    "departure: without a time there is no tag, since nothing tells versions apart",
    null,
  ],
  ["serveDir() without options serves files in current directory", SAME, () => {
    const handler = serveDir(".");
    assertEquals(typeof handler, "function");
  }],
  [
    "serveDir() with fsRoot and urlRoot option serves files in given directory",
    SAME,
    () =>
      expect(
        get("/my-static-root/hello.html", {}, { urlRoot: "my-static-root" }),
        200,
        "<p>hello",
      ),
  ],
  [
    "serveDir() serves index.html when showIndex is true",
    SAME,
    () =>
      expect(get("/subdir-with-index/", {}, { showIndex: true }), 200, "INDEX"),
  ],
  [
    "serveDir() doesn't serve index.html when showIndex is false",
    SAME,
    () =>
      expect(
        get("/subdir-with-index/", {}, {
          showIndex: false,
          showDirListing: false,
        }),
        404,
      ),
  ],
  [
    "serveDir() redirects a directory URL not ending with a slash if it has an index",
    "departure: the Location is a path",
    () =>
      expect(get("/subdir-with-index"), 301, null, {
        location: "./subdir-with-index/",
      }),
  ],
  [
    "serveDir() redirects a directory URL not ending with a slash correctly even with a query string",
    "departure: the Location is a path",
    () =>
      expect(get("/subdir-with-index?test"), 301, null, {
        location: "./subdir-with-index/?test",
      }),
  ],
  [
    "serveDir() redirects a file URL ending with a slash correctly even with a query string",
    "departure: the Location is a path",
    () =>
      expect(get("/test_file.txt/?test"), 301, null, {
        location: "/test_file.txt?test",
      }),
  ],
  [
    "serveDir() redirects non-canonical URLs",
    "departure: the Location is a path",
    async () => {
      await expect(get("//////test_file.txt/////?test"), 301, null, {
        location: "/test_file.txt/?test",
      });
      await expect(get("/test_file.txt/?test"), 301, null, {
        location: "/test_file.txt?test",
      });
    },
  ],
  [
    "serveDir() serves HTTP 304 for if-none-match requests with W/-prefixed etag",
    SAME,
    () =>
      expectConditional(
        ({ field }) => ({ "If-None-Match": `W/${field("etag")}` }),
        304,
      ),
  ],
  [
    "serveDir() resolves path correctly on Windows",
    "the same: names with a drive are refused there",
    null,
  ],
  [
    "serveDir() resolves empty sub-directory without asking for current directory read permissions on Windows",
    "the same: the current directory is never asked for",
    null,
  ],
  ["file_server prints local and network urls", "departure: other words", null],
  [
    "file_server doesn't print local network url without --allow-sys",
    SAME,
    null,
  ],
  [
    "file_server prints only local address on Deploy",
    "departure: that is no place for a server on sockets",
    null,
  ],
  [
    "serveFileHeadRequest",
    SAME,
    () =>
      expect(
        get("/", {}, { file: "test_file.txt", method: "HEAD" }),
        200,
        "",
        { ...TEXT_TYPE, "content-length": "10034" },
      ),
  ],
  ["serveDir() handles HEAD request for a file", SAME, async () => {
    const { status, body, field } = await get("/test_file.txt", {}, {
      method: "HEAD",
    });
    assertEquals([status, body, field("content-length")], [
      200,
      "",
      String(TEXT.length),
    ]);
    for (const name of ["etag", "last-modified", "accept-ranges"]) {
      assert(field(name) !== null, name);
    }
  }],
  [
    "serveDir() handles HEAD request for index.html",
    "departure: HEAD heeds conditions and ranges, as GET does",
    () =>
      expect(get("/subdir-with-index/", {}, { method: "HEAD" }), 200, "", {
        "content-length": "5",
      }),
  ],
  ["serveDir() handles HEAD request for directory listing", SAME, async () => {
    const { status, body, field } = await get("/", {}, { method: "HEAD" });
    assertEquals([status, body], [200, ""]);
    assert(Number(field("content-length")) > 0);
  }],
  [
    "serveDir() handles HEAD request for missing file",
    SAME,
    () => expect(get("/badfile", {}, { method: "HEAD" }), 404, ""),
  ],
  [
    "(unstable) serveDir() serves files without the need of html extension when cleanUrls=true",
    SAME,
    () => expect(get("/hello", {}, { cleanUrls: true }), 200, "<p>hello"),
  ],
  [
    "(unstable) serveDir() does not shadow existing files and directory if cleanUrls=true",
    SAME,
    () =>
      expect(get("/test_clean_urls", {}, { cleanUrls: true }), 301, null, {
        location: "./test_clean_urls/",
      }),
  ],
  [
    "(unstable) serveFile() sends custom headers",
    SAME,
    () =>
      expect(
        get("/", {}, {
          file: "hello.html",
          headers: new HeaderFields({ "X-Extra": "1" }),
        }),
        200,
        null,
        { "x-extra": "1" },
      ),
  ],
];

Deno.test("serveDir() does what the standard library's tests ask, or departs with a reason", async (context) => {
  assertEquals(BEHAVIOURS.length, 76);
  for (const [name, verdict, check] of BEHAVIOURS) {
    assertMatch(verdict, /^(?:the same|departure: )/);
    if (check !== null) {
      await context.step(`${name} (${verdict})`, async () => await check());
    }
  }
});
