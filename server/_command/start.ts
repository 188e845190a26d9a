// From the flags to a server that listens.

import { attempt, CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import {
  type Credentials,
  HeaderFields,
  type HeaderFieldsInit,
} from "../../message/mod.ts";
import { accessLog, type AccessLogFormat } from "../access_log.ts";
import { withBasicAuth } from "../basic_auth.ts";
import { withCors } from "../cors.ts";
import type { Handler } from "../handler.ts";
import { type HttpServer, serve, type ServeOptions } from "../serve.ts";
import { serveDir } from "../serve_dir.ts";
import { printStep, withExplanation } from "./explain.ts";
import type { Flags } from "./flags.ts";

const DEFAULT_PORT = 8_000;
/** How many ports are tried when none was asked for. */
const MAX_PORTS = 100;

/**
 * Starts the server that the flags ask for.
 *
 * @param flags The flags as given.
 * @param options Whether other threads listen on the same port.
 * @throws {CommandError} If a value makes no sense.
 * @throws {CommandError} If there is nothing to serve, or the address cannot be
 *   listened on.
 */
export function start(
  flags: Flags,
  { reusePort = false }: { readonly reusePort?: boolean } = {},
): HttpServer {
  const handler = makeHandler(flags);
  const options = { ...serveOptions(flags), reusePort };
  const port = wholeNumber(flags, "port", 65_535);
  if (flags.unix !== undefined) {
    return attempt(
      EXIT.failure,
      `Cannot listen on ${quote(flags.unix)}`,
      () => serve(handler, options),
    );
  }
  const hostname = options.hostname ?? "127.0.0.1";
  for (let offset = 0;; offset++) {
    const tried = (port ?? DEFAULT_PORT) + offset;
    try {
      return attempt(
        EXIT.failure,
        `Cannot listen on ${hostname}, port ${tried}`,
        () => serve(handler, { ...options, port: tried }),
      );
    } catch (error) {
      const isBusy = error instanceof CommandError &&
        error.cause instanceof Deno.errors.AddrInUse;
      if (!isBusy || port !== undefined || offset === MAX_PORTS) throw error;
      console.error(`${error.message}: trying ${tried + 1}`);
    }
  }
}

/**
 * Makes sure that nobody listens on a unix socket, since `serve` takes one that
 * it finds for one left behind.
 *
 * @throws {CommandError} If a server is there.
 */
export async function checkUnixSocket(path: string): Promise<void> {
  try {
    const conn = await Deno.connect({ transport: "unix", path });
    conn.close();
  } catch {
    return; // nobody is there; what else may be wrong with the path, listening tells
  }
  throw new CommandError(
    EXIT.failure,
    `Cannot listen on ${quote(path)}: another server listens there`,
  );
}

function makeHandler(flags: Flags): Handler {
  const { fallback, cors, explain } = flags;
  const maxAge = wholeNumber(flags, "max-age", 31_536_000);
  const cacheTtl = wholeNumber(flags, "cache-ttl", 86_400);
  const options = {
    showDirListing: !flags["no-dir-listing"],
    showDotfiles: flags.dotfiles,
    followSymlinks: flags["follow-symlinks"],
    cleanUrls: flags["clean-urls"],
    headers: readHeaders(flags.header),
    ...(fallback === undefined ? {} : { fallback }),
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(cacheTtl === undefined ? {} : { cacheTtl: cacheTtl * 1_000 }),
    ...(explain ? { explain: printStep } : {}),
  };
  const files = attempt(
    EXIT.failure,
    `Cannot serve ${quote(flags.root)}`,
    () => serveDir(flags.root, options),
  );
  if (fallback !== undefined) {
    attempt(
      EXIT.failure,
      `Cannot serve ${quote(fallback)}`,
      () => Deno.statSync(`${flags.root}/${fallback}`),
    );
  }
  const users = flags["auth-file"] === undefined
    ? null
    : readUsers(flags["auth-file"]);
  const guarded = users === null ? files : withBasicAuth(files, users);
  // A browser asks for leave without a password
  const shared = cors === undefined
    ? guarded
    : withCors(guarded, { origin: cors });
  return explain ? withExplanation(shared) : shared;
}

function serveOptions(flags: Flags): ServeOptions {
  const { host, unix, cert, key, quiet } = flags;
  if ((cert === undefined) !== (key === undefined)) {
    throw new CommandError(
      EXIT.usage,
      "Cannot speak TLS: --cert and --key go together",
    );
  }
  if (unix !== undefined && (host ?? flags.port ?? cert) !== undefined) {
    throw new CommandError(
      EXIT.usage,
      "Cannot listen: --unix goes with none of --host, --port and --cert",
    );
  }
  const maxConnections = wholeNumber(flags, "max-connections", 1_000_000);
  const format = logFormat(flags.log ?? "common");
  const names = flags["allowed-hosts"];
  return {
    ...(host === undefined ? {} : { hostname: host }),
    ...(unix === undefined ? {} : { path: unix }),
    ...(cert === undefined || key === undefined
      ? {}
      : { cert: readText(cert), key: readText(key) }),
    ...(maxConnections === undefined ? {} : { limits: { maxConnections } }),
    ...(names === undefined
      ? {}
      : { allowedHosts: names === "*" ? "*" : names.split(",") }),
    ...(format === null || quiet
      ? {}
      : { log: accessLog(format, Deno.stdout) }),
    onError: (error) => console.error(errorLine(error)),
  };
}

/** One line for what went wrong in answering a request. */
function errorLine(error: unknown): string {
  return quote(error instanceof Error ? error.message : String(error));
}

const WHOLE_NUMBER_REGEXP = /^\d{1,9}$/;

/**
 * Reads a flag that is a number.
 *
 * @throws {CommandError} If it is not a whole number from 0, or 1 for a count, to
 *   the maximum.
 */
export function wholeNumber(
  flags: Flags,
  name: "port" | "max-age" | "cache-ttl" | "max-connections" | "workers",
  max: number,
): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const min = name === "max-connections" || name === "workers" ? 1 : 0;
  const number = WHOLE_NUMBER_REGEXP.test(text) ? Number(text) : -1;
  if (number >= min && number <= max) return number;
  throw new CommandError(
    EXIT.usage,
    `Cannot read --${name} ${
      quote(text)
    }: expected a whole number from ${min} to ${max}`,
  );
}

const LOG_FORMATS = ["none", "common", "combined", "json"] as const;

function logFormat(text: string): AccessLogFormat | null {
  const format = LOG_FORMATS.find((known) => known === text);
  if (format !== undefined) return format === "none" ? null : format;
  throw new CommandError(
    EXIT.usage,
    `Cannot read --log ${quote(text)}: expected ${LOG_FORMATS.join(", ")}`,
  );
}

function readHeaders(lines: readonly string[]): HeaderFieldsInit {
  const headers = new HeaderFields();
  for (const line of lines) {
    const [, name, value] = /^([^:]*):[ \t]*(.*?)[ \t]*$/s.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      throw new CommandError(
        EXIT.usage,
        `Cannot read --header ${quote(line)}: expected "Name: value"`,
      );
    }
    headers.append(name, value);
  }
  try {
    headers.toString();
  } catch (error) {
    throw new CommandError(EXIT.usage, (error as Error).message);
  }
  return headers;
}

/**
 * Reads lines of `user:password`; empty lines and such as start with `#` are
 * left out.
 */
function readUsers(path: string): Credentials[] {
  const users: Credentials[] = [];
  for (const [index, line] of readText(path).split(/\r?\n/).entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    if (colon < 1) {
      throw new CommandError(
        EXIT.failure,
        `Cannot read ${quote(path)}: line ${index + 1} is not "user:password"`,
      );
    }
    users.push({
      username: line.slice(0, colon),
      password: line.slice(colon + 1),
    });
  }
  if (users.length > 0) return users;
  throw new CommandError(
    EXIT.failure,
    `Cannot read ${quote(path)}: it names no user`,
  );
}

function readText(path: string): string {
  return attempt(
    EXIT.failure,
    `Cannot read ${quote(path)}`,
    () => Deno.readTextFileSync(path),
  );
}
