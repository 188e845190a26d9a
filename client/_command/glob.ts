import { CommandError, EXIT, usageError } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";

/** What each glob became, by its number from 1 on, and as `<name>`. */
export type Captures = ReadonlyMap<string, string>;

/** A glob, or the text between two. */
interface Part {
  /** Its name, `""` if it has none; null if it is no glob. */
  readonly name: string | null;
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
  /((?:\[[\da-f.]*:[\da-f.:]*(?:%[^\]]*)?\]|\[\]|\\[{}[\]]|[^{}[\]])+)|\{(?:<(\w+)>)?((?:\\.|[^{}[\]\\])+)\}|\[(?:<(\w+)>)?([^\]]+)\]|(.)/gis;
const RANGE_REGEXP =
  /^(?:(\d{1,15})-(\d{1,15})|([a-z])-([a-z])|([A-Z])-([A-Z]))(?::(\d{1,15}))?$/;
/** After an even number of backslashes. */
const COMMA_REGEXP = /(?<!(?:^|[^\\])(?:\\\\)*\\),/;
const REFERENCE_REGEXP = /#(\d{1,3}|<\w+>)/g;

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
    this.count = this.#parts.reduce((count, { size }) => count * size, 1);
  }

  /** The text with this index; the last of the globs changes first. */
  at(index: number): { readonly text: string; readonly captures: Captures } {
    const values: string[] = [];
    for (const { size, at } of this.#parts.toReversed()) {
      values.unshift(at(index % size));
      index = Math.floor(index / size);
    }
    const captures = new Map<string, string>();
    let number = 0;
    for (const [index, { name }] of this.#parts.entries()) {
      if (name === null) continue;
      captures.set(String(++number), values[index]!);
      captures.set(`<${name}>`, values[index]!);
    }
    return { text: values.join(""), captures };
  }
}

/** Puts what the globs became in place of `#1` and `#<name>`. */
export function fillReferences(text: string, captures: Captures): string {
  return text.replace(REFERENCE_REGEXP, (reference, key) => {
    const value = captures.get(key);
    if (value !== undefined || !key.startsWith("<")) return value ?? reference;
    throw usageError(
      `Cannot name a file ${quote(text)}: the URL has no ${quote(key)}`,
    );
  });
}

function* readParts(text: string): Generator<Part> {
  for (const match of text.matchAll(PART_REGEXP)) {
    const [whole, plain, listName, list, rangeName, range] = match;
    if (plain !== undefined) {
      yield literal(plain.replace(/\\([{}[\]])/g, "$1"));
    } else if (list !== undefined) yield readList(list, listName);
    else if (range !== undefined) yield readRange(range, rangeName);
    else throw globError(text.slice(match.index), `${whole} stands alone`);
  }
}

function literal(text: string): Part {
  return { name: null, size: 1, at: () => text };
}

function readList(list: string, name = ""): Part {
  const values = list.split(COMMA_REGEXP)
    .map((value) => value.replace(/\\(.)/gs, "$1"));
  return { name, size: values.length, at: (index) => values[index]! };
}

/** A range of numbers keeps the zeros before the first one. */
function readRange(range: string, name = ""): Part {
  const match = RANGE_REGEXP.exec(range) ?? [];
  const [first, last, stepText = "1"] = match.slice(1)
    .filter((text) => text !== undefined);
  const isNumber = match[1] !== undefined;
  const valueOf = (text = "") => isNumber ? Number(text) : text.charCodeAt(0);
  const [from, to, step] = [valueOf(first), valueOf(last), Number(stepText)];
  const isRange = from === to ? step > 0 : step > 0 && step <= to - from;
  if (!isRange) {
    throw globError(
      `[${range}]`,
      "expected a range such as 1-9, 01-99:2 or a-z",
    );
  }
  const width = isNumber && first!.startsWith("0") ? first!.length : 0;
  return {
    name,
    size: Math.floor((to - from) / step) + 1,
    at: (index) => {
      const value = from + index * step;
      return isNumber
        ? String(value).padStart(width, "0")
        : String.fromCharCode(value);
    },
  };
}

function globError(text: string, problem: string): CommandError {
  return new CommandError(
    EXIT.malformedUrl,
    `Cannot read ${quote(text)}: ${problem}; -g takes it as it is`,
  );
}
