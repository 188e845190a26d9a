// Servers from npm, installed into a folder of this run.

import type { Missing } from "./_measure.ts";
import type { Finder, Peer, Places } from "./_peers.ts";
import { versionOf } from "./_process.ts";

const INSTALL_TIMEOUT_MS = 90_000;

/** The program of a package. */
interface Program {
  readonly version: string;
  readonly script: string;
}

/** sirv, which finds all files when it starts. */
export const sirv: Finder = async (places) => {
  const program = await install("sirv-cli", places);
  if ("reason" in program) return { ...program, name: "sirv" };
  return {
    name: "sirv",
    version: program.version,
    command: (folder, port) => [
      ...["node", program.script, folder, "--quiet"],
      ...["--host", "127.0.0.1", "--port", String(port)],
    ],
  };
};

/** serve, without its log. */
export const serve: Finder = async (places) => {
  const program = await install("serve", places);
  if ("reason" in program) return program;
  return {
    name: "serve",
    version: program.version,
    command: (folder, port) => [
      ...["node", program.script, folder, "-L", "--no-clipboard"],
      ...["--no-port-switching", "-l", `tcp://127.0.0.1:${port}`],
    ],
  };
};

/** http-server, without its log. */
export const httpServer: Finder = async (places) => {
  const program = await install("http-server", places);
  if ("reason" in program) return program;
  return {
    name: "http-server",
    version: program.version,
    command: (folder, port) => [
      ...["node", program.script, folder, "-s"],
      ...["-a", "127.0.0.1", "-p", String(port)],
    ],
  };
};

/** Bun's own server, which reads the file for each request. */
export const bunFile: Finder = (places) => findBun("file", places);

/** Bun's own server with the files in memory, as a program may do. */
export const bunMemory: Finder = (places) => findBun("memory", places);

async function findBun(
  kind: "file" | "memory",
  places: Places,
): Promise<Peer | Missing> {
  const name = `Bun, from ${kind === "file" ? "a file" : "memory"}`;
  const program = await install("bun", places);
  if ("reason" in program) return { ...program, name };
  const server = `${import.meta.dirname}/programs/bun.js`;
  return {
    name,
    version: program.version,
    command: (folder, port) => [
      ...[program.script, server, folder, String(port), kind],
    ],
  };
}

/** The running installations: two peers may need the same package. */
const installs = new Map<string, Promise<Program | Missing>>();

function install(
  name: string,
  { scratch }: Places,
): Promise<Program | Missing> {
  const prefix = `${scratch}/npm-${name}`;
  const running = installs.get(prefix) ?? installInto(prefix, name);
  installs.set(prefix, running);
  return running;
}

async function installInto(
  prefix: string,
  name: string,
): Promise<Program | Missing> {
  if (await versionOf(["npm", "-v"]) === null) {
    return { name, reason: "npm is not installed" };
  }
  try {
    const { success, stderr } = await new Deno.Command("npm", {
      args: [
        ...["install", "--prefix", prefix, "--no-audit", "--no-fund"],
        ...["--no-update-notifier", "--loglevel=error", name],
      ],
      stdin: "null",
      stdout: "null",
      signal: AbortSignal.timeout(INSTALL_TIMEOUT_MS),
    }).output();
    if (success) return readProgram(name, `${prefix}/node_modules/${name}`);
    const [line = ""] = new TextDecoder().decode(stderr).split("\n");
    return { name, reason: `npm cannot install it: ${line}` };
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return { name, reason: "npm took too long to install it" };
  }
}

function readProgram(name: string, folder: string): Program {
  const { version, bin } = JSON.parse(
    Deno.readTextFileSync(`${folder}/package.json`),
  ) as { version: string; bin: string | Record<string, string> };
  const script = typeof bin === "string" ? bin : Object.values(bin)[0];
  return { version: `${name} ${version}`, script: `${folder}/${script}` };
}
