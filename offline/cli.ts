/**
 * A stand-in for `@std/cli`: `parseArgs` with the same signature and the same
 * answers for what this project uses. Names with dots are not nested, and a
 * value attached to a short option is seen only behind the first letter.
 * `node:util` has one as well, but loading it takes 5 ms of each start.
 *
 * @module
 */

/** What {@linkcode parseArgs} needs to know about the options. */
export interface ParseOptions {
  /** Other names of an option; every name gets the value. */
  readonly alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Options that take no value; `false` when absent. */
  readonly boolean?: string | readonly string[];
  /** Options whose value stays a string, even when it looks like a number. */
  readonly string?: string | readonly string[];
  /** Options that may be given many times; an array, empty when absent. */
  readonly collect?: string | readonly string[];
  /** Options that `--no-NAME` sets to `false`. */
  readonly negatable?: string | readonly string[];
  /** Values of options that are absent. */
  readonly default?: Readonly<Record<string, unknown>>;
  /** Whether the first argument that is no option ends the options. */
  readonly stopEarly?: boolean;
  /** Whether what follows `--` goes to an array of its own. */
  readonly "--"?: boolean;
  /** Called for each argument that is no known option; `false` drops it. */
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** The options by name, and in `_` the arguments that are none. */
export interface Args {
  /** The arguments that belong to no option. */
  _: (string | number)[];
  /** What follows `--`, when it was asked for. */
  "--"?: string[];
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
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const rest = args.slice(end + 1);
  const known = new KnownOptions(options);
  const values = new ArgValues(known, options);
  const tokens = args.slice(0, end).flatMap(tokensOf);

  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index]!;
    const arg = args[token.index]!;
    if (token.name === null) {
      values.addPositional(arg);
      if (!options.stopEarly) continue;
      values.result._.push(...args.slice(token.index + 1, end));
      break;
    }
    if (token.value !== undefined) {
      const isBoolean = known.boolean.has(token.name);
      const value = isBoolean ? token.value !== "false" : token.value;
      values.add(token.name, value, arg);
      continue;
    }
    const positive = token.name.replace(/^no-/, "");
    if (positive !== token.name && known.negatable.has(positive)) {
      values.put(positive, false);
      continue;
    }
    const next = tokens[index + 1];
    const value = next?.name === null
      ? known.takeValue(token.name, arg, args[next.index]!)
      : undefined;
    if (value !== undefined) index++;
    const absent = known.string.has(token.name) ? "" : true;
    values.add(token.name, value ?? absent, arg);
  }

  return values.finish(rest);
}

/** An option, or an argument that is none. */
interface Token {
  /** Which argument it stands in. */
  readonly index: number;
  /** The name of the option; null for none. */
  readonly name: string | null;
  /** The value that is attached to it. */
  readonly value?: string;
}

/** `--name`, `--name=value`, or `-abc`, which is three options. */
function tokensOf(arg: string, index: number): Token[] {
  if (arg === "-" || !arg.startsWith("-")) return [{ index, name: null }];
  const [, letter, attached] = ATTACHED_VALUE_REGEXP.exec(arg) ?? [];
  if (letter !== undefined && attached !== undefined) {
    return [{ index, name: letter, value: attached }];
  }
  if (!arg.startsWith("--")) {
    return Array.from(arg.slice(1), (name) => ({ index, name }));
  }
  const equals = arg.indexOf("=", 3);
  return equals < 0
    ? [{ index, name: arg.slice(2) }]
    : [{ index, name: arg.slice(2, equals), value: arg.slice(equals + 1) }];
}

/** The names of the options, aliases included, by what they take. */
class KnownOptions {
  readonly names: ReadonlyMap<string, readonly string[]>;
  readonly boolean: ReadonlySet<string>;
  readonly string: ReadonlySet<string>;
  readonly collect: ReadonlySet<string>;
  readonly negatable: ReadonlySet<string>;

  constructor(options: ParseOptions) {
    this.names = new Map(
      Object.entries(options.alias ?? {})
        .map(([name, others]) => [name, others].flat())
        .flatMap((group) => group.map((name) => [name, group])),
    );
    this.boolean = this.#expand(options.boolean);
    this.string = this.#expand(options.string);
    this.collect = this.#expand(options.collect);
    this.negatable = this.#expand(options.negatable);
  }

  /** Whether the options name it. */
  has(name: string): boolean {
    return this.names.has(name) || this.boolean.has(name) ||
      this.string.has(name) || this.collect.has(name);
  }

  /** Every name of an option, itself included. */
  namesOf(name: string): readonly string[] {
    return this.names.get(name) ?? [name];
  }

  /** The value that the argument after an option gives it, if any. */
  takeValue(
    name: string,
    arg: string,
    next: string,
  ): string | boolean | undefined {
    if (this.boolean.has(name)) {
      return next === "true" || next === "false" ? next === "true" : undefined;
    }
    if (next === "") return undefined;
    // A lone "-" is a value after "-o", and an argument after "--output".
    if (next === "-" && arg.startsWith("--")) return undefined;
    return next;
  }

  #expand(names: string | readonly string[] = []): ReadonlySet<string> {
    return new Set([names].flat().flatMap((name) => this.namesOf(name)));
  }
}

/** The values found so far. */
class ArgValues {
  readonly result: Args = { _: [] };
  readonly #known: KnownOptions;
  readonly #options: ParseOptions;

  constructor(known: KnownOptions, options: ParseOptions) {
    this.#known = known;
    this.#options = options;
  }

  /** Keeps an argument that is no option. */
  addPositional(arg: string): void {
    if (this.#options.unknown?.(arg) === false) return;
    this.result._.push(this.#known.string.has("_") ? arg : toNumber(arg));
  }

  /** Keeps an option's value, given as `arg`. */
  add(name: string, value: string | boolean, arg: string): void {
    const { unknown } = this.#options;
    if (!this.#known.has(name) && unknown?.(arg, name, value) === false) return;
    const isText = typeof value !== "string" || this.#known.string.has(name);
    this.put(name, isText ? value : toNumber(value));
  }

  /** Sets an option under all its names. */
  put(name: string, value: unknown): void {
    for (const key of this.#known.namesOf(name)) {
      if (key === "__proto__") continue;
      if (!this.#known.collect.has(name)) this.result[key] = value;
      else (this.result[key] ??= []).push(value);
    }
  }

  /** Fills in what is absent. */
  finish(rest: string[]): Args {
    const { result } = this;
    for (const [name, value] of Object.entries(this.#options.default ?? {})) {
      if (Object.hasOwn(result, name)) continue;
      for (const key of this.#known.namesOf(name)) result[key] = value;
    }
    for (const name of this.#known.boolean) {
      result[name] ??= this.#known.collect.has(name) ? [] : false;
    }
    for (const name of this.#known.string) {
      if (this.#known.collect.has(name)) result[name] ??= [];
    }
    if (this.#options["--"]) result["--"] = rest;
    else result._.push(...rest);
    return result;
  }
}

function toNumber(text: string): string | number {
  const number = Number(text);
  return text.trim() !== "" && Number.isFinite(number) ? number : text;
}
