const NUMBER_AT_END_REGEXP = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$/;
const HEX_REGEXP = /^0x[0-9a-f]*$/;
const OCTAL_REGEXP = /^0[0-7]+$/;
const DECIMAL_REGEXP = /^(?:0|[1-9][0-9]*)$/;

const BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
/** A regular expression's source for an IPv4 address in normal form. */
export const IPV4 = String.raw`(?:${BYTE}\.){3}${BYTE}`;
const IPV4_REGEXP = new RegExp(`^${IPV4}$`);

const PIECE_REGEXP = /^[0-9a-f]{1,4}$/i;
const ZEROS_REGEXP = /\b0(?::0)+\b/g;
const COLONS_REGEXP = /:{3,}/;
const PIECES = 8;

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
 * Whether a domain in lower case has to be parsed as an IPv4 address, because
 * its last label is a number (URL standard 3.5).
 */
export function endsInNumber(domain: string): boolean {
  return NUMBER_AT_END_REGEXP.test(domain);
}

/**
 * Parses an IPv4 address in any of its forms, such as `192.0.2.1`, `0xc0.0.513`
 * or `3221225985`, and returns it as four decimal numbers; null if it is
 * invalid (URL standard 3.5 and 3.6).
 */
export function parseIpv4(text: string): string | null {
  const parts = text.split(".");
  if (parts.at(-1) === "") parts.pop();
  const numbers = parts.map(parseNumber);
  // The last number fills all the bytes that are left.
  const last = numbers.pop() ?? NaN;
  const isValid = numbers.length < 4 && last < 256 ** (4 - numbers.length) &&
    numbers.every((number) => number < 256);
  if (!isValid) return null;
  const address = numbers.reduce(
    (sum, number, i) => sum + number * 256 ** (3 - i),
    last,
  );
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}

/** NaN if the text is not a number: it compares as false with any limit. */
function parseNumber(text: string): number {
  if (HEX_REGEXP.test(text)) return text === "0x" ? 0 : Number(text);
  if (OCTAL_REGEXP.test(text)) return parseInt(text, 8);
  return DECIMAL_REGEXP.test(text) ? Number(text) : NaN;
}

/**
 * Parses an IPv6 address without its brackets and returns its shortest form;
 * null if it is invalid (URL standard 3.5 and 3.6, RFC 5952).
 */
export function parseIpv6(text: string): string | null {
  const [head = "", tail, ...more] = text.split("::");
  const before = parsePieces(head, tail === undefined);
  const after = tail === undefined ? [] : parsePieces(tail, true);
  const missing = PIECES - before.length - after.length;
  // "::" stands for one or more pieces of zeros, and may occur only once.
  const fits = tail === undefined
    ? missing === 0
    : missing > 0 && more.length === 0;
  if (!fits) return null;
  const pieces = [...before, ...Array<number>(missing).fill(0), ...after];
  return pieces.some(Number.isNaN) ? null : writeIpv6(pieces);
}

/** The pieces on one side of `::`; NaN for each that is invalid. */
function parsePieces(side: string, isEnd: boolean): number[] {
  if (side === "") return [];
  const texts = side.split(":");
  const ipv4 = isEnd && texts.at(-1)!.includes(".") ? texts.pop()! : null;
  const pieces = texts.map((text) =>
    PIECE_REGEXP.test(text) ? parseInt(text, 16) : NaN
  );
  return ipv4 === null ? pieces : [...pieces, ...parseEmbeddedIpv4(ipv4)];
}

/** `192.0.2.1` makes two pieces; no other form of IPv4 is allowed here. */
function parseEmbeddedIpv4(text: string): [number, number] {
  if (!isIpv4(text)) return [NaN, NaN];
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return [a * 256 + b, c * 256 + d];
}

function writeIpv6(pieces: readonly number[]): string {
  const text = pieces.map((piece) => piece.toString(16)).join(":");
  // The sort is stable: the first of the runs of the same length stays first.
  const [longest] = [...text.matchAll(ZEROS_REGEXP)]
    .sort((a, b) => b[0].length - a[0].length);
  if (longest === undefined) return text;
  const { 0: zeros, index } = longest;
  const end = index + zeros.length;
  const shortest = `${text.slice(0, index)}::${text.slice(end)}`;
  return shortest.replace(COLONS_REGEXP, "::");
}

/**
 * An IPv4 address that a socket of IPv6 tells of as `::ffff:192.0.2.1` (RFC
 * 4291 section 2.5.5.2), as itself; other addresses stay.
 */
export function unmapped(address: string): string {
  const ipv4 = address.slice("::ffff:".length);
  return address.startsWith("::ffff:") && isIpv4(ipv4) ? ipv4 : address;
}
