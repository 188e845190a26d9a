// What a request is for: its target and its Host field.

import { parseIpv6 } from "../url/host.ts";
import { quote } from "./_octets.ts";
import { MessageError } from "./error.ts";

/**
 * The parts of a request target (RFC 9112 section 3.2).
 *
 * @example Recognize a request to a proxy
 * ```ts
 * import { parseTarget, type RequestTarget } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const isForProxy = ({ host }: RequestTarget) => host !== null;
 * assertEquals(isForProxy(parseTarget("GET", "http://example.org/")), true);
 * assertEquals(isForProxy(parseTarget("GET", "/")), false);
 * ```
 *
 * @category Messages
 */
export interface RequestTarget {
  /** The protocol of `http://host/a?b`; null for `/a?b`, and for `*`. */
  readonly protocol: "http" | "https" | null;
  /** The host and port of `http://host/a?b`; null for `/a?b`, and for `*`. */
  readonly host: string | null;
  /** The path, still percent-encoded; or the `*` of `OPTIONS`. */
  readonly path: string;
  /** What follows the `?`, without it; null if there is no `?`. */
  readonly params: string | null;
}

// absolute-path with the characters of RFC 3986, and those that browsers send
// unencoded: [ ] { } | ^ `
const PATH_REGEXP = /^\/(?:[!$&-;=@-[\]^-~]|%[0-9A-Fa-f]{2})*$/;
// In the query, browsers leave more as it was typed, such as a lone % or a \
const PARAMS_REGEXP = /^[!-~]*$/;
const ABSOLUTE_FORM_REGEXP = /^(https?):\/\/([^/]*)(.*)$/i;

/**
 * Parses a request target.
 *
 * @param method The method; `*` is for OPTIONS only.
 * @param target The target as sent.
 * @returns Its parts.
 * @throws {MessageError} If a character or a percent-encoding is invalid, or no
 *   form fits.
 *
 * @example Usage
 * ```ts
 * import { parseTarget } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseTarget("GET", "/a%20b?c=d").path, "/a%20b");
 * assertEquals(parseTarget("GET", "http://example.org").host, "example.org");
 * ```
 *
 * @category Messages
 */
export function parseTarget(method: string, target: string): RequestTarget {
  if (target === "*" && method === "OPTIONS") {
    return { protocol: null, host: null, path: "*", params: null };
  }
  const questionMark = target.indexOf("?");
  const params = questionMark < 0 ? null : target.slice(questionMark + 1);
  const resource = questionMark < 0 ? target : target.slice(0, questionMark);
  const [, scheme, host = null, rawPath = resource] =
    ABSOLUTE_FORM_REGEXP.exec(resource) ?? [];
  if (host === null && !rawPath.startsWith("/")) {
    throw invalidTarget(target, "neither a path nor an http URL");
  }
  // RFC 9110 sections 4.2.1 and 4.2.4: no empty host, no user and password
  if (host !== null && !nameInHost(host)) {
    throw invalidTarget(target, `host ${quote(host)} is invalid`);
  }
  const path = rawPath === "" ? "/" : rawPath;
  if (!PATH_REGEXP.test(path) || params && !PARAMS_REGEXP.test(params)) {
    const reason = "has a character or percent-encoding that URLs cannot have";
    throw invalidTarget(target, reason);
  }
  const isSecure = scheme?.toLowerCase() === "https";
  const protocol = host === null ? null : isSecure ? "https" : "http";
  return { protocol, host, path, params };
}

function invalidTarget(target: string, reason: string): MessageError {
  const message = `Cannot parse request target ${quote(target)}: ${reason}`;
  return new MessageError("target", message);
}

// Host = uri-host [ ":" port ] (RFC 9110 section 7.2, RFC 3986 section 3.2.2).
// A name must not have a comma, which would come from joining two Host lines.
// A port must follow a name, since every http URL has one (section 4.2.1).
const NAME = "(?:[A-Za-z0-9\\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})*";
const LITERAL = "\\[([0-9A-Fa-f:.]+)\\]";
const HOST_REGEXP = new RegExp(`^(?!:)(${NAME}|${LITERAL})(?::(\\d{0,5}))?$`);
const MAX_PORT = 65_535;

/**
 * Returns the name in a `Host` value, without the port: a domain, an IPv4
 * address, or an IPv6 address in brackets; null if the value is invalid.
 */
export function nameInHost(value: string): string | null {
  const [, name = null, address, port = 0] = HOST_REGEXP.exec(value) ?? [];
  const isValid = address === undefined || parseIpv6(address) !== null;
  return isValid && Number(port) <= MAX_PORT ? name : null;
}

/**
 * Tells whether a value is valid for the `Host` field: a name, an IPv4 address
 * or an IPv6 address in brackets, with or without a port; or empty.
 *
 * @param value The value, without white space around it.
 * @returns True if it is valid.
 *
 * @example Usage
 * ```ts
 * import { isValidHost } from "@knock/http/message";
 * import { assert } from "@std/assert";
 *
 * assert(isValidHost("example.org:8000"));
 * assert(isValidHost("[::1]"));
 * assert(!isValidHost("a, b"));
 * ```
 *
 * @category Messages
 */
export function isValidHost(value: string): boolean {
  return nameInHost(value) !== null;
}
