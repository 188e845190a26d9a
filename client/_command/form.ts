import { type CommandError, usageError } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { type Input, openFile, type Source } from "./input.ts";

/** One part of a form, as `-F` gives it. */
type FormPart = ReturnType<typeof parseFormPart>;

/** In a variable, so that only those who need it fetch it, and look for it. */
const MIME_PACKAGE: string = "npm:mime@^4.1.0";
/** A quoted string, in which `\` escapes `"` and `\`. */
const QUOTED = String.raw`"((?:\\.|[^"\\])*)"\s*(?=;|$)`;
const SETTING = String.raw`;\s*(?:type|filename|headers|encoder)=`;
/** Anything up to the next setting, such as parameters of a media type. */
const PLAIN = `((?:(?!${SETTING}).)*)`;
/** Anything up to a comma or semicolon, without the spaces before that. */
const PATH = String.raw`((?:[^;,]*[^;,\s])?)\s*`;
const TEXT_REGEXP = new RegExp(`^(?:${QUOTED}(?=${SETTING}|$)|${PLAIN})`, "s");
const PATH_REGEXP = new RegExp(`^[@<]\\s*(?:${QUOTED}|${PATH})`);
const ITEM_REGEXP = new RegExp(`(${SETTING})\\s*(?:${QUOTED}|${PLAIN})`, "gsy");

/** The type of a file whose name does not tell it. */
const ANY_TYPE = "application/octet-stream";

/** The patterns of the values of settings. */
const VALUES: Readonly<Record<string, RegExp>> = {
  type: /^[^/\s;]+\/[^\s;]+(?:\s*;.*)?$/,
  filename: /^/,
  // deno-lint-ignore no-control-regex
  headers: /^[!#$%&'*+\-.^_`|~\w]+:[^\0-\x08\x0a-\x1f\x7f]*$/,
};

/**
 * Parses a part as curl does: a sign, the content, and then settings. An
 * unknown setting is an error here, though curl ignores it. So is `encoder=`,
 * which RFC 7578 section 4.7 deprecates.
 *
 * @param name The text before `=`.
 * @param text The text after it.
 * @returns Its name; the sign of its content, which is `@` for a file, `<` for
 *   the text in a file, and `""` for a text; the content: the path or the text;
 *   and what follows `;`: the media type, the file name, and header fields.
 * @throws {CommandError} If it cannot be parsed.
 */
export function parseFormPart(name: string, text: string) {
  const sign = /^[@<]?/.exec(text)![0];
  const [all, quoted, plain] = (sign ? PATH_REGEXP : TEXT_REGEXP).exec(text)!;
  if (all === "(") throw partError(all);
  const rest = text.slice(all.length);
  const settings = Array.from(
    rest.matchAll(ITEM_REGEXP),
    ([, start, quoted, plain]) =>
      [start!.slice(1, -1).trim(), unquote(quoted) ?? plain!.trim()] as const,
  );
  const isValid = settings.every(([key, value]) => VALUES[key]?.test(value));
  const unread = rest.replace(ITEM_REGEXP, "");
  if (!isValid || unread !== "") throw partError(unread || rest);
  return { name, sign, content: unquote(quoted) ?? plain!, settings };
}

function unquote(quoted: string | undefined): string | undefined {
  return quoted?.replace(/\\(["\\])/g, "$1");
}

function partError(text: string): CommandError {
  const quoted = quote(text);
  return usageError(
    `Cannot read ${quoted} in a part of --form: expected a text or one file, quoted if it has a comma or semicolon, then ;type=MAJOR/MINOR, ;filename=NAME or ;headers="Name: value"`,
  );
}

/**
 * Writes a form as multipart/form-data (RFC 7578). Files are read while they
 * are sent.
 *
 * @param parts The parts of the form.
 * @param input Where `@-` reads from.
 * @returns The body, and the boundary that separates the parts.
 * @throws {CommandError} If a file cannot be read.
 */
export async function writeForm(parts: readonly FormPart[], input: Input) {
  // Random, so that nobody can guess it and end a part early
  const boundary = `knock-${crypto.randomUUID().replaceAll("-", "")}`;
  const pieces: Source[] = [];
  for (const part of parts) {
    const { sign, content } = part;
    const head = `--${boundary}\r\n${await writePartHead(part)}\r\n`;
    const body = sign === ""
      ? new Blob([content])
      : await openFile(content, input);
    pieces.push(new Blob([head]), body, new Blob(["\r\n"]));
  }
  pieces.push(new Blob([`--${boundary}--\r\n`]));
  const size = pieces.reduce((sum, { size }) => sum + size, 0);
  const stream = () => ReadableStream.from(readPieces(pieces));
  return { content: { size, stream }, boundary };
}

async function writePartHead({ name, sign, content, settings }: FormPart) {
  const { default: mime } = await import(MIME_PACKAGE);
  const basename = sign === "@" ? content.split("/").at(-1)! : null;
  const { filename = basename, ...given } = Object.fromEntries(settings);
  const guess = filename === null
    ? null
    // As paths, since a name alone would be taken for an extension
    : mime.getType(`/${filename}`) ?? mime.getType(`/${content}`) ?? ANY_TYPE;
  const type = given.type ?? guess;
  const file = filename === null ? "" : `; filename="${escapeName(filename)}"`;
  return [
    `Content-Disposition: form-data; name="${escapeName(name)}"${file}`,
    ...type === null ? [] : [`Content-Type: ${type}`],
    ...settings.flatMap(([key, line]) => key === "headers" ? line : []),
  ].map((line) => `${line}\r\n`).join("");
}

/** Escapes a name for a quoted string, as the HTML standard does. */
function escapeName(name: string): string {
  return name.replace(/[\r\n"]/g, (char) => encodeURIComponent(char));
}

async function* readPieces(pieces: readonly Source[]) {
  for (const piece of pieces) yield* piece.stream();
}
