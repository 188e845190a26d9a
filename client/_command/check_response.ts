// What the flags of the command require of a response.

import { parseHttpDate } from "../../message/field_values.ts";
import type { HeaderFields } from "../../message/header_fields.ts";
import { CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { IDLE_TIMEOUT } from "../_connect/deadline.ts";
import { ClientError, describeStatus } from "../error.ts";
import type { HttpClientResponse } from "../response.ts";
import type { Options } from "./options.ts";
import { parseContentRange } from "./resume.ts";

const RANGE_REGEXP = /^bytes=(\d*)-(\d*)$/;

/**
 * Checks that a response has only the bytes that were asked for. A server may
 * ignore a Range and send all of them (RFC 9110 section 14.2).
 *
 * @param response The response.
 * @param range The value of `Range`; several ranges are not checked.
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

/** Returns the length in the head if it tells where the body ends; or null. */
export function lengthOf({ end, headers }: HttpClientResponse): number | null {
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
export function isUnwanted(
  { status, headers }: Pick<HttpClientResponse, "status" | "headers">,
  options: Options,
): boolean {
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
export function checkStatus(
  { status, statusText, url }: HttpClientResponse,
): void {
  if (status < 400) return;
  const problem = `the server answered ${describeStatus(status, statusText)}`;
  throw new CommandError(EXIT.httpError, `Cannot get ${url}: ${problem}`);
}

/** When the speed of a body was last checked, and its size at that time. */
export type Check = readonly [at: number, size: number];

/**
 * Checks the size of a body, also one that the head announces, and the speed so
 * far. If no block comes, the client times out.
 *
 * @param size The number of bytes.
 * @param last The last check.
 * @param flags The flags, with `--max-filesize`, `-Y` and `-y`.
 * @returns The check that comes before the next one.
 * @throws {CommandError} If the size is over `--max-filesize`.
 * @throws {ClientError} If the speed is below `-Y`, which `--retry` may mend.
 */
export function checkLimits(size: number, last: Check, flags: Options): Check {
  // As in curl, 0 is no limit
  const limit = flags["max-filesize"] || Infinity;
  const { "speed-limit": minSpeed = 0, "speed-time": period } = flags;
  const problem = `it has at least ${size} bytes, over the limit of ${limit}`;
  const text = `Cannot accept body: ${problem}`;
  if (size > limit) throw new CommandError(EXIT.tooLarge, text);
  const [at, lastSize] = last;
  const now = performance.now();
  if (now - at < (period ?? IDLE_TIMEOUT)) return last;
  const speed = (size - lastSize) / (now - at) * 1000;
  const message = `Cannot continue: under ${minSpeed} bytes a second`;
  const fields = { code: "timeout", step: "exchange" } as const;
  if (speed < minSpeed) throw new ClientError(message, fields);
  return [now, size];
}
