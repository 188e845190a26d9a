import { parseArgs } from "@std/cli/parse-args";
import config from "../deno.json" with { type: "json" };
import { CommandError, EXIT, usageError } from "./errors.ts";
import { quote } from "./quote.ts";

/**
 * Defines the value of a flag that is more than a text.
 *
 * @param name Its name, as in {@linkcode Flag}.
 * @param expected What is expected, for the error message.
 * @param pattern The pattern that it must match.
 * @param parse Makes it from the match and its groups; null rejects it.
 * @param exitCode The exit code if it is rejected.
 */
export function value<Name extends string, T>(
  name: Name,
  expected: string,
  pattern: RegExp,
  parse: (...match: string[]) => T | null,
  exitCode: number = EXIT.usage,
) {
  return { name, expected, pattern, parse, exitCode };
}

/**
 * One row of the table of a command's flags: its letter or "", its name, the
 * value it takes, what it does, and the group that it belongs to, if there are
 * groups.
 *
 * The name of the value tells how many there are: `""` is none, `"FILE"` one,
 * `"FILE..."` one each time the flag is given, and `"[=FILE]"` an optional
 * one.
 */
export type Flag = readonly [
  letter: string,
  name: string,
  takes: string | ReturnType<typeof value>,
  help: string,
  group?: string,
];

type ValueOf<Takes> = Takes extends "" ? boolean
  : Takes extends { name: infer Name; parse(...match: string[]): infer T }
    ? Given<Name, Exclude<T, null>>
  : Given<Takes, string>;

type Given<Name, T> = Name extends `${string}...` ? readonly T[]
  : T | undefined;

/** The values of the flags in a table, by the names of the flags. */
export type Values<Flags extends readonly Flag[]> =
  & { readonly [flag in Flags[number] as flag[1]]: ValueOf<flag[2]> }
  & {
    /** The arguments that are not flags. */
    readonly operands: readonly string[];
  };

/** A flag as it was given, or an argument that is not one. */
export interface Token {
  /** The flag; null for an operand. */
  readonly flag: Flag | null;
  /** How it was spelled: `-o`, `--output`, or the operand. */
  readonly arg: string;
  /** The value of the flag; null if it has none. */
  readonly text: string | null;
}

/** A size; the units are powers of 1,024. */
export const BYTES = value(
  "BYTES",
  "bytes, such as 10M",
  /^(\d{1,12})([BKMGT]?)$/i,
  (_, digits, unit) =>
    Number(digits) * 1_024 ** "BKMGT".indexOf(unit.toUpperCase()),
);

/**
 * Splits arguments as curl does: letters may be joined (`-sSfLo file`), a value
 * may follow its letter (`-XPUT`) or its name (`--request=PUT`) directly, and a
 * flag that needs a value takes whatever comes next.
 *
 * @throws {CommandError} If a flag is unknown or lacks its value.
 */
export function* listTokens(
  flags: readonly Flag[],
  args: readonly string[],
): Generator<Token> {
  const rest = args.values();
  for (const arg of rest) {
    if (arg === "--") yield* rest.map(toOperand);
    else if (arg.startsWith("--")) yield readName(flags, arg, rest);
    else if (arg === "-" || !arg.startsWith("-")) yield toOperand(arg);
    else yield* readLetters(flags, arg, rest);
  }
}

function toOperand(arg: string): Token {
  return { flag: null, arg, text: null };
}

const NAME_REGEXP = /^--([^=]*)(?:=(.*))?$/s;

function readName(
  flags: readonly Flag[],
  word: string,
  rest: Iterator<string>,
): Token {
  const [, name, text] = NAME_REGEXP.exec(word)!;
  const arg = `--${name}`;
  const flag = flags.find((flag) => flag[1] === name);
  if (flag === undefined) throw unknownFlag(arg, findNearest(name!, flags));
  if (text === undefined) return readNext(flag, arg, rest);
  if (flag[2] === "") {
    throw usageError(`Cannot read flag ${quote(word)}: it takes no value`);
  }
  return { flag, arg, text };
}

function* readLetters(
  flags: readonly Flag[],
  word: string,
  rest: Iterator<string>,
): Generator<Token> {
  for (let index = 1; index < word.length; index++) {
    const arg = `-${word[index]}`;
    const flag = flags.find(([letter]) => letter === word[index]);
    if (flag === undefined) throw unknownFlag(arg, null);
    const attached = word.slice(index + 1);
    if (flag[2] === "" || attached === "") yield readNext(flag, arg, rest);
    else return yield { flag, arg, text: attached };
  }
}

function readNext(flag: Flag, arg: string, rest: Iterator<string>): Token {
  const name = nameOfValue(flag);
  if (name === "" || name.startsWith("[")) return { flag, arg, text: null };
  const next = rest.next();
  if (next.done) throw missingValue({ flag, arg, text: null });
  return { flag, arg, text: next.value };
}

/** Makes the error for a flag that lacks its value. */
export function missingValue({ flag, arg }: Token): CommandError {
  const name = flag && nameOfValue(flag).replace(/^\[=|\]$|\.{3}$/g, "");
  return usageError(`Cannot read flag ${quote(arg)}: ${name} is missing`);
}

function unknownFlag(arg: string, nearest: string | null): CommandError {
  const hint = nearest === null ? "" : `; did you mean --${nearest}?`;
  return usageError(`Cannot read flag ${quote(arg)}: unknown${hint}`);
}

/**
 * Returns the name of the flag that was probably meant; null if none is near.
 * An opposite, such as `verbose` for `no-verbose`, is never suggested. Letters
 * get no suggestion, since `-d` and `-D` do different things.
 */
function findNearest(name: string, flags: readonly Flag[]): string | null {
  const [nearest] = flags
    .map(([, other]) => ({ other, edits: countEdits(name, other) }))
    .filter(({ edits }) => edits <= Math.ceil(name.length / 3))
    .filter(({ other }) => other.startsWith("no") === name.startsWith("no"))
    .sort((a, b) => a.edits - b.edits);
  return nearest?.other ?? null;
}

/** Counts the letters to add, remove or change (Levenshtein distance). */
function countEdits(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [row, letter] of [...from].entries()) {
    const line = [row + 1];
    for (const [column, other] of [...to].entries()) {
      const changed = above[column]! + (letter === other ? 0 : 1);
      line.push(Math.min(changed, above[column + 1]! + 1, line[column]! + 1));
    }
    above = line;
  }
  return above[to.length]!;
}

/**
 * Reads the values of the flags that were given; others are left out. If a flag
 * takes one value only, the last one counts.
 *
 * @throws {CommandError} If a value is not what its flag expects.
 */
export function collectValues<const Flags extends readonly Flag[]>(
  flags: Flags,
  tokens: readonly Token[],
): Values<Flags> {
  const spelled = tokens.flatMap(({ flag, text }) =>
    flag === null ? [] : [`--${keyOf(flag)}` + (text ? `=${text}` : "")]
  );
  const keysWhere = (test: (value: string) => boolean) =>
    flags.filter((flag) => test(nameOfValue(flag))).map(keyOf);
  const parsed: Readonly<Record<string, unknown>> = parseArgs(spelled, {
    boolean: keysWhere((value) => value === ""),
    string: keysWhere((value) => value !== ""),
    collect: keysWhere((value) => value.endsWith("...")),
  });
  const values = flags
    .map((flag) => [flag[1], readValue(flag, parsed[keyOf(flag)])] as const)
    .filter(([, value]) => value !== undefined);
  const operands = tokens.filter(({ flag }) => flag === null)
    .map(({ arg }) => arg);
  return { ...Object.fromEntries(values), operands } as Values<Flags>;
}

/**
 * Returns a name for `parseArgs`, which would read a dot as nesting, and `no-`
 * before a `=` as the opposite of another name.
 */
function keyOf([, name]: Flag): string {
  return name.replaceAll(".", "/").replace("no-", "not-");
}

function readValue(flag: Flag, text: unknown): unknown {
  const [, name, takes] = flag;
  if (Array.isArray(text)) return text.map((item) => readValue(flag, item));
  if (typeof takes === "string" || typeof text !== "string") return text;
  const match = takes.pattern.exec(text);
  const value = match && takes.parse(...match);
  if (value !== null) return value;
  const act = `Cannot read ${quote(text)} for --${name}`;
  throw new CommandError(takes.exitCode, `${act}: expected ${takes.expected}`);
}

function nameOfValue([, , takes]: Flag): string {
  return typeof takes === "string" ? takes : takes.name;
}

/** Writes a line for each flag, with its purpose from column `width` on. */
export function writeHelpRows(flags: readonly Flag[], width: number): string {
  return flags.map((flag) => {
    const [letter, name, , help] = flag;
    const short = letter === "" ? "    " : `-${letter}, `;
    const value = nameOfValue(flag).replace("...", "");
    const row = `  ${short}--${name} ${value}`.replace(" [=", "[=");
    return row.padEnd(width) + help;
  }).join("\n");
}

/** Writes the text of `--version`. */
export function writeVersion(): string {
  return `knock ${config.version}`;
}

/** Removes properties that are `undefined`, which is not the same as absent. */
export function withoutUndefined<T extends object>(
  options: { readonly [name in keyof T]: T[name] | undefined },
): T {
  const defined = Object.entries(options).filter(([, v]) => v !== undefined);
  return Object.fromEntries(defined) as T;
}
