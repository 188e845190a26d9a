// (1) Small files, on kept connections and on new ones.

import { type Group, type Lab, loadServer } from "../_lab.ts";
import { ab, BROWSER_FIELDS, type LoadOptions, wrk } from "../_load.ts";
import type { Contestant, Section, Target } from "../_measure.ts";
import { type Fleet, type Server, startFleet } from "../_server.ts";
import type { SiteFile } from "../_site.ts";
import { verify } from "../_verify.ts";
import { BARE, bareLoop } from "./_bare.ts";
import { BUSY, CPU, RATE } from "./_figures.ts";

const TARGETS: readonly Target[] = [
  { key: "rate", peer: "lighttpd", ratio: 1 },
  { key: "rate", peer: "nginx", ratio: 1 },
  { key: "rate", peer: "@std file server", ratio: 8 },
];
const BARE_TARGET: Target = { key: "rate", peer: BARE, ratio: 0.85 };

/** How connections are used. */
interface Use {
  readonly name: string;
  readonly connections: number;
  readonly load: typeof wrk;
  /** The fields of a request besides those of the load generator. */
  readonly fields?: readonly string[];
  /** What the bare loop does with a connection. */
  readonly bare: "keep" | "close";
}

const USES: readonly Use[] = [
  { name: "keep-alive", connections: 64, load: wrk, bare: "keep" },
  {
    name: "keep-alive, head of a browser",
    connections: 64,
    load: wrk,
    fields: BROWSER_FIELDS,
    bare: "keep",
  },
  {
    name: "a new connection per request",
    connections: 32,
    load: ab,
    bare: "close",
  },
];

/** Measures all servers with 1 KB and 10 KB. */
export const smallFiles: Group = {
  number: 1,
  title: "Small files",
  async run(lab) {
    await using fleet = await lab.fileServers();
    for (const file of [lab.site.small, lab.site.medium]) {
      for (const use of USES) await runSection(lab, fleet, { file, use });
    }
  },
};

interface Scene {
  readonly file: SiteFile;
  readonly use: Use;
}

async function runSection(lab: Lab, fleet: Fleet, scene: Scene): Promise<void> {
  const { file, use } = scene;
  await using bare = await startFleet(
    [bareLoop(lab.site, file, use.bare)],
    file.path,
  );
  const options = {
    connections: use.connections,
    seconds: lab.options.seconds,
    size: file.size,
    fields: use.fields ?? [],
  };
  const isSmall = file === lab.site.small;
  const section: Section = {
    title: `${
      file.size / 1024
    } KB file, ${use.name} (${use.connections} at once)`,
    figures: [RATE, CPU, BUSY],
    contestants: [...fleet.servers, ...bare.servers].map((server) =>
      contestant(server, scene, options)
    ),
    missing: [...lab.missingAmong(undefined, fleet), ...bare.missing],
    targets: isSmall ? [...TARGETS, BARE_TARGET] : TARGETS,
    ...(isSmall ? { plot: "rate" } : {}),
  };
  await lab.compare(section);
}

function contestant(
  server: Server,
  { file, use }: Scene,
  options: LoadOptions,
): Contestant {
  let isVerified = false;
  return {
    name: server.name,
    async measure() {
      if (!isVerified) await verify(server.origin, file);
      isVerified = true;
      const url = server.origin + file.path;
      return await loadServer(server, () => use.load(url, options));
    },
  };
}
