import { quote, UrlError } from "./error.ts";

const PIECE_REGEXP = /^[0-9a-f]{1,4}$/i;
const BYTE_REGEXP = /^(?:0|[1-9][0-9]{0,2})$/;
const PIECES = 8;

/**
 * Reads an IPv6 address without its brackets and writes it in its shortest
 * form (URL standard 3.5 and 3.6, RFC 5952).
 */
export function parseIpv6(text: string): string {
  const sides = text.split("::");
  const head = parsePieces(sides[0]!, sides.length === 1);
  const tail = sides.length === 1 ? [] : parsePieces(sides[1]!, true);
  const missing = PIECES - head.length - tail.length;
  // "::" stands for one piece of zeros or more, and can stand only once.
  const valid = sides.length === 1
    ? missing === 0
    : sides.length === 2 && missing > 0;
  const pieces = [...head, ...Array(valid ? missing : 0).fill(0), ...tail];
  if (!valid || pieces.some(Number.isNaN)) {
    const message = `Cannot parse host ${
      quote(`[${text}]`)
    }: expected an IPv6 address`;
    throw new UrlError(message, {
      code: "invalid-ipv6",
      input: text,
      index: 0,
    });
  }
  return writeIpv6(pieces);
}

/** Reads what stands on one side of `::`, NaN for each piece that is wrong. */
function parsePieces(side: string, atEnd: boolean): number[] {
  if (side === "") return [];
  const texts = side.split(":");
  const ipv4 = atEnd && texts.at(-1)!.includes(".") ? texts.pop()! : null;
  const pieces = texts.map((text) =>
    PIECE_REGEXP.test(text) ? parseInt(text, 16) : NaN
  );
  if (ipv4 !== null) pieces.push(...parseEmbeddedIpv4(ipv4));
  return pieces;
}

/** `192.0.2.1` is two pieces; here no other form of IPv4 counts. */
function parseEmbeddedIpv4(text: string): number[] {
  const bytes = text.split(".").map((part) =>
    BYTE_REGEXP.test(part) ? Number(part) : NaN
  );
  if (bytes.length !== 4 || !bytes.every((byte) => byte < 256)) {
    return [NaN, NaN];
  }
  return [bytes[0]! * 256 + bytes[1]!, bytes[2]! * 256 + bytes[3]!];
}

function writeIpv6(pieces: readonly number[]): string {
  const zeros = longestZeros(pieces);
  const hex = pieces.map((piece) => piece.toString(16));
  if (zeros.length < 2) return hex.join(":");
  const head = hex.slice(0, zeros.start).join(":");
  const tail = hex.slice(zeros.start + zeros.length).join(":");
  return `${head}::${tail}`;
}

/** Finds the first of the longest runs of zeros. */
function longestZeros(
  pieces: readonly number[],
): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let length = 0;
  pieces.forEach((piece, i) => {
    length = piece === 0 ? length + 1 : 0;
    if (length > longest.length) longest = { start: i - length + 1, length };
  });
  return longest;
}
