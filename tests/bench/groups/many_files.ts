// (3) More small files than anybody keeps in memory.

import { type Group, type Lab, loadServer } from "../_lab.ts";
import { wrk } from "../_load.ts";
import type { Contestant } from "../_measure.ts";
import type { Server } from "../_server.ts";
import { makeManyFiles, MANY_FILES, type SiteFile } from "../_site.ts";
import { verify } from "../_verify.ts";
import { BUSY, CPU, RATE } from "./_figures.ts";

const NAMES = [
  ...["Knock", "lighttpd", "nginx", "sirv", "@std file server"],
  ...["serve", "http-server", "http.server"],
];
/** One in so many files is verified. */
const VERIFY_STEP = 500;
const SKEWS = [
  { skew: 1, name: "each as often as any other" },
  { skew: 4, name: "a tenth of them more than half of the time" },
];

/** 10,000 files of 4 KB; they are there before the servers, since sirv looks at its start only. */
export const manyFiles: Group = {
  number: 3,
  title: "Many small files",
  async run(lab) {
    const files = await makeManyFiles(lab.site);
    await using fleet = await lab.fileServers(NAMES);
    for (const { skew, name } of SKEWS) {
      await lab.compare({
        title: `10,000 files of 4 KB, ${name}`,
        figures: [RATE, CPU, BUSY],
        contestants: fleet.servers.map((server) =>
          contestant(server, { lab, files, skew })
        ),
        missing: lab.missingAmong(NAMES, fleet),
        targets: [{ key: "rate", peer: "nginx", ratio: 1 }],
      });
    }
  },
};

interface Scene {
  readonly lab: Lab;
  readonly files: readonly SiteFile[];
  readonly skew: number;
}

function contestant(
  server: Server,
  { lab, files, skew }: Scene,
): Contestant {
  const options = {
    connections: 64,
    seconds: lab.options.seconds,
    size: files[0]!.size,
    script: ["many.lua", String(MANY_FILES), String(skew)],
  };
  let isVerified = false;
  return {
    name: server.name,
    async measure() {
      for (let i = 0; i < files.length && !isVerified; i += VERIFY_STEP) {
        await verify(server.origin, files[i]!);
      }
      isVerified = true;
      return await loadServer(server, () => wrk(server.origin, options));
    },
  };
}
