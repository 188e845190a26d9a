// Starts the server under stress, and observes its process (Linux).

import type { ServerLimits } from "../../server/mod.ts";

/** A server in its own process. */
export interface Target extends AsyncDisposable {
  readonly port: number;
  /** How many descriptors it has open. */
  descriptors(): number;
  /** Its resident memory in bytes. */
  memory(): number;
  /** The CPU time that it has used, in seconds. */
  cpu(): number;
}

/** Starts a server for a folder, with its limits and one on descriptors. */
export async function startTarget(
  root: string,
  limits: ServerLimits = {},
  descriptors = 16_384,
): Promise<Target> {
  const script = new URL("_target.ts", import.meta.url).pathname;
  const command = [
    Deno.execPath(),
    "run",
    "-A",
    "--no-lock",
    ...mapFlags(),
    script,
    root,
    JSON.stringify(limits),
  ];
  const child = new Deno.Command("sh", {
    args: ["-c", `ulimit -n ${descriptors} && exec "$@"`, "sh", ...command],
    stdout: "piped",
  }).spawn();
  const port = await firstLine(child.stdout);
  // Deno itself opens two more descriptors (for signals) shortly after its
  // start, and panics if it cannot
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const proc = `/proc/${child.pid}`;
  return {
    port: Number(port),
    descriptors: () => [...Deno.readDirSync(`${proc}/fd`)].length,
    memory: () =>
      Number(
        /VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`${proc}/status`))?.[1],
      ) * 1024,
    cpu: () => {
      const fields = Deno.readTextFileSync(`${proc}/stat`).split(" ");
      return (Number(fields[13]) + Number(fields[14])) / 100;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

/** Returns the flag for an import map of this process, for the server. */
function mapFlags(): string[] {
  return Deno.args.filter((arg) => arg.startsWith("--import-map="));
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The server did not start: ${text}`);
    text += value;
  }
  void reader.cancel();
  return text.trim();
}
