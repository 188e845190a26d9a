// Lists all names that each entry point exports. A name that is added here
// becomes a promise to users.

import { assert, assertEquals } from "@std/assert";
import * as client from "../client/mod.ts";
import * as message from "../message/mod.ts";
import * as all from "../mod.ts";
import * as server from "../server/mod.ts";
import * as url from "../url/mod.ts";

const NAMES = {
  url: [
    "Url",
    "UrlError",
    "defaultPort",
    "drawUrlError",
    "parseHost",
    "parseUrl",
    "percentDecode",
  ],
  message: [
    "ChunkedDecoder",
    "HeaderFields",
    "MessageError",
    "RequestHeadParser",
    "ResponseHeadParser",
    "STATUS_REASONS",
    "Wire",
    "WireError",
    "isValidHost",
    "parseBasicCredentials",
    "parseHttpDate",
    "parseQualityValues",
    "parseRequestHead",
    "parseResponseHead",
    "parseStatusLine",
    "parseTarget",
    "persistence",
    "qualityOf",
    "requestFraming",
    "responseFraming",
    "statusReason",
    "writeBasicCredentials",
    "writeHttpDate",
    "writeRequestHead",
    "writeResponseHead",
    "writeStatusLine",
  ],
  server: [
    "BodyError",
    "HttpRequest",
    "accessLog",
    "listen",
    "serve",
    "serveDir",
    "webHandler",
    "withBasicAuth",
    "withCors",
    "withHeaders",
  ],
  client: [
    "Client",
    "ClientError",
    "connect",
    "fetch",
    "get",
    "head",
    "isProxyExempt",
    "post",
    "proxyFromEnvironment",
    "request",
    "resolveHost",
  ],
};

const ENTRY_POINTS = { url, message, server, client };

for (const [folder, module] of Object.entries(ENTRY_POINTS)) {
  Deno.test(`./${folder} exports exactly the names listed here`, () => {
    const names = NAMES[folder as keyof typeof NAMES];
    assertEquals(Object.keys(module).toSorted(), names);
  });
}

Deno.test(". exports what all the others export", () => {
  assertEquals(
    Object.keys(all).toSorted(),
    Object.values(NAMES).flat().toSorted(),
  );
});

/** An export as `deno doc` describes it. */
interface Documented {
  readonly name: string;
  readonly declarations: readonly {
    readonly jsDoc?: {
      readonly tags?: readonly {
        readonly kind: string;
        readonly doc: string;
      }[];
    };
  }[];
}

function readDocumentation(): Documented[] {
  const root = new URL("../", import.meta.url);
  const map = new URL("offline/import_map.json", root);
  const { stdout } = new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", `--import-map=${map}`, "mod.ts"],
    cwd: root,
    stderr: "null",
  }).outputSync();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout));
  const files: { symbols: Documented[] }[] = Object.values(nodes);
  return files.flatMap(({ symbols }) => symbols);
}

/**
 * Options other than those of this repository, with which a project may check
 * the files that it imports by their path.
 */
const OTHER_OPTIONS = {
  noFallthroughCasesInSwitch: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
};

/**
 * What people write. Without exactOptionalPropertyTypes, TypeScript gives each
 * object of a union the fields of the others, as undefined.
 */
const PROGRAM = `import { serve } from "${import.meta.resolve("../mod.ts")}";
serve(({ path }) => {
  if (path === "/") return { status: 200, headers: { "X-A": "1" }, body: "" };
  return { status: 404, headers: { "X-B": ["2", "3"] } };
});
serve(async (request) => {
  const headers = await request.text() === "" ? {} : { "X-A": "1" };
  return { status: 200, headers };
});`;

Deno.test("mod.ts passes the type check of a project with other options", async () => {
  const folder = await Deno.makeTempDir();
  const text = JSON.stringify({ compilerOptions: OTHER_OPTIONS });
  await Deno.writeTextFile(`${folder}/deno.json`, text);
  await Deno.writeTextFile(`${folder}/program.ts`, PROGRAM);
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "-q", "--no-lock", "program.ts"],
    cwd: folder,
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  await Deno.remove(folder, { recursive: true });
});

const CATEGORIES = ["Fetch", "Messages", "Serve", "Sockets", "URLs"];

Deno.test("each export has a category and an example", () => {
  const documented = readDocumentation();
  const found = new Set<string>();
  for (const { name, declarations: [declaration] } of documented) {
    const tags = declaration?.jsDoc?.tags ?? [];
    const category = tags.filter(({ kind }) => kind === "category");
    assertEquals(category.length, 1, name);
    found.add(category[0]!.doc.trim());
    assert(tags.some(({ kind }) => kind === "example"), name);
  }
  assertEquals([...found].toSorted(), CATEGORIES);
});
