import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ClientError, connect } from "../../client/mod.ts";
import { hearJoke } from "../../client/knock_knock.ts";
import { tellJoke } from "../../server/knock_knock.ts";
import { WireError } from "../../message/mod.ts";
import { listen } from "../../server/mod.ts";
import { closedPort } from "./_server.ts";

const fixtures = new URL("../fixtures/tls/", import.meta.url);
const fixture = (name: string) =>
  Deno.readTextFileSync(new URL(name, fixtures));

function portOf({ addr }: { readonly addr: Deno.Addr }): number {
  return (addr as Deno.NetAddr).port;
}

const BOO = [
  "server> Knock! Knock!",
  "client> Who's there?",
  "server> Boo",
  "client> Boo who?",
  "server> Don't cry, it's only a joke",
];

Deno.test("connect() and listen() carry a joke, which both sides show", async () => {
  using listener = listen();
  const telling = (async () => {
    await using wire = await listener.accept();
    return await Array.fromAsync(tellJoke(wire, 1));
  })();
  await using wire = await connect({
    hostname: "localhost",
    port: portOf(listener),
  });
  assertEquals(await Array.fromAsync(hearJoke(wire)), BOO);
  assertEquals(await telling, BOO);
});

Deno.test("tellJoke() tells four clients different jokes, and then starts over", async () => {
  using listener = listen();
  const told: string[] = [];
  for (let number = 1; number <= 5; number++) {
    await using wire = await connect({ port: portOf(listener) });
    const hearing = Array.fromAsync(hearJoke(wire));
    await using accepted = await listener.accept();
    told.push((await Array.fromAsync(tellJoke(accepted, number))).join("\n"));
    accepted.close();
    await hearing;
  }
  assertEquals(new Set(told).size, 4);
  assertEquals(told[4], told[0]);
});

Deno.test("tellJoke() tells no joke to a client that does not ask back", async () => {
  for (
    const [request, shown] of [["GET / HTTP/1.0\r\n", "GET / HTTP/1.0"], [
      "\x1b[2J\n",
      "\\u001b[2J",
    ]] as const
  ) {
    using listener = listen();
    await using wire = await connect({ port: portOf(listener) });
    await wire.write(request);
    await using accepted = await listener.accept();
    assertEquals(await Array.fromAsync(tellJoke(accepted, 1)), [
      "server> Knock! Knock!",
      `client> ${shown}`,
      'server> No joke without "Who\'s there?"',
    ]);
  }
});

Deno.test("hearJoke() fails on a line that is no joke, and on a cut one", async () => {
  for (
    const [text, message] of [
      ["Go away\n", 'Cannot hear a joke: "Go away" is not one'],
      ["Knock! Knock!\nBoo\n", 'Cannot hear a joke: "" is not one'],
    ] as const
  ) {
    using listener = listen();
    await using wire = await connect({ port: portOf(listener) });
    const accepted = await listener.accept();
    await accepted.write(text);
    const hearing = Array.fromAsync(hearJoke(wire));
    const refused = assertRejects(() => hearing, Error, message);
    if (text.startsWith("K")) {
      await accepted.readLine();
      await accepted.readLine();
    }
    accepted.close();
    await refused;
  }
});

Deno.test("the wires of connect() and listen() say that they are closed", async () => {
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

async function runJoke(
  side: string,
  ...args: string[]
): Promise<[number, string, string]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-q",
      "--allow-net=127.0.0.1",
      `${side}/knock_knock.ts`,
      ...args,
    ],
  }).output();
  const decoder = new TextDecoder();
  return [code, decoder.decode(stdout), decoder.decode(stderr)];
}

Deno.test("the joke's programs say in one line what is wrong", async () => {
  const port = String(await closedPort());
  const refused = await runJoke("client", port);
  assertEquals(refused.slice(0, 2), [1, ""]);
  assertMatch(refused[2], /^Cannot connect to 127.0.0.1:\d+: refused.*\n$/);
  using listener = listen({ port: Number(port) });
  assertEquals(await runJoke("server", portOf(listener).toString()), [
    1,
    "",
    `Cannot listen on port ${port}: the port is in use\n`,
  ]);
  for (const side of ["client", "server"]) {
    const [code, stdout, stderr] = await runJoke(side, "x");
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr, /^Cannot .*port NaN: expected a whole number.*\n$/);
  }
});

Deno.test("the joke's client shows both sides, and its five steps", async () => {
  using listener = listen({ port: 1414 });
  const telling = runJoke("client", "--explain");
  await using wire = await listener.accept();
  await Array.fromAsync(tellJoke(wire, 1));
  wire.close();
  assertEquals(await telling, [
    0,
    [
      "1. Find the address and port: 127.0.0.1, port 1414",
      "2. Create a socket, 3. connect it: done",
      "4. Read and write:",
      ...BOO,
      "5. Close: first the server, now this side",
      "",
    ].join("\n"),
    "",
  ]);
});

Deno.test("the joke's server shows its seven steps, with several clients at the same time", async () => {
  const port = String(await closedPort());
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-q",
      "--allow-net=127.0.0.1",
      "server/knock_knock.ts",
      port,
      "--explain",
    ],
    stdout: "piped",
  }).spawn();
  const lines = process.stdout.pipeThrough(new TextDecoderStream());
  let text = "";
  const until = async (pattern: RegExp) => {
    const reader = lines.getReader();
    while (!pattern.test(text)) text += (await reader.read()).value ?? "";
    reader.releaseLock();
  };
  await until(/4\. listen\n/);
  await using slow = await connect({ port: Number(port) });
  await until(/#1 server> Knock! Knock!\n/);
  await using quick = await connect({ port: Number(port) });
  assertEquals((await Array.fromAsync(hearJoke(quick))).length, 5);
  await until(/#2 7\. Close\n/);
  assertEquals(await Array.fromAsync(hearJoke(slow)), BOO);
  await until(/#1 7\. Close\n/);
  process.kill();
  await process.status;
  await lines.cancel();
  assertEquals(text.split("\n").filter((line) => !line.startsWith("#")), [
    `1. Find the address and port: 127.0.0.1, port ${port}`,
    "2. Create a socket, 3. bind it, 4. listen",
    "",
  ]);
  assertEquals(text.split("\n").filter((line) => line.startsWith("#1")), [
    "#1 5. Accept: a client; 6. Read and write:",
    ...BOO.map((line) => `#1 ${line}`),
    "#1 7. Close",
  ]);
});

Deno.test("listen() accepts one client after the other until it is closed", async () => {
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

Deno.test("connect() and listen() send each of two lines at once", async () => {
  using listener = listen();
  await using near = await connect({ port: portOf(listener) });
  await using far = await listener.accept();
  for (const [from, to] of [[near, far], [far, near]] as const) {
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      const startedAt = performance.now();
      for (const line of ["Knock", "knock"]) await from.writeLine(line);
      assertEquals([await to.readLine(), await to.readLine()].length, 2);
      await to.writeLine("Who's there?");
      await from.readLine();
      times.push(performance.now() - startedAt);
    }
    // Some systems wait 40 ms before they acknowledge the first line
    assert(Math.min(...times) < 30, `${times}`);
  }
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

Deno.test("connect() accepts IPv6 addresses with and without brackets", async () => {
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
  await assertRejects(
    () => connect({ port: 1, idleTimeout: -1 }),
    RangeError,
    "Cannot use idleTimeout -1",
  );
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
