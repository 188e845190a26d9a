import { quote } from "../message/_octets.ts";
import { addBrackets, isIpv4, parseHost } from "../url/host.ts";
import { untilAborted } from "./_connect/deadline.ts";
import { ClientError } from "./error.ts";
import type { ReachOptions } from "./options.ts";

/**
 * How {@linkcode resolveHost} looks for addresses.
 *
 * @example Addresses of IPv6 alone
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

/**
 * The addresses of a host.
 *
 * @example Whether the system was asked
 * ```ts
 * import { type ResolvedHost, resolveHost } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const wasAsked = ({ source }: ResolvedHost) =>
 *   source === "hosts" || source === "system";
 * assertEquals(wasAsked(await resolveHost("app.localhost", 80)), false);
 * ```
 *
 * @category Sockets
 */
export interface ResolvedHost {
  /**
   * The addresses in the order in which to try them, at least one, IPv6 without
   * brackets.
   */
  readonly addresses: readonly string[];
  /**
   * Where they come from: `"hosts"` where the hosts file has the name and may
   * be read, `"system"` for all else that the system's resolver told.
   */
  readonly source: "literal" | "override" | "localhost" | "hosts" | "system";
}

const LOCALHOST = ["127.0.0.1", "::1"];
const KEY_REGEXP = /^(?<host>.+):(?<port>\d{1,5})$/;
const LOCALHOST_REGEXP = /(?:^|\.)localhost\.?$/;
/** Where the system's resolver looks first. */
const HOSTS_FILE = "/etc/hosts";

/**
 * Finds the addresses of a host: in the URL itself, in what the caller gave, or
 * by the system's resolver, which reads the hosts file first and then asks DNS.
 *
 * `localhost` and the names below it are this machine without asking anybody
 * (RFC 6761 section 6.3), IPv4 first, because that is where most servers
 * listen. Of other names IPv6 and IPv4 take turns (RFC 8305 section 4),
 * beginning with the one that the system puts first.
 *
 * @param host The host, in any case or alphabet, IPv6 in brackets.
 * @param port The port, which matters for overrides.
 * @param options Overrides and family.
 * @returns The addresses.
 * @throws {ClientError} If there are none.
 * @throws {TypeError} If the host, or a key of `resolve`, cannot be one.
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
  const name = host.startsWith("[") ? host : parseHost(host);
  return knownAddresses(name, port, options) ?? await search(name, options);
}

/** Finds addresses without asking anybody; null when that is not enough. */
function knownAddresses(
  host: string,
  port: number,
  { family, resolve = {} }: ResolveOptions,
): ResolvedHost | null {
  const override = overrideOf(host, port, resolve);
  const found = override ?? literalAddresses(host);
  if (found === null) return null;
  const addresses = found.addresses.filter((address) =>
    family === undefined || (family === 6) === address.includes(":")
  );
  if (addresses.length > 0) return { ...found, addresses };
  const why = found.addresses.length === 0
    ? "the option resolve has no address for it"
    : `it has no IPv${family} address`;
  throw hostNotFound(host, why, { port });
}

/** What the caller gave for a host; the keys may be in any case or alphabet. */
function overrideOf(
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
    const name = host === "*" ? host : parseHost(addBrackets(host));
    return `${name}:${Number(port)}`;
  } catch (cause) {
    const what = `Cannot use key ${quote(key)} of resolve`;
    throw new TypeError(`${what}: expected host:port or *:port`, { cause });
  }
}

/** The addresses of a host that is one, or has them by its name alone. */
export function literalAddresses(host: string): ResolvedHost | null {
  const name = bareHost(host);
  if (name.includes(":") || isIpv4(name)) {
    return { source: "literal", addresses: [name] };
  }
  return LOCALHOST_REGEXP.test(name)
    ? { source: "localhost", addresses: LOCALHOST }
    : null;
}

/** The host of a URL without the brackets of IPv6. */
export function bareHost(host: string): string {
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

async function search(
  name: string,
  { family, signal }: ResolveOptions,
): Promise<ResolvedHost> {
  try {
    // Node's part of Deno is slow to load, so this waits until it is needed
    const { lookup } = await import("node:dns/promises");
    const how = { all: true, family: family ?? 0, order: "verbatim" } as const;
    const searching = lookup(name, how);
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
    const why = code === "EAI_AGAIN"
      ? "DNS gives no answer now: maybe there is no network"
      : code !== "ENOTFOUND"
      ? message
      : family === undefined
      ? "no address has this name"
      : `no IPv${family} address has this name`;
    throw hostNotFound(name, why, { cause: error });
  }
}

/** Whether the hosts file has a name; false where it may not be read. */
function isInHostsFile(name: string): boolean {
  const wanted = { name: "read", path: HOSTS_FILE } as const;
  if (Deno.permissions.querySync(wanted).state !== "granted") return false;
  try {
    const lines = Deno.readTextFileSync(HOSTS_FILE).toLowerCase().split("\n");
    return lines.some((line) =>
      line.split("#")[0]!.split(/[ \t\r]+/).includes(name)
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * An address of the first family, one of the other, and so on (RFC 8305 section
 * 4), each once.
 */
function interleave(
  found: readonly { readonly address: string; readonly family: number }[],
): string[] {
  const families = Map.groupBy(found, ({ family }) => family);
  const [first = [], second = []] = families.values().map((
    those,
  ) => [...new Set(those.map(({ address }) => address))]);
  const length = Math.max(first.length, second.length);
  return Array.from({ length }, (_, i) => [first[i], second[i]]).flat()
    .filter((address) => address !== undefined);
}

function hostNotFound(
  host: string,
  why: string,
  place: { readonly port?: number; readonly cause?: unknown },
): ClientError {
  const text = `Cannot find host ${JSON.stringify(host)}: ${why}`;
  const what = { code: "host-not-found", step: "resolve", host } as const;
  return new ClientError(text, { ...what, ...place });
}
