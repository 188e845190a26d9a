import type { Url } from "../../url/url.ts";
import { attempt, EXIT, ifExists, usageError } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { encodeValue, readBody } from "./body.ts";
import { type Cookies, usesCookies } from "./cookies.ts";
import { savesBodyOnly } from "./download.ts";
import { fillReferences, Glob } from "./glob.ts";
import { type Input, readInputText } from "./input.ts";
import type { Options } from "./options.ts";
import type { Output } from "./output.ts";
import { makeFolder } from "./part_file.ts";
import type { Progress } from "./progress.ts";
import { readReach } from "./request.ts";
import { TransferLog } from "./transfer_log.ts";
import type { Client } from "../client.ts";
import { addProtocol, parseTypedUrl } from "../route.ts";

/** What the transfers between two `--next` share. */
type Operation = Awaited<ReturnType<typeof readOperation>>;

/** One URL, what is sent to it, and where the body of the response goes. */
export interface Transfer extends Operation, Input {
  /** Sends the requests. */
  readonly client: Client;
  /** Where to write. */
  readonly output: Output;
  /** Shows how much has been received. */
  readonly progress: Progress;
  /** The URL to request, as the user wrote it. */
  readonly typedUrl: string;
  /** The index of its URL argument in the operation, from 0. */
  readonly urlIndex: number;
  /** Its number among all transfers, from 1. */
  readonly ordinal: number;
  /** The file of `-T`; `""` for none. */
  readonly upload: string;
  /**
   * The file for the body, or `""` for the name in the URL. Null is stdout, and
   * so is `-`, which sends even a body that is not text to a terminal.
   */
  readonly path: string | null;
  /** What happened so far. */
  readonly log: TransferLog;
}

/** Whether anything of the response goes to stdout. */
export function usesStdout({ path, options }: Transfer): boolean {
  return isStdout(path) || options["dump-header"] === "-";
}

/** Whether a body goes to stdout. */
export function isStdout(path: string | null): path is null | "-" {
  return path === null || path === "-";
}

/**
 * Returns the URL to request. Adds params to its query, and the name of an
 * uploaded file to a path without a file name.
 */
export function buildUrl({ typedUrl, upload, queries }: Transfer): Url {
  const url = parseTypedUrl(typedUrl);
  // A URL with a query already says what it means
  const isComplete = url.filename !== "" || url.params !== null;
  const name = upload.slice(upload.lastIndexOf("/") + 1);
  const suffix = isComplete || name === "-" ? "" : encodeURIComponent(name);
  const old = url.params ? [url.params] : [];
  const params = [...old, ...queries].join("&") || url.params;
  return url.with({ path: url.path + suffix, params });
}

/** Reads what all transfers of an operation share. */
async function readOperation(options: Options, cookies: Cookies | null) {
  const { "dump-header": heads = "-", "etag-save": etag = "-" } = options;
  const files = [heads, etag].filter((path) => path !== "-");
  if (options["create-dirs"]) await Promise.all(files.map(makeFolder));
  const reach = await readReach(options);
  const { "write-out": format = "", input } = options;
  const body = await readBody(options);
  const queries = await Array.fromAsync(
    options["url-query"],
    (text) => text.startsWith("+") ? text.slice(1) : encodeValue(text, input),
  );
  return {
    /** What the user asked for. */
    options,
    /** How to reach hosts. */
    reach: cookies && usesCookies(options) ? { ...reach, cookies } : reach,
    /** The body for URLs that have no file of `-T`. */
    body,
    /** The texts to add to the query of each URL. */
    queries: [...body.queries ?? [], ...queries].filter(Boolean),
    /** The text to write after each transfer. */
    format: format.startsWith("@")
      ? (await readInputText(format.slice(1), input)).replaceAll(/[\r\n]/g, "")
      : format,
  };
}

/**
 * Reads an operation, and pairs its URLs with the files of `-T` and `-o`.
 *
 * @throws {CommandError} If its flags make no sense, or a file cannot be read.
 */
export async function listArguments(options: Options, cookies: Cookies | null) {
  const { "upload-file": uploads, ...flags } = options;
  const operation = await readOperation(options, cookies);
  const urls = await listUrls(options);
  if (urls.length > 1 && (flags["etag-save"] ?? flags["etag-compare"])) {
    throw usageError("Cannot use one ETag for several URLs: use --next");
  }
  if (uploads.length > urls.length) {
    const path = quote(uploads[urls.length]!);
    throw usageError(`Cannot upload ${path}: there is no URL for it`);
  }
  const args = urls.map(({ url, isListed }, urlIndex) => ({
    operation,
    urlIndex,
    urls: new Glob(url, flags.globoff || isListed),
    uploads: new Glob(uploads[urlIndex] ?? "", flags.globoff),
    path: flags.output[urlIndex] ??
      (isListed || flags["remote-name-all"] ? "" : null),
  }));
  checkResume(options, !args.some(({ path }) => isStdout(path)));
  return args;
}

/** @throws {CommandError} If `-C` would damage a file or makes no sense. */
function checkResume(options: Options, isSaved: boolean): void {
  const { "continue-at": at } = options;
  if (at === undefined) return;
  if (at !== "-") {
    const reason = `only -C - is safe; use -r ${at}- for the bytes from there`;
    throw usageError(`Cannot resume at ${quote(at)}: ${reason}`);
  }
  if (isSaved && savesBodyOnly(options) && !options.compressed) return;
  throw usageError(
    "Cannot resume this download: -C - needs -o or -O, and no -r, -i, -I or --compressed",
  );
}

/** Lists the URLs, including those in `@FILE`, which are not globs. */
async function listUrls({ urls, input }: Options) {
  const lists = await Array.fromAsync(urls, async (url) => {
    if (!url.startsWith("@")) return { url, isListed: false };
    const text = await readInputText(url.slice(1), input);
    return text.split("\n").map((line) => line.trim())
      .filter((line) => /^[^#]/.test(line))
      .map((url) => ({ url, isListed: true }));
  });
  return lists.flat();
}

/** Empties or creates a file. A pipe is opened only to be written to. */
function emptyFile(path: string): void {
  attempt(`Cannot write ${quote(path)}`, () => {
    const found = ifExists(() => Deno.statSync(path));
    if (!found?.isFifo) Deno.writeTextFileSync(path, "");
  }, EXIT.writeError);
}

/** Yields all transfers. Each file of `-T` is sent to each URL of its glob. */
export function* listTransfers(
  args: Awaited<ReturnType<typeof listArguments>>,
  shared: Input & Pick<Transfer, "client" | "output" | "progress">,
): Generator<Transfer> {
  let ordinal = 0;
  for (const { operation, urlIndex, urls, uploads, path } of args) {
    const { "dump-header": dump = "-" } = operation.options;
    if (urlIndex === 0 && dump !== "-") emptyFile(dump);
    for (let index = 0; index < urls.count * uploads.count; index++) {
      const url = urls.at(index % urls.count);
      const upload = uploads.at(Math.floor(index / urls.count));
      const protocol = operation.options["proto-default"];
      const { captures } = url.captures.length > 0 ? url : upload;
      yield {
        ...shared,
        ...operation,
        urlIndex,
        ordinal: ++ordinal,
        typedUrl: protocol ? addProtocol(url.text, protocol) : url.text,
        upload: upload.text === "." ? "-" : upload.text,
        path: path && fillReferences(path, captures),
        log: new TransferLog(),
      };
    }
  }
}
