// What the flags of the command require of a response.

import { parseHttpDate } from "../../message/field_values.ts";
import type { HeaderFields } from "../../message/header_fields.ts";
import { CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { IDLE_TIMEOUT } from "../_connect/deadline.ts";
import { ClientError, describeStatus } from "../error.ts";
import type { HttpClientResponse } from "../response.ts";
import type { Options } from "./options.ts";

type Head = Pick<HttpClientResponse, "status" | "headers">;
type FramedHead = Head & Pick<HttpClientResponse, "end">;

const RANGE_REGEXP = /^bytes=(\d*)-(\d*)$/;
const PART_RANGE_REGEXP = /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(\d{1,15})$/i;
const STRONG_ETAG_REGEXP = /^"[^"]*"$/;

/**
 * Checks that a response has only the bytes that were asked for. A server may
 * ignore a Range and send all of them (RFC 9110 section 14.2).
 *
 * @param response The response.
 * @param range The value of `Range`, "" for none; several are not checked.
 * @throws {CommandError} If it has others.
 */
export function checkRange(response: HttpClientResponse, range: string): void {
  const { status, headers, end, url } = response;
  const [, from, to] = RANGE_REGEXP.exec(range) ?? [];
  if (from === undefined || end === "none") return;
  const length = lengthOf(response) ?? Infinity;
  const sent = status === 206
    ? parseContentRange(headers.get("content-range") ?? "")
    : { first: 0, last: length - 1, size: length };
  if (![200, 206].includes(status) || Number.isNaN(sent.first)) return;
  const first = from === "" ? sent.size - Number(to) : Number(from);
  const last = from === "" || to === "" ? sent.size - 1 : Number(to);
  const isLonger = end === "length" && length > last - first + 1;
  if (sent.first >= first && sent.last <= last && !isLonger) return;
  const content = status === 200 ? "all of it, with status 200" : "other bytes";
  const act = `Cannot get ${quote(range)} of ${url}`;
  throw new CommandError(EXIT.rangeError, `${act}: the server sent ${content}`);
}

/** @throws {ClientError} If a part has fewer or more bytes than its range. */
export function checkPart({ status, headers }: Head, size: number): void {
  const { first, last } = parseContentRange(headers.get("content-range") ?? "");
  const announced = status === 206 ? last - first + 1 : NaN;
  if (size === announced || Number.isNaN(announced)) return;
  const code = size < announced ? "truncated" : "malformed";
  const message =
    `Cannot read body: the part has ${size} of ${announced} bytes`;
  throw new ClientError(message, { code, step: "exchange" });
}

/** Returns the length in the head if it tells where the body ends; or null. */
export function lengthOf({ end, headers }: FramedHead): number | null {
  // It may be repeated, as in "5, 5" (RFC 9110 section 8.6)
  return end === "length" ? parseInt(headers.get("content-length")!) : null;
}

/** Returns the time in Last-Modified, even with a wrong weekday; or NaN. */
export function lastModifiedOf(headers: HeaderFields): number {
  const text = headers.get("last-modified") ?? "";
  return parseHttpDate(text) ?? Date.parse(text);
}

/**
 * Whether the body is not wanted: the server sent 304, or a 200 whose date does
 * not meet the condition of `-z`.
 */
export function isUnwanted(head: Head, options: Options): boolean {
  const { status, headers } = head;
  const [name, date] = options["time-cond"] ?? [];
  if (status !== 200 || date === undefined) return status === 304;
  return name === "If-Modified-Since"
    ? lastModifiedOf(headers) <= Date.parse(date)
    : lastModifiedOf(headers) > Date.parse(date);
}

/** Whether a server asks for Basic credentials. */
export function asksForBasic({ status, headers }: HttpClientResponse): boolean {
  const challenges = headers.getAll("www-authenticate").join();
  return status === 401 && /(?:^|[\s,])basic\b/i.test(challenges);
}

/** @throws {CommandError} If the status is 400 or more. */
export function checkStatus(response: HttpClientResponse): void {
  const { status, statusText, url } = response;
  if (status < 400) return;
  const problem = `the server answered ${describeStatus(status, statusText)}`;
  throw new CommandError(EXIT.httpError, `Cannot get ${url}: ${problem}`);
}

/**
 * Checks the size of a body, also one that the head announces.
 *
 * @throws {CommandError} If it is over `--max-filesize`.
 */
export function checkSize(size: number, options: Options): void {
  // As in curl, 0 is no limit
  const limit = options["max-filesize"] || Infinity;
  if (size <= limit) return;
  const problem = `it has at least ${size} bytes, over the limit of ${limit}`;
  throw new CommandError(EXIT.tooLarge, `Cannot accept body: ${problem}`);
}

/** When the speed of a body was last checked, and its size at that time. */
export type Check = readonly [at: number, size: number];

/**
 * Checks the speed of a body after a block. If no block comes, the client times
 * out.
 *
 * @returns The last check, for the next call.
 * @throws {ClientError} If it is below `-Y`, which `--retry` may mend.
 */
export function checkSpeed(size: number, last: Check, options: Options): Check {
  const { "speed-limit": limit = 0, "speed-time": period } = options;
  const [at, lastSize] = last;
  const now = performance.now();
  if (now - at < (period ?? IDLE_TIMEOUT)) return last;
  const speed = (size - lastSize) / (now - at) * 1000;
  if (speed < limit) {
    const message = `Cannot continue: under ${limit} bytes a second`;
    throw new ClientError(message, { code: "timeout", step: "exchange" });
  }
  return [now, size];
}

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

/**
 * Decides what to do with a response.
 *
 * @param response The response.
 * @param point Where the request wanted to resume; null if it did not.
 * @throws {CommandError} If the download cannot be resumed.
 */
export function decideResume(response: FramedHead, point: ResumePoint | null) {
  if (point === null) return "write";
  const { path, offset, validator } = point;
  const { status, headers } = response;
  const range = headers.get("content-range") ?? "";
  const { first, last, size } = parseContentRange(range);
  if (status === 200 && range === "") return "write";
  // The connection may have broken after the last byte: nothing is missing
  if (status === 416) return size === offset ? "complete" : "restart";
  if (status === 206 && !hasValidator(headers, validator)) return "restart";
  const length = lengthOf(response) ?? size - offset;
  const isRest = first === offset && last === size - 1 &&
    length === size - offset;
  if (status === 206 && isRest) return "append";
  const sent = `the server sent ${status} with Content-Range ${quote(range)}`;
  const act = `Cannot resume ${quote(path)} at ${offset}`;
  throw new CommandError(EXIT.rangeError, `${act}: ${sent}`);
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
function parseContentRange(value: string) {
  const [, first, last, size] = PART_RANGE_REGEXP.exec(value) ?? [];
  return { first: Number(first), last: Number(last), size: Number(size) };
}
