// Reads a test of curl's suite, as its docs/tests/FILEFORMAT.md describes.
// Texts have a character for each octet.

import { KNOWN } from "../../client/_command/options.ts";
import { listTokens } from "../../command/flags.ts";
import { octetsToText } from "../../message/_octets.ts";

/** The error of a test for another client, or that cannot be run here. */
export class NotPlayed extends Error {}

/** A part of a test, such as `<data>` within `<reply>`. */
export interface Part {
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
}

/** The variables of the suite, and the features that tests may require. */
export interface World {
  readonly variables: Readonly<Record<string, string>>;
  readonly features: ReadonlySet<string>;
}

export const read = (path: string): string => {
  const bytes = Deno.readFileSync(path);
  return octetsToText(bytes);
};
export const linesOf = (text: string) => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
const unescape = (text: string) =>
  text.replace(
    /%([\da-f]{2})/gi,
    (_, code) => String.fromCharCode(parseInt(code, 16)),
  );

/** The parts of a test, by names such as `reply/data`. */
export class Case {
  readonly #parts: ReadonlyMap<string, readonly Part[]>;

  constructor(path: string, world: World) {
    const text = read(path).replaceAll("\r\n", "\n")
      // By the URL standard, the last label of a host cannot be a number
      .replace(/(\.[a-z]+|\btest)\.%TESTNUMBER\b/g, "$1.n%TESTNUMBER");
    const parts = [...readParts(linesUnder(text, world.features))];
    const whole = parts.map(({ name, tags, text }) => {
      const found = expand(tags, world.variables)
        .matchAll(/([\w-]+) *= *(["'])(.*?)\2/g);
      const attributes = Object.fromEntries(
        Array.from(found, ([, key, , value]) => [key!, value!]),
      );
      const own = format(expand(text, world.variables), attributes);
      return { name, attributes, text: own };
    });
    this.#parts = Map.groupBy(whole, ({ name }) => name);
  }

  /** Returns all parts with this name, or with this name and a digit. */
  all(name: string): Part[] {
    const names = [name, ...[1, 2, 3, 4].map((digit) => name + digit)];
    return names.flatMap((name) => this.#parts.get(name) ?? []);
  }

  part(name: string): Part | undefined {
    return this.#parts.get(name)?.[0];
  }

  text(name: string): string {
    return this.part(name)?.text ?? "";
  }

  lines(name: string): string[] {
    return this.text(name).split("\n").filter((line) => line.trim() !== "");
  }
}

/** Returns the lines whose conditions are true. */
function linesUnder(text: string, features: ReadonlySet<string>): string[] {
  const holding: boolean[] = [];
  return linesOf(text).filter((line) => {
    const [, word, no, feature = ""] =
      /^ *%(if|else|endif) ?(!?)(\S*)/.exec(line) ?? [];
    if (word === "if") {
      holding.push(features.has(feature.toLowerCase()) === (no === ""));
    } else if (word === "else") holding.push(!holding.pop());
    else if (word === "endif") holding.pop();
    return word === undefined && holding.every(Boolean);
  });
}

function* readParts(lines: readonly string[]) {
  let section = "";
  let open: { name: string; tag: string; tags: string } | null = null;
  let text = "";
  for (const line of lines) {
    const [, slash, tag = "", tags = ""] =
      /^ *<(\/?)([\w-]+)( .*)?>\s*$/.exec(line) ?? [];
    if (open !== null) {
      if (slash && tag === open.tag) {
        yield { ...open, text };
        open = null;
      } else text += line;
    } else if (/^(?:info|reply|client|verify)$/.test(tag)) {
      section = slash ? "" : tag;
    } else if (section !== "" && tag !== "" && !slash) {
      open = { name: `${section}/${tag}`, tag, tags };
      text = "";
    }
  }
}

function expand(text: string, variables: World["variables"]): string {
  const names = Object.keys(variables).sort((a, b) => b.length - a.length);
  const fill = (text: string) =>
    text.replace(
      new RegExp(`%(${names.join("|")})`, "g"),
      (_, name) => variables[name]!,
    );
  const include = (name: string) => {
    try {
      return read(name.startsWith("/") ? name : `${variables.PWD}/${name}`);
    } catch {
      throw new NotPlayed();
    }
  };
  const characters = { SP: " ", TAB: "\t", CR: "\r", LT: "<", GT: ">" };
  const minute = (days: string) =>
    Math.floor((Date.now() / 1000 + Number(days) * 86_400 + 30) / 60) * 60;
  return fill(text)
    .replace(/%includetext ([^%]*)%\n?/g, (_, name) => fill(include(name)))
    .replace(
      /%(SP|TAB|CR|LT|GT|AMP)/g,
      (_, name) => characters[name as keyof typeof characters] ?? "&",
    )
    .replace(/%b64\[(.*?)\]b64%/gi, (_, text) => btoa(unescape(text)))
    .replace(/%hex\[(.*?)\]hex%/gi, (_, text) => unescape(text))
    .replace(
      /%repeat\[(\d+) x (.*?)\]%/gi,
      (_, count, text) => unescape(text).repeat(Number(count)),
    )
    .replace(
      /%days\[(.*?)\]/g,
      (_, days) => `%alternatives[${minute(days)},${minute(days) + 60}]`,
    )
    .replace(/%include ([^%]*)%\n?/g, (_, name) => include(name));
}

const START_REGEXP =
  /^(?:HTTP\/(?:1\.[01]|[23]) [1-59]|(?:GET|HEAD|POST|PUT|DELETE|CONNECT) \S+ HTTP\/\d)/;

/** Converts a text as its attributes say. */
function format(text: string, attributes: Part["attributes"]): string {
  const { crlf, mode, nonewline } = attributes;
  if (mode === "text") text = text.replaceAll("\r\n", "\n");
  if (nonewline === "yes") text = text.replace(/\n$/, "");
  if (crlf === "yes") return text.replace(/\r*\n/g, "\r\n");
  if (crlf !== "headers") return text;
  let isHead = false;
  return linesOf(text).map((line) => {
    const isField = START_REGEXP.test(line) ||
      /^[\w-]+: /.test(line) && !/^curl: \(\d/.test(line);
    const ends = isField || line === "\n" && isHead;
    isHead = isField;
    return ends ? line.replace(/\r*\n/, "\r\n") : line;
  }).join("");
}

const WORD_REGEXP = /(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g;
const OUTPUTS = ["output", "remote-name", "cookie-jar"];

/** Whether a command line has one body, and no option for its output. */
export function hasOneBody(text: string): boolean {
  const words = text.match(WORD_REGEXP) ?? [];
  const bare = words.map((word) => word.replace(/"[^"]*"|'[^']*'|\\./g, ""));
  if (bare.some((word) => /[<>|;`]|\$\(|\$[a-z{]|&$/i.test(word))) return false;
  const plain = words.map((word) => word.replace(/["']|\\(?=["'\\])/g, ""));
  try {
    const tokens = [...listTokens(KNOWN, plain)];
    const urls = tokens.filter(({ flag }) => !flag || flag[1] === "url");
    const isSet = /\{.+,.+\}|\[\w+-\w+/;
    const uploads = tokens.filter(({ flag }) => flag?.[1] === "upload-file");
    return urls.length === 1 &&
      ![...urls, ...uploads].some((it) => isSet.test(it.text ?? it.arg)) &&
      !tokens.some(({ flag }) => flag && OUTPUTS.includes(flag[1]));
  } catch {
    return true;
  }
}
