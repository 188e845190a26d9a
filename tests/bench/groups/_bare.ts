// The bare socket loop, as one more server.

import { denoRun } from "../_peers_deno.ts";
import type { Startable } from "../_server.ts";
import type { Site, SiteFile } from "../_site.ts";

/** Its name in tables. */
export const BARE = "bare socket loop";

/** The loop that answers with a file; it keeps connections or closes them. */
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
