import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ClientError, connect } from "../../client/mod.ts";
import { tellJoke } from "../../client/knock_knock.ts";
import { hearJoke } from "../../server/knock_knock.ts";
import { WireError } from "../../message/mod.ts";
import { listen } from "../../server/mod.ts";
import { closedPort } from "./_server.ts";

const fixtures = new URL("../fixtures/tls/", import.meta.url);
const fixture = (name: string) =>
  Deno.readTextFileSync(new URL(name, fixtures));

function portOf({ addr }: { readonly addr: Deno.Addr }): number {
  return (addr as Deno.NetAddr).port;
}

Deno.test("connect() and listen() carry a joke", async () => {
  using listener = listen();
  const hearing = (async () => {
    await using wire = await listener.accept();
    return await hearJoke(wire);
  })();
  await using wire = await connect({
    hostname: "localhost",
    port: portOf(listener),
  });
  assertEquals(
    await tellJoke(wire, { who: "Boo", end: "Don't cry, it's only a joke" }),
    [
      "Knock knock",
      "Who's there?",
      "Boo",
      "Boo who?",
      "Don't cry, it's only a joke",
    ],
  );
  assertEquals(await hearing, "Don't cry, it's only a joke");
});

Deno.test("hearJoke() asks to knock first", async () => {
  using listener = listen();
  await using wire = await connect({ port: portOf(listener) });
  await wire.write("GET / HTTP/1.0\r\n\r\n");
  await using accepted = await listener.accept();
  assertEquals(await hearJoke(accepted), null);
  assertEquals(await wire.readLine(), "Please knock first");
});

Deno.test("tellJoke() refuses an answer that is not in the protocol", async () => {
  using listener = listen();
  await using wire = await connect({ port: portOf(listener) });
  await using accepted = await listener.accept();
  await accepted.write("Go away\n");
  await assertRejects(
    () => tellJoke(wire, { who: "Boo", end: "" }),
    Error,
    'expected "Who\'s there?", not "Go away"',
  );
});

Deno.test("the wires of connect() and listen() say that they were closed", async () => {
  using listener = listen();
  const wire = await connect({ port: portOf(listener) });
  const accepted = await listener.accept();
  for (const one of [wire, accepted]) {
    const waiting = assertRejects(() => one.readLine(), WireError, "is closed");
    one.close();
    await waiting;
    await assertRejects(() => one.writeLine("a"), WireError, "is closed");
  }
});

async function runJoke(side: string): Promise<[number, string, string]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-net=127.0.0.1:1414", `${side}/knock_knock.ts`],
  }).output();
  const decoder = new TextDecoder();
  return [code, decoder.decode(stdout), decoder.decode(stderr)];
}

Deno.test("the joke says who speaks, and tells in one line what is wrong", async () => {
  const refused = await runJoke("client");
  assertEquals(refused.slice(0, 2), [1, ""]);
  assertMatch(refused[2], /^Cannot connect to 127.0.0.1:1414: refused.*\n$/);

  const listener = listen({ port: 1414 });
  assertEquals(await runJoke("server"), [
    1,
    "",
    "Cannot listen on port 1414: the port is in use\n",
  ]);
  const telling = runJoke("client");
  await using wire = await listener.accept();
  assertEquals(await hearJoke(wire), "Don't cry, it's only a joke");
  assertEquals(await telling, [
    0,
    "client: Knock knock\nserver: Who's there?\nclient: Boo\nserver: Boo who?\n" +
    "client: Don't cry, it's only a joke\n",
    "",
  ]);
  listener.close();
});

Deno.test("listen() accepts many, one after the other, until it is closed", async () => {
  const listener = listen();
  const serving = (async () => {
    let count = 0;
    for await (const wire of listener) {
      await using _ = wire;
      await wire.write(`${++count}\n`);
    }
    return count;
  })();
  for (const number of ["1", "2", "3"]) {
    await using wire = await connect({ port: portOf(listener) });
    assertEquals(await wire.readLine(), number);
    assertEquals(await wire.readLine(), null);
  }
  listener.close();
  listener.close();
  assertEquals(await serving, 3);
});

Deno.test("connect() speaks TLS", async () => {
  using listener = listen({
    cert: fixture("localhost.pem"),
    key: fixture("localhost.key"),
  });
  const accepting = listener.accept();
  const serving = accepting.then(async (wire) => {
    await using _ = wire;
    await wire.write("secret\n");
  });
  await using wire = await connect({
    hostname: "localhost",
    port: portOf(listener),
    secure: true,
    caCerts: [fixture("ca.pem")],
  });
  assertEquals(await wire.readLine(), "secret");
  await serving;
});

Deno.test("connect() takes IPv6 addresses with and without brackets", async () => {
  using listener = listen({ hostname: "::1" });
  for (const hostname of ["::1", "[::1]"]) {
    await using wire = await connect({ hostname, port: portOf(listener) });
    await using accepted = await listener.accept();
    await accepted.write("6\n");
    assertEquals(await wire.readLine(), "6");
  }
});

Deno.test("connect() fails as request() does", async () => {
  const refused = await assertRejects(
    () => connect({ port: closedPort() }),
    ClientError,
    "nothing listens",
  );
  assertEquals([refused.code, refused.step], ["refused", "connect"]);
  const unknown = await assertRejects(
    () => connect({ hostname: "no-such-host.invalid", port: 1 }),
    ClientError,
  );
  assertEquals([unknown.code, unknown.step], ["host-not-found", "resolve"]);
  await assertRejects(
    () =>
      connect({ port: 1, signal: AbortSignal.abort("no") }).catch((reason) =>
        Promise.reject(new Error(reason))
      ),
    Error,
    "no",
  );
});
