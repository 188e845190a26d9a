// Another client, which needs its responses while the server is under stress.

import { get } from "../../client/mod.ts";

/** What the other client measured. */
export interface ProbeResult {
  readonly responses: number;
  readonly failures: number;
  /** The slowest response, in milliseconds. */
  readonly slowest: number;
}

/** Sends five requests per second until the work is done. */
export async function probeDuring(
  url: string,
  work: Promise<unknown>,
): Promise<ProbeResult> {
  let done = false;
  void work.finally(() => done = true);
  let responses = 0;
  let failures = 0;
  let slowest = 0;
  while (!done) {
    const started = performance.now();
    try {
      const response = await get(url, { timeout: 10_000 });
      await response.bytes();
      responses++;
      slowest = Math.max(slowest, performance.now() - started);
    } catch {
      failures++; // shown in the table
    }
    await delay(200);
  }
  return { responses, failures, slowest };
}

/** Waits for a condition, but not forever; returns whether it became true. */
export async function until(
  condition: () => boolean,
  time: number,
): Promise<boolean> {
  for (const end = performance.now() + time; performance.now() < end;) {
    if (condition()) return true;
    await delay(100);
  }
  return condition();
}

/** Waits for some milliseconds. */
export function delay(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time));
}
