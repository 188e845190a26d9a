// (7) The time from the start of a process to its first response.

import type { Group } from "../_lab.ts";
import { Fault } from "../_measure.ts";
import { startServer } from "../_server.ts";

/** Starts are short, so there is time for more rounds. */
const MIN_ROUNDS = 7;

/** Measures all servers. */
export const startTime: Group = {
  number: 7,
  title: "Start",
  async run(lab) {
    const startables = lab.startables().filter(({ name }) =>
      !name.endsWith("log on")
    );
    await lab.compare({
      title: "From process start to the first response",
      figures: [{ key: "time", title: "ms", better: "less", digits: 0 }, {
        key: "cpu",
        title: "CPU ms",
        better: "less",
        digits: 0,
      }],
      contestants: startables.map((startable) => ({
        name: startable.name,
        async measure() {
          const started = performance.now();
          const server = await startServer(startable, lab.site.small.path);
          if (server === null) throw new Fault("does not start");
          const time = performance.now() - started;
          await using _server = server;
          return { time, cpu: server.process.cpu() * 1000 };
        },
      })),
      missing: lab.peers.missing,
      targets: [{ key: "time", peer: "http.server", ratio: 0.7 }],
    }, Math.max(MIN_ROUNDS, lab.options.rounds));
  },
};
