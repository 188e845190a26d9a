import type { HttpClientResponse } from "../response.ts";

/** The length of the longest bar, in characters. */
const WIDTH = 40;

/** The phases, each with the moment at which it ends. */
const PHASES = [
  ["find", "resolved"],
  ["connect", "connected"],
  ["TLS", "secured"],
  ["write", "sent"],
  ["wait", "answered"],
  ["read", "ended"],
] as const;

/**
 * Draws how long each phase of each exchange took, on a common time scale.
 *
 * @param last The last response, whose body has been read.
 * @param format `json` for one line of JSON.
 * @returns The lines.
 */
export function drawTimings(last: HttpClientResponse, format = ""): string[] {
  const hops = [...last.hops, last];
  const keys = ["url", "status", "timings", ...PHASES.map(([, key]) => key)];
  if (format === "json") return [JSON.stringify(hops, keys)];
  // A body that is not wanted, as with -I, is not read to its end
  const ends = hops.map(({ timings }) => timings.ended ?? timings.answered!);
  const total = ends.reduce((sum, end) => sum + end);
  const lines: string[] = [];
  let begin = 0;
  for (const { url, status, timings } of hops) {
    const start = begin;
    lines.push(`${status} ${url}`);
    for (const [name, key] of PHASES) {
      if (timings[key] === null) continue;
      const time = start + timings[key] - begin;
      const left = Math.floor(begin / total * WIDTH);
      const length = Math.max(1, Math.round(time / total * WIDTH));
      const bar = " ".repeat(Math.min(left, WIDTH - 1)) + "=".repeat(length);
      lines.push(`${drawPhase(name, time)}  ${bar}`);
      begin += time;
    }
  }
  return [...lines, drawPhase("total", total)];
}

function drawPhase(name: string, time: number): string {
  return `  ${name.padEnd(7)} ${time.toFixed(1).padStart(8)} ms`;
}
