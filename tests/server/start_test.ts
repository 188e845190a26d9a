// What the flags of the command do to its server, without a process.

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { CommandError } from "../../command/errors.ts";
import { parseOptions } from "../../server/_command/options.ts";
import { stdout } from "../../server/_command/output.ts";
import { main } from "../../server/main.ts";
import { start } from "../../server/_command/start.ts";
import { TestClock } from "../_clock.ts";
import { makeTree } from "./_files.ts";
import {
  body,
  delay,
  dial,
  exchange,
  octets,
  readToEnd,
  statuses,
  within,
} from "./_raw.ts";

/** The lines that the command prints while something is done. */
async function printed(
  act: (lines: readonly string[]) => Promise<void>,
): Promise<string[]> {
  const lines: string[] = [];
  stdout.write = (line) => void lines.push(line);
  try {
    await act(lines);
  } finally {
    Reflect.deleteProperty(stdout, "write");
  }
  return lines;
}

/** Ranges, the address of the proxy, and whether it is trusted. */
const PROXIES = [
  ["127.0.0.1", "127.0.0.1", true],
  ["127.0.0.1/32", "127.0.0.1", true],
  ["127.0.0.2", "127.0.0.1", false],
  ["127.0.0.0/8,::2", "127.0.0.1", true],
  ["::1", "127.0.0.1", false],
  ["::1", "::1", true],
  ["::/120", "::1", true],
  ["::2", "::1", false],
  ["127.0.0.1", "::1", false],
  ["10.0.0.0/8, 127.0.0.0/8", "127.0.0.1", true],
  ["0.0.0.0/0", "::1", false],
  ["0.0.0.0/0", "127.0.0.1", true],
  ["UNIX", "-", true],
  ["unix", "127.0.0.1", false],
  ["unix", "-", true],
  ["127.0.0.1,::1", "-", false],
] as const;

for (const [ranges, proxy, isBelieved] of PROXIES) {
  const verb = isBelieved ? "believes" : "does not believe";
  Deno.test(`start() with --trusted-proxies ${ranges} ${verb} ${proxy}`, async () => {
    await using tree = await makeTree({ "a.txt": "a" });
    const path = `${tree.path}/socket`;
    const place = proxy === "-"
      ? ["--unix", path]
      : ["--host", proxy, "--port", "0"];
    const args = [...place, "--trusted-proxies", ranges, tree.path];
    const lines = await printed(async () => {
      await using server = await start(parseOptions(args));
      const conn = proxy === "-"
        ? await Deno.connect({ transport: "unix", path })
        : await dial(server);
      await conn.write(octets(
        "GET /a.txt HTTP/1.0\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n",
      ));
      assertStringIncludes((await readToEnd(conn)).text, "\r\n\r\na");
    });
    assertEquals(lines.map((line) => line.split(" ")[0]), [
      isBelieved ? "192.0.2.9" : proxy,
    ]);
  });
}

/** Flags, and what is printed about a request: a letter for each kind. */
const LOGS = [
  ["", "c"],
  ["--quiet", ""],
  ["--log none", ""],
  ["--log none --quiet", ""],
  ["--log json", "j"],
  ["--log json --quiet", ""],
  ["--one-at-a-time", "c"],
  ["--explain", "e"],
  ["--explain --quiet", ""],
  ["--explain --log json --quiet", ""],
  ["--one-at-a-time --quiet", ""],
  ["--explain --log common", "ce"],
] as const;

for (const [flags, kinds] of LOGS) {
  Deno.test(`start() with "${flags}" prints "${kinds}"`, async () => {
    await using tree = await makeTree({ "a.txt": "a" });
    const args = flags.split(" ").filter((flag) => flag !== "");
    const lines = await printed(async () => {
      const options = parseOptions([...args, "-p", "0", tree.path]);
      await using server = await start(options);
      await exchange(server, "GET /a.txt HTTP/1.0\r\n\r\n");
    });
    const found = lines.map((line) =>
      / ms {2}/.test(line) ? "e" : line.startsWith("{") ? "j" : "c"
    );
    assertEquals([...new Set(found)].sort().join(""), kinds);
  });
}

Deno.test("start() with --max-connections lets others wait", async () => {
  await using tree = await makeTree({ "a.txt": "a" });
  const args = ["--max-connections", "1", "-p", "0", tree.path];
  const lines = await printed(async () => {
    await using server = await start(parseOptions(args));
    const first = await dial(server);
    await first.write(octets("GET /a.txt?1 HTTP/1.0\r\n"));
    const second = exchange(server, "GET /a.txt?2 HTTP/1.0\r\n\r\n");
    await delay(30);
    await first.write(octets("\r\n"));
    await readToEnd(first);
    await second;
  });
  assertEquals(lines.map((line) => /\?(\d)/.exec(line)?.[1]), ["1", "2"]);
});

Deno.test("start() with --cache-ttl checks a file again after that many seconds", async () => {
  await using tree = await makeTree({ "a.txt": "old" });
  const args = ["--cache-ttl", "1", "-q", "-p", "0", tree.path];
  await using server = await start(parseOptions(args));
  const get = async () =>
    body((await exchange(server, "GET /a.txt HTTP/1.0\r\n\r\n")).text);
  assertEquals(await get(), "old");
  await tree.put("a.txt", "new");
  assertEquals(await get(), "old");
  using clock = new TestClock();
  clock.pass(5_000);
  await delay(250); // a tick of the server's clock, of a second at most
  assertEquals(await get(), "new");
});

Deno.test("start() says in one line what went wrong with a request", async () => {
  await using tree = await makeTree({ "a.txt": "a" });
  await using server = await start(parseOptions(["-q", "-p", "0", tree.path]));
  const { lstatSync } = Deno;
  const { error } = console;
  const told: unknown[] = [];
  console.error = (text) => told.push(text);
  Deno.lstatSync = () => {
    throw Object.assign(new Error("Broken\ndisk"), { code: "EIO" });
  };
  try {
    const { text } = await exchange(server, "GET /a.txt HTTP/1.0\r\n\r\n");
    assertEquals([statuses(text), told], [[500], ['"Broken\\ndisk"']]);
  } finally {
    Deno.lstatSync = lstatSync;
    console.error = error;
  }
});

/** Catches the signal listeners of the command, and its warnings. */
function catchSignals() {
  const { addSignalListener, removeSignalListener } = Deno;
  const { error } = console;
  const listeners = new Map<Deno.Signal, () => void>();
  const told: string[] = [];
  Deno.addSignalListener = (signal, act) => void listeners.set(signal, act);
  Deno.removeSignalListener = (signal, act) => {
    if (listeners.get(signal) === act) listeners.delete(signal);
  };
  console.error = (text: string) => told.push(text);
  return {
    listeners,
    told,
    [Symbol.dispose]() {
      Object.assign(Deno, { addSignalListener, removeSignalListener });
      console.error = error;
    },
  };
}

Deno.test("main() listens to signals while it serves, and no longer", async () => {
  await using tree = await makeTree({ "a.txt": "a" });
  using caught = catchSignals();
  const { listeners } = caught;
  const running = main(["-q", "-p", "0", tree.path]);
  while (!listeners.has("SIGINT")) await delay(5);
  const ends = ["SIGINT", "SIGTERM"];
  const others = Deno.stdin.isTerminal() ? ["SIGUSR1"] : ["SIGUSR1", "SIGHUP"];
  if (Deno.build.os !== "windows") {
    assertEquals([...listeners.keys()], [...ends, ...others]);
  }
  for (const signal of others) listeners.get(signal as Deno.Signal)?.();
  listeners.get("SIGINT")!();
  assertEquals([await within(running), listeners.size], [0, 0]);
});

for (const count of [1, 2]) {
  Deno.test(`main() tells at the first signal what is under way for ${count}, and cuts it at the second`, async () => {
    await using tree = await makeTree({ "large.bin": "" });
    await Deno.truncate(`${tree.path}/large.bin`, 100_000_000);
    using caught = catchSignals();
    const { listeners, told } = caught;
    let code: number | null = null;
    const lines = await printed(async (lines) => {
      const running = main(["--log", "none", "-p", "0", tree.path]);
      while (!listeners.has("SIGINT")) await delay(5);
      const port = Number(/:(\d+)\//.exec(lines[0]!)?.[1]);
      const conns = await Promise.all(
        Array.from({ length: count }, () => Deno.connect({ port })),
      );
      for (const conn of conns) {
        await conn.write(octets("GET /large.bin HTTP/1.0\r\n\r\n"));
        await conn.read(new Uint8Array(1)); // and no more
      }
      using clock = new TestClock();
      const stop = listeners.get("SIGINT")!;
      stop();
      while (told.length === 0) await delay(5);
      clock.pass(150);
      stop(); // the same key press
      await delay(30);
      assertEquals(listeners.size > 0, true);
      clock.pass(300);
      stop();
      code = await within(running);
      for (const conn of conns) conn.close();
    });
    const [what, them] = count === 1
      ? ["1 response", "it"]
      : [`${count} responses`, "them"];
    assertEquals([code, told], [0, [
      `${what} under way; Ctrl-C again cuts ${them}`,
    ]]);
    assertEquals(lines.length, 1);
  });
}

/** Flags, and the ports that are tried if all of them are in use. */
const TAKEN: readonly (readonly [string[], number[]])[] = [
  [[], Array.from({ length: 101 }, (_, i) => 8_000 + i)],
  [["-p", "8000"], [8_000]],
  [["-p", "9"], [9]],
];

for (const [args, ports] of TAKEN) {
  Deno.test(`start() with "${args.join(" ")}" tries ${ports.length} ports`, async () => {
    const { listen } = Deno;
    using caught = catchSignals();
    const tried: number[] = [];
    Object.assign(Deno, {
      listen({ port }: Deno.ListenOptions) {
        tried.push(port!);
        throw new Deno.errors.AddrInUse("Taken");
      },
    });
    try {
      await assertRejects(
        () => start(parseOptions([...args, "."])),
        CommandError,
        `Cannot listen on 127.0.0.1, port ${ports.at(-1)}: the port is in use`,
      );
    } finally {
      Deno.listen = listen;
    }
    assertEquals([tried, caught.told.length], [ports, ports.length - 1]);
    assert(caught.told.every((line, i) => line.endsWith(`${8_001 + i}`)));
  });
}

/** Flags that do not go together. */
const REFUSED = [
  ["--unix", "x", "--port", "1"],
  ["--unix", "x", "--host", "::1"],
  ["--unix", "x", "--cert", "deno.json", "--key", "deno.json"],
  ["--cert", "deno.json"],
  ["--key", "deno.json"],
] as const;

for (const args of REFUSED) {
  Deno.test(`start() refuses ${args.join(" ")}`, async () => {
    const error = await assertRejects(
      () => start(parseOptions(args)),
      CommandError,
    );
    assertEquals(error.exitCode, 2, error.message);
  });
}
