import {
  HeaderFields,
  parseQualityValues,
  qualityOf,
} from "../../message/mod.ts";
import { absenceOf, type FileTree, type Found } from "../_files/file_tree.ts";
import { writeRequestPath } from "../_files/request_path.ts";
import type { HttpRequest } from "../http_request.ts";
import { DirectoryReader, type Entry } from "./entries.ts";
import {
  JSON_FORMAT,
  type Listing,
  type ListingFormat,
  TEXT_FORMAT,
} from "./format.ts";
import { contentSecurityPolicy, HTML_FORMAT } from "./html_format.ts";
import { parseOrder, sortEntries } from "./order.ts";
import { TurnQueue } from "../_connection/turns.ts";
import { SLICE, Turns } from "./turns.ts";

/** What is listed. */
export interface ListerInit {
  /** The files. */
  readonly tree: FileTree;
  /** Which names are served. */
  readonly isServed: (name: string) => boolean;
  /** The names in URLs before those of the tree. */
  readonly urlRoot: readonly string[];
}

/** A listing as an answer; its length is known unless it is large. */
export interface ListingResponse {
  readonly status: 200;
  readonly headers: HeaderFields;
  readonly body: string | ReadableStream<Uint8Array>;
}

/**
 * How many large listings are made at once: each holds the names of a whole
 * directory.
 */
const MAX_LARGE = 4;
/** The formats, the one for those without a wish first. */
const FORMATS: readonly ListingFormat[] = [
  HTML_FORMAT,
  JSON_FORMAT,
  TEXT_FORMAT,
];

/** Lists directories. */
export class Lister {
  readonly #init: ListerInit;
  readonly #queue = new TurnQueue(1);
  readonly #large = new Set<DirectoryReader>();
  #policy: Promise<string> | null = null;

  constructor(init: ListerInit) {
    this.#init = init;
  }

  /**
   * Lists a directory.
   *
   * @returns The answer; or its status if the directory cannot be read, or too
   *   many large ones are being listed.
   */
  async list(
    request: HttpRequest,
    directory: Found,
  ): Promise<ListingResponse | 403 | 404 | 503> {
    const { tree, isServed } = this.#init;
    const format = formatFor(request.headers.get("accept"));
    const listing = this.#describe(request, directory);
    const reader = new DirectoryReader(tree, directory, isServed);
    const headers = await this.#headersFor(format);
    try {
      const first = await reader.readSlice();
      const text = this.#write(listing, format, { reader, ...first });
      if (first.isLast) return { status: 200, headers, body: await join(text) };
      if (this.#large.size < MAX_LARGE) {
        return { status: 200, headers, body: this.#stream(text, reader) };
      }
      await reader.close();
      return 503;
    } catch (error) {
      await reader.close();
      return absenceOf(error);
    }
  }

  #describe(request: HttpRequest, { names }: Found): Listing {
    const path = writeRequestPath([...this.#init.urlRoot, ...names], true);
    const [origin = ""] = /^[a-z]+:\/\/[^/]*/.exec(request.url) ?? [];
    return { names, path, origin, order: parseOrder(request.params) };
  }

  async #headersFor(format: ListingFormat): Promise<HeaderFields> {
    const headers = new HeaderFields({
      "Content-Type": format.contentType,
      "Vary": "Accept",
      "X-Content-Type-Options": "nosniff",
    });
    if (format === HTML_FORMAT) {
      this.#policy ??= contentSecurityPolicy();
      headers.append("Content-Security-Policy", await this.#policy);
    }
    return headers;
  }

  /**
   * Writes a listing piece by piece; nothing of a large one takes others' turn
   * for long.
   */
  async *#write(
    listing: Listing,
    format: ListingFormat,
    read: { reader: DirectoryReader; entries: Entry[]; isLast: boolean },
  ): AsyncGenerator<string> {
    const { reader, entries } = read;
    const turns = new Turns(this.#queue);
    yield format.start(listing);
    for (let { isLast } = read; !isLast;) {
      const slice = await reader.readSlice();
      for (const entry of slice.entries) entries.push(entry);
      isLast = slice.isLast;
      await turns.give();
    }
    if (listing.order.column !== "name") {
      await measureAll(reader, entries, turns);
    }
    const sorted = await sortEntries(entries, listing.order, turns);
    const totals = { directories: 0, files: 0, bytes: 0 };
    for (let start = 0; start < sorted.length; start += SLICE) {
      let text = "";
      const end = Math.min(start + SLICE, sorted.length);
      for (let index = start; index < end; index++) {
        const entry = reader.measure(sorted[index]!);
        totals[entry.isDirectory ? "directories" : "files"]++;
        totals.bytes += entry.size ?? 0;
        text += format.entry(entry, index, listing);
      }
      yield text;
      await turns.give();
    }
    yield format.end(totals);
  }

  /**
   * A stream of a large listing, which counts until it has ended or is not
   * wanted any more.
   */
  #stream(
    pieces: AsyncGenerator<string>,
    reader: DirectoryReader,
  ): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    const end = async () => {
      this.#large.delete(reader);
      await reader.close();
    };
    this.#large.add(reader);
    return new ReadableStream({
      pull: async (controller) => {
        try {
          const { value, done } = await pieces.next();
          if (!done) return controller.enqueue(encoder.encode(value));
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        await end();
      },
      cancel: async () => {
        await pieces.return(undefined);
        await end();
      },
    }, { highWaterMark: 0 });
  }
}

/** Picks the format that is wanted most. */
function formatFor(accept: string | null): ListingFormat {
  const values = parseQualityValues(accept ?? "*/*");
  const quality = ({ contentType }: ListingFormat) =>
    qualityOf(values, contentType.split(";")[0]!) ?? 0;
  return FORMATS.reduce((best, format) =>
    quality(format) > quality(best) ? format : best
  );
}

async function measureAll(
  reader: DirectoryReader,
  entries: Entry[],
  turns: Turns,
): Promise<void> {
  for (const [index, entry] of entries.entries()) {
    entries[index] = reader.measure(entry);
    if (index % SLICE === SLICE - 1) await turns.give();
  }
}

async function join(pieces: AsyncIterable<string>): Promise<string> {
  let whole = "";
  for await (const piece of pieces) whole += piece;
  return whole;
}
