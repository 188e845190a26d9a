// The load: wrk for kept connections, ab for a new connection per request.

import { Fault } from "./_measure.ts";
import { run, versionOf } from "./_process.ts";

/** What a load generator measured. */
export interface Load {
  readonly requests: number;
  readonly seconds: number;
  /** The median time of a request, in milliseconds; 0 if not measured. */
  readonly p50: number;
  /** The 99th percentile of the time, in milliseconds; 0 if not measured. */
  readonly p99: number;
}

/** What to request, and how. */
export interface LoadOptions {
  /** How many connections there are at once. */
  readonly connections: number;
  /** For how long, in whole seconds. */
  readonly seconds: number;
  /** How many bytes each body has. */
  readonly size: number;
  /** Fields of the request, such as `Range: bytes=0-99`. */
  readonly fields?: readonly string[];
  /** For wrk, the script that chooses the requests, and its arguments. */
  readonly script?: readonly string[];
  /** For wrk, the cores it runs on; the loading core by default. */
  readonly cores?: string;
}

/** The folder of the scripts for wrk; each prints exact figures. */
const PROGRAMS = `${import.meta.dirname}/programs`;
/** What a browser sends besides Host. Load generators send shorter heads. */
export const BROWSER_FIELDS: readonly string[] = [
  "Connection: keep-alive",
  "Cache-Control: max-age=0",
  "Upgrade-Insecure-Requests: 1",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 " +
  "(KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9," +
  "image/avif,image/webp,*/*;q=0.8",
  "Sec-Fetch-Site: none",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-User: ?1",
  "Sec-Fetch-Dest: document",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
];
/** More requests per second than ab can send. */
const MAX_AB_RATE = 40_000;

/** Loads a server with kept connections, without a pause between requests. */
export async function wrk(url: string, options: LoadOptions): Promise<Load> {
  const { connections, seconds, size, fields = [] } = options;
  const [script, ...args] = options.script ?? ["report.lua"];
  const output = await run([
    ...["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency"],
    ...fields.flatMap((field) => ["-H", field]),
    ...["-s", `${PROGRAMS}/${script}`, url, "--", ...args],
  ], options.cores);
  const line = /^REPORT (.*)$/m.exec(output)?.[1];
  if (line === undefined) throw new Fault("wrk printed no report");
  const { requests, duration, bytes, errors, p50, p99 } = JSON.parse(line);
  for (const [kind, count] of Object.entries(errors)) {
    if (count !== 0) throw new Fault(`${count} ${kind} errors`);
  }
  if (requests === 0) throw new Fault("no response");
  if (bytes < requests * size) throw new Fault("responses are too short");
  return {
    requests,
    seconds: duration / 1e6,
    p50: p50 / 1e3,
    p99: p99 / 1e3,
  };
}

/** Loads a server with HTTP/1.0, on a new connection per request. */
export async function ab(url: string, options: LoadOptions): Promise<Load> {
  const { connections, seconds, size } = options;
  const output = await run([
    ...["ab", "-q", `-c${connections}`, `-t${seconds}`],
    ...[`-n${seconds * MAX_AB_RATE}`, url],
  ]);
  const figure = (name: string) =>
    Number(new RegExp(`^${name}:\\s+([\\d.]+)`, "m").exec(output)?.[1] ?? 0);
  for (const kind of ["Failed requests", "Write errors", "Non-2xx responses"]) {
    const count = figure(kind);
    if (count > 0) throw new Fault(`${count} ${kind.toLowerCase()}`);
  }
  if (figure("Complete requests") === 0) throw new Fault("no response");
  if (figure("Document Length") !== size) {
    throw new Fault(`responses of ${figure("Document Length")} bytes`);
  }
  return {
    requests: figure("Complete requests"),
    seconds: figure("Time taken for tests"),
    p50: 0,
    p99: 0,
  };
}

/** Finds the versions of the load generators; null if not installed. */
export async function findGenerators(): Promise<
  { readonly wrk: string | null; readonly ab: string | null }
> {
  const [wrkLine, abLine] = await Promise.all([
    versionOf(["wrk", "-v"]),
    versionOf(["ab", "-V"]),
  ]);
  return {
    wrk: wrkLine?.replace(/ \[.*/, "") ?? null,
    ab: abLine === null ? null : `ab ${/Version ([\d.]+)/.exec(abLine)?.[1]}`,
  };
}
