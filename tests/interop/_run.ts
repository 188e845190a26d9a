// Runs shell scripts against a file server, each in its own folder.

import { serve, serveDir } from "../../server/mod.ts";
import { findProgram, type Peer } from "./_servers.ts";

const TIMEOUT_MS = 60_000;

/** Runs a shell script, and returns its stdout and stderr. */
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
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).output();
  return new TextDecoder().decode(stdout);
}

/** A program, a script that uses it, and the expected output. */
export interface Row {
  readonly peer: Peer;
  /** What it shows about the server. */
  readonly proves: string;
  /**
   * A shell script. `$URL` is the URL of the server, without the final slash,
   * `$ROOT` is the folder that it serves, and the current folder is empty.
   */
  readonly script: string;
  /** The expected output. */
  readonly prints: RegExp;
}

/** Writes the files that are served. */
async function fill(root: string): Promise<void> {
  await Deno.mkdir(`${root}/folder`, { recursive: true });
  await Deno.mkdir(`${root}/list/sub`, { recursive: true });
  await Deno.writeTextFile(`${root}/text.txt`, "Knock knock.\n".repeat(1_000));
  await Deno.writeTextFile(`${root}/folder/index.html`, "<p>Who's there?\n");
  await Deno.writeTextFile(`${root}/list/a b.txt`, "a\n");
  await Deno.writeTextFile(`${root}/list/sub/c.txt`, "c\n");
}

/** Starts the server: files, and an echo of POST or PUT at `/echo`. */
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

/** Declares the test of a row. */
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
