import { textToOctets } from "../../message/_octets.ts";
import type { Url } from "../../url/url.ts";
import { CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import type { Options } from "./options.ts";
import { writeError, Writer } from "./output.ts";
import { beside, findTarget, ifExists, PartFile } from "./part_file.ts";
import { writeBytes } from "./progress.ts";
import {
  type ResumeDecision,
  type ResumePoint,
  strongValidator,
} from "./resume.ts";
import { type BodySink, StreamSink } from "./sink.ts";
import { untilAborted } from "../_connect/deadline.ts";
import type { HttpClientResponse } from "../response.ts";

/** The resource that a partial file belongs to. */
interface Origin {
  readonly url: string;
  /** A strong validator (RFC 9110 section 8.8.1), for `If-Range`. */
  readonly validator: string;
}

const PART = ".knock";
const ORIGIN = ".knock.json";
/** A second partial file, while the first is kept. */
const NEW = ".knock.new";
const ODD_NAME_REGEXP = /^(?:$|[.-])/;

/**
 * Opens the file of a download, before the request is sent.
 *
 * @param output The name of the file; `""` for the name in the URL, which
 *   never replaces a file.
 * @param url The URL to download.
 * @param context What the user asked for, and what ends the wait for a pipe.
 * @returns Where to write.
 * @throws {CommandError} If there cannot be a file of that name.
 */
export async function openDownload(
  output: string,
  url: Url,
  { options, signal }: { options: Options; signal: AbortSignal },
): Promise<BodySink> {
  const name = output === "" ? nameIn(url) : output;
  const resumes = options["continue-at"] !== undefined;
  const replaces = output !== "" || resumes;
  const { href } = url.with({ username: "", password: "", fragment: null });
  try {
    const { old, path } = findTarget(name);
    if (old?.isFile === false) {
      // A pipe waits for its reader
      const opening = Deno.open(name, { write: true });
      const file = await untilAborted(opening, signal);
      const writer = new Writer(file, signal, name);
      return new StreamSink(writer, Promise.resolve(), true);
    }
    if (old !== null && !replaces) throw new Deno.errors.AlreadyExists();
    const mode = (old?.mode ?? 0o666) & 0o777;
    const resource = savesBodyOnly(options) ? href : null;
    const download = new Download(path, mode, resource, replaces);
    if (resumes) download.takeUp();
    return download;
  } catch (error) {
    signal.throwIfAborted();
    throw writeError(name, error);
  }
}

/** Whether a file gets a whole body and nothing else. */
export function savesBodyOnly({ include, head, range }: Options): boolean {
  return !include && !head && range === undefined;
}

/** The file name in a URL, unless it is hidden or looks like a flag. */
function nameIn({ filename }: Url): string {
  if (!ODD_NAME_REGEXP.test(filename)) return filename;
  throw new CommandError(
    EXIT.writeError,
    `Cannot name a file ${quote(filename)}, as in the URL: use -o NAME`,
  );
}

/**
 * A file that gets its name only when it is complete. Until then its bytes are
 * in `NAME.knock`, and `NAME.knock.json` tells which resource they belong to.
 * Where a server begins anew, they are in `NAME.knock.new`.
 */
class Download implements BodySink {
  readonly isTerminal = false;
  readonly isFile = true;
  readonly canRestart = true;
  readonly #path: string;
  readonly #mode: number;
  readonly #resource: string | null;
  readonly #replaces: boolean;
  /** What is written. */
  #part: PartFile;
  #origin: Origin | null = null;
  /** An earlier part, which is kept until the new one is longer. */
  #old: PartFile | null = null;

  /**
   * Opens the partial file.
   *
   * @param path The name for the complete file.
   * @param mode Its permissions.
   * @param resource The URL; null if the download cannot be resumed.
   * @param replaces Whether to replace an existing file.
   */
  constructor(
    path: string,
    mode: number,
    resource: string | null,
    replaces: boolean,
  ) {
    this.#path = path;
    this.#mode = mode;
    this.#resource = resource;
    this.#replaces = replaces;
    this.#part = new PartFile(beside(path, PART), mode);
  }

  /** Takes up what an earlier run left, if it is of the same resource. */
  takeUp(): void {
    const origin = readOrigin(beside(this.#path, ORIGIN));
    if (origin?.url === this.#resource) this.#origin = origin;
  }

  get resumePoint(): ResumePoint | null {
    const { size } = this.#part;
    if (this.#origin === null || size === 0) return null;
    const { validator } = this.#origin;
    return { path: this.#path, offset: size, validator };
  }

  begin(response: HttpClientResponse, decision: ResumeDecision): void {
    if (decision === "append" || decision === "complete") return;
    this.#change(() => {
      if (this.#old === null && this.resumePoint !== null) {
        this.#old = this.#part;
        this.#part = new PartFile(beside(this.#path, NEW), this.#mode);
      }
      this.#part.clear();
      this.#origin = decision === "write" ? this.#originOf(response) : null;
      if (this.#old === null) this.#saveOrigin(this.#origin);
    });
  }

  writeHead(head: string): void {
    this.write(textToOctets(head));
  }

  write(chunk: Uint8Array): void {
    try {
      this.#part.write(chunk);
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  end(): void {
    this.#close();
    this.#change(() => {
      // Fails if the file exists by now; if not, the partial file replaces the
      // empty one
      const options = { write: true, createNew: true };
      if (!this.#replaces) Deno.openSync(this.#path, options).close();
      this.#part.moveTo(this.#path);
      this.#old?.remove();
      this.#saveOrigin(null);
    });
  }

  #close(): void {
    this.#part.close();
    this.#old?.close();
  }

  /** Leaves what can be resumed, and what an earlier run left. */
  abort(): Promise<string | null> {
    const [part, old, point] = [this.#part, this.#old, this.resumePoint];
    this.#close();
    this.#change(() => {
      if (old !== null && point !== null && part.size > old.size) {
        part.moveTo(old.path);
        this.#saveOrigin(this.#origin);
      } else if (old !== null) part.remove();
      else if (point === null && part.isOurs) {
        part.remove();
        this.#saveOrigin(null);
      }
    });
    const kept = Math.max(point?.offset ?? 0, old?.size ?? 0);
    const hint = kept > 0
      ? `${writeBytes(kept)} are in ${
        quote((old ?? part).path)
      }; the same with -C - goes on from there`
      : part.isOurs && part.size > 0
      ? `nothing is kept of ${
        writeBytes(part.size)
      }: only a whole body as the server has it, with a strong ETag or date, can be resumed`
      : null;
    return Promise.resolve(hint);
  }

  #originOf(response: HttpClientResponse): Origin | null {
    const url = this.#resource;
    const canResume = response.status === 200 && !response.decoded;
    const validator = canResume ? strongValidator(response.headers) : null;
    return url === null || validator === null ? null : { url, validator };
  }

  #saveOrigin(origin: Origin | null): void {
    const path = beside(this.#path, ORIGIN);
    ifExists(() => Deno.removeSync(path));
    if (origin === null) return;
    Deno.writeTextFileSync(path, JSON.stringify(origin), { createNew: true });
  }

  #change(act: () => void): void {
    try {
      act();
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }
}

function readOrigin(path: string): Origin | null {
  try {
    if (!Deno.lstatSync(path).isFile) return null;
    const { url, validator } = JSON.parse(Deno.readTextFileSync(path));
    return typeof url === "string" && typeof validator === "string"
      ? { url, validator }
      : null;
  } catch {
    return null; // Then the download starts from the beginning
  }
}
