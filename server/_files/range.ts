/** A part of a file: the offset of its first byte, and how many bytes. */
export interface ByteRange {
  readonly start: number;
  readonly length: number;
}

// ranges-specifier = "bytes" "=" ( first-pos "-" [ last-pos ] / "-"
// suffix-length )
const BYTE_RANGE_REGEXP = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/**
 * Reads a Range field (RFC 9110 section 14.1).
 *
 * @param value The field value.
 * @param size The size of the whole in bytes.
 * @returns The part asked for, cut to what there is; null for the whole, which
 *   is also the answer to several ranges, other units and what is malformed;
 *   416 if no byte of it exists.
 */
export function parseRange(
  value: string,
  size: number,
): ByteRange | null | 416 {
  const [, first, last] = BYTE_RANGE_REGEXP.exec(value) ?? [];
  if (first === undefined || last === undefined) return null;
  if (size === 0 || (first === "" && last === "")) return null;
  const start = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Number(last);
  if (start >= size || start > end) return 416;
  return { start, length: Math.min(end, size - 1) - start + 1 };
}
