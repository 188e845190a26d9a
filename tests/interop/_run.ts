// Runs lines of shell against a server of files, each in a folder of its own.

import { serve, serveDir } from "../../server/mod.ts";
import { findProgram, type Peer } from "./_servers.ts";

const PATIENCE_MS = 60_000;

/** What a line of shell prints, stderr too. */
async function runShell(
  script: string,
  options: {
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
  },
): Promise<string> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `{ ${script}\n} 2>&1`],
    cwd: options.cwd,
    clearEnv: true,
    env: {
      HOME: options.cwd,
      LANG: "C.UTF-8",
      PATH: "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      NO_PROXY: "127.0.0.1,localhost",
      ...options.env,
    },
    stdin: "null",
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).output();
  return new TextDecoder().decode(stdout);
}

/** A program, what it does, and what that proves. */
export interface Row {
  readonly peer: Peer;
  /** What the server is shown to do. */
  readonly proves: string;
  /**
   * Lines of shell; `$URL` is the server, without a slash at the end, `$ROOT`
   * the folder that it serves, and the current folder an empty one.
   */
  readonly script: string;
  /** What is printed. */
  readonly prints: RegExp;
}

/** What is served to each. */
async function fill(root: string): Promise<void> {
  await Deno.mkdir(`${root}/folder`, { recursive: true });
  await Deno.mkdir(`${root}/list/sub`, { recursive: true });
  await Deno.writeTextFile(`${root}/text.txt`, "Knock knock.\n".repeat(1_000));
  await Deno.writeTextFile(`${root}/folder/index.html`, "<p>Who's there?\n");
  await Deno.writeTextFile(`${root}/list/a b.txt`, "a\n");
  await Deno.writeTextFile(`${root}/list/sub/c.txt`, "c\n");
}

/** Starts what the programs talk to: files, and a POST or PUT to `/echo`. */
function serveFiles(root: string) {
  const files = serveDir(root);
  return serve(async (request) => {
    switch (request.path) {
      case "/echo": {
        const { length } = await request.bytes();
        return { status: 200, body: `${request.method} ${length}\n` };
      }
      case "/refuse":
        return { status: 403, body: "refused\n" };
    }
    return files(request);
  }, { port: 0, limits: { maxBodyBytes: 10_000_000 } });
}

/** Declares a test of a row. */
export function testRow({ peer, proves, script, prints }: Row): void {
  const isMissing = findProgram(peer.program) === null;
  Deno.test({
    name: `serve() and ${peer.program}: ${proves}` +
      (isMissing ? ` (skipped: needs ${peer.package})` : ""),
    ignore: isMissing || Deno.build.os !== "linux",
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "interop-" });
      await using stack = new AsyncDisposableStack();
      stack.defer(() => Deno.remove(folder, { recursive: true }));
      const [ROOT, cwd] = [`${folder}/root`, `${folder}/cwd`];
      await Deno.mkdir(cwd);
      await fill(ROOT);
      const server = stack.use(serveFiles(ROOT));
      const URL = server.url.replace(/\/$/, "");
      const printed = await runShell(script, { cwd, env: { URL, ROOT } });
      if (!prints.test(printed)) throw new Error(`${prints}: ${printed}`);
    },
  });
}
