// (10) Several threads: what they cost, and what they gain.

import { type Group, type Lab, loadServer } from "../_lab.ts";
import { wrk } from "../_load.ts";
import { type Contestant, Fault, type Figure, OURS } from "../_measure.ts";
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
  { key: "rest", title: "memory before, MB", better: null, digits: 0 },
  { key: "memory", title: "memory under load, MB", better: null, digits: 0 },
];

/** A request. */
interface Scene {
  readonly title: string;
  readonly path: string;
  /** The smallest size of a response, in bytes. */
  readonly size: number;
  /** Checks that a server responds as it should. */
  verify(server: Server): Promise<void>;
}

/** Measures our server with one worker and with two. */
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

/** The first request costs the load as much as the server, the other less. */
function scenesOf({ site: { small } }: Lab): Scene[] {
  return [
    {
      title: "1 KB file, keep-alive, with workers",
      path: small.path,
      size: small.size,
      verify: (server) => verify(server.origin, small),
    },
    {
      title: "A list of files, keep-alive, with workers",
      path: "/",
      size: 1_000,
      async verify({ origin }) {
        const response = await fetch(`${origin}/`);
        const text = await response.text();
        if (response.status === 200 && text.includes(small.path.slice(1))) {
          return;
        }
        throw new Fault("is not a list of the files");
      },
    },
  ];
}

function contestant(lab: Lab, server: Server, scene: Scene): Contestant {
  const { path, size } = scene;
  const options = {
    connections: 64,
    seconds: lab.options.seconds,
    size,
    cores: BOTH_CORES,
  };
  let rest: number | null = null;
  return {
    name: server.name,
    async measure() {
      if (rest === null) await scene.verify(server);
      rest ??= server.process.memory() / 1e6;
      const before = cpuOfEnded();
      const url = server.origin + path;
      const sample = await loadServer(server, () => wrk(url, options));
      const load = (cpuOfEnded() - before) / options.seconds * 100;
      const memory = server.process.memory() / 1e6;
      return { ...sample, load, rest, memory };
    },
  };
}
