import type { Url } from "../../url/url.ts";
import { CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { readBody } from "./body.ts";
import { openCookies, saveCookies } from "./cookies.ts";
import { explainFailure } from "./failure.ts";
import type { Options } from "./flags.ts";
import type { CommandIo, Output } from "./output.ts";
import { Progress } from "./progress.ts";
import { drawTimings } from "./report.ts";
import { readClientOptions, readUrl } from "./request.ts";
import {
  performTransfer,
  type Transfer,
  type TransferContext,
  usesStdout,
} from "./transfer.ts";
import { Client } from "../client.ts";

/** As many transfers run at once by `--parallel`. */
const MAX_PARALLEL = 50;

/**
 * Fetches all URLs.
 *
 * @param options What the user asked for.
 * @param io Where `@-` reads from, and what stops all.
 * @param output Where to write.
 * @returns The exit code: that of the last transfer that failed, or 0.
 */
export async function fetchAll(
  options: Options,
  { stdin, signal = new AbortController().signal }: CommandIo,
  output: Output,
): Promise<number> {
  checkFlags(options);
  const transfers = await listTransfers(options, stdin);
  const cookies = await openCookies(options);
  await using client = new Client({
    ...await readClientOptions(options),
    ...(cookies === null ? {} : { cookies }),
    keepAlive: transfers.length > 1,
  });
  const queue = new TransferQueue({
    client,
    options,
    signal,
    retries: options.retry ?? 0,
    output,
    progress: new Progress(output),
  });
  const exitCode = await queue.run(transfers);
  if (cookies !== null) await saveCookies(cookies, options, output);
  return exitCode;
}

/** One transfer for each URL; all of them send the same. */
async function listTransfers(
  options: Options,
  stdin: CommandIo["stdin"],
): Promise<Transfer[]> {
  const body = await readBody(options, stdin);
  return options.urls.map((text, index) => ({
    url: addressOf(readUrl(text), options, body.query),
    body,
    output: options.output[index] ?? null,
  }));
}

/**
 * The URL that is asked for: `-G` adds the data to it, `-T` the name of the
 * file.
 */
function addressOf(url: Url, options: Options, query = ""): Url {
  const upload = options["upload-file"] ?? "-";
  if (upload !== "-" && url.filename === "") {
    const name = upload.slice(upload.lastIndexOf("/") + 1)
      .replaceAll("%", "%25");
    return url.with({ path: url.path + name });
  }
  if (query === "") return url;
  return url.with({
    params: url.params === null ? query : `${url.params}&${query}`,
  });
}

/** Makes the transfers, one after another or many at once. */
class TransferQueue {
  readonly #context: TransferContext;
  #exitCode = 0;
  /** Resolves when the bodies so far have gone to stdout. */
  #written: Promise<unknown> = Promise.resolve();

  constructor(context: TransferContext) {
    this.#context = context;
  }

  /** Returns the exit code of the last transfer that failed, or 0. */
  async run(transfers: readonly Transfer[]): Promise<number> {
    const waiting = transfers.values();
    const { parallel } = this.#context.options;
    const count = parallel ? Math.min(transfers.length, MAX_PARALLEL) : 1;
    const workers = Array.from({ length: count }, () => this.#work(waiting));
    await Promise.all(workers);
    return this.#exitCode;
  }

  /** Those to stdout wait for each other in the order in which they begin. */
  async #work(waiting: Iterable<Transfer>): Promise<void> {
    for (const transfer of waiting) {
      if (this.#context.signal.aborted) return;
      const turn = this.#written;
      const done = this.#perform(transfer, turn);
      if (usesStdout(transfer)) this.#written = Promise.all([turn, done]);
      await done;
    }
  }

  async #perform(transfer: Transfer, turn: Promise<unknown>): Promise<void> {
    const { options, output, progress } = this.#context;
    try {
      const response = await performTransfer(transfer, this.#context, turn);
      if (options.timing) {
        drawTimings(response).forEach((line) => output.note(line));
      }
    } catch (error) {
      const { exitCode, lines } = explainFailure(error);
      this.#exitCode = exitCode;
      const isQuiet = options.silent && !options["show-error"];
      if (!isQuiet) lines.forEach((line) => output.note(line));
    } finally {
      progress.clear();
    }
  }
}

function checkFlags(options: Options): void {
  if (options.insecure) {
    throw new CommandError(
      EXIT.usage,
      "Cannot skip the check of certificates: anyone on the way could read and change all, and Deno has no such mode for one connection; " +
        "trust the server's own CA with --cacert FILE, or run with --unsafely-ignore-certificate-errors=HOST",
    );
  }
  const at = options["continue-at"];
  if (at === undefined) return;
  if (at !== "-") {
    throw new CommandError(
      EXIT.usage,
      `Cannot go on at ${
        quote(at)
      }: only -C - is safe; -r ${at}- asks for the bytes from there`,
    );
  }
  const isPlain = options.range === undefined && !options.include &&
    !options.head && !options.compressed;
  if (
    !isPlain ||
    options.urls.some((_, index) => (options.output[index] ?? "-") === "-")
  ) {
    throw new CommandError(
      EXIT.usage,
      "Cannot go on with this download: -C - needs -o or -O, without -r, -i, -I and --compressed",
    );
  }
}
