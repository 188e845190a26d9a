import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { FileCache, type FileCacheOptions } from "../../server/_files/cache.ts";
import type { CacheEntry } from "../../server/_files/cache_entry.ts";
import { FileSystem } from "../../server/_files/file_system.ts";
import { TestClock } from "../_clock.ts";
import { makeTree } from "./_files.ts";

/** The memory of a held file of 1,000 bytes. */
const HELD = 2_024;
const common = { maxAge: null, types: new Map<string, string>() };

/** Makes a cache of files `a` to `e`, of 1,000 bytes each. */
async function makeCache(options: Partial<FileCacheOptions>) {
  const tree = await makeTree();
  for (const name of "abcde") await tree.put(name, name.repeat(1_000));
  const fileSystem = new FileSystem(tree.path, false);
  const cache = new FileCache(fileSystem, {
    common,
    ttl: 1_000,
    maxBytes: 1_000_000,
    ...options,
  });
  const load = (name: string): CacheEntry => {
    const file = fileSystem.findFile([name])!;
    return cache.load({ ...file, key: `/${name}` }, 0);
  };
  return {
    cache,
    put: tree.put,
    setTime: (name: string, time: number) =>
      Deno.utime(`${tree.path}/${name}`, time, time),
    load,
    /** Loads a file until its bytes are held. */
    hold(name: string): CacheEntry {
      const entry = load(name);
      for (let i = 0; i < 9 && entry.identity.whole === null; i++) {
        cache.prepareWhole(entry, entry.identity);
      }
      return entry;
    },
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  };
}

/** Returns the names of those whose bytes are held. */
function heldOf(entries: readonly CacheEntry[]): string {
  return entries.filter(({ identity }) => identity.whole !== null)
    .map(({ key }) => key.slice(1)).join("");
}

Deno.test("FileCache drops bytes that were not used recently, the oldest first", async () => {
  await using one = await makeCache({ maxBytes: 3 * HELD });
  const entries = [..."abc"].map((name) => one.load(name));
  for (const entry of entries) entry.isReferenced = false;
  assertStrictEquals(one.cache.get("/a", 0), entries[0]);
  entries.push(one.hold("d"));
  assertEquals(heldOf(entries), "acd");
  entries[3]!.isReferenced = false;
  entries.push(one.hold("e"));
  assertEquals(heldOf(entries), "ade");
  assertEquals(entries.map(({ heldBytes }) => heldBytes), [
    HELD,
    0,
    0,
    HELD,
    HELD,
  ]);
  for (const { key } of entries) assert(one.cache.get(key, 0) !== null, key);
});

Deno.test("FileCache drops the oldest bytes if all are in use", async () => {
  await using one = await makeCache({ maxBytes: 2 * HELD });
  const entries = [..."abc"].map(one.hold);
  assertEquals(heldOf(entries), "bc");
});

Deno.test("FileCache holds files of up to 64 KiB", async () => {
  await using one = await makeCache({ maxBytes: 67_000 });
  await one.put("d", "d".repeat(65_536));
  await one.put("e", "e".repeat(65_537));
  const entries = [..."dce"].map(one.hold);
  assertEquals(heldOf(entries), "c");
  assertEquals(heldOf([..."de"].map(one.hold)), "d");
});

Deno.test("FileCache validates files each time, and under load once a second", async () => {
  await using tree = await makeTree({ "a": "a", "b": "b" });
  using clock = new TestClock();
  clock.pass(3_000); // until what was just written counts as settled
  const fileSystem = new FileSystem(tree.path, false);
  const looks: string[] = [];
  const isUnchanged = fileSystem.isUnchanged.bind(fileSystem);
  fileSystem.isUnchanged = (file, directory) => {
    looks.push(...file.names);
    return isUnchanged(file, directory);
  };
  const cache = new FileCache(fileSystem, {
    common,
    ttl: null,
    maxBytes: 1_000_000,
  });
  for (const name of "ab") {
    const file = fileSystem.findFile([name])!;
    cache.load({ ...file, key: `/${name}` }, 0);
  }
  /** Counts the checks for a number of requests in one tick. */
  const count = (now: number, ...paths: string[]) => {
    looks.length = 0;
    for (const path of paths) assert(cache.get(path, now) !== null);
    return looks.join("").replaceAll(/a+/g, ({ length }) => `a${length}`);
  };
  const busy = Array<string>(500).fill("/a");
  assertEquals(count(0, "/a", "/b", "/a"), "a1ba1");
  assertEquals(count(200, ...busy), "a400");
  assertEquals(count(999, ...busy, "/b"), "a400");
  assertEquals(count(1_000, ...busy, "/b"), "a400b");
});

Deno.test("FileCache checks a directory under load for all of its files, and trusts that for a second", async () => {
  await using tree = await makeTree({ "a": "a", "b": "b", "c/d": "d" });
  using clock = new TestClock();
  clock.pass(3_000); // until what was just written counts as settled
  const fileSystem = new FileSystem(tree.path, false);
  const cache = new FileCache(fileSystem, { common, ttl: null, maxBytes: 9e6 });
  const load = (path: string) => {
    const file = fileSystem.findFile([...path.split("/"), ""].slice(1, -1))!;
    cache.load({ ...file, key: path }, 0);
  };
  /** Whether files are unchanged after as many requests as make a load. */
  const areSame = (now: number, ...paths: string[]) => {
    for (let i = 0; i < 400; i++) cache.get("/c/d", now);
    return paths.map((path) => cache.get(path, now) !== null);
  };
  for (const path of ["/a", "/b", "/c/d"]) load(path);
  assertEquals(areSame(10_000, "/a"), [true]);
  await tree.put("b.gz", "coded");
  assertEquals(areSame(10_900, "/b", "/a"), [true, true]);
  // Not even if it is asked twice, as it is while it is loaded again
  assertEquals(areSame(11_000, "/b", "/b", "/a"), [false, false, true]);
  await tree.put("a.gz", "coded");
  assertEquals(areSame(11_900, "/a"), [true]);
  assertEquals(cache.get("/a", 12_000), null); // without load
});

Deno.test("FileCache holds no bytes beyond its limit", async () => {
  await using one = await makeCache({ maxBytes: HELD - 1 });
  const entry = one.hold("a");
  assertEquals([heldOf([entry]), entry.heldBytes], ["", 0]);
  assert(one.cache.get("/a", 0) !== null);
});

Deno.test("FileCache counts bytes once if they are held twice, or replaced", async () => {
  await using one = await makeCache({ maxBytes: 2 * HELD });
  const a = one.load("a");
  one.cache.prepareWhole(a, a.identity);
  const b = one.load("b");
  assertEquals(heldOf([a, b]), "ab");
  await one.put("a", "A".repeat(1_000));
  const a2 = one.load("a");
  assert(a !== a2);
  assertEquals([heldOf([a2, b]), a.heldBytes], ["ab", 0]);
  const c = one.hold("c");
  assertEquals(heldOf([a2, b, c]), "ac");
});

Deno.test("FileCache evicts entries if there are too many, but not from who uses one", async () => {
  await using one = await makeCache({ maxEntries: 2 });
  const [a, b] = [one.load("a"), one.load("b")];
  a.isReferenced = b.isReferenced = false;
  assertStrictEquals(one.cache.get("/a", 0), a);
  one.load("c");
  assertEquals(one.cache.get("/b", 0), null);
  assertStrictEquals(one.cache.get("/a", 0), a);
  b.identity.whole = null; // as if its bytes had been dropped before
  const whole = one.cache.prepareWhole(b, b.identity);
  assertEquals(whole?.body.length, 1_000);
  assertEquals(b.heldBytes, 0);
});

Deno.test("FileCache has no more entries than it may, even for files too large to hold", async () => {
  await using one = await makeCache({ maxEntries: 2 });
  for (const name of "abcde") await one.put(name, name.repeat(70_000));
  for (const name of "abcde") one.load(name);
  const known = [..."abcde"].filter((name) =>
    one.cache.get(`/${name}`, 0) !== null
  );
  assertEquals(known.length, 2);
  assert(known.includes("e"));
});

Deno.test("FileCache compresses a file only once if that makes it no smaller", async () => {
  await using one = await makeCache({});
  await one.put("noise.js", crypto.getRandomValues(new Uint8Array(1_000)));
  const noise = one.load("noise.js");
  assertStrictEquals(await one.cache.choose(noise, ["gzip"]), noise.identity);
  const again = one.cache.choose(noise, ["gzip"]); // no promise
  assertStrictEquals(again, noise.identity);
});

Deno.test("FileCache gives a replaced version to requests that wait for it", async () => {
  await using one = await makeCache({});
  const put = async (bytes: Uint8Array) => {
    await one.put("noise.js", bytes);
    await one.setTime("noise.js", 1e9);
  };
  const noise = crypto.getRandomValues(new Uint8Array(1_000));
  await put(noise);
  const entry = one.load("noise.js");
  const choosing = one.cache.choose(entry, ["gzip"]);
  await put(noise.toReversed());
  assert(one.load("noise.js") !== entry);
  const chosen = await choosing;
  assertStrictEquals(chosen, entry.identity);
  assertEquals(one.cache.prepareWhole(entry, chosen)?.body, noise);
});

Deno.test("FileCache compresses no file that has changed since it was found", async () => {
  await using one = await makeCache({});
  await one.put("page.html", "page".repeat(30_000)); // too large to be held
  const page = one.load("page.html");
  await one.put("page.html", "another");
  assertStrictEquals(await one.cache.choose(page, ["gzip"]), page.identity);
});

Deno.test("FileCache compresses four files at once, and chooses null for others meanwhile", async () => {
  await using one = await makeCache({});
  const entries = [..."abcde"].map((name) => one.load(name));
  const chosen = await Promise.all(
    entries.map((entry) => one.cache.choose(entry, ["gzip"])),
  );
  assertEquals(
    chosen.map((coded) => coded?.headers.get("content-encoding")),
    ["gzip", "gzip", "gzip", "gzip", undefined],
  );
  assert(await one.cache.choose(entries[4]!, ["gzip"]) !== null);
});

Deno.test("FileCache counts compressed copies, and drops them", async () => {
  await using one = await makeCache({ maxBytes: 3 * HELD });
  const a = one.load("a");
  const choosing = one.cache.choose(a, ["gzip"]);
  assertStrictEquals(one.cache.choose(a, ["gzip"]), choosing); // once for all
  const coded = await choosing;
  assert(coded !== null && coded !== a.identity);
  assertEquals(a.heldBytes, HELD + 1_024 + coded.size);
  assertStrictEquals(await one.cache.choose(a, ["gzip"]), coded);
  a.isReferenced = false;
  const others = [..."bcd"].map((name) => one.load(name));
  assertEquals(heldOf([a, ...others]), "bcd");
  assertEquals([a.heldBytes, a.coded.size], [0, 0]);
});

Deno.test("FileCache drops bytes for a compressed copy, too", async () => {
  await using one = await makeCache({ maxBytes: 2 * HELD });
  const [a, b] = [one.load("a"), one.load("b")];
  a.isReferenced = b.isReferenced = false;
  await one.cache.choose(b, ["gzip"]);
  assertEquals([heldOf([a, b]), a.heldBytes], ["b", 0]);
});

Deno.test("FileCache keeps an entry if another file appears in its directory, unless that is a sidecar", async () => {
  using clock = new TestClock();
  clock.pass(3_000); // until what was just written counts as settled
  await using one = await makeCache({ ttl: 0 });
  await one.put("page.html", "page".repeat(250));
  const page = one.load("page.html");
  await one.put("other.html", "other");
  await one.setTime(".", 1e9); // some systems would not tell it from the next
  assertStrictEquals(one.cache.get("/page.html", 0), page);
  await one.put("page.html.gz", "coded");
  assertEquals(one.cache.get("/page.html", 0), null);
});

/** Makes sixty files, a cache for some of them, and a way to request one. */
async function makeSixty(room: number) {
  const tree = await makeTree();
  const names = Array.from({ length: 60 }, (_, i) => `file${i}`);
  for (const name of names) await tree.put(name, name.padEnd(1_000));
  const fileSystem = new FileSystem(tree.path, false);
  const options = { common, ttl: Infinity, maxBytes: room * HELD };
  const cache = new FileCache(fileSystem, options);
  const clock = { now: 60_000 };
  /** Looks up a file as a request does, and returns where its bytes were. */
  const ask = (name: string): "memory" | "disk, and held" | "disk" => {
    const key = `/${name}`;
    const known = cache.get(key, clock.now);
    if (known !== null && known.identity.whole !== null) return "memory";
    const file = fileSystem.findFile([name])!;
    const entry = known ??
      cache.load({ ...file, key }, clock.now);
    const whole = cache.prepareWhole(entry, entry.identity);
    return whole === null ? "disk" : "disk, and held";
  };
  for (const name of names) ask(name);
  const dispose = () => tree[Symbol.asyncDispose]();
  return { names, ask, clock, [Symbol.asyncDispose]: dispose };
}

Deno.test("FileCache keeps files in use while others are requested once each", async () => {
  await using one = await makeSixty(20);
  const inUse = one.names.slice(0, 10);
  for (let i = 0; i < 20; i++) inUse.forEach(one.ask);
  for (const name of one.names.slice(10)) {
    one.ask(name);
    const found = inUse.map(one.ask);
    assertEquals(found, found.map(() => "memory"));
  }
});

Deno.test("FileCache holds files that come into use instead of those out of use", async () => {
  await using one = await makeSixty(20);
  const { names } = one;
  const [old, young] = [names.slice(0, 20), names.slice(40)];
  for (const inUse of [old, young, old]) {
    for (let i = 0; i < 10; i++) inUse.forEach(one.ask);
    const found = inUse.map(one.ask);
    assertEquals(found, found.map(() => "memory"));
  }
  for (let i = 0; i < 9; i++, one.clock.now += 2_000) one.ask(names[39]!);
  assertEquals(one.ask(names[39]!), "memory");
});

Deno.test("FileCache holds a file at once after ten seconds with few misses, not sooner", async () => {
  for (const [pause, found] of [[9_000, "disk"], [10_000, "disk, and held"]]) {
    await using one = await makeSixty(20);
    one.names.forEach(one.ask);
    one.clock.now += Number(pause);
    const other = one.names.map(one.ask).find((how) => how !== "memory");
    assertEquals(other, found, `${pause}`);
  }
});

Deno.test("FileCache replaces hardly any file if more are in use than it can hold", async () => {
  for (const room of [6, 20, 40]) {
    await using one = await makeSixty(room);
    const found: string[] = [];
    for (let draw = 1; found.length < 6_000;) {
      draw = draw * 48_271 % 0x7fff_ffff; // the same numbers each time
      found.push(one.ask(one.names[draw % one.names.length]!));
    }
    const count = (how: string) => found.filter((one) => one === how).length;
    const inMemory = count("memory") / found.length;
    const replaced = count("disk, and held") / found.length;
    assert(inMemory > room / 60 - 0.03, `${inMemory} of ${room}`);
    assert(replaced < 0.03, `${replaced} of ${room}`);
  }
});
