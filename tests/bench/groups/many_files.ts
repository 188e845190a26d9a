// (3) Many small files: more than fit into memory, and as many as fit.

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
/** One in this many files is verified. */
const VERIFY_STEP = 500;
/** How long each server is warmed up: enough to request each file. */
const WARM_UP_SECONDS = 6;
/**
 * Each folder has 10,000 files. Two thirds of those of 10 KB fit into the
 * memory that Knock uses for files.
 */
const FOLDERS = [
  { top: "ten", size: 10_240, skew: 1, name: "each requested equally often" },
  {
    top: "ten",
    size: 10_240,
    skew: 4,
    name: "a tenth of them requested more than half of the time",
  },
  { top: "four", size: 4_096, skew: 1, name: "each requested equally often" },
];

/** Writes the files before the servers start, because sirv looks only then. */
export const manyFiles: Group = {
  number: 3,
  title: "Many small files",
  async run(lab) {
    const folders = new Map<string, SiteFile[]>();
    for (const { top, size } of FOLDERS) {
      if (folders.has(top)) continue;
      folders.set(top, await makeManyFiles(lab.site, top, size));
    }
    for (const { top, size, skew, name } of FOLDERS) {
      const files = folders.get(top)!;
      // Fresh servers, so that none holds the files of the table before
      await using fleet = await lab.fileServers(NAMES);
      await lab.compare({
        title: `10,000 files of ${size / 1_024} KB, ${name}`,
        figures: [RATE, CPU, BUSY],
        contestants: fleet.servers.map((server) =>
          contestant(server, { lab, files, top, skew })
        ),
        missing: lab.missingAmong(NAMES, fleet),
        targets: [{ key: "rate", peer: "nginx", ratio: 1 }],
        note: `Each server was warmed up for ${WARM_UP_SECONDS} seconds.`,
      });
    }
  },
};

interface Scene {
  readonly lab: Lab;
  readonly files: readonly SiteFile[];
  readonly top: string;
  readonly skew: number;
}

function contestant(
  server: Server,
  { lab, files, top, skew }: Scene,
): Contestant {
  const options = {
    connections: 64,
    seconds: lab.options.seconds,
    size: files[0]!.size,
    script: ["many.lua", top, String(MANY_FILES), String(skew)],
  };
  let isWarm = false;
  return {
    name: server.name,
    async measure() {
      if (!isWarm) {
        for (let i = 0; i < files.length; i += VERIFY_STEP) {
          await verify(server.origin, files[i]!);
        }
        await wrk(server.origin, { ...options, seconds: WARM_UP_SECONDS });
        isWarm = true;
      }
      return await loadServer(server, () => wrk(server.origin, options));
    },
  };
}
