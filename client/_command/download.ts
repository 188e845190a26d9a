import { textToOctets } from "../../message/_octets.ts";
import type { Url } from "../../url/url.ts";
import { CommandError, EXIT, systemError } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import type { Options } from "./flags.ts";
import { type BodySink, writeAll, writeAllSync } from "./output.ts";
import { writeBytes } from "./progress.ts";
import {
  decideResume,
  type ResumeDecision,
  type ResumePoint,
  strongValidator,
} from "./resume.ts";
import type { HttpClientResponse } from "../response.ts";

/** How a file is written. */
interface FileOptions {
  /** What is downloaded. */
  readonly url: string;
  /** The permissions of a new file. */
  readonly mode: number;
  /** Whether a file of that name is replaced. */
  readonly replaces: boolean;
  /** Whether to go on with what an earlier run left. */
  readonly resumes: boolean;
  /** Whether the file holds the bytes of one body and nothing else. */
  readonly isPlain: boolean;
}

/** The resource that a partial file belongs to. */
interface Origin {
  readonly url: string;
  /** A strong validator (RFC 9110 section 8.8.1), for `If-Range`. */
  readonly validator: string;
}

const PARTIAL = ".knock";
const ORIGIN = ".knock.json";
const ODD_NAME_REGEXP = /^[.-]/;

/**
 * Begins a download before anything is asked for.
 *
 * @param output The name of the file, `""` for the name in the URL, which
 *   never replaces a file.
 * @param url What is downloaded.
 * @param options What the user asked for.
 * @returns Where to write.
 * @throws {CommandError} If there cannot be a file of that name.
 */
export async function openDownload(
  output: string,
  url: Url,
  options: Options,
): Promise<BodySink> {
  const name = output === "" ? nameIn(url) : output;
  const resumes = options["continue-at"] !== undefined;
  const replaces = output !== "" || resumes;
  try {
    const old = await ifExists(Deno.stat(name));
    if (old?.isDirectory) throw new Deno.errors.IsADirectory();
    if (old !== null && !old.isFile) {
      return new DeviceSink(name, await Deno.open(name, { write: true }));
    }
    if (old !== null && !replaces) throw new Deno.errors.AlreadyExists();
    return await PartialFile.open(old ? await Deno.realPath(name) : name, {
      url: url.with({ username: "", password: "", fragment: null }).href,
      mode: old?.mode ?? 0o666,
      replaces,
      resumes,
      isPlain: !options.include && !options.head && options.range === undefined,
    });
  } catch (error) {
    throw writeError(name, error);
  }
}

/** The last part of the path; none that is hidden or could be a flag. */
function nameIn({ filename }: Url): string {
  if (filename !== "" && !ODD_NAME_REGEXP.test(filename)) return filename;
  throw new CommandError(
    EXIT.writeError,
    `Cannot name a file ${quote(filename)}, as in the URL: use -o NAME`,
  );
}

/**
 * A file that gets its name only when it is whole. Until then its bytes are in
 * `NAME.knock`, and `NAME.knock.json` tells which resource they belong to. A
 * lock keeps a second run from writing there too.
 */
class PartialFile implements BodySink {
  readonly canRestart = true;
  readonly isTerminal = false;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #options: FileOptions;
  #size: number;
  #origin: Origin | null;
  /** Whether no bytes are there that an earlier run left. */
  #isOurs: boolean;

  private constructor(
    path: string,
    file: Deno.FsFile,
    options: FileOptions,
    found: { readonly size: number; readonly origin: Origin | null },
  ) {
    this.#path = path;
    this.#file = file;
    this.#options = options;
    this.#size = found.size;
    this.#origin = found.origin;
    this.#isOurs = found.size === 0;
  }

  static async open(path: string, options: FileOptions): Promise<PartialFile> {
    const file = await Deno.open(path + PARTIAL, {
      write: true,
      create: true,
      mode: options.mode & 0o777,
    });
    try {
      if (!await file.tryLock(true)) {
        throw new CommandError(
          EXIT.writeError,
          `Cannot write ${quote(path)}: another run is at it, in ${
            quote(path + PARTIAL)
          }`,
        );
      }
      const size = await file.seek(0, Deno.SeekMode.End);
      const left = options.resumes ? await readOrigin(path + ORIGIN) : null;
      const origin = left?.url === options.url ? left : null;
      return new PartialFile(path, file, options, { size, origin });
    } catch (error) {
      file.close();
      throw error;
    }
  }

  get resumePoint(): ResumePoint | null {
    if (this.#origin === null || this.#size === 0) return null;
    const { validator } = this.#origin;
    return { path: this.#path, offset: this.#size, validator };
  }

  async begin(response: HttpClientResponse): Promise<ResumeDecision> {
    const point = this.resumePoint;
    const decision = point === null ? "write" : decideResume(response, point);
    if (decision === "write") await this.#restart(this.#originOf(response));
    if (decision === "restart") await this.#restart(null);
    return decision;
  }

  writeHead(head: string): void {
    this.write(textToOctets(head));
  }

  /**
   * At once, because that is twice as fast, and a file does not keep a writer
   * waiting as a pipe does.
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
      if (!this.#options.replaces) {
        // Fails if such a file has come meanwhile; if not, the new one takes
        // its place
        const options = { write: true, createNew: true };
        (await Deno.open(this.#path, options)).close();
      }
      await Deno.rename(this.#path + PARTIAL, this.#path);
      await ifExists(Deno.remove(this.#path + ORIGIN));
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  /** What an earlier run left stays as long as nothing took its place. */
  async abort(): Promise<string | null> {
    const point = this.resumePoint;
    if (point === null && this.#isOurs) {
      await ifExists(Deno.remove(this.#path + PARTIAL));
      await ifExists(Deno.remove(this.#path + ORIGIN));
    }
    this.#file.close();
    return point &&
      `${writeBytes(point.offset)} are in ${
        quote(this.#path + PARTIAL)
      }; the same with -C - goes on from there`;
  }

  #originOf(response: HttpClientResponse): Origin | null {
    const { url, isPlain } = this.#options;
    const canResume = response.status === 200 && isPlain && !response.decoded;
    const validator = canResume ? strongValidator(response.headers) : null;
    return validator === null ? null : { url, validator };
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

/** A device or a named pipe, which cannot be renamed. */
class DeviceSink implements BodySink {
  readonly isTerminal = false;
  readonly resumePoint = null;
  canRestart = true;
  readonly #path: string;
  readonly #file: Deno.FsFile;

  constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  begin(): Promise<ResumeDecision> {
    return Promise.resolve("write");
  }

  writeHead(head: string): Promise<void> {
    return this.write(textToOctets(head));
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.canRestart = false;
    try {
      await writeAll(this.#file, chunk);
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  end(): void {
    this.#file.close();
  }

  abort(): Promise<null> {
    this.#file.close();
    return Promise.resolve(null);
  }
}

async function readOrigin(path: string): Promise<Origin | null> {
  try {
    const { url, validator } = JSON.parse(await Deno.readTextFile(path));
    return typeof url === "string" && typeof validator === "string"
      ? { url, validator }
      : null;
  } catch {
    return null; // Then nothing is known, and the download begins anew
  }
}

/** Null if there is no such file. */
async function ifExists<T>(act: Promise<T>): Promise<T | null> {
  try {
    return await act;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function writeError(path: string, error: unknown): CommandError {
  const act = `Cannot write ${quote(path)}`;
  return error instanceof Deno.errors.AlreadyExists
    ? new CommandError(
      EXIT.writeError,
      `${act}: there is one already; -o NAME would replace it`,
    )
    : systemError(EXIT.writeError, act, error);
}
