import type { CookieJar } from "tough-cookie";
import type { Url } from "../../url/url.ts";
import { parseCount } from "./args.ts";
import { type CommandBody, readBody, readData } from "./body.ts";
import { type CommandIo, type Console, escapeControls } from "./console.ts";
import { openDownload } from "./download.ts";
import { CommandError } from "./error.ts";
import { explainFailure } from "./failure.ts";
import { fileError } from "./files.ts";
import type { Options } from "./flags.ts";
import { Progress } from "./progress.ts";
import {
  findCredentials,
  readClientOptions,
  readFields,
  readUrl,
} from "./request.ts";
import { StdoutTarget, type Target } from "./target.ts";
import { type Session, transfer } from "./transfer.ts";
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
 * @param console Where to write.
 * @returns The exit code: that of the last transfer that failed, or 0.
 */
export async function fetchAll(
  options: Options,
  { stdin, signal = new AbortController().signal }: CommandIo,
  console: Console,
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
  const session: Session = {
    client,
    options,
    signal,
    retries: parseCount("retry", options.retry ?? "0"),
    console,
    progress: new Progress(console),
  };
  const code = await new Run(session, body).all(urls);
  if (jar !== null && options["cookie-jar"] !== undefined) {
    await saveCookies(jar, options["cookie-jar"], console);
  }
  return code;
}

/** The transfers of one run. */
class Run {
  readonly #session: Session;
  readonly #body: CommandBody;
  #exitCode = 0;
  /** Resolves when the bodies before have gone to stdout. */
  #turn: Promise<void> = Promise.resolve();

  constructor(session: Session, body: CommandBody) {
    this.#session = session;
    this.#body = body;
  }

  async all(urls: readonly Url[]): Promise<number> {
    const queue = urls.entries();
    const worker = async () => {
      for (const [index, url] of queue) {
        if (!this.#session.signal.aborted) await this.#one(url, index);
      }
    };
    const { parallel } = this.#session.options;
    const count = parallel ? Math.min(urls.length, MAX_PARALLEL) : 1;
    // A worker takes its first URL at once, so stdout has the bodies in the
    // order of the URLs
    await Promise.all(Array.from({ length: count }, worker));
    return this.#exitCode;
  }

  async #one(url: Url, index: number): Promise<void> {
    const { options, console, progress } = this.#session;
    const { promise, resolve } = Promise.withResolvers<void>();
    const output = options.output[index] ?? null;
    const turn = this.#turn;
    if (output === null || output === "-") {
      this.#turn = turn.then(() => promise);
    }
    try {
      const request = await readRequest(options, url, this.#body);
      const target = output === null || output === "-"
        ? new StdoutTarget(console, { isRaw: output === "-", turn })
        : await openTarget(output, url, options);
      await transfer({ url, request, target }, this.#session);
    } catch (error) {
      const { exitCode, lines } = explainFailure(error);
      this.#exitCode = exitCode;
      const isQuiet = options.silent && !options["show-error"];
      if (!isQuiet) lines.forEach((line) => console.note(line));
    } finally {
      progress.clear();
      resolve();
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

async function openTarget(
  output: string,
  url: Url,
  options: Options,
): Promise<Target> {
  const resumes = options["continue-at"] !== undefined;
  const isNamedByUrl = output === "";
  if (
    isNamedByUrl && (url.filename === "" || ODD_NAME_REGEXP.test(url.filename))
  ) {
    throw new CommandError(
      23,
      `Cannot name a file "${url.filename}", as in the URL: use -o NAME`,
    );
  }
  return await openDownload(isNamedByUrl ? url.filename : output, {
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
      2,
      "Cannot skip the check of certificates: anyone on the way could read and change all, and Deno has no such mode for one connection; " +
        "trust the server's own CA with --cacert FILE, or run with --unsafely-ignore-certificate-errors=HOST",
    );
  }
  const at = options["continue-at"];
  if (at === undefined) return;
  if (at !== "-") {
    throw new CommandError(
      2,
      `Cannot go on at "${at}": only -C - is safe; -r ${at}- asks for the bytes from there`,
    );
  }
  const isPlain = options.range === undefined && !options.include &&
    !options.head && !options.compressed;
  if (
    !isPlain ||
    options.urls.some((_, index) => (options.output[index] ?? "-") === "-")
  ) {
    throw new CommandError(
      2,
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
  console: Console,
): Promise<void> {
  const { writeJar } = await import("./cookies.ts");
  const text = await writeJar(jar);
  if (path === "-") {
    return await console.print(console.showsBody ? escapeControls(text) : text);
  }
  try {
    // Cookies open sessions, so nobody else may read them
    await Deno.writeTextFile(path, text, { mode: 0o600 });
  } catch (error) {
    throw fileError(23, `Cannot write "${path}"`, error);
  }
}
