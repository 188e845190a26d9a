import { parseArgs } from "@std/cli/parse-args";
import { FLAGS, type Options } from "./flags.ts";
import { CommandError } from "./error.ts";

type Row = typeof FLAGS[number];

const DATA_REGEXP = /^--(data|data-raw|data-binary|json)(?:=(.*))?$/s;

/**
 * Reads the arguments as curl does: letters may stand together (`-sSfLo file`),
 * a value may stick to its letter (`-XPUT`) or its name (`--request=PUT`), and
 * a flag that takes a value takes whatever comes next.
 *
 * @throws {CommandError} If a flag is unknown or lacks its value.
 */
export function parseOptions(args: readonly string[]): Options {
  const urls: string[] = [];
  const flags: string[] = [];
  for (const rest = [...args]; rest.length > 0;) {
    const arg = rest.shift()!;
    if (arg === "--") urls.push(...rest.splice(0));
    else if (arg.startsWith("--")) flags.push(spellName(arg, rest));
    else if (arg.length > 1 && arg.startsWith("-")) {
      flags.push(...spellLetters(arg, rest));
    } else urls.push(arg);
  }
  const switches = FLAGS.filter((flag) => flag[2] === "");
  const valued = FLAGS.filter((flag) => flag[2] !== "");
  const values = parseArgs(flags, {
    boolean: switches.map(nameOf),
    string: valued.map(nameOf),
    collect: valued.filter((flag) => flag[2].endsWith("...")).map(nameOf),
  });
  const parts = flags.flatMap((flag) => {
    const [, name, text = ""] = DATA_REGEXP.exec(flag) ?? [];
    return name === undefined ? [] : [[name, text]];
  });
  return { ...values, parts, urls } as unknown as Options;
}

/**
 * What curl's parser knows and `parseArgs` does not: which flags take what
 * comes next. All are spelled `--name=value`.
 */
function spellName(arg: string, rest: string[]): string {
  const equals = arg.indexOf("=");
  const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
  const flag = FLAGS.find((flag) => flag[1] === name);
  if (flag === undefined) throw unknownFlag(`--${name}`, nearestName(name));
  if (equals < 0) return spell(flag, `--${name}`, rest);
  if (flag[2] === "") {
    throw new CommandError(2, `Cannot read flag "${arg}": it takes no value`);
  }
  return spell(flag, arg, [arg.slice(equals + 1)]);
}

function spellLetters(arg: string, rest: string[]): string[] {
  const spelled: string[] = [];
  for (let index = 1; index < arg.length; index++) {
    const letter = arg[index]!;
    const flag = FLAGS.find((flag) => flag[0] === letter);
    if (flag === undefined) throw unknownFlag(`-${letter}`, nearest(letter));
    const stuck = arg.slice(index + 1);
    const takesStuck = flag[2] !== "" && stuck !== "";
    spelled.push(spell(flag, `-${letter}`, takesStuck ? [stuck] : rest));
    if (flag[2] !== "") break;
  }
  return spelled;
}

function spell([, name, takes]: Row, arg: string, rest: string[]): string {
  // One list keeps the order in which -o and -O stand: each is for one URL.
  if (name === "remote-name") return "--output";
  if (takes === "") return `--${name}`;
  const value = rest.shift();
  if (value === undefined || (value === "" && name === "output")) {
    throw new CommandError(2, `Cannot read flag "${arg}": ${takes} is missing`);
  }
  return value === "" ? `--${name}` : `--${name}=${value}`;
}

function unknownFlag(arg: string, suggestion: string): CommandError {
  return new CommandError(
    2,
    `Cannot read flag "${arg}": unknown; did you mean ${suggestion}?`,
  );
}

function nearest(letter: string): string {
  const other = letter === letter.toLowerCase()
    ? letter.toUpperCase()
    : letter.toLowerCase();
  return FLAGS.some((flag) => flag[0] === other) ? `-${other}` : "--help";
}

function nearestName(name: string): string {
  const names = FLAGS.map(nameOf);
  const distances = names.map((other) => editDistance(name, other));
  return `--${names[distances.indexOf(Math.min(...distances))]}`;
}

/** How many letters must be added, removed or changed (Levenshtein). */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = a[row - 1] === b[column - 1] ? 0 : 1;
      line.push(Math.min(
        above[column]! + 1,
        line[column - 1]! + 1,
        above[column - 1]! + change,
      ));
    }
    above = line;
  }
  return above[b.length]!;
}

function nameOf(flag: Row): string {
  return flag[1];
}

const UNITS = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const COUNT_REGEXP = /^\d{1,9}$/;
const SECONDS_REGEXP = /^(?=.*[1-9])\d{1,9}(?:\.\d{1,6})?$/;
const BYTES_REGEXP = /^(\d{1,12})([KMGT]?)$/i;

/** Reads the value of a flag as a number of times. */
export function parseCount(name: string, value: string): number {
  if (COUNT_REGEXP.test(value)) return Number(value);
  throw badValue(name, value, "a whole number");
}

/**
 * Reads the value of a flag as a number of seconds, and answers in
 * milliseconds.
 */
export function parseSeconds(name: string, value: string): number {
  if (SECONDS_REGEXP.test(value)) return Number(value) * 1000;
  throw badValue(name, value, "seconds, such as 2.5");
}

/**
 * Reads the value of a flag as a number of bytes, with the letter of a unit.
 */
export function parseBytes(name: string, value: string): number {
  const [, digits, unit] = BYTES_REGEXP.exec(value) ?? [];
  if (digits === undefined) throw badValue(name, value, "bytes, such as 10M");
  return Number(digits) * UNITS[unit!.toUpperCase() as keyof typeof UNITS];
}

/** Makes the error for a flag whose value is of the wrong form. */
export function badValue(
  name: string,
  value: string,
  expected: string,
): CommandError {
  return new CommandError(
    2,
    `Cannot read "${value}" for --${name}: expected ${expected}`,
  );
}
