const NUMBER_AT_END_REGEXP = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$/;
const HEX_REGEXP = /^0x[0-9a-f]*$/;
const OCTAL_REGEXP = /^0[0-7]+$/;
const DECIMAL_REGEXP = /^(?:0|[1-9][0-9]*)$/;

/**
 * Whether a domain in lower case must be read as an IPv4 address (URL standard
 * 3.5).
 */
export function endsInNumber(domain: string): boolean {
  return NUMBER_AT_END_REGEXP.test(domain);
}

/**
 * Reads an IPv4 address in any of its forms, such as `192.0.2.1`, `0xc0.0.513`
 * or `3221225985`, and writes it as four decimal numbers; null when it is none
 * (URL standard 3.5 and 3.6).
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

/** NaN, which is less than no limit, when the text is no number. */
function parseNumber(text: string): number {
  if (HEX_REGEXP.test(text)) return text === "0x" ? 0 : Number(text);
  if (OCTAL_REGEXP.test(text)) return parseInt(text, 8);
  return DECIMAL_REGEXP.test(text) ? Number(text) : NaN;
}
