import { domainToASCII } from "node:url";
import { quote, UrlError, type UrlErrorCode } from "./error.ts";
import { endsInNumber, parseIpv4 } from "./_ipv4.ts";
import { parseIpv6 } from "./_ipv6.ts";
import { percentDecode } from "./percent.ts";

// A domain that is its own normal form, as nearly all are; its last label is no number.
const NORMAL_DOMAIN_REGEXP = /^(?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*$/;
const BEYOND_ASCII_REGEXP = /[^\0-\x7f]/;
// URL standard 3.2: "forbidden domain code point".
const FORBIDDEN_REGEXP = /[\0-\x20#%/:<>?@[\\\]^|\x7f]/;
const ESCAPE_OR_UNIT_REGEXP = /%[0-9a-f]{2}|[^]/gi;

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
  return readHost(text, 0, text.length);
}

/** Reads the host that stands in a text from `start` to `end`. */
export function readHost(text: string, start: number, end: number): string {
  const host = text.slice(start, end);
  if (NORMAL_DOMAIN_REGEXP.test(host)) return host;

  const refuse = (code: UrlErrorCode, expected: string, index = 0): never => {
    const message = `Cannot parse host ${quote(host)}: expected ${expected}`;
    throw new UrlError(message, { code, input: text, index: start + index });
  };
  if (host === "") refuse("missing-host", "a name or an address");
  if (host.startsWith("[")) {
    if (!host.endsWith("]")) {
      refuse("invalid-ipv6", 'a "]" at its end', host.length);
    }
    const address = parseIpv6(host.slice(1, -1)) ??
      refuse("invalid-ipv6", "an IPv6 address", 1);
    return `[${address}]`;
  }
  const domain = domainToAscii(decode(host));
  if (domain === "") refuse("invalid-domain", "a domain that IDNA allows");
  const forbidden = FORBIDDEN_REGEXP.exec(domain);
  if (forbidden !== null) {
    refuse(
      "forbidden-character",
      `no ${quote(forbidden[0])} in it`,
      forbiddenIndex(host),
    );
  }
  if (!endsInNumber(domain)) return domain;
  return parseIpv4(domain) ??
    refuse("invalid-ipv4", "an IPv4 address, as it ends in a number");
}

/** URL standard 3.3; a domain in ASCII is only lowered, even if its Punycode is wrong. */
function domainToAscii(domain: string): string {
  return BEYOND_ASCII_REGEXP.test(domain)
    ? domainToASCII(domain)
    : domain.toLowerCase();
}

function decode(host: string): string {
  if (!host.includes("%")) return host;
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    percentDecode(host),
  );
}

/** Where the first forbidden character stands, perhaps percent-encoded; 0 if IDNA made it. */
function forbiddenIndex(host: string): number {
  for (const { 0: unit, index } of host.matchAll(ESCAPE_OR_UNIT_REGEXP)) {
    if (FORBIDDEN_REGEXP.test(decode(unit))) return index;
  }
  return 0;
}
