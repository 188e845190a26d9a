/**
 * Runs the commands in README's transcripts, and writes their output below
 * them: `deno task readme`. A transcript is a text fence whose first line
 * begins with `$ `. Each such line is a command for `sh`, in a folder with
 * `public/`. While it runs, a server serves that folder on port 8000, unless
 * the transcript starts one. The output of background commands is shown at the
 * end.
 *
 * `readme_test.ts` checks that the transcripts are up to date. If only times,
 * dates and the like differ, nothing is written. Otherwise the picture that one
 * of them draws is written too, to `tests/exchange.svg`.
 *
 * @module
 */

import { FOLDERS, ROOT } from "./_sources.ts";

/** The file with the transcripts. */
export const README_URL = new URL("README.md", ROOT);

const PICTURE_URL = new URL("tests/exchange.svg", ROOT);

const FENCE_REGEXP = /^```text\n(\$ [^]*?)^```$/gm;
/** How long a server may take to listen. */
const START_MS = 10_000;

/** What varies from run to run, and what replaces it in comparisons. */
const VARYING = [
  [/ *\b\d+(?:\.\d+)? ms\b/g, " 0 ms"],
  [/\b\d+(?:\.\d+)? s\b/g, "0 s"],
  [/\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/g, "DATE"],
  [/"[a-z\d]+-[a-z\d]+"/g, '"TAG"'],
  // Either side may be the first to close
  [/^.*[Rr]ead: the end, the .*\n/gm, ""],
  [/\bclosed by the .*$|\bClose: the .*$/gm, "closed"],
  // Without DNS, nobody can tell that a name does not exist
  [/\bDNS does not answer: .* network\b/g, "this name has no address"],
  // Without IPv6, ::1 is unreachable
  [/(?<=::1\): ).*/g, "refused or unreachable"],
  // A port that the system chose
  [/(?<=:)\d{5}\b/g, "00000"],
] as const;

/** Masks what varies from run to run. */
export function mask(text: string): string {
  return VARYING.reduce((text, [regexp, to]) => text.replace(regexp, to), text);
}

/** Returns the transcripts, without the marks of their fences. */
export function listTranscripts(markdown: string): string[] {
  return Array.from(markdown.matchAll(FENCE_REGEXP), ([, text]) => text!);
}

/** The scripts in the folder's `bin`, for commands that the transcripts use. */
function listPrograms(): Readonly<Record<string, string>> {
  const map = new URL("offline/import_map.json", ROOT).pathname;
  const run = `exec deno run -q --no-lock -A --import-map=${map}`;
  const pathOf = (path: string): string => new URL(path, ROOT).pathname;
  return {
    "knock-get": `${run} ${pathOf("client/main.ts")} "$@"`,
    "knock-serve": `echo $$ > pid
${run} ${pathOf("server/main.ts")} --port $PORT "$@"`,
    // Not every machine has netcat, and its versions differ
    "nc": `${run} ${pathOf("tests/_nc.ts")} "$@"`,
  };
}

/** A folder like the one in README, in which commands are run. */
export class Terminal implements AsyncDisposable {
  readonly #folder = Deno.realPathSync(Deno.makeTempDirSync());
  readonly #ports = listFreePorts();
  readonly #env = {
    HOME: this.#folder,
    NO_COLOR: "1",
    DENO_DIR: Deno.env.get("DENO_DIR") ?? cacheFolder(),
    PATH: [`${this.#folder}/bin`, parentOf(Deno.execPath())]
      .concat(Deno.env.get("PATH") ?? []).join(":"),
  };
  readonly #server: Deno.ChildProcess;
  readonly #port = this.#nextPort();

  constructor() {
    Deno.mkdirSync(`${this.#folder}/bin`);
    for (const path of ["public/index.html", "tests/programs/say.ts"]) {
      const to = `${this.#folder}/${path}`;
      Deno.mkdirSync(parentOf(to), { recursive: true });
      Deno.copyFileSync(new URL(path, ROOT), to);
    }
    for (const name of FOLDERS) {
      Deno.symlinkSync(new URL(name, ROOT), `${this.#folder}/${name}`);
    }
    for (const [name, script] of Object.entries(listPrograms())) {
      const path = `${this.#folder}/bin/${name}`;
      Deno.writeTextFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    this.#server = this.#start("exec knock-serve -q public", this.#port);
  }

  #nextPort(): number {
    return this.#ports.next().value!;
  }

  /** Starts a shell command; stdout and stderr go to the same file. */
  #start(line: string, port: number): Deno.ChildProcess {
    return new Deno.Command("sh", {
      args: ["-c", `exec 2>&1; ${line}`],
      cwd: this.#folder,
      env: { ...this.#env, PORT: String(port) },
      stdin: "null",
      stdout: "piped",
    }).spawn();
  }

  /** Runs the commands of a transcript, and returns it up to date. */
  async run(transcript: string): Promise<string> {
    const lines = transcript.split("\n").filter((line) => /^\$ /.test(line));
    const serves = lines.some((line) => /^\$ knock-serve.* &$/.test(line));
    const port = serves ? this.#nextPort() : this.#port;
    const ports = [["8000", port], ["8001", this.#nextPort()]] as const;
    if (!serves) await untilListening(port);
    let text = "";
    const running: Deno.ChildProcess[] = [];
    for (const line of lines) {
      const command = ports.reduce(
        (text, [from, to]) => text.replaceAll(from, String(to)),
        line.slice(2),
      );
      text += `${line}\n`;
      if (command.endsWith(" &")) {
        running.push(this.#start(`exec ${command.slice(0, -2)}`, port));
        await untilListening(serves ? port : ports[1][1]);
      } else {
        text += await readAll(this.#start(command, port));
      }
    }
    if (serves) this.#stopServer();
    for (const process of running) {
      if (!serves) stop(process);
      text += await readAll(process);
    }
    for (const [from, to] of ports) text = restorePort(text, to, from);
    return text.replaceAll("\r\n", "\n").replaceAll(this.#folder, "/home/ada");
  }

  /** Returns the picture that a transcript has drawn. */
  async readPicture(): Promise<string> {
    const svg = await Deno.readTextFile(`${this.#folder}/exchange.svg`);
    return restorePort(svg, this.#port, "8000");
  }

  /** Stops the server that was started last. */
  #stopServer(): void {
    const pid = Number(Deno.readTextFileSync(`${this.#folder}/pid`));
    Deno.kill(pid, "SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.kill("SIGKILL");
    await readAll(this.#server);
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Replaces the port in use by the one that README names. */
function restorePort(text: string, port: number, to: string): string {
  return text.replaceAll(new RegExp(`\\b${port}\\b`, "g"), to);
}

/** Stops a process, unless it has already ended. */
function stop(process: Deno.ChildProcess): void {
  try {
    process.kill();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Returns everything that a process prints until it ends. */
async function readAll(process: Deno.ChildProcess): Promise<string> {
  const { stdout } = await process.output();
  return new TextDecoder().decode(stdout);
}

/**
 * Unused ports of four digits: as long as 8000, so that heads with them have
 * the same size.
 */
function* listFreePorts(): Generator<number, undefined> {
  for (let port = 8_100 + Math.floor(Math.random() * 1_000);; port++) {
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      yield port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** Waits for a listener. A trial connection would show in its output. */
async function untilListening(port: number): Promise<void> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const pattern = new RegExp(`:${hex} 0+:0000 0A `);
  const args = ["-c", "cat /proc/net/tcp /proc/net/tcp6"];
  for (let tries = 0; tries < START_MS / 50; tries++) {
    const { stdout } = await new Deno.Command("sh", { args, stderr: "null" })
      .output();
    const table = new TextDecoder().decode(stdout);
    if (pattern.test(table)) return;
    // Only Linux has these files
    await new Promise((done) => setTimeout(done, table === "" ? 2_000 : 50));
    if (table === "") return;
  }
  throw new Error(`Cannot wait for port ${port}: nobody listens`);
}

/** Returns the folder that a path is in. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Returns the folder where this Deno caches what it fetches. */
export function cacheFolder(): string {
  const args = ["info", "--json"];
  const { stdout } = new Deno.Command(Deno.execPath(), { args }).outputSync();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

if (import.meta.main) {
  const before = await Deno.readTextFile(README_URL);
  let markdown = before;
  await using terminal = new Terminal();
  for (const transcript of listTranscripts(before)) {
    const text = await terminal.run(transcript);
    if (mask(text) === mask(transcript)) continue;
    markdown = markdown.replace(transcript, () => text);
  }
  if (markdown !== before) {
    await Deno.writeTextFile(README_URL, markdown);
    const picture = await terminal.readPicture();
    await Deno.writeTextFile(PICTURE_URL, picture);
  }
}
