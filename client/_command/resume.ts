import { parseHttpDate } from "../../message/field_values.ts";
import type { HeaderFields } from "../../message/header_fields.ts";
import { CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { describeStatus } from "../error.ts";
import type { HttpClientResponse } from "../response.ts";

/** Where an interrupted download can be resumed. */
export interface ResumePoint {
  /** The name of the complete file. */
  readonly path: string;
  /** How many bytes of the body the partial file holds. */
  readonly offset: number;
  /** The strong validator of the response that sent them. */
  readonly validator: string;
}

/**
 * What to do with a response: write the body from the start, append it to the
 * partial file, restart with a request for the whole body, or nothing, because
 * the file is complete.
 */
export type ResumeDecision = "write" | "append" | "restart" | "complete";

type Head = Pick<HttpClientResponse, "status" | "statusText" | "headers">;

const PART_RANGE_REGEXP = /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(\d{1,15})$/i;
const STRONG_ETAG_REGEXP = /^"[^"]*"$/;

/**
 * Decides what to do with a response.
 *
 * @param response The response.
 * @param point Where the request wanted to resume; null if it did not.
 * @throws {CommandError} If the download cannot be resumed.
 */
export function decideResume(
  response: Head,
  point: ResumePoint | null,
): ResumeDecision {
  if (point === null) return "write";
  const { path, offset, validator } = point;
  const { status, statusText, headers } = response;
  const act = `Cannot resume ${quote(path)}`;
  const range = headers.get("content-range") ?? "";
  const { first, last, size } = parseContentRange(range);
  if (status === 200 && range === "") return "write";
  // The connection may have broken after the last byte: nothing is missing
  if (status === 416) return size === offset ? "complete" : "restart";
  if (status !== 200 && status !== 206) {
    const text = describeStatus(status, statusText);
    const problem = `the server answered ${text}`;
    throw new CommandError(EXIT.httpError, `${act}: ${problem}`);
  }
  if (status === 206 && !hasValidator(headers, validator)) return "restart";
  if (status === 206 && first === offset && last === size - 1) return "append";
  const sent = `the server sent ${status} with Content-Range ${quote(range)}`;
  throw new CommandError(EXIT.rangeError, `${act} at ${offset}: ${sent}`);
}

/**
 * Returns a validator for `If-Range`, or null if none is strong. A date is
 * strong only if it was at least a second old when it was sent (RFC 9110
 * section 8.8.2.2).
 */
export function strongValidator(headers: HeaderFields): string | null {
  const etag = headers.get("etag") ?? "";
  if (STRONG_ETAG_REGEXP.test(etag)) return etag;
  const modified = headers.get("last-modified") ?? "";
  const age = (parseHttpDate(headers.get("date") ?? "") ?? NaN) -
    (parseHttpDate(modified) ?? NaN);
  return age >= 1000 ? modified : null;
}

/**
 * Whether a 206 is part of the same representation, which is checked because
 * some servers ignore `If-Range`. It has an ETag if the 200 had one (RFC 9110
 * section 15.3.7), but it may lack the date.
 */
function hasValidator(headers: HeaderFields, validator: string): boolean {
  return validator.startsWith('"')
    ? headers.get("etag") === validator
    : (headers.get("last-modified") ?? validator) === validator;
}

/** Parses a Content-Range. A missing number is `NaN`, which equals nothing. */
export function parseContentRange(value: string) {
  const [, first, last, size] = PART_RANGE_REGEXP.exec(value) ?? [];
  return { first: Number(first), last: Number(last), size: Number(size) };
}
