import { assert, assertEquals, assertLess } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import offline from "../../offline/import_map.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);
const FLAG = `--import-map=${new URL("offline/import_map.json", ROOT)}\n`;

/** Runs pick.ts with an empty cache, and JSR at a port of this machine. */
async function pick(port: number): Promise<string> {
  const cache = await Deno.makeTempDir();
  try {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-lock", "offline/pick.ts"],
      cwd: ROOT,
      env: {
        DENO_DIR: cache,
        JSR_URL: `http://127.0.0.1:${port}/`,
        NO_PROXY: "127.0.0.1",
      },
    }).output();
    assertEquals(code, 0);
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}

Deno.test("pick.ts selects the stand-ins if connections are refused", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  assertEquals(await pick(port), FLAG);
});

Deno.test("pick.ts selects the stand-ins if nothing responds", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const start = performance.now();
  assertEquals(await pick(listener.addr.port), FLAG);
  assertLess(performance.now() - start, 10_000);
});

Deno.test("pick.ts prints nothing if JSR responds", async () => {
  const source = new TextEncoder().encode("export {};\n");
  const digest = await crypto.subtle.digest("SHA-256", source);
  const version = config.imports["@std/cli"].split("^")[1]!;
  const responses: Record<string, BodyInit> = {
    "/@std/cli/meta.json": JSON.stringify({
      scope: "std",
      name: "cli",
      versions: { [version]: {} },
    }),
    [`/@std/cli/${version}_meta.json`]: JSON.stringify({
      exports: { "./parse-args": "./parse_args.ts" },
      manifest: {
        "/parse_args.ts": {
          size: source.length,
          checksum: `sha256-${new Uint8Array(digest).toHex()}`,
        },
      },
    }),
    [`/@std/cli/${version}/parse_args.ts`]: source,
  };
  await using jsr = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const body = responses[new URL(request.url).pathname];
      return new Response(body ?? null, { status: body ? 200 : 404 });
    },
  );
  assertEquals(await pick(jsr.addr.port), "");
});

Deno.test("import_map.json names all packages that deno.json names", () => {
  for (const [name, target] of Object.entries(config.imports)) {
    assert(target.startsWith("jsr:"), `${name} would be fetched by each task`);
    assert(name in offline.imports, `${name} is not in both`);
  }
});

// `deno task` fetches everything in "imports", and each run everything in the
// lock file. So packages from npm are named where they are imported, and only
// tests use the lock file
for (
  const [entry, packages] of Object.entries({
    "server/main.ts": ["mime"],
    "mod.ts": ["mime"],
  })
) {
  Deno.test(`${entry} fetches ${packages.join(", ")} from npm`, async () => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", FLAG.trim(), entry],
      cwd: ROOT,
      stderr: "null",
    }).output();
    const { npmPackages } = JSON.parse(new TextDecoder().decode(stdout));
    const names = Object.keys(npmPackages)
      .map((name) => name.slice(0, name.lastIndexOf("@")));
    assertEquals(names.toSorted(), packages);
  });
}

Deno.test("client/main.ts fetches nothing from npm to make a request", async () => {
  const cache = await Deno.makeTempDir();
  await using server = Deno.serve({ port: 0, onListen() {} }, () => {
    return new Response("hi");
  });
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-q", "-A", FLAG.trim(), "client/main.ts"],
      `http://localhost:${server.addr.port}/`,
    ],
    cwd: ROOT,
    env: { DENO_DIR: cache, NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/" },
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "hi");
  await Deno.remove(cache, { recursive: true });
});

Deno.test("a task fetches no package of the lock file", () => {
  assertEquals(config.lock, false);
});
