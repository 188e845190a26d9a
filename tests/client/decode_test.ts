import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
} from "node:zlib";
import { ClientError, get, request } from "../../client/mod.ts";
import { octets, serveRaw } from "./_server.ts";

const TEXT = "knock knock ".repeat(500);

function bytes(...parts: (Uint8Array | string)[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    parts.flatMap((
      part,
    ) => [...typeof part === "string" ? octets(part) : part]),
  );
}

const gzip = new Uint8Array(gzipSync(TEXT));
const deflate = new Uint8Array(deflateSync(TEXT));
const raw = new Uint8Array(deflateRawSync(TEXT));
const brotli = new Uint8Array(brotliCompressSync(TEXT));

function encodedResponse(
  coding: string,
  body: Uint8Array,
  fields = `Content-Length: ${body.length}\r\n`,
): Uint8Array {
  return bytes(
    `HTTP/1.0 200 OK\r\nContent-Encoding: ${coding}\r\n${fields}\r\n`,
    body,
  );
}

// [Content-Encoding, the body]
const GOOD: [string, Uint8Array][] = [
  ["gzip", gzip],
  ["X-GZIP", gzip],
  ["deflate", deflate],
  ["deflate", raw],
  ["br", brotli],
  ["gzip", bytes(gzipSync(TEXT.slice(0, 100)), gzipSync(TEXT.slice(100)))],
  ["gzip, br", new Uint8Array(brotliCompressSync(gzip))],
  ["identity, gzip,", gzip],
  [
    "gzip, gzip, gzip, gzip, gzip",
    new Uint8Array([...Array(4)].reduce((body) => gzipSync(body), gzip)),
  ],
];

for (const [coding, body] of GOOD) {
  Deno.test(`request() decodes ${JSON.stringify(coding)}, in any pieces`, async () => {
    for (const piece of [Infinity, 7]) {
      for (const fields of [undefined, ""]) {
        await using server = serveRaw(() => ({
          raw: encodedResponse(coding, body, fields),
          piece,
        }));
        const response = await get(server.url, { decode: true });
        assertEquals([response.decoded, await response.text()], [true, TEXT]);
      }
    }
  });
}

function changed(body: Uint8Array, at: number): Uint8Array {
  const copy = body.slice();
  copy[at < 0 ? body.length + at : at]! ^= 1;
  return copy;
}

// [case, Content-Encoding, the body, part of the message]
const BAD: [string, string, Uint8Array, string][] = [
  ["cut gzip", "gzip", gzip.slice(0, -9), "cut short"],
  ["gzip cut in its trailer", "gzip", gzip.slice(0, -1), "cut short"],
  ["gzip of one byte", "gzip", gzip.slice(0, 1), "cut short"],
  ["a cut second member", "gzip", bytes(gzip, gzip.slice(0, -3)), "cut short"],
  ["a wrong checksum", "gzip", changed(gzip, -6), "data check"],
  ["a wrong length", "gzip", changed(gzip, -2), "length check"],
  ["no gzip at all", "gzip", bytes("hello"), "gzip data is wrong"],
  ["cut deflate", "deflate", deflate.slice(0, -5), "cut short"],
  ["bytes after deflate", "deflate", bytes(deflate, "x"), "something follows"],
  ["cut raw deflate", "deflate", raw.slice(0, -2), "cut short"],
  ["cut brotli", "br", brotli.slice(0, -1), "br data is"],
  ["bytes after brotli", "br", bytes(brotli, "xx"), "something follows"],
  ["no brotli at all", "br", bytes("hello, this is no brotli"), "br data is"],
  [
    "a cut outer coding",
    "gzip, br",
    new Uint8Array(brotliCompressSync(gzip)).slice(0, -2),
    "br data is",
  ],
  [
    "a cut inner coding",
    "gzip, br",
    new Uint8Array(brotliCompressSync(gzip.slice(0, -5))),
    "gzip data is wrong",
  ],
  [
    "an empty inner coding",
    "gzip, br",
    new Uint8Array(brotliCompressSync("")),
    "gzip data is wrong: it is cut short",
  ],
  [
    "six codings",
    "gzip, gzip, gzip, gzip, gzip, gzip",
    gzip,
    "6 codings, but only 5 are allowed",
  ],
];

for (const [what, coding, body, message] of BAD) {
  Deno.test(`request() fails on ${what}`, async () => {
    for (const piece of [Infinity, 5]) {
      await using server = serveRaw(() => ({
        raw: encodedResponse(coding, body),
        piece,
      }));
      const error = await assertRejects(
        async () => await (await get(server.url, { decode: true })).text(),
        ClientError,
        message,
      );
      assertEquals([error.code, error.exitCode], ["coding", 61]);
    }
  });
}

/** A text without repetitions, in each coding. */
const MIXED = Array.from({ length: 99 }, (_, i) => `knock ${i * i}`).join();
const CUT: [string, Uint8Array][] = [
  ["br", new Uint8Array(brotliCompressSync(MIXED))],
  ["gzip", new Uint8Array(gzipSync(MIXED))],
  ["deflate", new Uint8Array(deflateSync(MIXED))],
];

for (const [coding, body] of CUT) {
  Deno.test(`request() decodes no wrong byte of cut ${coding}`, async () => {
    await using server = serveRaw((_, count) => ({
      raw: encodedResponse(coding, body.slice(0, count + 1)),
    }));
    for (let length = 1; length < body.length; length++) {
      const response = await get(server.url, { decode: true });
      const stream = response.body.pipeThrough(new TextDecoderStream());
      let text = "";
      await assertRejects(async () => {
        for await (const part of stream) text += part;
      }, ClientError);
      assert(MIXED.startsWith(text), `${length}: ${text.slice(-40)}`);
    }
  });
}

const PADDED: [string, Uint8Array][] = [
  ["zeros", bytes(gzip, "\0".repeat(600))],
  ["zeros after two members", bytes(gzip, gzip, "\0")],
  [
    "zeros after a header with every field",
    bytes(
      "\x1f\x8b\x08\x1e\0\0\0\0\0\x03\x02\0abname\0comment\0cc",
      raw,
      gzip.slice(-8),
      "\0",
    ),
  ],
  [
    "zeros after a header with the flag for text",
    bytes("\x1f\x8b\x08\x01\0\0\0\0\0\x03", raw, gzip.slice(-8), "\0"),
  ],
  ["a line end", bytes(gzip, "\n")],
  ["garbage", bytes(gzip, "garbage \x1f\x8b".repeat(99))],
];

for (const [what, body] of PADDED) {
  Deno.test(`request() ignores ${what} after gzip, but not a cut body`, async () => {
    for (const piece of [Infinity, 5]) {
      await using server = serveRaw((_, count) => ({
        raw: encodedResponse(
          "gzip",
          body,
          `Content-Length: ${body.length + count}\r\n`,
        ),
        piece,
      }));
      const text = await (await get(server.url, { decode: true })).text();
      assertEquals(text.slice(0, TEXT.length), TEXT);
      const error = await assertRejects(
        async () => await (await get(server.url, { decode: true })).text(),
        ClientError,
      );
      assertEquals(error.code, "truncated");
    }
  });
}

for (const reason of [undefined, "stop", new Error("mine")]) {
  Deno.test(`request() rejects with the signal's reason in a coded body: ${reason}`, async () => {
    const coded = encodedResponse(
      "gzip",
      gzip.slice(0, 40),
      "Content-Length: 999\r\n",
    );
    await using server = serveRaw(() => ({ raw: coded, then: "hold" }));
    const controller = new AbortController();
    const { signal } = controller;
    const response = await get(server.url, { decode: true, signal });
    setTimeout(() => controller.abort(reason), 50);
    const thrown = await response.text().catch((error) => error);
    assertEquals(thrown, signal.reason);
  });
}

Deno.test("request() decodes only on request, and only codings that it knows", async () => {
  for (
    const [coding, decode] of [["gzip", false], ["compress", true], [
      "gzip, foo",
      true,
    ]] as const
  ) {
    await using server = serveRaw(() => ({
      raw: encodedResponse(coding, gzip),
    }));
    const response = await get(server.url, { decode });
    assertEquals([response.decoded, await response.bytes()], [false, gzip]);
    assertEquals(response.headers.get("content-encoding"), coding);
  }
});

Deno.test("request() sends Accept-Encoding only if it decodes a whole body", async () => {
  await using server = serveRaw(() => ({ raw: encodedResponse("gzip", gzip) }));
  await (await get(server.url, { decode: true })).text();
  await (await get(server.url)).bytes();
  assert(
    server.requests[0]!.includes("Accept-Encoding: gzip, deflate, br\r\n"),
  );
  assert(!server.requests[1]!.includes("Accept-Encoding"));
  const headers = { Range: "bytes=0-3" };
  await (await get(server.url, { decode: true, headers })).text();
  assert(!server.requests[2]!.includes("Accept-Encoding"));
});

Deno.test("request() accepts an empty body in any coding, if its framing says where it ends", async () => {
  const nothing = new Uint8Array(0);
  for (
    const fields of ["Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n"]
  ) {
    const end = fields.startsWith("T") ? "0\r\n\r\n" : "";
    await using server = serveRaw(() => ({
      raw: bytes(encodedResponse("gzip", nothing, fields), end),
    }));
    assertEquals(await (await get(server.url, { decode: true })).text(), "");
  }
  await using open = serveRaw(() => ({
    raw: encodedResponse("gzip", nothing, ""),
  }));
  await assertRejects(
    async () => await (await get(open.url, { decode: true })).text(),
    ClientError,
    "cut short",
  );
  await using server = serveRaw(() => ({
    raw: encodedResponse("gzip", nothing, "Content-Length: 9\r\n"),
  }));
  await request(server.url, { method: "HEAD", decode: true });
});

Deno.test("request() distinguishes a cut body from a cut coding", async () => {
  await using server = serveRaw(() => ({
    raw: encodedResponse(
      "gzip",
      gzip.slice(0, 40),
      `Content-Length: ${gzip.length}\r\n`,
    ),
  }));
  const error = await assertRejects(
    async () => await (await get(server.url, { decode: true })).text(),
    ClientError,
  );
  assertEquals(error.code, "truncated");
});

Deno.test("request() stops a decompression bomb at maxBodyBytes", async () => {
  const bomb = new Uint8Array(gzipSync(new Uint8Array(50_000_000)));
  await using server = serveRaw(() => ({ raw: encodedResponse("gzip", bomb) }));
  const before = Deno.memoryUsage().rss;
  const response = await get(server.url, {
    decode: true,
    maxBodyBytes: 1_000_000,
  });
  const error = await assertRejects(
    () => response.bytes(),
    ClientError,
    "it is over 1000000 bytes when decoded",
  );
  assertEquals([error.code, error.exitCode], ["too-large", 63]);
  const grown = Deno.memoryUsage().rss - before;
  assert(grown < 40_000_000, `${grown} bytes`);
});

Deno.test("request() decodes as many bytes as maxBodyBytes, into a buffer of any size", async () => {
  const text = "0123456789".repeat(10);
  const packed = new Uint8Array(gzipSync(text));
  await using server = serveRaw(() => ({
    raw: encodedResponse("gzip", packed),
  }));
  const options = { decode: true, maxBodyBytes: text.length };
  assertEquals(await (await get(server.url, options)).text(), text);
  const { body } = await get(server.url, options);
  const reader = body.getReader({ mode: "byob" });
  let read = "";
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(3));
    if (done) break;
    read += new TextDecoder().decode(value);
  }
  assertEquals(read, text);
});

Deno.test("request() reads a Content-Encoding with many spaces in linear time", async () => {
  const coding = `gzip${" ".repeat(60_000)}x`;
  await using server = serveRaw(() => ({ raw: encodedResponse(coding, gzip) }));
  const started = performance.now();
  const response = await get(server.url, { decode: true });
  assertEquals([await response.bytes(), response.decoded], [gzip, false]);
  const took = performance.now() - started;
  assert(took < 15_000, `${took} ms`);
});

Deno.test("request() lets a decoded body be cancelled", async () => {
  const large = new Uint8Array(
    gzipSync(crypto.getRandomValues(new Uint8Array(60_000))),
  );
  const body = bytes(large, large, large, large);
  await using server = serveRaw(() => ({
    raw: encodedResponse("gzip", body),
    then: "hold",
  }));
  const response = await get(server.url, { decode: true });
  const reader = response.body.getReader();
  assert((await reader.read()).value!.length > 0);
  await reader.cancel();
});
