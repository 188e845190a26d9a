import { escapeText, mismatch, UrlError, type UrlErrorCode } from "./error.ts";
import { endsInNumber, IPV4, parseIpv4, parseIpv6 } from "./ip_address.ts";

// The last label begins with a letter, so it is not a number
const DOMAIN = String.raw`(?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*`;
// At most six pieces and none of them 0, so the "::" is where it belongs
const PIECE = "[1-9a-f][0-9a-f]{0,3}";
const PIECES = `(?:${PIECE}(?::${PIECE}){0,2})?`;
const IPV6 = String.raw`\[${PIECES}::${PIECES}\]`;

/** A regular expression's source for nearly every host in normal form. */
export const NORMAL_HOST = `${IPV4}|${DOMAIN}|${IPV6}`;
const NORMAL_HOST_REGEXP = new RegExp(`^(?:${NORMAL_HOST})$`);

const MAX_NAME_LENGTH = 253;
const BEYOND_ASCII_REGEXP = /[^\0-\x7f]/;
// URL standard 3.2: "forbidden domain code point".
const FORBIDDEN_REGEXP = /[\0-\x20#%/:<>?@[\\\]^|\x7f]/;
// All that UTS #46 ignores. The platform's tables, which are older, refuse
// some; and "<" is allowed if what is ignored separates it from the U+0338 that
// makes another character of it
const IGNORED_REGEXP =
  /[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2064\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0100}-\u{e01ef}]/gu;
// Unicode 16 lowercases these
const LOWERED_REGEXP = /[\u04c0\u10a0-\u10c5\u2132\u2183]/g;
const ESCAPES_OR_UNIT_REGEXP = /(?:%[89a-f][0-9a-f])+|%[0-7][0-9a-f]|[^]/gi;

/**
 * Parses a host and returns its normal form (URL standard 3.5).
 *
 * @param text A domain, an IPv4 address in any form, or an IPv6 address in
 * brackets; no port.
 * @returns The domain in ASCII and in lower case, the IPv4 address as four
 * decimal numbers, or the IPv6 address in brackets in its shortest form.
 * @throws {UrlError} If the text is not a valid host.
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
  return parseHostAt(text, text, 0);
}

/** Parses the host at `index` of the input. */
export function parseHostAt(
  host: string,
  input: string,
  index: number,
): string {
  // The regular expression uses some stack for each label
  const isShort = host.length <= MAX_NAME_LENGTH;
  if (isShort && NORMAL_HOST_REGEXP.test(host)) return host;

  const fail = (code: UrlErrorCode, expected: string, at = 0): never => {
    const message = mismatch("host", host, expected);
    throw new UrlError(message, { code, input, index: index + at });
  };
  if (host === "") fail("missing-host", "a name or an address");
  if (host.startsWith("[")) {
    if (!host.endsWith("]")) fail("invalid-ipv6", '"]"', host.length);
    const address = parseIpv6(host.slice(1, -1));
    return `[${address ?? fail("invalid-ipv6", "an IPv6 address", 1)}]`;
  }
  const domain = domainToAscii(decode(host));
  if (domain === "") fail("invalid-domain", "a name that IDNA allows");
  const forbidden = FORBIDDEN_REGEXP.exec(domain)?.[0];
  if (forbidden !== undefined) {
    const at = forbiddenIndex(host);
    fail("forbidden-character", `no "${escapeText(forbidden)}" in it`, at);
  }
  if (!endsInNumber(domain)) return domain;
  return parseIpv4(domain) ??
    fail("invalid-ipv4", "an IPv4 address, as its last part is a number");
}

/**
 * URL standard 3.3: a domain in ASCII is only lowercased, even if its Punycode
 * is invalid. Others are mapped by the tables of UTS #46. Those of the platform
 * are reached through `URL`, since loading `node:url` slows down the start.
 */
function domainToAscii(domain: string): string {
  if (!BEYOND_ASCII_REGEXP.test(domain)) return domain.toLowerCase();
  const mapped = domain.toWellFormed().replace(IGNORED_REGEXP, "")
    .replace(LOWERED_REGEXP, (letter) => letter.toLowerCase());
  // If normalizing makes a "/", `URL` would take it for the end of the host; so
  // return it, and the caller refuses it
  const normal = mapped.normalize("NFKC");
  if (FORBIDDEN_REGEXP.test(normal)) return normal;
  // Another label keeps `URL` from parsing it as an IPv4 address
  return URL.parse(`ws://${mapped}.a`)?.hostname.slice(0, -2) ?? "";
}

/**
 * Decodes percent-encoded UTF-8; anything else stays, and its "%" is refused
 * later.
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
 * The index of the first forbidden character, percent-encoded or not; 0 if it
 * came out of the IDNA mapping.
 */
function forbiddenIndex(host: string): number {
  for (const { 0: unit, index } of host.matchAll(ESCAPES_OR_UNIT_REGEXP)) {
    if (FORBIDDEN_REGEXP.test(decode(unit))) return index;
  }
  return 0;
}
