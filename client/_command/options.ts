import {
  collectValues,
  missingValue,
  type Token,
  type Values,
} from "../../command/flags.ts";
import { ACCEPTED } from "./curl_flags.ts";
import { DATA, FLAGS, GLOBAL } from "./flag_table.ts";
import type { InputContext } from "./input.ts";
import { readTokens } from "./tokens.ts";

const OUTPUT = FLAGS.find(([, name]) => name === "output")!;

/**
 * What the user asked for in one operation: the flags by name, those of the
 * data once more as names and values in their order, and the URLs.
 */
export type Options = Values<typeof FLAGS> & {
  readonly parts: readonly (readonly [name: string, value: string])[];
  readonly urls: readonly string[];
  /** What is so already, though flags ask for it. */
  readonly notes: readonly string[];
};

/**
 * Reads the arguments of the command.
 *
 * @param args The arguments.
 * @param input What `-K -` reads.
 * @returns The operations, which `--next` separates; one at least.
 * @throws {CommandError} If a flag is unknown or makes no sense.
 */
export async function parseOptions(
  args: readonly string[],
  input: InputContext,
): Promise<[Options, ...Options[]]> {
  const tokens = await readTokens(args, input);
  const global = tokens.filter(({ flag }) => GLOBAL.includes(flag?.[1] ?? ""));
  const operations: Token[][] = [[]];
  for (const token of tokens) {
    if (token.flag?.[1] === "next") operations.push([]);
    else if (!global.includes(token)) operations.at(-1)!.push(token);
  }
  const [first = [], ...others] = operations;
  return [
    readOperation([...first, ...global]),
    ...others.map((local) => readOperation([...local, ...global])),
  ];
}

function readOperation(all: readonly Token[]): Options {
  const accepted = all.filter(({ flag }) => ACCEPTED.includes(flag!));
  const tokens = all.filter((token) => !accepted.includes(token))
    .map(joinUrls).map(joinOutputs);
  const values = collectValues(FLAGS, tokens);
  const parts = tokens.flatMap(({ flag, text }) =>
    flag?.[2] === DATA ? [[flag[1], text!] as const] : []
  );
  const notes = accepted.map(({ flag, arg }) => `${arg}: ${flag![3]}`);
  return { ...values, parts, urls: values.operands, notes };
}

/** A URL is the same with `--url` before it. */
function joinUrls(token: Token): Token {
  if (token.flag?.[1] !== "url") return token;
  return { flag: null, arg: token.text!, text: null };
}

/** One list keeps the order in which -o and -O stand: each is for one URL. */
function joinOutputs(token: Token): Token {
  const name = token.flag?.[1];
  if (name === "remote-name") {
    return { ...token, flag: OUTPUT, text: token.text === "false" ? "-" : "" };
  }
  if (name === "output" && token.text === "") throw missingValue(token);
  return token;
}
