// (2) A large file, for one client and for several at once.

import type { Group, Lab } from "../_lab.ts";
import { type Contestant, Fault, type Figure } from "../_measure.ts";
import { denoRun } from "../_peers_deno.ts";
import { run } from "../_process.ts";
import { type Server, startFleet } from "../_server.ts";
import { verify } from "../_verify.ts";
import { bareLoop } from "./_bare.ts";
import { BUSY } from "./_figures.ts";

const FIGURES: readonly Figure[] = [
  { key: "rate", title: "GB/s", better: "more", digits: 2 },
  { key: "cpu", title: "server CPU ms/GB", better: "less", digits: 0 },
  BUSY,
  { key: "memory", title: "memory MB", better: "less", digits: 0 },
];

/** Measures all servers with 256 MB. */
export const largeFile: Group = {
  number: 2,
  title: "A large file",
  async run(lab) {
    await using fleet = await lab.fileServers();
    const { large } = lab.site;
    await using bare = await startFleet(
      [bareLoop(lab.site, large, "close")],
      large.path,
    );
    const servers = fleet.servers.filter(({ name }) =>
      !name.endsWith("log on")
    );
    for (const clients of [1, 64]) {
      await lab.compare({
        title: `256 MB file, ${
          clients === 1 ? "one client" : `${clients} clients at once`
        }`,
        figures: FIGURES,
        contestants: [...servers, ...bare.servers].map((server) =>
          contestant(lab, server, clients)
        ),
        missing: [...lab.missingAmong(undefined, fleet), ...bare.missing],
        targets: [
          { key: "rate", peer: "lighttpd", ratio: 1 },
          { key: "rate", peer: "nginx", ratio: 1 },
        ],
        plot: "rate",
      });
    }
  },
};

function contestant(lab: Lab, server: Server, clients: number): Contestant {
  const { large } = lab.site;
  let isVerified = false;
  return {
    name: server.name,
    async measure() {
      if (!isVerified) await verify(server.origin, large);
      isVerified = true;
      const before = server.process.cpu();
      const { bytes, seconds } = await download(lab, server, clients);
      const cpu = server.process.cpu() - before;
      if (bytes === 0) throw new Fault("no byte arrived");
      return {
        rate: bytes / seconds / 1e9,
        cpu: cpu * 1e3 / (bytes / 1e9),
        busy: cpu / seconds * 100,
        memory: server.process.memory() / 1e6,
      };
    },
  };
}

async function download(
  lab: Lab,
  { port }: Server,
  clients: number,
): Promise<{ readonly bytes: number; readonly seconds: number }> {
  const { path } = lab.site.large;
  return JSON.parse(
    await run(denoRun(
      ["--allow-net"],
      "tests/bench/programs/download.ts",
      ...[String(port), path, String(clients), String(lab.options.seconds)],
    )),
  );
}
