// The lab that all groups share: the files, the peers, the options, and the
// results.

import { findPeers, type Peers } from "./_peers.ts";
import {
  compare,
  Fault,
  type Missing,
  type Result,
  type Section,
} from "./_measure.ts";
import { type Load, type LoadOptions, wrk } from "./_load.ts";
import type { Options } from "./_options.ts";
import {
  type Fleet,
  type Server,
  type Startable,
  startFleet,
} from "./_server.ts";
import { makeSite, type Site } from "./_site.ts";

/** How servers are warmed up before the first round. */
const WARM_UP = { connections: 16, seconds: 1 };

/** A part of the benchmark. */
export interface Group {
  readonly number: number;
  readonly title: string;
  /** Measures, and reports each comparison when it is complete. */
  run(lab: Lab): Promise<void>;
}

/** The shared data of the groups of a run. */
export class Lab {
  readonly options: Options;
  readonly site: Site;
  readonly peers: Peers;
  /** The folder for all files that are written. */
  readonly scratch: string;
  /** All comparisons so far. */
  readonly results: Result[] = [];
  readonly #onResult: (result: Result) => void;

  private constructor(
    parts: Pick<Lab, "options" | "site" | "peers" | "scratch">,
    onResult: (result: Result) => void,
  ) {
    this.options = parts.options;
    this.site = parts.site;
    this.peers = parts.peers;
    this.scratch = parts.scratch;
    this.#onResult = onResult;
  }

  /** Writes the files into a folder, and finds the peers. */
  static async open(
    options: Options,
    scratch: string,
    onResult: (result: Result) => void,
  ): Promise<Lab> {
    const [site, peers] = await Promise.all([
      makeSite(`${scratch}/site`),
      findPeers({ scratch, std: options.std }),
    ]);
    return new Lab({ options, site, peers, scratch }, onResult);
  }

  /** Starts and warms up file servers: all, or those with these names. */
  async fileServers(names?: readonly string[]): Promise<Fleet> {
    const startables = this.startables(names);
    const fleet = await startFleet(startables, this.site.small.path);
    for (const { origin } of fleet.servers) {
      const { path, size } = this.site.small;
      await warmUp(origin + path, { ...WARM_UP, size });
    }
    return fleet;
  }

  /** The file servers, ready to be started. */
  startables(names?: readonly string[]): Startable[] {
    return this.peers.found
      .filter(({ name }) => names === undefined || names.includes(name))
      .map((peer) => ({
        name: peer.name,
        output: peer.output,
        command: (port) => peer.command(this.site.folder, port),
      }));
  }

  /** Returns the peers that are not installed, or did not start. */
  missingAmong(names: readonly string[] | undefined, fleet: Fleet): Missing[] {
    return [...this.peers.missing, ...fleet.missing]
      .filter(({ name }) => names === undefined || names.includes(name));
  }

  /** Makes a comparison. */
  async compare(section: Section, rounds = this.options.rounds): Promise<void> {
    console.error(`  ${section.title}`);
    const result = await compare(section, rounds);
    this.results.push(result);
    this.#onResult(result);
  }
}

/** Warms up a server. A fault will show again when the server is measured. */
async function warmUp(url: string, options: LoadOptions): Promise<void> {
  try {
    await wrk(url, options);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
}

/** Loads a server, and returns its rate and the CPU time per request. */
export async function loadServer(
  server: Server,
  load: () => Promise<Load>,
): Promise<Record<"rate" | "cpu" | "busy" | "p50" | "p99", number>> {
  const before = server.process.cpu();
  const { requests, seconds, p50, p99 } = await load();
  const cpu = server.process.cpu() - before;
  return {
    rate: requests / seconds,
    cpu: cpu / requests * 1e6,
    busy: cpu / seconds * 100,
    p50,
    p99,
  };
}
