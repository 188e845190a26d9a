import {
  HeaderFields,
  parseQualityValues,
  qualityOf,
} from "../../message/mod.ts";
import { FairQueue } from "../_connection/fair_queue.ts";
import {
  type FileEntry,
  type FileSystem,
  toHttpError,
} from "../_files/file_system.ts";
import { writeRequestPath } from "../_files/resolve.ts";
import { addFields } from "../headers.ts";
import type { HttpRequest } from "../http_request.ts";
import type { HttpResponse } from "../http_response.ts";
import {
  type Entry,
  type Order,
  Pacer,
  readEntries,
  sortEntries,
} from "./entries.ts";
import { countEntries, EntryList, ListCache } from "./entry_list.ts";
import { writeErrorPage } from "./error_page.ts";
import {
  JSON_FORMAT,
  type Listing,
  type ListingFormat,
  parseOrder,
  TEXT_FORMAT,
} from "./formats.ts";
import { CONTENT_SECURITY_POLICY, HTML_FORMAT } from "./html.ts";

const VARY = new HeaderFields({ "Vary": "Accept" });
/** The formats, the one for clients without a preference first. */
const FORMATS = [HTML_FORMAT, JSON_FORMAT, TEXT_FORMAT];

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
    const format = preferredFormat(request.headers.get("accept"));
    const headers = await headersFor(format);
    const listing = this.#describe(request, directory);
    const batches = readEntries(this.#fileSystem, directory, this.#isServed);
    try {
      const first = await batches.next();
      if (first.done) {
        const body = await this.#writeSmall(listing, format, first.value);
        return { status: 200, headers, body };
      }
      await batches.return([]);
    } catch (error) {
      throw toHttpError(error);
    }
    const pages = this.#writeLarge(listing, format, directory);
    return { status: 200, headers, body: ReadableStream.from(pages) };
  }

  /** Makes a page of a plain error for a browser; others get it as it is. */
  async showError(
    request: HttpRequest,
    response: HttpResponse,
  ): Promise<HttpResponse> {
    if (!prefersPages(request)) return addFields(response, VARY);
    const page = addFields(response, await headersFor(HTML_FORMAT));
    const body = writeErrorPage(page.status, request.path, this.#urlRoot);
    return { ...page, body };
  }

  #describe(request: HttpRequest, { names }: FileEntry): Listing {
    const path = writeRequestPath([...this.#urlRoot, ...names], true);
    const [origin = ""] = /^[a-z]+:\/\/[^/]*/.exec(request.url) ?? [];
    return { names, path, origin, order: parseOrder(request.params) };
  }

  async #writeSmall(
    listing: Listing,
    format: ListingFormat,
    entries: readonly Entry[],
  ): Promise<string> {
    const pacer = new Pacer(this.#turns);
    const sorted = await sortEntries(entries, listing.order, pacer);
    return format.start(listing, countEntries(entries)) +
      writeRows(sorted, 0, listing, format) + format.end;
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
    const make = () => this.#makeList(directory, order);
    const { totals } = await this.#lists.make(key, make);
    yield encoder.encode(format.start(listing, totals));
    const pacer = new Pacer(this.#turns);
    let last: Entry | null = null;
    for (let count = 0;;) {
      const page: Entry[] = (await this.#lists.get(key, make)).after(last);
      last = page.at(-1) ?? null;
      if (last === null) break;
      yield encoder.encode(writeRows(page, count, listing, format));
      count += page.length;
      await pacer.pause();
    }
    yield encoder.encode(format.end);
  }

  async #makeList(directory: FileEntry, order: Order): Promise<EntryList> {
    const pacer = new Pacer(this.#turns);
    const batches = readEntries(this.#fileSystem, directory, this.#isServed);
    const entries: Entry[] = [];
    for (let isLast = false; !isLast;) {
      const { value, done = false } = await batches.next();
      for (const entry of value) entries.push(entry);
      isLast = done;
      await pacer.pause();
    }
    return new EntryList(await sortEntries(entries, order, pacer), order);
  }
}

async function headersFor(format: ListingFormat): Promise<HeaderFields> {
  const headers = new HeaderFields({
    "Content-Type": format.contentType,
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
  });
  if (format === HTML_FORMAT) {
    headers.append("Content-Security-Policy", await CONTENT_SECURITY_POLICY);
  }
  return headers;
}

function writeRows(
  entries: readonly Entry[],
  start: number,
  listing: Listing,
  format: ListingFormat,
): string {
  return entries
    .map((entry, index) => format.entry(entry, start + index, listing))
    .join("");
}

/** Browsers say that they like pages best where people go to one. */
function prefersPages({ headers }: HttpRequest): boolean {
  const values = parseQualityValues(headers.get("accept") ?? "");
  const quality = (type: string) => qualityOf(values, type) ?? 0;
  return quality("text/html") > quality("text/plain");
}

/** Picks the format that the client likes best. */
function preferredFormat(accept: string | null): ListingFormat {
  const values = parseQualityValues(accept ?? "*/*");
  const quality = ({ contentType }: ListingFormat) =>
    qualityOf(values, contentType.split(";")[0]!) ?? 0;
  return FORMATS.reduce((best, format) =>
    quality(format) > quality(best) ? format : best
  );
}
