import type { Options } from "./options.ts";
import type { CommandIo } from "./output.ts";
import {
  CommandError,
  EXIT,
  readFile,
  systemError,
  usageError,
} from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import type { RequestBodyInit } from "../options.ts";

/**
 * What to send, with the method and the fields that are usual for it; flags
 * override them.
 */
export interface CommandBody {
  /** The content. */
  readonly content?: RequestBodyInit;
  /** The usual method for it. */
  readonly method: string;
  /** The usual fields for it. */
  readonly headers: readonly (readonly [string, string])[];
  /** What `-G` adds to the query of the URL. */
  readonly query?: string;
}

type Stdin = CommandIo["stdin"];

const FORM_TYPE = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";

/**
 * Reads what `-d`, `--json`, `-F` and `-T` name.
 *
 * @throws {CommandError} If they do not go together, or a file cannot be read.
 */
export async function readBody(
  options: Options,
  stdin: Stdin,
): Promise<CommandBody> {
  const { parts, json, form, get, head, "upload-file": upload } = options;
  const hasData = parts.length > 0;
  const kinds = [hasData, form.length > 0, upload !== undefined];
  if (kinds.filter(Boolean).length > 1) {
    throw usageError("Cannot send two bodies: use -d, -F or -T alone");
  }
  const isQuery = get && hasData;
  if (head && !isQuery && kinds.includes(true)) {
    throw usageError("Cannot send a body with -I: HEAD has none");
  }
  if (upload !== undefined) {
    const content = await readUpload(upload, stdin);
    return { content, method: "PUT", headers: [] };
  }
  if (form.length > 0) {
    const content = await readForm(form, stdin);
    return { content, method: "POST", headers: [] };
  }
  const data = await readData(parts, stdin);
  const usual = { method: head ? "HEAD" : "GET", headers: [] };
  if (!hasData) return usual;
  if (isQuery) return { ...usual, query: new TextDecoder().decode(data) };
  const isJson = json.length > 0;
  const type = isJson ? JSON_TYPE : FORM_TYPE;
  const names = isJson ? ["Content-Type", "Accept"] : ["Content-Type"];
  return {
    content: data,
    method: "POST",
    headers: names.map((name) => [name, type]),
  };
}

/** Joins the values of `-d` and its variants. */
async function readData(
  parts: Options["parts"],
  stdin: Stdin,
): Promise<Uint8Array<ArrayBuffer>> {
  const data: BlobPart[] = [];
  for (const [name, text] of parts) {
    // curl joins the values of --json without a separator
    if (data.length > 0 && name !== "json") data.push("&");
    if (name === "data-raw" || !text.startsWith("@")) data.push(text);
    else {
      const bytes = await readSource(text.slice(1), stdin);
      data.push(name === "data" ? withoutLineEnds(bytes) : bytes);
    }
  }
  return await new Blob(data).bytes();
}

async function readSource(
  path: string,
  stdin: Stdin,
): Promise<Uint8Array<ArrayBuffer>> {
  if (path !== "-") return await readFile(path);
  return await new Response(
    stdin.readable as ReadableStream<Uint8Array<ArrayBuffer>>,
  ).bytes();
}

function withoutLineEnds(bytes: Uint8Array<ArrayBuffer>) {
  return bytes.filter((byte) => byte !== 0 && byte !== 10 && byte !== 13);
}

async function readForm(
  form: Options["form"],
  stdin: Stdin,
): Promise<FormData> {
  const { lookup } = await import("mrmime");
  const data = new FormData();
  for (const { name, sign, path, rest, text } of form) {
    if (sign === undefined) {
      data.append(name, text);
      continue;
    }
    const bytes = await readSource(path, stdin);
    const settings = new Map(
      rest.split(";").map((each) => each.split("=", 2) as [string, string]),
    );
    const type = settings.get("type") ?? lookup(path) ?? "";
    const filename = settings.get("filename") ?? path.split("/").at(-1)!;
    if (sign === "@") data.append(name, new File([bytes], filename, { type }));
    else data.append(name, new TextDecoder().decode(bytes));
  }
  return data;
}

/** A file is read while it is sent, up to the size that it has now. */
async function readUpload(
  path: string,
  stdin: Stdin,
): Promise<RequestBodyInit> {
  if (path === "-") return await readSource(path, stdin);
  const act = `Cannot read ${quote(path)}`;
  try {
    const { size, isFile } = await Deno.stat(path);
    if (isFile) return { size, stream: () => Deno.openSync(path).readable };
  } catch (error) {
    throw systemError(EXIT.readError, act, error);
  }
  throw new CommandError(EXIT.readError, `${act}: it is no file`);
}
