/**
 * The command that serves a directory, or one file, over HTTP/1.0.
 *
 * ```sh
 * deno run --allow-net --allow-read server/main.ts ./public
 * ```
 *
 * @example Usage
 * ```ts
 * import { main } from "@knock/http/serve";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await main(["--version"]), 0);
 * ```
 *
 * @module
 */

import { CommandError } from "../command/errors.ts";
import config from "../deno.json" with { type: "json" };
import { bannerOf } from "./_command/banner.ts";
import { parseFlags } from "./_command/flags.ts";
import { helpText } from "./_command/help.ts";
import { untilStopped } from "./_command/stop.ts";
import { startWorkers } from "./_command/workers.ts";

/**
 * Runs the command.
 *
 * @param args The arguments, as in `Deno.args`.
 * @returns The exit code: 0 when it was stopped, 1 if it could not serve, 2 for
 *   a mistake in the arguments.
 *
 * @example Usage
 * ```ts
 * import { main } from "@knock/http/serve";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await main(["--no-such-flag"]), 2);
 * ```
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const flags = parseFlags(args);
    if (flags.help) console.log(helpText());
    else if (flags.version) console.log(`knock ${config.version}`);
    else {
      const server = await startWorkers(flags);
      if (!flags.quiet) console.log(bannerOf(server, flags));
      await untilStopped(server);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    console.error(error.message);
    return error.exitCode;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
