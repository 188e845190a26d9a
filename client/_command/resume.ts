import { parseHttpDate } from "../../message/http_date.ts";
import type { HeaderFields } from "../../message/header_fields.ts";
import { CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import type { HttpClientResponse } from "../response.ts";

/** Where a cut download goes on. */
export interface ResumePoint {
  /** The file. */
  readonly path: string;
  /** How many bytes of the body are there. */
  readonly offset: number;
  /** The strong validator of the response they came with. */
  readonly validator: string;
}

/**
 * What to do with a response: write its body, whole or after what is there;
 * ask once more, for the whole body; or nothing, since all of it is there.
 */
export type ResumeDecision = "write" | "append" | "restart" | "complete";

type Head = Pick<HttpClientResponse, "status" | "statusText" | "headers">;

const CONTENT_RANGE_REGEXP =
  /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(\d{1,15})$/i;
const STRONG_ETAG_REGEXP = /^"[^"]*"$/;

/** The fields that ask for the missing bytes, if nothing changed. */
export function resumeFields(
  { offset, validator }: ResumePoint,
): [name: string, value: string][] {
  return [["Range", `bytes=${offset}-`], ["If-Range", validator]];
}

/**
 * Decides what to do with a response.
 *
 * @param response The response.
 * @param point After which bytes the rest was asked for; null if the whole was.
 * @throws {CommandError} If the rest was asked for and cannot be had.
 */
export function decideResume(
  response: Head,
  point: ResumePoint | null,
): ResumeDecision {
  if (point === null) return "write";
  const { path, offset, validator } = point;
  const { status, statusText, headers } = response;
  const range = headers.get("content-range") ?? "";
  const { first, last, size } = parseContentRange(range);
  if (status === 200) return "write";
  // The connection may have broken at the very end of the body
  if (status === 416) return size === offset ? "complete" : "restart";
  if (status !== 206) {
    throw new CommandError(
      EXIT.httpError,
      `Cannot go on with ${
        quote(path)
      }: the server answered ${status} ${statusText}`,
    );
  }
  if (!isSame(headers, validator)) return "restart";
  if (first === offset && last === size - 1) return "append";
  throw new CommandError(
    EXIT.rangeError,
    `Cannot go on with ${quote(path)} at ${offset}: the server sent ${
      quote(range)
    }`,
  );
}

/**
 * Finds the validator with which the rest of a body can be asked for, or null.
 * A date is a strong one only if it was at least a second old when it was sent
 * (RFC 9110 section 8.8.2.2).
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
 * Whether a 206 is of the same representation: not every server heeds
 * `If-Range`. It has an ETag if the 200 had one (RFC 9110 section 15.3.7),
 * while a date may be left out.
 */
function isSame(headers: HeaderFields, validator: string): boolean {
  return validator.startsWith('"')
    ? headers.get("etag") === validator
    : (headers.get("last-modified") ?? validator) === validator;
}

/** Numbers that are not there are `NaN`, which equals nothing. */
function parseContentRange(value: string) {
  const [, first, last, size] = CONTENT_RANGE_REGEXP.exec(value) ?? [];
  return { first: Number(first), last: Number(last), size: Number(size) };
}
