import type { HttpClientResponse } from "../response.ts";
import type { Timings } from "../trace.ts";

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
 * @param response The last response, whose body has been read.
 * @param how `json` for one line of JSON.
 * @returns The lines.
 */
export function drawTimings(response: HttpClientResponse, how = ""): string[] {
  const hops = [...response.hops, response];
  const keys = ["url", "status", "timings", ...PHASES.map(([, key]) => key)];
  if (how === "json") return [JSON.stringify(hops, keys)];
  const whole = hops.reduce((sum, { timings }) => sum + duration(timings), 0);
  const lines: string[] = [];
  let begin = 0;
  for (const { url, status, timings } of hops) {
    const start = begin;
    lines.push(`${status} ${url}`);
    for (const [name, key] of PHASES) {
      if (timings[key] === null) continue;
      const time = start + timings[key] - begin;
      const from = Math.floor(begin / whole * WIDTH);
      const length = Math.max(1, Math.round(time / whole * WIDTH));
      const bar = " ".repeat(Math.min(from, WIDTH - 1)) + "=".repeat(length);
      lines.push(`${drawPhase(name, time)}  ${bar}`);
      begin += time;
    }
  }
  return [...lines, drawPhase("total", whole)];
}

function duration(timings: Timings): number {
  return Math.max(...PHASES.map(([, key]) => timings[key] ?? 0));
}

function drawPhase(name: string, time: number): string {
  return `  ${name.padEnd(7)} ${time.toFixed(1).padStart(8)} ms`;
}
