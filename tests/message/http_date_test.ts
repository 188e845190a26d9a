import { assertEquals, assertThrows } from "@std/assert";
import { parseHttpDate, writeHttpDate } from "../../message/mod.ts";

const NOW = Date.UTC(2026, 10, 22);

const DATES: [text: string, want: number | null][] = [
  ["Sun, 06 Nov 1994 08:49:37 GMT", Date.UTC(1994, 10, 6, 8, 49, 37)],
  ["Sunday, 06-Nov-94 08:49:37 GMT", Date.UTC(1994, 10, 6, 8, 49, 37)],
  ["Sun Nov  6 08:49:37 1994", Date.UTC(1994, 10, 6, 8, 49, 37)],
  ["Wed Nov 16 08:49:37 1994", Date.UTC(1994, 10, 16, 8, 49, 37)],
  ["Tue, 29 Feb 2000 23:59:60 GMT", Date.UTC(2000, 1, 29, 23, 59, 59)], // a leap second
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["Friday, 01-Jan-27 00:00:00 GMT", Date.UTC(2027, 0, 1)],
  ["Wednesday, 01-Jan-76 00:00:00 GMT", Date.UTC(2076, 0, 1)], // 50 years ahead
  ["Saturday, 01-Jan-77 00:00:00 GMT", Date.UTC(1977, 0, 1)], // 51 years ahead
  ["Sat, 01 Jan 0150 00:00:00 GMT", null], // a Thursday
  ["Sat, 01 Jan 10000 00:00:00 GMT", null],
  ["Sunurday, 06-Nov-94 08:49:37 GMT", null],
  ["Sunday, 06-Nov-1994 08:49:37 GMT", null],
  ["Invalid Date", null],
  ["Mon, 06 Nov 1994 08:49:37 GMT", null], // a Sunday
  ["Tue, 30 Feb 2094 08:49:37 GMT", null],
  ["Sun, 06 Nov 1994 24:00:00 GMT", null],
  ["Sun, 06 Nov 1994 08:60:37 GMT", null],
  ["Sun, 06 Nov 1994 08:49:61 GMT", null],
  ["Sun, 06 Nov 1994 08:49:37 EST", null],
  ["Sun, 06 Nov 1994 08:49:37 +0000", null],
  ["sun, 06 Nov 1994 08:49:37 GMT", null],
  ["Sun, 06 NOV 1994 08:49:37 GMT", null],
  ["Sun, 6 Nov 1994 08:49:37 GMT", null],
  ["Sun, 06 Nov 1994 08:49:37 GMT ", null],
  ["Sun Nov 06 08:49:37 94", null],
  ["2099-01-01T00:00:00Z", null],
  ["1", null],
  ["", null],
  ["yesterday", null],
];

Deno.test("parseHttpDate() reads the three forms strictly, in UTC", () => {
  for (const [text, want] of DATES) {
    assertEquals(parseHttpDate(text, NOW), want, text);
  }
});

Deno.test("parseHttpDate() reads a two-digit year as one that is at most 50 years ahead", () => {
  const cases: [now: number, text: string, year: number][] = [
    [2026, "Wednesday, 01-Jan-76 00:00:00 GMT", 2076],
    [2026, "Saturday, 01-Jan-77 00:00:00 GMT", 1977],
    [2049, "Thursday, 01-Jan-99 00:00:00 GMT", 2099],
    [2049, "Saturday, 01-Jan-00 00:00:00 GMT", 2000],
    [2080, "Sunday, 01-Jan-30 00:00:00 GMT", 2130],
    [2080, "Wednesday, 01-Jan-31 00:00:00 GMT", 2031],
    [2099, "Wednesday, 01-Jan-49 00:00:00 GMT", 2149],
    [2099, "Saturday, 01-Jan-50 00:00:00 GMT", 2050],
  ];
  for (const [now, text, year] of cases) {
    const time = parseHttpDate(text, Date.UTC(now, 5));
    assertEquals(time, Date.UTC(year, 0, 1), `${text} in ${now}`);
  }
});

Deno.test("parseHttpDate() does not depend on the time zone", async () => {
  const code = `import { parseHttpDate } from ${
    JSON.stringify(import.meta.resolve("../../message/field_values.ts"))
  };
    console.log(parseHttpDate("Sun Nov  6 08:49:37 1994"));`;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", "--no-lock", "--ext=ts", code],
    env: { TZ: "America/New_York", NO_COLOR: "1" },
  });
  assertEquals(
    new TextDecoder().decode((await command.output()).stdout),
    "784111777000\n",
  );
});

Deno.test("writeHttpDate() writes what parseHttpDate() reads back", () => {
  for (
    const time of [
      0,
      784111777000,
      NOW,
      Date.parse("9999-12-31T23:59:59Z"),
      Date.parse("0150-01-01T00:00:00Z"),
    ]
  ) {
    assertEquals(parseHttpDate(writeHttpDate(time), NOW), time);
    assertEquals(writeHttpDate(time).length, 29);
  }
  assertEquals(writeHttpDate(784111777999), "Sun, 06 Nov 1994 08:49:37 GMT");
  assertThrows(
    () => writeHttpDate(Date.parse("9999-12-31T23:59:59Z") + 1000),
    RangeError,
    "years 0 to 9999",
  );
  assertThrows(() => writeHttpDate(NaN), RangeError);
  const yearZero = Date.parse("0000-01-01T00:00:00Z");
  assertEquals(writeHttpDate(yearZero), "Sat, 01 Jan 0000 00:00:00 GMT");
  assertThrows(() => writeHttpDate(yearZero - 1_000), RangeError);
});
