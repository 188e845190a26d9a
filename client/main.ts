/**
 * The command that fetches URLs over HTTP/1.0, with curl's flags and exit
 * codes, and shows what goes over the wire.
 *
 * ```sh
 * deno run --allow-net jsr:@knock/http/get -i http://example.com/
 * ```
 *
 * A program can call it too:
 *
 * ```ts
 * import { main } from "@knock/http/get";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve(
 *   { port: 0, onListen() {} },
 *   () => new Response("Who's there?\n"),
 * );
 * const exitCode = await main([
 *   "--fail",
 *   `http://localhost:${server.addr.port}/`,
 * ]);
 * assertEquals(exitCode, 0);
 * ```
 *
 * @module
 */

import { EXIT, usageError } from "../command/errors.ts";
import { escapeControls } from "../command/quote.ts";
import { explainFailure } from "./_command/failure.ts";
import { type Options, parseOptions } from "./_command/options.ts";
import {
  type CommandIo,
  openWriter,
  Output,
  type OutputStream,
  type Writer,
} from "./_command/output.ts";
import { parseTypedUrl } from "./route.ts";

export type { CommandIo, OutputStream };

/**
 * Runs the command.
 *
 * @param args The flags and URLs, as `--help` lists them.
 * @param io The streams to read from and write to; by default those of the
 *   process.
 * @returns The exit code, curl's where curl has one. The promise never rejects.
 *
 * @example Usage
 * ```ts
 * import { main } from "@knock/http/get";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await main(["http://example.com:99999/"]), 3);
 * ```
 */
export async function main(
  args: readonly string[],
  io: CommandIo = Deno,
): Promise<number> {
  const { stdin, signal = new AbortController().signal } = io;
  let output = new Output(io.stdout, io.stderr, signal);
  let file: Writer | null = null;
  try {
    const operations = await parseOptions(args, { stdin, signal });
    const [{ stderr: path }] = operations;
    const stderr = path === "-" ? io.stdout : io.stderr;
    file = (path ?? "-") === "-" ? null : await openWriter(path!, true, signal);
    output = new Output(io.stdout, file?.stream ?? stderr, signal);
    return await run(operations, output);
  } catch (error) {
    const { exitCode, lines } = explainFailure(error);
    output.note(...lines);
    return exitCode;
  } finally {
    file?.close();
  }
}

async function run(
  operations: readonly [Options, ...Options[]],
  output: Output,
): Promise<number> {
  const [{ help, version, anatomy, urls }] = operations;
  if (help || version) {
    const helpModule = await import("./_command/help.ts");
    const { writeClientVersion, writeHelp } = helpModule;
    await output.print(help ? writeHelp(urls[0]) : writeClientVersion());
    return 0;
  }
  if (operations.some(({ urls }) => urls.length === 0)) {
    throw usageError("Cannot fetch: no URL is given; see --help");
  }
  if (anatomy) {
    const { drawAnatomy } = await import("./_command/anatomy.ts");
    for (const text of operations.flatMap(({ urls }) => urls)) {
      const drawing = drawAnatomy(text, parseTypedUrl(text));
      await output.print(escapeControls(drawing));
    }
    return 0;
  }
  const { fetchAll } = await import("./_command/run.ts");
  return fetchAll(operations, output);
}

/**
 * The time after SIGINT to save what can be resumed, in milliseconds. Another
 * SIGINT changes nothing: a task runner passes on what the terminal sends to
 * every process of the group.
 */
const GRACE_MS = 2_000;

if (import.meta.main) {
  const controller = new AbortController();
  Deno.addSignalListener("SIGINT", () => {
    controller.abort(new DOMException("Ctrl-C was pressed", "AbortError"));
    setTimeout(() => Deno.exit(EXIT.interrupted), GRACE_MS);
  });
  const { stdin, stdout, stderr } = Deno;
  const { signal } = controller;
  Deno.exit(await main(Deno.args, { stdin, stdout, stderr, signal }));
}
