import { CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";

/** A list or a range, or the text between two. */
interface Part {
  /** Its name, and its number among the lists and ranges; null for a text. */
  readonly keys: readonly string[];
  /** How many values it stands for. */
  readonly size: number;
  /** The value with this index. */
  readonly at: (index: number) => string;
}

/**
 * A text, a list or a range. An IPv6 address is a text, and so is `[]`, which
 * stands in queries. Any other bracket is a mistake.
 */
const PART_REGEXP =
  /((?:\[[\da-f.]*:[\da-f.:]*(?:%[^\]]*)?\]|\[\]|\\[{}[\]]|[^{}[\]])+)|\{((?:\\.|[^{}[\]\\])+)\}|\[([^\]]+)\]|(.)/gis;
const RANGE_REGEXP =
  /^(?:(\d{1,15})-(\d{1,15})|([a-z])-([a-z])|([A-Z])-([A-Z]))(?::(\d{1,15}))?$/;
/** After an even number of backslashes. */
const COMMA_REGEXP = /(?<!(?:^|[^\\])(?:\\\\)*\\),/;

/** A list or range may begin with a name, as in `{<name>a,b}`. */
const NAME_REGEXP = /^(<[\w-]+>)?(.*)$/s;
/** As for curl. */
const MAX_PARTS = 255;

/** A text with lists `{a,b}` and ranges `[1-9]`, `[01-99:2]`, `[a-z]`. */
export class Glob {
  /** How many texts it stands for. */
  readonly count: number;
  readonly #parts: readonly Part[];

  /**
   * Reads the lists and ranges.
   *
   * @param text A text of the user.
   * @param isOff Whether brackets mean nothing.
   * @throws {CommandError} If a bracket is no part of a list or range.
   */
  constructor(text: string, isOff = false) {
    this.#parts = isOff ? [literal(text)] : [...readParts(text)];
    const keys = this.#parts.flatMap(({ keys }) => keys);
    if (this.#parts.length > MAX_PARTS || new Set(keys).size < keys.length) {
      throw globError(text, "there are too many, or two of one name");
    }
    this.count = this.#parts.reduce((count, { size }) => count * size, 1);
  }

  /**
   * The text with this index, and what each list and range became, by its name
   * and its number; the last of them changes first.
   */
  at(
    index: number,
  ): { readonly text: string; readonly captures: Map<string, string> } {
    const values: string[] = [];
    const captures = new Map<string, string>();
    for (const { keys, size, at } of this.#parts.toReversed()) {
      const value = at(index % size);
      values.unshift(value);
      for (const key of keys) captures.set(key, value);
      index = Math.floor(index / size);
    }
    return { text: values.join(""), captures };
  }
}

/** Puts what lists and ranges became in place of `#1`, `#2`, or `#<name>`. */
export function fillReferences(
  text: string,
  captures: ReadonlyMap<string, string>,
): string {
  return text.replace(
    /#(?:0*(\d{1,3})|(<[\w-]+>))/g,
    (reference, number, name) => captures.get(name ?? number) ?? reference,
  );
}

function* readParts(text: string): Generator<Part> {
  let count = 0;
  for (const match of text.matchAll(PART_REGEXP)) {
    const [whole, plain, list, range] = match;
    const [, name, content] = NAME_REGEXP.exec(list ?? range ?? "")!;
    if (plain !== undefined) {
      yield literal(plain.replace(/\\([{}[\]])/g, "$1"));
    } else if (list === undefined && range === undefined) {
      throw globError(text.slice(match.index), `${whole} stands alone`);
    } else {
      const read = list === undefined ? readRange : readList;
      const number = String(++count);
      const keys = name === undefined ? [number] : [number, name];
      yield { keys, ...read(content!) };
    }
  }
}

function literal(text: string): Part {
  return { keys: [], size: 1, at: () => text };
}

function readList(list: string): Omit<Part, "keys"> {
  const values = list.split(COMMA_REGEXP)
    .map((value) => value.replace(/\\(.)/gs, "$1"));
  return { size: values.length, at: (index) => values[index]! };
}

/** A range of numbers keeps the zeros before the first one. */
function readRange(range: string): Omit<Part, "keys"> {
  const [first = "", last = "", stepText = "1"] =
    RANGE_REGEXP.exec(range)?.slice(1).filter((text) => text !== undefined) ??
      [];
  const isNumber = /\d/.test(first);
  const valueOf = (text: string) =>
    isNumber ? Number(text) : text.charCodeAt(0);
  const [from, to, step] = [valueOf(first), valueOf(last), Number(stepText)];
  const isRange = from === to ? step > 0 : step > 0 && step <= to - from;
  if (!isRange) {
    const problem = "expected a range such as 1-9, 01-99:2 or a-z";
    throw globError(`[${range}]`, problem);
  }
  const width = first.startsWith("0") ? first.length : 0;
  const write = (value: number) =>
    isNumber ? String(value).padStart(width, "0") : String.fromCharCode(value);
  return {
    size: Math.floor((to - from) / step) + 1,
    at: (index) => write(from + index * step),
  };
}

function globError(text: string, problem: string): CommandError {
  return new CommandError(
    EXIT.malformedUrl,
    `Cannot read ${quote(text)}: ${problem}; -g takes it as it is`,
  );
}
