// Reads about processes in Linux's /proc/PID, see proc(5).

/**
 * Clock ticks per second: always 100 for programs, whatever the kernel uses
 * internally (USER_HZ).
 */
const TICKS_PER_SECOND = 100;

/**
 * Returns the CPU time that a process and its children have used so far, in
 * seconds.
 */
export function cpuOf(pid: number): number {
  let ticks = 0;
  for (const id of familyOf(pid)) {
    const [user = 0, system = 0] = timesOf(id);
    ticks += user + system;
  }
  return ticks / TICKS_PER_SECOND;
}

/**
 * Returns the CPU time of all processes that this one has started and that have
 * ended, in seconds.
 */
export function cpuOfEnded(): number {
  const [, , user = 0, system = 0] = timesOf(Deno.pid);
  return (user + system) / TICKS_PER_SECOND;
}

/** Reads utime, stime, cutime and cstime; none if the process has ended. */
function timesOf(pid: number): number[] {
  const stat = readOr(`/proc/${pid}/stat`, "");
  // The name, in brackets, may contain spaces; utime is the 12th field after it
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 15)
    .map(Number);
}

/** Returns the resident memory of a process and its children, in bytes. */
export function memoryOf(pid: number): number {
  let kibibytes = 0;
  for (const id of familyOf(pid)) {
    const status = readOr(`/proc/${id}/status`, "");
    kibibytes += Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  }
  return kibibytes * 1024;
}

/** Counts the open sockets of a process and its children. */
export function socketsOf(pid: number): number {
  let count = 0;
  for (const id of familyOf(pid)) {
    const folder = `/proc/${id}/fd`;
    for (const name of listOr(folder)) {
      if (linkOf(`${folder}/${name}`).startsWith("socket:")) count++;
    }
  }
  return count;
}

/** Lists a process and all its descendants; only itself if it has ended. */
export function familyOf(pid: number): number[] {
  const children = listOr(`/proc/${pid}/task`)
    .flatMap((id) => readOr(`/proc/${pid}/task/${id}/children`, "").split(" "))
    .filter((id) => id !== "").map(Number);
  return [pid, ...children.flatMap(familyOf)];
}

/** Reads a file; returns `other` if its process has ended. */
function readOr(path: string, other: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (isGone(error)) return other;
    throw error;
  }
}

/** Lists the names in a folder; none if its process has ended. */
function listOr(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (isGone(error)) return "";
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    (error instanceof Error && error.message.includes("os error 3")); // ESRCH
}
