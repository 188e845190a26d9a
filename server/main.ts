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

import { attempt, CommandError } from "../command/errors.ts";
import { writeVersion } from "../command/flags.ts";
import { type Options, parseOptions, writeHelp } from "./_command/options.ts";
import { bannerOf, stdout } from "./_command/output.ts";
import { warn } from "./_line_writer.ts";
import { startWorkers } from "./_command/workers.ts";
import type { HttpServer } from "./serve.ts";

/**
 * Runs the command.
 *
 * @param args The arguments, as in `Deno.args`.
 * @returns The exit code: 0 if it was stopped, 1 if it could not serve, 2 for a
 *   mistake in the arguments.
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
    if (options.help) print(writeHelp());
    else if (options.version) print(writeVersion());
    else {
      await using server = await startWorkers(options);
      if (!options.quiet) stdout.write(await bannerOf(server, options));
      await finish(server, options);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    warn(error.message);
    return error.exitCode;
  }
}

function print(text: string): void {
  attempt("Cannot write to stdout", () => console.log(text));
}

/**
 * A second signal of the same kind within this many milliseconds is the same
 * key press: the terminal sends it to every process of the group, and a task
 * runner passes its own on as well.
 */
const SAME_PRESS_TIME = 300;
/** How long to wait before saying why it does not end, in milliseconds. */
const NOTICE_DELAY = 100;

/**
 * Waits until the user stops the server. The first signal lets the responses
 * under way finish, the second one cuts them off.
 */
async function finish(server: HttpServer, { quiet }: Options): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => {
    void server.shutdown();
    if (!quiet) timer ??= setTimeout(reportPending, NOTICE_DELAY, server);
  };
  const isWindows = Deno.build.os === "windows";
  const listeners: [Deno.Signal, () => void][] = [
    ["SIGINT", oncePerPress(stop)],
    [isWindows ? "SIGBREAK" : "SIGTERM", oncePerPress(stop)],
  ];
  // Signals that ask other servers to reopen logs or reread settings would end
  // this one. Only a SIGHUP of a terminal that was closed should do so
  const ignore = () => {};
  if (!isWindows) listeners.push(["SIGUSR1", ignore]);
  if (!isWindows && !Deno.stdin.isTerminal()) {
    listeners.push(["SIGHUP", ignore]);
  }
  for (const listener of listeners) Deno.addSignalListener(...listener);
  await server.finished;
  for (const listener of listeners) Deno.removeSignalListener(...listener);
  clearTimeout(timer);
  await stdout.flush();
}

function oncePerPress(act: () => void): () => void {
  let lastPress = -Infinity;
  return () => {
    const now = performance.now();
    if (now - lastPress < SAME_PRESS_TIME) return;
    lastPress = now;
    act();
  };
}

function reportPending({ pending }: HttpServer): void {
  const [count, pronoun] = pending === 1
    ? ["1 response", "it"]
    : [`${pending} responses`, "them"];
  if (pending > 0) warn(`${count} under way; Ctrl-C again cuts ${pronoun}`);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
