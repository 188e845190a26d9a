// Sends requests in one of several modes, and prints the counts as JSON:
// client.ts MODE URL SECONDS AT_ONCE

import { Client, get } from "../../../client/mod.ts";
import { cpuOf } from "../_proc.ts";

/** V8 compiles until each client has made some 20,000 requests. */
const WARM_UP_MS = 3_000;
const BLOCK_BYTES = 1_048_576;
const [mode = "", url = "", seconds = "1", atOnce = "1"] = Deno.args;
const client = new Client();
const discarded = new Uint8Array(BLOCK_BYTES); // for all bytes, which are ignored
let bytes = 0;
let problem: string | null = null;

/** Functions that make a request and read the whole body. */
const MODES: Readonly<Record<string, () => Promise<void>>> = {
  get: async () => await drain(await get(url)),
  client: async () => await drain(await client.get(url)),
  "get-block": async () => await drainByBlock(await get(url)),
  fetch: async () => await drain(await fetch(url)),
  "client-text": async () => await drainText(await client.get(url)),
  "fetch-text": async () => await drainText(await fetch(url)),
  "fetch-close": async () =>
    await drain(await fetch(url, { headers: { Connection: "close" } })),
  bare: readBare,
};

interface AnyResponse {
  readonly status: number;
  readonly body: ReadableStream<Uint8Array> | null;
  bytes(): Promise<Uint8Array>;
  text(): Promise<string>;
}

/** Reads a small body as a whole, and a large one as a stream. */
async function drain(response: AnyResponse): Promise<void> {
  check(response);
  if (url.endsWith(".bin")) {
    for await (const part of response.body!) bytes += part.length;
    return;
  }
  const { length } = await response.bytes();
  bytes += length;
}

/** Reads the body as text, and one character, for which it must be complete. */
async function drainText(response: AnyResponse): Promise<void> {
  check(response);
  const text = await response.text();
  if (text.charCodeAt(text.length - 1) > 0) bytes += text.length;
}

async function drainByBlock(response: AnyResponse): Promise<void> {
  check(response);
  const reader = response.body!.getReader({ mode: "byob" });
  let block = new Uint8Array(BLOCK_BYTES);
  for (;;) {
    const { value, done } = await reader.read(block);
    if (done || value === undefined) return;
    bytes += value.length;
    block = new Uint8Array(value.buffer);
  }
}

function check({ status }: AnyResponse): void {
  if (status !== 200) problem = `status ${status}`;
}

/** Uses a bare socket without any client: the ceiling of the platform. */
async function readBare(): Promise<void> {
  const { hostname, port, pathname } = new URL(url);
  using conn = await Deno.connect({ hostname, port: Number(port) });
  await conn.write(
    new TextEncoder().encode(
      `GET ${pathname} HTTP/1.0\r\nHost: ${hostname}\r\n\r\n`,
    ),
  );
  for (;;) {
    const count = await conn.read(discarded);
    if (count === null) return;
    bytes += count;
  }
}

/** Sends requests until the time is over, and counts them. */
async function askFor(time: number): Promise<number> {
  const end = performance.now() + time;
  let requests = 0;
  const loop = async () => {
    while (performance.now() < end) {
      await MODES[mode]!();
      requests++;
    }
  };
  await Promise.all(Array.from({ length: Number(atOnce) }, loop));
  return requests;
}

await askFor(WARM_UP_MS);
bytes = 0;
const cpuBefore = cpuOf(Deno.pid);
const started = performance.now();
const requests = await askFor(Number(seconds) * 1000);
const time = (performance.now() - started) / 1000;
const cpu = cpuOf(Deno.pid) - cpuBefore;
console.log(JSON.stringify({ requests, bytes, seconds: time, cpu, problem }));
Deno.exit();
