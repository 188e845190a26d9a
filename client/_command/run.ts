import { usageError } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { Attempts } from "./attempts.ts";
import { openCookies } from "./cookies.ts";
import { openDownload } from "./download.ts";
import { explainFailure, type Failure, messageOf } from "./failure.ts";
import { openFile } from "./input.ts";
import {
  buildUrl,
  isStdout,
  listArguments,
  listTransfers,
  type Transfer,
  usesStdout,
} from "./operation.ts";
import type { Options } from "./options.ts";
import { openWriter, type Output } from "./output.ts";
import { Progress } from "./progress.ts";
import { readRequest, tryReadUrl } from "./request.ts";
import { StreamSink } from "./sink.ts";
import { drawTimings } from "./timing.ts";
import { Deadline } from "../_connect/deadline.ts";
import { Client, request } from "../client.ts";

/** A format of `-w` that has times in it, or may have, as it is in a file. */
const TIMES_REGEXP = /^@|%\{(?:time_|json\})/;
/** How long the rehearsal may take, in milliseconds. */
const REHEARSAL_TIMEOUT = 1_000;

/**
 * Runs the command: lists the transfers, and performs each of them.
 *
 * @param operations What the user asked for, split at each `--next`.
 * @param output Where to write.
 * @returns The exit code: that of the last transfer that failed, or 0.
 */
export async function fetchAll(
  operations: readonly [Options, ...Options[]],
  output: Output,
): Promise<number> {
  const cookies = await openCookies(operations);
  const lists = await Array.fromAsync(operations, async (options) => {
    if (options.verbose || options.explain !== undefined) {
      output.note(...options.notes.map((note) => `* ${note}`));
    }
    await preload(options);
    return await listArguments(options, cookies);
  });
  const all = lists.flat();
  // With a wrong URL nothing is requested: only the wrong ones run, and fail
  const wrong = all.filter(({ urls }) => tryReadUrl(urls.at(0).text) === null);
  const args = wrong.length > 0 ? wrong : all;
  const count = args
    .reduce((sum, { urls, uploads }) => sum + urls.count * uploads.count, 0);
  if (count > 1 && operations.some(({ draw }) => draw !== undefined)) {
    throw usageError("Cannot draw several transfers: --draw takes one URL");
  }
  const { parallel, "parallel-max": maxParallel, input } = operations[0];
  const controller = new AbortController();
  const signal = AbortSignal.any([input.signal, controller.signal]);
  await using client = new Client({ keepAlive: count > 1, signal });
  const progress = new Progress(output);
  const shared = { ...input, signal, client, output, progress };
  const transfers = listTransfers(args, shared);
  const limit = parallel ? Math.min(count, maxParallel || 50) : 1;
  const exitCode = await performAll(transfers, limit, controller);
  for (const { "cookie-jar": path } of operations) {
    if (path !== undefined) await cookies?.save(path, output);
  }
  return exitCode;
}

/** Loads modules ahead of time, so that times are those of the network. */
async function preload(options: Options): Promise<void> {
  const { timing, explain, draw, "write-out": format = "" } = options;
  const isTimed = (timing ?? explain ?? draw) !== undefined;
  if (!isTimed && !TIMES_REGEXP.test(format)) return;
  await import("node:dns/promises");
  if (options.compressed) await import("../_exchange/zlib.ts");
  await rehearse().catch(() => {}); // without it, times are less exact
}

/**
 * Makes one request to this program itself, if that is permitted. Code is slow
 * when it runs for the first time, and that would count as network time.
 */
async function rehearse(): Promise<void> {
  const [name, hostname] = ["net", "127.0.0.1"] as const;
  const { state } = Deno.permissions.querySync({ name, host: hostname });
  if (state !== "granted") return;
  using listener = Deno.listen({ hostname, port: 0 });
  const url = `http://localhost:${listener.addr.port}/`;
  // If the request fails, closing the listener ends the wait in respondOnce()
  const response = request(url, { timeout: REHEARSAL_TIMEOUT });
  await Promise.all([response.then((r) => r.bytes()), respondOnce(listener)]);
}

async function respondOnce(listener: Deno.Listener): Promise<void> {
  using conn = await listener.accept();
  await conn.read(new Uint8Array(1_000));
  await conn.write(new TextEncoder().encode("HTTP/1.0 204 No Content\r\n\r\n"));
}

/**
 * Performs the transfers, `count` at a time, and returns the exit code. Stdout
 * is written to in the order of the transfers.
 *
 * @param controller Aborts all transfers at the first failure (`--fail-early`).
 */
async function performAll(
  transfers: Generator<Transfer>,
  count: number,
  controller: AbortController,
): Promise<number> {
  let exitCode = 0;
  let turn: Promise<unknown> = Promise.resolve();
  const runWorker = async () => {
    for (const transfer of transfers) {
      if (transfer.signal.aborted) return;
      if (transfer.output.isBroken && usesStdout(transfer)) continue;
      const running = performTransfer(transfer, turn);
      if (usesStdout(transfer)) turn = Promise.all([turn, running]);
      const code = await running;
      // Aborted transfers fail too, but their exit codes do not count
      if (!controller.signal.aborted) exitCode = code || exitCode;
      if (code > 0 && transfer.options["fail-early"]) controller.abort();
    }
  };
  await Promise.all(Array.from({ length: count }, runWorker));
  return exitCode;
}

/**
 * Performs one transfer: sends the request and writes the body. Prints the
 * error if that fails.
 *
 * @param transfer What to request, and where the body goes.
 * @param turn Resolves when this transfer may write to stdout.
 * @returns The exit code.
 */
async function performTransfer(transfer: Transfer, turn: Promise<unknown>) {
  const { options, output, format, log } = transfer;
  const end = await fetchBody(transfer, turn)
    .then((): Failure => ({ exitCode: 0, lines: [] }), explainFailure);
  const { exitCode, lines } = await draw(transfer, messageOf(end))
    .then(() => end, explainFailure);
  output.status("");
  if (!options.silent || options["show-error"]) output.note(...lines);
  if (format === "") return exitCode;
  const seconds = log.elapsed / 1000;
  if (usesStdout(transfer)) await turn;
  // Loaded on demand: without -w, the command starts faster
  const { writeOut } = await import("./write_out.ts");
  await writeOut({ transfer, seconds, exitCode, lines })
    // As in curl, this is not a failure of the transfer
    .catch((error) => output.note(...explainFailure(error).lines));
  return exitCode;
}

/** Draws what happened, and last the failure, if `--draw` is given. */
async function draw(transfer: Transfer, text: string): Promise<void> {
  const { typedUrl, log, signal, options: { draw: path } } = transfer;
  if (path === undefined || signal.aborted) return;
  const { drawSteps } = await import("./draw.ts");
  const at = performance.now() - log.started;
  const end = text === "" ? [] : [{ at, type: "failed", text } as const];
  const writer = await openWriter(path, true, signal);
  await writer.print(drawSteps([...log.hops.flat(), ...end], typedUrl));
  writer.close();
}

/** Opens a file of `-T`. Reading a pipe counts towards the time of `-m`. */
async function openUpload(transfer: Transfer) {
  const { upload, reach, signal } = transfer;
  using deadline = new Deadline({ ...reach, signal });
  const text = `Cannot read ${quote(upload)}`;
  deadline.start({ text, step: "exchange" }, Infinity);
  const input = { ...transfer, signal: deadline.signal };
  const content = await openFile(upload, input);
  return { content, method: "PUT", headers: [] };
}

/** Sends the request, and writes the body of the response. */
async function fetchBody(transfer: Transfer, turn: Promise<unknown>) {
  const { upload, path, options: { timing }, output } = transfer;
  const url = buildUrl(transfer);
  const body = upload === "" ? transfer.body : await openUpload(transfer);
  const request = await readRequest(transfer, url, body);
  const sink = isStdout(path)
    ? new StreamSink(output, turn, path === "-")
    : await openDownload(path, url, transfer);
  if (sink === null) return;
  const task = { ...transfer, url, request, sink, turn };
  const response = await new Attempts(task).run()
    .finally(() => transfer.log.filename = sink.path);
  if (timing !== undefined) output.note(...drawTimings(response, timing));
}
