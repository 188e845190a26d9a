// The bare socket loop as a server.

import { denoRun } from "../_peers_deno.ts";
import type { Startable } from "../_server.ts";
import type { Site, SiteFile } from "../_site.ts";

/** Its name in tables. */
export const BARE = "bare socket loop";

/** The loop that sends a file; it keeps or closes connections. */
export function bareLoop(
  site: Site,
  file: SiteFile,
  connection: "keep" | "close",
): Startable {
  return {
    name: BARE,
    command: (port) =>
      denoRun(
        ["--allow-net", "--allow-read"],
        "tests/bench/programs/bare.ts",
        ...[String(port), site.folder + file.path, connection],
      ),
  };
}
