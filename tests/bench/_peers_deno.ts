// Servers that run on Deno: ours, as users start it, the standard one, and the
// programs in `programs/`.

import config from "../../deno.json" with { type: "json" };
import { OURS } from "./_measure.ts";
import type { Finder } from "./_peers.ts";

/**
 * The flag for an import map that this run was started with, if any. All
 * programs that it starts get the flag too.
 */
const MAP_FLAGS: readonly string[] = Deno.args.filter((arg) =>
  arg.startsWith("--import-map=")
);
const ROOT = `${import.meta.dirname}/../../`;
/** More than the default, for the 10,000 connections that are held. */
const MAX_CONNECTIONS = 12_000;

/** Whether packages come from JSR in this run. */
const IS_JSR_REACHED = MAP_FLAGS.length === 0;

/** The command line of a program of this project. */
export function denoRun(
  permissions: readonly string[],
  path: string,
  ...args: readonly string[]
): string[] {
  return [
    ...[Deno.execPath(), "run", "--quiet"],
    ...[`--config=${ROOT}deno.json`, ...MAP_FLAGS, ...permissions],
    ...[ROOT + path, ...args],
  ];
}

/** Our server as users start it. */
export const ours: Finder = () =>
  Promise.resolve({
    name: OURS,
    version: `${OURS} ${config.version} on Deno ${Deno.version.deno}`,
    command: (folder, port) => [
      ...serveCommand(folder, port),
      ...["--quiet", "--log", "none"],
    ],
  });

/** Our server with several threads. */
export function oursWithWorkers(
  folder: string,
  port: number,
  workers: number,
): string[] {
  return [
    ...serveCommand(folder, port, ["--unstable-net"]),
    ...["--quiet", "--log", "none", "--workers", String(workers)],
  ];
}

/** Our server with a log that goes to a file. */
export const oursWithLog: Finder = ({ scratch }) =>
  Promise.resolve({
    name: `${OURS}, log on`,
    version: "the same with --log common, into a file",
    output: `${scratch}/access.log`,
    command: (folder, port) => [
      ...serveCommand(folder, port),
      ...["--log", "common"],
    ],
  });

function serveCommand(
  folder: string,
  port: number,
  flags: readonly string[] = [],
): string[] {
  return denoRun(
    ["-P=serve", ...flags],
    "server/main.ts",
    ...[folder, "--port", String(port)],
    ...["--max-connections", String(MAX_CONNECTIONS)],
  );
}

/** The file server of the standard library, from JSR or a checkout. */
export const standard: Finder = async ({ std, scratch }) => {
  const name = "@std file server";
  if (std === null && !IS_JSR_REACHED) {
    return { name, reason: "JSR is out of reach, and no --std CHECKOUT given" };
  }
  const from = std === null
    ? ["jsr:@std/http@^1/file-server"]
    : await fromCheckout(std, `${scratch}/std_map.json`);
  return {
    name,
    version: std === null ? "@std/http 1" : `@std/http ${versionIn(std)}`,
    command: (folder, port) => [
      ...[Deno.execPath(), "run", "--quiet", "--no-lock", "--no-config", "-A"],
      ...[...from, folder, "--host", "127.0.0.1", "--port", String(port)],
    ],
  };
};

/** Maps all packages of a checkout to its own files. */
async function fromCheckout(std: string, path: string): Promise<string[]> {
  const folder = await Deno.realPath(std);
  const imports: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const found = isDirectory ? readConfig(`${folder}/${name}`) : null;
    if (found === null) continue;
    const exports = typeof found.exports === "string"
      ? { ".": found.exports }
      : found.exports;
    for (const [key, file] of Object.entries(exports)) {
      imports[found.name + key.slice(1)] = `file://${folder}/${name}/${
        file.replace("./", "")
      }`;
    }
  }
  await Deno.writeTextFile(path, JSON.stringify({ imports }));
  return [`--import-map=${path}`, `${folder}/http/file_server.ts`];
}

interface PackageConfig {
  readonly name: string;
  readonly version: string;
  readonly exports: string | Readonly<Record<string, string>>;
}

function readConfig(folder: string): PackageConfig | null {
  try {
    return JSON.parse(Deno.readTextFileSync(`${folder}/deno.json`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function versionIn(std: string): string {
  return readConfig(`${std}/http`)?.version ?? "";
}
