/**
 * A stand-in for `@std/cli`: `parseArgs` with the same signature and the same
 * results for what this project uses, which is long options: a name with dots
 * is not nested, and numbers stay text. `node:util` has such a function too,
 * but loading it delays each start.
 *
 * @module
 */

/** What {@linkcode parseArgs} needs to know about the options. */
export interface ParseOptions {
  /** Options that take no value; `false` when absent. */
  readonly boolean?: readonly string[];
  /** Options that take a value. */
  readonly string?: readonly string[];
  /** Options that may be given many times; an array, empty when absent. */
  readonly collect?: readonly string[];
  /** Called for each argument that is not a known option; `false` drops it. */
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The options by name, and the other arguments in `_`. */
export interface Args {
  /** The arguments that belong to no option. */
  _: (string | number)[];
  // The real type is computed from the options; this one lets all names
  // through.
  // deno-lint-ignore no-explicit-any
  [name: string]: any;
}

const OPTION_REGEXP = /^--?([^=]+)(?:=(.*))?$/s;

/**
 * Splits command line arguments into options and the rest.
 *
 * @param args The arguments, as in `Deno.args`.
 * @param options The names of the options and what they take.
 * @returns The options by name, and the rest in `_`.
 */
export function parseArgs(
  args: readonly string[],
  options: ParseOptions = {},
): Args {
  const { boolean = [], string = [], collect = [] } = options;
  const { unknown = () => true } = options;
  const result: Args = { _: [] };
  for (const name of boolean) result[name] = false;
  for (const name of collect) result[name] = [];
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  for (let index = 0; index < end; index++) {
    const arg = args[index]!;
    const [, name, attached] = OPTION_REGEXP.exec(arg) ?? [];
    if (name === undefined) {
      if (unknown(arg) !== false) result._.push(arg);
      continue;
    }
    const isBoolean = boolean.includes(name);
    const isString = string.includes(name);
    let value: string | boolean = isBoolean
      ? attached !== "false"
      : attached ?? (isString ? "" : true);
    const next = index + 1 < end ? args[index + 1]! : "";
    if (!isBoolean && attached === undefined && /^[^-]/.test(next)) {
      value = next;
      index++;
    }
    const isKnown = isBoolean || isString || collect.includes(name);
    if (!isKnown && unknown(arg, name, value) === false) continue;
    if (collect.includes(name)) result[name].push(value);
    else if (name !== "__proto__") result[name] = value;
  }
  result._.push(...args.slice(end + 1));
  return result;
}
