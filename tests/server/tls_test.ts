import { assert, assertEquals } from "@std/assert";
import { serve } from "../../server/mod.ts";
import { delay, octets, readToEnd, statuses, writeAll } from "./_raw.ts";

function fixture(name: string): string {
  return Deno.readTextFileSync(
    new URL(`../fixtures/tls/${name}`, import.meta.url),
  );
}

const [cert, key, ca] = ["localhost.pem", "localhost.key", "ca.pem"].map(
  fixture,
) as [string, string, string];

Deno.test("serve() speaks TLS, and sends close_notify before it closes", async () => {
  await using server = serve(
    (request) => ({ status: 200, body: request.url }),
    { port: 0, cert, key },
  );
  assert(server.url.startsWith("https://127.0.0.1:"), server.url);
  const { hostname, port } = server.addr as Deno.NetAddr;
  const conn = await Deno.connectTls({ hostname, port, caCerts: [ca] });
  await writeAll(conn, octets("GET /a HTTP/1.0\r\n\r\n"));
  const { text, end } = await readToEnd(conn);
  // without close_notify the end would be an error, UnexpectedEof
  assertEquals([text.endsWith(`\r\n\r\n${server.url}a`), end], [true, "close"]);
});

Deno.test("serve() with TLS survives clients that do not speak it", async () => {
  await using server = serve(() => ({ status: 200 }), { port: 0, cert, key });
  const { hostname, port } = server.addr as Deno.NetAddr;
  for (const raw of ["GET / HTTP/1.0\r\n\r\n", "\x16\x03\x01", ""]) {
    const conn = await Deno.connect({ hostname, port });
    await writeAll(conn, octets(raw));
    await conn.closeWrite();
    assertEquals(statuses((await readToEnd(conn)).text), []);
  }
  const client = Deno.createHttpClient({ caCerts: [ca] });
  const response = await fetch(server.url, { client });
  assertEquals([response.status, await response.text()], [200, ""]);
  client.close();
});

Deno.test("serve() with TLS counts a client whose handshake does not end", async () => {
  const told: string[] = [];
  await using server = serve(() => ({ status: 200 }), {
    port: 0,
    cert,
    key,
    limits: { headTimeout: 1 },
    trace: ({ type }) => told.push(type),
  });
  const { hostname, port } = server.addr as Deno.NetAddr;
  using _ = await Deno.connect({ hostname, port });
  await delay(450); // two ticks of the clock
  assertEquals(told, ["listening", "accepted"]);
});
