// Two file servers behind a proxy: load balancing, health checks, caching, TLS
// in front, and what each of them knows about the client.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { get } from "../../client/mod.ts";
import { FILES } from "./_instances.ts";
import { until } from "./_load.ts";
import { type Scene, testBehind } from "./_proxies.ts";

const CA = new URL("../fixtures/tls/ca.pem", import.meta.url);
const LARGE = FILES["large.bin"] as Uint8Array;

/** Sends some requests, and returns which instance responds to each. */
async function instancesOf(url: string, count: number): Promise<string[]> {
  const instances: string[] = [];
  for (let i = 0; i < count; i++) {
    const response = await fetch(`${url}/small.txt`);
    assertEquals(await response.text(), FILES["small.txt"]);
    instances.push(response.headers.get("X-Instance") ?? "none");
  }
  return instances;
}

testBehind("balances the load, and skips an instance that was killed", {
  args: [],
  async fn({ running: { url }, instances: [one, two] }) {
    const served = await instancesOf(url, 40);
    for (const { port } of [one, two]) {
      const count = served.filter((by) => by === `${port}`).length;
      assert(count >= 8, `${count} of 40`); // Caddy chooses at random
    }
    await one.stop("SIGKILL");
    assertEquals(
      await instancesOf(url, 10),
      Array.from({ length: 10 }, () => `${two.port}`),
    );
  },
});

testBehind("skips an instance while its health file is missing", {
  args: [],
  isFor: ({ checksHealth }) => checksHealth,
  async fn({ running: { url }, instances: [one, two] }) {
    const path = `${one.folder}/health.txt`;
    const served = async () => new Set(await instancesOf(url, 10));
    await Deno.remove(path);
    await until(async () => !(await served()).has(`${one.port}`));
    await Deno.writeTextFile(path, "ok\n");
    await until(async () => (await served()).size === 2);
    assert((await served()).has(`${two.port}`));
  },
});

testBehind("forwards large bodies unchanged", {
  args: null,
  async fn({ running: { url } }) {
    assertEquals(await (await fetch(`${url}/large.bin`)).bytes(), LARGE);
    const body = LARGE as Uint8Array<ArrayBuffer>;
    const response = await fetch(`${url}/echo`, { method: "POST", body });
    assertEquals(response.status, 200);
    assertEquals(await response.bytes(), LARGE);
  },
});

testBehind("adds a length to chunked uploads, or they are refused with 411", {
  args: null,
  async fn({ proxy, running: { url } }) {
    const body = new Blob(["Knock ", "knock."]).stream();
    const response = await fetch(`${url}/echo`, { method: "POST", body });
    const text = await response.text();
    if (proxy.name === "nginx") assertEquals(text, "Knock knock.");
    else assertEquals([proxy.name, response.status], [proxy.name, 411]);
  },
});

testBehind("serves ranges from its cache", {
  args: ["--max-age", "60"],
  isFor: ({ name }) => name === "nginx",
  async fn({ running: { url }, instances }) {
    const ask = async (range: string) => {
      const headers = { Range: `bytes=${range}` };
      const response = await fetch(`${url}/large.bin`, { headers });
      const field = (name: string) => response.headers.get(name);
      return {
        found: [field("X-Cache"), response.status, field("Content-Range")],
        bytes: await response.bytes(),
      };
    };
    const first = await ask("0-9");
    assertEquals(first.found, ["MISS", 206, "bytes 0-9/20000000"]);
    await until(async () => (await ask("0-9")).found[0] === "HIT");
    const { found, bytes } = await ask("15000000-15000999");
    assertEquals(found, ["HIT", 206, "bytes 15000000-15000999/20000000"]);
    assertEquals(bytes, LARGE.subarray(15_000_000, 15_001_000));
    for (const instance of instances) await instance.stop();
    const logs = await Promise.all(instances.map((one) => one.output()));
    const lines = logs.join("").match(/"GET \/large\.bin .*$/gm) ?? [];
    assertEquals(lines.length, 1, lines.join("\n"));
  },
});

testBehind("terminates TLS, and redirects keep its URL", {
  args: [],
  async fn({ running: { tlsUrl } }) {
    const caCerts = [await Deno.readTextFile(CA)];
    const response = await get(`${tlsUrl}/folder`, { caCerts });
    assertEquals(response.url, `${tlsUrl}/folder/`);
    assertEquals(await response.text(), FILES["folder/index.html"]);
  },
});

/** Returns the log line of a request from 127.0.0.2 with forged fields. */
async function logForged(
  { running, instances }: Scene,
  fields: readonly string[],
): Promise<string> {
  const { success } = await new Deno.Command("curl", {
    args: [
      ...["-sf", "-o", "/dev/null", "--interface", "127.0.0.2"],
      ...["-A", "forger", ...fields.flatMap((field) => ["-H", field])],
      `${running.url}/small.txt`,
    ],
  }).output();
  assert(success);
  for (const instance of instances) await instance.stop();
  const logs = await Promise.all(instances.map((one) => one.output()));
  return logs.join("").match(/^.*"forger"$/m)?.[0] ?? "";
}

const FORGED = ["X-Forwarded-For: 203.0.113.7"];
const BOTH_FORGED = [...FORGED, "Forwarded: for=203.0.113.7"];

testBehind("is the client in the log, whatever the fields say", {
  args: ["--log", "combined"],
  async fn(scene) {
    assertMatch(await logForged(scene, BOTH_FORGED), /^127\.0\.0\.1 - - \[/);
  },
});

testBehind("passes its client on to the log if it is trusted", {
  args: ["--log", "combined", "--trusted-proxies", "127.0.0.1"],
  async fn(scene) {
    assertMatch(await logForged(scene, FORGED), /^127\.0\.0\.2 - - \[/);
  },
});

testBehind("lets no client forge that with the field it does not write", {
  args: ["--log", "combined", "--trusted-proxies", "127.0.0.1"],
  async fn(scene) {
    assertMatch(await logForged(scene, BOTH_FORGED), /^127\.0\.0\.2 - - \[/);
  },
});

testBehind("gets 304 from either instance: their ETags agree", {
  args: [],
  async fn({ running: { url }, instances }) {
    const tags = await Promise.all(instances.map(async ({ port }) => {
      const response = await fetch(`http://127.0.0.1:${port}/small.txt`);
      await response.body?.cancel();
      return response.headers.get("ETag") ?? "";
    }));
    assertMatch(tags[0]!, /^"[\w-]+"$/);
    assertEquals(tags[0], tags[1]);
    const headers = { "If-None-Match": tags[0]! };
    for (let i = 0; i < 4; i++) {
      const response = await fetch(`${url}/small.txt`, { headers });
      await response.body?.cancel();
      assertEquals(response.status, 304);
    }
  },
});
