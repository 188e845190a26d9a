import { splitList, textToOctets } from "../../message/_octets.ts";
import { percentDecode } from "../../url/percent.ts";
import type { Url } from "../../url/url.ts";
import { attempt, CommandError, EXIT, ifExists } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { writeSize } from "../../command/size.ts";
import type { Options } from "./options.ts";
import { openWriter, readOctets, writeError } from "./output.ts";
import { beside, findTarget, makeFolder, PartFile } from "./part_file.ts";
import { type ResumePoint, strongValidator } from "./check_response.ts";
import { type BodyStart, StreamSink } from "./sink.ts";
import type { HttpClientResponse } from "../response.ts";

const PART_SUFFIX = ".knock";
const ORIGIN_SUFFIX = ".knock.json";
/** The suffix of a second partial file, used while the first one is kept. */
const NEW_PART_SUFFIX = ".knock.new";
/** The name that curl uses where the URL has none. */
const UNNAMED = "curl_response";
const UNSAFE_NAME_REGEXP = /^(?:$|[.-])|[\p{Cc}\p{Bidi_Control}]/u;
/** A name; beyond the grammar, one may contain spaces, or a quote, unquoted. */
const FILENAME_REGEXP = /^filename\s*=\s*(?:"((?:\\.|[^"\\])*)|([^;]*))/is;
/** The same, after the name of its charset (RFC 8187 section 3.2). */
const EXTENDED_REGEXP = /^filename\*\s*=\s*"?(utf-8|iso-8859-1)'[^']*'([^"]*)/i;

/**
 * Opens the file of a download, before the request is sent.
 *
 * @param output The name of the file; `""` for the name in the URL, which
 *   replaces a file only with `-C`.
 * @param url The URL to download.
 * @param context The flags, and the signal that ends the wait for a pipe.
 * @param count The number to add to the name for `--no-clobber`; 0 is none.
 * @returns Where to write; null if `--skip-existing` keeps the old file.
 * @throws {CommandError} If there cannot be a file of that name.
 */
export async function openDownload(
  output: string,
  url: Url,
  context: { options: Options; signal: AbortSignal },
  count = 0,
): Promise<StreamSink | Download | null> {
  const { options, signal } = context;
  const { "no-clobber": keepsOld, "output-dir": folder } = options;
  const isRenamable = options["remote-header-name"] && output === "";
  const filename = output || nameInUrl(url, isRenamable);
  const requested = folder === undefined ? filename : `${folder}/${filename}`;
  const resumes = options["continue-at"] !== undefined;
  const replaces = (output !== "" || resumes) && !keepsOld;
  const { href } = url.with({ username: "", password: "", fragment: null });
  try {
    if (options["create-dirs"]) await makeFolder(requested);
    const name = count === 0 ? requested : `${requested}.${count}`;
    const found = keepsOld && ifExists(() => Deno.lstatSync(name));
    // What is written to a device, such as /dev/null, replaces nothing
    if (found && !found.isCharDevice) throw new Deno.errors.Busy();
    const { old, path } = findTarget(name);
    if (old !== null && options["skip-existing"]) return null;
    if (old?.isFile === false) {
      const writer = await openWriter(name, false, signal);
      return new StreamSink(writer, Promise.resolve(), true);
    }
    if (old && !replaces && !isRenamable) throw new Deno.errors.AlreadyExists();
    const mode = old?.mode ?? 0o666;
    const resource = savesBodyOnly(options) ? href : null;
    const target = { path, mode, resource, replaces, resumes, isRenamable };
    return new Download(target);
  } catch (error) {
    signal.throwIfAborted();
    // A file has this name, or another transfer will give its file the name
    const isTaken = keepsOld && error instanceof Deno.errors.Busy;
    if (isTaken) return openDownload(output, url, context, count + 1);
    throw writeError(requested, error);
  }
}

/** Whether the flags save a whole body and nothing else. */
export function savesBodyOnly(options: Options): boolean {
  const { include, head, range, header } = options;
  const asksForPart = header.some(([name]) => /^range$/i.test(name));
  return !include && !head && range === undefined && !asksForPart;
}

/**
 * Returns the last name in the path of a URL. One that is hidden or looks like
 * a flag is rejected, unless the server will give another name.
 */
function nameInUrl({ path }: Url, isRenamable: boolean): string {
  const name = path.split("/").findLast((part) => part !== "") ?? UNNAMED;
  if (!UNSAFE_NAME_REGEXP.test(name)) return name;
  if (isRenamable) return UNNAMED;
  const act = `Cannot name a file ${quote(name)}, as in the URL`;
  throw new CommandError(EXIT.writeError, `${act}: use -o NAME`);
}

/** Returns the name in a Content-Disposition (RFC 6266 section 4.3), or "". */
function dispositionName(text: string): string {
  const parameters = splitList(text, ";");
  const find = (pattern: RegExp) =>
    parameters.map((parameter) => pattern.exec(parameter)).find(Boolean) ?? [];
  const [, charset, coded] = find(EXTENDED_REGEXP);
  if (coded !== undefined) {
    return new TextDecoder(charset).decode(percentDecode(coded));
  }
  const [, quoted, plain = ""] = find(FILENAME_REGEXP);
  return quoted?.replace(/\\(["\\])/g, "$1") ?? plain;
}

/**
 * Returns the path with the name that the server gives, or else that of the URL
 * that a redirect led to. A hidden name, or one like a flag, is ignored.
 */
function nameInResponse(response: HttpClientResponse, path: string): string {
  const { headers, redirected, url } = response;
  const text = readOctets(headers.getAll("content-disposition")[0] ?? "");
  const finalUrl = redirected ? url.replace(/\?.*/s, "") : "";
  const name = (dispositionName(text) || finalUrl).split(/[/\\]/).at(-1)!;
  const isUnsafe = UNSAFE_NAME_REGEXP.test(name);
  return isUnsafe ? path : path.replace(/[^/]*$/, () => name);
}

/** Where a download goes, and how. */
interface Target {
  /** The name for the complete file. */
  readonly path: string;
  /** Its permissions. */
  readonly mode: number;
  /** The URL; null if the download cannot be resumed. */
  readonly resource: string | null;
  /** Whether to replace an existing file. */
  readonly replaces: boolean;
  /** Whether to resume what an earlier run left. */
  readonly resumes: boolean;
  /** Whether the server may give it another name. */
  readonly isRenamable: boolean;
}

/**
 * A file that gets its name only when it is complete. Until then its bytes are
 * in `NAME.knock`, and `NAME.knock.json` names the resource that they belong
 * to. When a server sends the whole body instead of the rest, its bytes are in
 * `NAME.knock.new`.
 */
export class Download {
  /** Until it is complete, another response can replace what was written. */
  readonly isFile = true;
  /** The name of the complete file. */
  path: string;
  readonly #target: Target;
  /** The partial file that this run writes. */
  #part: PartFile;
  /** Its strong validator (RFC 9110 section 8.8.1), if it can be resumed. */
  #validator: string | null;
  /** The partial file of an earlier run, kept until the new one is longer. */
  #old: PartFile | null = null;
  /** Whether a cut body would look the same as a whole one. */
  #mayBeCut = false;

  /** Opens the partial file. */
  constructor(target: Target) {
    const { path, mode, resource, resumes } = target;
    this.#target = target;
    this.path = path;
    this.#part = new PartFile(beside(path, PART_SUFFIX), mode);
    this.#validator = resumes ? readValidator(path, resource) : null;
  }

  /** Where the body can be resumed; null if it has to start over. */
  get resumePoint(): ResumePoint | null {
    const { size: offset } = this.#part;
    if (this.#validator === null || offset === 0) return null;
    return { path: this.#target.path, offset, validator: this.#validator };
  }

  /** Prepares for the body of this response, or for a restart. */
  begin(response: HttpClientResponse, { decision, heads }: BodyStart): void {
    const { path, mode, resource, isRenamable } = this.#target;
    if (isRenamable) this.path = nameInResponse(response, path);
    this.#change(() => {
      const old = isRenamable && ifExists(() => Deno.lstatSync(this.path));
      if (old) throw new Deno.errors.AlreadyExists();
      if (decision === "append" || decision === "complete") return;
      this.#mayBeCut = response.end === "close";
      if (this.#old === null && this.resumePoint !== null) {
        this.#old = this.#part;
        this.#part = new PartFile(beside(path, NEW_PART_SUFFIX), mode);
      }
      this.#part.clear();
      const { status, decoded, headers } = response;
      const canResume = resource !== null && status === 200 && !decoded;
      this.#validator = canResume ? strongValidator(headers) : null;
      if (this.#old === null) this.#saveOrigin();
      this.#part.write(textToOctets(heads));
    });
  }

  /** Writes the next bytes of the body. */
  write(chunk: Uint8Array): void {
    this.#change(() => this.#part.write(chunk));
  }

  /** Gives the complete file its name. */
  end(): void {
    this.#validator = null;
    this.#part.close();
    this.#old?.close();
    this.#change(() => {
      // Fails if the file has appeared since; otherwise the partial file
      // replaces this empty one
      const options = { write: true, createNew: true };
      if (!this.#target.replaces) Deno.openSync(this.path, options).close();
      this.#part.moveTo(this.path);
      if (this.#mayBeCut && this.#part.size < (this.#old?.size ?? 0)) return;
      this.#old?.remove();
      this.#saveOrigin();
    });
  }

  /**
   * Keeps what can be resumed, from this run or an earlier one. Returns a hint
   * on that; null for none.
   */
  abort(): string | null {
    const [part, old, point] = [this.#part, this.#old, this.resumePoint];
    part.close();
    old?.close();
    this.#change(() => {
      if (old !== null && point !== null && part.size > old.size) {
        part.moveTo(old.path);
        this.#saveOrigin();
      } else if (old !== null) part.remove();
      else if (point === null && part.isNew) {
        part.remove();
        this.#validator = null;
        this.#saveOrigin();
      }
    });
    return hintOf(old ?? part, Math.max(point?.offset ?? 0, old?.size ?? 0));
  }

  #saveOrigin(): void {
    const { path, resource: url } = this.#target;
    const origin = beside(path, ORIGIN_SUFFIX);
    ifExists(() => Deno.removeSync(origin));
    if (this.#validator === null) return;
    const text = JSON.stringify({ url, validator: this.#validator });
    Deno.writeTextFileSync(origin, text, { createNew: true });
  }

  #change(act: () => void): void {
    attempt(`Cannot write ${quote(this.path)}`, act, EXIT.writeError);
  }
}

/** Returns a hint on what is kept of a body; null for none. */
function hintOf(part: PartFile, bytes: number): string | null {
  const state = `${writeSize(bytes)} are in ${quote(part.path)}`;
  if (bytes > 0) return `${state}; run it again with -C - to resume`;
  const size = writeSize(part.size);
  return part.isNew && part.size > 0
    ? `nothing is kept of ${size}: only a whole, uncompressed body with a strong ETag or date can be resumed`
    : null;
}

/** Reads the validator of a partial file; null if it has another resource. */
function readValidator(path: string, resource: string | null): string | null {
  try {
    const origin = beside(path, ORIGIN_SUFFIX);
    if (!Deno.lstatSync(origin).isFile) return null;
    const { url, validator } = JSON.parse(Deno.readTextFileSync(origin));
    const isOwn = url === resource && typeof validator === "string";
    return isOwn ? validator : null;
  } catch {
    return null; // Then the download starts from the beginning
  }
}
