import { escapeText, refusal, UrlError, type UrlErrorCode } from "./error.ts";
import { endsInNumber, IPV4, parseIpv4, parseIpv6 } from "./ip_address.ts";

// The last label begins with a letter, so it is no number.
const DOMAIN = String.raw`(?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*`;
// At most six pieces and none of them 0: the shortest form has the same "::".
const PIECE = "[1-9a-f][0-9a-f]{0,3}";
const PIECES = `(?:${PIECE}(?::${PIECE}){0,2})?`;
const IPV6 = String.raw`\[${PIECES}::${PIECES}\]`;

/** Nearly every host in its normal form, as part of a regular expression. */
export const NORMAL_HOST = `${IPV4}|${DOMAIN}|${IPV6}`;
const NORMAL_HOST_REGEXP = new RegExp(`^(?:${NORMAL_HOST})$`);

const MAX_NAME_LENGTH = 253;
const BEYOND_ASCII_REGEXP = /[^\0-\x7f]/;
// URL standard 3.2: "forbidden domain code point".
const FORBIDDEN_REGEXP = /[\0-\x20#%/:<>?@[\\\]^|\x7f]/;
// UTS #46 drops or lowers these since Unicode 16; older tables refuse them.
const IGNORED_REGEXP =
  /[\u115f\u1160\u17b4\u17b5\u180e\u2061-\u2063\u206a-\u206f\u3164\uffa0\u{1d173}-\u{1d17a}]/gu;
const LOWERED_REGEXP = /[\u04c0\u10a0-\u10c5\u2132\u2183]/g;
const ESCAPES_OR_UNIT_REGEXP = /(?:%[89a-f][0-9a-f])+|%[0-7][0-9a-f]|[^]/gi;

/**
 * Reads a host and writes it in its one normal form (URL standard 3.5).
 *
 * @param text A domain, an IPv4 address in any form, or an IPv6 address in
 * brackets; no port.
 * @returns The domain in ASCII and in lower case, the IPv4 address as four
 * decimal numbers, or the IPv6 address in brackets in its shortest form.
 * @throws {UrlError} If the text is no host.
 *
 * @example Usage
 * ```ts
 * import { parseHost } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseHost("Bücher.example"), "xn--bcher-kva.example");
 * assertEquals(parseHost("0x7f.1"), "127.0.0.1");
 * assertEquals(parseHost("[2001:DB8:0:0::1]"), "[2001:db8::1]");
 * ```
 */
export function parseHost(text: string): string {
  return readHost(text, text, 0);
}

/** Reads a host that stands at `index` of the input. */
export function readHost(host: string, input: string, index: number): string {
  // Each label takes room on the stack of the regular expression.
  const isShort = host.length <= MAX_NAME_LENGTH;
  if (isShort && NORMAL_HOST_REGEXP.test(host)) return host;

  const refuse = (code: UrlErrorCode, expected: string, at = 0): never => {
    const message = refusal("host", host, expected);
    throw new UrlError(message, { code, input, index: index + at });
  };
  if (host === "") refuse("missing-host", "a name or an address");
  if (host.startsWith("[")) {
    if (!host.endsWith("]")) refuse("invalid-ipv6", '"]"', host.length);
    const address = parseIpv6(host.slice(1, -1));
    return `[${address ?? refuse("invalid-ipv6", "an IPv6 address", 1)}]`;
  }
  const domain = domainToAscii(decode(host));
  if (domain === "") refuse("invalid-domain", "a name that IDNA allows");
  const forbidden = FORBIDDEN_REGEXP.exec(domain)?.[0];
  if (forbidden !== undefined) {
    const at = forbiddenIndex(host);
    refuse("forbidden-character", `no "${escapeText(forbidden)}" in it`, at);
  }
  if (!endsInNumber(domain)) return domain;
  return parseIpv4(domain) ??
    refuse("invalid-ipv4", "an IPv4 address, as its last part is a number");
}

/**
 * URL standard 3.3: a domain in ASCII is only lowered, even if its Punycode is
 * wrong. Others are mapped by the tables of UTS #46, which the platform has:
 * behind `URL`, as `node:url` would take 5 ms of the start.
 */
function domainToAscii(domain: string): string {
  if (!BEYOND_ASCII_REGEXP.test(domain)) return domain.toLowerCase();
  const mapped = domain.toWellFormed().replace(IGNORED_REGEXP, "")
    .replace(LOWERED_REGEXP, (letter) => letter.toLowerCase());
  // What normalizing makes a "/" must not be taken for the end of the host
  // here; it is refused later
  const normal = mapped.normalize("NFKC");
  if (FORBIDDEN_REGEXP.test(normal)) return normal;
  // With another label behind it, it is taken for no IPv4 address
  return URL.parse(`ws://${mapped}.a`)?.hostname.slice(0, -2) ?? "";
}

/**
 * Leaves what is no percent-encoded UTF-8 as it is: the "%" is refused later.
 */
function decode(host: string): string {
  if (!host.includes("%")) return host;
  try {
    return decodeURIComponent(host);
  } catch {
    return host;
  }
}

/**
 * Where the first forbidden character stands, perhaps encoded; 0 if IDNA made
 * it.
 */
function forbiddenIndex(host: string): number {
  for (const { 0: unit, index } of host.matchAll(ESCAPES_OR_UNIT_REGEXP)) {
    if (FORBIDDEN_REGEXP.test(decode(unit))) return index;
  }
  return 0;
}
