import { textToOctets } from "../../message/_octets.ts";
import type { Url } from "../../url/url.ts";
import { CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import type { Options } from "./options.ts";
import {
  type BodySink,
  DeviceSink,
  writeAllSync,
  writeError,
} from "./output.ts";
import { writeBytes } from "./progress.ts";
import {
  type ResumeDecision,
  type ResumePoint,
  strongValidator,
} from "./resume.ts";
import type { HttpClientResponse } from "../response.ts";

/** The resource that a partial file belongs to. */
interface Origin {
  readonly url: string;
  /** A strong validator (RFC 9110 section 8.8.1), for `If-Range`. */
  readonly validator: string;
}

const PARTIAL = ".knock";
const ORIGIN = ".knock.json";
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
    const old = await ifExists(Deno.stat(name));
    if (old?.isDirectory) throw new Deno.errors.IsADirectory();
    if (old !== null && !old.isFile) {
      return await DeviceSink.open(name, signal);
    }
    if (old !== null && !replaces) throw new Deno.errors.AlreadyExists();
    const path = old === null ? name : await Deno.realPath(name);
    const file = await openLocked(path, old?.mode ?? 0o666);
    const resource = savesBodyOnly(options) ? href : null;
    const partial = new PartialFile(path, file, resource, replaces);
    await partial.takeUp(resumes);
    return partial;
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

/** Opens the partial file, and locks out other runs of the command. */
async function openLocked(path: string, mode: number): Promise<Deno.FsFile> {
  const partial = path + PARTIAL;
  const options = { write: true, create: true, mode: mode & 0o777 };
  const file = await Deno.open(partial, options);
  if (await file.tryLock(true)) return file;
  file.close();
  throw new CommandError(
    EXIT.writeError,
    `Cannot write ${quote(path)}: another run is at it, in ${quote(partial)}`,
  );
}

/**
 * A file that gets its name only when it is complete. Until then its bytes are
 * in `NAME.knock`, and `NAME.knock.json` tells which resource they belong to.
 */
class PartialFile implements BodySink {
  readonly isTerminal = false;
  readonly canRestart = true;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #resource: string | null;
  readonly #replaces: boolean;
  #size = 0;
  #origin: Origin | null = null;
  /** Whether the file holds nothing of an earlier run. */
  #isOurs = true;

  /**
   * Takes over an open file.
   *
   * @param path The name for the complete file.
   * @param file The partial file.
   * @param resource The URL; null if the download cannot be resumed.
   * @param replaces Whether to replace an existing file.
   */
  constructor(
    path: string,
    file: Deno.FsFile,
    resource: string | null,
    replaces: boolean,
  ) {
    this.#path = path;
    this.#file = file;
    this.#resource = resource;
    this.#replaces = replaces;
  }

  /** Looks at what an earlier run left, and takes it up if it may. */
  async takeUp(resumes: boolean): Promise<void> {
    this.#size = await this.#file.seek(0, Deno.SeekMode.End);
    this.#isOurs = this.#size === 0;
    const origin = resumes ? await readOrigin(this.#path + ORIGIN) : null;
    if (origin?.url === this.#resource) this.#origin = origin;
  }

  get resumePoint(): ResumePoint | null {
    if (this.#origin === null || this.#size === 0) return null;
    const { validator } = this.#origin;
    return { path: this.#path, offset: this.#size, validator };
  }

  async begin(
    response: HttpClientResponse,
    decision: ResumeDecision,
  ): Promise<void> {
    if (decision === "write") await this.#restart(this.#originOf(response));
    if (decision === "restart") await this.#restart(null);
  }

  writeHead(head: string): void {
    this.write(textToOctets(head));
  }

  /**
   * Writes without yielding, which is faster, and no file blocks as a pipe
   * does.
   */
  write(chunk: Uint8Array): void {
    try {
      writeAllSync(this.#file, chunk);
    } catch (error) {
      throw writeError(this.#path, error);
    }
    this.#size += chunk.length;
  }

  async end(): Promise<void> {
    this.#file.close(); // Windows does not rename an open file
    try {
      if (!this.#replaces) {
        // Fails if the file exists by now; if not, the partial file replaces
        // the empty one
        await Deno.writeTextFile(this.#path, "", { createNew: true });
      }
      await Deno.rename(this.#path + PARTIAL, this.#path);
      await ifExists(Deno.remove(this.#path + ORIGIN));
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  /** Leaves what an earlier run left, unless this one has overwritten it. */
  async abort(): Promise<string | null> {
    const point = this.resumePoint;
    const partial = this.#path + PARTIAL;
    if (point === null && this.#isOurs) {
      await ifExists(Deno.remove(partial));
      await ifExists(Deno.remove(this.#path + ORIGIN));
    }
    this.#file.close();
    if (point === null) return null;
    const [size, place] = [writeBytes(point.offset), quote(partial)];
    return `${size} are in ${place}; the same with -C - goes on from there`;
  }

  #originOf(response: HttpClientResponse): Origin | null {
    const url = this.#resource;
    const canResume = response.status === 200 && !response.decoded;
    const validator = canResume ? strongValidator(response.headers) : null;
    return url === null || validator === null ? null : { url, validator };
  }

  async #restart(origin: Origin | null): Promise<void> {
    this.#size = 0;
    this.#origin = origin;
    this.#isOurs = true;
    await this.#file.truncate();
    await this.#file.seek(0, Deno.SeekMode.Start);
    if (origin === null) await ifExists(Deno.remove(this.#path + ORIGIN));
    else await Deno.writeTextFile(this.#path + ORIGIN, JSON.stringify(origin));
  }
}

async function readOrigin(path: string): Promise<Origin | null> {
  try {
    const { url, validator } = JSON.parse(await Deno.readTextFile(path));
    return typeof url === "string" && typeof validator === "string"
      ? { url, validator }
      : null;
  } catch {
    return null; // Then the download starts from the beginning
  }
}

/** The result of an operation on a file; null if there is no such file. */
async function ifExists<T>(act: Promise<T>): Promise<T | null> {
  try {
    return await act;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
