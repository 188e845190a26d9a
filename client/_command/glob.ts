import { CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";

/** A list or a range, or the text between two. */
interface Part {
  /** Whether it is a text. */
  readonly isText: boolean;
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
  /^(?=\d+-\d|[a-z]-[a-z](?::|$)|[A-Z]-[A-Z](?::|$))(\w{1,15})-(\w{1,15})(?::(\d{1,15}))?$/;
/** After an even number of backslashes. */
const COMMA_REGEXP = /(?<!(?:^|[^\\])(?:\\\\)*\\),/;

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
    if (this.#parts.length > MAX_PARTS) {
      throw globError(text, "there are too many lists and ranges");
    }
    this.count = this.#parts.reduce((count, { size }) => count * size, 1);
  }

  /**
   * The text with this index, and what each list and range became; the last of
   * them changes first.
   */
  at(index: number): { readonly text: string; readonly captures: string[] } {
    const values: string[] = [];
    const captures: string[] = [];
    for (const { isText, size, at } of this.#parts.toReversed()) {
      const value = at(index % size);
      values.unshift(value);
      if (!isText) captures.unshift(value);
      index = Math.floor(index / size);
    }
    return { text: values.join(""), captures };
  }
}

/** Puts what lists and ranges became in place of `#1`, `#2`, and so on. */
export function fillReferences(text: string, captures: string[]): string {
  return text.replace(
    /#(\d{1,3})/g,
    (reference, number) => captures[number - 1] ?? reference,
  );
}

function* readParts(text: string): Generator<Part> {
  for (const match of text.matchAll(PART_REGEXP)) {
    const [whole, plain, list, range] = match;
    if (plain !== undefined) {
      yield literal(plain.replace(/\\([{}[\]])/g, "$1"));
    } else if (list !== undefined) {
      const values = list.split(COMMA_REGEXP)
        .map((value) => value.replace(/\\(.)/gs, "$1"));
      const at = (index: number) => values[index]!;
      yield { isText: false, size: values.length, at };
    } else if (range !== undefined) yield readRange(range);
    else throw globError(text.slice(match.index), `${whole} stands alone`);
  }
}

function literal(text: string): Part {
  return { isText: true, size: 1, at: () => text };
}

/** A range of numbers keeps the zeros before the first one. */
function readRange(range: string): Part {
  const [, first = "", last = "", by = "1"] = RANGE_REGEXP.exec(range) ?? [];
  const isNumber = /\d/.test(first);
  const valueOf = (it: string) => isNumber ? Number(it) : it.charCodeAt(0);
  const [from, to, step] = [valueOf(first), valueOf(last), Number(by)];
  const isRange = from === to ? step > 0 : step > 0 && step <= to - from;
  const problem = "expected a range such as 1-9, 01-99:2 or a-z";
  if (!isRange) throw globError(`[${range}]`, problem);
  const width = first.startsWith("0") ? first.length : 0;
  const write = (value: number) =>
    isNumber ? String(value).padStart(width, "0") : String.fromCharCode(value);
  const size = Math.floor((to - from) / step) + 1;
  return { isText: false, size, at: (index) => write(from + index * step) };
}

function globError(text: string, problem: string): CommandError {
  const act = `Cannot read ${quote(text)}: ${problem}`;
  const message = `${act}; -g takes it as it is`;
  return new CommandError(EXIT.malformedUrl, message);
}
