import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  closedPort,
  latin1,
  octets,
  ok,
  type Responder,
  serveRaw,
} from "./_server.ts";
import {
  decideResume,
  strongValidator,
} from "../../client/_command/check_response.ts";
import { HeaderFields } from "../../message/header_fields.ts";
import { run } from "./_memory_io.ts";

/** A file on a server, which may change. */
interface ServedFile {
  content: Uint8Array;
  validator: string;
}

const RANGE_REGEXP = /^Range: bytes=(\d+)-/m;
const IF_RANGE_REGEXP = /^If-Range: (.*)$/m;

function makeBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, index) => (index * seed) >> 3);
}

/**
 * Responds as a correct server does, but sends at most `most(count)` bytes of a
 * body.
 */
function respondWithFile(
  file: ServedFile,
  most: (count: number) => number,
): Responder {
  return (request, count) => {
    const range = RANGE_REGEXP.exec(request)?.[1];
    const isSame =
      IF_RANGE_REGEXP.exec(request)?.[1]?.trim() === file.validator;
    const { length } = file.content;
    const from = range !== undefined && isSame ? Number(range) : 0;
    const fields = `ETag: ${file.validator}\r\nContent-Length: ${
      length - from
    }\r\n`;
    const head = from > 0
      ? `HTTP/1.0 206 Partial Content\r\nContent-Range: bytes ${from}-${
        length - 1
      }/${length}\r\n`
      : "HTTP/1.0 200 OK\r\n";
    const body = file.content.subarray(from, from + most(count));
    return { raw: `${head}${fields}\r\n${latin1(body)}` };
  };
}

/** Runs a test in a new folder, which is the working directory. */
function inFolder(
  test: (folder: string) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const cwd = Deno.cwd();
    const folder = await Deno.makeTempDir();
    Deno.chdir(folder);
    try {
      await test(folder);
    } finally {
      Deno.chdir(cwd);
      await Deno.remove(folder, { recursive: true });
    }
  };
}

async function expectCode(args: string[], code: number): Promise<void> {
  const result = await run(args);
  assertEquals(result.code, code, result.err);
}

function names(): string[] {
  return Array.from(Deno.readDirSync("."), ({ name }) => name).sort();
}

const ETAG = { path: "f", offset: 10, validator: '"a"' };
const DATE = { ...ETAG, validator: "Fri, 02 Jan 2026 10:00:00 GMT" };
const REST = { "ETag": '"a"', "Content-Range": "bytes 10-19/20" };

/**
 * A response to a request for the rest after ten bytes, and the decision or the
 * exit code.
 */
const DECISIONS: readonly (readonly [
  status: number,
  fields: Record<string, string>,
  point: typeof ETAG,
  expected: string | number,
])[] = [
  [200, {}, ETAG, "write"],
  [206, { ETag: '"a"', "Content-Range": "bytes 10-19/20" }, ETAG, "append"],
  [206, { ETag: '"a"', "Content-Range": "Bytes 10-19/20" }, ETAG, "append"],
  [206, { ETag: '"b"', "Content-Range": "bytes 10-19/20" }, ETAG, "restart"],
  [206, { ETag: 'W/"a"', "Content-Range": "bytes 10-19/20" }, ETAG, "restart"],
  [206, { "Content-Range": "bytes 10-19/20" }, ETAG, "restart"],
  [206, { "Content-Range": "bytes 10-19/20" }, DATE, "append"],
  [
    206,
    { "Last-Modified": DATE.validator, "Content-Range": "bytes 10-19/20" },
    DATE,
    "append",
  ],
  [
    206,
    {
      "Last-Modified": "Fri, 02 Jan 2026 10:00:01 GMT",
      "Content-Range": "bytes 10-19/20",
    },
    DATE,
    "restart",
  ],
  [206, { ETag: '"a"', "Content-Range": "bytes 9-19/20" }, ETAG, 33],
  [206, { ETag: '"a"', "Content-Range": "bytes 10-18/20" }, ETAG, 33],
  [206, { ETag: '"a"', "Content-Range": "bytes 10-19/*" }, ETAG, 33],
  [206, { ETag: '"a"' }, ETAG, 33],
  [206, { ...REST, "Content-Length": "9" }, ETAG, 33],
  [206, { ...REST, "Content-Length": "10" }, ETAG, "append"],
  [206, { ...REST, "Content-Length": "11" }, ETAG, 33],
  [416, { "Content-Range": "bytes */10" }, ETAG, "complete"],
  [416, { "Content-Range": "bytes */9" }, ETAG, "restart"],
  [416, { "Content-Range": "bytes */*" }, ETAG, "restart"],
  [416, {}, ETAG, "restart"],
  [200, { "Content-Range": "bytes 10-19/20" }, ETAG, 33],
  [200, { "Content-Range": "bytes 0-19/20" }, ETAG, 33],
  [304, {}, ETAG, 33],
  [503, {}, ETAG, 33],
];

for (const [status, fields, point, expected] of DECISIONS) {
  const given = `${status} ${JSON.stringify(fields)} after ${point.validator}`;
  Deno.test(`decideResume() for ${given} is ${expected}`, () => {
    const headers = new HeaderFields(fields);
    const end = headers.has("content-length") ? "length" : "close";
    const response = { status, end, headers } as const;
    if (typeof expected === "string") {
      assertEquals(decideResume(response, point), expected);
    } else {
      const error = assertThrows(() => decideResume(response, point));
      assertEquals((error as { exitCode?: number }).exitCode, expected);
    }
  });
}

const DAY = "Fri, 02 Jan 2026";

for (
  const [fields, expected] of [
    [{ ETag: '"a"' }, '"a"'],
    [{ ETag: 'W/"a"' }, null],
    [{ ETag: "a" }, null],
    [{}, null],
    [{ "Last-Modified": `${DAY} 10:00:00 GMT` }, null],
    [{
      "Date": `${DAY} 10:00:01 GMT`,
      "Last-Modified": `${DAY} 10:00:00 GMT`,
    }, `${DAY} 10:00:00 GMT`],
    [{
      "Date": `${DAY} 10:00:00 GMT`,
      "Last-Modified": `${DAY} 10:00:00 GMT`,
    }, null],
  ] as const
) {
  Deno.test(`strongValidator() of ${JSON.stringify(fields)} is ${expected}`, () => {
    assertEquals(strongValidator(new HeaderFields(fields)), expected);
  });
}

Deno.test(
  "main() gives a download its name only when it is complete",
  inFolder(async () => {
    const file = { content: makeBytes(50_000, 7919), validator: '"a"' };
    await using server = serveRaw(respondWithFile(file, () => 20_000));
    const { code, err } = await run(["-o", "f", server.url]);
    assertEquals(code, 18);
    assertEquals(names(), ["f.knock", "f.knock.json"]);
    assertStringIncludes(
      err,
      '20.0 kB are in "f.knock"; run it again with -C - to resume',
    );
  }),
);

Deno.test(
  "main() leaves nothing of a cut download that cannot be resumed",
  inFolder(async () => {
    const gzip = "Content-Encoding: gzip\r\n";
    const cases: readonly (readonly [string, string, string[]])[] = [
      ["200 OK", 'ETag: W/"a"\r\n', []],
      ["200 OK", 'ETag: "a"\r\n', ["-i"]],
      ["200 OK", `ETag: "a"\r\n${gzip}`, ["--compressed"]],
      ["404 Not Found", 'ETag: "a"\r\n', []],
    ];
    const packed = await packedBytes(makeBytes(50_000, 7919));
    for (const [status, fields, args] of cases) {
      const length = `Content-Length: ${packed.length}\r\n`;
      const head = `HTTP/1.0 ${status}\r\n${fields}${length}\r\n`;
      const raw = head + latin1(packed.subarray(0, -20));
      await using server = serveRaw(() => ({ raw }));
      for (const left of ["", "left by another run"]) {
        if (left !== "") await Deno.writeTextFile("f.knock", left);
        await expectCode([...args, "-o", "f", server.url], 18);
        assertEquals(names(), [], `${status} ${fields}`);
      }
    }
  }),
);

async function packedBytes(bytes: Uint8Array<ArrayBuffer>) {
  const gzip = new CompressionStream("gzip");
  return await new Response(new Blob([bytes]).stream().pipeThrough(gzip))
    .bytes();
}

Deno.test(
  "main() resumes a download that was cut ten times",
  inFolder(async () => {
    const file = { content: makeBytes(1_000_003, 104_729), validator: '"a"' };
    await using server = serveRaw(
      respondWithFile(file, (count) => count < 10 ? 90_001 : Infinity),
    );
    for (let cut = 0; cut < 10; cut++) {
      await expectCode(["-C", "-", "-o", "f", server.url], 18);
    }
    await expectCode(["-C", "-", "-o", "f", server.url], 0);
    assertEquals(await Deno.readFile("f"), file.content);
    assertEquals(names(), ["f"]);
    const ranges = server.requests.map((request) =>
      RANGE_REGEXP.exec(request)?.[1]
    );
    assertEquals(ranges, [
      undefined,
      ...Array.from({ length: 10 }, (_, i) => `${90_001 * (i + 1)}`),
    ]);
  }),
);

Deno.test(
  "main() starts over if the file changes between two cuts",
  inFolder(async () => {
    const file: ServedFile = {
      content: makeBytes(200_000, 7919),
      validator: '"a"',
    };
    await using server = serveRaw(
      respondWithFile(file, (count) => count < 2 ? 90_000 : Infinity),
    );
    await expectCode(["-C", "-", "-o", "f", server.url], 18);
    file.content = makeBytes(150_000, 104_729);
    file.validator = '"b"';
    await expectCode(["-C", "-", "-o", "f", server.url], 18);
    await expectCode(["-C", "-", "-o", "f", server.url], 0);
    assertEquals(await Deno.readFile("f"), file.content);
  }),
);

Deno.test(
  "main() --retry resumes a download",
  inFolder(async () => {
    const file = { content: makeBytes(300_000, 7919), validator: '"a"' };
    const sends = respondWithFile(
      file,
      (count) => count === 1 ? 100_000 : Infinity,
    );
    await using server = serveRaw(
      (request, count) =>
        count === 0
          ? { raw: "HTTP/1.0 503 Busy\r\nRetry-After: 0\r\n\r\n" }
          : sends(request, count),
    );
    const { code, err } = await run(["--retry", "2", "-o", "f", server.url]);
    assertEquals(code, 0);
    // As in curl, it doubles with each retry
    assertStringIncludes(err, "after 100000 of 300000 bytes; retrying in 2 s");
    assertEquals(await Deno.readFile("f"), file.content);
    assertEquals(RANGE_REGEXP.exec(server.requests[2]!)?.[1], "100000");
  }),
);

Deno.test("main() --retry does not repeat what is already on stdout", async () => {
  const file = { content: makeBytes(3_000, 7919), validator: '"a"' };
  await using server = serveRaw(respondWithFile(file, () => 1_000));
  const { code, stdout } = await run(["--retry", "3", server.url]);
  assertEquals([code, stdout.length, server.requests.length], [18, 1_000, 1]);
});

Deno.test("main() -i --retry does not repeat a head that is already on stdout", async () => {
  const raw = "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n";
  await using server = serveRaw(() => ({ raw }));
  const { code, out } = await run(["-i", "--retry", "1", server.url]);
  assertEquals([code, out, server.requests.length], [18, raw, 1]);
});

for (const sent of ["", "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhalf"]) {
  Deno.test(
    `main() -m limits each attempt of --retry after ${JSON.stringify(sent)}`,
    inFolder(async () => {
      await using server = serveRaw(() => ({ raw: sent, then: "hold" }));
      const args = ["-m", "0.2", "--retry", "1", "-o", "f", server.url];
      const { code } = await run(args);
      assertEquals([code, server.requests.length], [28, 2]);
    }),
  );
}

/** Flags, and the pauses of a server that stops within the first body. */
const SLOW: readonly (readonly [args: string, delay: number])[] = [
  ["-y 0.1", 0],
  ["-y 0.1 -m 9", 0],
  ["-y 0.1 -Y 9000", 50],
  ["-y 0.1 -Y 9000 -m 9", 50],
];

for (const [args, delay] of SLOW) {
  Deno.test(
    `main() ${args} --retry sends a second request after a body with pauses of ${delay} ms`,
    inFolder(async () => {
      const head = "HTTP/1.0 200 OK\r\nContent-Length: 999\r\n\r\n";
      const slow = { raw: head + "x".repeat(800), piece: 50, delay };
      await using server = serveRaw((_, count) =>
        count > 0 ? { raw: ok("a") } : { ...slow, then: "hold" }
      );
      const words = `${args} --retry 1 --retry-delay 0.001 -o f`.split(" ");
      const { code, err } = await run([...words, server.url]);
      assertEquals([code, server.requests.length], [0, 2], err);
      assertEquals(await Deno.readTextFile("f"), "a");
    }),
  );
}

/**
 * Responses to a request for the rest after 10 of 20 bytes, with the validator
 * "a".
 */
const REST_RESPONSES: readonly {
  readonly name: string;
  readonly response: string;
  /** The response to the request for all of it. */
  readonly next?: string;
  readonly code: number;
  readonly content: string | null;
  readonly requests: number;
}[] = [
  {
    name: "appends the rest",
    response:
      'HTTP/1.0 206 P\r\nETag: "a"\r\nContent-Range: bytes 10-19/20\r\nContent-Length: 10\r\n\r\nABCDEFGHIJ',
    code: 0,
    content: "0123456789ABCDEFGHIJ",
    requests: 1,
  },
  {
    name: "does not trust a 206 without the validator",
    response:
      "HTTP/1.0 206 P\r\nContent-Range: bytes 10-19/20\r\nContent-Length: 10\r\n\r\nABCDEFGHIJ",
    code: 0,
    content: "whole",
    requests: 2,
  },
  {
    name: "does not trust a 206 of another file",
    response:
      'HTTP/1.0 206 P\r\nETag: "b"\r\nContent-Range: bytes 10-19/20\r\nContent-Length: 10\r\n\r\nABCDEFGHIJ',
    code: 0,
    content: "whole",
    requests: 2,
  },
  {
    name: "refuses a 206 that starts elsewhere",
    response:
      'HTTP/1.0 206 P\r\nETag: "a"\r\nContent-Range: bytes 9-19/20\r\nContent-Length: 11\r\n\r\n9ABCDEFGHIJ',
    code: 33,
    content: null,
    requests: 1,
  },
  {
    name: "refuses a 206 that does not say where it starts",
    response:
      'HTTP/1.0 206 P\r\nETag: "a"\r\nContent-Length: 10\r\n\r\nABCDEFGHIJ',
    code: 33,
    content: null,
    requests: 1,
  },
  {
    name: "refuses a 206 that ends before the file does",
    response:
      'HTTP/1.0 206 P\r\nETag: "a"\r\nContent-Range: bytes 10-18/20\r\nContent-Length: 9\r\n\r\nABCDEFGHI',
    code: 33,
    content: null,
    requests: 1,
  },
  {
    name: "does not take a part that was cut for all of it",
    response:
      'HTTP/1.0 206 P\r\nETag: "a"\r\nContent-Range: bytes 10-19/20\r\n\r\nABC',
    code: 18,
    content: null,
    requests: 1,
  },
  {
    name: "takes no more bytes than the range of the part has",
    response:
      'HTTP/1.0 206 P\r\nETag: "a"\r\nContent-Range: bytes 10-19/20\r\n\r\nABCDEFGHIJK',
    code: 8,
    content: null,
    requests: 1,
  },
  {
    name: "does not take an error page for the whole file",
    response:
      "HTTP/1.0 206 P\r\nContent-Range: bytes 10-19/20\r\nContent-Length: 10\r\n\r\nABCDEFGHIJ",
    next: "HTTP/1.0 503 Busy\r\nContent-Length: 2\r\n\r\nno",
    code: 22,
    content: null,
    requests: 2,
  },
  {
    name: "does not take a second 416 for the whole file",
    response: "HTTP/1.0 416 R\r\nContent-Length: 2\r\n\r\nno",
    next: "HTTP/1.0 416 R\r\nContent-Length: 2\r\n\r\nno",
    code: 22,
    content: null,
    requests: 2,
  },
  {
    name: "uses a 200 as the whole file",
    response: ok("whole"),
    code: 0,
    content: "whole",
    requests: 1,
  },
  {
    name: "recognizes a complete file by a 416",
    response:
      "HTTP/1.0 416 R\r\nContent-Range: bytes */10\r\nContent-Length: 2\r\n\r\nno",
    code: 0,
    content: "0123456789",
    requests: 1,
  },
  {
    name: "recognizes by a 416 that the file is shorter now",
    response:
      "HTTP/1.0 416 R\r\nContent-Range: bytes */5\r\nContent-Length: 2\r\n\r\nno",
    code: 0,
    content: "whole",
    requests: 2,
  },
  {
    name: "does not append an error page",
    response: "HTTP/1.0 503 Busy\r\nContent-Length: 2\r\n\r\nno",
    code: 22,
    content: null,
    requests: 1,
  },
];

for (const row of REST_RESPONSES) {
  const { name, response, next = ok("whole"), code, content, requests } = row;
  Deno.test(
    `main() -C - ${name}`,
    inFolder(async () => {
      await using server = serveRaw((_, count) => ({
        raw: count === 0 ? response : next,
      }));
      await Deno.writeTextFile("f.knock", "0123456789");
      await Deno.writeTextFile(
        "f.knock.json",
        JSON.stringify({ url: server.url, validator: '"a"' }),
      );
      const result = await run(["-C", "-", "-o", "f", server.url]);
      assertEquals(result.code, code, result.err);
      assertEquals(server.requests.length, requests);
      assertEquals(RANGE_REGEXP.exec(server.requests[0]!)?.[1], "10");
      const startsOver = content === "whole" || requests > 1;
      assertEquals(result.err.includes("starts over"), startsOver);
      if (content === null) {
        const body = response.slice(response.indexOf("\r\n\r\n") + 4);
        const part = "0123456789" + ([8, 18].includes(code) ? body : "");
        assertEquals(await Deno.readTextFile("f.knock"), part);
        assertEquals(names(), ["f.knock", "f.knock.json"]);
      } else {
        assertEquals(await Deno.readTextFile("f"), content);
        assertEquals(names(), ["f"]);
      }
    }),
  );
}

Deno.test(
  "main() --max-filesize counts the bytes that are already there",
  inFolder(async () => {
    const file = { content: makeBytes(20, 7919), validator: '"a"' };
    await using server = serveRaw(
      respondWithFile(file, (count) => count === 0 ? 10 : Infinity),
    );
    const args = ["--max-filesize", "20", "-C", "-", "-o", "f", server.url];
    await expectCode(args, 18);
    await expectCode(["--max-filesize", "15", ...args.slice(2)], 63);
    await expectCode(args, 0);
    assertEquals(server.requests.length, 3);
  }),
);

Deno.test(
  "main() -C - resumes only a download of the same URL",
  inFolder(async () => {
    await using server = serveRaw(() => ({ raw: ok("whole") }));
    for (
      const origin of [
        '{"url":"http://other/","validator":"\\"a\\""}',
        "{",
        "[1]",
        "null",
        JSON.stringify({ url: server.url }),
        JSON.stringify({ url: server.url, validator: 1 }),
      ]
    ) {
      await Deno.writeTextFile("f.knock", "0123456789");
      await Deno.writeTextFile("f.knock.json", origin);
      await expectCode(["-C", "-", "-o", "f", server.url], 0);
      assertEquals(await Deno.readTextFile("f"), "whole");
    }
    assertEquals(
      server.requests.filter((request) => RANGE_REGEXP.test(request)),
      [],
    );
  }),
);

Deno.test(
  "main() keeps a single byte if it can resume after it",
  inFolder(async () => {
    for (
      const [fields, told] of [["", /kept.* 1 B/], [
        'ETag: "1"\r\n',
        /^1 B/,
      ]] as const
    ) {
      await using server = serveRaw(() => ({
        raw: ok("ab", fields).slice(0, -1),
      }));
      const { code, err } = await run(["-o", "f", server.url]);
      assertEquals([code, names().length], [18, fields === "" ? 0 : 2]);
      assertMatch(err, told);
    }
  }),
);

Deno.test(
  "main() resumes what an earlier run left only with -C -",
  inFolder(async () => {
    const raw = ok("whole", 'ETag: "b"\r\n');
    await using server = serveRaw((_, count) => ({
      raw: count === 0 ? raw.slice(0, -2) : raw,
    }));
    const origin = { url: server.url, validator: '"a"' };
    await Deno.writeTextFile("f.knock", "0123456789");
    await Deno.writeTextFile("f.knock.json", JSON.stringify(origin));
    const { code, err } = await run(["-o", "f", server.url]);
    assertEquals(code, 18);
    assertMatch(err, /^3 B are in "f.knock"/);
    await expectCode(["-o", "f", server.url], 0);
    assertEquals(RANGE_REGEXP.test(server.requests.join()), false);
    assertEquals(names(), ["f"]);
  }),
);

Deno.test(
  "main() -C - uses a date as validator only if it was a second old",
  inFolder(async () => {
    const fields = (seconds: string) =>
      `Date: Fri, 02 Jan 2026 10:00:01 GMT\r\nLast-Modified: Fri, 02 Jan 2026 10:00:${seconds} GMT\r\n`;
    for (const [seconds, isStrong] of [["00", true], ["01", false]] as const) {
      const raw = `HTTP/1.0 200 OK\r\n${
        fields(seconds)
      }Content-Length: 9\r\n\r\n123`;
      await using server = serveRaw(() => ({ raw }));
      await expectCode(["-o", "f", server.url], 18);
      assertEquals(names(), isStrong ? ["f.knock", "f.knock.json"] : []);
      for (const name of names()) await Deno.remove(name);
    }
  }),
);

Deno.test(
  "main() keeps what an earlier run left if it cannot connect",
  inFolder(async () => {
    await Deno.writeTextFile("f.knock", "0123456789");
    await Deno.writeTextFile("f.knock.json", "{}");
    await expectCode(["-o", "f", `http://127.0.0.1:${closedPort()}/`], 7);
    assertEquals(names(), ["f.knock", "f.knock.json"]);
  }),
);

Deno.test(
  "main() does not write a file that another run is writing",
  inFolder(async () => {
    await using server = serveRaw(() => ({ raw: ok("body") }));
    for (const isExclusive of [true, false]) {
      using file = await Deno.open("f.knock", { write: true, create: true });
      await file.lock(isExclusive);
      const { code, err } = await run(["-o", "f", server.url]);
      assertEquals([code, server.requests.length], [23, 0]);
      assertStringIncludes(err, "another run is writing");
    }
  }),
);

Deno.test(
  "main() replaces a file with -o, and keeps its permissions",
  inFolder(async () => {
    await Deno.writeTextFile("f", "old");
    await Deno.symlink("f", "link");
    await using server = serveRaw(() => ({ raw: ok("new") }));
    for (const mode of [0o600, 0o640, 0o755]) {
      await Deno.chmod("f", mode);
      await expectCode(["-o", "link", server.url], 0);
      assertEquals(await Deno.readTextFile("f"), "new");
      assertEquals((await Deno.stat("f")).mode! & 0o7777, mode);
      assertEquals(names(), ["f", "link"]);
    }
  }),
);

Deno.test(
  "main() -O never overwrites a file",
  inFolder(async () => {
    await Deno.writeTextFile("f.txt", "old");
    await using server = serveRaw(() => ({ raw: ok("new") }));
    const { code, err } = await run(["-O", `${server.url}f.txt`]);
    assertEquals([code, server.requests.length], [23, 0]);
    assertEquals(
      err,
      'knock: Cannot write "f.txt": it exists already; -o NAME would replace it\n',
    );
    assertEquals(await Deno.readTextFile("f.txt"), "old");
  }),
);

Deno.test(
  "main() -O does not overwrite a file that appears during the download",
  inFolder(async () => {
    await using server = serveRaw(() => {
      Deno.writeTextFileSync("f.txt", "old");
      return { raw: ok("new") };
    });
    const { code, err } = await run(["-O", `${server.url}f.txt`]);
    assertEquals(code, 23);
    assertStringIncludes(err, "it exists already; -o NAME would replace it");
    assertEquals(await Deno.readTextFile("f.txt"), "old");
  }),
);

Deno.test(
  "main() -O takes the name from the user's URL, never from the server",
  inFolder(async () => {
    await using server = serveRaw((request) =>
      request.startsWith("GET /mine.txt")
        ? {
          raw:
            "HTTP/1.0 302 F\r\nLocation: /.profile\r\nContent-Length: 0\r\n\r\n",
        }
        : {
          raw: ok(
            "body",
            "Content-Disposition: attachment; filename=../../evil\r\n",
          ),
        }
    );
    await expectCode(["-LO", `${server.url}mine.txt`], 0);
    assertEquals(names(), ["mine.txt"]);
  }),
);

for (const path of [".profile", "-rf", "folder/.profile/", ".x?a"]) {
  Deno.test(
    `main() -O refuses the name "${path}"`,
    inFolder(async () => {
      await using server = serveRaw(() => ({ raw: ok("body") }));
      const { code, err } = await run(["-O", server.url + path]);
      assertEquals([code, server.requests.length], [23, 0]);
      assertMatch(
        err,
        /^knock: Cannot name a file ".*", as in the URL: use -o NAME\n$/,
      );
      assertEquals(names(), []);
    }),
  );
}

Deno.test(
  "main() writes to a named pipe, and does not replace it",
  inFolder(async () => {
    await new Deno.Command("mkfifo", { args: ["pipe"] }).output();
    await using server = serveRaw(() => ({ raw: ok("body") }));
    const reading = new Deno.Command("cat", { args: ["pipe"] }).output();
    await expectCode(["-o", "pipe", server.url], 0);
    assertEquals(new TextDecoder().decode((await reading).stdout), "body");
    const other = new Deno.Command("cat", { args: ["pipe"] }).output();
    await expectCode(["-D", "pipe", server.url], 0);
    assertMatch(new TextDecoder().decode((await other).stdout), /^HTTP.*200/);
    assertEquals((await Deno.lstat("pipe")).isFifo, true);
  }),
);

Deno.test(
  "main() says in one line why it cannot write",
  inFolder(async () => {
    await Deno.mkdir("folder");
    await using server = serveRaw(() => ({ raw: ok("body") }));
    for (
      const [name, reason] of [
        ["folder", "it is a folder"],
        ["none/f", "no such file or directory"],
      ]
    ) {
      const { code, err } = await run(["-o", name!, server.url]);
      assertEquals(code, 23);
      assertEquals(err, `knock: Cannot write "${name}": ${reason}\n`);
    }
    assertEquals(server.requests.length, 0);
  }),
);

Deno.test(
  "main() -OJ -C - uses the name in a response that has only the rest, too",
  inFolder(async () => {
    const fields = 'ETag: "1"\r\nContent-Disposition: x; filename=b\r\n';
    const rest = `HTTP/1.0 206 P\r\n${fields}Content-Range: bytes 3-5/6\r\n`;
    await using server = serveRaw((_, count) => ({
      raw: count === 0
        ? ok("abcdef", fields).slice(0, -3)
        : `${rest}Content-Length: 3\r\n\r\ndef`,
    }));
    const args = ["-OJ", "-C", "-", `${server.url}a`];
    await expectCode(args, 18);
    await expectCode(args, 0);
    assertEquals(await Deno.readTextFile("b"), "abcdef");
    assertEquals(names(), ["b"]);
  }),
);

Deno.test(
  "main() -f -C - succeeds on a 416 that says that the file is complete",
  inFolder(async () => {
    const raw =
      "HTTP/1.0 416 R\r\nContent-Range: bytes */3\r\nContent-Length: 0\r\n\r\n";
    await using server = serveRaw(() => ({ raw }));
    const origin = JSON.stringify({ url: server.url, validator: '"a"' });
    await Deno.writeTextFile("f.knock", "abc");
    await Deno.writeTextFile("f.knock.json", origin);
    await expectCode(["-f", "-C", "-", "-o", "f", server.url], 0);
    assertEquals(names(), ["f"]);
  }),
);

Deno.test(
  "main() creates no file for a request that cannot be sent",
  inFolder(async () => {
    await expectCode(["-H", "wrong", "-o", "f", "http://127.0.0.1:1/"], 2);
    const url = `http://127.0.0.1:${closedPort()}/`;
    const { code, err } = await run(["-o", "f", url]);
    assertEquals([code, err.includes("kept")], [7, false]);
    assertEquals(names(), []);
  }),
);

Deno.test("main() --parallel keeps bodies apart, even if a transfer between them fails", async () => {
  await using slow = serveRaw(() => ({
    raw: ok("slow\n"),
    piece: 10,
    delay: 30,
  }));
  await using quick = serveRaw(() => ({ raw: ok("quick\n") }));
  const closed = `http://127.0.0.1:${closedPort()}/`;
  const { code, out } = await run(["-sZ", slow.url, closed, quick.url]);
  assertEquals([code, out], [7, "slow\nquick\n"]);
});

/**
 * Accepts as many connections as there are responses, and only then responds,
 * to the last one first.
 */
async function serveTogether(
  listener: Deno.Listener,
  responses: readonly string[],
): Promise<void> {
  const connections: [Deno.Conn, string][] = [];
  const block = new Uint8Array(4_096);
  while (connections.length < responses.length) {
    const connection = await listener.accept();
    const count = await connection.read(block);
    const request = latin1(block.subarray(0, count ?? 0));
    const index = Number(/^GET \/(\d)/.exec(request)?.[1]);
    connections.push([connection, responses[index]!]);
  }
  for (const [connection, response] of connections.reverse()) {
    await connection.write(octets(response));
    connection.close();
  }
}

Deno.test("main() --parallel fetches all URLs at the same time, and writes the bodies in order", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = serveTogether(listener, [ok("a\n"), ok("b\n"), ok("c\n")]);
  const { port } = listener.addr as Deno.NetAddr;
  const urls = [0, 1, 2].map((index) => `http://127.0.0.1:${port}/${index}`);
  const { code, out } = await run(["-Z", "-m", "10", ...urls]);
  assertEquals([code, out], [0, "a\nb\nc\n"]);
  await serving;
});

Deno.test(
  "main() --parallel writes the file of -D before its turn on stdout",
  inFolder(async () => {
    const sent = Promise.withResolvers<string>();
    // More than the sockets hold, so that it is read until it ends
    async function* listBlocks() {
      for (let count = 0; count < 256; count++) yield new Uint8Array(65_536);
      sent.resolve("first\n");
    }
    await using server = Deno.serve(
      { port: 0, onListen() {} },
      async (request) =>
        new Response(
          request.url.endsWith("/b")
            ? ReadableStream.from(listBlocks())
            : await sent.promise,
        ),
    );
    const url = `http://127.0.0.1:${server.addr.port}`;
    const args = ["-Z", "-m", "5", `${url}/a`, "--next", "-m", "5"];
    const { code, out } = await run(
      [...args, "-D", "heads", "-o", "b", `${url}/b`],
    );
    assertEquals([code, out], [0, "first\n"]);
    assertMatch(await Deno.readTextFile("heads"), /^HTTP\/1\.\d 200 OK\r\n/);
  }),
);

/** A range for `-r`, the head of the response, and the exit code. */
const PARTS: readonly (readonly [range: string, head: string, code: number])[] =
  [
    ["0-4", "206 P\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5", 0],
    ["0-99", "206 P\r\nContent-Range: bytes 0-4/5\r\nContent-Length: 5", 0],
    ["4-", "206 P\r\nContent-Range: bytes 4-8/9\r\nContent-Length: 5", 0],
    ["-5", "206 P\r\nContent-Range: bytes 4-8/9\r\nContent-Length: 5", 0],
    ["0-4", "206 P\r\nContent-Range: bytes 0-4/*\r\nContent-Length: 5", 0],
    ["0-4,6-7", "206 P\r\nContent-Length: 5", 0],
    ["0-4,6-7", "200 OK\r\nContent-Length: 5", 0],
    ["0-4", "206 P\r\nContent-Length: 5", 0],
    ["1-5", "206 P\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5", 33],
    ["0-3", "206 P\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5", 33],
    ["-4", "206 P\r\nContent-Range: bytes 4-8/9\r\nContent-Length: 5", 33],
    ["-5", "206 P\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5", 33],
    ["0-3", "206 P\r\nContent-Range: bytes 0-3/9\r\nContent-Length: 5", 33],
    ["4-", "206 P\r\nContent-Range: bytes 4-8/9\r\nContent-Length: 7", 33],
    ["4-", "206 P\r\nContent-Range: bytes 4-8/9\r\nContent-Length: 6", 33],
    ["0-3", "200 OK\r\nContent-Length: 5", 33],
    ["1-", "200 OK\r\nContent-Length: 5", 33],
    ["-4", "200 OK\r\nContent-Length: 5", 33],
    ["0-9", "200 OK", 33],
    ["1-", "200 OK", 33],
    ["0-", "200 OK", 0],
    ["0-", "200 OK\r\nContent-Length: 5", 0],
    ["0-4", "200 OK\r\nContent-Length: 5", 0],
    ["0-4", "200 OK\r\nContent-Length: 5, 5", 0],
    ["0-99", "200 OK\r\nContent-Length: 5", 0],
    ["-99", "200 OK\r\nContent-Length: 5", 0],
    ["0-3", "404 N\r\nContent-Length: 5", 0],
    ["0-4", "206 P\r\nContent-Range: bytes 0-4/9", 0],
    ["0-3", "206 P\r\nContent-Range: bytes 0-3/9", 8],
    ["0-6", "206 P\r\nContent-Range: bytes 0-6/9", 18],
    ["0-6", "206 P\r\nContent-Range: bytes 0-6/9\r\nContent-Length: 5", 18],
  ];

for (const [range, head, code] of PARTS) {
  Deno.test(`main() -r ${range} exits with ${code} for ${JSON.stringify(head)}`, async () => {
    const raw = `HTTP/1.0 ${head}\r\n\r\nhello`;
    await using server = serveRaw(() => ({ raw }));
    const result = await run(["-r", range, server.url]);
    const out = code === 33 ? "" : "hello";
    assertEquals([result.code, result.out], [code, out]);
    if (code === 33) {
      assertMatch(result.err, /^knock: Cannot get "bytes=.*\n$/);
      const isWhole = head.startsWith("200");
      assertEquals(result.err.includes("status 200"), isWhole);
    }
    const own = ["-r", "99-", "-H", `range: bytes=${range}`, server.url];
    assertEquals((await run(own)).code, code);
    assertEquals((await run(own.slice(2))).code, code);
  });
}

/**
 * The fields and the body of a 200, cut or whole, in response to a request for
 * the rest after 10 bytes; and the files that are kept then.
 */
const NEW_STARTS: readonly (readonly [
  name: string,
  head: string,
  body: string,
  files: Record<string, string>,
])[] = [
  ["shorter", 'ETag: "b"', "abcde", { "f.knock": "0123456789", ETAG: '"a"' }],
  ["equal", 'ETag: "b"', "abcdefghij", {
    "f.knock": "0123456789",
    ETAG: '"a"',
  }],
  ["longer", 'ETag: "b"', "abcdefghijk", {
    "f.knock": "abcdefghijk",
    ETAG: '"b"',
  }],
  ["longer, but cannot be resumed", "A: b", "abcdefghijk", {
    "f.knock": "0123456789",
    ETAG: '"a"',
  }],
  ["whole", 'ETag: "b"', "a".repeat(50), { f: "a".repeat(50) }],
];

for (const [name, fields, body, files] of NEW_STARTS) {
  Deno.test(
    `main() -C - keeps the longer part if the server starts over: ${name}`,
    inFolder(async () => {
      const raw =
        `HTTP/1.0 200 OK\r\n${fields}\r\nContent-Length: 50\r\n\r\n${body}`;
      await using server = serveRaw(() => ({ raw }));
      const origin = { url: server.url, validator: '"a"' };
      await Deno.writeTextFile("f.knock", "0123456789");
      await Deno.writeTextFile("f.knock.json", JSON.stringify(origin));
      const { code, err } = await run(["-C", "-", "-o", "f", server.url]);
      assertEquals(code, body.length === 50 ? 0 : 18);
      assertStringIncludes(err, "the server starts over instead of resuming");
      const found: Record<string, string> = {};
      for (const each of names()) {
        const text = await Deno.readTextFile(each);
        if (each === "f.knock.json") found.ETAG = JSON.parse(text).validator;
        else found[each] = text;
      }
      assertEquals(found, files);
      if (code === 18) assertMatch(err, /^1[01] B are in "f.knock"; run /m);
    }),
  );
}

for (const body of ["abcde", "abcdefghij", "abcdefghijk"]) {
  Deno.test(
    `main() -C - keeps the longer part if ${body.length} bytes end with the connection`,
    inFolder(async () => {
      await using server = serveRaw(() => ({
        raw: `HTTP/1.0 200 OK\r\n\r\n${body}`,
      }));
      const origin = { url: server.url, validator: '"a"' };
      await Deno.writeTextFile("f.knock", "0123456789");
      await Deno.writeTextFile("f.knock.json", JSON.stringify(origin));
      await expectCode(["-C", "-", "-o", "f", server.url], 0);
      assertEquals(await Deno.readTextFile("f"), body);
      const isLonger = body.length >= 10;
      assertEquals(
        names(),
        isLonger ? ["f"] : ["f", "f.knock", "f.knock.json"],
      );
      if (isLonger) return;
      assertEquals(await Deno.readTextFile("f.knock"), "0123456789");
      const kept = JSON.parse(await Deno.readTextFile("f.knock.json"));
      assertEquals(kept, origin);
    }),
  );
}

/** The fields of a 200, and its strong validator, if it has one. */
const VALIDATORS: readonly (readonly [
  fields: Record<string, string>,
  validator: string | null,
])[] = [
  [{ ETag: '"a"' }, '"a"'],
  [{ ETag: 'W/"a"' }, null],
  [{}, null],
  [{ Date: "Fri, 02 Jan 2026 10:00:00 GMT" }, null],
  [{ "Last-Modified": DATE.validator }, null],
  [{ Date: "today", "Last-Modified": DATE.validator }, null],
  [{ Date: "Fri, 02 Jan 2026 10:00:01 GMT", "Last-Modified": "now" }, null],
  [
    {
      Date: "Fri, 02 Jan 2026 10:00:00 GMT",
      "Last-Modified": DATE.validator,
    },
    null,
  ],
  [
    {
      Date: "Fri, 02 Jan 2026 10:00:01 GMT",
      "Last-Modified": DATE.validator,
    },
    DATE.validator,
  ],
];

for (const [fields, validator] of VALIDATORS) {
  Deno.test(`strongValidator() of ${JSON.stringify(fields)} is ${validator}`, () => {
    assertEquals(strongValidator(new HeaderFields(fields)), validator);
  });
}

/** What somebody else may have put in place of the partial file. */
const TRAPS: readonly (readonly [name: string, set: () => unknown])[] = [
  ["a link", () => Deno.symlink("secret", "f.knock")],
  ["a link to nothing", () => Deno.symlink("none", "f.knock")],
  ["a second name", () => Deno.link("secret", "f.knock")],
  ["a pipe", () => new Deno.Command("mkfifo", { args: ["f.knock"] }).output()],
  ["a folder", () => Deno.mkdir("f.knock")],
];

for (const [name, set] of TRAPS) {
  Deno.test(
    `main() never writes to ${name} in place of the partial file`,
    inFolder(async () => {
      await Deno.writeTextFile("secret", "secret");
      await set();
      await using server = serveRaw(() => ({ raw: ok("body") }));
      for (const args of [["-o", "f"], ["-C", "-", "-o", "f"]]) {
        const { code, err } = await run([...args, server.url]);
        assertEquals([code, server.requests.length], [23, 0]);
        assertMatch(err, /^knock: Cannot write "f": "f.knock" is in the way: /);
      }
      assertEquals(await Deno.readTextFile("secret"), "secret");
      assertEquals(names(), ["f.knock", "secret"]);
    }),
  );
}

Deno.test(
  "main() does not follow a link that appears in place of NAME.knock.json",
  inFolder(async () => {
    await Deno.writeTextFile("secret", "secret");
    await using server = serveRaw(() => ({ raw: ok("hi", 'ETag: "a"\r\n') }));
    const { removeSync } = Deno;
    Deno.removeSync = (path) => {
      try {
        removeSync(path);
      } finally {
        if (path === "f.knock.json") Deno.symlinkSync("secret", path);
      }
    };
    try {
      await expectCode(["-o", "f", server.url], 23);
    } finally {
      Deno.removeSync = removeSync;
    }
    assertEquals(await Deno.readTextFile("secret"), "secret");
  }),
);

Deno.test(
  "main() does not write to a file that has replaced the partial one",
  inFolder(async () => {
    await Deno.writeTextFile("f.knock", "part");
    await using server = serveRaw(() => ({ raw: ok("body") }));
    const { lstatSync, openSync } = Deno;
    const opened: Deno.FsFile[] = [];
    Deno.lstatSync = (path) => {
      const info = lstatSync(path);
      return path === "f.knock" ? { ...info, ino: info.ino! + 1 } : info;
    };
    Deno.openSync = (...args) => {
      const file = openSync(...args);
      opened.push(file);
      return file;
    };
    try {
      const { code, err } = await run(["-C", "-", "-o", "f", server.url]);
      assertEquals([code, server.requests.length], [23, 0]);
      assertStringIncludes(err, '"f.knock" is in the way: ');
    } finally {
      Object.assign(Deno, { lstatSync, openSync });
    }
    assertEquals(opened.length, 1);
    assertThrows(() => opened[0]!.statSync(), Deno.errors.BadResource);
    assertEquals(await Deno.readTextFile("f.knock"), "part");
  }),
);

Deno.test(
  "main() neither follows a link nor waits for a pipe in place of NAME.knock.json",
  inFolder(async () => {
    const raw = 'HTTP/1.0 200 OK\r\nETag: "a"\r\nContent-Length: 9\r\n\r\nabc';
    await using server = serveRaw(() => ({ raw }));
    await Deno.writeTextFile("secret", "secret");
    await Deno.symlink("secret", "f.knock.json");
    await expectCode(["-C", "-", "-o", "f", server.url], 18);
    assertEquals(await Deno.readTextFile("secret"), "secret");
    assertEquals((await Deno.lstat("f.knock.json")).isFile, true);
    await Deno.remove("f.knock.json");
    await new Deno.Command("mkfifo", { args: ["f.knock.json"] }).output();
    await expectCode(["-C", "-", "-o", "f", server.url], 18);
    assertEquals((await Deno.lstat("f.knock.json")).isFile, true);
  }),
);

for (const length of [231, 250, 255]) {
  Deno.test(
    `main() downloads to a name of ${length} bytes, and resumes it`,
    inFolder(async () => {
      const file = { content: makeBytes(50_000, 7919), validator: '"a"' };
      await using server = serveRaw(
        respondWithFile(file, (count) => count === 0 ? 20_000 : Infinity),
      );
      const name = "é".repeat(length >> 1) + "x".repeat(length & 1);
      const args = ["-C", "-", "-o", name, server.url];
      await expectCode(args, 18);
      await expectCode(args, 0);
      assertEquals(RANGE_REGEXP.exec(server.requests[1]!)?.[1], "20000");
      assertEquals(names(), [name]);
      assertEquals(await Deno.readFile(name), file.content);
    }),
  );
}

Deno.test(
  "main() says in which downloads the end of the body cannot be checked",
  inFolder(async () => {
    await using server = serveRaw(() => ({ raw: "HTTP/1.0 200 OK\r\n\r\nhi" }));
    await using sized = serveRaw(() => ({ raw: ok("hi") }));
    const gzip = new Response("hi").body!.pipeThrough(
      new CompressionStream("gzip"),
    );
    const coded = latin1(await new Response(gzip).bytes());
    await using zipped = serveRaw(() => ({
      raw: `HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n${coded}`,
    }));
    const note = /^knock: the body ended with the connection, .*\n/m;
    for (
      const [words, url, isTold] of [
        ["-o f", server.url, true],
        ["-v -o -", server.url, true],
        ["--explain", server.url, true],
        ["-v -s", server.url, true],
        ["-s -o f", server.url, false],
        ["-o -", server.url, false],
        ["-o /dev/null", server.url, false],
        ["-I", server.url, false],
        ["-v -o f", sized.url, false],
        ["-o f", zipped.url, true],
        ["--compressed -o f", zipped.url, false],
      ] as const
    ) {
      const { code, err } = await run([...words.split(" "), url]);
      assertEquals([code, note.test(err)], [0, isTold], words);
    }
  }),
);

Deno.test(
  "main() exits with 23 if NAME.knock.json cannot be written",
  inFolder(async () => {
    await using server = serveRaw(() => ({ raw: ok("hi", 'ETag: "a"\r\n') }));
    await Deno.mkdir("f.knock.json/x", { recursive: true });
    const { code, err } = await run(["-o", "f", server.url]);
    assertEquals(code, 23);
    assertMatch(err, /knock: Cannot write "f": .*\n$/);
    assertEquals(names().includes("f"), false);
  }),
);

Deno.test({
  name: "main() -o leaves a write-protected file alone",
  ignore: Deno.uid() === 0, // root may write to any file
  fn: inFolder(async () => {
    await Deno.writeTextFile("f", "old", { mode: 0o444 });
    await using server = serveRaw(() => ({ raw: ok("new") }));
    await expectCode(["-o", "f", server.url], 23);
    assertEquals(await Deno.readTextFile("f"), "old");
    assertEquals(server.requests.length, 0);
  }),
});
