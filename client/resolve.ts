import { isIpv4 } from "../url/ip_address.ts";
import { untilAborted } from "./_connect/deadline.ts";
import { ClientError } from "./error.ts";
import type { ReachOptions } from "./options.ts";

/** How {@linkcode resolveHost} looks for addresses. */
export type ResolveOptions = Pick<
  ReachOptions,
  "family" | "resolve" | "signal"
>;

/** The addresses of a host. */
export interface ResolvedHost {
  /**
   * The addresses in the order in which to try them, at least one, IPv6 without
   * brackets.
   */
  readonly addresses: readonly string[];
  /** Where they come from. */
  readonly source: "literal" | "override" | "localhost" | "dns" | "system";
}

const LOCALHOST = ["127.0.0.1", "::1"];
const LOCALHOST_REGEXP = /(?:^|\.)localhost\.?$/;

/**
 * Finds the addresses of a host: in the URL itself, in what the caller gave, or
 * by the hosts file and DNS.
 *
 * `localhost` and the names below it are this machine without asking anybody
 * (RFC 6761 section 6.3), IPv4 first, because that is where most servers
 * listen. Of other names IPv6 and IPv4 take turns (RFC 8305 section 4).
 *
 * @param host The host as a URL has it, IPv6 in brackets.
 * @param port The port, which matters for overrides.
 * @param options Overrides and family.
 * @returns The addresses.
 * @throws {ClientError} If there are none.
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
 */
export async function resolveHost(
  host: string,
  port: number,
  options: ResolveOptions = {},
): Promise<ResolvedHost> {
  return knownAddresses(host, port, options) ?? await search(host, options);
}

/** Finds addresses without asking anybody; null when that is not enough. */
function knownAddresses(
  host: string,
  port: number,
  { family, resolve }: ResolveOptions,
): ResolvedHost | null {
  const override = resolve?.[`${host}:${port}`] ?? resolve?.[`*:${port}`];
  if (override?.length === 0) {
    const why = "the option resolve has no address for it";
    throw hostNotFound(host, why, { port });
  }
  const found = override === undefined ? literalAddresses(host) : {
    source: "override" as const,
    addresses: [override].flat().map(bareHost),
  };
  if (found === null || family === undefined) return found;
  const addresses = found.addresses.filter((address) =>
    (family === 6) === address.includes(":")
  );
  if (addresses.length > 0) return { ...found, addresses };
  throw hostNotFound(host, `it has no IPv${family} address`, { port });
}

/** The addresses of a host that is one, or has them by its name alone. */
function literalAddresses(host: string): ResolvedHost | null {
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
  const options = signal && { signal };
  const [v6, v4] = await Promise.allSettled([
    family === 4 ? [] : Deno.resolveDns(name, "AAAA", options),
    family === 6 ? [] : Deno.resolveDns(name, "A", options),
  ]);
  signal?.throwIfAborted();
  const addresses = interleave(valueOf(v6), valueOf(v4));
  if (addresses.length > 0) return { addresses, source: "dns" };
  try {
    // Some names are known to the system alone, such as those of its name
    // service switch. Node's part of Deno is slow to load, so this waits until
    // it is needed
    const { lookup } = await import("node:dns/promises");
    const how = { all: true, family: family ?? 0, order: "verbatim" } as const;
    const searching = lookup(name, how);
    const found = await (signal ? untilAborted(searching, signal) : searching);
    const all = found.map(({ address }) => address);
    return { addresses: all, source: "system" };
  } catch (error) {
    signal?.throwIfAborted();
    const cause = v4.status === "rejected" ? v4.reason : error;
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    const why = cause instanceof Deno.errors.NotFound
      ? "no address has this name"
      : (cause as Error).message;
    throw hostNotFound(name, why, { cause });
  }
}

function valueOf(result: PromiseSettledResult<string[]>): string[] {
  return result.status === "fulfilled" ? result.value : [];
}

/** The first of each, the second of each, and so on (RFC 8305 section 4). */
function interleave(first: string[], second: string[]): string[] {
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
