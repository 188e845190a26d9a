// Field values with a grammar of their own: lists with a quality, dates and
// credentials.

import { octetsToText, splitList, textToOctets } from "./_octets.ts";

/**
 * A member of a list such as `Accept` or `Accept-Encoding`.
 *
 * @example Find the languages that a user reads
 * ```ts
 * import { parseQualityValues, type QualityValue } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const isWanted = ({ quality }: QualityValue) => quality > 0;
 * const wanted = parseQualityValues("de, en;q=0.8, fr;q=0").filter(isWanted);
 * assertEquals(wanted.map(({ value }) => value), ["de", "en"]);
 * ```
 *
 * @category Messages
 */
export interface QualityValue {
  /** The media range, coding or language, in lower case, without parameters. */
  readonly value: string;
  /** The quality, from 0 (not acceptable) to 1. */
  readonly quality: number;
}

// weight = OWS ";" OWS "q=" qvalue (RFC 9110 section 12.4.2)
const QVALUE_REGEXP = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/**
 * Parses a list with quality values in linear time (RFC 9110 section 12.4.2).
 *
 * @param list The field value.
 * @returns The members in order, except those whose quality is invalid.
 *
 * @example Usage
 * ```ts
 * import { parseQualityValues } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseQualityValues("gzip;q=0.5, br"), [
 *   { value: "gzip", quality: 0.5 },
 *   { value: "br", quality: 1 },
 * ]);
 * ```
 *
 * @category Messages
 */
export function parseQualityValues(list: string): QualityValue[] {
  return splitList(list.toLowerCase()).flatMap((member) => {
    const [value = "", ...parameters] = splitList(member, ";");
    const weight = parameters.find((text) => text.startsWith("q=")) ?? "q=1";
    const digits = weight.slice(2);
    if (!QVALUE_REGEXP.test(digits)) return [];
    return [{ value, quality: Number(digits) }];
  });
}

/**
 * Finds the quality of a coding or media type.
 *
 * @param values The members of the list.
 * @param wanted The coding (`gzip`) or media type (`text/html`), in lower case.
 * @returns The quality of the most specific member that matches: the full name,
 *   then `text/*`, then the wildcard for all; null if none matches.
 *
 * @example Usage
 * ```ts
 * import { parseQualityValues, qualityOf } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const values = parseQualityValues("text/*;q=0.3, text/html");
 * assertEquals(qualityOf(values, "text/html"), 1);
 * assertEquals(qualityOf(values, "text/plain"), 0.3);
 * assertEquals(qualityOf(values, "image/png"), null);
 * ```
 *
 * @category Messages
 */
export function qualityOf(
  values: readonly QualityValue[],
  wanted: string,
): number | null {
  const slash = wanted.indexOf("/");
  const names = slash < 0
    ? [wanted, "*"]
    : [wanted, wanted.slice(0, slash) + "/*", "*/*"];
  for (const name of names) {
    const match = values.find(({ value }) => value === name);
    if (match !== undefined) return match.quality;
  }
  return null;
}

// HTTP-date = IMF-fixdate / rfc850-date / asctime-date (RFC 9110 section
// 5.6.7), case-sensitive, always UTC. The two old forms are rewritten as the
// first one, which the platform reads. It accepts much else, but it writes only
// valid dates, so what it writes must be what was read.

const RFC850_REGEXP =
  /^((?:Sun|Mon|Tues|Wednes|Thurs|Fri|Satur)day), (\d\d)-(\w+)-(\d\d) (.*)$/;
const ASCTIME_REGEXP = /^(\w+) (\w+) ([\d ]\d) ([\d:]+) (\d{4})$/;

/**
 * Parses an HTTP date in any of its three forms.
 *
 * @param text The field value.
 * @param now The current time in milliseconds since 1970; it decides the
 *   century of a two-digit year.
 * @returns Milliseconds since 1970, or null if the text is not a valid date, as
 *   with February 30 or the wrong weekday, or its year is below 100.
 *
 * @example Usage
 * ```ts
 * import { parseHttpDate } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777000);
 * assertEquals(parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777000);
 * assertEquals(parseHttpDate("Sun Nov  6 08:49:37 1994"), 784111777000);
 * assertEquals(parseHttpDate("1994-11-06"), null);
 * ```
 *
 * @category Messages
 */
export function parseHttpDate(
  text: string,
  now: number = Date.now(),
): number | null {
  const fixdate = text
    .replace(RFC850_REGEXP, (_, day, date, month, digits, rest) => {
      const year = fullYearOf(Number(digits), new Date(now).getUTCFullYear());
      return `${day.slice(0, 3)}, ${date} ${month} ${year} ${rest}`;
    })
    .replace(ASCTIME_REGEXP, (_, day, month, date, time, year) => {
      return `${day}, ${date.replace(" ", "0")} ${month} ${year} ${time} GMT`;
    })
    // A leap second counts as the last second of its minute
    .replace(/:60 GMT$/, ":59 GMT");
  if (fixdate.length !== 29) return null; // a year of five digits
  const time = Date.parse(fixdate);
  return new Date(time).toUTCString() === fixdate ? time : null;
}

/**
 * Completes a two-digit year: one that appears to be more than 50 years ahead
 * is in the past (RFC 9110 section 5.6.7).
 */
function fullYearOf(digits: number, thisYear: number): number {
  const year = thisYear - (thisYear % 100) + digits;
  if (year > thisYear + 50) return year - 100;
  return year <= thisYear - 50 ? year + 100 : year;
}

/**
 * Writes a time as IMF-fixdate, the only form that may be sent.
 *
 * @param time Milliseconds since 1970.
 * @returns Text such as `Sun, 06 Nov 1994 08:49:37 GMT`.
 * @throws {RangeError} If the time is not within the years 0 to 9999.
 *
 * @example Usage
 * ```ts
 * import { writeHttpDate } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(writeHttpDate(784111777999), "Sun, 06 Nov 1994 08:49:37 GMT");
 * ```
 *
 * @category Messages
 */
export function writeHttpDate(time: number): string {
  const date = new Date(time);
  const year = date.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) {
    const message = `Cannot write date ${time}: not within the years 0 to 9999`;
    throw new RangeError(message);
  }
  return date.toUTCString(); // IMF-fixdate, by ECMA-262 section 21.4.4.43
}

// Basic credentials (RFC 7617): base64 of user-id ":" password, in UTF-8

/**
 * A username and a password.
 *
 * @example Use the same on both sides
 * ```ts
 * import { type Credentials, get, serve, withBasicAuth } from "@knock/http";
 * import { writeBasicCredentials } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const ada: Credentials = { username: "ada", password: "1815" };
 * const handler = withBasicAuth(() => ({ status: 204 }), [ada]);
 * await using server = serve(handler, { port: 0 });
 *
 * const headers = { "Authorization": writeBasicCredentials(ada) };
 * assertEquals((await get(server.url, { headers })).status, 204);
 * ```
 *
 * @category Messages
 */
export interface Credentials {
  /** The username, without a colon. */
  readonly username: string;
  /** The password. */
  readonly password: string;
}

// base64: groups of four characters; the last group may lack its padding
const BASIC_REGEXP =
  /^Basic +((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?)$/i;

/**
 * Parses the value of an `Authorization` field with the Basic scheme.
 *
 * @param value The field value.
 * @returns Username and password, or null if the scheme is not Basic or the
 *   value is invalid.
 *
 * @example Usage
 * ```ts
 * import { parseBasicCredentials } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseBasicCredentials("Basic YTpi"), {
 *   username: "a",
 *   password: "b",
 * });
 * assertEquals(parseBasicCredentials("Bearer x"), null);
 * ```
 *
 * @category Messages
 */
export function parseBasicCredentials(value: string): Credentials | null {
  const encoded = BASIC_REGEXP.exec(value)?.[1];
  if (encoded === undefined) return null;
  const text = new TextDecoder("utf-8", { ignoreBOM: true })
    .decode(textToOctets(atob(encoded)));
  const colon = text.indexOf(":");
  return colon < 0
    ? null
    : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * Writes the value of an `Authorization` field with the Basic scheme.
 *
 * @param credentials Username and password.
 * @returns The field value.
 * @throws {TypeError} If either is not a string or has a control character, or
 *   the username has a colon (RFC 7617 section 2).
 *
 * @example Usage
 * ```ts
 * import { writeBasicCredentials } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   writeBasicCredentials({ username: "a", password: "b" }),
 *   "Basic YTpi",
 * );
 * ```
 *
 * @category Messages
 */
export function writeBasicCredentials(credentials: Credentials): string {
  const { username, password } = credentials;
  const fault = typeof username !== "string" || typeof password !== "string"
    ? "the user or password is not a string"
    : username.includes(":")
    ? "the user has a colon"
    // deno-lint-ignore no-control-regex
    : /[\x00-\x1f\x7f]/.test(username + password)
    ? "the user or password has a control character"
    : null;
  if (fault !== null) throw new TypeError(`Cannot write credentials: ${fault}`);
  const octets = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(octetsToText(octets))}`;
}
