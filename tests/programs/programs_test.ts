// Runs programs that people might write with the module, each under 30 lines,
// and uses them from outside.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { connect, request, serve } from "../../mod.ts";

const FOLDER = new URL("./", import.meta.url);
const OFFLINE = import.meta.resolve("../../offline/import_map.json");
const MAX_LINES = 30;

/** A running program; its stdout is read line by line. */
class Program implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(name: string, ...args: readonly string[]) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-q", "--no-lock", "--allow-net=127.0.0.1", "-R"],
        ...[`--import-map=${OFFLINE}`, new URL(`${name}.ts`, FOLDER).href],
        ...args,
      ],
      stdout: "piped",
    }).spawn();
    this.#lines = linesOf(this.#process.stdout);
  }

  get pid(): number {
    return this.#process.pid;
  }

  async nextLine(): Promise<string> {
    return (await this.#lines.next()).value ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#lines.return?.();
  }
}

async function* linesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

Deno.test("each program is under 30 lines", () => {
  const programs = [...Deno.readDirSync(FOLDER)]
    .filter(({ name }) => name.endsWith(".ts") && !name.endsWith("_test.ts"))
    .map(({ name }) => Deno.readTextFileSync(new URL(name, FOLDER)));
  assertEquals(programs.length, 7);
  for (const text of programs) {
    const lines = text.split("\n").length - 1;
    assert(lines < MAX_LINES, `${lines}: ${text.slice(0, 60)}`);
  }
});

/** Makes a folder with a page and a 404 page. */
async function makeSite(): Promise<string> {
  const root = await Deno.makeTempDir();
  await Deno.writeTextFile(`${root}/index.html`, "<h1>home</h1>");
  await Deno.writeTextFile(`${root}/404.html`, "<h1>not here</h1>");
  return root;
}

Deno.test("the JSON API keeps notes", async () => {
  await using program = new Program("json_api", "0");
  const url = await program.nextLine();
  const ask = async (method: string, path: string, body?: string) => {
    const options = { method, ...body === undefined ? {} : { body } };
    const response = await request(url + path, options);
    const text = await response.text();
    const type = response.headers.get("content-type");
    return [
      response.status,
      type === "application/json" ? JSON.parse(text) : text,
    ];
  };
  assertEquals(await ask("PUT", "notes/a", '"milk"'), [201, "milk"]);
  assertEquals(await ask("PUT", "notes/b", '"bread"'), [201, "bread"]);
  assertEquals(await ask("GET", "notes/a"), [200, "milk"]);
  assertEquals(await ask("GET", "notes"), [200, { a: "milk", b: "bread" }]);
  assertEquals(await ask("GET", "notes?word=br%65a"), [200, { b: "bread" }]);
  assertEquals(await ask("DELETE", "notes/a"), [204, ""]);
  const [status, { error }] = await ask("GET", "notes/a");
  assertEquals([status, error], [404, "there is nothing here"]);
});

Deno.test("the static site has its own 404 and a header", async () => {
  const root = await makeSite();
  await using program = new Program("static_site", "0", root);
  const url = await program.nextLine();
  for (
    const [path, status, text] of [
      ["", 200, "<h1>home</h1>"],
      ["none.html", 404, "<h1>not here</h1>"],
    ]
  ) {
    const response = await request(`${url}${path}`);
    assertEquals([response.status, await response.text()], [status, text]);
    assertEquals(
      response.headers.get("content-security-policy"),
      "default-src 'self'",
    );
  }
  await Deno.remove(root, { recursive: true });
});

Deno.test("the crawler visits 200 pages, and reports the broken ones", async () => {
  const asked: string[] = [];
  let atOnce = 0;
  let most = 0;
  await using server = serve(async ({ path }) => {
    asked.push(path);
    most = Math.max(most, ++atOnce);
    await new Promise((done) => setTimeout(done, 1));
    atOnce--;
    const page = Number(path.slice(1));
    if (page === 7) return { status: 500 };
    const links = ["/", `${page * 2 + 1}#x`, `/a/../${page * 2 + 2}`];
    const others = ["mailto:a@b.test", "http://other.test/", "#top"];
    const html = [...links, ...others].map((link) => `<a href="${link}">`);
    return {
      status: 200,
      headers: { "Content-Type": "text/html" },
      body: html.join("\n"),
    };
  }, { port: 0 });
  await using program = new Program("crawler", server.url);
  assertEquals(await program.nextLine(), `500 ${server.url}7`);
  assertEquals(await program.nextLine(), "200 pages");
  assertEquals(new Set(asked).size, 200);
  assertEquals(asked.length, 200);
  assert(most > 1 && most <= 8, `${most} at once`);
});

const MIB = 2 ** 20;

/** Makes a stream of bytes on demand; each block differs. */
function bytesOf(size: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent >= size) return controller.close();
      const block = new Uint8Array(Math.min(MIB / 4, size - sent));
      controller.enqueue(block.fill(sent / block.length));
      sent += block.length;
    },
  }, { highWaterMark: 0 });
}

async function count(
  stream: ReadableStream<Uint8Array> | null,
): Promise<string> {
  let [size, sum] = [0, 0];
  for await (const part of stream ?? []) {
    for (let i = 0; i < part.length; i += 4096) {
      sum += part[i]! * (size % 251 + 1);
    }
    size += part.length;
  }
  return `${size} ${sum > 0}`;
}

/** Returns the most memory that a process has used, in bytes (Linux). */
async function peakOf(pid: number): Promise<number> {
  const args = [`/proc/${pid}/status`];
  const { stdout } = await new Deno.Command("cat", { args, stderr: "null" })
    .output();
  const text = new TextDecoder().decode(stdout);
  return Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? 0) * 1024;
}

Deno.test("the proxy streams both ways, in constant memory", async () => {
  const size = 160 * MIB;
  await using upstream = serve(async ({ method, path, headers, body }) => ({
    status: path === "/missing" ? 404 : 200,
    headers: {
      "X-Method": method,
      "X-Length": headers.get("content-length") ?? "none",
      ...method === "POST" ? {} : { "Content-Length": String(size) },
    },
    body: method === "POST" ? await count(body) : bytesOf(size),
  }), { port: 0, limits: { maxBodyBytes: Infinity } });
  const origin = upstream.url.slice(0, -1);
  await using program = new Program("streaming_proxy", "0", origin);
  const url = await program.nextLine();
  const head = await request(`${url}missing`, { method: "HEAD" });
  assertEquals(
    [
      head.status,
      head.headers.get("x-method"),
      head.headers.get("content-length"),
    ],
    [404, "HEAD", String(size)],
  );
  const before = await peakOf(program.pid);
  const down = await request(`${url}a?b`);
  assertEquals(await count(down.body), `${size} true`);
  const body = { size, stream: () => bytesOf(size) };
  const up = await request(url, { method: "POST", body });
  assertEquals(await up.text(), `${size} true`);
  assertEquals(up.headers.get("x-length"), String(size));
  const grown = (await peakOf(program.pid) - before) / MIB;
  assert(grown < 100, `${grown} MiB more`);
});

Deno.test("the proxy says that it cannot connect to the other server", async () => {
  await using program = new Program(
    "streaming_proxy",
    "0",
    "http://127.0.0.1:1",
  );
  const response = await request(await program.nextLine());
  assertEquals(response.status, 502);
  assertMatch(await response.text(), /^Cannot connect to 127.0.0.1:1: refused/);
});

Deno.test("Hono's app runs beside files", async () => {
  const root = await makeSite();
  await using program = new Program("hono_beside_files", "0", root);
  const url = await program.nextLine();
  const hello = await request(`${url}api/hello/you`);
  assertEquals(await hello.json(), { hello: "you" });
  const echo = await request(`${url}api/echo`, { method: "POST", body: "é" });
  assertEquals(await echo.text(), "é");
  assertEquals((await request(`${url}api/none`)).status, 404);
  assertEquals(await (await request(url)).text(), "<h1>home</h1>");
  await Deno.remove(root, { recursive: true });
});

Deno.test("the chat sends each line to everybody", async () => {
  await using program = new Program("chat", "0");
  const port = Number(/port (\d+)/.exec(await program.nextLine())![1]);
  const join = async (name: string) => {
    const wire = await connect({ port });
    assertEquals(await wire.readLine(), "What is your name?");
    await wire.writeLine(name);
    assertEquals(await wire.readLine(), `* ${name} is here`);
    return wire;
  };
  await using ann = await join("Ann");
  const bob = await join("Bob");
  assertEquals(await ann.readLine(), "* Bob is here");
  await bob.writeLine("Knock knock");
  await ann.writeLine("Who's there?");
  const heard = new Set([await ann.readLine(), await ann.readLine()]);
  assertEquals(heard, new Set(["Bob: Knock knock", "Ann: Who's there?"]));
  bob.close();
  assertEquals(await ann.readLine(), "* Bob has gone");
});
