import type { Hop, HttpClientResponse, Timings } from "../response.ts";

const WIDTH = 40;

/** The phases, each with what it ends with. */
const PHASES: readonly (readonly [string, keyof Timings])[] = [
  ["find", "resolved"],
  ["connect", "connected"],
  ["TLS", "secured"],
  ["write", "sent"],
  ["wait", "answered"],
  ["read", "ended"],
];

/**
 * Draws how long each phase of each exchange took, on one time scale.
 *
 * @param response The last answer, whose body has been read.
 * @returns Several lines.
 */
export function drawTimings(response: HttpClientResponse): string[] {
  const hops: readonly Pick<Hop, "url" | "status" | "timings">[] = [
    ...response.hops,
    response,
  ];
  const ends = hops.map(({ timings }) =>
    Math.max(...PHASES.map(([, key]) => timings[key] ?? 0))
  );
  const whole = ends.reduce((sum, end) => sum + end, 0);
  let begin = 0;
  return hops.flatMap(({ url, status, timings }, index) => {
    const lines = drawHop(timings, begin, whole);
    begin += ends[index]!;
    return [`${status} ${url}`, ...lines];
  }).concat(`  whole   ${milliseconds(whole)}`);
}

function drawHop(timings: Timings, begin: number, whole: number): string[] {
  const lines: string[] = [];
  let last = 0;
  for (const [name, key] of PHASES) {
    const end = timings[key];
    if (end === null) continue;
    const from = Math.floor((begin + last) / whole * WIDTH);
    const length = Math.max(1, Math.round((end - last) / whole * WIDTH));
    const bar = " ".repeat(Math.min(from, WIDTH - 1)) + "=".repeat(length);
    lines.push(`  ${name.padEnd(7)} ${milliseconds(end - last)}  ${bar}`);
    last = end;
  }
  return lines;
}

function milliseconds(value: number): string {
  return `${value.toFixed(1).padStart(8)} ms`;
}
