import { quote, UrlError } from "./error.ts";
import { readHost } from "./host.ts";
import { USERINFO_SET } from "./percent.ts";
import { defaultPort, type Protocol } from "./protocol.ts";

const DIGITS_REGEXP = /^[0-9]*$/;
const NO_DIGIT_REGEXP = /[^0-9]/;
const MAX_PORT = 65_535;

/** Whom to connect to, as a URL or a `Host` header says it. */
export interface HostAndPort {
  /** A domain, an IPv4 address, or an IPv6 address in brackets. */
  readonly hostname: string;
  /** The port, from 0 to 65535. */
  readonly port: number;
}

/** All that stands between the slashes and the path. */
export interface Authority extends HostAndPort {
  readonly username: string;
  readonly password: string;
}

/**
 * Reads `[username[:password]@]host[:port]`, which stands in the text from
 * `start` to `end` (URL standard 4.4, "authority state").
 */
export function readAuthority(
  text: string,
  start: number,
  end: number,
  protocol: Protocol,
): Authority {
  // The last "@" counts: "http://example.com@evil.example/" is on evil.example.
  const at = text.lastIndexOf("@", end - 1);
  if (at < start) {
    const { hostname, port } = readHostAndPort(text, start, end, protocol);
    return { username: "", password: "", hostname, port };
  }
  const userinfo = text.slice(start, at);
  const colon = userinfo.indexOf(":");
  const { hostname, port } = readHostAndPort(text, at + 1, end, protocol);
  return {
    username: USERINFO_SET.encode(
      colon === -1 ? userinfo : userinfo.slice(0, colon),
    ),
    password: colon === -1
      ? ""
      : USERINFO_SET.encode(userinfo.slice(colon + 1)),
    hostname,
    port,
  };
}

/**
 * Reads a host with or without a port, such as the value of a `Host` header.
 *
 * @param text The host, and after a colon the port.
 * @param protocol Gives the port when the text has none.
 * @returns The host in its normal form, and the port.
 * @throws {UrlError} If the host or the port is invalid.
 *
 * @example Usage
 * ```ts
 * import { parseHostAndPort } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseHostAndPort("[::1]:8000"), { hostname: "[::1]", port: 8000 });
 * assertEquals(parseHostAndPort("Example.COM"), { hostname: "example.com", port: 80 });
 * ```
 */
export function parseHostAndPort(
  text: string,
  protocol: Protocol = "http",
): HostAndPort {
  return readHostAndPort(text, 0, text.length, protocol);
}

function readHostAndPort(
  text: string,
  start: number,
  end: number,
  protocol: Protocol,
): HostAndPort {
  // The colons within the brackets of an IPv6 address do not end the host.
  const bracket = text[start] === "[" ? text.indexOf("]", start) : start;
  const colon = bracket === -1 ? -1 : text.indexOf(":", bracket);
  if (colon === -1 || colon >= end) {
    return {
      hostname: readHost(text, start, end),
      port: defaultPort(protocol),
    };
  }
  const hostname = readHost(text, start, colon);
  return {
    hostname,
    port: readPort(text, colon + 1, end) ?? defaultPort(protocol),
  };
}

/** Null when nothing follows the colon. */
function readPort(text: string, start: number, end: number): number | null {
  const digits = text.slice(start, end);
  if (digits === "") return null;
  const port = DIGITS_REGEXP.test(digits) ? Number(digits) : NaN;
  if (port <= MAX_PORT) return port;
  const message = `Cannot parse port ${
    quote(digits)
  }: expected a number from 0 to ${MAX_PORT}`;
  const index = start + Math.max(digits.search(NO_DIGIT_REGEXP), 0);
  throw new UrlError(message, { code: "invalid-port", input: text, index });
}
