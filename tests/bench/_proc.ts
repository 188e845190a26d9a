// What Linux tells of a process: /proc/PID, see proc(5).

/**
 * Clock ticks a second; the kernel shows 100 to all programs, whatever it
 * counts in (USER_HZ).
 */
const TICKS_PER_SECOND = 100;

/**
 * The processor time that a process and its children have used so far, in
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
 * The processor time of all that this process has started and that has ended,
 * in seconds.
 */
export function cpuOfEnded(): number {
  const [, , user = 0, system = 0] = timesOf(Deno.pid);
  return (user + system) / TICKS_PER_SECOND;
}

/**
 * The fields utime, stime, cutime and cstime; none once the process has ended.
 */
function timesOf(pid: number): number[] {
  const stat = readOr(`/proc/${pid}/stat`, "");
  // The name, in brackets, may hold spaces; utime is the 12th field behind it
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 15)
    .map(Number);
}

/** The resident memory of a process and its children, in bytes. */
export function memoryOf(pid: number): number {
  let kibibytes = 0;
  for (const id of familyOf(pid)) {
    const status = readOr(`/proc/${id}/status`, "");
    kibibytes += Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  }
  return kibibytes * 1024;
}

/** How many sockets a process and its children have open. */
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

/** A process and all that it started; only itself once it has ended. */
export function familyOf(pid: number): number[] {
  const children = listOr(`/proc/${pid}/task`)
    .flatMap((id) => readOr(`/proc/${pid}/task/${id}/children`, "").split(" "))
    .filter((id) => id !== "").map(Number);
  return [pid, ...children.flatMap(familyOf)];
}

/** The text of a file; something else once its process has ended. */
function readOr(path: string, other: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (isGone(error)) return other;
    throw error;
  }
}

/** The names in a folder; none once its process has ended. */
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
