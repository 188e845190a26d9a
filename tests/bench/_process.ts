// The processes of the benchmark. Each runs on a fixed core, and ends with its
// scope.

import { cpuOf, familyOf, memoryOf, socketsOf } from "./_proc.ts";

/** The core for servers and other programs that are measured. */
const MEASURED_CORE = "0";
/** The core for the load, and for the benchmark itself. */
const LOADING_CORE = "1";
/** For processes that share both. */
export const BOTH_CORES = "0,1";
/** The PATH, with the folder of Debian's servers, which it may lack. */
const PATH = `${Deno.env.get("PATH")}:/usr/sbin`;
/** How long a process may take to end before it is killed. */
const END_TIMEOUT_MS = 3_000;

/** A running process, and what it uses. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** Its CPU time and its children's, in seconds. */
  cpu(): number;
  /** Its resident memory and its children's, in bytes. */
  memory(): number;
  /** How many sockets it and its children have open. */
  sockets(): number;
}

/** How to start a process. */
export interface StartOptions {
  /** The file for its standard output; it is discarded by default. */
  readonly output?: string | undefined;
  /** The cores it runs on; the measured core by default. */
  readonly cores?: string | undefined;
}

/** Whether processes can be pinned: two cores and `taskset` exist. */
export const isPinned: boolean = navigator.hardwareConcurrency > 1 &&
  await versionOf(["taskset", "-V"]) !== null;

/**
 * Starts a process on the measured core. It inherits our limit of descriptors,
 * which Deno has raised as far as allowed.
 */
export function start(
  command: readonly string[],
  options: StartOptions = {},
): Running {
  const { output, cores = MEASURED_CORE } = options;
  const [program = "", ...args] = onCores(
    cores,
    output === undefined
      ? command
      : ["sh", "-c", 'exec "$@" > "$0"', output, ...command],
  );
  const child = new Deno.Command(program, {
    args,
    env: { PATH },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const { pid } = child;
  return {
    pid,
    cpu: () => cpuOf(pid),
    memory: () => memoryOf(pid),
    sockets: () => socketsOf(pid),
    [Symbol.asyncDispose]: () => end(child),
  };
}

/** Runs a command, on the loading core by default; returns its output. */
export async function run(
  command: readonly string[],
  cores = LOADING_CORE,
): Promise<string> {
  const [program = "", ...args] = onCores(cores, command);
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    env: { PATH },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`Cannot run ${command[0]}: ${decoder.decode(stderr)}`);
}

/** Returns the first line that a command prints; null if not installed. */
export async function versionOf(
  command: readonly string[],
): Promise<string | null> {
  const [program = "", ...args] = command;
  try {
    const { stdout, stderr } = await new Deno.Command(program, {
      args,
      env: { PATH },
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout.length > 0 ? stdout : stderr);
    return text.split("\n")[0]?.trim() ?? "";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Moves the benchmark itself, and all that it starts, to the loading core. */
export async function stepAside(): Promise<void> {
  if (!isPinned) return;
  const args = ["-a", "-c", "-p", LOADING_CORE, String(Deno.pid)];
  await new Deno.Command("taskset", { args, stdout: "null" }).output();
}

/** Kills all processes that still run, without waiting for their end. */
export function killAll(): void {
  signalAll(familyOf(Deno.pid).slice(1), "SIGKILL");
}

function onCores(cores: string, command: readonly string[]): string[] {
  return isPinned ? ["taskset", "-c", cores, ...command] : [...command];
}

async function end(child: Deno.ChildProcess): Promise<void> {
  const { pid } = child;
  signalAll(familyOf(pid), "SIGTERM");
  const timer = setTimeout(
    () => signalAll(familyOf(pid), "SIGKILL"),
    END_TIMEOUT_MS,
  );
  await child.status;
  clearTimeout(timer);
}

function signalAll(pids: readonly number[], signal: Deno.Signal): void {
  for (const pid of pids) {
    try {
      Deno.kill(pid, signal);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // it has ended
    }
  }
}
