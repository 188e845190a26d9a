// What the connections of a server share: memory, turns and a clock.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { ConnectionIo } from "../../server/_connection/connection_io.ts";
import {
  type BufferPool,
  Buffers,
  Clock,
  FairQueue,
} from "../../server/_connection/resources.ts";
import { sendFile } from "../../server/_connection/response_body.ts";
import { TestClock } from "../_clock.ts";
import { delay } from "./_raw.ts";

function lend(pool: BufferPool, count: number, ...sizes: [number, number?]) {
  return Array.from({ length: count }, () => pool.acquire(...sizes));
}

Deno.test("Buffers give whole chunks to a few, and share memory among many", () => {
  const { inputs, writes, downloads } = new Buffers();
  for (const { length } of lend(inputs, 2_000, 1_024)) {
    assertEquals(length, 1_024);
  }
  const lengths = (pool: BufferPool, whole: number, least: number) =>
    lend(pool, 300, whole, least).map(({ length }) => length);
  const small = lengths(writes, 69_632, 100);
  assertEquals([small[0], small[63], small[64]], [69_632, 69_632, 68_560]);
  const large = lengths(downloads, 1_048_576, 65_536);
  assertEquals([large[0], large[15], large[16]], [
    1_048_576,
    1_048_576,
    986_895,
  ]);
  assertEquals([large[255], large[299]], [65_536, 65_536]);
  assertEquals([writes.acquired, downloads.acquired], [300, 300]);
});

Deno.test("BufferPool keeps a few whole chunks to be used again", () => {
  for (const [name, kept] of [["writes", 64], ["downloads", 4]] as const) {
    const pool = new Buffers()[name];
    const whole = name === "writes" ? 69_632 : 1_048_576;
    // Smaller chunks are not kept
    for (const chunk of lend(pool, 3, whole - 1)) pool.release(chunk);
    const least = whole; // more than its share
    const chunks = new Set(lend(pool, 80, whole, least));
    for (const chunk of chunks) pool.release(chunk);
    assertEquals(pool.acquired, 0);
    const again = lend(pool, 80, whole, least);
    assertEquals(again.filter((chunk) => chunks.has(chunk)).length, kept);
    for (const chunk of again) assertEquals(chunk.length, whole);
  }
});

Deno.test("FairQueue resumes a few in each turn, in order, and lets others between", async () => {
  const queue = new FairQueue(2);
  const order: string[] = [];
  const waiting = [1, 2, 3, 4, 5].map(async (number) => {
    await queue.wait();
    order.push(`${number}`);
  });
  for (const turn of "abc") setTimeout(() => order.push(turn), 0);
  await Promise.all(waiting);
  assertEquals(order.join(""), "12abc345");
  await queue.wait(); // also after it was empty
});

Deno.test("Clock tells of each tick, with a date of its second, until it is stopped", async () => {
  using time = new TestClock();
  const ticks: number[] = [];
  const clock = new Clock([
    { io: { checkDeadlines: (now: number) => ticks.push(now) } },
  ]);
  const { date, now } = clock;
  time.pass(86_400_000);
  while (ticks.length < 1) await delay(10);
  // However long the whole program slept: clients were not late
  assertEquals(ticks, [now + 1_000]);
  assertEquals(clock.now, ticks[0]!);
  assert(Date.parse(clock.date) - Date.parse(date) >= 86_400_000);
  while (ticks.length < 2) await delay(10);
  const passed = ticks[1]! - ticks[0]!;
  assert(passed > 100 && passed <= 1_000, `${passed} ms`);
  clock.stop();
  const { length } = ticks;
  await delay(300);
  assertEquals(ticks.length, length);
});

/** Sends a file while others are sent; returns its writes and its turns. */
async function sendAmong(others: number, head: string, length: number) {
  const buffers = new Buffers();
  lend(buffers.downloads, others, 1_048_576, 65_536);
  const writes: number[] = [];
  let turns = 0;
  let position = 0;
  let running = 0;
  const later = async (act: () => void) => {
    assertEquals(running++, 0, "one after the other");
    await delay(0);
    running--;
    act();
  };
  const write = ({ length }: Uint8Array | string) =>
    later(() => writes.push(length));
  const io = {
    server: { buffers, downloadQueue: { wait: () => later(() => turns++) } },
    write,
    writeJoined: write,
  };
  const file = {
    readSync: (into: Uint8Array) => (position += into.length, into.length),
    seekSync: (offset: number) => position = offset,
    close: () => {},
  };
  await sendFile(io as unknown as ConnectionIo, head, {
    file,
    start: 7,
    length,
  });
  assertEquals(position, 7 + length);
  assertEquals(buffers.downloads.acquired, others);
  assertStrictEquals(buffers.writes.acquired, 0);
  return { writes, turns };
}

Deno.test("sendFile() sends large files in turns where there are many, and with their heads", async () => {
  const head = "x".repeat(100);
  assertEquals(await sendAmong(0, head, 69_532), {
    writes: [69_632],
    turns: 0,
  });
  assertEquals(await sendAmong(0, head, 2_000_000), {
    writes: [1_048_576, 951_524],
    turns: 0,
  });
  assertEquals(await sendAmong(63, head, 500_000), {
    writes: [262_144, 237_956],
    turns: 0,
  });
  assertEquals(await sendAmong(64, head, 600_000), {
    writes: [258_111, 258_111, 83_878],
    turns: 2,
  });
  assertEquals(await sendAmong(0, "x".repeat(1_500_000), 10), {
    writes: [1_500_010],
    turns: 0,
  });
  assertEquals(await sendAmong(0, head, 0), { writes: [100], turns: 0 });
});
