// Who can be measured on this machine, and who cannot and why.

import type { Missing } from "./_measure.ts";
import { ours, oursWithLog, standard } from "./_peers_deno.ts";
import { h2o, lighttpd, nginx, python } from "./_peers_native.ts";
import { bunFile, bunMemory, httpServer, serve, sirv } from "./_peers_npm.ts";

/** A server of files. */
export interface Peer {
  readonly name: string;
  /** What it is, for the description of the machine. */
  readonly version: string;
  /** The command that serves a folder at a port of 127.0.0.1. */
  command(folder: string, port: number): readonly string[];
  /** Where its standard output goes; nowhere without. */
  readonly output?: string;
}

/** Finds one peer, or tells why it cannot be had. */
export type Finder = (places: Places) => Promise<Peer | Missing>;

/** Where peers are found, and put what they need. */
export interface Places {
  /** A folder for whatever has to be written. */
  readonly scratch: string;
  /** A checkout of the standard library; null for none. */
  readonly std: string | null;
}

/** What was found. */
export interface Peers {
  readonly found: readonly Peer[];
  readonly missing: readonly Missing[];
}

const FINDERS: readonly Finder[] = [
  ours,
  oursWithLog,
  lighttpd,
  nginx,
  h2o,
  bunFile,
  bunMemory,
  sirv,
  standard,
  serve,
  httpServer,
  python,
];

/** Looks for all peers, ours first. */
export async function findPeers(places: Places): Promise<Peers> {
  const all = await Promise.all(FINDERS.map((find) => find(places)));
  const found: Peer[] = [];
  const missing: Missing[] = [];
  for (const one of all) {
    if ("reason" in one) missing.push(one);
    else found.push(one);
  }
  return { found, missing };
}
