// Turns the options into a server that listens.

import {
  attempt,
  EXIT,
  failure,
  readText,
  systemError,
  usageError,
} from "../../command/errors.ts";
import { withoutUndefined } from "../../command/flags.ts";
import { quote } from "../../command/quote.ts";
import { HeaderFields } from "../../message/mod.ts";
import { addressBits } from "../../url/host.ts";
import { FORMATTERS } from "../access_log.ts";
import { openListener } from "../listen.ts";
import { withBasicAuth, withCors } from "../wrappers.ts";
import type { Handler } from "../handler.ts";
import { type HttpServer, serve, type ServeOptions } from "../serve.ts";
import type { ServerTraceEvent } from "../trace.ts";
import { serveDir, type ServeDirOptions } from "../serve_dir.ts";
import {
  checkFallback,
  checkReadable,
  parseUsers,
  secretFiles,
} from "./files.ts";
import type { Options } from "./options.ts";
import { explainEvent } from "./explain.ts";
import { warn } from "../_line_writer.ts";
import { stdout } from "./output.ts";

/** The last port that is tried if none was asked for. */
const LAST_PORT = 8_100;

/**
 * Starts the server that the user asked for, in this thread.
 *
 * @throws {CommandError} If options do not go together, there is nothing to
 *   serve, or listening fails.
 */
export async function start(options: Options): Promise<HttpServer> {
  if (options.unix !== undefined) await checkUnixSocket(options.unix);
  const serveOptions = await readServeOptions(options);
  const handler = await makeHandler(options);
  const listen = (port: number) => serve(handler, { ...serveOptions, port });
  return onFreePort(options, listen);
}

/** Finds the port that a server with these options can listen on. */
export function findPort(options: Options): number {
  const { host: hostname = "127.0.0.1" } = options;
  const listen = (port: number) => openListener({ hostname, port });
  using listener = onFreePort(options, listen);
  return (listener.addr as Deno.NetAddr).port;
}

/**
 * Listens on the port that was asked for, or on the first free one.
 *
 * @throws {CommandError} If that fails.
 */
function onFreePort<T>(options: Options, listen: (port: number) => T): T {
  const { unix, host = "127.0.0.1", port: fixedPort } = options;
  for (let port = fixedPort ?? 8_000;; port++) {
    try {
      return listen(port);
    } catch (error) {
      const place = unix === undefined ? `${host}, port ${port}` : quote(unix);
      const problem = listenError(`Cannot listen on ${place}`, error, options);
      const isBusy = error instanceof Deno.errors.AddrInUse;
      const isFixed = (fixedPort ?? unix) !== undefined || port === LAST_PORT;
      if (!isBusy || isFixed) throw problem;
      warn(`${problem.message}: trying ${port + 1}`);
    }
  }
}

/** Makes the error of a failed listen, in more words than the system's. */
function listenError(act: string, error: unknown, options: Options) {
  const { unix, cert = "", key = "" } = options;
  const { message } = error as Error;
  if (unix !== undefined && error instanceof Deno.errors.NotCapable) {
    const flags = `--allow-net --allow-read --allow-write=${quote(unix)}`;
    const command = `deno run ${flags} server/main.ts, not a task`;
    return failure(`${act}: that needs ${command}`);
  }
  if (unix !== undefined && error instanceof Deno.errors.AddrInUse) {
    return failure(`${act}: it is not a socket`);
  }
  if (cert !== "" && /\b(?:certificate|keys?)\b/i.test(message)) {
    const files = `--cert ${quote(cert)} with --key ${quote(key)}`;
    const expected = "expected a certificate and its unencrypted key in PEM";
    return failure(`Cannot use ${files}: ${expected} (${message})`);
  }
  return systemError(EXIT.failure, act, error);
}

/**
 * Makes sure that no server listens on a unix socket, because `serve` replaces
 * a socket that it finds.
 *
 * @throws {CommandError} If a server is there.
 */
async function checkUnixSocket(path: string): Promise<void> {
  const dialed = Deno.connect({ transport: "unix", path });
  const conn = await dialed.catch(() => null); // listening reports any fault
  if (conn === null) return;
  conn.close();
  const act = `Cannot listen on ${quote(path)}`;
  throw failure(`${act}: another server listens there`);
}

async function makeHandler(options: Options): Promise<Handler> {
  const { root, fallback, cors } = options;
  const path = options["auth-file"];
  const users = path && parseUsers(path, await readText(path, EXIT.failure));
  const dirOptions = readDirOptions(options);
  const act = `Cannot serve ${quote(root)}`;
  let handler = attempt(act, () => serveDir(root, dirOptions));
  // Files are opened by their real path
  attempt(act, () => checkReadable(Deno.realPathSync(root)));
  if (fallback !== undefined) checkFallback(fallback, options);
  if (users) handler = withBasicAuth(handler, users);
  // Around the password check, because preflights carry no password
  return cors === undefined ? handler : withCors(handler, { origin: cors });
}

function readDirOptions(options: Options): ServeDirOptions {
  const cacheTtl = options["cache-ttl"];
  return withoutUndefined<ServeDirOptions>({
    showDirListing: !options["no-dir-listing"],
    showDotfiles: options.dotfiles,
    followSymlinks: options["follow-symlinks"],
    cleanUrls: options["clean-urls"],
    withheld: secretFiles(options).map(({ path }) => path),
    fallback: options.fallback,
    maxAge: options["max-age"],
    urlRoot: options["url-root"],
    types: options.type && Object.fromEntries(options.type),
    cacheTtl: cacheTtl === undefined ? undefined : cacheTtl * 1_000,
    cacheSize: options["cache-size"],
  });
}

function makeHeaders(lines: Options["header"]): HeaderFields {
  const headers = new HeaderFields(lines);
  attempt("Cannot send fields", () => headers.toString(), EXIT.usage);
  return headers;
}

async function readServeOptions(options: Options): Promise<ServeOptions> {
  const { host, unix, cert, key, explain, quiet } = options;
  const { log = explain ? "none" : "common", workers = 1 } = options;
  const oneAtATime = options["one-at-a-time"];
  const printer = explain ? printEvent : oneAtATime ? printWaiting : undefined;
  const proxies = options["trusted-proxies"];
  if ((cert === undefined) !== (key === undefined)) {
    throw usageError("Cannot speak TLS: --cert and --key go together");
  }
  if (unix !== undefined && (host ?? options.port ?? cert) !== undefined) {
    const state = "--unix does not go with --host, --port or --cert";
    throw usageError(`Cannot listen: ${state}`);
  }
  const maxConnections = options["max-connections"];
  return withoutUndefined<ServeOptions>({
    hostname: host,
    reusePort: workers > 1,
    path: unix,
    cert: cert && await readText(cert, EXIT.failure),
    key: key && await readText(key, EXIT.failure),
    limits: maxConnections === undefined ? undefined : { maxConnections },
    allowedHosts: options["allowed-hosts"],
    headers: options.header && makeHeaders(options.header),
    log: log === "none" || quiet
      ? undefined
      : (entry) => stdout.write(FORMATTERS[log](entry)),
    trace: quiet ? undefined : printer,
    oneAtATime,
    onError: (error) => warn(errorLine(error)),
    isTrustedProxy: proxies && makeProxyCheck(proxies),
  });
}

function printEvent(event: ServerTraceEvent): void {
  stdout.write(explainEvent(event));
}

function printWaiting(event: ServerTraceEvent): void {
  if (event.type === "waiting" || event.type === "turn") printEvent(event);
}

/** Makes a function that checks whether an address is in one of the ranges. */
function makeProxyCheck(starts: readonly string[]) {
  return (address: string) => {
    const bits = addressBits(address) ?? "unix"; // only that has no address
    return starts.some((start) => bits.startsWith(start));
  };
}

/** Writes in one line what went wrong while a request was handled. */
function errorLine(error: unknown): string {
  return quote(error instanceof Error ? error.message : String(error));
}
