import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../../server/main.ts";
import { Command, fetchText } from "./_command.ts";
import { makeTree } from "./_files.ts";
import { delay, octets, writeAll } from "./_raw.ts";

Deno.test("main() with --workers serves in several threads on one port, and ends them all", async () => {
  await using tree = await makeTree({ "a.txt": "a" });
  const args = ["--workers", "3", "--port", "0", tree.path];
  await using command = new Command(args, ["-P=serve", "--unstable-net"]);
  const url = await command.url();
  for (let i = 0; i < 30; i++) {
    assertEquals(await fetchText(`${url}a.txt`), "a");
  }
  if (Deno.build.os === "linux") {
    const port = Number(new URL(url).port).toString(16).toUpperCase();
    const { stdout } = await new Deno.Command("cat", {
      args: ["/proc/net/tcp"],
    }).output();
    const listening = new RegExp(` 0100007F:${port} \\S+ 0A `, "g");
    const sockets = new TextDecoder().decode(stdout).match(listening);
    assertEquals(sockets?.length, 3);
  }
  command.signal("SIGINT");
  assertEquals([await command.ended(), command.stderr], [0, ""]);
});

Deno.test("main() with --workers shares its port with no other server", async () => {
  await using tree = await makeTree({ "a.txt": "a" });
  const args = ["--workers", "2", tree.path];
  const permissions = ["-P=serve", "--unstable-net"];
  await using command = new Command(["--port", "0", ...args], permissions);
  const { port } = new URL(await command.url());
  await using other = new Command(["--port", port, ...args], permissions);
  assertEquals([await other.ended(), other.stderr], [
    1,
    `Cannot listen on 127.0.0.1, port ${port}: the port is in use\n`,
  ]);
});

Deno.test("main() with --workers says what is missing, or goes together", async () => {
  await using stable = new Command(["--workers", "2", "--port", "0"]);
  assertEquals(await stable.ended(), 1);
  assertStringIncludes(stable.stderr, "need deno run --unstable-net");
  assertEquals(await main(["--workers", "0"]), 2);
});

Deno.test("main() with --workers says why a thread cannot start, and ends", async () => {
  await using tree = await makeTree();
  const args = ["--workers", "2", "--port", "0", tree.path];
  // Its program may not be read
  const read = `--allow-read=${tree.path}`;
  await using command = new Command(
    args,
    ["--allow-net", read, "--no-prompt", "--unstable-net"],
  );
  assertEquals(await command.ended(), 1);
  assertMatch(
    command.stderr,
    /^Cannot start a worker: Requires read access to ".*worker\.ts"/m,
  );
});

Deno.test({
  name: "main() with --workers says why a thread has failed, and ends",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using tree = await makeTree({ "a.txt": "a" });
    const worker = import.meta.resolve("./_failing_worker.ts");
    const preload = `globalThis.Worker = class extends Worker {
      constructor(_, options) { super("${worker}", options); }
    }`;
    await using command = new Command(
      ["--workers", "2", "--port", "0", tree.path],
      [
        "-P=serve",
        "--unstable-net",
        `--preload=data:text/javascript,${encodeURIComponent(preload)}`,
      ],
    );
    assertEquals(await fetchText(`${await command.url()}a.txt`), "a");
    command.signal("SIGUSR2");
    assertEquals(await command.ended(), 1);
    assertMatch(
      command.stderr,
      /^Cannot keep a worker: Uncaught .*out of luck$/m,
    );
  },
});

Deno.test("main() with --workers logs each request, in whole lines", async () => {
  await using tree = await makeTree({ "a.txt": "a" });
  const args = ["--workers", "2", "--port", "0", tree.path];
  await using command = new Command(args, ["-P=serve", "--unstable-net"]);
  const url = await command.url();
  const names = Array.from({ length: 40 }, (_, i) => `a.txt?${i}`);
  await Promise.all(names.map(async (name) => {
    const headers = { Connection: "close" };
    assertEquals(await fetchText(url + name, { headers }), "a");
  }));
  command.signal("SIGTERM");
  assertEquals([await command.ended(), command.stderr], [0, ""]);
  const lines = command.stdout.split("\n");
  for (const name of names) {
    const logged = lines.filter((line) => line.includes(`"GET /${name} `));
    assertEquals([name, logged.length], [name, 1]);
    assertMatch(logged[0]!, /^127\.0\.0\.1 - - \[.*\] ".*" 200 1$/);
  }
});

Deno.test("main() with --workers logs what was cut at its end, in every thread", async () => {
  await using tree = await makeTree({ "a.bin": "a".repeat(50_000_000) });
  const args = ["--workers", "2", "--port", "0", tree.path];
  await using command = new Command(args, ["-P=serve", "--unstable-net"]);
  const url = await command.url();
  // More than a pipe takes, and what reads it ahead: so lines wait in each
  // thread when it ends
  const release = command.hold();
  const long = `${url}none?${"x".repeat(8_000)}`;
  for (let i = 0; i < 80; i++) {
    await fetchText(long, { headers: { Connection: "close" } });
  }
  const names = Array.from({ length: 16 }, (_, i) => `a.bin?${i}`);
  const conns = await Promise.all(names.map(async (name) => {
    const port = Number(new URL(url).port);
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await writeAll(conn, octets(`GET /${name} HTTP/1.0\r\n\r\n`));
    await conn.read(new Uint8Array(100));
    return conn;
  }));
  command.signal("SIGINT");
  await command.until(/under way/, "stderr");
  await delay(400); // sooner, the second one would be the same key press
  command.signal("SIGINT");
  await delay(100);
  // It waits a second for whoever reads its lines, so the bodies come later
  release();
  assertEquals(await command.ended(), 0);
  for (const conn of conns) conn.close();
  for (const name of names) {
    assertStringIncludes(command.stdout, `"GET /${name} HTTP/1.0" 200 `);
  }
});

for (
  const flags of [["--explain"], ["--one-at-a-time"], ["--unix", "a.sock"]]
) {
  Deno.test(`main() with --workers does not go with ${flags[0]}`, async () => {
    await using command = new Command(["--workers", "2", ...flags]);
    assertEquals([await command.ended(), command.stderr], [
      2,
      `Cannot serve: --workers does not go with ${flags[0]}\n`,
    ]);
  });
}

Deno.test(
  "main() goes on after signals that ask for what there is not",
  { ignore: Deno.build.os === "windows" },
  async () => {
    await using tree = await makeTree({ "a.txt": "a" });
    for (const workers of ["1", "2"]) {
      const args = ["--workers", workers, "--port", "0", tree.path];
      await using command = new Command(args, ["-P=serve", "--unstable-net"]);
      const url = await command.url();
      assertEquals(await fetchText(`${url}a.txt`), "a");
      for (const signal of ["SIGHUP", "SIGUSR1", "SIGPIPE"] as const) {
        command.signal(signal);
        for (let i = 0; i < 3; i++) {
          assertEquals(await fetchText(`${url}a.txt`), "a", signal);
        }
      }
      command.signal("SIGTERM");
      assertEquals([await command.ended(), command.stderr], [0, ""]);
    }
  },
);
