// Judges a request by its head, before anything is done for it.

import { hostName } from "../../message/target.ts";
import { quote } from "../../message/_octets.ts";
import {
  isValidHost,
  MessageError,
  parseTarget,
  type Persistence,
  persistence,
  requestFraming,
  type RequestHead,
  type RequestTarget,
} from "../../message/mod.ts";
import { isIpv4, unmapped } from "../../url/host.ts";
import { HttpError } from "../http_response.ts";
import { warn } from "../_line_writer.ts";
import type { IoContext } from "./connection_io.ts";

/** What a head asks for, once it was found to be in order. */
export interface AdmittedRequest {
  /** The head itself. */
  readonly head: RequestHead;
  /** The parts of its target. */
  readonly target: RequestTarget;
  /** How many bytes of a body follow it. */
  readonly bodyLength: number;
  /** Whether the client waits with its body for a `100 Continue`. */
  readonly expectsContinue: boolean;
  /**
   * What becomes of the connection afterwards: kept, because the client asks
   * for it; kept, because HTTP/1.1 does (implicit); or closed.
   */
  readonly persistence: Persistence;
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
  server: IoContext,
): AdmittedRequest {
  if (head.method === "CONNECT") {
    const expected = "another method: CONNECT is for proxies";
    throw new HttpError(501, "Cannot connect: that is for proxies", expected);
  }
  const target = parseTarget(head.method, head.target);
  checkHost(head, target, server);
  const framing = requestFraming(head);
  if (framing.kind === "none") checkBodyIsNotMissing(head);
  const bodyLength = framing.kind === "length" ? framing.length : 0;
  return {
    head,
    target,
    bodyLength,
    expectsContinue: expectsContinue(head),
    persistence: persistenceOf(head),
  };
}

/** The methods that bring a body (RFC 1945 section 8.3, RFC 5789; QUERY). */
const BODY_METHODS = new Set(["POST", "PUT", "PATCH", "QUERY"]);

/**
 * RFC 1945 section 8.3: of a POST of HTTP/1.0 without a length nobody can tell
 * whether a body follows, and some clients stream one then (hyper does, after a
 * kept response of HTTP/1.0). Stored as empty it would be lost.
 */
function checkBodyIsNotMissing({ method, version }: RequestHead): void {
  if (version === "1.0" && BODY_METHODS.has(method)) {
    throw new MessageError(
      "length-required",
      `Cannot read body of ${method}: HTTP/1.0 needs a Content-Length`,
    );
  }
}

/** RFC 9110 section 10.1.1: only a client of HTTP/1.1 may wait for a 100. */
function expectsContinue({ version, headers }: RequestHead): boolean {
  return version !== "1.0" &&
    headers.get("expect")?.toLowerCase() === "100-continue";
}

/**
 * RFC 9112 section 3.2: one valid Host, which HTTP/1.0 may leave out; two come
 * joined with a comma, and so are invalid. An absolute-form outdoes it.
 */
function checkHost(
  head: RequestHead,
  target: RequestTarget,
  { guard, protocol }: IoContext,
): void {
  const host = head.headers.get("host");
  if (host === null && head.version !== "1.0") {
    const expected =
      "a Host field, as HTTP/1.1 needs it (RFC 9112 section 3.2)";
    throw new HttpError(400, "Cannot read Host: it is missing", expected);
  }
  guard(target.host ?? host ?? "");
  if (host !== null && target.host !== null && !isValidHost(host)) {
    throw invalidHost(host);
  }
  if (target.protocol !== null && target.protocol !== protocol) {
    const message = "Cannot serve URL: it is of the other protocol";
    throw new HttpError(421, message, `a URL that begins with ${protocol}://`);
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
 * Makes the guard of a server: it judges the Host field of a request, and
 * throws an {@linkcode HttpError} if that is invalid (400), or names another
 * server (421).
 *
 * @param hostname The address that was bound; null for a unix socket, which no
 *   page can reach, but a proxy may hand on what one asked for.
 * @param allowed Names to answer to besides; `"*"` for all. Where there are
 *   some, the guard stands on every address, and on a unix socket.
 */
export function makeHostGuard(
  hostname: string | null,
  allowed: readonly string[] | "*",
): IoContext["guard"] {
  const isGuarded = allowed !== "*" &&
    (allowed.length > 0 || hostname !== null && isLoopback(hostname));
  const names = isGuarded ? new Set(allowed.map(canonicalName)) : null;
  let isTold = false;
  return (host) => {
    const given = hostName(host);
    if (given === null) throw invalidHost(host);
    const name = canonicalName(given);
    if (
      names !== null && !isLocal(name) && !names.has(name) &&
      !names.has(canonicalName(host))
    ) {
      if (!isTold) warn(adviceFor(name));
      isTold = true;
      throw new HttpError(
        421,
        `Cannot serve ${quote(host)}: it is not among the allowed hosts`,
        `a host of --allowed-hosts, which ${quote(host)} is not`,
      );
    }
  };
}

/**
 * Names are the same in any case, and with the dot of the DNS root, also before
 * a port.
 */
function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.(?=:\d*$|$)/, "");
}

/**
 * Told once: behind a proxy nothing works until somebody reads it. It gives no
 * flag with the name to be copied into a shell, since the name is a stranger's.
 */
function adviceFor(name: string): string {
  const what = `Refused a request for host ${quote(name)}`;
  return `${what}, which could come from any page (DNS rebinding): if it is a ` +
    "name of this server, allow it with --allowed-hosts (allowedHosts of serve)";
}

/** The error for a Host that is doubled, or matches no grammar. */
function invalidHost(host: string): HttpError {
  return new HttpError(
    400,
    `Cannot parse Host ${quote(host)}: it is invalid`,
    "one Host field, such as example.org:8000 (RFC 9112 section 3.2)",
  );
}

/** Whether no DNS answer could have led a browser to this name. */
function isLocal(name: string): boolean {
  return name === "" || name.startsWith("[") || isIpv4(name) ||
    name === "localhost" || name.endsWith(".localhost");
}

/** Whether a server on this address can be reached from this machine only. */
export function isLoopback(address: string): boolean {
  return unmapped(address).startsWith("127.") || address === "::1";
}
