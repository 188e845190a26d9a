// DNS rebinding: a page from evil.example, whose name is then pointed at
// 127.0.0.1, could read what a server shows to this machine only. Its requests
// still carry `Host: evil.example`, so a server on loopback answers to local
// names alone.

import { hostName } from "../../message/host.ts";
import { quote } from "../../message/_octets.ts";
import { isIpv4 } from "../../url/ip_address.ts";
import { HttpError } from "../_http_error.ts";

/**
 * Judges the Host field of a request; throws an {@linkcode HttpError} if it is
 * invalid (400), or names another server (421).
 */
export type HostGuard = (host: string) => void;

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
    if (host === lastGood) return;
    const name = hostName(host)?.toLowerCase();
    if (name === undefined) throw invalidHost(host);
    if (
      names !== null && !isLocal(name) && !names.has(name) &&
      !names.has(host.toLowerCase())
    ) {
      throw new HttpError(
        421,
        `Cannot serve ${quote(host)}: it is not among the allowed hosts`,
      );
    }
    lastGood = host;
  };
}

/** The error for a Host that is doubled, or matches no grammar. */
export function invalidHost(host: string): HttpError {
  return new HttpError(400, `Cannot parse Host ${quote(host)}: it is invalid`);
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
