import {
  HeaderFields,
  parseQualityValues,
  qualityOf,
} from "../../message/mod.ts";
import { FairQueue } from "../_connection/resources.ts";
import type { FileEntry } from "../_files/file_system.ts";
import { type PathResolver, writeRequestPath } from "../_files/resolve.ts";
import type { HttpRequest } from "../http_request.ts";
import type { HttpResponse } from "../http_response.ts";
import { addFields } from "../wrappers.ts";
import {
  entryOf,
  JSON_FORMAT,
  type Listing,
  type ListingFormat,
  type Order,
  parseLine,
  parseOrder,
  TEXT_FORMAT,
  type Totals,
  writeLine,
} from "./entries.ts";
import { HTML_FORMAT, makePolicy, writeErrorPage } from "./html.ts";

/** How many entries are processed before other work gets a turn. */
const BATCH_ENTRIES = 500;

const VARY = new HeaderFields({ "Vary": "Accept" });

/** Lists directories. */
export class Lister {
  readonly #resolver: PathResolver;
  readonly #batchQueue = new FairQueue(1);
  readonly #listCache = new ListCache();
  /**
   * Made with the first page. Work that begins while modules are loaded looks
   * like a leak to the sanitizers of tests that import this one.
   */
  #policy: Promise<string> | null = null;

  /** Makes a lister of what a resolver finds. */
  constructor(resolver: PathResolver) {
    this.#resolver = resolver;
  }

  /**
   * Lists a directory.
   *
   * @returns The response; its length is known unless the list is large.
   * @throws The error of the system if the directory cannot be read.
   */
  async list(request: HttpRequest, directory: FileEntry) {
    const listing = this.#describe(request, directory);
    const { order, format } = listing;
    const headers = await this.#headersFor(format);
    const list = await this.#read(directory, order, BATCH_ENTRIES);
    const body = list === null
      ? ReadableStream.from(this.#writeLarge(listing, directory))
      : format.start(listing, list.totals) +
        writeRows(list.after(""), listing) + format.end;
    return { status: 200, headers, body };
  }

  /**
   * Turns a plain error into a page for browsers. Other clients, and all other
   * responses, are left alone.
   */
  async showError(
    request: HttpRequest,
    responding: HttpResponse | Promise<HttpResponse>,
  ): Promise<HttpResponse> {
    const response = await responding;
    const isPlain = response.status >= 400 && typeof response.body === "string";
    if (!isPlain) return response;
    // Browsers say that they prefer HTML when a person opens a page
    const format = preferredFormat(request, [TEXT_FORMAT, HTML_FORMAT]);
    if (format === TEXT_FORMAT) return addFields(response, VARY);
    const page = addFields(response, await this.#headersFor(HTML_FORMAT));
    const { urlRoot } = this.#resolver.options;
    const body = writeErrorPage(`${page.body}`, request.path, urlRoot);
    return { ...page, body };
  }

  #describe(request: HttpRequest, { names }: FileEntry): Listing {
    const { urlRoot } = this.#resolver.options;
    const path = writeRequestPath([...urlRoot, ...names], true);
    const [origin = ""] = /^[a-z]+:\/\/[^/]*/.exec(request.url) ?? [];
    const order = parseOrder(request.searchParams);
    const formats = [HTML_FORMAT, JSON_FORMAT, TEXT_FORMAT];
    const format = preferredFormat(request, formats);
    return { names, path, origin, order, format };
  }

  /** Reads and sorts a directory; null if it has more than `max` names. */
  async #read(directory: FileEntry, order: Order, max: number) {
    const lines: string[] = [];
    const totals = { folders: 0, files: 0, bytes: 0 };
    let count = 0;
    for await (const dirEntry of Deno.readDir(directory.path)) {
      if (++count > max) return null;
      if (count % BATCH_ENTRIES === 0) await this.#batchQueue.wait();
      if (!this.#resolver.isServed(dirEntry.name)) continue;
      const entry = entryOf(dirEntry, this.#resolver.fileSystem, directory);
      if (entry === null) continue;
      lines.push(writeLine(entry, order));
      totals[entry.isDirectory ? "folders" : "files"]++;
      totals.bytes += entry.size ?? 0;
    }
    return new EntryList(lines.sort(), totals);
  }

  /** Writes a large list page by page, and holds one page at a time. */
  async *#writeLarge(listing: Listing, directory: FileEntry) {
    const encoder = new TextEncoder();
    const { order, format } = listing;
    const key = JSON.stringify([directory.path, order]);
    const makeList = async () =>
      (await this.#read(directory, order, Infinity))!;
    const { totals } = await this.#listCache.make(key, makeList);
    yield encoder.encode(format.start(listing, totals));
    for (let lastLine = "";;) {
      const page = (await this.#listCache.get(key, makeList)).after(lastLine);
      if (page.length === 0) break;
      const separator = lastLine === "" ? "" : format.separator;
      yield encoder.encode(separator + writeRows(page, listing));
      lastLine = page.at(-1)!;
      await this.#batchQueue.wait();
    }
    yield encoder.encode(format.end);
  }

  async #headersFor(format: ListingFormat): Promise<HeaderFields> {
    const headers = new HeaderFields({
      "Content-Type": format.contentType,
      "Vary": "Accept",
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-cache",
    });
    if (format !== HTML_FORMAT) return headers;
    const policy = await (this.#policy ??= makePolicy());
    headers.set("Content-Security-Policy", policy);
    return headers;
  }
}

function writeRows(lines: readonly string[], listing: Listing): string {
  const { format } = listing;
  return lines.map((line) => format.entry(parseLine(line), listing))
    .join(format.separator);
}

/**
 * Picks the format that the client prefers. Among equals, a format that it
 * names wins over one that only a wildcard covers (scripts send both).
 * Otherwise the first one wins.
 */
function preferredFormat(
  { headers }: HttpRequest,
  formats: readonly ListingFormat[],
): ListingFormat {
  const values = parseQualityValues(headers.get("accept") ?? "*/*");
  const rank = ({ contentType }: ListingFormat) => {
    const [type = ""] = contentType.split(";");
    const isNamed = values.some(({ value }) => value === type);
    // Qualities differ by at least a thousandth
    return (qualityOf(values, type) ?? 0) * (isNamed ? 1.0005 : 1);
  };
  return formats.toSorted((a, b) => rank(b) - rank(a))[0]!;
}

// Sorted lists of large directories. As objects, 100,000 entries would take a
// quarter of a heap of 64 MB. So one list is made at a time, and only a few are
// kept, packed and outside the heap. A client holds nothing but its position,
// so it does not matter how many of them read slowly.

/** Sorted entries, packed as pages of JSON. */
export class EntryList {
  /** The lines of a page, packed, and the last of them. */
  readonly #pages: { readonly last: string; readonly json: Uint8Array }[] = [];
  /** How much the directory contains. */
  readonly totals: Totals;
  /** The memory that it takes, in bytes. */
  readonly byteLength: number;

  /** Packs the sorted lines of entries. */
  constructor(lines: readonly string[], totals: Totals) {
    const encoder = new TextEncoder();
    let byteLength = 0;
    for (let start = 0; start < lines.length; start += BATCH_ENTRIES) {
      const page = lines.slice(start, start + BATCH_ENTRIES);
      const json = encoder.encode(JSON.stringify(page));
      this.#pages.push({ last: page.at(-1)!, json });
      byteLength += json.length;
    }
    this.totals = totals;
    this.byteLength = byteLength;
  }

  /**
   * Returns the lines of a page that come after another line, which may be from
   * an older list; none at the end.
   */
  after(line: string): string[] {
    const page = this.#pages.find(({ last }) => last > line);
    if (page === undefined) return [];
    const lines: string[] = JSON.parse(new TextDecoder().decode(page.json));
    return lines.filter((other) => other > line);
  }
}

/** The most memory that kept lists take, in bytes; one is always kept. */
const MAX_KEPT_BYTES = 67_108_864;

/** Makes lists, one at a time, and keeps the newest ones. */
export class ListCache {
  /** The kept lists, the newest last. */
  readonly #lists = new Map<string, EntryList>();
  readonly #pendingLists = new Map<string, Promise<EntryList>>();
  #queue: Promise<void> = Promise.resolve();

  /** Returns the list that is kept, or makes it. */
  async get(key: string, make: () => Promise<EntryList>): Promise<EntryList> {
    return this.#lists.get(key) ?? await this.make(key, make);
  }

  /** Makes a list, once for all callers that wait for it to begin. */
  make(key: string, make: () => Promise<EntryList>): Promise<EntryList> {
    const waiting = this.#pendingLists.get(key);
    if (waiting !== undefined) return waiting;
    const list = this.#queue.then(() => {
      this.#pendingLists.delete(key);
      return make();
    });
    this.#pendingLists.set(key, list);
    this.#queue = list.then((made) => this.#keep(key, made), () => {});
    return list;
  }

  #keep(key: string, list: EntryList): void {
    this.#lists.delete(key);
    this.#lists.set(key, list);
    let freeBytes = MAX_KEPT_BYTES - list.byteLength;
    for (const [other, { byteLength }] of [...this.#lists].reverse().slice(1)) {
      freeBytes -= byteLength;
      if (freeBytes < 0) this.#lists.delete(other);
    }
  }
}
