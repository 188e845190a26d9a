import { CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";

/** A list or a range, or the text between them. */
interface Part {
  /** Its name, such as `<n>`; `""` if it has none, null for plain text. */
  readonly name: string | null;
  /** The number of its values. */
  readonly size: number;
  /** Returns the value with this index. */
  readonly at: (index: number) => string;
}

/**
 * A text, a list or a range. An IPv6 address is text, and so is `[]`, which
 * occurs in queries. Any other bracket is a mistake.
 */
const PART_REGEXP =
  /((?:\[[\da-f.]*:[\da-f.:]*(?:%[^\]]*)?\]|\[\]|\\[{}[\]]|[^{}[\]])+)|\{((?:\\.|[^{}[\]\\])+)\}|\[([^\]]+)\]|(.)/gis;
const RANGE_REGEXP =
  /^(?=\d+-\d|[a-z]-[a-z](?::|$)|[A-Z]-[A-Z](?::|$))(\w{1,15})-(\w{1,15})(?::(\d{1,15}))?$/;
/** A list or range may begin with a name, as in `{<n>a,b}`. */
const NAME_REGEXP = /^(<[\w-]+>)?(.*)$/s;
/** A comma after an even number of backslashes, which do not escape it. */
const COMMA_REGEXP = /(?<!(?:^|[^\\])(?:\\\\)*\\),/;

/** The limit, as in curl. */
const MAX_PARTS = 255;

/** A text with lists `{a,b}` and ranges `[1-9]`, `[01-99:2]`, `[a-z]`. */
export class Glob {
  /** The number of texts that it expands to. */
  readonly count: number;
  readonly #parts: readonly Part[];

  /**
   * Parses the lists and ranges.
   *
   * @param text The text as the user wrote it.
   * @param isLiteral Whether brackets have no meaning.
   * @throws {CommandError} If a bracket is not part of a list or range.
   */
  constructor(text: string, isLiteral = false) {
    this.#parts = isLiteral ? [literal(text)] : [...readParts(text)];
    const names = this.#parts.flatMap(({ name }) => name || []);
    if (this.#parts.length > MAX_PARTS || new Set(names).size < names.length) {
      throw globError(text, "there are too many, or two of one name");
    }
    this.count = this.#parts.reduce((count, { size }) => count * size, 1);
  }

  /**
   * Returns the text with this index, and the names and values of its lists and
   * ranges; the last of them changes first.
   */
  at(index: number): { readonly text: string; readonly captures: Captures } {
    const values: string[] = [];
    const captures: [name: string, value: string][] = [];
    for (const { name, size, at } of this.#parts.toReversed()) {
      const value = at(index % size);
      values.unshift(value);
      if (name !== null) captures.unshift([name, value]);
      index = Math.floor(index / size);
    }
    return { text: values.join(""), captures };
  }
}

type Captures = readonly (readonly [name: string, value: string])[];

/** Replaces `#1`, `#2` and `#<name>` with the values of lists and ranges. */
export function fillReferences(text: string, captures: Captures): string {
  return text.replace(/#(\d{1,3}|<[\w-]+>)/g, (reference, key) => {
    const named = captures.find(([name]) => name === key);
    return (named ?? captures[key - 1])?.[1] ?? reference;
  });
}

function* readParts(text: string): Generator<Part> {
  for (const match of text.matchAll(PART_REGEXP)) {
    const [bracket, plain, list, range] = match;
    const [, name = "", content = ""] = NAME_REGEXP.exec(list ?? range ?? "")!;
    if (plain !== undefined) {
      yield literal(plain.replace(/\\([{}[\]])/g, "$1"));
    } else if (list !== undefined) {
      const values = content.split(COMMA_REGEXP)
        .map((value) => value.replace(/\\(.)/gs, "$1"));
      yield { name, size: values.length, at: (index) => values[index]! };
    } else if (range !== undefined) yield { name, ...readRange(content) };
    else throw globError(text.slice(match.index), `${bracket} is unmatched`);
  }
}

function literal(text: string): Part {
  return { name: null, size: 1, at: () => text };
}

/** Parses a range. A leading zero pads all its numbers to one width. */
function readRange(range: string): Omit<Part, "name"> {
  const [, first = "", last = "", by = "1"] = RANGE_REGEXP.exec(range) ?? [];
  const isNumber = /\d/.test(first);
  const valueOf = (end: string) => isNumber ? Number(end) : end.charCodeAt(0);
  const [from, to, step] = [valueOf(first), valueOf(last), Number(by)];
  const isRange = step > 0 && (from === to || step <= to - from);
  const problem = "expected a range such as 1-9, 01-99:2 or a-z";
  if (!isRange) throw globError(`[${range}]`, problem);
  const width = first.startsWith("0") ? first.length : 0;
  const write = (value: number) =>
    isNumber ? String(value).padStart(width, "0") : String.fromCharCode(value);
  const size = Math.floor((to - from) / step) + 1;
  return { size, at: (index) => write(from + index * step) };
}

function globError(text: string, problem: string): CommandError {
  const act = `Cannot read ${quote(text)}: ${problem}`;
  return new CommandError(EXIT.malformedUrl, `${act}; -g takes it literally`);
}
