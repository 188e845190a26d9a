import { usageError } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { readBody } from "./body.ts";
import { openCookies, saveCookies, usesCookies } from "./cookies.ts";
import { savesBodyOnly } from "./download.ts";
import { fillReferences, Glob } from "./glob.ts";
import { type InputContext, readInputText } from "./input.ts";
import type { Options } from "./options.ts";
import type { Output } from "./output.ts";
import { Progress } from "./progress.ts";
import { findUrl, readClientOptions } from "./request.ts";
import {
  type Operation,
  type Transfer,
  type TransferContext,
  usesStdout,
} from "./operation.ts";
import { performTransfer } from "./transfer.ts";
import { encodeValue } from "./urlencode.ts";
import { Client } from "../client.ts";
import type { CookieStore } from "../options.ts";

/** At most this many transfers run at once with `--parallel`. */
const MAX_PARALLEL = 50;

/** A transfer, and what it shares with others. */
type Planned = Transfer & { readonly operation: Operation };

/** One URL of the command line, which may stand for several transfers. */
interface Source {
  readonly operation: Operation;
  /** Its place among the URLs of the operation, from 0. */
  readonly number: number;
  readonly urls: Glob;
  readonly uploads: Glob;
  /** As in {@linkcode Transfer}, with references to the globs. */
  readonly output: string | null;
}

/**
 * Runs the command: lists the transfers, and performs each of them.
 *
 * @param operations What the user asked for.
 * @param input Where `@-` reads from, and what stops all transfers.
 * @param output Where to write.
 * @returns The exit code: that of the last transfer that failed, or 0.
 */
export async function fetchAll(
  operations: readonly [Options, ...Options[]],
  input: InputContext,
  output: Output,
): Promise<number> {
  const cookies = await openCookies(operations, input);
  const all: Source[] = [];
  for (const options of operations) {
    checkResume(options);
    if (options.verbose || options.explain) {
      output.note(...options.notes.map((note) => `* ${note}`));
    }
    const operation = await readOperation(options, input, cookies);
    all.push(...await listSources(operation, input));
  }
  // Nothing is asked for while there is something wrong with a URL
  const wrong = all.filter(({ urls }) => findUrl(urls.at(0).text) === null);
  const sources = wrong.length > 0 ? wrong : all;
  const count = sources.reduce(
    (sum, { urls, uploads }) => sum + urls.count * uploads.count,
    0,
  );
  const { parallel, "parallel-max": most = MAX_PARALLEL } = operations[0];
  await using client = new Client({ keepAlive: count > 1 });
  const progress = new Progress(output);
  const exitCode = await performAll(
    listTransfers(sources),
    { client, output, progress, ...input },
    parallel ? Math.min(count, most) : 1,
  );
  for (const options of cookies === null ? [] : operations) {
    await saveCookies(cookies!, options, output);
  }
  return exitCode;
}

/** Reads what all transfers of an operation share. */
async function readOperation(
  options: Options,
  input: InputContext,
  cookies: CookieStore | null,
): Promise<Operation> {
  const reach = await readClientOptions(options);
  const format = options["write-out"] ?? null;
  const body = await readBody(options, input);
  const queries = await Array.fromAsync(
    options["url-query"],
    (text) => text.startsWith("+") ? text.slice(1) : encodeValue(text, input),
  );
  if (body.query !== undefined) queries.unshift(body.query);
  return {
    options,
    reach: cookies !== null && usesCookies(options)
      ? { ...reach, cookies }
      : reach,
    body,
    queries,
    format: format?.startsWith("@")
      ? await readInputText(format.slice(1), input)
      : format,
  };
}

/** Pairs the URLs of an operation with the files of `-T` and `-o`. */
async function listSources(
  operation: Operation,
  input: InputContext,
): Promise<Source[]> {
  const { globoff, output, "upload-file": uploads } = operation.options;
  const lines = await listUrls(operation.options, input);
  if (uploads.length > lines.length) {
    const path = quote(uploads[lines.length]!);
    throw usageError(`Cannot upload ${path}: there is no URL for it`);
  }
  return lines.map(({ url, isListed }, number) => ({
    operation,
    number,
    urls: new Glob(url, globoff || isListed),
    uploads: new Glob(uploads[number] ?? "", globoff),
    output: output[number] ?? (isListed ? "" : null),
  }));
}

/** The URLs, with those of the files of `@FILE`, which are no globs. */
async function listUrls(
  { urls }: Options,
  input: InputContext,
): Promise<{ url: string; isListed: boolean }[]> {
  const lists = await Array.fromAsync(urls, async (url) => {
    if (!url.startsWith("@")) return { url, isListed: false };
    const text = await readInputText(url.slice(1), input);
    return text.split("\n").map((line) => line.trim())
      .filter((line) => /^[^#]/.test(line))
      .map((url) => ({ url, isListed: true }));
  });
  return lists.flat();
}

/** Each file of `-T` goes to each URL of its glob. */
function* listTransfers(sources: readonly Source[]): Generator<Planned> {
  for (const { operation, number, urls, uploads, output } of sources) {
    for (let index = 0; index < urls.count * uploads.count; index++) {
      const url = urls.at(index % urls.count);
      const upload = uploads.at(Math.floor(index / urls.count));
      const captures = new Map([...upload.captures, ...url.captures]);
      yield {
        operation,
        number,
        url: url.text,
        upload: upload.text,
        output: output && fillReferences(output, captures),
      };
    }
  }
}

/**
 * Performs the transfers, so many at once, and returns the exit code. What goes
 * to stdout is written in the order of the transfers.
 */
async function performAll(
  transfers: Generator<Planned>,
  shared: Omit<TransferContext, keyof Operation>,
  count: number,
): Promise<number> {
  let exitCode = 0;
  let written: Promise<unknown> = Promise.resolve();
  const work = async () => {
    for (const transfer of transfers) {
      if (shared.signal.aborted) return;
      const context = { ...shared, ...transfer.operation };
      const code = performTransfer(transfer, context, written);
      if (usesStdout(transfer)) written = Promise.all([written, code]);
      exitCode = await code || exitCode;
    }
  };
  await Promise.all(Array.from({ length: count }, work));
  return exitCode;
}

/** @throws {CommandError} If `-C` would damage a file, or make no sense. */
function checkResume(options: Options): void {
  const { "continue-at": at, output, urls } = options;
  if (at === undefined) return;
  if (at !== "-") {
    const reason = `only -C - is safe; -r ${at}- asks for the bytes from there`;
    throw usageError(`Cannot go on at ${quote(at)}: ${reason}`);
  }
  const isSaved = urls.every((url, index) =>
    (output[index] ?? (url.startsWith("@") ? "" : "-")) !== "-"
  );
  if (isSaved && savesBodyOnly(options) && !options.compressed) return;
  throw usageError(
    "Cannot go on with this download: -C - needs -o or -O, without -r, -i, -I and --compressed",
  );
}
