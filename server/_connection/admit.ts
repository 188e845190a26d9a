// Checks the head of a request before anything is done for it.

import { nameInHost } from "../../message/target.ts";
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

/** What a head asks for, once it has passed all checks. */
export interface AdmittedRequest {
  /** The head itself. */
  readonly head: RequestHead;
  /** The parts of its target. */
  readonly target: RequestTarget;
  /** The length of the body that follows, in bytes. */
  readonly bodyLength: number;
  /**
   * What happens to the connection afterwards: it is kept because the client
   * asks for that, kept because HTTP/1.1 implies it, or closed.
   */
  readonly persistence: Persistence;
}

/**
 * Checks what the head says about the whole message: its target, its host,
 * where its body ends, and whether the connection is kept.
 *
 * The result depends on nothing but the head and the rules of the server.
 *
 * @throws {MessageError | HttpError} With the status for the response.
 */
export function admit(head: RequestHead, server: IoContext): AdmittedRequest {
  if (head.method === "CONNECT") {
    const expected = "another method: CONNECT is for proxies";
    throw new HttpError(501, "Cannot connect: that is for proxies", expected);
  }
  const target = parseTarget(head.method, head.target);
  checkHost(head, target, server);
  const framing = requestFraming(head);
  if (framing.kind === "none") checkBodyIsNotMissing(head);
  const bodyLength = framing.kind === "length" ? framing.length : 0;
  return { head, target, bodyLength, persistence: persistenceOf(head) };
}

/** The methods that have a body (RFC 1945 section 8.3, RFC 5789; QUERY). */
const BODY_METHODS = new Set(["POST", "PUT", "PATCH", "QUERY"]);

/**
 * Refuses an HTTP/1.0 POST without a length (RFC 1945 section 8.3): nobody can
 * tell whether a body follows. Some clients do stream one (hyper does, after a
 * kept HTTP/1.0 response). Treated as empty, it would be lost.
 */
function checkBodyIsNotMissing({ method, version }: RequestHead): void {
  if (version === "1.0" && BODY_METHODS.has(method)) {
    const act = `Cannot read body of ${method}`;
    const message = `${act}: HTTP/1.0 needs a Content-Length`;
    throw new MessageError("length-required", message);
  }
}

/**
 * Whether the client waits for a `100 Continue` before it sends the body, which
 * only one of HTTP/1.1 may do (RFC 9110 section 10.1.1).
 */
export function expectsContinue({ version, headers }: RequestHead): boolean {
  return version !== "1.0" &&
    headers.get("expect")?.toLowerCase() === "100-continue";
}

/**
 * Checks the host (RFC 9112 section 3.2). There must be one valid Host, which
 * HTTP/1.0 may leave out; two are joined with a comma, and so are invalid. The
 * host of an absolute-form target takes precedence.
 */
function checkHost(
  head: RequestHead,
  target: RequestTarget,
  { guardHost, protocol }: IoContext,
): void {
  const host = head.headers.get("host");
  if (host === null && head.version !== "1.0") {
    const expected =
      "a Host field, which HTTP/1.1 needs (RFC 9112 section 3.2)";
    throw new HttpError(400, "Cannot read Host: it is missing", expected);
  }
  if (host !== null && !isValidHost(host)) {
    const message = `Cannot parse Host ${quote(host)}: it is invalid`;
    const expected =
      "one Host field, such as example.org:8000 (RFC 9112 section 3.2)";
    throw new HttpError(400, message, expected);
  }
  guardHost(target.host ?? host ?? "");
  if (target.protocol !== null && target.protocol !== protocol) {
    const message = "Cannot serve URL: it is of the other protocol";
    throw new HttpError(421, message, `a URL that begins with ${protocol}://`);
  }
}

/**
 * Without a Connection field, HTTP/1.1 keeps the connection (RFC 9112 section
 * 9.3), and HTTP/1.0 closes it.
 */
function persistenceOf(head: RequestHead): Persistence {
  const requested = persistence(head.headers);
  const isClosed = head.bareLf ||
    (requested === "implicit" && head.version === "1.0");
  return isClosed ? "close" : requested;
}

// DNS rebinding: a page from evil.example whose name then resolves to 127.0.0.1
// could read what a server shows to this machine only. Its requests still carry
// `Host: evil.example`, so a server on loopback accepts local names only.

/**
 * Makes the host guard of a server: it takes the valid host of a request, and
 * throws an {@linkcode HttpError} if that names another server (421).
 *
 * @param hostname The address that was bound; null for a unix socket. No page
 *   can reach that, but a proxy may forward the host that a page asked for.
 * @param allowed Further names to accept; null for all. If there are any, the
 *   guard is active on every address, and on a unix socket.
 */
export function makeHostGuard(
  hostname: string | null,
  allowed: ReadonlySet<string> | null,
): IoContext["guardHost"] {
  const isGuarded = allowed !== null &&
    (allowed.size > 0 || hostname !== null && isLoopback(hostname));
  let hasWarned = false;
  return (host) => {
    const name = canonicalName(nameInHost(host)!);
    const isAllowed = !isGuarded || isLocal(name) || allowed.has(name) ||
      allowed.has(canonicalName(host));
    if (isAllowed) return;
    if (!hasWarned) warn(warningFor(name));
    hasWarned = true;
    const act = `Cannot serve ${quote(host)}`;
    const message = `${act}: it is not among the allowed hosts`;
    const expected = `a host of --allowed-hosts, which ${quote(host)} is not`;
    throw new HttpError(421, message, expected);
  };
}

/** Reads the option `allowedHosts`; null stands for any name. */
export function readAllowedHosts(allowed: readonly string[] | "*" = []) {
  return allowed === "*" ? null : new Set(allowed.map(canonicalName));
}

/**
 * Writes a name in lower case and without the dot of the DNS root, even before
 * a port: such names are equal.
 */
function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.(?=:\d*$|$)/, "");
}

/**
 * Writes what is printed once, because behind a proxy nothing works until
 * somebody reads it. It shows no flag with the name, to be copied into a shell,
 * because the name comes from a stranger.
 */
function warningFor(name: string): string {
  const text = `Refused a request for host ${quote(name)}`;
  return `${text}, which could come from any page (DNS rebinding): if it is a ` +
    "name of this server, allow it with --allowed-hosts (allowedHosts of serve)";
}

/** Whether a name needs no DNS lookup, so that no page can rebind it. */
function isLocal(name: string): boolean {
  return name === "" || name.startsWith("[") || isIpv4(name) ||
    name === "localhost" || name.endsWith(".localhost");
}

/** Whether only this machine can reach a server on this address. */
export function isLoopback(address: string): boolean {
  return unmapped(address).startsWith("127.") || address === "::1";
}
