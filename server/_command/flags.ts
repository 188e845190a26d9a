import { CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { parseArgs } from "@std/cli/parse-args";

/**
 * Every flag of the command, in the order of the help: the letter, the name,
 * the value if it takes one, and what it does.
 */
export const FLAGS = [
  ["p", "port", "PORT", "listen on this port (8000, or the next free one)"],
  ["", "host", "ADDRESS", "listen here (127.0.0.1); 0.0.0.0 is everywhere"],
  ["", "unix", "PATH", "listen on a unix socket instead"],
  ["", "cert", "FILE", "speak TLS with this certificate chain (PEM)"],
  ["", "key", "FILE", "and this private key"],
  ["", "allowed-hosts", "NAMES", "answer to these names too; * is all"],
  ["", "no-dir-listing", "", "show no lists of files"],
  ["", "dotfiles", "", "serve files whose names start with a dot"],
  ["", "follow-symlinks", "", "follow links out of the directory"],
  ["", "clean-urls", "", "answer /page with page.html"],
  ["", "fallback", "FILE", "answer paths without extension with this file"],
  ["", "cors", "[ORIGIN]", "let pages of other origins read everything"],
  ["H", "header", "LINE", 'send "Name: value" with everything; repeatable'],
  ["", "max-age", "SECONDS", "let clients keep files for so long (0)"],
  ["", "cache-ttl", "SECONDS", "look at files again after so long (1)"],
  ["", "auth-file", "FILE", "ask for a password; lines of user:password"],
  ["", "max-connections", "COUNT", "serve so many connections at once"],
  ["", "workers", "COUNT", "serve in so many threads, on one core each (1)"],
  ["", "log", "FORMAT", "none, common (default), combined or json"],
  ["q", "quiet", "", "print nothing but errors"],
  ["", "explain", "", "print each decision about each request"],
  ["h", "help", "", "show this text"],
  ["V", "version", "", "show the version"],
] as const;

type Flag = typeof FLAGS[number];
type Switch = Extract<Flag, readonly [string, string, "", string]>[1];

/** The flags as given: switches, and the values of the others. */
export type Flags =
  & { readonly [name in Switch]: boolean }
  & { readonly [name in Exclude<Flag[1], Switch | "header">]?: string }
  & {
    readonly header: readonly string[];
    /** What to serve. */
    readonly root: string;
  };

/**
 * Reads the arguments of the command.
 *
 * @throws {CommandError} If a flag is unknown or has no value, or there are two
 *   roots.
 */
export function parseFlags(args: readonly string[]): Flags {
  const switches: string[] = namesWhere((value) => value === "");
  const others: string[] = namesWhere((value) => value !== "");
  const given: Readonly<Record<string, unknown>> = parseArgs(
    // An origin comes with "=": the argument behind is what to serve
    args.map((arg) => arg === "--cors" ? "--cors=*" : arg),
    {
      boolean: switches,
      string: ["_", ...others],
      collect: ["header"],
      alias: { port: "p", header: "H", quiet: "q", help: "h", version: "V" },
      unknown: refuseUnknown,
    },
  );
  for (const [, name, value] of FLAGS) {
    if (value !== "" && [given[name]].flat().includes("")) {
      throw new CommandError(
        EXIT.usage,
        `Cannot read --${name}: expected ${value} after it`,
      );
    }
  }
  const [root = ".", ...more] = (given._ as unknown[]).map(String);
  if (more.length > 0) {
    throw new CommandError(
      EXIT.usage,
      `Cannot serve ${[root, ...more].map(quote).join(" and ")}: one at a time`,
    );
  }
  return { ...given, root } as unknown as Flags;
}

function namesWhere(test: (value: string) => boolean): string[] {
  return FLAGS.filter(([, , value]) => test(value)).map(([, name]) => name);
}

function refuseUnknown(arg: string, key?: string): boolean {
  if (key === undefined) return true;
  const nearest = nearestFlag(key);
  throw new CommandError(
    EXIT.usage,
    `Unknown flag ${quote(arg)}` +
      (nearest === null ? "" : `: did you mean --${nearest}?`),
  );
}

/**
 * The flag with the least edits to a name; null if most of the name would
 * change.
 */
function nearestFlag(name: string): string | null {
  const [best] = FLAGS
    .map(([, flag]) => ({ flag, edits: editDistance(name, flag) }))
    .sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits <= name.length / 2 ? best.flag : null;
}

/**
 * How many letters must be put in, left out or changed to get from one word to
 * the other.
 */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      next.push(Math.min(
        row[j]! + (letter === to[j] ? 0 : 1),
        row[j + 1]! + 1,
        next[j]! + 1,
      ));
    }
    row = next;
  }
  return row.at(-1)!;
}
