/**
 * A stand-in for `@std/assert`: the part that this project uses, on top of
 * `node:assert`. It is stricter in two points: `0` does not equal `-0`, and an
 * object without a prototype does not equal a plain one.
 *
 * @module
 */

import * as node from "node:assert";
import { inspect, isDeepStrictEqual } from "node:util";

/** Two values whose text is longer than this get no list of differences. */
const MAX_COMPARED = 20_000;

/** Thrown by an assertion that does not hold. */
export class AssertionError extends Error {
  /** Makes the error of an assertion that does not hold. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** Any class, abstract ones included. */
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

/**
 * Asserts that two values are deeply equal, and shows how they differ. Of large
 * ones it shows only the start, since listing differences takes quadratic time.
 */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  const size = inspect([actual, expected], { maxArrayLength: null }).length;
  const text = `${inspect(actual)} is not ${inspect(expected)}`;
  check(size < MAX_COMPARED, `Values are not equal: ${text}`, msg);
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

/** Asserts that a value is an instance of a class. */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: AnyClass<T>,
  msg?: string,
): asserts actual is T {
  const text = `${inspect(actual)} is not an instance of ${expectedType.name}`;
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

/** Asserts that a text contains another. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  const text = `${inspect(actual)} does not include ${inspect(expected)}`;
  check(actual.includes(expected), text, msg);
}

/** Asserts that `actual` is less than `expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  const text = `Expect ${inspect(actual)} < ${inspect(expected)}`;
  check(actual < expected, text, msg);
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
  throw new AssertionError(
    withMessage("Expected function to throw", messageOf(wanted)),
  );
}

/** Asserts that a function returns a promise that rejects. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/**
 * Asserts that a function returns a promise that rejects with an error of a
 * class.
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
  throw new AssertionError(
    withMessage("Expected function to reject", messageOf(wanted)),
  );
}

/** The arguments of `assertThrows` and `assertRejects` after the function. */
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
