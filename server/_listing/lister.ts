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
import { HttpError } from "../_http_error.ts";
import type { HttpRequest } from "../http_request.ts";
import type { HttpResponse } from "../http_response.ts";
import {
  BATCH,
  type Entry,
  Pacer,
  readEntries,
  sortEntries,
} from "./entries.ts";
import {
  JSON_FORMAT,
  type Listing,
  type ListingFormat,
  parseOrder,
  TEXT_FORMAT,
} from "./formats.ts";
import { contentSecurityPolicy, HTML_FORMAT } from "./html.ts";

type Batches = ReturnType<typeof readEntries>;

/**
 * How many large listings are made at once: each holds the names of a whole
 * directory.
 */
const MAX_LARGE = 4;
/** The formats, the one for clients without a preference first. */
const FORMATS: readonly ListingFormat[] = [
  HTML_FORMAT,
  JSON_FORMAT,
  TEXT_FORMAT,
];

/** Lists directories. */
export class Lister {
  readonly #fileSystem: FileSystem;
  readonly #isServed: (name: string) => boolean;
  readonly #urlRoot: readonly string[];
  readonly #queue = new FairQueue(1);
  readonly #large = new Set<Batches>();
  #policy: Promise<string> | null = null;

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
   * @throws {HttpError} 403 or 404 if the directory cannot be read, 503 if too
   *   many large ones are being listed.
   */
  async list(
    request: HttpRequest,
    directory: FileEntry,
  ): Promise<HttpResponse> {
    const format = preferredFormat(request.headers.get("accept"));
    const headers = await this.#headersFor(format);
    const listing = this.#describe(request, directory);
    const batches = readEntries(this.#fileSystem, directory, this.#isServed);
    try {
      const first = await batches.next();
      const text = this.#write(listing, format, first, batches);
      if (first.done) return { status: 200, headers, body: await join(text) };
      if (this.#large.size < MAX_LARGE) {
        return { status: 200, headers, body: this.#stream(text, batches) };
      }
      await batches.return([]);
    } catch (error) {
      throw toHttpError(error);
    }
    throw new HttpError(
      503,
      "Cannot list directory: too many large ones are being listed",
      { headers: { "Retry-After": "1" } },
    );
  }

  #describe(request: HttpRequest, { names }: FileEntry): Listing {
    const path = writeRequestPath([...this.#urlRoot, ...names], true);
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

  /** Writes a listing, piece by piece, with pauses in a large one. */
  async *#write(
    listing: Listing,
    format: ListingFormat,
    first: IteratorResult<Entry[], Entry[]>,
    batches: Batches,
  ): AsyncGenerator<string> {
    const pacer = new Pacer(this.#queue);
    yield format.start(listing);
    const entries = first.value;
    for (let { done } = first; !done;) {
      const batch = await batches.next();
      for (const entry of batch.value) entries.push(entry);
      done = batch.done;
      await pacer.pause();
    }
    const sorted = await sortEntries(entries, listing.order, pacer);
    for (let start = 0; start < sorted.length; start += BATCH) {
      yield sorted.slice(start, start + BATCH)
        .map((entry, index) => format.entry(entry, start + index, listing))
        .join("");
      await pacer.pause();
    }
    yield format.end(entries);
  }

  /** Streams a large listing, which counts until it ends or is cancelled. */
  #stream(
    text: AsyncGenerator<string>,
    batches: Batches,
  ): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    const end = async () => {
      this.#large.delete(batches);
      await batches.return([]);
    };
    this.#large.add(batches);
    return new ReadableStream({
      pull: async (controller) => {
        try {
          const { value, done } = await text.next();
          if (!done) return controller.enqueue(encoder.encode(value));
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        await end();
      },
      cancel: async () => {
        await text.return(undefined);
        await end();
      },
    }, { highWaterMark: 0 });
  }
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

async function join(pieces: AsyncIterable<string>): Promise<string> {
  let whole = "";
  for await (const piece of pieces) whole += piece;
  return whole;
}
