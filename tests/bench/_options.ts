// Parses the command line.

import { parseArgs } from "@std/cli/parse-args";

/** What to measure, and how thoroughly. */
export interface Options {
  /** How often each contestant is measured. */
  readonly rounds: number;
  /** How long each measurement takes, in seconds. */
  readonly seconds: number;
  /** The numbers of the groups. */
  readonly groups: readonly number[];
  /** A checkout of the standard library; null for none. */
  readonly std: string | null;
  /** Whether results.md and results.svg are written. */
  readonly isSaved: boolean;
}

/** The help of the command. */
export const USAGE =
  `Compares this project with others, in turn, and prints tables in Markdown.

Usage: deno task bench [--rounds 3] [--seconds 1] [--std CHECKOUT] [--save] [GROUP...]

Needs Linux, wrk and ab (Debian: wrk, apache2-utils). Missing peers are listed:
lighttpd and nginx (Debian: lighttpd, nginx-light), python3, npm, and the
standard library from JSR or from --std, a checkout of its sources, which the
variable STD_CHECKOUT can name too. Without groups all are run, and results.md
and results.svg are written; with groups only if --save is given.
`;

const FLAGS = ["rounds", "seconds", "std", "import-map"];

/**
 * Parses the arguments.
 *
 * @throws {TypeError} If they are invalid.
 */
export function readOptions(
  args: readonly string[],
  all: readonly number[],
): Options {
  const given = parseArgs([...args], {
    boolean: ["save"],
    string: ["_", ...FLAGS],
    unknown: (arg, key) => {
      if (key === undefined) return true;
      throw new TypeError(`Unknown flag ${arg}`);
    },
  });
  const groups = given._.map(String);
  for (const group of groups) {
    if (!all.includes(Number(group))) {
      throw new TypeError(`Cannot run group ${group}: there is none`);
    }
  }
  return {
    rounds: wholeNumber("rounds", given.rounds, 3),
    seconds: wholeNumber("seconds", given.seconds, 1),
    groups: groups.length === 0 ? all : groups.map(Number),
    std: given.std ?? Deno.env.get("STD_CHECKOUT") ?? null,
    isSaved: given.save === true || groups.length === 0,
  };
}

function wholeNumber(name: string, text: unknown, other: number): number {
  if (text === undefined) return other;
  if (/^[1-9]\d{0,2}$/.test(String(text))) return Number(text);
  throw new TypeError(`Cannot read --${name} ${text}: expected 1 to 999`);
}
