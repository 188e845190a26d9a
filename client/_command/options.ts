import { CommandError, usageError } from "../../command/errors.ts";
import {
  collectValues,
  type Flag,
  listTokens,
  missingValue,
  type Token,
  type Values,
} from "../../command/flags.ts";
import { quote } from "../../command/quote.ts";
import { ACCEPTED, REFUSED } from "./curl_flags.ts";
import { DATA, FLAGS, GLOBAL, LINES } from "./flag_table.ts";
import { type Input, readInputText } from "./input.ts";

/**
 * What the user asked for in one operation: the flags by name, the data flags
 * again as names and values in their order, and the URLs.
 */
export type Options = Values<typeof FLAGS> & {
  readonly parts: readonly (readonly [name: string, value: string])[];
  readonly urls: readonly string[];
  /** Notes on accepted flags that change nothing. */
  readonly notes: readonly string[];
  /** Where the flags and URLs that name files read from. */
  readonly input: Input;
};

/** How deep files of flags may be nested. */
const MAX_DEPTH = 10;
/** A flag with its dashes, or without them and then perhaps `=` or `:`. */
const LINE_REGEXP = /^(?:(-\S*)\s*|([^\s=:]+)[\s=:]*)(.*)$/s;
const VALUE_REGEXP = /^(?:"((?:\\.|[^"\\])*)"|([^\s"]\S*))\s*(?:#.*)?$/s;
const ESCAPES = new Map([["t", "\t"], ["n", "\n"], ["r", "\r"], ["v", "\v"]]);

/** Other names of flags, and opposites such as `--no-silent`. */
const MEANINGS = new Map<Flag, Partial<Token>>([
  [["", "data-ascii", DATA, ""], { flag: flagOf("data") }],
  [["", "follow", "", ""], { flag: flagOf("location") }],
  [["", "proxy1.0", "URL", ""], { flag: flagOf("proxy") }],
  [["", "show-headers", "", ""], { flag: flagOf("include") }],
  ...[...FLAGS, ...ACCEPTED].filter(([, , takes]) => takes === "")
    .map((flag) => [oppositeOf(flag), { flag, text: "false" }] as const),
]);
/** All flags that the command knows, also those that it rejects. */
export const KNOWN = [...FLAGS, ...ACCEPTED, ...REFUSED, ...MEANINGS.keys()];

function flagOf(name: string): Flag {
  return FLAGS.find((flag) => flag[1] === name)!;
}

function oppositeOf([, name]: Flag): Flag {
  return ["", name.startsWith("no-") ? name.slice(3) : `no-${name}`, "", ""];
}

/**
 * Reads the arguments of the command, and the files of `-K` in their place.
 *
 * @param args The arguments.
 * @param input Where `-K -` reads from.
 * @returns The operations, which `--next` separates; at least one.
 * @throws {CommandError} If a flag is unknown, makes no sense, or is one of
 *   curl's that is rejected.
 */
export async function parseOptions(
  args: readonly string[],
  input: Input,
): Promise<[Options, ...Options[]]> {
  const typed = [...listTokens(KNOWN, args).map(resolve)];
  const tokens = await readFiles(typed, input, 0);
  const global = tokens.filter(({ flag }) => GLOBAL.includes(flag?.[1]));
  const operations: [Token[], ...Token[][]] = [[]];
  for (const token of tokens) {
    const last = operations.at(-1)!;
    if (token.flag?.[1] === "next") {
      // In a -K file, --next ends an operation only if that has a URL: the file
      // may begin with it, after flags of the command line
      const isComplete = typed.includes(token)
        ? last.length > 0
        : last.some(({ flag }) => flag === null);
      if (isComplete) operations.push([]);
    } else if (!global.includes(token)) last.push(token);
  }
  return operations.map((local) =>
    readOperation([...local, ...global], input)
  ) as [Options, ...Options[]];
}

function readOperation(tokens: readonly Token[], input: Input): Options {
  const values = collectValues(FLAGS, tokens);
  const parts = tokens.flatMap(({ flag, text }) =>
    flag?.[2] === DATA ? [[flag[1], text!] as const] : []
  );
  const notes = tokens.flatMap(({ flag, arg }) =>
    ACCEPTED.includes(flag!) ? [`${arg}: ${flag![3]}`] : []
  );
  return { ...values, parts, urls: values.operands, notes, input };
}

/** Replaces a token with the one that it is another spelling of. */
function resolve(token: Token): Token {
  const { flag, arg, text } = { ...token, ...MEANINGS.get(token.flag!) };
  if (flag === null) return token;
  if (REFUSED.includes(flag)) throw usageError(`Cannot use ${arg}: ${flag[3]}`);
  const [, name] = flag;
  // --url URL is the same as URL
  if (name === "url") return { flag: null, arg: text!, text: null };
  if (name === "remote-name" || name === "out-null") {
    // -o and -O share a list that keeps their order, as each is for one URL
    const file = name === "out-null" ? "/dev/null" : "";
    return { flag: flagOf("output"), arg, text: text === null ? file : "-" };
  }
  if (name === "form-string") {
    const at = text!.indexOf("=") + 1;
    const quoted = `"${text!.slice(at).replaceAll(/["\\]/g, "\\$&")}"`;
    return { flag: flagOf("form"), arg, text: text!.slice(0, at) + quoted };
  }
  const needsText = name === "output" || name === "unix-socket";
  if (needsText && text === "") throw missingValue(token);
  return { flag, arg, text };
}

/** Replaces `-K`, and `-H @FILE`, with the lines of their files. */
async function readFiles(
  tokens: readonly Token[],
  input: Input,
  depth: number,
): Promise<Token[]> {
  const lists = await Array.fromAsync(tokens, async (token) => {
    const { flag, text } = token;
    // Ignored, as in curl: a script may have nothing to add
    if (flag?.[2] === LINES && text === "") return [];
    const isFields = flag?.[2] === LINES && text!.startsWith("@");
    if (flag?.[1] !== "config" && !isFields) return [token];
    const path = isFields ? text!.slice(1) : text!;
    if (depth === MAX_DEPTH) {
      const problem = "files are nested too deeply";
      throw usageError(`Cannot read ${quote(path)}: ${problem}`);
    }
    const lines = (await readInputText(path, input)).split(/\r?\n/);
    const nested = isFields
      ? lines.map((text) => ({ ...token, text }))
      : lines.flatMap((line, index) =>
        readLine(line.trim(), `line ${index + 1} of ${quote(path)}`)
      );
    return await readFiles(nested, input, depth + 1);
  });
  return lists.flat();
}

/** Reads a line of a file. */
function readLine(line: string, location: string): Token[] {
  try {
    const args = splitLine(line);
    const tokens = [...listTokens(KNOWN, args)];
    const [arg = ""] = args;
    if (tokens.some(({ flag }) => flag?.[1] === "insecure")) {
      throw usageError(`Cannot use ${arg} here: -k must be typed each time`);
    }
    if (tokens.some(({ flag }) => flag === null)) {
      throw usageError(`Cannot read flag ${quote(arg)}: it takes no value`);
    }
    return tokens.map(resolve);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw usageError(`${error.message} (${location})`);
  }
}

/** Splits a line into a flag and its value, if any; a comment gives nothing. */
function splitLine(line: string): string[] {
  if (line === "" || line.startsWith("#")) return [];
  const [, dashed, name, rest = ""] = LINE_REGEXP.exec(line) ?? [];
  const flag = dashed ?? `--${name}`;
  if (rest === "" || rest.startsWith("#")) return [flag];
  const [match, quoted, plain] = VALUE_REGEXP.exec(rest) ?? [];
  if (match === undefined) {
    throw usageError(
      `Cannot read ${quote(rest)} for ${flag}: expected one word, or "..."`,
    );
  }
  return [flag, plain ?? unescape(quoted!)];
}

/** Resolves the backslash escapes of a quoted string. */
export function unescape(text: string): string {
  return text.replace(/\\(.)/gs, (_, letter) => ESCAPES.get(letter) ?? letter);
}
