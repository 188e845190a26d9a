/**
 * A stand-in for `@std/assert`: what this project uses of it, over
 * `node:assert`. It is stricter in two points: `0` is not equal to `-0`, and an
 * object with no prototype is not equal to a plain one.
 *
 * @module
 */

import * as node from "node:assert";
import { inspect, isDeepStrictEqual } from "node:util";

/** Thrown by an assertion that does not hold. */
export class AssertionError extends Error {
  /** Makes the error of an assertion that does not hold. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** A class whose instances can be asked for. */
// deno-lint-ignore no-explicit-any
type AnyClass<T> = abstract new (...args: any[]) => T;

/** Asserts that a value is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Asserts that a value is falsy. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is false {
  if (expr) throw new AssertionError(msg);
}

/** Fails. */
export function fail(msg?: string): never {
  throw new AssertionError(withMessage("Failed assertion", msg));
}

/** Asserts that two values are deeply equal, and shows how they differ. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  rethrow("Values are not equal", msg, () => {
    node.deepStrictEqual(actual, expected);
  });
}

/** Asserts that two values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  rethrow("Values are equal", msg, () => {
    node.notDeepStrictEqual(actual, expected);
  });
}

/** Asserts that two values are the same, and shows how they differ. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  rethrow("Values are not strictly equal", msg, () => {
    node.strictEqual(actual, expected);
  });
}

/** Asserts that two values are not the same. */
export function assertNotStrictEquals<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  rethrow("Values are strictly equal", msg, () => {
    node.notStrictEqual(actual, expected);
  });
}

/** Asserts that a value is neither `null` nor `undefined`. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  check(actual !== undefined && actual !== null, `Got ${actual}`, msg);
}

/** Asserts that a value is an instance of a class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: AnyClass<T>,
  msg?: string,
): asserts actual is T {
  const text = `${inspect(actual)} is no instance of ${expectedType.name}`;
  check(actual instanceof expectedType, text, msg);
}

/** Asserts that a text matches a pattern. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  check(
    expected.test(actual),
    `${inspect(actual)} does not match ${expected}`,
    msg,
  );
}

/** Asserts that a text does not match a pattern. */
export function assertNotMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  check(!expected.test(actual), `${inspect(actual)} matches ${expected}`, msg);
}

/** Asserts that a text holds another. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  const text = `${inspect(actual)} does not include ${inspect(expected)}`;
  check(actual.includes(expected), text, msg);
}

/** Asserts that `actual` is greater. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  compare(actual > expected, actual, ">", expected, msg);
}

/** Asserts that `actual` is greater or equal. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  compare(actual >= expected, actual, ">=", expected, msg);
}

/** Asserts that `actual` is less. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  compare(actual < expected, actual, "<", expected, msg);
}

/** Asserts that `actual` is less or equal. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  compare(actual <= expected, actual, "<=", expected, msg);
}

/** Asserts that two numbers differ by no more than `tolerance`. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance: number = Number.isFinite(expected)
    ? Math.abs(expected * 1e-7)
    : 1e-7,
  msg?: string,
): void {
  check(
    Object.is(actual, expected) || Math.abs(expected - actual) <= tolerance,
    `${actual} is not within ${tolerance} of ${expected}`,
    msg,
  );
}

/** Asserts that a list holds all the given items, compared deeply. */
export function assertArrayIncludes<T>(
  actual: ArrayLike<T>,
  expected: ArrayLike<T>,
  msg?: string,
): void {
  const missing = Array.from(expected).filter((item) =>
    !Array.from(actual).some((other) => isDeepStrictEqual(other, item))
  );
  const text = `${inspect(actual)} does not include ${inspect(missing)}`;
  check(missing.length === 0, text, msg);
}

/** Asserts that an object has at least the given properties. */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  rethrow("Object does not match", msg, () => {
    node.partialDeepStrictEqual(actual, expected);
  });
}

/** Asserts that a function throws, with any error. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Asserts that a function throws an error of a class. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: AnyClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  ...wanted: Wanted
): unknown {
  try {
    fn();
  } catch (error) {
    return checkError(error, wanted);
  }
  return fail(withMessage("Expected function to throw", messageOf(wanted)));
}

/** Asserts that a function answers with a promise that rejects. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/**
 * Asserts that a function answers with a promise that rejects with an error of
 * a class.
 */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: AnyClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  ...wanted: Wanted
): Promise<unknown> {
  const promise = callForPromise(fn);
  try {
    await promise;
  } catch (error) {
    return checkError(error, wanted);
  }
  return fail(withMessage("Expected function to reject", messageOf(wanted)));
}

/** What `assertThrows` and `assertRejects` are given after the function. */
type Wanted = [
  classOrMessage?: AnyClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
];

function messageOf([first, , msg]: Wanted): string | undefined {
  return typeof first === "string" ? first : msg;
}

function callForPromise(fn: () => PromiseLike<unknown>): PromiseLike<unknown> {
  try {
    return fn();
  } catch (error) {
    throw new AssertionError("Function throws when expected to reject", {
      cause: error,
    });
  }
}

function checkError(error: unknown, wanted: Wanted): unknown {
  const [ErrorClass, msgIncludes = ""] = wanted;
  if (typeof ErrorClass !== "function") return error;
  assertInstanceOf(error, ErrorClass, messageOf(wanted));
  assertStringIncludes(error.message, msgIncludes, messageOf(wanted));
  return error;
}

function compare(
  holds: boolean,
  actual: unknown,
  sign: string,
  expected: unknown,
  msg: string | undefined,
): void {
  check(holds, `Expect ${inspect(actual)} ${sign} ${inspect(expected)}`, msg);
}

function check(holds: boolean, text: string, msg: string | undefined): void {
  if (!holds) throw new AssertionError(withMessage(text, msg));
}

function rethrow(text: string, msg: string | undefined, run: () => void): void {
  try {
    run();
  } catch (error) {
    const { message } = error as Error;
    throw new AssertionError(`${withMessage(text, msg)}\n${message}`);
  }
}

function withMessage(text: string, msg: string | undefined): string {
  return msg ? `${text}: ${msg}` : text;
}
