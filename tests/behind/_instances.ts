// Instances of a server, each in its own process with its own folder.

import { freePorts } from "../interop/_servers.ts";

const MAIN = new URL("../../server/main.ts", import.meta.url).pathname;
const APP = new URL("./app.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const START_TIMEOUT_MS = 20_000;

/** The files that each instance serves, by path. */
export const FILES: Readonly<Record<string, string | Uint8Array>> = {
  "health.txt": "ok\n",
  "small.txt": "Knock knock.\n".repeat(80),
  "folder/index.html": "<p>Who's there?</p>",
  "large.bin": new Uint8Array(20_000_000).map((_, i) => (i * 7919) >> 3),
};
/** The modification time of the files of all instances. */
const MODIFIED = new Date("2026-11-01T12:00:00.250Z");

/** An instance that can be stopped, and started again on its port. */
export class Instance implements AsyncDisposable {
  readonly #command: readonly string[];
  readonly #outputs: Promise<string>[] = [];
  readonly folder: string;
  readonly port: number;
  #process: Deno.ChildProcess | null = null;

  /** Prepares the command with `args`, or the app if they are null. */
  constructor(folder: string, args: readonly string[] | null) {
    const [port = 0] = freePorts(1);
    this.folder = folder;
    this.port = port;
    this.#command = args === null
      ? ["--allow-net", "--allow-read", APP, folder, `${port}`]
      : [
        ...["-P=serve", "--unstable-net", MAIN, folder, "-p", `${port}`],
        ...["-H", `X-Instance: ${port}`, ...args],
      ];
  }

  /** Starts the instance, and waits until it responds. */
  async start(): Promise<void> {
    const imports = ["@std/cli/parse-args"].map((name) => [
      name,
      import.meta.resolve(name),
    ]);
    const map = JSON.stringify({ imports: Object.fromEntries(imports) });
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-q", "--no-lock", `--config=${CONFIG}`],
        `--import-map=data:application/json,${encodeURIComponent(map)}`,
        ...this.#command,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#outputs.push(new Response(this.#process.stdout).text());
    const until = performance.now() + START_TIMEOUT_MS;
    while (!await responds(this.port)) {
      if (performance.now() > until) throw new Error("Cannot start: timeout");
      await new Promise((resume) => setTimeout(resume, 50));
    }
  }

  /** Stops the instance as systemd and Kubernetes do; returns its exit code. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<number> {
    this.#process?.kill(signal);
    const status = await this.#process?.status;
    this.#process = null;
    return status?.code ?? 0;
  }

  /** Returns what the instance has printed, once it has stopped. */
  async output(): Promise<string> {
    return (await Promise.all(this.#outputs)).join("");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.output();
  }
}

async function responds(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/small.txt`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/**
 * Starts two instances with the same files.
 *
 * @param folder Where to put the files.
 * @param args The arguments of the command; null starts the app.
 */
export async function startTwo(
  folder: string,
  args: readonly string[] | null,
): Promise<readonly [Instance, Instance]> {
  const two = [
    new Instance(await makeFiles(`${folder}/one`), args),
    new Instance(await makeFiles(`${folder}/two`), args),
  ] as const;
  await Promise.all(two.map((instance) => instance.start()));
  return two;
}

async function makeFiles(folder: string): Promise<string> {
  await Deno.mkdir(`${folder}/folder`, { recursive: true });
  for (const [name, content] of Object.entries(FILES)) {
    const path = `${folder}/${name}`;
    await Deno.writeFile(
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    await Deno.utime(path, MODIFIED, MODIFIED);
  }
  return folder;
}
