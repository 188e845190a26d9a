// Attacks the server on loopback, with limits on count and time:
// deno task stress [NAME...]
// Needs Linux, and Debian's slowhttptest for the slow clients. Prints a row for
// each attack; the exit code is 1 if the server failed one.

import { delay, probeDuring, until } from "./_probe.ts";
import { startTarget, type Target } from "./_server.ts";

interface Row {
  readonly attack: string;
  readonly outcome: string;
  readonly passed: boolean;
}

const encoder = new TextEncoder();
const GET = encoder.encode(
  "GET /small.txt HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n",
);

const MODES: Record<string, string[]> = {
  "slow headers": ["-H", "-i", "5"],
  "slow body": ["-B", "-i", "5", "-s", "8192"],
  "slow read": [
    "-X",
    "-w",
    "512",
    "-y",
    "1024",
    "-n",
    "5",
    "-z",
    "32",
    "-k",
    "3",
  ],
  "range": ["-R", "-a", "0", "-b", "3000", "-t", "HEAD"],
};

/**
 * Opens 1,000 connections for 30 s in one of the four modes of slowhttptest,
 * with another client at the same time.
 */
async function slowClients(mode: string, root: string): Promise<Row> {
  await using target = await startTarget(root);
  const before = target.descriptors();
  const url = `http://127.0.0.1:${target.port}`;
  const attack = new Deno.Command("slowhttptest", {
    args: [
      ...MODES[mode]!,
      "-c",
      "1000",
      "-r",
      "500",
      "-l",
      "30",
      "-p",
      "5",
      "-u",
      `${url}/large.bin`,
    ],
    stdout: "null",
    stderr: "null",
  }).output();
  const { responses, failures, slowest } = await probeDuring(
    `${url}/small.txt`,
    attack,
  );
  const isFree = await until(() => target.descriptors() <= before, 20_000);
  return {
    attack: `${mode}, 1,000 connections, 30 s`,
    outcome:
      `${responses} responses to another client, ${failures} failed, slowest ${
        slowest.toFixed(0)
      } ms; ` +
      `descriptors ${before} before, ${target.descriptors()} after`,
    passed: failures === 0 && slowest < 1_000 && isFree,
  };
}

/** Connects 100 clients to a server that is limited to 64 descriptors. */
async function fewDescriptors(root: string): Promise<Row> {
  await using target = await startTarget(root, {}, 64);
  const clients = await Promise.all(
    Array.from({ length: 100 }, () => dial(target)),
  );
  await delay(500);
  const cpuBefore = target.cpu();
  await delay(3_000);
  const load = (target.cpu() - cpuBefore) / 3;
  for (const conn of clients) conn.close();
  const started = performance.now();
  const statuses = await Promise.all(
    Array.from({ length: 20 }, () => ask(target)),
  );
  const wait = performance.now() - started;
  const good = statuses.filter((status) => status === 200).length;
  return {
    attack: "100 clients, ulimit -n 64",
    outcome: `${
      (load * 100).toFixed(1)
    } % of a processor meanwhile; afterwards ${good} of 20 requests succeeded in ${
      wait.toFixed(0)
    } ms`,
    passed: load < 0.2 && good === 20,
  };
}

/** Opens 10,000 connections that are idle after one response. */
async function idleConnections(root: string): Promise<Row> {
  const count = 10_000;
  await using target = await startTarget(root, {
    maxConnections: 12_000,
    idleTimeout: 120_000,
  });
  for (let i = 0; i < 200; i++) await ask(target); // warm up: code is compiled, buffers have grown
  const before = target.memory();
  const clients: Deno.Conn[] = [];
  while (clients.length < count) {
    clients.push(
      ...await Promise.all(Array.from({ length: 100 }, () => hold(target))),
    );
  }
  await delay(2_000);
  const each = (target.memory() - before) / count;
  const started = performance.now();
  const status = await ask(target);
  const time = performance.now() - started;
  for (const conn of clients) conn.close();
  return {
    attack: "10,000 idle kept connections",
    outcome: `${
      (each / 1024).toFixed(1)
    } KiB each; another client's response in ${time.toFixed(1)} ms`,
    passed: each <= 12 * 1024 && status === 200 && time < 50,
  };
}

/** Starts 50 downloads of 1 GB, and leaves after the first megabyte. */
async function abortedDownloads(root: string): Promise<Row> {
  await using target = await startTarget(root);
  const run = async (count: number) => {
    for (let i = 0; i < count; i++) await abortDownload(target);
    await until(() => target.descriptors() <= descriptors, 5_000);
  };
  const descriptors = target.descriptors();
  await run(10); // warm up
  const before = target.memory();
  await run(50);
  const grown = target.memory() - before;
  return {
    attack: "50 downloads of 1 GB, aborted",
    outcome:
      `descriptors ${descriptors} before, ${target.descriptors()} after; memory ${
        (grown / 1024 ** 2).toFixed(1)
      } MiB more`,
    passed: target.descriptors() <= descriptors && grown < 16 * 1024 ** 2,
  };
}

function dial(target: Target): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port: target.port });
}

/** Opens a connection, reads one response, and keeps it. */
async function hold(target: Target): Promise<Deno.Conn> {
  const conn = await dial(target);
  await conn.write(GET);
  await conn.read(new Uint8Array(1_024));
  return conn;
}

/** Sends a request on a new connection; returns the status, 0 for none. */
async function ask(target: Target): Promise<number> {
  const conn = await dial(target);
  await conn.write(GET);
  const block = new Uint8Array(1_024);
  const count = await conn.read(block) ?? 0;
  conn.close();
  return Number(
    new TextDecoder().decode(block.subarray(9, Math.min(12, count))),
  );
}

async function abortDownload(target: Target): Promise<void> {
  const conn = await dial(target);
  await conn.write(encoder.encode("GET /large.bin HTTP/1.0\r\n\r\n"));
  const block = new Uint8Array(65_536);
  for (let read = 0; read < 1_048_576;) {
    read += await conn.read(block) ?? Infinity;
  }
  conn.close();
}

// The attack with few descriptors is not the first, because Deno itself needs
// more to load modules that are not in its cache
const ATTACKS: Record<string, (root: string) => Promise<Row>> = {
  idle: idleConnections,
  aborted: abortedDownloads,
  descriptors: fewDescriptors,
  headers: (root) => slowClients("slow headers", root),
  body: (root) => slowClients("slow body", root),
  read: (root) => slowClients("slow read", root),
  range: (root) => slowClients("range", root),
};

const root = await Deno.makeTempDir();
await Deno.writeTextFile(`${root}/small.txt`, "small\n");
using large = await Deno.create(`${root}/large.bin`);
await large.truncate(1_000_000_000); // sparse
const wanted = Deno.args.filter((arg) => arg in ATTACKS);
let failed = 0;
for (const [name, attack] of Object.entries(ATTACKS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const { attack: what, outcome, passed } = await attack(root);
  if (!passed) failed++;
  console.log(`${passed ? "ok    " : "FAILED"} ${what}: ${outcome}`);
}
await Deno.remove(root, { recursive: true });
Deno.exit(failed > 0 ? 1 : 0);
