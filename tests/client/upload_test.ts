import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { TestClock } from "../_clock.ts";
import {
  Client,
  ClientError,
  post,
  request,
  type RequestBodyInit,
  type RequestOptions,
  type TraceEvent,
} from "../../client/mod.ts";
import { closedPort, latin1, octets, ok, serveRaw } from "./_server.ts";

// [body, Content-Type or null, what is sent]
const BODIES: [string, RequestBodyInit, string | null, string][] = [
  ["text", "a=é", "text/plain;charset=UTF-8", "a=\xc3\xa9"],
  ["bytes", new Uint8Array([0, 255]), null, "\x00\xff"],
  ["a buffer", new Uint8Array([1, 2]).buffer, null, "\x01\x02"],
  ["a view of 16 bits", new Uint16Array([0x4241]), null, "AB"],
  ["a part of a buffer", new DataView(octets("abc").buffer, 1), null, "bc"],
  ["nothing", "", "text/plain;charset=UTF-8", ""],
  [
    "a form",
    new URLSearchParams({ a: "1 2", b: "&" }),
    "application/x-www-form-urlencoded;charset=UTF-8",
    "a=1+2&b=%26",
  ],
  ["a blob", new Blob(["x"], { type: "image/png" }), "image/png", "x"],
  [
    "a stream",
    ReadableStream.from([new Uint8Array([65]), new Uint8Array([66])]),
    null,
    "AB",
  ],
  [
    "a sized body",
    { size: 2, stream: () => ReadableStream.from([new Uint8Array([65, 66])]) },
    null,
    "AB",
  ],
];

for (const [name, body, type, sent] of BODIES) {
  Deno.test(`request() sends ${name}`, async () => {
    await using server = serveRaw(() => ({ raw: ok("") }));
    await post(server.url, body);
    const [head = "", text] = server.requests[0]!.split("\r\n\r\n");
    assertEquals(text, sent);
    assertStringIncludes(head, `\r\nContent-Length: ${sent.length}`);
    assertEquals(
      /^content-type: (.*)$/im.exec(head)?.[1]?.trim() ?? null,
      type,
    );
  });
}

Deno.test("request() sends a form with files as multipart/form-data", async () => {
  const form = new FormData();
  form.append('na"me\n', "line\nline");
  form.append("file", new File(["data"], 'a"b.txt', { type: "text/plain" }));
  form.append("blob", new Blob(["\0"]));
  await using server = serveRaw(() => ({ raw: ok("") }));
  await post(server.url, form);
  const text = server.requests[0]!;
  const boundary = /boundary=(\S+)\r\n/.exec(text)![1];
  const body = text.slice(text.indexOf("\r\n\r\n") + 4);
  assertEquals(
    body.replaceAll(boundary!, "BOUNDARY"),
    '--BOUNDARY\r\nContent-Disposition: form-data; name="na%22me%0D%0A"\r\n\r\nline\r\nline\r\n' +
      '--BOUNDARY\r\nContent-Disposition: form-data; name="file"; filename="a%22b.txt"\r\nContent-Type: text/plain\r\n\r\ndata\r\n' +
      '--BOUNDARY\r\nContent-Disposition: form-data; name="blob"; filename="blob"\r\nContent-Type: application/octet-stream\r\n\r\n\0\r\n' +
      "--BOUNDARY--\r\n",
  );
  const parsed = await new Response(body, {
    headers: { "Content-Type": `multipart/form-data; boundary=${boundary}` },
  }).formData();
  assertEquals([...parsed.keys()].length, 3);
});

Deno.test("request() sends a Content-Length with a POST without a body, and none with a GET", async () => {
  await using server = serveRaw(() => ({ raw: ok("") }));
  await request(server.url, { method: "POST" });
  await request(server.url);
  assertStringIncludes(server.requests[0]!, "Content-Length: 0\r\n");
  assert(!server.requests[1]!.includes("Content-Length"));
});

Deno.test("request() replaces a wrong Content-Length, and refuses Transfer-Encoding", async () => {
  await using server = serveRaw(() => ({ raw: ok("") }));
  await request(server.url, {
    method: "PUT",
    body: "abc",
    headers: { "content-length": "99" },
  });
  assertEquals(server.requests[0]!.match(/content-length: \d+/gi), [
    "Content-Length: 3",
  ]);
  await assertRejects(
    () => request(server.url, { headers: { "transfer-encoding": "chunked" } }),
    TypeError,
    "HTTP/1.0 has none",
  );
});

// What JavaScript code may pass: [case, options, part of the message]
const WRONG_OPTIONS: [string, Record<string, unknown>, string][] = [
  ["null as body", { body: null }, "Cannot send body null: expected a string"],
  ["an object as body", { body: { a: 1 } }, "Cannot send body { a: 1 }"],
  ["an array as body", { body: ["a"] }, 'Cannot send body [ "a" ]'],
  ["a number as body", { body: 5 }, "Cannot send body 5"],
  ["a promise as body", { body: Promise.resolve("a") }, "Cannot send body P"],
  ["an object without prototype", { body: Object.create(null) }, "Cannot send"],
  [
    "a size that is text",
    { body: { size: "1", stream: () => new ReadableStream() } },
    'Cannot use size "1": expected a whole number from 0',
  ],
  [
    "a stream that is text",
    { body: { size: 1, stream: "a" } },
    'Cannot use stream "a": expected a function or a ReadableStream',
  ],
  [
    "a body without its size",
    { body: { size: undefined, stream: () => new ReadableStream() } },
    "Cannot use size null: expected a whole number from 0",
  ],
  [
    "a body without its stream",
    { body: { size: 1, stream: undefined } },
    "Cannot use stream null: expected a function or a ReadableStream",
  ],
  ["a header that is a number", { headers: { a: 5 } }, 'field "a" to 5'],
  ["null as headers", { headers: null }, "header fields of null"],
  ["text as headers", { headers: "a: b" }, "header fields of a: b"],
  ["a timeout that is text", { timeout: "5s" }, 'Cannot use timeout "5s"'],
  ["null as timeout", { timeout: null }, "Cannot use timeout null"],
  [
    "an unknown redirect mode",
    { redirect: "none" },
    'Cannot use redirect "none"',
  ],
  [
    "a stream with an invalid length",
    { body: new ReadableStream(), headers: { "Content-Length": "5, 5" } },
    "Cannot use size NaN: expected a whole number from 0",
  ],
];

for (const [what, options, message] of WRONG_OPTIONS) {
  Deno.test(`request() refuses ${what}, and says why`, async () => {
    await using server = serveRaw(() => ({ raw: ok("") }));
    await assertRejects(
      () => request(server.url, { method: "PUT", ...options }),
      message.includes("NaN") ? RangeError : TypeError,
      message,
    );
    assertEquals(server.connections, 0);
  });
}

const twoParts = () =>
  ReadableStream.from([new Uint8Array([65]), new Uint8Array([66])]);
/** Ways to pass a stream of two bytes: [case, options] */
const STREAMS: [string, () => RequestOptions][] = [
  ["a Content-Length", () => ({
    body: twoParts(),
    headers: { "content-length": "2" },
  })],
  ["a size", () => ({ body: { size: 2, stream: twoParts() } })],
];

for (const [what, makeOptions] of STREAMS) {
  Deno.test(`request() sends a stream with ${what} as it arrives, and only once`, async () => {
    await using server = serveRaw((_, count) =>
      count === 0 ? { raw: ok("") } : {
        raw: `HTTP/1.0 ${
          count === 1 ? 503 : 307
        } X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n`,
      }
    );
    const sent: number[] = [];
    const ask = (retry = 0) =>
      request(server.url, {
        method: "PUT",
        ...makeOptions(),
        retry: { count: retry, delay: 0 },
        trace: (event) => {
          if (event.type === "request-body") sent.push(event.sent);
        },
      });
    assertEquals((await ask()).status, 200);
    assertEquals(sent, [1, 2]);
    const [head = "", text] = server.requests[0]!.split("\r\n\r\n");
    assertEquals(text, "AB");
    assertEquals(head.match(/content-length: .*/gi), ["Content-Length: 2"]);
    // The stream cannot be sent again
    assertEquals((await ask(1)).status, 503);
    await assertRejects(() => ask(), TypeError, "was read already");
    assertEquals(server.requests.length, 3);
  });
}

Deno.test("request() cancels a stream that it cannot send", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const body = {
    size: 2,
    stream: new ReadableStream<Uint8Array>({ cancel: resolve }),
  };
  const url = `http://127.0.0.1:${closedPort()}/`;
  const error = await assertRejects(() => post(url, body), ClientError);
  assertEquals(await promise, error);
});

Deno.test("request() cancels a stream if it is aborted before it tries again", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const body = {
    size: 2,
    stream: new ReadableStream<Uint8Array>({ cancel: resolve }),
  };
  const controller = new AbortController();
  const options = {
    retry: { count: 1, delay: 3_600_000 },
    signal: controller.signal,
    trace: ({ type }: TraceEvent) => {
      if (type === "retry") setTimeout(() => controller.abort("enough"));
    },
  };
  const url = `http://127.0.0.1:${closedPort()}/`;
  assertEquals(await post(url, body, options).catch((e) => e), "enough");
  assertEquals(await promise, "enough");
});

// [case, options]: none of these may reach a server
const INJECTIONS: [string, Parameters<typeof request>[1]][] = [
  ["a method with CRLF", { method: "GET / HTTP/1.0\r\nX: y" }],
  ["an empty method", { method: "" }],
  ["CONNECT", { method: "CONNECT" }],
  ["a field name with CRLF", { headers: { "X\r\nY": "z" } }],
  ["a field value with CRLF", { headers: { X: "y\r\nZ: z" } }],
  ["a field value with NUL", { headers: { X: "\0" } }],
  ["a password with CRLF", {
    credentials: { username: "u", password: "p\r\nX: y" },
  }],
  ["a user with a colon", { credentials: { username: "u:v", password: "p" } }],
];

for (const [what, options] of INJECTIONS) {
  Deno.test(`request() refuses ${what} before it connects`, async () => {
    await using server = serveRaw(() => ({ raw: ok("") }));
    await assertRejects(() => request(server.url, options), TypeError);
    assertEquals(server.requests, []);
    assertEquals(server.connections, 0);
  });
}

Deno.test("request() replaces and omits its usual fields", async () => {
  await using server = serveRaw(() => ({ raw: ok("") }));
  await request(server.url, {
    headers: { "user-agent": "me", HOST: "name.test" },
    omit: ["Accept"],
  });
  assertEquals(
    server.requests[0],
    "GET / HTTP/1.0\r\nuser-agent: me\r\nHOST: name.test\r\n\r\n",
  );
});

Deno.test("request() sends a large body, and traces its progress", async () => {
  const body = new Uint8Array(3_000_000).fill(7);
  await using server = serveRaw(() => ({ raw: ok("thanks") }));
  const events: TraceEvent[] = [];
  const response = await request(server.url, {
    method: "PUT",
    body,
    trace: (event) => events.push(event),
  });
  assertEquals(await response.text(), "thanks");
  assertEquals(
    server.requests[0]!.length - server.requests[0]!.indexOf("\r\n\r\n") - 4,
    3_000_000,
  );
  const progress = events.flatMap((event) =>
    event.type === "request-body" ? [event.sent] : []
  );
  assert(progress.length > 5);
  assertEquals(progress.at(-1), 3_000_000);
});

/**
 * Responds before it has read the request, and reads no more. Then it closes,
 * or leaves the connection open.
 */
function respondEarly(
  raw: string,
  thenClose: boolean,
): { url: string } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      await conn.read(new Uint8Array(1_000));
      await conn.write(new TextEncoder().encode(raw));
      if (thenClose) {
        await conn.closeWrite();
        await new Promise((done) => setTimeout(done, 50));
        conn.close(); // unread bytes make this a reset
      } else open.push(conn);
    }
  })();
  return {
    url: `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting.catch(() => {});
      for (const conn of open) conn.close();
    },
  };
}

/** The status of an early response, and whether the server then closes. */
const EARLY = [[413, true], [413, false], [300, false]] as const;

for (const [status, thenClose] of EARLY) {
  Deno.test(`request() reads an early ${status} when the server ${thenClose ? "closes" : "stops reading"}`, async () => {
    const raw = `HTTP/1.0 ${status} X\r\nContent-Length: 8\r\n\r\ntoo much`;
    await using server = respondEarly(raw, thenClose);
    const events: TraceEvent[] = [];
    const response = await request(server.url, {
      method: "POST",
      body: new Uint8Array(20_000_000),
      idleTimeout: 3_000,
      trace: (event) => events.push(event),
    });
    assertEquals(await response.text(), "too much");
    assertEquals(response.status, status);
    const find = () => events.find((event) => event.type === "send-stopped");
    for (let i = 0; i < 1_000 && find() === undefined; i++) {
      await new Promise((done) => setTimeout(done, 10));
    }
    const stopped = find();
    assert(stopped?.type === "send-stopped" && stopped.sent < stopped.total);
    const reason = `the response is ${status}`;
    if (!thenClose) assertEquals(stopped.reason, reason);
  });
}

Deno.test("Client keeps no connection on which a request was sent in part", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const rest = "Connection: keep-alive\r\nContent-Length: 2\r\n\r\nno";
    const starts: string[] = [];
    for await (const conn of listener) {
      const block = new Uint8Array(65_536);
      const count = await conn.read(block) ?? 0;
      starts.push(latin1(block.subarray(0, 5)));
      await conn.write(octets(`HTTP/1.0 403 Forbidden\r\n${rest}`));
      // The server reads on, so only the end shows that bytes are missing
      if (count > 0) { while (await conn.read(block) !== null); }
      conn.close();
      if (starts.length === 2) break;
    }
    return starts;
  })();
  const url = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/`;
  const size = 1_000_000;
  const body = {
    size,
    stream: () =>
      new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new Uint8Array(1_000)),
      }),
  };
  {
    await using client = new Client();
    const first = await client.request(url, { method: "PUT", body });
    assertEquals([first.status, await first.text()], [403, "no"]);
    const second = await client.get(url, { idleTimeout: 5_000 });
    assertEquals([second.status, await second.text()], [403, "no"]);
  }
  assertEquals(await serving, ["PUT /", "GET /"]);
});

Deno.test("request() continues to send after an early response that is no error", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let received = 0;
  const serving = (async () => {
    using conn = await listener.accept();
    const block = new Uint8Array(65_536);
    received += await conn.read(block) ?? 0;
    await conn.write(new TextEncoder().encode(ok("ok")));
    for (;;) {
      const count = await conn.read(block);
      if (count === null) break;
      received += count;
    }
  })();
  const body = new Uint8Array(8_000_000);
  {
    await using response = await request(
      `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/`,
      { method: "PUT", body },
    );
    assertEquals(await response.text(), "ok");
  }
  await serving;
  listener.close();
  assert(received > body.length, `${received}`);
});

Deno.test("request() returns a response immediately if it arrives before the request is sent", async () => {
  for (const fields of ["", "Connection: keep-alive\r\n"]) {
    await using server = respondEarly(ok("ok", fields), false);
    using clock = new TestClock();
    const started = performance.now();
    const response = await request(server.url, {
      method: "PUT",
      body: new Uint8Array(20_000_000),
    });
    assertEquals(await response.text(), "ok");
    assert(performance.now() - started < 20_000);
    clock.hurry(100);
    await response[Symbol.asyncDispose](); // the server reads no more
    assert(performance.now() - started >= 30_000);
  }
});

Deno.test("Client reuses no connection whose response arrived before the request was sent", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const KEEP = "Connection: keep-alive\r\n";
  let received = 0;
  const serving = (async () => {
    using conn = await listener.accept();
    const block = new Uint8Array(65_536);
    await conn.read(block);
    // It could be a late response to an earlier request. Its body follows
    await conn.write(octets(ok("early", KEEP).slice(0, -5)));
    await new Promise((done) => setTimeout(done, 20));
    await conn.write(octets("early"));
    for (let n; (n = await conn.read(block)) !== null;) received += n;
    using next = await listener.accept();
    await next.read(block);
    await next.write(octets(ok("right")));
  })();
  const { port } = listener.addr as Deno.NetAddr;
  const url = `http://127.0.0.1:${port}/`;
  await using client = new Client({ idleTimeout: 5_000 });
  {
    const options = { method: "PUT", body: new Uint8Array(8_000_000) };
    await using response = await client.request(url, options);
    assertEquals(await response.text(), "early");
  }
  assertEquals(await (await client.get(url)).text(), "right");
  await serving;
  assert(received > 7_000_000, `${received} bytes`);
});

Deno.test("Client gives up a stream that stalls once the response has come", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using conn = await listener.accept();
    const block = new Uint8Array(1_000);
    await conn.read(block);
    await conn.write(octets(ok("early")));
    while (await conn.read(block) !== null);
  })();
  const { port } = listener.addr as Deno.NetAddr;
  const { promise: cancelled, resolve: cancel } = Promise.withResolvers();
  const body = { size: 9, stream: () => new ReadableStream({ cancel }) };
  const options = { method: "PUT", body, idleTimeout: 50 };
  await using response = await request(`http://127.0.0.1:${port}/`, options);
  assertEquals(await response.text(), "early");
  const error = await cancelled as ClientError;
  assertEquals([error.code, error.step], ["timeout", "exchange"]);
  await serving;
});

const NO_BYTES: [what: string, body: (chunk: unknown) => unknown][] = [
  ["a sized stream", (chunk) => ({
    size: 3,
    stream: () => ReadableStream.from([chunk]),
  })],
  ["a stream of unknown length", (chunk) => ReadableStream.from([chunk])],
];

for (const [what, makeBody] of NO_BYTES) {
  Deno.test(`request() refuses ${what} that yields something other than bytes`, async () => {
    await using server = serveRaw(() => ({ raw: ok("") }));
    for (const [chunk, kind] of [["abc", "string"], [[1], "object"]] as const) {
      const body = makeBody(chunk) as RequestOptions["body"] & object;
      await assertRejects(
        () => request(server.url, { method: "PUT", body }),
        TypeError,
        `Cannot send body: its stream gave a ${kind}: expected Uint8Array`,
      );
    }
  });
}

Deno.test("request() refuses a function that returns no stream", async () => {
  await using server = serveRaw(() => ({ raw: ok("") }));
  for (const given of [null, 5, Promise.resolve()]) {
    const body = { size: 3, stream: () => given as unknown as ReadableStream };
    await assertRejects(
      () => request(server.url, { method: "PUT", body }),
      TypeError,
      "Cannot send body: its stream function gave no ReadableStream",
    );
  }
});

Deno.test("request() refuses a stream whose length is not its size", async () => {
  for (const [size, how] of [[3, "longer"], [5, "shorter"]] as const) {
    await using server = serveRaw(() => ({ raw: ok("") }));
    const body = {
      size,
      stream: () => ReadableStream.from([new Uint8Array(2), new Uint8Array(2)]),
    };
    await assertRejects(
      () => request(server.url, { method: "PUT", body }),
      TypeError,
      how,
    );
  }
  await assertRejects(
    () =>
      request("http://127.0.0.1/", {
        body: {
          size: -1,
          stream: () => new ReadableStream(),
        },
      }),
    RangeError,
    "size -1",
  );
});

Deno.test("request() rejects with the error of the stream it sends", async () => {
  await using server = serveRaw(() => ({ raw: ok("") }));
  const broken = () =>
    new ReadableStream({
      pull: () => Promise.reject(new Error("disk on fire")),
    });
  const events: TraceEvent[] = [];
  const trace = (event: TraceEvent) => events.push(event);
  const body = { size: 9, stream: broken };
  await assertRejects(
    () => request(server.url, { method: "PUT", body, trace }),
    Error,
    "disk on fire",
  );
  const closed = events.find((event) => event.type === "closed");
  assertEquals([closed?.by, closed?.reason], ["client", "disk on fire"]);
  await assertRejects(
    () => request(server.url, { method: "PUT", body: broken() }),
    Error,
    "disk on fire",
  );
});

Deno.test("request() waits no longer than timeout for a stream it sends", async () => {
  const silent = new ReadableStream<Uint8Array>({
    cancel: () => new Promise(() => {}),
  });
  const error = await assertRejects(
    () =>
      request("http://127.0.0.1/", {
        method: "PUT",
        body: silent,
        timeout: 100,
      }),
    ClientError,
    "Cannot read the body to send",
  );
  assertEquals(error.code, "timeout");
});

const HALF = "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhalf";

Deno.test("request() rejects the response's body if the stream it sends fails", async () => {
  await using server = respondEarly(HALF, false);
  const { promise, reject } = Promise.withResolvers<never>();
  const stream = () => new ReadableStream<Uint8Array>({ pull: () => promise });
  const response = await post(server.url, { size: 9, stream });
  setTimeout(() => reject(new Error("disk on fire")), 30);
  await assertRejects(() => response.text(), Error, "disk on fire");
});

/** How a stream is passed, and when the signal aborts. */
const ABORTED: readonly (readonly [
  string,
  (stream: ReadableStream<Uint8Array>) => RequestOptions["body"],
  isEarly: boolean,
])[] = [
  ["a stream, before it is read", (stream) => stream, true],
  ["a stream, while it is read", (stream) => stream, false],
  [
    "a stream of known size, before it is sent",
    (stream) => ({ size: 9, stream }),
    true,
  ],
  [
    "a stream of known size, while it is sent",
    (stream) => ({ size: 9, stream }),
    false,
  ],
];
for (const [name, make, isEarly] of ABORTED) {
  Deno.test(`request() cancels with the signal's reason: ${name}`, async () => {
    await using server = serveRaw(() => ({ raw: ok("") }));
    const { promise, resolve: cancel } = Promise.withResolvers<unknown>();
    const stop = new AbortController();
    const reason = new Error("enough");
    const pull = () => isEarly ? undefined : stop.abort(reason);
    const body = make(
      new ReadableStream(
        { pull, cancel },
        new CountQueuingStrategy({ highWaterMark: 0 }),
      ),
    );
    if (isEarly) stop.abort(reason);
    const { signal } = stop;
    const asking = request(server.url, { method: "POST", body: body!, signal });
    assertEquals(await asking.catch((error) => error), reason);
    assertEquals(await promise, reason);
  });
}

Deno.test("request() stops sending when the body of the response is cancelled", async () => {
  await using server = respondEarly(HALF, false);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const stream = () => new ReadableStream<Uint8Array>({ cancel: resolve });
  const response = await post(server.url, { size: 9, stream });
  await response.body.cancel();
  assertEquals(await promise, "the rest of the body is not wanted");
});
