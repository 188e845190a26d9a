// Checks options for callers in JavaScript, which TypeScript cannot. An option
// name means the same wherever there is one, so this is one dictionary.

import { quote } from "./_octets.ts";

/** The options by what is expected: checks and JSON values, with "or". */
const OPTIONS: Readonly<Record<string, string>> = {
  "a function or a ReadableStream": "stream",
  "a function":
    "findCredentials handler isTrustedProxy log onError onListen startTimer trace",
  "a number from 0":
    "connectTimeout count delay factor idleTimeout maxBodyBytes maxBytes maxDelay maxHeadBytes maxLineBytes maxRate maxRedirects maxTime timeout",
  "a path": "fallback path unixSocket",
  "a string": "cert hostname key method noProxy target urlRoot",
  "a whole number from 0": "cacheSize cacheTtl maxAge port size",
  "an array":
    "caCerts connectTo keepPost omit protocols redirectProtocols withheld",
  'an array or "*"': "allowedHosts",
  '"common" or "combined" or "json"': "format",
  '"follow" or "manual" or "error"': "redirect",
  "4 or 6": "family",
  "a number from 0 or an object": "retry",
  "an object": "tls",
  "true or false":
    "anyError anyStatus autoReferer cleanUrls decode followSymlinks insecure keepAlive oneAtATime proxyTunnel reusePort secure showDirListing showDotfiles showIndex trustRedirects",
};
const CHECKS: Readonly<Record<string, (value: unknown) => boolean>> = {
  "a function": (value) => typeof value === "function",
  "a number from 0": (value) => typeof value === "number" && value >= 0,
  "a path": (value) => typeof value === "string" && value !== "",
  "a string": (value) => typeof value === "string",
  "a whole number from 0": (value) =>
    Number.isSafeInteger(value) && Number(value) >= 0,
  "a ReadableStream": (value) => value instanceof ReadableStream,
  "an array": Array.isArray,
  "an object": (value) =>
    value instanceof Object && checkOptions(value) === undefined,
};
/** What is expected of each option: one of these. */
const EXPECTED: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(OPTIONS).flatMap(([words, names]) =>
    names.split(" ").map((name) => [name, words.split(" or ")])
  ),
);

/**
 * Refuses options that would later fail, or silently mean something else, also
 * in `retry` and `tls`. Those that are undefined have their defaults.
 *
 * @throws {RangeError} If a number is not what is expected.
 * @throws {TypeError} If any other value is not.
 */
export function checkOptions(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    const expected = EXPECTED.get(name);
    if (value === undefined || expected === undefined) continue;
    const isExpected = (one: string) =>
      CHECKS[one]?.(value) ?? one === JSON.stringify(value);
    if (expected.some(isExpected)) continue;
    const text = typeof value === "string" ? quote(value) : String(value);
    const Fault = typeof value === "number" ? RangeError : TypeError;
    const words = expected.join(" or ");
    throw new Fault(`Cannot use ${name} ${text}: expected ${words}`);
  }
}
