import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Client,
  ClientError,
  type ClientOptions,
  get,
  post,
  type Trace,
  type TraceEvent,
} from "../../client/mod.ts";
import { closedPort, ok, type RawServer, serveRaw } from "./_server.ts";

function fixture(name: string): string {
  return Deno.readTextFileSync(
    new URL(`../fixtures/tls/${name}`, import.meta.url),
  );
}

const ca = fixture("ca.pem");
const cert = fixture("localhost.pem");
const key = fixture("localhost.key");
const caCerts = [ca];

function serveTls(
  raw: string,
  then: "close" | "next" = "close",
  own = { cert, key },
  onRequest = () => {},
): RawServer {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...own });
  const respond = () => {
    onRequest();
    return { raw, then };
  };
  return serveRaw(respond, listener);
}

Deno.test("request() speaks TLS to a name and to an address", async () => {
  await using server = serveTls(ok("secret"));
  for (const host of ["localhost", "127.0.0.1", "LOCALHOST"]) {
    const events: TraceEvent[] = [];
    const response = await get(`https://${host}:${server.port}/`, {
      caCerts,
      trace: (event) => events.push(event),
    });
    assertEquals(await response.text(), "secret");
    const secured = events.find((event) => event.type === "secured");
    assertEquals(
      secured?.type === "secured" && secured.hostname,
      host.toLowerCase(),
    );
    assert(response.timings.secured! >= response.timings.connected!);
  }
});

Deno.test("request() checks the certificate for the name in the URL, whatever its address", async () => {
  await using server = serveTls(ok("secret"));
  const resolve = { [`*:${server.port}`]: "127.0.0.1" };
  const response = await get(`https://localhost:${server.port}/`, {
    caCerts,
    resolve,
  });
  assertEquals(await response.text(), "secret");
  const error = await assertRejects(
    () => get(`https://other.test:${server.port}/`, { caCerts, resolve }),
    ClientError,
    `Cannot set up TLS with other.test:${server.port}: its certificate is for another name`,
  );
  assertEquals([error.code, error.step, error.exitCode], [
    "certificate",
    "connect",
    60,
  ]);
});

Deno.test("request() trusts no certificate of an unknown signer", async () => {
  await using server = serveTls(ok("secret"));
  const error = await assertRejects(
    () => get(`https://localhost:${server.port}/`),
    ClientError,
    "has no trusted signer",
  );
  assertEquals([error.code, error.exitCode], ["certificate", 60]);
});

Deno.test("request() explains why a server's certificate must not be a CA's", async () => {
  const own = {
    cert: fixture("self_signed.pem"),
    key: fixture("self_signed.key"),
  };
  await using server = serveTls(ok(""), "close", own);
  await assertRejects(
    () => get(`https://localhost:${server.port}/`, { caCerts: [own.cert] }),
    ClientError,
    "make a CA and a certificate signed by it",
  );
});

Deno.test("request() says that a port does not speak TLS, or that it is silent", async () => {
  await using plain = serveRaw(() => ({
    raw: "HTTP/1.0 400 Bad Request\r\n\r\n",
  }));
  // That server waits for the end of a request head, which a TLS handshake does
  // not have; this one responds immediately
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const responding = (async () => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(1_000));
    await conn.write(
      new TextEncoder().encode("HTTP/1.0 400 Bad Request\r\n\r\n"),
    );
  })();
  const error = await assertRejects(
    () => get(`https://localhost:${port}/`),
    ClientError,
    "does not speak TLS on this port",
  );
  assertEquals([error.code, error.exitCode], ["tls", 35]);
  await responding;
  const silent = await assertRejects(
    () => get(`https://localhost:${plain.port}/`, { connectTimeout: 100 }),
    ClientError,
    "within 100 ms",
  );
  assertEquals([silent.code, silent.step], ["timeout", "connect"]);
});

Deno.test("request() says that the connection was closed during the handshake", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closing = listener.accept().then((conn) => conn.close());
  const { port } = listener.addr as Deno.NetAddr;
  const error = await assertRejects(
    () => get(`https://localhost:${port}/`),
    ClientError,
    "during the handshake",
  );
  assertEquals([error.code, error.exitCode], ["tls", 35]);
  await closing;
});

/** Copies bytes until either side closes. */
async function copy(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const block = new Uint8Array(65_536);
  try {
    for (;;) {
      const count = await from.read(block);
      if (count === null) break;
      await to.write(block.subarray(0, count));
    }
  } catch {
    // the other direction has closed them
  }
}

/**
 * A TLS server behind a relay that cuts both connections 150 ms after the
 * request, without close_notify.
 */
function serveCut(raw: string): { readonly port: number } & AsyncDisposable {
  const requested = Promise.withResolvers<void>();
  const inner = serveTls(raw, "next", undefined, requested.resolve);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const relaying = (async () => {
    using conn = await listener.accept();
    using there = await Deno.connect({
      hostname: "127.0.0.1",
      port: inner.port,
    });
    const copying = [copy(conn, there), copy(there, conn)];
    await requested.promise;
    await new Promise((done) => setTimeout(done, 150));
    return copying;
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose]() {
      await Promise.all(await relaying);
      listener.close();
      await inner[Symbol.asyncDispose]();
    },
  };
}

/** Options that use Deno's TLS, or Node's in either version of TLS. */
const WAYS: readonly ClientOptions[] = [
  { caCerts },
  { caCerts, tls: { minVersion: "TLSv1.3" } },
  { caCerts, tls: { maxVersion: "TLSv1.2" } as ClientOptions["tls"] & object },
  { caCerts, cert, key, family: 4 },
  { tls: { insecure: true } },
];

for (const options of WAYS) {
  const way = Object.keys(options) + JSON.stringify(options.tls);
  Deno.test(`request() fails on a body of unknown length that ends without close_notify, with ${way}`, async () => {
    await using server = serveCut("HTTP/1.0 200 OK\r\n\r\nhalf");
    const url = `https://localhost:${server.port}/`;
    const error = await assertRejects(
      async () => await (await get(url, options)).text(),
      ClientError,
      "after 4 bytes TLS ended without close_notify",
    );
    assertEquals([error.code, error.exitCode], ["reset", 56]);
    const body = "whole".repeat(100_000);
    await using right = serveTls(`HTTP/1.0 200 OK\r\n\r\n${body}`);
    const again = `https://localhost:${right.port}/`;
    assertEquals(await (await get(again, options)).text(), body);
  });
}

Deno.test("request() accepts a body of known length that ends without close_notify", async () => {
  await using server = serveCut(ok("whole"));
  assertEquals(
    await (await get(`https://localhost:${server.port}/`, { caCerts })).text(),
    "whole",
  );
});

Deno.test("request() reads a body of unknown length over TLS to its end", async () => {
  await using server = serveTls("HTTP/1.0 200 OK\r\n\r\nall of it");
  assertEquals(
    await (await get(`https://localhost:${server.port}/`, { caCerts })).text(),
    "all of it",
  );
});

const SELF_SIGNED = {
  cert: fixture("self_signed.pem"),
  key: fixture("self_signed.key"),
};

/** Options for TLS, the host, and the code of the error, if any. */
const VERSIONS: readonly (readonly [ClientOptions, string, string?])[] = [
  [{ tls: { insecure: true } }, "localhost"],
  [{ tls: { insecure: true } }, "127.0.0.1"],
  [{ tls: { insecure: true } }, "other.test"],
  [{ tls: { insecure: true, minVersion: "TLSv1.3" } }, "localhost"],
  [{ tls: { insecure: true }, cert, key, family: 4 }, "localhost"],
  [{ tls: { insecure: false } }, "localhost", "certificate"],
  [{ caCerts, cert, key, family: 4 }, "localhost"],
  [{ caCerts, cert, key, connectTo: [] }, "localhost"],
  [{ cert, key, family: 4 }, "localhost", "certificate"],
  [{ tls: { minVersion: "TLSv1.3" } }, "localhost", "certificate"],
  [{ tls: { minVersion: "TLSv1.3" }, caCerts }, "localhost"],
  [{ tls: { minVersion: "TLSv1.2" }, caCerts }, "127.0.0.1"],
  [{ tls: { minVersion: "TLSv1.2" }, caCerts }, "other.test", "certificate"],
];

for (const [options, host, code] of VERSIONS) {
  const names = [...Object.keys(options), JSON.stringify(options.tls)];
  Deno.test(`request() with ${names} ${code ? `fails with ${code}` : "succeeds"} for ${host}`, async () => {
    const own = options.tls?.insecure ? SELF_SIGNED : { cert, key };
    await using server = serveTls(
      "HTTP/1.0 200 OK\r\n\r\nsecret",
      "close",
      own,
    );
    const resolve = { [`*:${server.port}`]: "127.0.0.1" };
    const url = `https://${host}:${server.port}/`;
    // Node's TLS obeys this variable; the client must not
    Deno.env.set("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    try {
      const response = await get(url, { resolve, ...options });
      assertEquals([await response.text(), code], ["secret", undefined]);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      assertEquals([error.code, error.step], [code, "connect"], error.message);
    } finally {
      Deno.env.delete("NODE_TLS_REJECT_UNAUTHORIZED");
    }
  });
}

Deno.test("request() speaks TLS over a unix socket", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  try {
    await using server = serveTls(ok("secret"));
    using listener = Deno.listen({ transport: "unix", path });
    const relaying = (async () => {
      using conn = await listener.accept();
      using there = await Deno.connect({
        hostname: "127.0.0.1",
        port: server.port,
      });
      await Promise.all([copy(conn, there), copy(there, conn)]);
    })();
    const options = { caCerts, unixSocket: path };
    const response = await get("https://localhost/", options);
    assertEquals(await response.text(), "secret");
    await relaying;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("request() receives and sends a large body with insecure", async () => {
  const body = "x".repeat(3_000_000);
  await using server = serveTls(ok(body), "close", SELF_SIGNED);
  const url = `https://localhost:${server.port}/`;
  const response = await post(url, body, { tls: { insecure: true } });
  assertEquals(await response.text(), body);
  assertEquals(server.requests[0]!.endsWith(body), true);
});

Deno.test("request() gives up on a handshake that stalls, with insecure", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const accepting = listener.accept();
  const error = await assertRejects(
    () =>
      get(`https://localhost:${port}/`, {
        tls: { insecure: true },
        connectTimeout: 100,
      }),
    ClientError,
    "within 100 ms",
  );
  assertEquals(error.step, "connect");
  (await accepting).close();
});

Deno.test("Client does not reuse an unchecked TLS connection for a request that checks certificates", async () => {
  await using server = serveTls(
    ok("x", "Connection: keep-alive\r\n"),
    "next",
    SELF_SIGNED,
  );
  await using client = new Client();
  const url = `https://localhost:${server.port}/`;
  for (let i = 0; i < 2; i++) {
    await (await client.get(url, { tls: { insecure: true } })).text();
  }
  assertEquals(server.connections, 1);
  await assertRejects(
    () => client.get(url),
    ClientError,
    "its certificate is",
  );
});

Deno.test("request() limits the rate over TLS, too", async () => {
  await using server = serveTls(ok("x".repeat(3_000)));
  const sizes: number[] = [];
  const response = await get(`https://localhost:${server.port}/`, {
    caCerts,
    maxRate: 20_000,
    trace: (event) => {
      if (event.type === "read" && event.bytes !== null) {
        sizes.push(event.bytes);
      }
    },
  });
  assertEquals((await response.bytes()).length, 3_000);
  assertEquals(Math.max(...sizes), 2_000); // a tenth of a second
});

Deno.test("Client reuses TLS connections", async () => {
  await using server = serveTls(ok("x", "Connection: keep-alive\r\n"), "next");
  await using client = new Client({ caCerts });
  for (let i = 0; i < 3; i++) {
    await (await client.get(`https://localhost:${server.port}/`)).text();
  }
  assertEquals(server.connections, 1);
});

Deno.test("request() refuses incomplete or malformed certificates, and says why", async () => {
  const url = "https://localhost:1/";
  await assertRejects(
    () => get(url, { cert }),
    TypeError,
    "cert and key go together",
  );
  await assertRejects(
    () => get(url, { caCerts: ["no PEM"] }),
    TypeError,
    "not in PEM",
  );
});

Deno.test("request() accepts a client certificate", async () => {
  await using server = serveTls(ok("known"));
  const response = await get(`https://localhost:${server.port}/`, {
    caCerts,
    cert,
    key,
  });
  assertEquals(await response.text(), "known");
  const refused = await assertRejects(
    () => get(`https://localhost:${server.port}/`, { cert, key }),
    ClientError,
  );
  assertEquals(refused.code, "certificate");
  const lost = await assertRejects(
    () => get("https://no-such-host.invalid/", { cert, key }),
    ClientError,
  );
  assertEquals([lost.code, lost.step], ["host-not-found", "resolve"]);
  const closed = `https://127.0.0.1:${closedPort()}/`;
  const own = { cert, key };
  const nobody = await assertRejects(() => get(closed, own), ClientError);
  assertEquals([nobody.code, nobody.exitCode], ["refused", 7]);
  const pairs = [
    { cert, key: fixture("self_signed.key") },
    { cert, key: cert },
    { cert: key, key },
    { cert, key: fixture("self_signed.key"), family: 4 },
    { cert, key: cert, family: 4 },
  ] as const;
  for (const pair of pairs) {
    const types: string[] = [];
    const trace: Trace = ({ type }) => types.push(type);
    const options = { caCerts, trace, ...pair };
    const wrong = await assertRejects(
      () => get(`https://localhost:${server.port}/`, options),
      ClientError,
      "cert and key are not a pair in PEM",
    );
    assertEquals([wrong.code, wrong.exitCode], ["client-certificate", 58]);
    assertEquals(types.slice(-2), ["connected", "closed"]);
  }
});
