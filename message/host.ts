// Host = uri-host [ ":" port ] (RFC 9110 section 7.2, RFC 3986 section 3.2.2)

import { parseIpv6 } from "../url/ipv6.ts";

/**
 * reg-name without the comma, which would make a list of two Host lines that
 * were joined.
 */
const NAME_AND_PORT_REGEXP =
  /^(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})*(?::\d{0,5})?$/;
const LITERAL_AND_PORT_REGEXP = /^\[([0-9A-Fa-f:.]+)\](?::\d{0,5})?$/;
const MAX_PORT = 65_535;

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
  const port = value.slice(value.lastIndexOf(":") + 1);
  const literal = LITERAL_AND_PORT_REGEXP.exec(value)?.[1];
  if (literal !== undefined) {
    return parseIpv6(literal) !== null &&
      (value.endsWith("]") || Number(port) <= MAX_PORT);
  }
  return NAME_AND_PORT_REGEXP.test(value) &&
    (port === value || Number(port) <= MAX_PORT);
}
