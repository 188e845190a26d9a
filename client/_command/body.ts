import { escapeOctets, octetsToText } from "../../message/_octets.ts";
import { usageError } from "../../command/errors.ts";
import type { RequestBodyInit } from "../options.ts";
import { writeForm } from "./form.ts";
import { type Input, readInput } from "./input.ts";
import type { Options } from "./options.ts";

/** What to send, with its default method and fields, which flags override. */
export interface CommandBody {
  /** The content. */
  readonly content?: RequestBodyInit;
  /** The default method for it. */
  readonly method: string;
  /** The default fields for it. */
  readonly headers: readonly (readonly [string, string])[];
  /** The boundary, for a `Content-Type` of the user's own. */
  readonly boundary?: string;
  /** What `-G` adds to the query of the URL. */
  readonly queries?: readonly string[];
}

const FORM_TYPE = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";

/**
 * Reads the body that `-d`, `--json` or `-F` describes.
 *
 * @returns The body for each URL that has no file of `-T`.
 * @throws {CommandError} If the flags exclude each other, or a file cannot be
 *   read.
 */
export async function readBody(options: Options): Promise<CommandBody> {
  const { parts, form, get, head, "upload-file": uploads } = options;
  const hasData = parts.length > 0;
  const kinds = [hasData, form.length > 0, uploads.length > 0];
  if (kinds.filter(Boolean).length > 1) {
    throw usageError("Cannot send two bodies: use -d, -F or -T alone");
  }
  if (head && !(get && hasData) && kinds.includes(true)) {
    throw usageError("Cannot send a body with -I: HEAD has none");
  }
  return form.length > 0 ? await readForm(options) : await readData(options);
}

async function readForm({ form, input }: Options) {
  const { content, boundary } = await writeForm(form, input);
  const type = `multipart/form-data; boundary=${boundary}`;
  const headers = [["Content-Type", type]] as const;
  return { content, method: "POST", headers, boundary };
}

async function readData({ parts, json, get, head, input }: Options) {
  const empty = { method: head ? "HEAD" : "GET", headers: [] };
  if (parts.length === 0) return empty;
  const content = await joinData(parts, input);
  const isJson = json.length > 0;
  const type = isJson ? JSON_TYPE : FORM_TYPE;
  const names = isJson ? ["Content-Type", "Accept"] : ["Content-Type"];
  const headers = names.map((name) => [name, type] as const);
  if (!get) return { content, method: "POST", headers };
  const queries = [escapeOctets(octetsToText(content), /[\x80-ÿ]/g)];
  return { ...empty, headers: isJson ? headers : [], queries };
}

/** Joins the values of `-d` and its variants. */
async function joinData(parts: Options["parts"], input: Input) {
  const data: BlobPart[] = [];
  for (const [name, text] of parts) {
    // curl joins the values of --json without a separator
    if (data.length > 0 && name !== "json") data.push("&");
    if (name === "data-urlencode") data.push(await encodeValue(text, input));
    else if (name === "data-raw" || text[0] !== "@") data.push(text);
    else {
      const bytes = await readInput(text.slice(1), input);
      data.push(name === "data" ? withoutLineEnds(bytes) : bytes);
    }
  }
  return new Blob(data).bytes();
}

function withoutLineEnds(bytes: Uint8Array<ArrayBuffer>) {
  return bytes.filter((byte) => byte !== 0 && byte !== 10 && byte !== 13);
}

/**
 * Percent-encodes a value for a query or a form. As in curl, it is `CONTENT`,
 * `=CONTENT`, `NAME=CONTENT`, `@FILE` or `NAME@FILE`; a name stays as it is.
 *
 * @throws {CommandError} If the file cannot be read.
 */
export async function encodeValue(text: string, input: Input): Promise<string> {
  const [, name = "", sign, content = text] = /^([^=]*)(=)(.*)$/s.exec(text) ??
    /^([^@]*)(@)(.*)$/s.exec(text) ?? [];
  const bytes = sign === "@"
    ? await readInput(content, input)
    : new TextEncoder().encode(content);
  const octets = octetsToText(bytes); // of any charset
  const encoded = escapeOctets(octets, /[^\w.~ -]/g).replaceAll(" ", "+");
  return name === "" ? encoded : `${name}=${encoded}`;
}
