import { COLUMNS, type Entry, isNameless, type Order } from "./entries.ts";
import type { Totals } from "./entry_list.ts";

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

/** How a listing is written: its start, each entry, and its end. */
export interface ListingFormat {
  /** The Content-Type. */
  readonly contentType: string;
  /** What comes before the entries. */
  start(listing: Listing, totals: Totals): string;
  /** An entry. */
  entry(entry: Entry, listing: Listing): string;
  /** What stands between two entries. */
  readonly separator: string;
  /** What comes after the entries. */
  readonly end: string;
}

/** The name of an entry as a path in a URL, with a slash after a directory. */
export function encodeName({ name, isDirectory }: Entry): string {
  return encodeURIComponent(name) + (isDirectory ? "/" : "");
}

/**
 * Reads the order from the params of a URL, `sort=size&order=desc`; what makes
 * no sense counts as not there.
 */
export function parseOrder(params: string | null): Order {
  const search = new URLSearchParams(params ?? "");
  const column = COLUMNS.find((column) => column === search.get("sort"));
  return {
    column: column ?? "name",
    isDescending: search.get("order") === "desc",
  };
}

/** Writes the params for an order. */
export function writeOrder({ column, isDescending }: Order): string {
  return `?sort=${column}&order=${isDescending ? "desc" : "asc"}`;
}

/** One whole URL a line, for other programs. */
export const TEXT_FORMAT: ListingFormat = {
  contentType: "text/plain; charset=utf-8",
  start: () => "",
  entry: (entry, { origin, path }) =>
    isNameless(entry) ? "" : `${origin}${path}${encodeName(entry)}\n`,
  separator: "",
  end: "",
};

/** The listing as JSON, one entry a line. */
export const JSON_FORMAT: ListingFormat = {
  contentType: "application/json",
  start: ({ path }) => `{"path":${JSON.stringify(path)},"entries":[\n`,
  entry: (entry) =>
    JSON.stringify({
      name: entry.name,
      type: entry.isDirectory ? "directory" : "file",
      url: isNameless(entry) ? null : "./" + encodeName(entry),
      size: entry.size ?? undefined,
      modified: entry.modified === null
        ? undefined
        : new Date(entry.modified).toISOString(),
    }),
  separator: ",\n",
  end: "\n]}\n",
};
