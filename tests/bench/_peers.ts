// Which peers can be measured on this machine, and why others cannot.

import type { Missing } from "./_measure.ts";
import { ours, oursWithLog, standard } from "./_peers_deno.ts";
import { h2o, lighttpd, nginx, python } from "./_peers_native.ts";
import { bunFile, bunMemory, httpServer, serve, sirv } from "./_peers_npm.ts";

/** A file server. */
export interface Peer {
  readonly name: string;
  /** What it is, for the description of the machine. */
  readonly version: string;
  /** The command that serves a folder at a port of 127.0.0.1. */
  command(folder: string, port: number): readonly string[];
  /** The file for its standard output; it is discarded by default. */
  readonly output?: string;
}

/** Finds a peer, or says why it is missing. */
export type Finder = (places: Places) => Promise<Peer | Missing>;

/** Where to look for peers, and where they may write. */
export interface Places {
  /** A folder for the files that they need. */
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

/** Finds all peers, ours first. */
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
