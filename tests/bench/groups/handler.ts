// (5) A handler that returns a small text.

import { type Group, type Lab, loadServer } from "../_lab.ts";
import { ab, wrk } from "../_load.ts";
import { type Contestant, Fault, OURS } from "../_measure.ts";
import { denoRun } from "../_peers_deno.ts";
import { type Server, startFleet } from "../_server.ts";
import { BUSY, CPU, RATE } from "./_figures.ts";

const TEXT = "Who's there?";
const PROGRAM = "tests/bench/programs/handler.ts";
const KINDS = {
  [OURS]: "knock",
  [`${OURS}, web Response`]: "knock-web",
  "Deno.serve": "deno",
};
const USES = [
  { name: "keep-alive", load: wrk, connections: 64 },
  { name: "a new connection per request", load: ab, connections: 32 },
];

/** Compares `serve` with `Deno.serve`. */
export const handler: Group = {
  number: 5,
  title: "A handler",
  async run(lab) {
    const startables = Object.entries(KINDS).map(([name, kind]) => ({
      name,
      command: (port: number) =>
        denoRun(["--allow-net"], PROGRAM, String(port), kind),
    }));
    await using fleet = await startFleet(startables, "/");
    for (const use of USES) {
      await lab.compare({
        title:
          `Handler that returns a text of ${TEXT.length} bytes, ${use.name}`,
        figures: [RATE, CPU, BUSY],
        contestants: fleet.servers.map((server) =>
          contestant(lab, server, use)
        ),
        missing: fleet.missing,
        plot: "rate",
      });
    }
  },
};

function contestant(
  lab: Lab,
  server: Server,
  { load, connections }: typeof USES[number],
): Contestant {
  const { seconds } = lab.options;
  const url = `${server.origin}/`;
  const options = { connections, size: TEXT.length };
  let isWarm = false;
  return {
    name: server.name,
    async measure() {
      if (!isWarm) {
        const text = await (await fetch(url)).text();
        if (text !== TEXT) throw new Fault("sends another text");
        await load(url, { ...options, seconds: 1 });
      }
      isWarm = true;
      return await loadServer(server, () => load(url, { ...options, seconds }));
    },
  };
}
