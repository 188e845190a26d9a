// RFC 9110 section 13: a request may say which version of a file it is about.

import { type HeaderFields, parseHttpDate } from "../../message/mod.ts";

/** What tells versions of a file apart. */
export interface Validators {
  /** The entity tag, in quotes; null if there is nothing to make one of. */
  readonly etag: string | null;
  /**
   * When the file last changed: whole seconds, in milliseconds since 1970; null
   * if that is not known.
   */
  readonly lastModified: number | null;
}

const CONDITIONS = [
  "if-none-match",
  "if-modified-since",
  "if-match",
  "if-unmodified-since",
  "range",
];

/** Whether the answer may be other than the whole file. */
export function isConditional(headers: HeaderFields): boolean {
  for (const name of CONDITIONS) if (headers.has(name)) return true;
  return false;
}

/**
 * Evaluates the preconditions of a GET or HEAD, in the order of RFC 9110
 * section 13.2.2.
 *
 * @returns 412 if one forbids the answer, 304 if the client has this version,
 *   else 200.
 */
export function evaluatePreconditions(
  headers: HeaderFields,
  { etag, lastModified }: Validators,
): 200 | 304 | 412 {
  const ifMatch = headers.get("if-match");
  const unmodifiedSince = dateOf(headers, "if-unmodified-since");
  if (ifMatch !== null) {
    if (!hasTag(ifMatch, etag, "strong")) return 412;
  } else if (unmodifiedSince !== null && lastModified !== null) {
    if (lastModified > unmodifiedSince) return 412;
  }
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) {
    return hasTag(ifNoneMatch, etag, "weak") ? 304 : 200;
  }
  const modifiedSince = dateOf(headers, "if-modified-since");
  return modifiedSince !== null && lastModified !== null &&
      lastModified <= modifiedSince
    ? 304
    : 200;
}

/**
 * Whether the range of a request is about this version (RFC 9110 section
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

/** A date that is malformed, or there several times, counts as not there. */
function dateOf(headers: HeaderFields, name: string): number | null {
  const value = headers.get(name);
  return value === null ? null : parseHttpDate(value);
}

// If-Match = "*" / #entity-tag; entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE
const ENTITY_TAG_REGEXP =
  /[ \t,]*(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)/y;

/**
 * Whether a list names a tag; the strong comparison holds weak ones for
 * different (RFC 9110 section 8.8.3.2).
 */
function hasTag(
  list: string,
  etag: string | null,
  comparison: "strong" | "weak",
): boolean {
  if (list === "*" || list === etag) return true;
  ENTITY_TAG_REGEXP.lastIndex = 0;
  for (
    let match = ENTITY_TAG_REGEXP.exec(list);
    match !== null;
    match = ENTITY_TAG_REGEXP.exec(list)
  ) {
    const isWeak = match[1] !== undefined;
    if (match[2] === etag && !(isWeak && comparison === "strong")) return true;
  }
  return false;
}
