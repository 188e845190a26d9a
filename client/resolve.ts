import { quote } from "../message/_octets.ts";
import { addBrackets, isIpv4, parseHost } from "../url/host.ts";
import { untilAborted } from "./_connect/deadline.ts";
import { ClientError } from "./error.ts";
import type { ReachOptions } from "./options.ts";
import type { ResolvedHost } from "./trace.ts";

/**
 * How {@linkcode resolveHost} looks for addresses.
 *
 * @example Find only IPv6 addresses
 * ```ts
 * import { resolveHost, type ResolveOptions } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const options: ResolveOptions = { family: 6 };
 * const { addresses } = await resolveHost("localhost", 80, options);
 * assertEquals(addresses, ["::1"]);
 * ```
 *
 * @category Sockets
 */
export type ResolveOptions = Pick<
  ReachOptions,
  "family" | "resolve" | "signal"
>;

const LOCALHOST = ["127.0.0.1", "::1"];
const KEY_REGEXP = /^(?<host>.+):(?<port>\d{1,5})$/;
const LOCALHOST_REGEXP = /(?:^|\.)localhost\.?$/;
/** The file in which the system's resolver looks first. */
const HOSTS_FILE = "/etc/hosts";

/**
 * Finds the addresses of a host: in the host itself, in the `resolve` option,
 * or by the system's resolver, which reads the hosts file first, then asks DNS.
 *
 * `localhost` and the names below it are always this machine (RFC 6761 section
 * 6.3). Their IPv4 address comes first, because most servers listen there. For
 * other names, IPv6 and IPv4 addresses alternate (RFC 8305 section 4), starting
 * with the version that the system lists first.
 *
 * @param host The host, in any case or alphabet, IPv6 in brackets.
 * @param port The port, which selects the overrides.
 * @param options Overrides and family.
 * @returns The addresses.
 * @throws {ClientError} If there are none.
 * @throws {TypeError} If the host or a key of `resolve` is invalid.
 *
 * @example Usage
 * ```ts
 * import { resolveHost } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals((await resolveHost("[::1]", 80)).addresses, ["::1"]);
 * assertEquals((await resolveHost("localhost", 80)).addresses, [
 *   "127.0.0.1",
 *   "::1",
 * ]);
 * const resolve = { "example.org:80": "192.0.2.1" };
 * assertEquals((await resolveHost("example.org", 80, { resolve })).addresses, [
 *   "192.0.2.1",
 * ]);
 * ```
 *
 * @category Sockets
 */
export async function resolveHost(
  host: string,
  port: number,
  options: ResolveOptions = {},
): Promise<ResolvedHost> {
  const { family, resolve } = options;
  const name = host.startsWith("[") ? host : parseHost(host);
  const found = (resolve && findOverride(name, port, resolve)) ??
    literalAddresses(name);
  if (found === null) return await query(name, options);
  const addresses = found.addresses.filter((one) =>
    family === undefined || (family === 6) === one.includes(":")
  );
  if (addresses.length > 0) return { ...found, addresses };
  const reason = found.addresses.length === 0
    ? "the option resolve has no address for it"
    : `it has no IPv${family} address`;
  throw hostNotFound(name, reason);
}

/** Finds the caller's addresses; the keys may be in any case or alphabet. */
function findOverride(
  host: string,
  port: number,
  resolve: NonNullable<ResolveOptions["resolve"]>,
): ResolvedHost | null {
  const overrides = new Map(
    Object.entries(resolve).map(([key, value]) => [normalizeKey(key), value]),
  );
  const found = overrides.get(`${host}:${port}`) ?? overrides.get(`*:${port}`);
  if (found === undefined) return null;
  const addresses = [found].flat().filter((address) => address !== "");
  return { source: "override", addresses: addresses.map(bareHost) };
}

function normalizeKey(key: string): string {
  try {
    const { host = "", port } = KEY_REGEXP.exec(key)?.groups ?? {};
    return `${parseHost(addBrackets(host))}:${Number(port)}`;
  } catch (cause) {
    const act = `Cannot use key ${quote(key)} of resolve`;
    throw new TypeError(`${act}: expected host:port or *:port`, { cause });
  }
}

/** Returns the addresses of an IP address or a `localhost` name, else null. */
export function literalAddresses(host: string): ResolvedHost | null {
  const name = bareHost(host);
  if (name.includes(":") || isIpv4(name)) {
    return { source: "literal", addresses: [name] };
  }
  return LOCALHOST_REGEXP.test(name)
    ? { source: "localhost", addresses: LOCALHOST }
    : null;
}

/** Returns the host of a URL without the brackets of IPv6. */
export function bareHost(host: string): string {
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

async function query(
  name: string,
  { family, signal }: ResolveOptions,
): Promise<ResolvedHost> {
  try {
    // Deno loads Node's modules slowly, so import this one only when needed
    const { lookup } = await import("node:dns/promises");
    signal?.throwIfAborted(); // a lookup that has begun cannot be stopped
    const init = { all: true, family: family ?? 0, order: "verbatim" } as const;
    const searching = lookup(name, init);
    const found = await (signal ? untilAborted(searching, signal) : searching);
    const source = isInHostsFile(name) ? "hosts" : "system";
    return { addresses: interleave(found), source };
  } catch (error) {
    signal?.throwIfAborted();
    const { code, message } = error as { code?: string; message: string };
    if (code === "EPERM") {
      throw new Deno.errors.NotCapable(
        `Requires net access to "${name}", run again with the --allow-net flag`,
      );
    }
    const reason = code === "EAI_AGAIN"
      ? "DNS does not answer: maybe there is no network"
      : code !== "ENOTFOUND"
      ? message
      : family === undefined
      ? "this name has no address"
      : `this name has no IPv${family} address`;
    throw hostNotFound(name, reason, error);
  }
}

/** Whether the hosts file has a name; false if it cannot be read. */
function isInHostsFile(name: string): boolean {
  const permission = { name: "read", path: HOSTS_FILE } as const;
  if (Deno.permissions.querySync(permission).state !== "granted") return false;
  try {
    const lines = Deno.readTextFileSync(HOSTS_FILE).toLowerCase().split("\n");
    return lines.some((line) =>
      line.split("#")[0]!.split(/[ \t\r]+/).includes(name)
    );
  } catch {
    return false; // the system may still know the name
  }
}

/**
 * Returns each address once, alternating between the two families and starting
 * with the family that comes first (RFC 8305 section 4).
 */
function interleave(
  results: readonly { readonly address: string; readonly family: number }[],
): string[] {
  const families = Map.groupBy(results, ({ family }) => family);
  const [first = [], second = []] = families.values()
    .map((group) => [...new Set(group.map(({ address }) => address))]);
  return first.flatMap((address, i) => [address, ...second.slice(i, i + 1)])
    .concat(second.slice(first.length));
}

function hostNotFound(host: string, reason: string, cause?: unknown) {
  const text = `Cannot find host ${JSON.stringify(host)}: ${reason}`;
  const code = "host-not-found";
  return new ClientError(text, { code, step: "resolve", host, cause });
}
