// (10) Several threads: what each costs, and what it brings.

import { type Group, type Lab, loadServer } from "../_lab.ts";
import { wrk } from "../_load.ts";
import { type Contestant, type Figure, OURS } from "../_measure.ts";
import { oursWithWorkers } from "../_peers_deno.ts";
import { cpuOfEnded } from "../_proc.ts";
import { BOTH_CORES } from "../_process.ts";
import { type Server, startFleet } from "../_server.ts";
import type { SiteFile } from "../_site.ts";
import { verify } from "../_verify.ts";
import { BUSY, CPU, RATE } from "./_figures.ts";

const COUNTS = [1, 2];
const FIGURES: readonly Figure[] = [
  RATE,
  CPU,
  { ...BUSY, title: "cores used by the server %" },
  { key: "load", title: "cores used by the load %", better: null, digits: 0 },
  { key: "rest", title: "memory before, MB", better: null, digits: 0 },
  { key: "memory", title: "memory under load, MB", better: null, digits: 0 },
];

/** What is asked for. */
interface Scene {
  readonly title: string;
  readonly file: SiteFile;
  readonly status: number;
  readonly part: readonly [start: number, count: number];
  readonly fields: readonly string[];
}

/** Our server with one worker and with two. */
export const workers: Group = {
  number: 10,
  title: "Workers",
  async run(lab) {
    const { small, folder } = lab.site;
    await using fleet = await startFleet(
      COUNTS.map((count) => ({
        name: count === 1 ? OURS : `${OURS}, ${count} workers`,
        cores: BOTH_CORES,
        command: (port: number) => oursWithWorkers(folder, port, count),
      })),
      small.path,
    );
    for (const scene of scenesOf(lab)) {
      await lab.compare({
        title: scene.title,
        figures: FIGURES,
        contestants: fleet.servers.map((server) =>
          contestant(lab, server, scene)
        ),
        missing: fleet.missing,
        note: "Servers and load share both cores.",
      });
    }
  },
};

/** One request that costs the load about as much as the server, and one that costs it far less. */
function scenesOf({ site: { small, large } }: Lab): Scene[] {
  return [
    {
      title: "1 KB file, keep-alive, with workers",
      file: small,
      status: 200,
      part: [0, small.size],
      fields: [],
    },
    {
      title: "64 KB from the middle of a 256 MB file, with workers",
      file: large,
      status: 206,
      part: [100_000_000, 65_536],
      fields: ["Range: bytes=100000000-100065535"],
    },
  ];
}

function contestant(lab: Lab, server: Server, scene: Scene): Contestant {
  const { file, part, fields } = scene;
  const options = {
    connections: 64,
    seconds: lab.options.seconds,
    size: part[1],
    fields,
    cores: BOTH_CORES,
  };
  let rest: number | null = null;
  return {
    name: server.name,
    async measure() {
      if (rest === null) await verify(server.origin, file, scene);
      rest ??= server.process.memory() / 1e6;
      const before = cpuOfEnded();
      const url = server.origin + file.path;
      const sample = await loadServer(server, () => wrk(url, options));
      const load = (cpuOfEnded() - before) / options.seconds * 100;
      const memory = server.process.memory() / 1e6;
      return { ...sample, load, rest, memory };
    },
  };
}
