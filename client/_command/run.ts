import type { CookieJar } from "tough-cookie";
import type { Url } from "../../url/url.ts";
import { parseCount } from "./args.ts";
import { type CommandBody, readBody, readData } from "./body.ts";
import { openDownload } from "./download.ts";
import { CommandError, EXIT, systemError } from "../../command/errors.ts";
import { escapeControls, quote } from "../../command/quote.ts";
import { explainFailure } from "./failure.ts";
import type { Options } from "./flags.ts";
import {
  type BodySink,
  type CommandIo,
  type Output,
  StdoutSink,
} from "./output.ts";
import { Progress } from "./progress.ts";
import {
  findCredentials,
  readClientOptions,
  readFields,
  readUrl,
} from "./request.ts";
import { drawTimings } from "./timing.ts";
import { performTransfer, type TransferContext } from "./transfer.ts";
import { Client } from "../client.ts";
import type { RequestOptions } from "../options.ts";

/** As many transfers run at once by `--parallel`. */
const MAX_PARALLEL = 50;
const ODD_NAME_REGEXP = /^[.-]/;

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
  const body = await readBody(options, stdin);
  const query = options.get
    ? new TextDecoder().decode(await readData(options, stdin))
    : "";
  const urls = options.urls.map((text) =>
    placeOf(readUrl(text), options, query)
  );
  const jar = await openCookies(options);
  const common = await readClientOptions(options);
  await using client = new Client({
    ...common,
    ...(jar === null ? {} : { cookies: jar }),
    keepAlive: urls.length > 1,
  });
  const context: TransferContext = {
    client,
    options,
    signal,
    retries: parseCount("retry", options.retry ?? "0"),
    output,
    progress: new Progress(output),
  };
  const code = await new TransferQueue(context, body).run(urls);
  if (jar !== null && options["cookie-jar"] !== undefined) {
    await saveCookies(jar, options["cookie-jar"], output);
  }
  return code;
}

/** The transfers of one run. */
class TransferQueue {
  readonly #context: TransferContext;
  readonly #body: CommandBody;
  #exitCode = 0;
  /** Resolves when the bodies so far have gone to stdout. */
  #bodies: Promise<unknown> = Promise.resolve();

  constructor(context: TransferContext, body: CommandBody) {
    this.#context = context;
    this.#body = body;
  }

  async run(urls: readonly Url[]): Promise<number> {
    const queue = urls.entries();
    const worker = async () => {
      for (const [index, url] of queue) {
        if (!this.#context.signal.aborted) await this.#next(url, index);
      }
    };
    const { parallel } = this.#context.options;
    const count = parallel ? Math.min(urls.length, MAX_PARALLEL) : 1;
    await Promise.all(Array.from({ length: count }, worker));
    return this.#exitCode;
  }

  /** Lets the bodies go to stdout in the order of the URLs. */
  async #next(url: Url, index: number): Promise<void> {
    const name = this.#context.options.output[index] ?? null;
    const before = this.#bodies;
    const transfer = this.#transfer(url, name, before);
    if (name === null || name === "-") {
      this.#bodies = Promise.all([before, transfer]);
    }
    await transfer;
  }

  async #transfer(
    url: Url,
    name: string | null,
    turn: Promise<unknown>,
  ): Promise<void> {
    const { options, output, progress } = this.#context;
    try {
      const request = await readRequest(options, url, this.#body);
      const sink = name === null || name === "-"
        ? new StdoutSink(output, { isRaw: name === "-", turn })
        : await openFile(name, url, options);
      const transfer = { url, request, sink };
      const response = await performTransfer(transfer, this.#context);
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

async function readRequest(
  options: Options,
  url: Url,
  body: CommandBody,
): Promise<RequestOptions> {
  const credentials = await findCredentials(options, url);
  return {
    method: options.request ?? body.method,
    ...readFields(options, body.headers),
    ...(credentials === null ? {} : { credentials }),
    ...(body.content === undefined ? {} : { body: body.content }),
  };
}

async function openFile(
  name: string,
  url: Url,
  options: Options,
): Promise<BodySink> {
  const resumes = options["continue-at"] !== undefined;
  const isNamedByUrl = name === "";
  if (
    isNamedByUrl && (url.filename === "" || ODD_NAME_REGEXP.test(url.filename))
  ) {
    throw new CommandError(
      EXIT.writeError,
      `Cannot name a file ${quote(url.filename)}, as in the URL: use -o NAME`,
    );
  }
  return await openDownload(isNamedByUrl ? url.filename : name, {
    url: url.with({ username: "", password: "", fragment: null }).href,
    replaces: !isNamedByUrl || resumes,
    resumes,
    isPlain: !options.include && !options.head && options.range === undefined,
  });
}

/**
 * The URL that is asked for: `-G` adds the data to it, `-T` the name of the
 * file.
 */
function placeOf(url: Url, options: Options, query: string): Url {
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

async function openCookies(options: Options): Promise<CookieJar | null> {
  const files = options.cookie.filter((value) => !value.includes("="));
  if (files.length === 0 && options["cookie-jar"] === undefined) return null;
  const { openJar } = await import("./cookies.ts");
  return await openJar(files);
}

async function saveCookies(
  jar: CookieJar,
  path: string,
  output: Output,
): Promise<void> {
  const { writeJar } = await import("./cookies.ts");
  const text = await writeJar(jar);
  if (path === "-") {
    return await output.print(output.isTerminal ? escapeControls(text) : text);
  }
  try {
    // Cookies open sessions, so nobody else may read them
    await Deno.writeTextFile(path, text, { mode: 0o600 });
  } catch (error) {
    throw systemError(EXIT.writeError, `Cannot write ${quote(path)}`, error);
  }
}
