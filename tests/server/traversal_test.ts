import { assert, assertEquals } from "@std/assert";
import { ensureDir } from "@std/fs/ensure-dir";
import { octets } from "../_octets.ts";
import { ask, makeTree, serveTree, type Tree } from "./_files.ts";

interface Entry {
  readonly path: string;
  readonly type: "file" | "dir" | "symlink" | "fifo" | "socket";
  readonly content?: string;
  readonly target?: string;
  readonly mode?: number;
}

interface Case {
  readonly name: string;
  readonly target: string;
  readonly expect: "serve" | "refuse" | "redirect" | "either";
  readonly status?: readonly number[];
  readonly path?: string;
  readonly location?: string;
  readonly never?: readonly string[];
  readonly group?: string;
  readonly platform?: string;
}

const CASES_URL = new URL("../cases/", import.meta.url);
const isWindows = Deno.build.os === "windows";

async function readCases(): Promise<Case[]> {
  const text = await Deno.readTextFile(new URL("traversal.jsonl", CASES_URL));
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

/**
 * Makes the tree of the cases. On Linux all of it can be made, but for the name
 * that is not UTF-8, which Deno cannot write; elsewhere names that the platform
 * cannot hold are left out, too.
 */
async function makeFixture(): Promise<
  { tree: Tree; files: Map<string, string> }
> {
  const entries: Entry[] = JSON.parse(
    await Deno.readTextFile(new URL("fixture.json", CASES_URL)),
  );
  const tree = await makeTree();
  const files = new Map<string, string>();
  for (const entry of entries) {
    try {
      await makeEntry(tree, entry);
      if (entry.type === "file") files.set(entry.path, entry.content ?? "");
    } catch (error) {
      const isExpected = Deno.build.os !== "linux" ||
        entry.path === "root/nonutf8-\xff.txt";
      if (!isExpected || error instanceof Deno.errors.NotCapable) throw error;
    }
  }
  return { tree, files };
}

async function makeEntry(tree: Tree, entry: Entry): Promise<void> {
  const bytes = octets(entry.path);
  const name = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  const path = `${tree.path}/${name}`;
  await ensureDir(path.slice(0, path.lastIndexOf("/")));
  if (entry.type === "dir") await ensureDir(path);
  if (entry.type === "symlink") await Deno.symlink(entry.target!, path);
  if (entry.type === "file") {
    await Deno.writeFile(path, octets(entry.content ?? ""));
  }
  if (entry.type === "fifo" || entry.type === "socket") {
    await tree.put(name, { special: entry.type });
  }
  // Removing a directory needs the right to read it
  if (entry.mode !== undefined && entry.type === "file") {
    await Deno.chmod(path, entry.mode);
  }
}

/** The path and query that a redirect leads to. */
function resolve(target: string, location: string): string {
  const path = target.replace(/^http:\/\/[^/]*/, "").replace(/[?#].*/, "");
  return location.startsWith("./")
    ? path.slice(0, path.lastIndexOf("/") + 1) + location.slice(2)
    : location;
}

async function checkCase(
  { name, target, ...wanted }: Case,
  server: ReturnType<typeof serveTree>,
  files: ReadonlyMap<string, string>,
): Promise<void> {
  const answer = await ask(server, target);
  const { status, body } = answer;
  const whole = answer.fields + body;
  for (const word of wanted.never ?? []) {
    assert(!whole.includes(word), `${name}: ${word} came out`);
  }
  const location = answer.field("location");
  if (location !== null) {
    assert(/^\.?\/(?![/\\])/.test(location), `${name}: ${location}`);
  }
  if (wanted.expect === "serve") {
    assertEquals([status, body], [200, files.get(wanted.path!)], name);
  } else if (wanted.expect === "redirect" && status !== 200) {
    assertEquals(resolve(target, location ?? ""), wanted.location, name);
  } else {assert(
      wanted.status === undefined || wanted.status.includes(status),
      `${name}: ${status}`,
    );}
  if (
    wanted.expect === "either" && status === 200 && wanted.path !== undefined
  ) {
    assertEquals(body, files.get(wanted.path), name);
  }
  if (wanted.group === "dotfiles") assertEquals(status, 404, name);
}

Deno.test("serveDir() keeps to its root in every case of traversal.jsonl", async () => {
  const { tree, files } = await makeFixture();
  await using _ = tree;
  await using server = serveTree(`${tree.path}/root`);
  let count = 0;
  for (const one of await readCases()) {
    if (isWindows && one.platform === "posix") continue;
    await checkCase(one, server, files);
    count++;
  }
  assert(count > 150, `only ${count} cases`);
  assertEquals(server.errors, []);
});

Deno.test("serveDir() answers every kind of entry at once, pipes and sockets too", async () => {
  const { tree } = await makeFixture();
  await using _ = tree;
  await using server = serveTree(`${tree.path}/root`);
  const names = [
    "fifo",
    "sock",
    "link-dev",
    "link-loop",
    "dangling",
    "file.txt",
  ];
  for (const name of isWindows ? [] : ["fifo", "sock", "dangling"]) {
    await Deno.lstat(`${tree.path}/root/${name}`); // it is there
  }
  const answers = await Promise.all(
    names.map((name) => ask(server, `/${name}`)),
  );
  assertEquals(answers.map(({ status }) => status), [
    404,
    404,
    404,
    404,
    404,
    200,
  ]);
});

Deno.test("serveDir() with followSymlinks serves what links lead to outside, and nothing that is no file", async () => {
  const { tree } = await makeFixture();
  await using _ = tree;
  await using server = serveTree(`${tree.path}/root`, { followSymlinks: true });
  const status = async (path: string) => (await ask(server, path)).status;
  assertEquals(await status("/link-out"), 200);
  assertEquals(await status("/linkdir-out/root-sibling/secret.txt"), 200);
  assertEquals(await status("/../secret.txt"), 404);
  assertEquals(await status("/link-dev"), 404);
  assertEquals(await status("/link-loop"), 404);
});

Deno.test("serveDir() with showDotfiles serves them, but neither . nor ..", async () => {
  const { tree } = await makeFixture();
  await using _ = tree;
  await using server = serveTree(`${tree.path}/root`, { showDotfiles: true });
  assertEquals((await ask(server, "/.hidden")).body, "OK:.hidden\n");
  assertEquals((await ask(server, "/.git/config")).status, 200);
  assertEquals((await ask(server, "/...")).body, "OK:...\n");
  assertEquals((await ask(server, "/../secret.txt")).status, 404);
});

Deno.test("serveDir() serves the root of the file system, too", async () => {
  await using tree = await makeTree({ "a.txt": "a" });
  const real = await Deno.realPath(tree.path);
  await using server = serveTree("/");
  assertEquals((await ask(server, `${real}/a.txt`)).body, "a");
});

Deno.test("serveDir() never serves a file that was swapped for a link between check and open", async () => {
  await using tree = await makeTree({
    "secret.txt": "SECRET",
    "root/open.txt": "public",
    "root/dir/file.txt": "public",
    "root/dir/large.txt": "public".repeat(20_000), // too large to be held
    "outside/file.txt": "SECRET",
    "outside/large.txt": "SECRET".repeat(20_000),
  });
  using stack = new DisposableStack();
  const worker = stack.adopt(
    new Worker(new URL("./_swapper.ts", import.meta.url), { type: "module" }),
    (worker) => worker.terminate(),
  );
  const told = (wanted: string) =>
    new Promise<void>((resolve) => {
      worker.addEventListener("message", ({ data }) => {
        if (data === wanted) resolve();
      });
    });
  const [ready, done] = [told("ready"), told("done")];
  worker.postMessage(tree.path);
  await ready;
  let isDone = false;
  const end = done.then(() => isDone = true);
  await using server = serveTree(`${tree.path}/root`, { cacheTtl: 0 });
  const seen = new Set<string>();
  while (!isDone) {
    for (const path of ["/open.txt", "/dir/file.txt", "/dir/large.txt"]) {
      const { status, body } = await ask(server, path);
      assert(
        status === 404 || /^(public)+$/.test(body),
        `${status} ${body.slice(0, 9)}`,
      );
      seen.add(`${path} ${status}`);
    }
  }
  await end;
  assert(seen.has("/open.txt 200"), [...seen].join());
  assert(seen.has("/dir/large.txt 200"), [...seen].join());
  assertEquals(server.errors, []);
});
