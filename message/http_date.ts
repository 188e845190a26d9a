// HTTP-date = IMF-fixdate / rfc850-date / asctime-date (RFC 9110 section
// 5.6.7), case-sensitive, always UTC. Date.parse is not used: it takes asctime
// for local time and accepts much that is not an HTTP date.

const DAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ");
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

const DAY = `(?<day>${DAYS.join("|")})`;
const LONG_DAY = "(?<day>Sun|Mon|Tues|Wednes|Thurs|Fri|Satur)day";
const MONTH = `(?<month>${MONTHS.join("|")})`;
const DATE = "(?<date>\\d{2})";
const YEAR = "(?<year>\\d{4})";
const TIME = "(?<time>\\d{2}:\\d{2}:\\d{2})";
const IMF_FIXDATE = `${DAY}, ${DATE} ${MONTH} ${YEAR} ${TIME} GMT`;
const RFC850_DATE = `${LONG_DAY}, ${DATE}-${MONTH}-(?<year>\\d{2}) ${TIME} GMT`;
const ASCTIME_DATE = `${DAY} ${MONTH} (?<date>\\d{2}| \\d) ${TIME} ${YEAR}`;
const HTTP_DATE_REGEXP = new RegExp(
  `^(?:${IMF_FIXDATE}|${RFC850_DATE}|${ASCTIME_DATE})$`,
);

/**
 * Parses an HTTP date in any of its three forms.
 *
 * @param text The field value.
 * @param now The present time in milliseconds since 1970; it decides about the
 *   century of a two-digit year.
 * @returns Milliseconds since 1970, or null if the text is not a valid date;
 *   February 30 and a wrong weekday are not.
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
 */
export function parseHttpDate(
  text: string,
  now: number = Date.now(),
): number | null {
  const groups = HTTP_DATE_REGEXP.exec(text)?.groups;
  if (groups === undefined) return null;
  const { day = "", date = "", month = "", year = "", time = "" } = groups;
  const fullYear = fullYearOf(year, now);
  const [hours = 0, minutes = 0, seconds = 0] = time.split(":").map(Number);
  // second = 00-60: a leap second counts as the last second of its minute
  if (hours > 23 || minutes > 59 || seconds > 60) return null;
  const midnight = new Date(0);
  // Not Date.UTC, which would take the year 50 for 1950
  midnight.setUTCFullYear(fullYear, MONTHS.indexOf(month), Number(date));
  const exists = midnight.getUTCDate() === Number(date) &&
    DAYS[midnight.getUTCDay()] === day.slice(0, 3);
  if (!exists) return null;
  const timeOfDay = (hours * 60 + minutes) * 60 + Math.min(seconds, 59);
  return midnight.getTime() + timeOfDay * 1000;
}

/**
 * A two-digit year that appears to be more than 50 years ahead is in the past
 * (RFC 9110 section 5.6.7).
 */
function fullYearOf(digits: string, now: number): number {
  if (digits.length > 2) return Number(digits);
  const thisYear = new Date(now).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + Number(digits);
  if (year > thisYear + 50) return year - 100;
  return year <= thisYear - 50 ? year + 100 : year;
}

/**
 * Writes a time as IMF-fixdate, the one form that may be sent.
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
 */
export function writeHttpDate(time: number): string {
  const date = new Date(time);
  const year = date.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) {
    throw new RangeError(
      `Cannot write date ${time}: not within the years 0 to 9999`,
    );
  }
  return date.toUTCString(); // this form, by ECMA-262 section 21.4.4.43
}
