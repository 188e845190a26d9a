// Checks what README promises: commands that install, links to files that
// exist, a tour that is short enough, recipes that fit on a screen.
// `deno test --doc` runs the recipes.

import { assert, assertEquals, assertLess } from "@std/assert";
import { readSource, ROOT } from "./_sources.ts";
import {
  cacheFolder,
  listTranscripts,
  mask,
  parentOf,
  README_URL,
  Terminal,
} from "./readme.ts";

const README = Deno.readTextFileSync(README_URL);

/** Returns the text below a heading. */
function section(heading: string): string {
  const [, text] = README.split(`\n## ${heading}\n`);
  assert(text !== undefined, heading);
  return text.split("\n## ")[0]!;
}

/** Returns the code of the fences of a language. */
function fences(text: string, language: string): string[] {
  const regexp = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm");
  return Array.from(text.matchAll(regexp), ([, code]) => code!);
}

const LINK_REGEXP = /\]\(([^)#]+)\)/g;

Deno.test({
  name: "README's transcripts show what their commands print",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using terminal = new Terminal();
    const transcripts = listTranscripts(README);
    assert(transcripts.length > 10, `${transcripts.length} found`);
    for (const transcript of transcripts) {
      assertEquals(mask(await terminal.run(transcript)), mask(transcript));
    }
  },
});

Deno.test("each link in README leads to a file", () => {
  for (const [, target] of README.matchAll(LINK_REGEXP)) {
    if (/^https?:/.test(target!)) continue;
    assert(Deno.statSync(new URL(target!, ROOT)), target);
  }
});

Deno.test("README's tour has at most 25 files, with fewer than 2,500 lines", () => {
  const paths = Array.from(
    section("HTTP in one afternoon").split("The client")[0]!
      .matchAll(LINK_REGEXP),
    ([, target]) => target!,
  );
  assert(paths.length > 10 && paths.length <= 25, `${paths.length} files`);
  const lines = paths.flatMap((path) => readSource(path).code.split("\n"));
  assertLess(lines.filter((line) => line.trim() !== "").length, 2_500);
});

Deno.test("README has six recipes of at most 15 lines", () => {
  const recipes = fences(section("Use as a module"), "ts");
  assertEquals(recipes.length, 6);
  for (const code of recipes) {
    assertLess(code.trimEnd().split("\n").length, 16, code);
  }
});

Deno.test("the first example in mod.ts is narrow and short", () => {
  const doc = Deno.readTextFileSync(new URL("mod.ts", ROOT));
  const [example] = fences(doc.replaceAll(/^ \* ?/gm, ""), "ts");
  const lines = example!.trimEnd().split("\n");
  assertLess(lines.length, 16);
  for (const line of lines) assertLess(line.length, 76, line);
});

/** A home folder to install the commands in, and a way to run them. */
class Home implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly #env = {
    HOME: this.folder,
    DENO_INSTALL_ROOT: this.folder,
    DENO_DIR: Deno.env.get("DENO_DIR") ?? cacheFolder(),
    PATH: [`${this.folder}/bin`, parentOf(Deno.execPath())]
      .concat(Deno.env.get("PATH") ?? []).join(":"),
  };

  /** Starts a shell command, in the home folder unless another is given. */
  start(line: string, cwd: string | URL = this.folder): Deno.ChildProcess {
    return new Deno.Command("sh", {
      args: ["-c", line],
      cwd,
      env: this.#env,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Runs a shell command to its end. */
  async run(line: string, cwd?: string | URL): Promise<string> {
    const { success, stdout, stderr } = await this.start(line, cwd).output();
    assert(success, `${line}\n${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Returns the first URL that a server prints. */
async function readUrl(server: Deno.ChildProcess): Promise<string> {
  let text = "";
  for await (
    const piece of server.stdout.pipeThrough(new TextDecoderStream())
  ) {
    text += piece;
    const url = /http:\S+(?=\n)/.exec(text)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error(`no URL in ${JSON.stringify(text)}`);
}

// Windows has no sh
const ignore = Deno.build.os === "windows";

Deno.test(
  "README's commands install the programs, run them and remove them",
  { ignore },
  async () => {
    await using home = new Home();
    const [install, uninstall] = fences(section("Install"), "sh");
    await home.run(install!, ROOT);
    const folder = `${home.folder}/empty`;
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/a.txt`, "Who's there?");
    const server = home.start("exec knock-serve --port 0", folder);
    try {
      const url = await readUrl(server);
      assertEquals(await home.run(`knock-get ${url}a.txt`), "Who's there?");
    } finally {
      server.kill();
      await server.stderr.cancel();
      await server.status;
    }
    await home.run(uninstall!);
    assertEquals([...Deno.readDirSync(`${home.folder}/bin`)], []);
  },
);

Deno.test(
  "mod.ts can be imported by its path from another folder",
  { ignore },
  async () => {
    await using home = new Home();
    const code = `import { parseUrl, serveDir } from "${ROOT}mod.ts";
    console.log(typeof serveDir, parseUrl("http://a.test/b").path);`;
    await Deno.writeTextFile(`${home.folder}/a.ts`, code);
    assertEquals(await home.run("deno run -q a.ts"), "function /b\n");
  },
);
