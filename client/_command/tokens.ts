import { CommandError, usageError } from "../../command/errors.ts";
import { type Flag, listTokens, type Token } from "../../command/flags.ts";
import { quote } from "../../command/quote.ts";
import { ACCEPTED, REFUSED } from "./curl_flags.ts";
import { ALIASES, FLAGS } from "./flag_table.ts";
import type { InputContext } from "./input.ts";

/** How deep one file may name the next. */
const MAX_DEPTH = 10;
/** A flag with its dashes, or without them and then maybe with a sign. */
const LINE_REGEXP = /^(?:(-\S*)\s*|([^\s=:]+)[\s=:]*)(.*)$/s;
const VALUE_REGEXP = /^(?:"((?:\\.|[^"\\])*)"|([^\s"]\S*))\s*(?:#.*)?$/s;
const ESCAPES = new Map([["t", "\t"], ["n", "\n"], ["r", "\r"], ["v", "\v"]]);

/** Other spellings: the names of {@linkcode ALIASES}, and `--no-silent`. */
const MEANT = new Map<Flag, Flag>([
  ...Object.entries(ALIASES).map(([name, meant]) => {
    const flag = FLAGS.find((flag) => flag[1] === meant)!;
    return [["", name, flag[2], ""], flag] as const;
  }),
  ...[...FLAGS, ...ACCEPTED].filter(([, , takes]) => takes === "")
    .map((flag) => [["", opposite(flag), "", ""], flag] as const),
]);
const KNOWN = [...FLAGS, ...ACCEPTED, ...REFUSED, ...MEANT.keys()];

/**
 * Reads arguments, and those in the files of `-K` in their place.
 *
 * @throws {CommandError} If a flag is unknown, lacks its value, or is one of
 *   curl's that is not here.
 */
export function readTokens(
  args: readonly string[],
  input: InputContext,
): Promise<Token[]> {
  return readFiles([...listTokens(KNOWN, args).map(resolve)], input, 0);
}

async function readFiles(
  tokens: readonly Token[],
  input: InputContext,
  depth: number,
): Promise<Token[]> {
  const all: Token[] = [];
  for (const token of tokens) {
    if (token.flag?.[1] !== "config") all.push(token);
    else {
      if (depth === MAX_DEPTH) {
        const path = quote(token.text!);
        throw usageError(`Cannot read ${path}: too many files name the next`);
      }
      // Most commands need no file before they connect
      const { readInputText } = await import("./input.ts");
      const text = await readInputText(token.text!, input);
      const lines = text.split(/\r?\n/).flatMap((line, index) =>
        readLine(line.trim(), `line ${index + 1} of ${quote(token.text!)}`)
      );
      all.push(...await readFiles(lines, input, depth + 1));
    }
  }
  return all;
}

/** Reads a line of a file. */
function readLine(line: string, place: string): Token[] {
  try {
    const args = splitLine(line);
    const tokens = [...listTokens(KNOWN, args).map(resolve)];
    if (tokens.some(({ flag }) => flag === null)) {
      throw usageError(
        `Cannot read flag ${quote(args[0]!)}: it takes no value`,
      );
    }
    return tokens;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw usageError(`${error.message} (${place})`);
  }
}

/** A flag and its value, if there is one; nothing for a comment. */
function splitLine(line: string): string[] {
  if (line === "" || line.startsWith("#")) return [];
  const [, dashed, name, rest = ""] = LINE_REGEXP.exec(line) ?? [];
  const flag = dashed ?? `--${name}`;
  if (rest === "" || rest.startsWith("#")) return [flag];
  const [whole, quoted, plain] = VALUE_REGEXP.exec(rest) ?? [];
  if (whole === undefined) {
    throw usageError(
      `Cannot read ${quote(rest)} for ${flag}: expected one word, or "..."`,
    );
  }
  const unescape = (_: string, letter: string) => ESCAPES.get(letter) ?? letter;
  return [flag, plain ?? quoted!.replace(/\\(.)/gs, unescape)];
}

function resolve(token: Token): Token {
  const { flag, arg, text } = token;
  if (flag === null) return token;
  if (REFUSED.includes(flag)) {
    throw usageError(`Cannot use ${arg}: ${flag[3]}`);
  }
  const meant = MEANT.get(flag);
  if (meant === undefined) return token;
  const isOpposite = flag[1] === opposite(meant);
  const negated = text === "false" ? "true" : "false";
  return { flag: meant, arg, text: isOpposite ? negated : text };
}

function opposite([, name]: Flag): string {
  return name.startsWith("no-") ? name.slice(3) : `no-${name}`;
}
