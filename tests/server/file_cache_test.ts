import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { HeaderFields } from "../../message/mod.ts";
import { FileCache, type FileCacheOptions } from "../../server/_files/cache.ts";
import type { CacheEntry } from "../../server/_files/cache_entry.ts";
import { FileSystem } from "../../server/_files/file_system.ts";
import { TestClock } from "../_clock.ts";
import { makeTree } from "./_files.ts";

/** What a file of 1,000 bytes takes when it is held. */
const HELD = 2_024;
const common = {
  maxAge: null,
  types: new Map<string, string>(),
  extra: new HeaderFields(),
};

/** A cache of files `a` to `e`, of 1,000 bytes each, and what to ask of it. */
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
  return {
    cache,
    put: tree.put,
    load(name: string): CacheEntry {
      const file = fileSystem.findFile([name])!;
      const key = `/${name}`;
      return cache.load(key, { kind: "file", file, key }, 0);
    },
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  };
}

/** The names of those whose bytes are held. */
function heldOf(entries: readonly CacheEntry[]): string {
  return entries.filter(({ identity }) => identity.whole !== null)
    .map(({ key }) => key.slice(1)).join("");
}

Deno.test("FileCache lets go of bytes that were not used of late, the oldest first", async () => {
  await using one = await makeCache({ maxBytes: 3 * HELD });
  const entries = [..."abc"].map((name) => one.load(name));
  for (const entry of entries) entry.isReferenced = false;
  assertStrictEquals(one.cache.get("/a", 0), entries[0]);
  entries.push(one.load("d"));
  assertEquals(heldOf(entries), "acd");
  entries[3]!.isReferenced = false;
  entries.push(one.load("e"));
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

Deno.test("FileCache lets go of the oldest bytes when all are in use", async () => {
  await using one = await makeCache({ maxBytes: 2 * HELD });
  const entries = [..."abc"].map((name) => one.load(name));
  assertEquals(heldOf(entries), "bc");
});

Deno.test("FileCache holds files of up to 64 KiB", async () => {
  await using one = await makeCache({ maxBytes: 67_000 });
  await one.put("d", "d".repeat(65_536));
  await one.put("e", "e".repeat(65_537));
  const [d, c, e] = [one.load("d"), one.load("c"), one.load("e")];
  assertEquals(heldOf([d, c, e]), "c");
  for (const entry of [d, e]) one.cache.whole(entry, entry.identity);
  assertEquals(heldOf([d, c, e]), "d");
});

Deno.test("FileCache looks at files each time, and trusts its last look for a second where they are many", async () => {
  await using tree = await makeTree({ "a": "a", "b": "b" });
  using clock = new TestClock();
  clock.pass(3_000); // until what was just written counts as settled
  const fileSystem = new FileSystem(tree.path, false);
  const looks: string[] = [];
  const isUnchanged = fileSystem.isUnchanged.bind(fileSystem);
  fileSystem.isUnchanged = (file, directory) => {
    if (file.kind === "file") looks.push(...file.names);
    return isUnchanged(file, directory);
  };
  const cache = new FileCache(fileSystem, {
    common,
    ttl: null,
    maxBytes: 1_000_000,
  });
  for (const name of "ab") {
    const file = fileSystem.findFile([name])!;
    cache.load(`/${name}`, { kind: "file", file, key: `/${name}` }, 0);
  }
  /** How often it looked for so many requests in one tick. */
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

Deno.test("FileCache holds nothing that takes more than all that it may hold", async () => {
  await using one = await makeCache({ maxBytes: HELD - 1 });
  const entry = one.load("a");
  assertEquals([heldOf([entry]), entry.heldBytes], ["", 0]);
  assert(one.cache.get("/a", 0) !== null);
});

Deno.test("FileCache counts once what is held twice, or replaced", async () => {
  await using one = await makeCache({ maxBytes: 2 * HELD });
  const a = one.load("a");
  one.cache.whole(a, a.identity);
  const b = one.load("b");
  assertEquals(heldOf([a, b]), "ab");
  await one.put("a", "A".repeat(1_000));
  const a2 = one.load("a");
  assert(a !== a2);
  assertEquals([heldOf([a]), heldOf([a2, b]), a.heldBytes], ["", "ab", 0]);
  const c = one.load("c");
  assertEquals(heldOf([a2, b, c]), "ac");
});

Deno.test("FileCache evicts entries when there are too many; who uses one finishes with it", async () => {
  await using one = await makeCache({ maxEntries: 2 });
  const [a, b] = [one.load("a"), one.load("b")];
  a.isReferenced = b.isReferenced = false;
  assertStrictEquals(one.cache.get("/a", 0), a);
  one.load("c");
  assertEquals(one.cache.get("/b", 0), null);
  assertStrictEquals(one.cache.get("/a", 0), a);
  const whole = one.cache.whole(b, b.identity);
  assertEquals(whole?.body.length, 1_000);
  assertEquals(b.heldBytes, 0);
});

Deno.test("FileCache knows no more files than it may, also of those too large to be held", async () => {
  await using one = await makeCache({ maxEntries: 2 });
  for (const name of "abcde") await one.put(name, name.repeat(70_000));
  for (const name of "abcde") one.load(name);
  const known = [..."abcde"].filter((name) =>
    one.cache.get(`/${name}`, 0) !== null
  );
  assertEquals(known.length, 2);
  assert(known.includes("e"));
});

Deno.test("FileCache counts other paths to a file among those it knows", async () => {
  await using one = await makeCache({ maxEntries: 3 });
  const a = one.load("a");
  const paths = ["/1", "/2", "/3", "/4"];
  const load = (path: string) =>
    one.cache.load(path, { kind: "file", file: a.files[0], key: "/a" }, 0);
  const known = () => paths.filter((path) => one.cache.get(path, 0) !== null);
  for (const path of paths.slice(0, 3)) load(path);
  assertEquals(known(), ["/1", "/2", "/3"]);
  load("/4");
  assert(known().includes("/4"));
  assert(known().length <= 3, known().join());
});

Deno.test("FileCache has one entry for all paths to a file, also for one that was another file", async () => {
  using clock = new TestClock();
  clock.pass(3_000); // until what was just written counts as settled
  await using one = await makeCache({});
  const a = one.load("a");
  one.load("b");
  for (const path of ["/a", "/other", "/b"]) {
    const resolved = { kind: "file", file: a.files[0], key: "/a" } as const;
    assertStrictEquals(one.cache.load(path, resolved, 0), a);
    assertStrictEquals(one.cache.get(path, 0), a);
  }
});

Deno.test("FileCache tries to compress a file once, if that makes it no smaller", async () => {
  await using one = await makeCache({});
  await one.put("noise.js", crypto.getRandomValues(new Uint8Array(1_000)));
  const noise = one.load("noise.js");
  assertStrictEquals(await one.cache.choose(noise, ["gzip"]), noise.identity);
  const again = one.cache.choose(noise, ["gzip"]); // no promise
  assertStrictEquals(again, noise.identity);
});

Deno.test("FileCache compresses four files at once, and gives others as they are", async () => {
  await using one = await makeCache({});
  const entries = [..."abcde"].map((name) => one.load(name));
  const chosen = await Promise.all(
    entries.map((entry) => one.cache.choose(entry, ["gzip"])),
  );
  assertEquals(
    chosen.map((coded, i) => coded === entries[i]!.identity),
    [false, false, false, false, true],
  );
  assert(await one.cache.choose(entries[4]!, ["gzip"]) !== chosen[4]);
});

Deno.test("FileCache lets no other path to a file take the place of another file", async () => {
  await using one = await makeCache({ maxEntries: 3 });
  const a = one.load("a");
  one.load("b");
  one.load("c");
  for (const path of ["/1", "/2", "/3", "/4"]) {
    one.cache.load(path, { kind: "file", file: a.files[0], key: "/a" }, 0);
  }
  const known = ["/a", "/b", "/c"].filter((path) =>
    one.cache.get(path, 0) !== null
  );
  assertEquals(known, ["/a", "/b", "/c"]);
});

Deno.test("FileCache counts compressed copies, and lets go of them", async () => {
  await using one = await makeCache({ maxBytes: 3 * HELD });
  const a = one.load("a");
  const choosing = one.cache.choose(a, ["gzip"]);
  assertStrictEquals(one.cache.choose(a, ["gzip"]), choosing); // once for all
  const coded = await choosing;
  assert(coded !== a.identity);
  assertEquals(a.heldBytes, HELD + 1_024 + coded.size);
  assertStrictEquals(await one.cache.choose(a, ["gzip"]), coded);
  a.isReferenced = false;
  const others = [..."bcd"].map((name) => one.load(name));
  assertEquals(heldOf([a, ...others]), "bcd");
  assertEquals([a.heldBytes, a.coded.size], [0, 0]);
});

Deno.test("FileCache replaces a few files in one tick, so that one pass over all pushes little out", async () => {
  await using tree = await makeTree();
  const names = Array.from({ length: 100 }, (_, i) => `file${i}`);
  for (const name of names) await tree.put(name, name.padEnd(1_000));
  const fileSystem = new FileSystem(tree.path, false);
  const options = { common, ttl: 1_000, maxBytes: 10 * HELD };
  const cache = new FileCache(fileSystem, options);
  const load = (name: string, now: number) => {
    const file = fileSystem.findFile([name])!;
    const key = `/${name}`;
    return cache.load(key, { kind: "file", file, key }, now);
  };
  const entries = names.map((name) => load(name, 0));
  assertEquals(heldOf(entries.slice(0, 64)), "");
  const held = entries.filter(({ identity }) => identity.whole !== null);
  assertEquals(held, entries.slice(64, 74));
  const last = entries[99]!;
  assertEquals(cache.whole(last, last.identity), null);
  cache.get("/file99", 200);
  assert(cache.whole(last, last.identity) !== null, "in the next tick");
});
