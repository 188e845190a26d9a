const PIECE_REGEXP = /^[0-9a-f]{1,4}$/i;
const BYTE_REGEXP = /^(?:0|[1-9][0-9]{0,2})$/;
const ZEROS_REGEXP = /\b0(?::0)+\b/g;
const COLONS_REGEXP = /:{3,}/;
const PIECES = 8;

/**
 * Reads an IPv6 address without its brackets and writes it in its shortest
 * form; null when it is none (URL standard 3.5 and 3.6, RFC 5952).
 */
export function parseIpv6(text: string): string | null {
  const [head = "", tail, ...more] = text.split("::");
  const before = parsePieces(head, tail === undefined);
  const after = tail === undefined ? [] : parsePieces(tail, true);
  const missing = PIECES - before.length - after.length;
  // "::" stands for one piece of zeros or more, and can stand only once.
  const fits = tail === undefined
    ? missing === 0
    : missing > 0 && more.length === 0;
  if (!fits) return null;
  const pieces = [...before, ...Array<number>(missing).fill(0), ...after];
  return pieces.some(Number.isNaN) ? null : writeIpv6(pieces);
}

/** Reads what stands on one side of `::`, NaN for each piece that is wrong. */
function parsePieces(side: string, isEnd: boolean): number[] {
  if (side === "") return [];
  const texts = side.split(":");
  const ipv4 = isEnd && texts.at(-1)!.includes(".") ? texts.pop()! : null;
  const pieces = texts.map((text) =>
    PIECE_REGEXP.test(text) ? parseInt(text, 16) : NaN
  );
  return ipv4 === null ? pieces : [...pieces, ...parseEmbeddedIpv4(ipv4)];
}

/** `192.0.2.1` counts as two pieces; no other form of IPv4 may stand here. */
function parseEmbeddedIpv4(text: string): [number, number] {
  const bytes = text.split(".").map((part) =>
    BYTE_REGEXP.test(part) ? Number(part) : NaN
  );
  const [a = NaN, b = NaN, c = NaN, d = NaN] = bytes;
  const isValid = bytes.length === 4 && bytes.every((byte) => byte < 256);
  return isValid ? [a * 256 + b, c * 256 + d] : [NaN, NaN];
}

function writeIpv6(pieces: readonly number[]): string {
  const text = pieces.map((piece) => piece.toString(16)).join(":");
  // The sort is stable: of runs of the same length the first comes first.
  const [longest] = [...text.matchAll(ZEROS_REGEXP)]
    .sort((a, b) => b[0].length - a[0].length);
  if (longest === undefined) return text;
  const { 0: zeros, index } = longest;
  const end = index + zeros.length;
  const shortest = `${text.slice(0, index)}::${text.slice(end)}`;
  return shortest.replace(COLONS_REGEXP, "::");
}
