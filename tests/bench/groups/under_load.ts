// (6) Latency under load, and the memory for it.

import { type Group, type Lab, loadServer } from "../_lab.ts";
import { wrk } from "../_load.ts";
import { type Contestant, Fault, type Figure } from "../_measure.ts";
import {
  type Server,
  type Startable,
  startFleet,
  startServer,
} from "../_server.ts";
import { verify } from "../_verify.ts";
import { BARE, bareLoop } from "./_bare.ts";
import { holdConnections } from "./_idle.ts";
import { BUSY, RATE } from "./_figures.ts";

const CONNECTIONS = 16;
const LATENCY: readonly Figure[] = [
  { key: "p50", title: "p50 ms", better: "less", digits: 3 },
  { key: "p99", title: "p99 ms", better: "less", digits: 3 },
  RATE,
  BUSY,
];
/** The servers that hold idle connections without a thread for each. */
const NAMES = ["Knock", "lighttpd", "nginx", "sirv", "@std file server"];
const IDLE_CONNECTIONS = 10_000;
const MEMORY: readonly Figure[] = [
  { key: "rest", title: "at rest, MB", better: "less", digits: 1 },
  { key: "load", title: "under load, MB", better: "less", digits: 1 },
  {
    key: "idle",
    title: "with idle connections, MB",
    better: "less",
    digits: 1,
  },
  { key: "held", title: "connections held", better: null, digits: 0 },
  { key: "each", title: "KB per connection", better: "less", digits: 1 },
];

/** Measures the latency of all servers, and the memory of some. */
export const underLoad: Group = {
  number: 6,
  title: "Under load",
  async run(lab) {
    await measureLatency(lab);
    await measureMemory(lab);
  },
};

async function measureLatency(lab: Lab): Promise<void> {
  const { small } = lab.site;
  const options = {
    connections: CONNECTIONS,
    seconds: lab.options.seconds,
    size: small.size,
  };
  await using fleet = await lab.fileServers();
  await using bare = await startFleet(
    [bareLoop(lab.site, small, "keep")],
    small.path,
  );
  await lab.compare({
    title: `Latency, 1 KB file, ${CONNECTIONS} connections`,
    figures: LATENCY,
    contestants: [...fleet.servers, ...bare.servers].map((server) => ({
      name: server.name,
      async measure() {
        if (server.name !== BARE) await verify(server.origin, small);
        const url = server.origin + small.path;
        return await loadServer(server, () => wrk(url, options));
      },
    })),
    missing: [...lab.missingAmong(undefined, fleet), ...bare.missing],
    targets: [{ key: "p99", peer: "lighttpd", ratio: 1 }],
  });
}

async function measureMemory(lab: Lab): Promise<void> {
  await lab.compare({
    title: `Memory of a fresh server, 1 KB file`,
    figures: MEMORY,
    contestants: lab.startables(NAMES).map((startable) =>
      memoryContestant(lab, startable)
    ),
    missing: lab.peers.missing.filter(({ name }) => NAMES.includes(name)),
    note: "Under load: the maximum seen while `wrk` held 64 connections. " +
      "Idle connections are kept after one response each.",
  }, 1);
}

function memoryContestant(lab: Lab, startable: Startable): Contestant {
  return {
    name: startable.name,
    async measure() {
      const { small } = lab.site;
      await using server = await startServer(startable, small.path);
      if (server === null) throw new Fault("does not start");
      await verify(server.origin, small);
      const rest = server.process.memory();
      const load = await peakMemory(lab, server);
      const before = server.process.memory();
      const sockets = server.process.sockets();
      using _connections = await holdConnections(server.port, {
        path: small.path,
        count: IDLE_CONNECTIONS,
      });
      const held = server.process.sockets() - sockets;
      const idle = server.process.memory();
      return {
        rest: rest / 1e6,
        load: load / 1e6,
        idle: idle / 1e6,
        held,
        each: (idle - before) / held / 1024,
      };
    },
  };
}

/** Finds the most memory that a server uses while it is loaded. */
async function peakMemory(lab: Lab, server: Server): Promise<number> {
  const { path, size } = lab.site.small;
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, server.process.memory());
  }, 50);
  try {
    const { seconds } = lab.options;
    await wrk(server.origin + path, { connections: 64, seconds, size });
  } finally {
    clearInterval(timer);
  }
  return peak;
}
