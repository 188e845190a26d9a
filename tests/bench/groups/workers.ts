// (10) Several threads: what each costs, and what it brings. All share both cores, the load too.

import { type Group, type Lab, loadServer } from "../_lab.ts";
import { wrk } from "../_load.ts";
import { type Contestant, type Figure, OURS } from "../_measure.ts";
import { oursWithWorkers } from "../_peers_deno.ts";
import { cpuOfEnded } from "../_proc.ts";
import { BOTH_CORES } from "../_process.ts";
import { type Server, startFleet } from "../_server.ts";
import { verify } from "../_verify.ts";
import { BUSY, CPU, RATE } from "./_figures.ts";

const COUNTS = [1, 2];
const FIGURES: readonly Figure[] = [
  RATE,
  CPU,
  { ...BUSY, title: "cores used by the server %" },
  { key: "load", title: "cores used by the load %", better: null, digits: 0 },
  { key: "rest", title: "memory at rest, MB", better: null, digits: 0 },
  { key: "memory", title: "memory under load, MB", better: null, digits: 0 },
];

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
    await lab.compare({
      title: "1 KB file, keep-alive, two cores for servers and load together",
      figures: FIGURES,
      contestants: fleet.servers.map((server) => contestant(lab, server)),
      missing: fleet.missing,
    });
  },
};

function contestant(lab: Lab, server: Server): Contestant {
  const { small } = lab.site;
  const options = {
    connections: 64,
    seconds: lab.options.seconds,
    size: small.size,
    cores: BOTH_CORES,
  };
  let rest: number | null = null;
  return {
    name: server.name,
    async measure() {
      if (rest === null) await verify(server.origin, small);
      rest ??= server.process.memory() / 1e6;
      const before = cpuOfEnded();
      const url = server.origin + small.path;
      const sample = await loadServer(server, () => wrk(url, options));
      const load = (cpuOfEnded() - before) / options.seconds * 100;
      const memory = server.process.memory() / 1e6;
      return { ...sample, load, rest, memory };
    },
  };
}
