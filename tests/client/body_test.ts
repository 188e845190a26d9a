import fc from "npm:fast-check@^4.10.2";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  ClientError,
  get,
  type HttpClientResponse,
  request,
  type TraceEvent,
} from "../../client/mod.ts";
import { latin1, octets, ok, serveRaw, serveReset } from "./_server.ts";

// [case, response, code, part of the message]
const BROKEN: [string, string, string, string][] = [
  [
    "a short body",
    "HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\nhello",
    "truncated",
    "closed after 5 of 10 bytes",
  ],
  [
    "no body despite a Content-Length",
    "HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\n",
    "truncated",
    "after 0 of 10 bytes",
  ],
  [
    "a cut chunk",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello",
    "truncated",
    "before its last chunk, after 5 bytes",
  ],
  [
    "no last chunk",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "truncated",
    "before its last chunk",
  ],
  [
    "a cut last chunk",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "truncated",
    "before its last chunk",
  ],
  [
    "a chunk without a size",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello",
    "truncated",
    "before its last chunk",
  ],
];

for (const [what, raw, code, message] of BROKEN) {
  Deno.test(`request() fails on ${what}`, async () => {
    await using server = serveRaw(() => ({ raw }));
    const error = await assertRejects(
      async () => await (await get(server.url)).text(),
      ClientError,
      message,
    );
    assertEquals([error.code, error.step, error.exitCode], [
      code,
      "exchange",
      18,
    ]);
    await assertRejects(
      async () => {
        for await (const _ of (await get(server.url)).body);
      },
      ClientError,
      message,
    );
  });
}

Deno.test("request() fails on a body that ends in a reset, with or without a length", async () => {
  for (const fields of ["", "Content-Length: 100\r\n"]) {
    await using server = await serveReset(
      `HTTP/1.0 200 OK\r\n${fields}\r\nhello`,
    );
    const error = await assertRejects(
      async () => await (await get(server.url)).text(),
      ClientError,
      "Cannot read body: the other side reset the connection after 5 bytes",
    );
    assertEquals([error.code, error.exitCode], ["reset", 56]);
    assert(error.cause instanceof Deno.errors.ConnectionReset);
  }
});

Deno.test("request() distinguishes an empty reply from a cut head", async () => {
  await using empty = serveRaw(() => ({ raw: "" }));
  const first = await assertRejects(() => get(empty.url), ClientError);
  assertEquals([first.code, first.exitCode], ["empty-reply", 52]);
  await using cut = serveRaw(() => ({ raw: "HTTP/1.0 200 OK\r\nContent-Le" }));
  const second = await assertRejects(
    () => get(cut.url),
    ClientError,
    "within its head, after 27 bytes",
  );
  assertEquals([second.code, second.exitCode], ["truncated", 18]);
});

Deno.test("request() fails on a response that is not HTTP/1.x, and quotes it", async () => {
  const cases: readonly [raw: string, text: string][] = [
    ["SSH-2.0-OpenSSH_9.6\r\n", '"SSH-2.0-OpenSSH_9.6"'],
    ["\x15\x03\x01\0\x02\x02F", "maybe the URL should begin with https:"],
    ["\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x80", "looks like HTTP/2"],
  ];
  for (const [raw, text] of cases) {
    await using server = serveRaw(() => ({ raw }));
    const error = await assertRejects(() => get(server.url), ClientError, text);
    assertEquals([error.code, error.exitCode], ["malformed", 8]);
  }
});

Deno.test("request() enforces maxHeadBytes", async () => {
  await using server = serveRaw(() => ({
    raw: ok("", `X: ${"y".repeat(2_000)}\r\n`),
  }));
  assertEquals((await get(server.url)).status, 200);
  const error = await assertRejects(
    () => get(server.url, { maxHeadBytes: 1_000 }),
    ClientError,
    "1000 bytes",
  );
  assertEquals([error.code, error.exitCode], ["head-too-large", 56]);
});

Deno.test("request() reads a head larger than its first buffer, in any pieces", async () => {
  const value = "v".repeat(40_000);
  for (const piece of [40_100, 1_000]) {
    await using server = serveRaw(() => ({
      raw: ok("body", `X: ${value}\r\n`),
      piece,
    }));
    const response = await get(server.url);
    assertEquals([response.headers.get("x"), await response.text()], [
      value,
      "body",
    ]);
  }
});

Deno.test("request() enforces maxBodyBytes, with or without a Content-Length", async () => {
  const body = "x".repeat(50_000);
  await using server = serveRaw((text) => ({
    raw: text.includes("/open")
      ? `HTTP/1.0 200 OK\r\n\r\n${body}`
      : text.includes("/away")
      ? `HTTP/1.0 302 F\r\nLocation: /none\r\nContent-Length: 50000\r\n\r\n${body}`
      : ok(text.includes("/none") ? "" : body),
  }));
  // The body of a redirect does not count, because nobody gets it
  const away = await get(`${server.url}away`, { maxBodyBytes: 10 });
  assertEquals(await away.text(), "");
  const announced = await assertRejects(
    () => get(server.url, { maxBodyBytes: 49_999 }),
    ClientError,
    "it has 50000 bytes",
  );
  assertEquals([announced.code, announced.exitCode], ["too-large", 63]);
  const open = await get(`${server.url}open`, { maxBodyBytes: 49_999 });
  assertEquals(
    (await assertRejects(() => open.bytes(), ClientError)).code,
    "too-large",
  );
  const stream = await get(`${server.url}open`, { maxBodyBytes: 49_999 });
  const piped = await assertRejects(
    () => Array.fromAsync(stream.body),
    ClientError,
    "it is over 49999 bytes",
  );
  assertEquals(piped.code, "too-large");
  for (const path of ["", "open"]) {
    const exact = await get(server.url + path, { maxBodyBytes: 50_000 });
    assertEquals((await exact.bytes()).length, 50_000);
  }
});

Deno.test("request() refuses a change of the protocol that it did not ask for", async () => {
  for (const before of ["", "HTTP/1.1 100 Continue\r\n\r\n"]) {
    await using server = serveRaw(() => ({
      raw: `${before}HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\n${
        ok("hi")
      }`,
    }));
    const { code, message } = await assertRejects(
      () => get(server.url),
      ClientError,
    );
    assertEquals(code, "malformed");
    assert(message.includes("101 switches the protocol"), message);
  }
});

Deno.test("request() reads no further than Content-Length, whatever arrives with the end of the body", async () => {
  const head = ok("hello").slice(0, -5);
  await using server = serveRaw(() => ({
    raw: `${head}hello and more`,
    piece: head.length + 3,
    delay: 30,
  }));
  for (const method of ["text", "bytes"] as const) {
    assertEquals((await (await get(server.url))[method]()).length, 5);
  }
  const chunks = await Array.fromAsync((await get(server.url)).body);
  assertEquals(await new Blob(chunks).text(), "hello");
});

Deno.test("request() does not allocate memory for bytes that are only announced", async () => {
  await using server = serveRaw(() => ({
    raw: "HTTP/1.0 200 OK\r\nContent-Length: 200000000\r\n\r\nx",
  }));
  const before = Deno.memoryUsage();
  await assertRejects(
    async () => await (await get(server.url)).bytes(),
    ClientError,
    "after 1 of 200000000 bytes",
  );
  const grown = Deno.memoryUsage().external - before.external;
  assert(grown < 20_000_000, `${grown} bytes`);
});

Deno.test("HttpClientResponse.bytes() limits the bytes it holds, whatever Content-Length says", async () => {
  await using server = serveRaw(() => ({
    raw: "HTTP/1.0 200 OK\r\nContent-Length: 999999999999999\r\n\r\nx",
  }));
  const error = await assertRejects(
    async () => await (await get(server.url)).bytes(),
    ClientError,
    "over 268435456 bytes",
  );
  assertEquals([error.code, error.exitCode], ["too-large", 63]);
  const reader = (await get(server.url)).body.getReader();
  assertEquals((await reader.read()).value?.length, 1);
  await assertRejects(
    () => reader.read(),
    ClientError,
    "after 1 of 999999999999999 bytes",
  );
});

Deno.test("request() ends a body at its length, even if the connection stays open", async () => {
  await using server = serveRaw(() => ({
    raw: `${ok("hello")}excess`,
    then: "hold",
  }));
  const response = await get(server.url);
  assertEquals([await response.text(), response.end], ["hello", "length"]);
});

Deno.test("request() reads no body after a 204 or a 304", async () => {
  const heads = ["204 No Content", "304 Not Modified"];
  for (const head of heads) {
    await using server = serveRaw(() => ({
      raw: `HTTP/1.1 ${head}\r\nContent-Length: 9\r\n\r\n`,
      then: "hold",
    }));
    const response = await get(server.url);
    assertEquals([await response.text(), response.end], ["", "none"]);
  }
});

Deno.test("request() joins chunks of one byte, and drops extensions and trailers", async () => {
  const chunks = Array.from(
    { length: 5_000 },
    (_, i) => `1;n="${i}"\r\n${i % 10}\r\n`,
  ).join("");
  const raw =
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\nX-Late: 1\r\n\r\n`;
  await using server = serveRaw(() => ({ raw, then: "hold" }));
  const response = await get(server.url);
  assertEquals(
    await response.text(),
    Array.from({ length: 5_000 }, (_, i) => i % 10).join(""),
  );
  assertEquals([response.end, response.headers.get("x-late")], [
    "chunked",
    null,
  ]);
});

Deno.test("request() skips interim responses, and traces them", async () => {
  const raw =
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${
      ok("hi")
    }`;
  await using server = serveRaw(() => ({ raw, piece: 7 }));
  const events: TraceEvent[] = [];
  const response = await get(server.url, {
    trace: (event) => events.push(event),
  });
  assertEquals([
    response.status,
    response.headers.has("link"),
    await response.text(),
  ], [200, false, "hi"]);
  assertEquals(
    events.flatMap((event) => event.type === "interim" ? [event.status] : []),
    [103, 100],
  );
});

Deno.test("request() adds a hint to a 426: a gateway refuses HTTP/1.0", async () => {
  await using server = serveRaw(() => ({
    raw: "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n",
  }));
  const { status, hint } = await get(server.url);
  assertEquals(status, 426);
  assert(hint?.includes("HTTP/1.0"));
});

Deno.test("request() traces who closed the connection, and why", async () => {
  const closedBy = async (
    raw: string,
    then: "close" | "hold",
    keepAlive = false,
  ) => {
    // in pieces, so that the body is read after request() has returned
    await using server = serveRaw(() => ({ raw, then, piece: 60, delay: 20 }));
    const events: TraceEvent[] = [];
    const trace = (event: TraceEvent) => void events.push(event);
    await (await get(server.url, { trace, keepAlive })).text();
    const event = events.at(-1);
    assert(event?.type === "closed");
    return [event.by, event.reason];
  };
  assertEquals(await closedBy(ok("hi"), "hold"), [
    "client",
    "no other request will need it",
  ]);
  assertEquals(
    await closedBy(
      ok("x".repeat(90), "Connection: keep-alive\r\n"),
      "hold",
      true,
    ),
    ["client", "no other request will need it"],
  );
  assertEquals(
    (await closedBy("HTTP/1.0 200 OK\r\n\r\nhi", "close"))[0],
    "server",
  );
});

Deno.test("HttpClientResponse.body can be cancelled", async () => {
  await using server = serveRaw(() => ({ raw: ok("x".repeat(100_000)) }));
  const response = await get(server.url);
  await response.body.cancel();
  assertEquals(response.bodyUsed, true);
  await using other = await get(server.url);
  assertEquals(other.status, 200); // and disposing of it does the same
});

const coded = gzipSync(crypto.getRandomValues(new Uint8Array(60_000)));
const UNREAD: [what: string, raw: string][] = [
  ["a body that has not arrived", ok("x".repeat(100_000))],
  ["a body that arrived with its head", ok("hi")],
  ["a coded body", ok(latin1(coded), "Content-Encoding: gzip\r\n")],
];

for (const [what, raw] of UNREAD) {
  Deno.test(`HttpClientResponse.body rejects once its response is disposed of: ${what}`, async () => {
    await using server = serveRaw(() => ({ raw, then: "hold", piece: 9_000 }));
    const response = await get(server.url, { decode: true });
    const reader = response.body.getReader({ mode: "byob" });
    await reader.read(new Uint8Array(1));
    await response[Symbol.asyncDispose]();
    const rest = reader.read(new Uint8Array(9_000));
    await assertRejects(() => rest, TypeError, "discarded already");
  });
}

Deno.test("HttpClientResponse can be read only once", async () => {
  await using server = serveRaw(() => ({ raw: ok("hi") }));
  const response = await get(server.url);
  assertEquals(response.bodyUsed, false);
  await response.text();
  assertEquals(response.bodyUsed, true);
  await assertRejects(() => response.text(), TypeError, "already");
  assertThrows(() => response.body, TypeError, "already");
});

Deno.test("HttpClientResponse.body fills the reader's own buffer", async () => {
  await using server = serveRaw(() => ({ raw: ok("0123456789") }));
  const response = await get(server.url);
  const reader = response.body.getReader({ mode: "byob" });
  const { value } = await reader.read(new Uint8Array(4));
  assertEquals(new TextDecoder().decode(value), "0123");
  await reader.cancel();
});

Deno.test("HttpClientResponse.text() decodes the charset of the media type", async () => {
  const types: [string, string, string][] = [
    ["text/plain", "\xc3\xa9", "é"],
    ["text/plain; charset=iso-8859-1", "\xe9", "é"],
    ['text/plain; charset="UTF-8"', "\xef\xbb\xbf\xc3\xa9", "é"],
    ["text/plain; charset=no-such", "\xc3\xa9", "é"],
    ["text/plain; charset = iso-8859-1", "\xe9", "é"],
    ['text/plain; charset="iso-8859-1', "\xe9", "é"],
    ["text/plain; charset=iso-8859-1,", "\xe9", "é"],
    ["text/plain; charset='iso-8859-1'", "\xe9", "é"],
  ];
  for (const [type, body, wanted] of types) {
    await using server = serveRaw(() => ({
      raw: ok(body, `Content-Type: ${type}\r\n`),
    }));
    assertEquals(await (await get(server.url)).text(), wanted, type);
  }
});

Deno.test("HttpClientResponse.json() parses JSON", async () => {
  await using server = serveRaw((_, count) => ({
    raw: ok(count === 0 ? '{"a":[1]}' : "{"),
  }));
  assertEquals(await (await get(server.url)).json(), { a: [1] });
  await assertRejects(
    async () => await (await get(server.url)).json(),
    SyntaxError,
  );
});

Deno.test("request() reads a large body, by bytes() and as a stream", async () => {
  const body = new Uint8Array(5_000_000).map((_, i) => i * 7 + (i >> 8));
  const head = new TextEncoder().encode(
    `HTTP/1.0 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  const open = new TextEncoder().encode("HTTP/1.0 200 OK\r\n\r\n");
  for (const start of [head, open]) {
    const raw = new Uint8Array([...start, ...body]);
    await using server = serveRaw(() => ({ raw }));
    assertEquals(await (await request(server.url)).bytes(), body);
    const response = await request(server.url);
    assertEquals(await new Response(response.body).bytes(), body);
  }
});

Deno.test("HttpClientResponse gives a body once, though its stream was there first", async () => {
  for (const size of [5, 100_000]) {
    await using server = serveRaw(() => ({ raw: ok("x".repeat(size)) }));
    const response = await request(server.url);
    const { body } = response;
    assertEquals((await response.bytes()).length, size);
    assertEquals((await new Response(body).bytes()).length, 0);
  }
});

Deno.test("request() reads any body in any framing and any pieces", async () => {
  const body = fc.uint8Array({ maxLength: 3_000 });
  const cuts = fc.array(fc.integer({ min: 1, max: 700 }), {
    minLength: 1,
    maxLength: 8,
  });
  const framing = fc.constantFrom("length", "close", "chunked");
  await fc.assert(
    fc.asyncProperty(body, cuts, framing, async (body, cuts, framing) => {
      const raw = frame(body, framing, cuts);
      await using server = serveRaw(() => ({
        raw,
        piece: cuts[0]!,
        then: framing === "close" ? "close" : "hold",
      }));
      const response = await get(server.url);
      assertEquals(response.end, framing);
      const reader = response.body.getReader({ mode: "byob" });
      const read: number[] = [];
      for (let i = 0;; i++) {
        const { value, done } = await reader.read(
          new Uint8Array(cuts[i % cuts.length]!),
        );
        if (done) break;
        read.push(...value);
      }
      assertEquals(read, [...body]);
    }),
    { numRuns: 60 },
  );
});

/** Writes a response; the cuts are the sizes of its chunks. */
function frame(body: Uint8Array, framing: string, cuts: number[]): Uint8Array {
  const head = (field: string) =>
    new TextEncoder().encode(`HTTP/1.1 200 OK\r\n${field}\r\n`);
  if (framing === "length") {
    return new Uint8Array([
      ...head(`Content-Length: ${body.length}\r\n`),
      ...body,
    ]);
  }
  if (framing === "close") return new Uint8Array([...head(""), ...body]);
  const parts = [...head("Transfer-Encoding: chunked\r\n")];
  for (let at = 0, i = 0; at < body.length; i++) {
    const chunk = body.subarray(at, at + cuts[i % cuts.length]!);
    parts.push(
      ...new TextEncoder().encode(`${chunk.length.toString(16)}\r\n`),
      ...chunk,
      13,
      10,
    );
    at += chunk.length;
  }
  return new Uint8Array([...parts, ...new TextEncoder().encode("0\r\n\r\n")]);
}

Deno.test("request() fails with the error that its trace throws while the body arrives", async () => {
  await using server = serveRaw(() => ({ raw: ok("x".repeat(300_000)) }));
  const trace = ({ type }: TraceEvent) => {
    if (type === "body") throw new Error("cannot listen");
  };
  const response = await get(server.url, { trace });
  assertEquals(
    await response.text().catch(String),
    "Error: cannot listen",
  );
});

Deno.test("request() accepts a 206 only if it asked for a part", async () => {
  await using server = serveRaw(() => ({
    raw:
      "HTTP/1.0 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab",
  }));
  const headers = { Range: "bytes=0-1" };
  assertEquals(await (await request(server.url, { headers })).text(), "ab");
  const error = await assertRejects(() => request(server.url), ClientError);
  assertEquals(
    [error.code, error.message],
    [
      "malformed",
      "Cannot read response: 206 is a part, but none was asked for",
    ],
  );
});

/** What a caller may forget, and how far it has read before. */
const FORGOTTEN: readonly (readonly [
  string,
  (response: HttpClientResponse) => unknown,
])[] = [
  ["an unread response", () => {}],
  ["an unread body", ({ body }) => void body],
  [
    "a partly read body",
    async ({ body }) => void await body.getReader().read(),
  ],
];
for (const [name, use] of FORGOTTEN) {
  Deno.test(`${name} that is garbage-collected leaves no connection open`, async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc");
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const asking = request(`http://127.0.0.1:${listener.addr.port}/`).then(use);
    using conn = await listener.accept();
    const block = new Uint8Array(1_000);
    await conn.read(block);
    await conn.write(octets(ok("x".repeat(100)).slice(0, -1)));
    await asking;
    let isOpen = true;
    const ending = conn.read(block).finally(() => isOpen = false);
    for (let i = 0; i < 20 && isOpen; i++) {
      await new Promise((resume) => setTimeout(resume, 10));
      collectGarbage();
    }
    assertEquals(isOpen, false);
    assertEquals(await ending, null);
  });
}
