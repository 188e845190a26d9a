import { escapeControls, quote } from "../../command/quote.ts";
import { type Output, readOctets, writeError } from "./output.ts";
import type { TransferRecord } from "./record.ts";

/** A variable, one whose name is in braces of its own, or an escape. */
const TOKEN_REGEXP =
  /%\{([^}]*)\}|%(header|output)\{((?:\\.|[^}\\])*)\}|%%|\\[nrt]/gs;
const ESCAPES = { "%%": "%", "\\n": "\n", "\\r": "\r", "\\t": "\t" };
/** Every value of a field, of all responses, with what stands between them. */
const ALL_REGEXP = /^(.*?):all:(.*)$/s;
const STATUS_NAMES = ["http_code", "response_code", "http_connect"];

/** A part of what is written. */
interface Piece {
  /** `stdout`, `stderr`, or a file after `>`, or after `>>` to append to it. */
  readonly target: string;
  readonly text: string;
}

/**
 * Writes what `-w` asks for after a transfer.
 *
 * @throws {CommandError} If stdout cannot be written.
 */
export async function writeOut(
  format: string,
  record: TransferRecord,
  output: Output,
): Promise<void> {
  let isError = false;
  for (const { target, text } of fillFormat(format, record, output)) {
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

/**
 * Fills the variables of `-w`, and tells which names mean nothing.
 *
 * @param format What the user asked for.
 * @param record What happened.
 * @param output A terminal must not be steered by what the server sent.
 * @returns What to write and where, in order.
 */
function fillFormat(
  format: string,
  record: TransferRecord,
  output: Output,
): Piece[] {
  const pieces = [{ target: "stdout", text: "" }];
  let end = 0;
  for (const match of format.matchAll(TOKEN_REGEXP)) {
    const [token, name = "", kind, argument = ""] = match;
    const piece = pieces.at(-1)!;
    piece.text += format.slice(end, match.index);
    end = match.index + token.length;
    if (token in ESCAPES) piece.text += ESCAPES[token as keyof typeof ESCAPES];
    else if (kind === "output") {
      const target = argument.startsWith(">>") ? argument : `>${argument}`;
      pieces.push({ target, text: "" });
    } else if (name === "stdout" || name === "stderr") {
      pieces.push({ target: name, text: "" });
    } else if (name === "onerror") {
      if (record.variables.exitcode === 0) return pieces;
    } else {
      const value = kind === "header"
        ? readField(record, argument)
        : readVariable(record, name);
      if (value === null) {
        const what = `${quote(name)} of -w`;
        output.note(`knock: Cannot write ${what}: no such variable`);
      } else piece.text += output.isTerminal ? escapeControls(value) : value;
    }
  }
  pieces.at(-1)!.text += format.slice(end);
  return pieces;
}

/** The value of a variable; null if there is none of that name. */
function readVariable(
  { variables, heads }: TransferRecord,
  name: string,
): string | null {
  if (name === "json") return JSON.stringify(variables, roundTime);
  if (name === "header_json") return writeFields([...heads.at(-1) ?? []]);
  if (!Object.hasOwn(variables, name)) return null;
  const value = variables[name] ?? "";
  if (name.startsWith("time_")) return Number(value).toFixed(6);
  return String(value).padStart(STATUS_NAMES.includes(name) ? 3 : 0, "0");
}

/** To microseconds, as curl does. */
function roundTime(name: string, value: unknown): unknown {
  return name.startsWith("time_") ? Number(Number(value).toFixed(6)) : value;
}

function readField({ heads }: TransferRecord, argument: string): string {
  const [, name, separator] = ALL_REGEXP.exec(argument) ?? [];
  if (name === undefined) {
    return readOctets(heads.at(-1)?.getAll(argument)[0] ?? "");
  }
  return heads.flatMap((fields) => fields.getAll(name)).map(readOctets)
    .join(separator!.replaceAll("\\}", "}"));
}

/** One list of values for each name, which is lowercase. */
function writeFields(fields: readonly (readonly [string, string])[]): string {
  const groups = Object.groupBy(fields, ([name]) => name.toLowerCase());
  const lines = Object.entries(groups).map(([name, lines]) =>
    `${JSON.stringify(name)}:${
      JSON.stringify(lines!.map(([, text]) => readOctets(text)))
    }`
  );
  return `{${lines.join(",\n")}\n}`;
}
