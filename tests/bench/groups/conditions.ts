// (4) Conditional requests, and ranges.

import { type Group, type Lab, loadServer } from "../_lab.ts";
import { BROWSER_FIELDS, wrk } from "../_load.ts";
import type { Contestant } from "../_measure.ts";
import type { Server } from "../_server.ts";
import type { SiteFile } from "../_site.ts";
import { conditionFor, verify } from "../_verify.ts";
import { BUSY, CPU, RATE } from "./_figures.ts";

/** A request, and the expected response. */
interface Scene {
  readonly title: string;
  readonly file: SiteFile;
  readonly status: number;
  readonly part: readonly [start: number, count: number];
  /** The fields besides the condition or range. */
  readonly others?: readonly string[];
  /** Makes the condition or range, perhaps from an earlier response. */
  field(origin: string): Promise<string>;
}

/** Measures all servers. */
export const conditions: Group = {
  number: 4,
  title: "Conditional requests and ranges",
  async run(lab) {
    await using fleet = await lab.fileServers();
    const servers = fleet.servers.filter(({ name }) =>
      !name.endsWith("log on")
    );
    for (const scene of scenesOf(lab)) {
      await lab.compare({
        title: scene.title,
        figures: [RATE, CPU, BUSY],
        contestants: servers.map((server) => contestant(lab, server, scene)),
        missing: lab.missingAmong(undefined, fleet),
        targets: [
          { key: "rate", peer: "lighttpd", ratio: 1 },
          { key: "rate", peer: "nginx", ratio: 1 },
        ],
      });
    }
  },
};

function scenesOf({ site }: Lab): Scene[] {
  return [
    {
      title: "Unchanged 10 KB file (304)",
      file: site.medium,
      status: 304,
      part: [0, 0],
      field: (origin) => conditionFor(origin, site.medium),
    },
    {
      title: "Unchanged 10 KB file, head of a browser (304)",
      file: site.medium,
      status: 304,
      part: [0, 0],
      others: BROWSER_FIELDS,
      field: (origin) => conditionFor(origin, site.medium),
    },
    rangeScene("1,000 bytes of a 10 KB file (206)", site.medium, [
      5_000,
      1_000,
    ]),
    rangeScene(
      "64 KB from the middle of a 256 MB file (206)",
      site.large,
      [100_000_000, 65_536],
    ),
  ];
}

function rangeScene(
  title: string,
  file: SiteFile,
  part: readonly [start: number, count: number],
): Scene {
  const [start, count] = part;
  const field = `Range: bytes=${start}-${start + count - 1}`;
  return {
    title,
    file,
    status: 206,
    part,
    field: () => Promise.resolve(field),
  };
}

function contestant(lab: Lab, server: Server, scene: Scene): Contestant {
  const { file, status, part, others = [] } = scene;
  let field: string | null = null;
  return {
    name: server.name,
    async measure() {
      if (field === null) {
        field = await scene.field(server.origin);
        await verify(server.origin, file, { status, part, fields: [field] });
      }
      const fields = [field, ...others];
      const options = {
        connections: 64,
        seconds: lab.options.seconds,
        size: part[1],
        fields,
      };
      return await loadServer(
        server,
        () => wrk(server.origin + file.path, options),
      );
    },
  };
}
