import { domainToASCII } from "node:url";
import { quote, UrlError } from "./error.ts";
import { percentDecode } from "./percent.ts";
import { endsInNumber, parseIpv4 } from "./_ipv4.ts";
import { parseIpv6 } from "./_ipv6.ts";

const BEYOND_ASCII_REGEXP = /[^\0-\x7f]/;
// URL standard 3.2, "forbidden domain code point".
const FORBIDDEN_REGEXP = /[\0-\x20#%/:<>?@[\\\]^|\x7f]/;

/**
 * Reads a host and writes it in its one normal form (URL standard 3.5).
 *
 * @param text A domain, an IPv4 address in any form, or an IPv6 address in
 * brackets, without a port.
 * @returns The domain in lower case and in ASCII, the IPv4 address as four
 * decimal numbers, or the IPv6 address in brackets in its shortest form.
 * @throws {UrlError} If the text is no host; its `input` is the text.
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
  if (text.startsWith("[")) return parseBrackets(text);
  const domain = parseDomain(text);
  return endsInNumber(domain) ? parseIpv4(domain) : domain;
}

function parseBrackets(text: string): string {
  if (text.endsWith("]")) return `[${parseIpv6(text.slice(1, -1))}]`;
  const message = `Cannot parse host ${quote(text)}: expected "]" at its end`;
  throw new UrlError(message, {
    code: "invalid-ipv6",
    input: text,
    index: text.length,
  });
}

function parseDomain(text: string): string {
  const decoded = text.includes("%") ? decode(text) : text;
  // URL standard 3.3: a domain in ASCII is lowered only, even if its Punycode is wrong.
  const domain = BEYOND_ASCII_REGEXP.test(decoded)
    ? domainToASCII(decoded)
    : decoded.toLowerCase();
  if (domain === "") {
    const code = decoded === "" ? "missing-host" : "invalid-domain";
    const expected = decoded === ""
      ? "expected a host"
      : "expected a domain that IDNA allows";
    const message = `Cannot parse host ${quote(text)}: ${expected}`;
    throw new UrlError(message, { code, input: text, index: 0 });
  }
  const forbidden = FORBIDDEN_REGEXP.exec(domain);
  if (forbidden !== null) {
    const message = `Cannot parse host ${quote(text)}: expected no ${
      quote(forbidden[0])
    } in it`;
    throw new UrlError(message, {
      code: "forbidden-character",
      input: text,
      index: forbiddenIndex(text),
    });
  }
  return domain;
}

function decode(text: string): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    percentDecode(text),
  );
}

/** Where the first forbidden character stands as it is or percent-encoded; 0 if IDNA made it. */
function forbiddenIndex(text: string): number {
  for (const { 0: unit, index } of text.matchAll(/%[0-9a-f]{2}|[^]/gi)) {
    if (FORBIDDEN_REGEXP.test(unit.length === 3 ? decode(unit) : unit)) {
      return index;
    }
  }
  return 0;
}
