// Judges a request by its head, before anything is done for it.

import { hostName } from "../../message/target.ts";
import { quote } from "../../message/_octets.ts";
import {
  isValidHost,
  parseTarget,
  type Persistence,
  persistence,
  requestFraming,
  type RequestHead,
  type RequestTarget,
} from "../../message/mod.ts";
import { isIpv4 } from "../../url/ip_address.ts";
import { HttpError } from "../_http_error.ts";

/** What a head asks for, once it was found to be in order. */
export interface AdmittedRequest {
  /** The parts of its target. */
  readonly target: RequestTarget;
  /** How many bytes of a body follow it. */
  readonly bodyLength: number;
  /**
   * What becomes of the connection afterwards: kept, because the client asks
   * for it; kept, because HTTP/1.1 does (implicit); or closed.
   */
  readonly persistence: Persistence;
}

/** What a server admits. */
export interface AdmissionRules {
  /** The protocol of the listening socket. */
  readonly protocol: "http" | "https";
  /** Judges the host. */
  readonly guard: HostGuard;
}

/**
 * Judges what the head says of the whole message: its target, its host, where
 * its body ends, and what becomes of the connection.
 *
 * It depends on nothing but the head and the rules of the server.
 *
 * @throws {MessageError | HttpError} With the status to refuse the request
 *   with.
 */
export function admit(
  head: RequestHead,
  rules: AdmissionRules,
): AdmittedRequest {
  if (head.method === "CONNECT") {
    throw new HttpError(501, "Cannot connect: that is for proxies");
  }
  const target = parseTarget(head.method, head.target);
  checkHost(head, target, rules);
  const framing = requestFraming(head);
  const bodyLength = framing.kind === "length" ? framing.length : 0;
  return { target, bodyLength, persistence: persistenceOf(head) };
}

/**
 * RFC 9112 section 3.2: one valid Host, which HTTP/1.0 may leave out; two come
 * joined with a comma, and so are invalid. An absolute-form outdoes it.
 */
function checkHost(
  head: RequestHead,
  target: RequestTarget,
  { guard, protocol }: AdmissionRules,
): void {
  const host = head.headers.get("host");
  if (host === null && head.version !== "1.0") {
    throw new HttpError(400, "Cannot read Host: it is missing");
  }
  guard(target.host ?? host ?? "");
  if (host !== null && target.host !== null && !isValidHost(host)) {
    throw invalidHost(host);
  }
  if (target.protocol !== null && target.protocol !== protocol) {
    throw new HttpError(421, "Cannot serve URL: it is of the other protocol");
  }
}

/**
 * Nothing said means kept in HTTP/1.1 (RFC 9112 section 9.3), and closed in
 * HTTP/1.0.
 */
function persistenceOf(head: RequestHead): Persistence {
  const asked = persistence(head.headers);
  const isClosed = head.bareLf ||
    (asked === "implicit" && head.version === "1.0");
  return isClosed ? "close" : asked;
}

// DNS rebinding: a page from evil.example, whose name is then pointed at
// 127.0.0.1, could read what a server shows to this machine only. Its requests
// still carry `Host: evil.example`, so a server on loopback answers to local
// names alone.

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
function invalidHost(host: string): HttpError {
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
