import { escapeControls, quote } from "../../command/quote.ts";
import { type Output, writeError } from "./output.ts";
import { type Outcome, readField, readVariables } from "./variables.ts";

/** A variable, `%header{...}`, `%output{...}`, or an escape. */
const TOKEN_REGEXP =
  /%\{([^}]*)\}|%(header|output)\{((?:\\.|[^}\\])*)\}|([%\\].)/gs;
const ESCAPES = { "%%": "%", "\\n": "\n", "\\r": "\r", "\\t": "\t" };

/**
 * Writes what `-w` asks for after a transfer.
 *
 * @throws {CommandError} If stdout cannot be written.
 */
export async function writeOut(
  format: string,
  outcome: Outcome,
): Promise<void> {
  const { output } = outcome.transfer;
  let stream = "stdout";
  for (const [target, text] of fillFormat(format, outcome)) {
    const isFile = target.startsWith(">");
    if (!isFile) stream = target;
    // What no file takes goes to the stream before it
    if (isFile && await writeFile(target, text, output)) continue;
    if (stream === "stderr") output.printError(text);
    else await output.print(text);
  }
}

/** Writes a text to a file. Returns false after an error, which it prints. */
async function writeFile(target: string, text: string, output: Output) {
  const [, append, path = ""] = /^>(>>)?(.*)$/s.exec(target)!;
  try {
    await Deno.writeTextFile(path, text, { append: append !== undefined });
    return true;
  } catch (error) {
    output.note(`knock: ${writeError(path, error).message}`);
    return false;
  }
}

/**
 * Fills in the variables, and reports unknown ones. Yields each text with its
 * target: `stdout`, `stderr`, or a file after `>`.
 */
function* fillFormat(
  format: string,
  outcome: Outcome,
): Generator<[target: string, text: string]> {
  const { exitCode, transfer: { log, output } } = outcome;
  const variables = readVariables(outcome);
  let [target, text, end] = ["stdout", "", 0];
  for (const match of format.matchAll(TOKEN_REGEXP)) {
    const [token, name = "", kind, argument = "", escape] = match;
    text += format.slice(end, match.index);
    end = match.index + token.length;
    const escaped = ESCAPES[token as keyof typeof ESCAPES] ?? escape;
    const value = kind === "header"
      ? readField(log, argument)
      : variables.get(name);
    if (escaped !== undefined) text += escaped;
    else if (kind === "output" || name === "stdout" || name === "stderr") {
      yield [target, text];
      [target, text] = [kind === "output" ? `>${argument}` : name, ""];
    } else if (name === "onerror") {
      if (exitCode === 0) return yield [target, text];
    } else if (value !== undefined) {
      // The server must not control the terminal
      text += output.isTerminal ? escapeControls(value) : value;
    } else {
      const variable = `${quote(name)} of -w`;
      output.note(`knock: Cannot write ${variable}: no such variable`);
    }
  }
  yield [target, text + format.slice(end)];
}
