// (8) The client, compared with the platform's fetch.

import type { Group, Lab } from "../_lab.ts";
import {
  type Contestant,
  Fault,
  type Figure,
  OURS,
  type Sample,
  type Section,
} from "../_measure.ts";
import { denoRun } from "../_peers_deno.ts";
import { run } from "../_process.ts";
import { type Server, startServer } from "../_server.ts";
import type { SiteFile } from "../_site.ts";
import { bareLoop } from "./_bare.ts";

const PROGRAM = "tests/bench/programs/client.ts";
const PLATFORM = "fetch";
const SMALL: readonly Figure[] = [
  { key: "rate", title: "requests/s", better: "more", digits: 0 },
  { key: "cpu", title: "client CPU µs/request", better: "less", digits: 1 },
];
const LARGE: readonly Figure[] = [
  { key: "speed", title: "GB/s", better: "more", digits: 2 },
  { key: "cpuPerGb", title: "client CPU ms/GB", better: "less", digits: 0 },
];

/** A row: one way to send requests. */
interface Way {
  readonly name: string;
  readonly mode: string;
}

const BARE_SOCKET = "bare socket";
const CLOSING: readonly Way[] = [
  { name: OURS, mode: "get" },
  { name: PLATFORM, mode: "fetch-close" },
  { name: BARE_SOCKET, mode: "bare" },
];
const KEEPING: readonly Way[] = [
  { name: OURS, mode: "client" },
  { name: PLATFORM, mode: "fetch" },
];
/** Ways to read a body, what they are called, and the ratio to reach. */
const READING: readonly {
  readonly title: string;
  readonly file: "text" | "large";
  readonly ways: readonly Way[];
  readonly ratio: number;
}[] = [
  {
    title: "8 MB in one piece: bytes()",
    file: "text",
    ways: KEEPING,
    ratio: 1.3,
  },
  {
    title: "8 MB in one piece: text()",
    file: "text",
    ways: [
      { name: OURS, mode: "client-text" },
      { name: PLATFORM, mode: "fetch-text" },
    ],
    ratio: 1.3,
  },
  {
    title: "Download of 256 MB, as a stream",
    file: "large",
    ways: CLOSING,
    ratio: 1,
  },
  {
    title: "Download of 256 MB, into a block of one's own",
    file: "large",
    ways: [
      { name: OURS, mode: "get-block" },
      { name: PLATFORM, mode: "fetch-close" },
      { name: BARE_SOCKET, mode: "bare" },
    ],
    ratio: 1.9,
  },
];

/** Measures each mode in its own process; the server is on the other core. */
export const client: Group = {
  number: 8,
  title: "The client",
  async run(lab) {
    for (const atOnce of [1, 16]) {
      await compareSmall(lab, { atOnce, ways: CLOSING, ratio: 1.4 });
      await compareSmall(lab, { atOnce, ways: KEEPING, ratio: 1 });
    }
    for (const reading of READING) await compareReading(lab, reading);
  },
};

async function compareSmall(
  lab: Lab,
  { atOnce, ways, ratio }: {
    readonly atOnce: number;
    readonly ways: readonly Way[];
    readonly ratio: number;
  },
): Promise<void> {
  const { small } = lab.site;
  const connection = ways === CLOSING ? "close" : "keep";
  const bare = bareLoop(lab.site, small, connection);
  await using server = await startServer(bare, small.path);
  if (server === null) throw new Error("Cannot start the bare socket loop");
  await lab.compare({
    ...sectionOf(lab, ways, { server, file: small, atOnce }),
    title: `GET of 1 KB, ${
      connection === "close" ? "a new connection each" : "kept connections"
    }, ${atOnce === 1 ? "one after another" : `${atOnce} at once`}`,
    figures: SMALL,
    targets: [{ key: "rate", peer: PLATFORM, ratio }],
    note: "The server is the bare socket loop.",
  });
}

async function compareReading(
  lab: Lab,
  { title, file: name, ways, ratio }: (typeof READING)[number],
): Promise<void> {
  const file = lab.site[name];
  const startables = lab.startables();
  const startable = startables.find(({ name }) => name === "lighttpd") ??
    startables[0]!;
  await using server = await startServer(startable, file.path);
  if (server === null) throw new Error(`Cannot start ${startable.name}`);
  await lab.compare({
    ...sectionOf(lab, ways, { server, file, atOnce: 1 }),
    title,
    figures: LARGE,
    targets: [{ key: "speed", peer: PLATFORM, ratio }],
    note: `The server is ${startable.name}.`,
    plot: "speed",
  });
}

interface Scene {
  readonly server: Server;
  readonly file: SiteFile;
  readonly atOnce: number;
}

function sectionOf(
  lab: Lab,
  ways: readonly Way[],
  { server, file, atOnce }: Scene,
): Pick<Section, "contestants"> {
  const url = server.origin + file.path;
  const contestant = ({ name, mode }: Way): Contestant => ({
    name,
    measure: () =>
      ask(file, [mode, url, String(lab.options.seconds), String(atOnce)]),
  });
  return { contestants: ways.map(contestant) };
}

async function ask(
  { size }: SiteFile,
  args: readonly string[],
): Promise<Sample> {
  // Servers have one core, so the client gets the other one
  const output = await run(
    denoRun(["-A"], PROGRAM, ...args),
  );
  const { requests, bytes, seconds, cpu, problem } = JSON.parse(output);
  if (problem !== null) throw new Fault(problem);
  if (bytes < requests * size) throw new Fault("bodies are too short");
  return {
    rate: requests / seconds,
    speed: bytes / seconds / 1e9,
    cpu: cpu / requests * 1e6,
    cpuPerGb: cpu * 1e3 / (bytes / 1e9),
  };
}
