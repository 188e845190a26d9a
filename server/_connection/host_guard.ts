// DNS rebinding: a page from evil.example, whose name is then pointed at
// 127.0.0.1, could read what a server shows to this machine only. Its requests
// still carry `Host: evil.example`, so a server on loopback answers to local
// names alone.

import { hostName } from "../../message/host.ts";
import { isIpv4 } from "../../url/ip_address.ts";

/**
 * Judges the Host field of requests: the status to refuse it with, null to go
 * on.
 */
export type HostGuard = (host: string) => 400 | 421 | null;

/**
 * Makes the guard of a server.
 *
 * @param hostname What the server listens on; null for a unix socket, which no
 *   page can reach.
 * @param allowed Names to answer to besides; `"*"` for all.
 */
export function makeHostGuard(
  hostname: string | null,
  allowed: readonly string[] | "*",
): HostGuard {
  const names = allowed === "*" || hostname === null || !isLoopback(hostname)
    ? null
    : new Set(allowed.map((name) => name.toLowerCase()));
  let lastGood = ""; // a client asks under the same name again and again
  return (host) => {
    if (host === lastGood) return null;
    const name = hostName(host)?.toLowerCase();
    if (name === undefined) return 400;
    if (
      names !== null && !isLocal(name) && !names.has(name) &&
      !names.has(host.toLowerCase())
    ) return 421;
    lastGood = host;
    return null;
  };
}

/** Whether no DNS answer could have led a browser to this name. */
function isLocal(name: string): boolean {
  return name === "" || name.startsWith("[") || isIpv4(name) ||
    isLocalhost(name);
}

/** Whether a server on this address can be reached from this machine only. */
export function isLoopback(hostname: string): boolean {
  return isLocalhost(hostname) || hostname.startsWith("127.") ||
    hostname === "::1" || hostname === "[::1]";
}

function isLocalhost(name: string): boolean {
  const bare = name.endsWith(".") ? name.slice(0, -1) : name;
  return bare === "localhost" || bare.endsWith(".localhost");
}
