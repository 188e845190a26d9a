// Selects what a request gets of a file: which version (preconditions, RFC 9110
// section 13), and which bytes (ranges, section 14).

import { type HeaderFields, parseHttpDate } from "../../message/mod.ts";
import type { HttpRequest } from "../http_request.ts";

/** What tells versions of a file apart. */
export interface Validators {
  /** The entity tag, in quotes; null if none can be made. */
  readonly etag: string | null;
  /**
   * When the file last changed, in milliseconds since 1970, but in whole
   * seconds; null if that is not known.
   */
  readonly lastModified: number | null;
}

/** A part of a file: the offset of its first byte, and its length in bytes. */
export interface ByteRange {
  readonly start: number;
  readonly length: number;
}

/** The parts of a request that select what is sent of a file. */
export type FileRequest = Pick<HttpRequest, "method" | "headers" | "decide">;

/**
 * Selects what is sent of a file: preconditions first, then the range (RFC 9110
 * section 13.2.2).
 *
 * @returns The part that is sent; null for all of the file; or the status of a
 *   response without any of it.
 */
export function selectPart(
  { method, headers, decide }: FileRequest,
  file: Validators & { readonly size: number },
): ByteRange | null | 304 | 412 | 416 {
  const condition = findCondition(headers, file);
  if (condition !== null) {
    const isFresh = ["If-None-Match", "If-Modified-Since"].includes(condition);
    const status = isFresh ? 304 : 412;
    decide?.("condition", `${status} by ${condition}`);
    return status;
  }
  // RFC 9110 section 14.2: only GET has ranges
  const value = method === "GET" ? headers.get("range") : null;
  if (value === null) return null;
  const isCurrent = isRangeCurrent(headers, file);
  const range = isCurrent ? parseRange(value, file.size) : null;
  const count = range === 416 ? "none" : range?.length ?? "all";
  decide?.("range", `${value} is ${count} of ${file.size} bytes`);
  return range;
}

/**
 * Evaluates the preconditions of a GET or HEAD, in the order of RFC 9110
 * section 13.2.2.
 *
 * @returns The name of the one that keeps the file from being sent; null if
 *   none does.
 */
export function findCondition(
  headers: HeaderFields,
  { etag, lastModified }: Validators,
): string | null {
  const modified = lastModified ?? NaN;
  const ifMatch = headers.get("if-match");
  if (ifMatch === null) {
    const since = dateOf(headers, "if-unmodified-since");
    if (modified > since) return "If-Unmodified-Since";
  } else if (!hasTag(ifMatch, etag, "strong")) return "If-Match";
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch === null) {
    const since = dateOf(headers, "if-modified-since");
    if (modified <= since) return "If-Modified-Since";
  } else if (hasTag(ifNoneMatch, etag, "weak")) return "If-None-Match";
  return null;
}

/**
 * Whether the range of a request is one of this version (RFC 9110 section
 * 13.1.5), so that two versions are never spliced.
 */
export function isRangeCurrent(
  headers: HeaderFields,
  { etag, lastModified }: Validators,
): boolean {
  const ifRange = headers.get("if-range");
  if (ifRange === null) return true;
  if (ifRange.endsWith('"')) return ifRange === etag;
  return lastModified !== null && parseHttpDate(ifRange) === lastModified;
}

/**
 * Parses a date field; NaN if it is missing, malformed or repeated: no time is
 * before or after that.
 */
function dateOf(headers: HeaderFields, name: string): number {
  return parseHttpDate(headers.get(name) ?? "") ?? NaN;
}

// If-Match = "*" / #entity-tag; entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE
const ENTITY_TAG_REGEXP =
  /[ \t,]*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)/gy;

/**
 * Whether a list contains a tag. In the strong comparison, weak tags never
 * match (RFC 9110 section 8.8.3.2).
 */
function hasTag(
  list: string,
  etag: string | null,
  comparison: "strong" | "weak",
): boolean {
  if (list === "*" || list === etag) return true;
  return list.matchAll(ENTITY_TAG_REGEXP).some(([, weak, tag]) =>
    tag === etag && (weak === undefined || comparison === "weak")
  );
}

// ranges-specifier = "bytes" "=" ( first-pos "-" [ last-pos ] / "-"
// suffix-length )
const BYTE_RANGE_REGEXP = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/**
 * Parses a Range field (RFC 9110 section 14.1).
 *
 * @param value The field value.
 * @param size The size of the file in bytes.
 * @returns The requested part, cut to what exists; null for the whole file,
 *   also for several ranges, other units and malformed values; 416 if none of
 *   the bytes exist.
 */
export function parseRange(
  value: string,
  size: number,
): ByteRange | null | 416 {
  const [, first, last] = BYTE_RANGE_REGEXP.exec(value) ?? [];
  if (first === undefined || last === undefined) return null;
  if (size === 0 || (first === "" && last === "")) return null;
  const start = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === "" || last === "" ? Infinity : Number(last);
  if (start >= size || start > end) return 416;
  return { start, length: Math.min(end, size - 1) - start + 1 };
}
