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
import { writeVersion } from "../command/flags.ts";
import { bannerOf } from "./_command/banner.ts";
import { parseOptions, writeHelp } from "./_command/options.ts";
import { startWorkers } from "./_command/workers.ts";
import type { HttpServer } from "./serve.ts";

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
    const options = parseOptions(args);
    if (options.help) console.log(writeHelp());
    else if (options.version) console.log(writeVersion());
    else {
      const server = await startWorkers(options);
      if (!options.quiet) console.log(bannerOf(server, options));
      await finish(server);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    console.error(error.message);
    return error.exitCode;
  }
}

/**
 * Waits until the user stops the server: the first signal lets the responses
 * under way finish, the second one does not.
 */
async function finish(server: HttpServer): Promise<void> {
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  const stop = () => void server.shutdown();
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  await server.finished;
  for (const signal of signals) Deno.removeSignalListener(signal, stop);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
