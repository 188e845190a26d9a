import {
  HeaderFields,
  parseQualityValues,
  qualityOf,
} from "../../message/mod.ts";
import { FairQueue } from "../_connection/resources.ts";
import {
  type FileEntry,
  type FileSystem,
  toHttpError,
} from "../_files/file_system.ts";
import { writeRequestPath } from "../_files/resolve.ts";
import { addFields } from "../wrappers.ts";
import type { HttpRequest } from "../http_request.ts";
import type { HttpResponse } from "../http_response.ts";
import { entryOf, type Order, parseLine, writeLine } from "./entries.ts";
import { BATCH, EntryList, ListCache } from "./entry_list.ts";
import {
  JSON_FORMAT,
  type Listing,
  type ListingFormat,
  parseOrder,
  TEXT_FORMAT,
} from "./formats.ts";
import {
  CONTENT_SECURITY_POLICY,
  HTML_FORMAT,
  writeErrorPage,
} from "./html.ts";

const VARY = new HeaderFields({ "Vary": "Accept" });

/** Lists directories. */
export class Lister {
  readonly #fileSystem: FileSystem;
  readonly #isServed: (name: string) => boolean;
  readonly #urlRoot: readonly string[];
  readonly #turns = new FairQueue(1);
  readonly #lists = new ListCache();

  /**
   * Makes a lister.
   *
   * @param fileSystem The files.
   * @param isServed Which names are served.
   * @param urlRoot The names in URLs before those of the files.
   */
  constructor(
    fileSystem: FileSystem,
    isServed: (name: string) => boolean,
    urlRoot: readonly string[],
  ) {
    this.#fileSystem = fileSystem;
    this.#isServed = isServed;
    this.#urlRoot = urlRoot;
  }

  /**
   * Lists a directory.
   *
   * @returns The response, whose length is known unless the list is large.
   * @throws {HttpError} 403 or 404 if the directory cannot be read.
   */
  async list(
    request: HttpRequest,
    directory: FileEntry,
  ): Promise<HttpResponse> {
    const formats = [HTML_FORMAT, JSON_FORMAT, TEXT_FORMAT];
    const format = preferredFormat(request, formats);
    const headers = await headersFor(format);
    const listing = this.#describe(request, directory);
    const list = await this.#read(directory, listing.order, BATCH)
      .catch((error) => {
        throw toHttpError(error);
      });
    const body = list === null
      ? ReadableStream.from(this.#writeLarge(listing, format, directory))
      : format.start(listing, list.totals) +
        writeRows(list.lines, listing, format) + format.end;
    return { status: 200, headers, body };
  }

  /** Makes a page of a plain error for a browser; others get it as it is. */
  async showError(
    request: HttpRequest,
    response: HttpResponse,
  ): Promise<HttpResponse> {
    // Browsers say that they like pages best where people go to one
    const format = preferredFormat(request, [TEXT_FORMAT, HTML_FORMAT]);
    if (format === TEXT_FORMAT) return addFields(response, VARY);
    const page = addFields(response, await headersFor(HTML_FORMAT));
    const body = writeErrorPage(page.status, request.path, this.#urlRoot);
    return { ...page, body };
  }

  #describe(request: HttpRequest, { names }: FileEntry): Listing {
    const path = writeRequestPath([...this.#urlRoot, ...names], true);
    const [origin = ""] = /^[a-z]+:\/\/[^/]*/.exec(request.url) ?? [];
    return { names, path, origin, order: parseOrder(request.params) };
  }

  /** Reads a directory, and sorts it; null if it has more than `max` names. */
  async #read(directory: FileEntry, order: Order, max: number) {
    const lines: string[] = [];
    const totals = { folders: 0, files: 0, bytes: 0 };
    let count = 0;
    for await (const listed of Deno.readDir(directory.path)) {
      if (++count > max) return null;
      if (count % BATCH === 0) await this.#turns.wait();
      if (!this.#isServed(listed.name)) continue;
      const entry = entryOf(listed, this.#fileSystem, directory);
      if (entry === null) continue;
      lines.push(writeLine(entry, order));
      totals[entry.isDirectory ? "folders" : "files"]++;
      totals.bytes += entry.size ?? 0;
    }
    return { lines: lines.sort(), totals };
  }

  /** Writes a large list page by page, of which it holds one at a time. */
  async *#writeLarge(
    listing: Listing,
    format: ListingFormat,
    directory: FileEntry,
  ): AsyncGenerator<Uint8Array> {
    const encoder = new TextEncoder();
    const { order } = listing;
    const key = JSON.stringify([directory.path, order]);
    const make = async () => {
      const list = await this.#read(directory, order, Infinity);
      return new EntryList(list!.lines, list!.totals);
    };
    const { totals } = await this.#lists.make(key, make);
    yield encoder.encode(format.start(listing, totals));
    for (let last = "";;) {
      const page = (await this.#lists.get(key, make)).after(last);
      if (page.length === 0) break;
      const separator = last === "" ? "" : format.separator;
      yield encoder.encode(separator + writeRows(page, listing, format));
      last = page.at(-1)!;
      await this.#turns.wait();
    }
    yield encoder.encode(format.end);
  }
}

async function headersFor(format: ListingFormat): Promise<HeaderFields> {
  const policy = format === HTML_FORMAT
    ? { "Content-Security-Policy": await CONTENT_SECURITY_POLICY }
    : {};
  return new HeaderFields({
    "Content-Type": format.contentType,
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
    ...policy,
  });
}

function writeRows(
  lines: readonly string[],
  listing: Listing,
  format: ListingFormat,
): string {
  return lines.map((line) => format.entry(parseLine(line), listing))
    .join(format.separator);
}

/** Picks the format that the client likes best, the first of those alike. */
function preferredFormat(
  { headers }: HttpRequest,
  formats: readonly ListingFormat[],
): ListingFormat {
  const values = parseQualityValues(headers.get("accept") ?? "*/*");
  const quality = ({ contentType }: ListingFormat) =>
    qualityOf(values, contentType.split(";")[0]!) ?? 0;
  return formats.reduce((best, format) =>
    quality(format) > quality(best) ? format : best
  );
}
