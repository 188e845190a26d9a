// The entries of a listing: what a directory contains, how it is sorted, and
// how it is written for programs.

import { type FileStat, statOf } from "../_files/file_stat.ts";
import {
  type FileEntry,
  type FileSystem,
  orNull,
} from "../_files/file_system.ts";

/** One line of a listing. */
export interface Entry {
  /** The name. */
  readonly name: string;
  /** Whether it is a directory. */
  readonly isDirectory: boolean;
  /** The size of a file in bytes, null if it is not known. */
  readonly size: number | null;
  /**
   * When it was last changed, in milliseconds since 1970; null if it is not
   * known.
   */
  readonly modified: number | null;
}

/**
 * Whether the name of an entry is not UTF-8, so that no URL leads to it. Deno
 * replaces the invalid bytes by U+FFFD, and then finds nothing by that name.
 */
export function isNameless({ name, modified }: Entry): boolean {
  return modified === null && name.includes("\ufffd");
}

/**
 * Makes an entry of what was found in a directory. A link is listed as what it
 * leads to. The result is null for what is not listed: neither a file nor a
 * directory, or not to be served.
 */
export function entryOf(
  { name, isFile, isDirectory, isSymlink }: Deno.DirEntry,
  fileSystem: FileSystem,
  directory: FileEntry,
): Entry | null {
  if (isSymlink) {
    const found = orNull(() => fileSystem.find([...directory.names, name]));
    if (found === null || found.kind === "nothing") return null;
    return makeEntry(name, found.kind === "directory", found.stat);
  }
  const path = `${directory.path}/${name}`;
  if (!isFile && !isDirectory) return null;
  try {
    const info = Deno.lstatSync(path);
    if (fileSystem.isWithheld(path, info)) return null;
    return makeEntry(name, info.isDirectory, statOf(info));
  } catch (error) {
    const entry = { name, isDirectory, size: null, modified: null };
    const isGone = error instanceof Deno.errors.NotFound && !isNameless(entry);
    return isGone ? null : entry;
  }
}

function makeEntry(name: string, isDirectory: boolean, stat: FileStat): Entry {
  const size = isDirectory ? null : stat.size;
  const modified = stat.modified > 0 ? stat.modified : null;
  return { name, isDirectory, size, modified };
}

/** How much a directory contains. */
export interface Totals {
  readonly folders: number;
  readonly files: number;
  /** The size of all files in bytes. */
  readonly bytes: number;
}

/** The columns of a listing. */
export const COLUMNS = ["name", "size", "modified"] as const;

/** One of {@linkcode COLUMNS}. */
export type Column = typeof COLUMNS[number];

/** What a listing is sorted by. */
export interface Order {
  /** The column. */
  readonly column: Column;
  /** Whether the largest comes first. */
  readonly isDescending: boolean;
}

/**
 * Writes an entry as one string. Strings sort like their entries, faster than
 * objects, and take less memory. The parts are separated by NUL, which no name
 * contains.
 */
export function writeLine(entry: Entry, order: Order): string {
  const { name, size, modified } = entry;
  return [sortKey(entry, order), name, size, modified].join("\0");
}

/** Parses what {@linkcode writeLine} wrote. */
export function parseLine(line: string): Entry {
  const [name = "", size, modified] = line.split("\0").slice(-3);
  return {
    name,
    isDirectory: line.startsWith(DIRECTORY),
    size: size ? Number(size) : null,
    modified: modified ? Number(modified) : null,
  };
}

const DIRECTORY = "0";
const FILE = "1";
const DIGITS_REGEXP = /\d+/g;
/** Numbers in names, sizes and times are padded to this many digits. */
const DIGITS = 16;

/**
 * Writes the key that an entry is sorted by, as one string: directories first,
 * then the column, and among equals the name. Names are sorted the way people
 * count, `file 9` before `file 10`, and case is ignored.
 */
function sortKey(entry: Entry, { column, isDescending }: Order): string {
  const kind = entry.isDirectory ? DIRECTORY : FILE;
  const pad = (digits: string) => digits.padStart(DIGITS, "0");
  const padded = entry.name.toLowerCase().replace(DIGITS_REGEXP, pad);
  const name = `${padded}\0${entry.name}`;
  if (column === "name") return kind + (isDescending ? inverted(name) : name);
  const value = entry[column] ?? 0;
  const rank = isDescending ? Number.MAX_SAFE_INTEGER - value : value;
  return kind + String(rank).padStart(DIGITS, "0") + name;
}

/** Inverts the order of strings; a prefix of another string comes last. */
function inverted(text: string): string {
  const { length } = text;
  const units = Array.from({ length }, (_, i) => 0xffff - text.charCodeAt(i));
  return String.fromCharCode(...units, 0xffff);
}

/** What a listing is about, and how it is sorted and written. */
export interface Listing {
  /** The names from the root to the directory. */
  readonly names: readonly string[];
  /** The path of the directory in URLs, percent-encoded, with a final slash. */
  readonly path: string;
  /** Protocol and host, for whole URLs. */
  readonly origin: string;
  /** How it is sorted. */
  readonly order: Order;
  /** How it is written. */
  readonly format: ListingFormat;
}

/** How a listing is written: its start, each entry, and its end. */
export interface ListingFormat {
  /** The Content-Type. */
  readonly contentType: string;
  /** Writes what comes before the entries. */
  start(listing: Listing, totals: Totals): string;
  /** Writes an entry. */
  entry(entry: Entry, listing: Listing): string;
  /** What stands between two entries. */
  readonly separator: string;
  /** What comes after the entries. */
  readonly end: string;
}

/** Encodes the name of an entry for a URL, with a slash after a directory. */
export function encodeName({ name, isDirectory }: Entry): string {
  return encodeURIComponent(name) + (isDirectory ? "/" : "");
}

/**
 * Parses the order from the params of a URL, `sort=size&order=desc`; invalid
 * values count as missing.
 */
export function parseOrder(search: URLSearchParams): Order {
  const column = COLUMNS.find((column) => column === search.get("sort"));
  const isDescending = search.get("order") === "desc";
  return { column: column ?? "name", isDescending };
}

/** Writes the params for an order; none for the default. */
export function writeOrder({ column, isDescending }: Order): string {
  if (column === "name" && !isDescending) return "";
  return `?sort=${column}&order=${isDescending ? "desc" : "asc"}`;
}

/** The listing as text, one whole URL per line, for other programs. */
export const TEXT_FORMAT: ListingFormat = {
  contentType: "text/plain; charset=utf-8",
  start: () => "",
  entry: (entry, { origin, path }) =>
    isNameless(entry) ? "" : `${origin}${path}${encodeName(entry)}\n`,
  separator: "",
  end: "",
};

/** The listing as JSON, one entry per line. */
export const JSON_FORMAT: ListingFormat = {
  contentType: "application/json",
  start: ({ path }) => `{"path":${JSON.stringify(path)},"entries":[\n`,
  entry: (entry) =>
    JSON.stringify({
      name: entry.name,
      type: entry.isDirectory ? "directory" : "file",
      url: isNameless(entry) ? null : "./" + encodeName(entry),
      size: entry.size ?? undefined,
      modified: entry.modified === null ? undefined : new Date(entry.modified),
    }),
  separator: ",\n",
  end: "\n]}\n",
};
