import type { Entry } from "./entries.ts";
import type { Order } from "./order.ts";

/** What a listing says of itself. */
export interface Listing {
  /** The names from the root to the directory. */
  readonly names: readonly string[];
  /**
   * The path of the directory in URLs, percent-encoded, with a slash at its
   * end.
   */
  readonly path: string;
  /** Protocol and host, for whole URLs. */
  readonly origin: string;
  /** How it is sorted. */
  readonly order: Order;
}

/** What is in a listing, taken together. */
export interface Totals {
  /** How many directories. */
  readonly directories: number;
  /** How many files. */
  readonly files: number;
  /** Their sizes together, in bytes. */
  readonly bytes: number;
}

/**
 * How a listing is written: what comes before the entries, each entry, and what
 * comes behind.
 */
export interface ListingFormat {
  /** The Content-Type. */
  readonly contentType: string;
  /** What comes before the entries. */
  start(listing: Listing): string;
  /** An entry; `index` counts from 0. */
  entry(entry: Entry, index: number, listing: Listing): string;
  /** What comes behind the entries. */
  end(totals: Totals): string;
}

/** The name of an entry as a path in a URL, with a slash behind a directory. */
export function encodeName({ name, isDirectory }: Entry): string {
  return encodeURIComponent(name) + (isDirectory ? "/" : "");
}

/** One whole URL a line, for other programs. */
export const TEXT_FORMAT: ListingFormat = {
  contentType: "text/plain; charset=utf-8",
  start: () => "",
  entry: (entry, _index, { origin, path }) =>
    `${origin}${path}${encodeName(entry)}\n`,
  end: () => "",
};

/** The listing as JSON, one entry a line. */
export const JSON_FORMAT: ListingFormat = {
  contentType: "application/json",
  start: ({ path }) => `{"path":${JSON.stringify(path)},"entries":[`,
  entry: (entry, index) =>
    (index === 0 ? "\n" : ",\n") + JSON.stringify({
      name: entry.name,
      type: entry.isDirectory ? "directory" : "file",
      url: "./" + encodeName(entry),
      ...(entry.size === null ? {} : { size: entry.size }),
      ...(entry.modified === null
        ? {}
        : { modified: new Date(entry.modified).toISOString() }),
    }),
  end: () => "\n]}\n",
};
