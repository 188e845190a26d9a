import { escapeControls, quote } from "../../command/quote.ts";
import { type Output, readOctets, writeError } from "./output.ts";
import type { TransferLog } from "./transfer_log.ts";
import { type Outcome, readVariables } from "./variables.ts";

/** A variable, one whose name is in braces of its own, or an escape. */
const TOKEN_REGEXP =
  /%\{([^}]*)\}|%(header|output)\{((?:\\.|[^}\\])*)\}|%%|\\[nrt]/gs;
const ESCAPES = { "%%": "%", "\\n": "\n", "\\r": "\r", "\\t": "\t" };
/** Every value of a field, of all responses, with what stands between them. */
const ALL_REGEXP = /^(.*?):all:(.*)$/s;

/** A part of what is written. */
interface Piece {
  /** `stdout`, `stderr`, or a file after `>`, or after `>>` to append to it. */
  readonly target: string;
  text: string;
}

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
  let isError = false;
  for (const { target, text } of fillFormat(format, outcome)) {
    if (target.startsWith(">")) {
      if (await writeFile(target, text, output)) continue;
    } else isError = target === "stderr";
    if (isError) output.printError(text);
    else await output.print(text);
  }
}

/** Says what is wrong if it cannot; the text then goes where the last did. */
async function writeFile(
  target: string,
  text: string,
  output: Output,
): Promise<boolean> {
  const path = target.replace(/^>>?/, "");
  try {
    await Deno.writeTextFile(path, text, { append: target.startsWith(">>") });
    return true;
  } catch (error) {
    output.note(`knock: ${writeError(path, error).message}`);
    return false;
  }
}

/** Fills the variables in, and tells which names mean nothing. */
function fillFormat(format: string, outcome: Outcome): Piece[] {
  const { log, exitCode, transfer: { output } } = outcome;
  const variables = readVariables(outcome);
  const pieces: Piece[] = [{ target: "stdout", text: "" }];
  let end = 0;
  for (const match of format.matchAll(TOKEN_REGEXP)) {
    const [token, name = "", kind, argument = ""] = match;
    const piece = pieces.at(-1)!;
    piece.text += format.slice(end, match.index);
    end = match.index + token.length;
    const escaped = ESCAPES[token as keyof typeof ESCAPES];
    const value = kind === "header"
      ? readField(log, argument)
      : variables.get(name);
    if (escaped !== undefined) piece.text += escaped;
    else if (kind === "output") {
      const target = argument.startsWith(">>") ? argument : `>${argument}`;
      pieces.push({ target, text: "" });
    } else if (name === "stdout" || name === "stderr") {
      pieces.push({ target: name, text: "" });
    } else if (name === "onerror") {
      if (exitCode === 0) return pieces;
    } else if (value !== undefined) {
      // A terminal must not be steered by what the server sent
      piece.text += output.isTerminal ? escapeControls(value) : value;
    } else {
      const what = `${quote(name)} of -w`;
      output.note(`knock: Cannot write ${what}: no such variable`);
    }
  }
  pieces.at(-1)!.text += format.slice(end);
  return pieces;
}

function readField(log: TransferLog, argument: string): string {
  const heads = log.list("response-head").map(({ headers }) => headers);
  const [, name, separator] = ALL_REGEXP.exec(argument) ?? [];
  if (!name) return readOctets(heads.at(-1)?.getAll(argument)[0] ?? "");
  return heads.flatMap((fields) => fields.getAll(name)).map(readOctets)
    .join(separator!.replaceAll("\\}", "}"));
}
