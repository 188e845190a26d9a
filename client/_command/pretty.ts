import { escapeControls } from "./console.ts";

const TOKEN_REGEXP = /"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/g;
const INDENT = "  ";
/** Deeper, ten thousand brackets would become fifty million spaces. */
const MAX_INDENTS = 32;
const RESET = "\x1b[0m";
const COLORS = {
  key: "\x1b[34m",
  string: "\x1b[32m",
  number: "\x1b[33m",
  literal: "\x1b[35m",
};

/**
 * Sets JSON over several lines, with colours if wanted. It works on the text,
 * not on the value, so that long numbers and repeated names stay as they are;
 * what steers a terminal is escaped.
 *
 * @param text What may be JSON.
 * @param color Whether to add colours.
 * @returns The text, or null if it is not JSON.
 */
export function prettyJson(text: string, color: boolean): string | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const tokens = (text.match(TOKEN_REGEXP) ?? []).map(escapeControls);
  const line = (depth: number) =>
    `\n${INDENT.repeat(Math.min(depth, MAX_INDENTS))}`;
  let depth = 0;
  let pretty = "";
  for (const [index, token] of tokens.entries()) {
    const isEmpty = tokens[index + 1] === "}" || tokens[index + 1] === "]";
    if (token === "{" || token === "[") {
      depth++;
      pretty += isEmpty ? token : token + line(depth);
    } else if (token === "}" || token === "]") {
      depth--;
      const before = tokens[index - 1];
      const wasEmpty = before === "{" || before === "[";
      pretty += wasEmpty ? token : line(depth) + token;
    } else if (token === ",") pretty += token + line(depth);
    else if (token === ":") pretty += ": ";
    else pretty += color ? paint(token, tokens[index + 1] === ":") : token;
  }
  return pretty;
}

function paint(token: string, isKey: boolean): string {
  const kind = isKey
    ? "key"
    : token.startsWith('"')
    ? "string"
    : /^[-\d]/.test(token)
    ? "number"
    : "literal";
  return COLORS[kind] + token + RESET;
}
