// Processes of the benchmark: each on a core of its own, each ended with its
// scope.

import { cpuOf, familyOf, memoryOf, socketsOf } from "./_proc.ts";

/** The core that servers, and whatever else is measured, run on. */
const MEASURED_CORE = "0";
/** The core that loads them; the benchmark itself runs there too. */
const LOADING_CORE = "1";
/** For those who are to share both. */
export const BOTH_CORES = "0,1";
/** Where Debian keeps servers; it is not on everybody's path. */
const PATH = `${Deno.env.get("PATH")}:/usr/sbin`;
/** How long a process may take to end before it is killed. */
const END_PATIENCE_MS = 3_000;

/** A process that runs, and what it uses. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** Its processor time and its children's, in seconds. */
  cpu(): number;
  /** Its resident memory and its children's, in bytes. */
  memory(): number;
  /** How many sockets it and its children have open. */
  sockets(): number;
}

/** How to start a process. */
export interface StartOptions {
  /** Where its standard output goes; nowhere without. */
  readonly output?: string | undefined;
  /** The cores it runs on, in place of the measured one. */
  readonly cores?: string | undefined;
}

/**
 * Whether processes can be held on a core: there are two, and `taskset` is
 * there.
 */
export const isPinned: boolean = navigator.hardwareConcurrency > 1 &&
  await versionOf(["taskset", "-V"]) !== null;

/**
 * Starts a process on the measured core. It inherits our limit of descriptors,
 * which Deno has raised to the most.
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

/**
 * Runs a command to its end, on the loading core unless told otherwise; its
 * standard output.
 */
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

/**
 * The first line that a command prints, whatever it thinks of being called so;
 * null if it is not installed.
 */
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

/**
 * Moves the benchmark itself out of the way of what it measures; what it starts
 * goes with it.
 */
export async function stepAside(): Promise<void> {
  if (!isPinned) return;
  const args = ["-a", "-c", "-p", LOADING_CORE, String(Deno.pid)];
  await new Deno.Command("taskset", { args, stdout: "null" }).output();
}

/** Kills all that was started and still runs, without waiting for its end. */
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
    END_PATIENCE_MS,
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
