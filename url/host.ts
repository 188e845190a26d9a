import { escapeText, mismatch, UrlError, type UrlErrorCode } from "./error.ts";
import { percentDecode } from "./percent.ts";

/**
 * The protocol of a URL: HTTP, or HTTP over TLS.
 *
 * @example Check whether others can read along
 * ```ts
 * import { parseUrl, type Protocol } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * const isOpen = (protocol: Protocol) => protocol === "http";
 * assertEquals(isOpen(parseUrl("HTTPS://example.com").protocol), false);
 * assertEquals(isOpen(parseUrl("//example.com", "http://a").protocol), true);
 * ```
 *
 * @category URLs
 */
export type Protocol = "http" | "https";

/**
 * Returns the port of a URL that gives none (RFC 9110 sections 4.2.1, 4.2.2).
 *
 * @param protocol `"http"` or `"https"`.
 * @returns 80 or 443.
 *
 * @example Usage
 * ```ts
 * import { defaultPort } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(defaultPort("http"), 80);
 * assertEquals(defaultPort("https"), 443);
 * ```
 *
 * @category URLs
 */
export function defaultPort(protocol: Protocol): number {
  return protocol === "https" ? 443 : 80;
}

const NUMBER_AT_END_REGEXP = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$/;
const OCTAL_REGEXP = /^0[0-7]+$/;
const DECIMAL_REGEXP = /^(?:0|[1-9][0-9]*)$/;

const BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
/** The source of a regular expression for an IPv4 address in normal form. */
const IPV4 = String.raw`(?:${BYTE}\.){3}${BYTE}`;
const IPV4_REGEXP = new RegExp(`^${IPV4}$`);

// An IPv4 address is allowed only at the end
const IPV6_CHARACTERS_REGEXP = /^[0-9a-f:]*(?:\.[0-9.]*)?$/i;
const PIECE_COUNT = 8;
const DOT = 0x2e;
const COLON = 0x3a;

/**
 * Whether a text is an IPv4 address in normal form: four numbers from 0 to 255
 * without leading zeros.
 */
export function isIpv4(text: string): boolean {
  return IPV4_REGEXP.test(text);
}

/** Puts an IPv6 address in brackets, as in a URL; other hosts stay. */
export function addBrackets(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/**
 * Parses an IPv4 address in any of its forms, such as `192.0.2.1`, `0xc0.0.513`
 * or `3221225985`, and returns it as four decimal numbers; null if it is
 * invalid (URL standard 3.5 and 3.6).
 */
function parseIpv4(text: string): string | null {
  const parts = text.split(".");
  if (parts.at(-1) === "") parts.pop();
  const numbers = parts.map(parseNumber);
  // The last number fills all the remaining bytes.
  const last = numbers.pop() ?? NaN;
  const isValid = numbers.length < 4 && last < 256 ** (4 - numbers.length) &&
    numbers.every((number) => number < 256);
  if (!isValid) return null;
  const lastBytes = [24, 16, 8, 0].map((shift) => (last >>> shift) & 0xff);
  return [...numbers, ...lastBytes.slice(numbers.length)].join(".");
}

/** Parses a number. Any other text gives NaN, so every limit check fails. */
function parseNumber(text: string): number {
  if (text.startsWith("0x")) return text === "0x" ? 0 : Number(text);
  if (OCTAL_REGEXP.test(text)) return parseInt(text, 8);
  return DECIMAL_REGEXP.test(text) ? Number(text) : NaN;
}

/**
 * Parses an IPv6 address without its brackets and returns its shortest form;
 * null if it is invalid (URL standard 3.5 and 3.6, RFC 5952).
 */
export function parseIpv6(text: string): string | null {
  const pieces = parsePieces(text);
  return pieces && writeIpv6(pieces);
}

/** Parses an IPv6 address into its eight numbers; null if it is invalid. */
function parsePieces(text: string): readonly number[] | null {
  if (!IPV6_CHARACTERS_REGEXP.test(text)) return null;
  const pieces = [0, 0, 0, 0, 0, 0, 0, 0];
  let count = 0;
  let digits = 0;
  // The index of the first piece that "::" stands for; -1 without "::"
  let zerosAt = -1;
  for (let i = text.startsWith("::") ? 1 : 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      const ipv4 = text.slice(i - digits);
      if (!isIpv4(ipv4)) return null;
      const [a = 0, b = 0, c = 0, d = 0] = ipv4.split(".").map(Number);
      pieces[count++] = a * 256 + b;
      pieces[count] = c * 256 + d;
      break;
    }
    if (code !== COLON) {
      if (++digits > 4) return null;
      // The last four bits of "1", "a" and "A" are 1; letters follow 0x39, "9"
      pieces[count] = pieces[count]! * 16 + (code & 15) + (code > 0x39 ? 9 : 0);
    } else if (digits > 0) {
      count++;
      digits = 0;
    } else {
      if (i === 0 || zerosAt !== -1) return null;
      zerosAt = count;
    }
  }
  if (digits > 0) count++;
  else if (zerosAt !== count) return null; // a single colon at the end
  const missing = PIECE_COUNT - count;
  if (zerosAt === -1 ? missing !== 0 : missing < 1) return null;
  // The pieces after "::" go to the end. A loop, since splice() is slow
  for (let i = count - 1; missing > 0 && i >= zerosAt; i--) {
    pieces[i + missing] = pieces[i]!;
    pieces[i] = 0;
  }
  return pieces;
}

function writeIpv6(pieces: readonly number[]): string {
  // The longest run of zeros becomes "::"; of equally long ones, the first
  let start = 0;
  let length = 1;
  for (let i = 0, run = 0; i < PIECE_COUNT; i++) {
    run = pieces[i] === 0 ? run + 1 : 0;
    if (run > length) start = i + 1 - run;
    length = Math.max(length, run);
  }
  let text = "";
  for (let i = 0; i < PIECE_COUNT; i++) {
    if (i === start && length > 1) {
      text += i === 0 ? "::" : ":";
      i += length - 1;
    } else text += pieces[i]!.toString(16) + (i < PIECE_COUNT - 1 ? ":" : "");
  }
  return text;
}

/**
 * Returns `192.0.2.1` for `::ffff:192.0.2.1`, which is how an IPv6 socket
 * reports an IPv4 peer (RFC 4291 section 2.5.5.2); other addresses stay.
 */
export function unmapped(address: string): string {
  const ipv4 = address.slice("::ffff:".length);
  return address.startsWith("::ffff:") && isIpv4(ipv4) ? ipv4 : address;
}

/**
 * Writes an IP address as its version and its 32 or 128 bits; null for a name.
 */
export function addressBits(address: string): string | null {
  const isV4 = isIpv4(address);
  const pieces = parsePieces(isV4 ? `::${address}` : address);
  const bits = pieces?.map((piece) => piece.toString(2).padStart(16, "0"));
  if (bits === undefined) return null;
  return isV4 ? `4${bits.slice(-2).join("")}` : `6${bits.join("")}`;
}

/** A range such as `192.0.2.0/24`; an address is a range of one. */
const RANGE_REGEXP = /^([^/]*)(?:\/(\d{1,3}))?$/;

/** Returns how the {@linkcode addressBits} of a range begin; null for none. */
export function rangeBits(range: string): string | null {
  const [, network = "", prefix] = RANGE_REGEXP.exec(range) ?? [];
  const bits = addressBits(network);
  if (bits === null || prefix === undefined) return bits;
  const end = 1 + Number(prefix);
  return end <= bits.length ? bits.slice(0, end) : null;
}

// A label that begins with a digit is not the last one, which could be a number
const LABEL = "(?![0-9][a-z0-9-]*(?![a-z0-9.-]))[a-z0-9-]+";
const DOMAIN = String.raw`${LABEL}(?:\.${LABEL})*`;
// At most six pieces, none of them 0, so "::" replaces the only run of zeros
const PIECE = "[1-9a-f][0-9a-f]{0,3}";
const PIECES = `(?:${PIECE}(?::${PIECE}){0,2})?`;
const IPV6 = String.raw`\[${PIECES}::${PIECES}\]`;

/** The source of a regular expression for nearly every host in normal form. */
export const NORMAL_HOST = `${IPV4}|${DOMAIN}|${IPV6}`;
const NORMAL_HOST_REGEXP = new RegExp(`^(?:${NORMAL_HOST})$`);

const MAX_NAME_LENGTH = 253;
const BEYOND_ASCII_REGEXP = /[^\0-\x7f]/;
// URL standard 3.2: "forbidden domain code point".
const FORBIDDEN_REGEXP = /[\0-\x20#%/:<>?@[\\\]^|\x7f]/;
// The characters that UTS #46 ignores. The platform's tables are older and
// reject some. Removing them first also joins "<" with a U+0338 that they keep
// apart: the two make one character, which is allowed
const IGNORED_REGEXP =
  /[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2064\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0100}-\u{e01ef}]/gu;
// Unicode 16 lowercases these; the platform rejects them
const LOWERED_REGEXP = /[\u04c0\u10a0-\u10c5\u2132\u2183]/g;
// Finds one in a host that is percent-encoded, perhaps as an escape itself
const FORBIDDEN_OR_ESCAPED_REGEXP = /(?!%[89a-f])[\0-\x20#%/:<>?@[\\\]^|\x7f]/i;

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
 *
 * @category URLs
 */
export function parseHost(text: string): string {
  return parseHostAt(text, text, 0);
}

/** Parses a host; errors refer to its place in the input. */
export function parseHostAt(host: string, input: string, at: number): string {
  // The regular expression uses some stack for each label
  const isShort = host.length <= MAX_NAME_LENGTH;
  if (isShort && NORMAL_HOST_REGEXP.test(host)) return host;

  const fail = (code: UrlErrorCode, expected: string, offset = 0): never => {
    const message = mismatch("host", host, expected);
    throw new UrlError(message, { code, input, index: at + offset });
  };
  if (host === "") fail("missing-host", "a name or an address");
  if (host.startsWith("[")) {
    if (!host.endsWith("]")) fail("invalid-ipv6", '"]"', host.length);
    const address = parseIpv6(host.slice(1, -1));
    return `[${address ?? fail("invalid-ipv6", "an IPv6 address", 1)}]`;
  }
  const decoded = host.includes("%")
    ? new TextDecoder().decode(percentDecode(host))
    : host;
  const domain = domainToAscii(decoded);
  if (domain === "") fail("invalid-domain", "a name that IDNA allows");
  const forbidden = FORBIDDEN_REGEXP.exec(domain)?.[0];
  if (forbidden !== undefined) {
    const offset = Math.max(host.search(FORBIDDEN_OR_ESCAPED_REGEXP), 0);
    fail("forbidden-character", `no "${escapeText(forbidden)}" in it`, offset);
  }
  // URL standard 3.5: a domain whose last label is a number is an address
  if (!NUMBER_AT_END_REGEXP.test(domain)) return domain;
  return parseIpv4(domain) ??
    fail("invalid-ipv4", "an IPv4 address, as its last part is a number");
}

/**
 * Converts a domain to ASCII (URL standard 3.3). One in ASCII is only
 * lowercased, even if its Punycode is invalid. Any other is mapped by the
 * platform's UTS #46 tables, through `URL`: loading `node:url` slows startup.
 */
function domainToAscii(domain: string): string {
  if (!BEYOND_ASCII_REGEXP.test(domain)) return domain.toLowerCase();
  const mapped = domain.toWellFormed().replace(IGNORED_REGEXP, "")
    .replace(LOWERED_REGEXP, (letter) => letter.toLowerCase());
  // Normalizing can produce a "/", which `URL` would read as the end of the
  // host. Return the text instead: the caller rejects it
  const normal = mapped.normalize("NFKC");
  if (FORBIDDEN_REGEXP.test(normal)) return normal;
  // The extra label keeps `URL` from parsing an IPv4 address
  return URL.parse(`ws://${mapped}.a`)?.hostname.slice(0, -2) ?? "";
}
