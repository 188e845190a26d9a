import * as std from "@std/assert";
import { assertEquals, AssertionError, assertRejects } from "@std/assert";

const { assertThrows } = std;

class Animal {
  readonly legs = 4;
}
class Chair {
  readonly legs = 4;
}

function throwing(): never {
  throw new TypeError("Cannot parse it");
}

/** Assertions that pass. */
const PASSING: readonly [name: string, run: () => void][] = [
  ["assert", () => std.assert(1)],
  ["assertFalse", () => std.assertFalse("")],
  ["assertEquals of objects", () => assertEquals({ a: [1] }, { a: [1] })],
  ["assertEquals of NaN", () => assertEquals(NaN, NaN)],
  [
    "assertEquals of bytes",
    () => assertEquals(new Uint8Array([1]), new Uint8Array([0, 1]).subarray(1)),
  ],
  [
    "assertEquals of maps and sets",
    () =>
      assertEquals(
        new Map([[1, new Set([[2]])]]),
        new Map([[1, new Set([[2]])]]),
      ),
  ],
  ["assertNotEquals", () => std.assertNotEquals({ a: 1 }, { a: 2 })],
  ["assertStrictEquals", () => std.assertStrictEquals("a", "a")],
  ["assertInstanceOf", () => std.assertInstanceOf(new Animal(), Animal)],
  ["assertMatch", () => std.assertMatch("abc", /b/)],
  ["assertStringIncludes", () => std.assertStringIncludes("abc", "bc")],
  ["assertLess", () => std.assertLess(1, 2)],
  ["assertThrows", () => assertThrows(throwing)],
  ["assertThrows of a class", () => assertThrows(throwing, TypeError)],
  ["assertThrows of its parent", () => assertThrows(throwing, Error, "parse")],
];

/** Assertions that fail. */
const FAILING: readonly [name: string, run: () => void][] = [
  ["assert", () => std.assert(0)],
  ["assertFalse", () => std.assertFalse(1)],
  ["assertEquals of values", () => assertEquals<unknown>(1, "1")],
  ["assertEquals of keys", () => assertEquals<unknown>({}, { a: undefined })],
  [
    "assertEquals of classes",
    () => assertEquals<unknown>(new Animal(), new Chair()),
  ],
  [
    "assertEquals of bytes",
    () => assertEquals(new Uint8Array([1]), new Uint8Array([2])),
  ],
  [
    "assertEquals of a million bytes, without listing every difference",
    () => assertEquals(new Uint8Array(1e6).fill(1), new Uint8Array(1e6)),
  ],
  [
    "assertEquals of errors",
    () => assertEquals(new Error("a"), new Error("b")),
  ],
  ["assertNotEquals", () => std.assertNotEquals({ a: 1 }, { a: 1 })],
  ["assertStrictEquals", () => std.assertStrictEquals({}, {})],
  ["assertInstanceOf", () => std.assertInstanceOf(new Animal(), Chair)],
  ["assertMatch", () => std.assertMatch("abc", /d/)],
  ["assertStringIncludes", () => std.assertStringIncludes("abc", "cb")],
  ["assertLess", () => std.assertLess(1, 1)],
  ["assertThrows", () => assertThrows(() => 1)],
  ["assertThrows of a class", () => assertThrows(throwing, RangeError)],
  ["assertThrows of a text", () => assertThrows(throwing, TypeError, "other")],
];

for (const [name, run] of PASSING) {
  Deno.test(`${name} passes`, () => run());
}

for (const [name, run] of FAILING) {
  Deno.test(`${name} fails with an AssertionError`, () => {
    let error: unknown;
    try {
      run();
    } catch (thrown) {
      error = thrown;
    }
    if (!(error instanceof AssertionError)) throw new Error(`Got ${error}`);
  });
}

Deno.test("assertEquals() shows the difference after the message", () => {
  const { message } = assertThrows(
    () => assertEquals({ a: 1, b: "left" }, { a: 1, b: "right" }, "Heads"),
    AssertionError,
  );
  for (const part of ["Heads", "left", "right"]) {
    std.assertStringIncludes(message, part);
  }
});

Deno.test("assertThrows() returns the error", () => {
  assertEquals(assertThrows(throwing, TypeError).message, "Cannot parse it");
});

Deno.test("assertRejects() returns the error", async () => {
  const rejecting = () => Promise.reject(new RangeError("Too far"));
  const error = await assertRejects(rejecting, RangeError, "far");
  assertEquals(error.message, "Too far");
});

Deno.test("assertRejects() fails on a function that resolves or throws", async () => {
  const resolving = () => assertRejects(() => Promise.resolve());
  await assertRejects(resolving, AssertionError, "reject");
  const throws = () => assertRejects(throwing, TypeError);
  await assertRejects(throws, AssertionError, "throws when expected to reject");
});
