const NUMBER_AT_END_REGEXP = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$/;
const HEX_REGEXP = /^0x[0-9a-f]*$/;
const OCTAL_REGEXP = /^0[0-7]+$/;
const DECIMAL_REGEXP = /^(?:0|[1-9][0-9]*)$/;

const BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
/** A regular expression's source for an IPv4 address in normal form. */
export const IPV4 = String.raw`(?:${BYTE}\.){3}${BYTE}`;
const IPV4_REGEXP = new RegExp(`^${IPV4}$`);

// An IPv4 address may stand at the end only
const IPV6_CHARACTERS_REGEXP = /^[0-9a-f:]*[0-9.]*$/i;
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
  if (!IPV6_CHARACTERS_REGEXP.test(text)) return null;
  const pieces: number[] = [];
  // Where "::" is, which stands for one or more pieces of zeros
  let zerosAt = text.startsWith("::") ? 0 : -1;
  for (let start = zerosAt === 0 ? 2 : 0; start < text.length;) {
    const colon = text.indexOf(":", start);
    const end = colon === -1 ? text.length : colon;
    const piece = text.slice(start, end);
    if (piece === "") {
      if (start === 0 || zerosAt !== -1) return null;
      zerosAt = pieces.length;
    } else if (colon === -1 && piece.includes(".")) {
      if (!isIpv4(piece)) return null;
      const [a = 0, b = 0, c = 0, d = 0] = piece.split(".").map(Number);
      pieces.push(a * 256 + b, c * 256 + d);
    } else {
      // Not longer, and no colon alone at the end
      if (piece.length > 4 || end === text.length - 1) return null;
      pieces.push(parseInt(piece, 16));
    }
    start = end + 1;
  }
  const missing = PIECES - pieces.length;
  if (zerosAt === -1 ? missing !== 0 : missing < 1) return null;
  const address = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < pieces.length; i++) {
    address[i < zerosAt ? i : i + missing] = pieces[i]!;
  }
  return writeIpv6(address);
}

function writeIpv6(pieces: readonly number[]): string {
  // The longest run of zeros becomes "::", the first of the same length
  let start = 0;
  let length = 1;
  for (let i = 0, run = 0; i < PIECES; i++) {
    run = pieces[i] === 0 ? run + 1 : 0;
    if (run > length) [start, length] = [i + 1 - run, run];
  }
  let text = "";
  for (let i = 0; i < PIECES; i++) {
    if (i === start && length > 1) {
      text += i === 0 ? "::" : ":";
      i += length - 1;
    } else text += pieces[i]!.toString(16) + (i < PIECES - 1 ? ":" : "");
  }
  return text;
}

/**
 * An IPv4 address that a socket of IPv6 tells of as `::ffff:192.0.2.1` (RFC
 * 4291 section 2.5.5.2), as itself; other addresses stay.
 */
export function unmapped(address: string): string {
  const ipv4 = address.slice("::ffff:".length);
  return address.startsWith("::ffff:") && isIpv4(ipv4) ? ipv4 : address;
}
