import { assert, assertEquals } from "@std/assert";
import { HeaderFields } from "../../message/mod.ts";
import {
  findCondition,
  isRangeCurrent,
  parseRange,
  selectPart,
  type Validators,
} from "../../server/_files/conditional.ts";

const SAME = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER = "Sun, 06 Nov 1994 08:49:38 GMT";
const CURRENT = { etag: '"v1"', lastModified: 784111777000 };

/** The status of the response to a GET of a file of ten bytes. */
function statusOf(headers: HeaderFields, validators: Validators): number {
  const file = { ...validators, size: 10 };
  const request = { method: "GET", headers, decide: undefined };
  const part = selectPart(request, file);
  if (typeof part === "number") return part;
  return part === null ? 200 : 206;
}

type Row = readonly [Record<string, string | readonly string[]>, number];

function check(
  rows: readonly Row[],
  validators: typeof CURRENT | { etag: null; lastModified: null } = CURRENT,
) {
  for (const [fields, status] of rows) {
    const headers = new HeaderFields(fields);
    assertEquals(statusOf(headers, validators), status, JSON.stringify(fields));
  }
}

Deno.test("selectPart() compares entity tags", () => {
  check([
    [{}, 200],
    [{ "If-None-Match": '"v1"' }, 304],
    [{ "If-None-Match": 'W/"v1"' }, 304],
    [{ "If-None-Match": '"v0", W/"v1"' }, 304],
    [{ "If-None-Match": ', "v0",, "v1" ,' }, 304],
    [{ "If-None-Match": ['"v0"', '"v1"'] }, 304],
    [{ "If-None-Match": "*" }, 304],
    [{ "If-None-Match": '"v2"' }, 200],
    [{ "If-None-Match": '"v1' }, 200],
    [{ "If-None-Match": "v1" }, 200],
    [{ "If-None-Match": '"a, "v1"' }, 200],
    [{ "If-None-Match": "" }, 200],
    [{ "If-Match": '"v1"' }, 200],
    [{ "If-Match": '"v0", "v1"' }, 200],
    [{ "If-Match": "*" }, 200],
    [{ "If-Match": 'W/"v1"' }, 412],
    [{ "If-Match": '"v2"' }, 412],
    [{ "If-Match": "" }, 412],
  ]);
});

Deno.test("selectPart() compares dates to the second, in each of their forms", () => {
  check([
    [{ "If-Modified-Since": SAME }, 304],
    [{ "If-Modified-Since": AFTER }, 304],
    [{ "If-Modified-Since": BEFORE }, 200],
    [{ "If-Modified-Since": "Sunday, 06-Nov-94 08:49:37 GMT" }, 304],
    [{ "If-Modified-Since": "Sun Nov  6 08:49:37 1994" }, 304],
    [{ "If-Modified-Since": "1994-11-06" }, 200],
    [{ "If-Modified-Since": [AFTER, AFTER] }, 200],
    [{ "If-Unmodified-Since": SAME }, 200],
    [{ "If-Unmodified-Since": AFTER }, 200],
    [{ "If-Unmodified-Since": BEFORE }, 412],
    [{ "If-Unmodified-Since": "yesterday" }, 200],
  ]);
});

Deno.test("selectPart() keeps the order of RFC 9110 section 13.2.2", () => {
  check([
    [{ "If-Match": '"v2"', "If-None-Match": '"v1"' }, 412],
    [{ "If-Match": '"v1"', "If-None-Match": '"v1"' }, 304],
    [{ "If-Match": '"v1"', "If-Unmodified-Since": BEFORE }, 200],
    [{ "If-Unmodified-Since": BEFORE, "If-None-Match": '"v1"' }, 412],
    [{ "If-None-Match": '"v2"', "If-Modified-Since": SAME }, 200],
    [{ "If-None-Match": '"v1"', "If-Modified-Since": BEFORE }, 304],
  ]);
});

Deno.test("selectPart() of a file without validators goes by what it has", () => {
  check([
    [{ "If-None-Match": '"v1"' }, 200],
    [{ "If-None-Match": "*" }, 304],
    [{ "If-Match": "*" }, 200],
    [{ "If-Match": '"v1"' }, 412],
    [{ "If-Modified-Since": AFTER }, 200],
    [{ "If-Unmodified-Since": BEFORE }, 200],
  ], { etag: null, lastModified: null });
});

Deno.test("findCondition() takes linear time for lists that are meant to take long", () => {
  const lists = [
    '"'.repeat(160_000),
    '"a",'.repeat(40_000),
    " ,".repeat(80_000),
    `"${"a".repeat(160_000)}`,
  ];
  const start = performance.now();
  for (const list of lists) {
    findCondition(new HeaderFields({ "If-None-Match": list }), CURRENT);
  }
  assert(performance.now() - start < 5_000); // quadratic time is a minute
});

Deno.test("isRangeCurrent() takes the same strong tag or the same date, and nothing else", () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['"v1"', true],
    ['"v2"', false],
    ['W/"v1"', false],
    [SAME, true],
    [AFTER, false],
    [BEFORE, false],
    ["junk", false],
  ];
  for (const [value, isCurrent] of cases) {
    const fields = new HeaderFields({ "If-Range": value });
    assertEquals(isRangeCurrent(fields, CURRENT), isCurrent, value);
  }
  assert(isRangeCurrent(new HeaderFields(), CURRENT));
});

Deno.test("selectPart() reads each field that can change the response", () => {
  const status = (fields: Record<string, string>) =>
    statusOf(new HeaderFields(fields), CURRENT);
  const rows: readonly (readonly [string, string, number])[] = [
    ["If-Match", "x", 412],
    ["If-None-Match", '"v1"', 304],
    ["If-Modified-Since", SAME, 304],
    ["If-Unmodified-Since", BEFORE, 412],
    ["Range", "bytes=0-1", 206],
    ["Range", "bytes=10-", 416],
    ["Range", "bytes=0-1, 4-5", 200],
    ["Range", "lines=0-1", 200],
    ["Range", "bytes=1-0", 416],
  ];
  for (const [name, value, expected] of rows) {
    assertEquals(status({ [name]: value }), expected, name);
  }
  assertEquals(
    status({ Host: "a", Accept: "*/*", "If-Range": '"v1"' }),
    200,
  );
});

Deno.test("parseRange() reads single ranges of bytes", () => {
  const cases: readonly (readonly [string, ReturnType<typeof parseRange>])[] = [
    ["bytes=0-0", { start: 0, length: 1 }],
    ["bytes=0-99", { start: 0, length: 100 }],
    ["bytes=10-19", { start: 10, length: 10 }],
    ["bytes=90-", { start: 90, length: 10 }],
    ["bytes=-10", { start: 90, length: 10 }],
    ["bytes=-100", { start: 0, length: 100 }],
    ["bytes=-1000", { start: 0, length: 100 }],
    ["bytes=50-1000", { start: 50, length: 50 }],
    ["bytes=0-99999999999999999999999999", { start: 0, length: 100 }],
    ["Bytes=0-1", { start: 0, length: 2 }],
    ["bytes= 0-1 ", { start: 0, length: 2 }],
    ["bytes=100-", 416],
    ["bytes=100-200", 416],
    ["bytes=5-4", 416],
    ["bytes=-0", 416],
    ["bytes=99999999999999999999999999-", 416],
    ["bytes=0-1,3-4", null],
    ["bytes=0-1,", null],
    ["bytes=", null],
    ["bytes=-", null],
    ["bytes=100", null],
    ["bytes=a-b", null],
    ["bytes=+1-2", null],
    ["bytes=1.5-2", null],
    ["bytes 0-1", null],
    ["xbytes=0-1", null],
    ["items=0-1", null],
    ["", null],
  ];
  for (const [value, range] of cases) {
    assertEquals(parseRange(value, 100), range, value);
  }
});

Deno.test("parseRange() gives the whole of an empty file", () => {
  for (const value of ["bytes=0-", "bytes=-5", "bytes=0-0", "bytes=7-"]) {
    assertEquals(parseRange(value, 0), null, value);
  }
});
