// Host = uri-host [ ":" port ] (RFC 9110 section 7.2, RFC 3986 section 3.2.2)

import { parseIpv6 } from "../url/ip_address.ts";

// reg-name without the comma, which would make a list of two Host lines that
// were joined
const NAME = "(?:[A-Za-z0-9\\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})*";
const LITERAL = "\\[[0-9A-Fa-f:.]+\\]";
const HOST_REGEXP = new RegExp(`^(${NAME}|${LITERAL})(?::(\\d{0,5}))?$`);
const MAX_PORT = 65_535;

/**
 * Takes the name out of the value of a `Host` field: a domain, an IPv4 address,
 * or an IPv6 address in brackets, without the port; null when the value is
 * invalid.
 */
export function hostName(value: string): string | null {
  const [, name, port] = HOST_REGEXP.exec(value) ?? [];
  if (name === undefined || Number(port ?? 0) > MAX_PORT) return null;
  const isValid = !name.startsWith("[") ||
    parseIpv6(name.slice(1, -1)) !== null;
  return isValid ? name : null;
}

/**
 * Tells whether a value is right for the `Host` field: a name, an IPv4 address
 * or an IPv6 address in brackets, with or without a port; or nothing.
 *
 * @param value The value, without white space around it.
 * @returns True when it is valid.
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
 */
export function isValidHost(value: string): boolean {
  return hostName(value) !== null;
}
