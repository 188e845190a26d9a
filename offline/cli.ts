/**
 * A stand-in for `@std/cli`: `parseArgs` with the same signature and the same
 * results for what this project uses. Names with dots are not nested, a value
 * attached to a short option is seen only after the first letter, and numbers
 * stay text. `node:util` has one as well, but loading it takes 5 ms of each
 * start.
 *
 * @module
 */

/** What {@linkcode parseArgs} needs to know about the options. */
export interface ParseOptions {
  /** Other names of an option; every name gets the value. */
  readonly alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Options that take no value; `false` when absent. */
  readonly boolean?: readonly string[];
  /** Options that take a value. */
  readonly string?: readonly string[];
  /** Options that may be given many times; an array, empty when absent. */
  readonly collect?: readonly string[];
  /** Called for each argument that is no known option; `false` drops it. */
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The options by name, and in `_` the arguments that are none. */
export interface Args {
  /** The arguments that belong to no option. */
  _: (string | number)[];
  // The real type is computed from the options; this one lets all names
  // through.
  // deno-lint-ignore no-explicit-any
  [name: string]: any;
}

/** `-p=8080`, `-p8080` and `-d./x`: a short option with its value attached. */
const ATTACHED_VALUE_REGEXP = /^-([A-Za-z])(?:=|(?=\W|.*\d$))(.*)$/s;

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
  const { unknown = () => true } = options;
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const known = new KnownOptions(options);
  const result = known.defaults();
  const tokens = args.slice(0, end).flatMap(tokensOf);

  for (let index = 0; index < tokens.length; index++) {
    const { arg, name, value } = tokens[index]!;
    if (name === null) {
      if (unknown(arg) !== false) result._.push(arg);
      continue;
    }
    const next = tokens[index + 1];
    const taken = value === undefined && next?.name === null
      ? known.takeValue(name, arg, next.arg)
      : undefined;
    if (taken !== undefined) index++;
    const given = known.attachedValue(name, value) ?? taken ??
      known.implied(name);
    if (!known.has(name) && unknown(arg, name, given) === false) continue;
    known.put(result, name, given);
  }

  result._.push(...args.slice(end + 1));
  return result;
}

/** An option, or an argument that is none. */
interface Token {
  /** The argument it stands in. */
  readonly arg: string;
  /** The name of the option; null for none. */
  readonly name: string | null;
  /** The value that is attached to it. */
  readonly value?: string;
}

/** `--name`, `--name=value`, or `-abc`, which is three options. */
function tokensOf(arg: string): Token[] {
  if (arg === "-" || !arg.startsWith("-")) return [{ arg, name: null }];
  const [, letter, attached] = ATTACHED_VALUE_REGEXP.exec(arg) ?? [];
  if (letter !== undefined && attached !== undefined) {
    return [{ arg, name: letter, value: attached }];
  }
  if (!arg.startsWith("--")) {
    return Array.from(arg.slice(1), (name) => ({ arg, name }));
  }
  const equals = arg.indexOf("=", 3);
  return equals < 0
    ? [{ arg, name: arg.slice(2) }]
    : [{ arg, name: arg.slice(2, equals), value: arg.slice(equals + 1) }];
}

type Value = string | boolean;

/** The names of the options, aliases included, by what they take. */
class KnownOptions {
  readonly #names: ReadonlyMap<string, readonly string[]>;
  readonly #boolean: ReadonlySet<string>;
  readonly #string: ReadonlySet<string>;
  readonly #collect: ReadonlySet<string>;

  constructor(options: ParseOptions) {
    this.#names = new Map(
      Object.entries(options.alias ?? {})
        .map(([name, others]) => [name, others].flat())
        .flatMap((group) => group.map((name) => [name, group])),
    );
    this.#boolean = this.#expand(options.boolean);
    this.#string = this.#expand(options.string);
    this.#collect = this.#expand(options.collect);
  }

  /** Whether the options name it. */
  has(name: string): boolean {
    return this.#names.has(name) || this.#boolean.has(name) ||
      this.#string.has(name) || this.#collect.has(name);
  }

  /** The result for no arguments at all. */
  defaults(): Args {
    const result: Args = { _: [] };
    for (const name of this.#boolean) result[name] = false;
    for (const name of this.#collect) result[name] = [];
    return result;
  }

  /** The value that is attached to an option, if any. */
  attachedValue(name: string, text: string | undefined): Value | undefined {
    return text !== undefined && this.#boolean.has(name)
      ? text !== "false"
      : text;
  }

  /** The value that the argument after an option gives it, if any. */
  takeValue(name: string, arg: string, next: string): Value | undefined {
    if (this.#boolean.has(name)) {
      return next === "true" || next === "false" ? next === "true" : undefined;
    }
    if (next === "") return undefined;
    // A lone "-" is a value after "-o", and an argument after "--output".
    if (next === "-" && arg.startsWith("--")) return undefined;
    return next;
  }

  /** The value of an option that stands alone. */
  implied(name: string): Value {
    return this.#string.has(name) ? "" : true;
  }

  /** Sets an option under all its names. */
  put(result: Args, name: string, value: Value): void {
    for (const key of this.#namesOf(name)) {
      if (key === "__proto__") continue;
      if (this.#collect.has(name)) result[key].push(value);
      else result[key] = value;
    }
  }

  /** Every name of an option, itself included. */
  #namesOf(name: string): readonly string[] {
    return this.#names.get(name) ?? [name];
  }

  #expand(names: readonly string[] = []): ReadonlySet<string> {
    return new Set(names.flatMap((name) => this.#namesOf(name)));
  }
}
