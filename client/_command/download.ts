import { textToOctets } from "../../message/_octets.ts";
import { parseHttpDate } from "../../message/http_date.ts";
import { CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { fileError } from "./files.ts";
import { writeBytes } from "./progress.ts";
import { DeviceTarget, type Target, type Verdict } from "./target.ts";
import type { HttpClientResponse } from "../response.ts";

/** How a download treats what is there. */
export interface DownloadOptions {
  /** What is downloaded. */
  readonly url: string;
  /** Whether a file of that name is replaced. */
  readonly replaces: boolean;
  /** Whether to go on with what an earlier run left. */
  readonly resumes: boolean;
  /** Whether it holds bytes of one body and nothing else. */
  readonly isPlain: boolean;
}

/** Of what the bytes are the beginning. */
interface Origin {
  readonly url: string;
  /** A strong validator (RFC 9110 section 8.8.1), for `If-Range`. */
  readonly validator: string;
}

const PARTIAL = ".knock";
const ORIGIN = ".knock.json";
const CONTENT_RANGE_REGEXP =
  /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(\d{1,15})$/i;
const STRONG_ETAG_REGEXP = /^"[^"]*"$/;

/**
 * Begins a download before anything is asked for.
 *
 * @param name The name of the file.
 * @param options What to do with what is there.
 * @returns Where to write.
 * @throws {CommandError} If there cannot be a file of that name.
 */
export async function openDownload(
  name: string,
  options: DownloadOptions,
): Promise<Target> {
  try {
    const old = await statFile(name);
    if (old?.isDirectory) throw new Deno.errors.IsADirectory();
    if (old !== null && !old.isFile) {
      return new DeviceTarget(name, await Deno.open(name, { write: true }));
    }
    if (old !== null && !options.replaces) {
      throw new CommandError(
        EXIT.writeError,
        `Cannot write ${
          quote(name)
        }: there is one already; -o NAME would replace it`,
      );
    }
    const path = old === null ? name : await Deno.realPath(name);
    return await Download.open(path, { mode: old?.mode ?? 0o666, ...options });
  } catch (error) {
    throw fileError(23, `Cannot write "${name}"`, error);
  }
}

/**
 * A file that gets its name only when it is whole. Until then its bytes are in
 * `NAME.knock`, and `NAME.knock.json` tells of what they are the beginning.
 */
class Download implements Target {
  readonly canRestart = true;
  readonly isShown = false;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #options: DownloadOptions;
  #origin: Origin | null = null;
  #offset = 0;
  #isBegun = false;
  #isClosed = false;

  constructor(path: string, file: Deno.FsFile, options: DownloadOptions) {
    this.#path = path;
    this.#file = file;
    this.#options = options;
  }

  static async open(
    path: string,
    options: DownloadOptions & { readonly mode: number },
  ): Promise<Download> {
    const file = await Deno.open(path + PARTIAL, {
      write: true,
      create: true,
      mode: options.mode & 0o777,
    });
    try {
      if (!await file.tryLock(true)) {
        throw new CommandError(
          23,
          `Cannot write "${path}": another run is at it, in "${path}${PARTIAL}"`,
        );
      }
      const download = new Download(path, file, options);
      if (options.resumes) await download.#takeOver();
      return download;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  get offset(): number {
    return this.#offset;
  }

  get fields(): [string, string][] {
    if (this.#origin === null || this.#offset === 0) return [];
    return [
      ["Range", `bytes=${this.#offset}-`],
      ["If-Range", this.#origin.validator],
    ];
  }

  async begin(response: HttpClientResponse): Promise<Verdict> {
    const { status, statusText } = response;
    if (this.fields.length > 0 && status !== 200) {
      if (status === 206) return await this.#checkRest(response);
      if (status === 416) return await this.#checkSize(response);
      throw new CommandError(
        22,
        `Cannot go on with "${this.#path}": the server answered ${status} ${statusText}`,
      );
    }
    await this.#restart();
    const validator = status === 200 && this.#options.isPlain &&
        !response.decoded
      ? strongValidator(response)
      : null;
    if (validator !== null) {
      this.#origin = { url: this.#options.url, validator };
      const text = JSON.stringify(this.#origin);
      await Deno.writeTextFile(this.#path + ORIGIN, text);
    }
    return "write";
  }

  writeHead(head: string): Promise<void> {
    this.#writeAll(textToOctets(head));
    return Promise.resolve();
  }

  write(chunk: Uint8Array): Promise<void> {
    this.#writeAll(chunk);
    this.#offset += chunk.length;
    return Promise.resolve();
  }

  async end(): Promise<void> {
    this.#close(); // Windows does not rename an open file
    try {
      if (!this.#options.replaces) {
        // Fails if such a file has come meanwhile; if not, the new one takes
        // its place
        const options = { write: true, createNew: true };
        (await Deno.open(this.#path, options)).close();
      }
      await Deno.rename(this.#path + PARTIAL, this.#path);
      await removeFile(this.#path + ORIGIN);
    } catch (error) {
      throw fileError(23, `Cannot write "${this.#path}"`, error);
    }
  }

  async abandon(): Promise<string | null> {
    if (this.#isClosed) return null;
    const isUseful = this.fields.length > 0;
    // What an earlier run left stays as long as nothing took its place
    const isOurs = this.#isBegun || (await this.#file.stat()).size === 0;
    if (!isUseful && isOurs) {
      await removeFile(this.#path + PARTIAL);
      await removeFile(this.#path + ORIGIN);
    }
    this.#close();
    return isUseful
      ? `${
        writeBytes(this.#offset)
      } are in "${this.#path}${PARTIAL}"; the same with -C - goes on from there`
      : null;
  }

  /**
   * At once, because that is twice as fast, and a file does not keep a writer
   * waiting as a pipe does.
   */
  #writeAll(bytes: Uint8Array): void {
    try {
      let written = 0;
      while (written < bytes.length) {
        written += this.#file.writeSync(bytes.subarray(written));
      }
    } catch (error) {
      throw fileError(23, `Cannot write "${this.#path}"`, error);
    }
  }

  #close(): void {
    this.#isClosed = true;
    this.#file.close();
  }

  async #takeOver(): Promise<void> {
    const { size } = await this.#file.stat();
    const origin = await readOrigin(this.#path + ORIGIN);
    if (size === 0 || origin?.url !== this.#options.url) return;
    this.#origin = origin;
    this.#offset = size;
    await this.#file.seek(0, Deno.SeekMode.End);
  }

  /**
   * A 206 must hold all that is missing, and be of the same file: not every
   * server heeds `If-Range`. It has an ETag if the 200 had one (RFC 9110
   * section 15.3.7), while a date may be left out.
   */
  async #checkRest(response: HttpClientResponse): Promise<Verdict> {
    const { validator } = this.#origin!;
    const { headers } = response;
    const isSame = validator.startsWith('"')
      ? headers.get("etag") === validator
      : (headers.get("last-modified") ?? validator) === validator;
    if (!isSame) return await this.#again();
    const { first, last, size } = readContentRange(response);
    if (first === this.#offset && last === size - 1) return "write";
    const range = headers.get("content-range") ?? "";
    throw new CommandError(
      33,
      `Cannot go on with "${this.#path}" at ${this.#offset}: the server sent "${range}"`,
    );
  }

  /** A 416 tells the size: the file may have been cut at its very end. */
  async #checkSize(response: HttpClientResponse): Promise<Verdict> {
    const { size } = readContentRange(response);
    return size === this.#offset ? "whole" : await this.#again();
  }

  async #again(): Promise<Verdict> {
    await this.#restart();
    return "again";
  }

  async #restart(): Promise<void> {
    this.#isBegun = true;
    this.#origin = null;
    this.#offset = 0;
    await this.#file.truncate();
    await this.#file.seek(0, Deno.SeekMode.Start);
    await removeFile(this.#path + ORIGIN);
  }
}

/** Numbers that are not there are `NaN`, which equals nothing. */
function readContentRange(
  { headers }: HttpClientResponse,
): { first: number; last: number; size: number } {
  const value = headers.get("content-range") ?? "";
  const [, first, last, size] = CONTENT_RANGE_REGEXP.exec(value) ?? [];
  return { first: Number(first), last: Number(last), size: Number(size) };
}

/**
 * A date is a strong validator only if it was older than a second when it was
 * sent (RFC 9110 section 8.8.2.2).
 */
function strongValidator({ headers }: HttpClientResponse): string | null {
  const etag = headers.get("etag") ?? "";
  if (STRONG_ETAG_REGEXP.test(etag)) return etag;
  const modified = headers.get("last-modified") ?? "";
  const age = (parseHttpDate(headers.get("date") ?? "") ?? NaN) -
    (parseHttpDate(modified) ?? NaN);
  return age >= 1000 ? modified : null;
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

async function statFile(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function removeFile(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
