import type { Credentials } from "../../message/credentials.ts";
import { parseUrl, type Url } from "../../url/url.ts";
import { badValue, parseBytes, parseCount, parseSeconds } from "./args.ts";
import { CommandError } from "./error.ts";
import { readTextFile, readVariable } from "./files.ts";
import type { Options } from "./flags.ts";
import { findInNetrc } from "./netrc.ts";
import type { ClientOptions } from "../options.ts";
import { proxyFromEnvironment } from "../proxy_rules.ts";

const VARIABLES = [
  "http_proxy",
  "https_proxy",
  "HTTPS_PROXY",
  "all_proxy",
  "ALL_PROXY",
  "no_proxy",
  "NO_PROXY",
];
const PROTOCOL_REGEXP = /^[a-z][a-z\d+.-]*:\/\//i;
const HEADER_REGEXP = /^([^:;]+)(?::[ \t]*(.*)|;)$/s;
const RESOLVE_REGEXP = /^\+?((?:\[[^\]]+\]|[^:[]+):\d{1,5}):(.+)$/;
const RANGE_REGEXP = /^\d*-\d*(?:,\d*-\d*)*$/;
const IDLE_TIMEOUT = 30_000;
/**
 * A year: a download may take longer than the hour that is usual for requests.
 */
const NO_TIMEOUT = 31_536_000_000;

/**
 * Reads a URL as the user may write it: without a protocol it gets `http://`.
 */
export function readUrl(text: string): Url {
  return parseUrl(PROTOCOL_REGEXP.test(text) ? text : `http://${text}`);
}

/**
 * Reads the flags that tell how to reach a host, and how long to wait.
 *
 * @throws {CommandError} If a value is of the wrong form, or a file cannot be
 *   read.
 */
export async function readClientOptions(
  options: Options,
): Promise<ClientOptions> {
  const {
    "max-time": time,
    "connect-timeout": connectTime,
    "max-redirs": redirects,
    "max-filesize": size,
    cacert,
    cert,
    key,
  } = options;
  const variable = await readProxyVariables(options.noproxy !== undefined);
  const timeout = time && parseSeconds("max-time", time);
  return withoutUndefined<ClientOptions>({
    redirect: options.location ? "follow" : "manual",
    maxRedirects: redirects && parseCount("max-redirs", redirects),
    maxBodyBytes: size && parseBytes("max-filesize", size),
    timeout: timeout || NO_TIMEOUT,
    idleTimeout: Math.max(timeout || 0, IDLE_TIMEOUT),
    connectTimeout: connectTime && parseSeconds("connect-timeout", connectTime),
    decode: options.compressed,
    proxy: options.proxy ?? proxyFromEnvironment(variable),
    noProxy: options.noproxy ?? variable("no_proxy") ?? variable("NO_PROXY"),
    family: options.ipv6 ? 6 : options.ipv4 ? 4 : undefined,
    resolve: options.resolve.length === 0
      ? undefined
      : readResolve(options.resolve),
    unixSocket: options["unix-socket"],
    caCerts: cacert && [await readTextFile(cacert, 77)],
    cert: cert && await readTextFile(cert, 58),
    key: cert && await readTextFile(key ?? cert, 58),
  });
}

/**
 * Reads the flags that become fields of the request. A later one of the same
 * name is one more field, as for curl; the usual ones come first.
 *
 * @param options The flags.
 * @param usual The fields that go with the body.
 * @returns The fields to send, and the names of those that are left out.
 * @throws {CommandError} If a field is of the wrong form.
 */
export function readFields(
  options: Options,
  usual: readonly (readonly [string, string])[],
): { headers: [string, string][]; omit: string[] } {
  const { range, cookie, "user-agent": userAgent } = options;
  const headers: [string, string][] = [];
  const omit: string[] = [];
  for (const line of options.header) {
    const [, name, value] = HEADER_REGEXP.exec(line) ?? [];
    if (name === undefined) throw badValue("header", line, '"Name: value"');
    if (value === "") omit.push(name);
    else headers.push([name, value ?? ""]);
  }
  const isOwn = (name: string) =>
    [...headers.map(([own]) => own), ...omit]
      .some((own) => own.toLowerCase() === name.toLowerCase());
  const offer = (name: string, value: string | undefined) => {
    if (value !== undefined && !isOwn(name)) headers.push([name, value]);
  };
  for (const [name, value] of usual) offer(name, value);
  if (userAgent === "") omit.push("User-Agent");
  else offer("User-Agent", userAgent);
  if (range !== undefined && !RANGE_REGEXP.test(range)) {
    throw badValue("range", range, "bytes, such as 0-499 or -500");
  }
  offer("Range", range && `bytes=${range}`);
  const given = cookie.filter((text) => text.includes("="));
  if (given.length > 0) headers.push(["Cookie", given.join("; ")]);
  return { headers, omit };
}

/**
 * Finds user and password for a URL: those of `-u`, or of the netrc file for
 * exactly this host.
 *
 * @throws {CommandError} If `-u` has no password, or the netrc file cannot be
 *   read.
 */
export async function findCredentials(
  { user, netrc }: Options,
  url: Url,
): Promise<Credentials | null> {
  if (user !== undefined) {
    const colon = user.indexOf(":");
    if (colon < 0) {
      throw badValue("user", user, "NAME:PASSWORD, where either may be empty");
    }
    return { username: user.slice(0, colon), password: user.slice(colon + 1) };
  }
  if (!netrc || url.username !== "") return null;
  const home = await readVariable("HOME");
  if (home === undefined) {
    throw new CommandError(
      26,
      "Cannot find ~/.netrc: run with --allow-env=HOME",
    );
  }
  return findInNetrc(await readTextFile(`${home}/.netrc`), url.hostname);
}

/**
 * The variables that name proxies; those that name exceptions are not read
 * where a flag does.
 */
async function readProxyVariables(
  hasExceptions: boolean,
): Promise<(name: string) => string | undefined> {
  const values = new Map<string, string | undefined>();
  for (const name of VARIABLES) {
    if (hasExceptions && name.toLowerCase() === "no_proxy") continue;
    values.set(name, await readVariable(name));
  }
  return (name) => values.get(name);
}

function readResolve(entries: readonly string[]): Record<string, string[]> {
  const resolve: Record<string, string[]> = {};
  for (const entry of entries) {
    const [, place, addresses] = RESOLVE_REGEXP.exec(entry) ?? [];
    if (place === undefined) {
      throw badValue("resolve", entry, "HOST:PORT:IP");
    }
    resolve[place.toLowerCase()] = addresses!.split(",");
  }
  return resolve;
}

/** An absent option is not the same as one that is `undefined`. */
function withoutUndefined<T extends object>(
  options: { readonly [name in keyof T]: T[name] | undefined | "" },
): T {
  const entries = Object.entries(options);
  const present = entries.filter(([, value]) =>
    value !== undefined && value !== ""
  );
  return Object.fromEntries(present) as T;
}
