// From the options to a server that listens.

import {
  attempt,
  CommandError,
  EXIT,
  usageError,
} from "../../command/errors.ts";
import { withoutUndefined } from "../../command/flags.ts";
import { quote } from "../../command/quote.ts";
import { type Credentials, HeaderFields } from "../../message/mod.ts";
import { accessLog } from "../access_log.ts";
import { withBasicAuth } from "../basic_auth.ts";
import { withCors } from "../cors.ts";
import type { Handler } from "../handler.ts";
import { type HttpServer, serve, type ServeOptions } from "../serve.ts";
import { serveDir, type ServeDirOptions } from "../serve_dir.ts";
import { printStep, withExplanation } from "./banner.ts";
import type { Options } from "./options.ts";

const DEFAULT_PORT = 8_000;
/** The last one that is tried when none was asked for. */
const LAST_PORT = 8_100;

/**
 * Starts the server that the user asked for.
 *
 * @param options What the user asked for.
 * @param reusePort Whether other threads listen on the same port.
 * @throws {CommandError} If options do not go together, there is nothing to
 *   serve, or the address cannot be listened on.
 */
export function start(options: Options, reusePort = false): HttpServer {
  const handler = makeHandler(options);
  const serveOptions = { ...readServeOptions(options), reusePort };
  const { unix, host = "127.0.0.1", port: asked } = options;
  const listen = (place: string, port: number) =>
    attempt(
      `Cannot listen on ${place}`,
      () => serve(handler, { ...serveOptions, port }),
    );
  if (unix !== undefined) return listen(quote(unix), 0);
  for (let port = asked ?? DEFAULT_PORT;; port++) {
    try {
      return listen(`${host}, port ${port}`, port);
    } catch (error) {
      const isBusy = error instanceof CommandError &&
        error.cause instanceof Deno.errors.AddrInUse;
      if (!isBusy || asked !== undefined || port === LAST_PORT) throw error;
      console.error(`${error.message}: trying ${port + 1}`);
    }
  }
}

/**
 * Makes sure that nobody listens on a unix socket, since `serve` takes one that
 * it finds for one left over.
 *
 * @throws {CommandError} If a server is there.
 */
export async function checkUnixSocket(path: string): Promise<void> {
  try {
    const conn = await Deno.connect({ transport: "unix", path });
    conn.close();
  } catch {
    return; // Nobody is there; listening tells what else may be wrong with it
  }
  throw new CommandError(
    EXIT.failure,
    `Cannot listen on ${quote(path)}: another server listens there`,
  );
}

function makeHandler(options: Options): Handler {
  const { root, fallback, cors, explain } = options;
  const dirOptions = readDirOptions(options);
  let handler = attempt(
    `Cannot serve ${quote(root)}`,
    () => serveDir(root, dirOptions),
  );
  if (fallback !== undefined) {
    attempt(
      `Cannot serve ${quote(fallback)}`,
      () => Deno.statSync(`${root}/${fallback}`),
    );
  }
  const users = options["auth-file"];
  if (users !== undefined) handler = withBasicAuth(handler, readUsers(users));
  // Outside the password: a browser asks for leave without one
  if (cors !== undefined) handler = withCors(handler, { origin: cors });
  return explain ? withExplanation(handler) : handler;
}

function readDirOptions(options: Options): ServeDirOptions {
  const cacheTtl = options["cache-ttl"];
  return withoutUndefined<ServeDirOptions>({
    showDirListing: !options["no-dir-listing"],
    showDotfiles: options.dotfiles,
    followSymlinks: options["follow-symlinks"],
    cleanUrls: options["clean-urls"],
    headers: makeHeaders(options.header),
    fallback: options.fallback,
    maxAge: options["max-age"],
    cacheTtl: cacheTtl === undefined ? undefined : cacheTtl * 1_000,
    explain: options.explain ? printStep : undefined,
  });
}

function makeHeaders(lines: Options["header"]): HeaderFields {
  const headers = new HeaderFields(lines);
  try {
    headers.toString();
  } catch (error) {
    throw usageError((error as Error).message);
  }
  return headers;
}

function readServeOptions(options: Options): ServeOptions {
  const { host, unix, cert, key, log = "common" } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw usageError("Cannot speak TLS: --cert and --key go together");
  }
  if (unix !== undefined && (host ?? options.port ?? cert) !== undefined) {
    throw usageError(
      "Cannot listen: --unix goes with none of --host, --port and --cert",
    );
  }
  const maxConnections = options["max-connections"];
  const hosts = options["allowed-hosts"];
  return withoutUndefined<ServeOptions>({
    hostname: host,
    path: unix,
    cert: cert === undefined ? undefined : readText(cert),
    key: key === undefined ? undefined : readText(key),
    limits: maxConnections === undefined ? undefined : { maxConnections },
    allowedHosts: hosts === "*" ? hosts : hosts?.split(","),
    log: log === "none" || options.quiet
      ? undefined
      : accessLog(log, Deno.stdout),
    onError: (error) => console.error(errorLine(error)),
  });
}

/** One line for what went wrong while a request was handled. */
function errorLine(error: unknown): string {
  return quote(error instanceof Error ? error.message : String(error));
}

/**
 * Reads lines of `user:password`; empty lines and those that start with `#`
 * are left out.
 */
function readUsers(path: string): Credentials[] {
  const users: Credentials[] = [];
  for (const [index, line] of readText(path).split(/\r?\n/).entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const [, username, password] = /^([^:]+):(.*)$/s.exec(line) ?? [];
    if (username === undefined) {
      throw new CommandError(
        EXIT.failure,
        `Cannot read ${quote(path)}: line ${index + 1} is not "user:password"`,
      );
    }
    users.push({ username, password: password! });
  }
  if (users.length > 0) return users;
  throw new CommandError(
    EXIT.failure,
    `Cannot read ${quote(path)}: it names no user`,
  );
}

function readText(path: string): string {
  return attempt(
    `Cannot read ${quote(path)}`,
    () => Deno.readTextFileSync(path),
  );
}
