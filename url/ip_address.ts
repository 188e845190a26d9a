const NUMBER_AT_END_REGEXP = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$/;
const HEX_REGEXP = /^0x[0-9a-f]*$/;
const OCTAL_REGEXP = /^0[0-7]+$/;
const DECIMAL_REGEXP = /^(?:0|[1-9][0-9]*)$/;

const BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
/** A regular expression's source for an IPv4 address in normal form. */
export const IPV4 = String.raw`(?:${BYTE}\.){3}${BYTE}`;
const IPV4_REGEXP = new RegExp(`^${IPV4}$`);

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const LETTER_A = 0x61;
const LETTER_F = 0x66;
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
  const pieces: number[] = [];
  // Where "::" is, which stands for one or more pieces of zeros
  let zerosAt = text.startsWith("::") ? 0 : -1;
  for (let start = zerosAt === 0 ? 2 : 0; start < text.length;) {
    const colon = text.indexOf(":", start);
    const end = colon === -1 ? text.length : colon;
    if (start === end) {
      if (start === 0 || zerosAt !== -1) return null;
      zerosAt = pieces.length;
    } else if (colon === -1 && text.includes(".", start)) {
      pieces.push(...parseEmbeddedIpv4(text.slice(start)));
    } else {
      pieces.push(parsePiece(text, start, end));
      if (end === text.length - 1) return null; // one colon at the end
    }
    start = end + 1;
  }
  const missing = PIECES - pieces.length;
  if (zerosAt === -1 ? missing !== 0 : missing < 1) return null;
  const address = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < pieces.length; i++) {
    address[i < zerosAt ? i : i + missing] = pieces[i]!;
  }
  return address.some(Number.isNaN) ? null : writeIpv6(address);
}

/** Parses one to four hexadecimal digits; NaN if they are something else. */
function parsePiece(text: string, start: number, end: number): number {
  if (end - start > 4) return NaN;
  let piece = 0;
  for (let i = start; i < end; i++) {
    piece = piece * 16 + hexDigit(text.charCodeAt(i));
  }
  return piece;
}

function hexDigit(code: number): number {
  if (code >= DIGIT_0 && code <= DIGIT_9) return code - DIGIT_0;
  const lower = code | 0x20;
  return lower >= LETTER_A && lower <= LETTER_F ? lower - LETTER_A + 10 : NaN;
}

/** `192.0.2.1` makes two pieces; no other form of IPv4 is allowed here. */
function parseEmbeddedIpv4(text: string): [number, number] {
  if (!isIpv4(text)) return [NaN, NaN];
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return [a * 256 + b, c * 256 + d];
}

function writeIpv6(pieces: readonly number[]): string {
  // The longest run of zeros becomes "::", the first of the same length
  let start = 0;
  let length = 1;
  for (let i = 0, run = 0; i < PIECES; i++) {
    run = pieces[i] === 0 ? run + 1 : 0;
    if (run > length) [start, length] = [i + 1 - run, run];
  }
  if (length === 1) return joinPieces(pieces, 0, PIECES);
  const before = joinPieces(pieces, 0, start);
  return `${before}::${joinPieces(pieces, start + length, PIECES)}`;
}

function joinPieces(
  pieces: readonly number[],
  start: number,
  end: number,
): string {
  let text = "";
  for (let i = start; i < end; i++) {
    text += (i === start ? "" : ":") + pieces[i]!.toString(16);
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
