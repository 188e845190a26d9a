import type { Url } from "../../url/url.ts";
import { usageError } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { readBodies } from "./body.ts";
import { openCookies, saveCookies } from "./cookies.ts";
import { savesBodyOnly } from "./download.ts";
import type { InputContext } from "./input.ts";
import type { Options } from "./options.ts";
import type { Output } from "./output.ts";
import { Progress } from "./progress.ts";
import { readClientOptions, readUrl } from "./request.ts";
import {
  performTransfer,
  type Transfer,
  type TransferContext,
  usesStdout,
} from "./transfer.ts";
import { Client } from "../client.ts";

/** At most this many transfers run at once with `--parallel`. */
const MAX_PARALLEL = 50;

/**
 * Runs the command: lists the transfers, and performs each of them.
 *
 * @param options What the user asked for.
 * @param context Where `@-` reads from, and what stops all transfers.
 * @param output Where to write.
 * @returns The exit code: that of the last transfer that failed, or 0.
 */
export async function fetchAll(
  options: Options,
  { stdin, signal }: InputContext,
  output: Output,
): Promise<number> {
  checkFlags(options);
  const transfers = await listTransfers(options, { stdin, signal });
  const cookies = await openCookies(options, { stdin, signal });
  await using client = new Client({
    ...await readClientOptions(options),
    ...(cookies === null ? {} : { cookies }),
    keepAlive: transfers.length > 1,
  });
  const exitCode = await performAll(transfers, {
    client,
    options,
    signal,
    output,
    progress: new Progress(output),
  });
  if (cookies !== null) await saveCookies(cookies, options, output);
  return exitCode;
}

/** One transfer for each URL. */
async function listTransfers(
  options: Options,
  context: InputContext,
): Promise<Transfer[]> {
  const urls = options.urls.map(readUrl);
  const bodies = await readBodies(options, context);
  return urls.map((url, index) => ({
    url: addressOf(url, options["upload-file"][index], bodies[index]!.query),
    body: bodies[index]!,
    output: options.output[index] ?? null,
  }));
}

/**
 * The URL to request: `-G` adds the data to its query, `-T` the name of the
 * file to its path.
 */
function addressOf(url: Url, upload = "-", query = ""): Url {
  const name = upload.slice(upload.lastIndexOf("/") + 1);
  if (name !== "-" && name !== "" && url.filename === "") {
    return url.with({ path: url.path + name.replaceAll("%", "%25") });
  }
  if (query === "") return url;
  return url.with({
    params: url.params === null ? query : `${url.params}&${query}`,
  });
}

/**
 * Performs the transfers, one after another or many at once, and returns the
 * exit code. What goes to stdout is written in the order of the transfers.
 */
async function performAll(
  transfers: readonly Transfer[],
  context: TransferContext,
): Promise<number> {
  const waiting = transfers.values();
  let exitCode = 0;
  let written: Promise<unknown> = Promise.resolve();
  const work = async () => {
    for (const transfer of waiting) {
      if (context.signal.aborted) return;
      const code = performTransfer(transfer, context, written);
      if (usesStdout(transfer)) written = Promise.all([written, code]);
      exitCode = await code || exitCode;
    }
  };
  const { parallel } = context.options;
  const count = parallel ? Math.min(transfers.length, MAX_PARALLEL) : 1;
  await Promise.all(Array.from({ length: count }, work));
  return exitCode;
}

function checkFlags(options: Options): void {
  const problem = options.insecure
    ? "Cannot skip the check of certificates: anyone on the way could read and change all, and Deno has no such mode for one connection; " +
      "trust the server's own CA with --cacert FILE, or run with --unsafely-ignore-certificate-errors=HOST"
    : describeResumeProblem(options);
  if (problem !== null) throw usageError(problem);
}

function describeResumeProblem(options: Options): string | null {
  const { "continue-at": at, output, urls } = options;
  if (at === undefined) return null;
  if (at !== "-") {
    return `Cannot go on at ${
      quote(at)
    }: only -C - is safe; -r ${at}- asks for the bytes from there`;
  }
  const isSaved = urls.every((_, index) => (output[index] ?? "-") !== "-");
  return isSaved && savesBodyOnly(options) && !options.compressed
    ? null
    : "Cannot go on with this download: -C - needs -o or -O, without -r, -i, -I and --compressed";
}
