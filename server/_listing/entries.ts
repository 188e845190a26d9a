// What is in a directory: read, measured and sorted. For a hundred thousand
// files this takes a second or two, so it is done in batches, and other
// requests are served between them.

import {
  type FileEntry,
  type FileStat,
  type FileSystem,
  orNull,
  statOf,
} from "../_files/file_system.ts";
import type { FairQueue } from "../_connection/fair_queue.ts";

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
  /** Set if the name is not UTF-8: no URL leads there. */
  readonly isNameless?: true;
}

/** How many entries are handled between two looks at the clock. */
export const BATCH = 500;

/** How long a listing goes on without a pause, in milliseconds. */
const MAX_TURN = 5;

/** Makes a long work pause, so that other requests are served meanwhile. */
export class Pacer {
  readonly #queue: FairQueue;
  #start = performance.now();

  /** Paces one work; those that share a queue go on one at a time. */
  constructor(queue: FairQueue) {
    this.#queue = queue;
  }

  /** Waits for another turn, if this one has taken long enough. */
  async pause(): Promise<void> {
    if (performance.now() - this.#start < MAX_TURN) return;
    await this.#queue.wait();
    this.#start = performance.now();
  }
}

/**
 * Reads a directory, and leaves out what is not served.
 *
 * @returns The entries, batch by batch; the last batch is the return value.
 */
export async function* readEntries(
  fileSystem: FileSystem,
  directory: FileEntry,
  isServed: (name: string) => boolean,
): AsyncGenerator<Entry[], Entry[]> {
  let batch: Entry[] = [];
  let count = 0;
  for await (const listed of Deno.readDir(directory.path)) {
    const entry = isServed(listed.name)
      ? entryOf(listed, fileSystem, directory)
      : null;
    if (entry !== null) batch.push(entry);
    if (++count % BATCH === 0) {
      yield batch;
      batch = [];
    }
  }
  return batch;
}

/**
 * A link is listed as what it leads to; what is neither file nor directory, or
 * could not be fetched, is not listed.
 */
function entryOf(
  { name, isFile, isDirectory, isSymlink }: Deno.DirEntry,
  fileSystem: FileSystem,
  directory: FileEntry,
): Entry | null {
  if (isSymlink) {
    const found = orNull(() => fileSystem.find([...directory.names, name]));
    if (found === null) return null;
    return measured(name, found.kind === "directory", found.stat);
  }
  const path = `${directory.path}/${name}`;
  if (!isFile && !isDirectory || fileSystem.isWithheld(path)) return null;
  try {
    const info = Deno.lstatSync(path);
    return measured(name, info.isDirectory, statOf(info));
  } catch (error) {
    const entry = { name, isDirectory, size: null, modified: null };
    if (!(error instanceof Deno.errors.NotFound)) return entry; // locked
    // Deno puts U+FFFD for what is not UTF-8, and then finds nothing there
    return name.includes("\ufffd") ? { ...entry, isNameless: true } : null;
  }
}

function measured(
  name: string,
  isDirectory: boolean,
  { size, modified }: FileStat,
): Entry {
  return {
    name,
    isDirectory,
    size: isDirectory ? null : size,
    modified: modified > 0 ? modified : null,
  };
}

/** The columns of a listing. */
export const COLUMNS = ["name", "size", "modified"] as const;

/** One of {@linkcode COLUMNS}. */
export type Column = typeof COLUMNS[number];

/** What a listing is sorted by. */
export interface Order {
  /** The column. */
  readonly column: Column;
  /** Whether the greatest comes first. */
  readonly isDescending: boolean;
}

/** An entry with what it is sorted by. */
interface Keyed {
  readonly entry: Entry;
  readonly name: string;
  readonly value: number;
}

/**
 * Sorts entries, directories first: each batch on its own; the sorted batches
 * are then merged, two at a time.
 */
export async function sortEntries(
  entries: readonly Entry[],
  order: Order,
  pacer: Pacer,
): Promise<Entry[]> {
  const compare = comparator(order);
  let runs: Keyed[][] = [];
  for (let start = 0; start < entries.length; start += BATCH) {
    const batch = entries.slice(start, start + BATCH);
    runs.push(batch.map((entry) => keyed(entry, order)).sort(compare));
    await pacer.pause();
  }
  while (runs.length > 1) {
    const merged: Keyed[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const pair = [runs[i]!, runs[i + 1] ?? []] as const;
      merged.push(await merge(pair, compare, pacer));
    }
    runs = merged;
  }
  return runs[0]?.map(({ entry }) => entry) ?? [];
}

const DIGITS_REGEXP = /\d+/g;
/** As long as the digits of any number that is met in a name. */
const DIGITS = 12;

/**
 * Names are sorted the way people count: `file 9` before `file 10`, whatever
 * the case.
 */
function keyed(entry: Entry, { column }: Order): Keyed {
  const value = column === "name" ? 0 : entry[column] ?? -1;
  const name = entry.name.toLowerCase().replace(
    DIGITS_REGEXP,
    (digits) => digits.padStart(DIGITS, "0"),
  );
  return { entry, name, value };
}

type Compare = (a: Keyed, b: Keyed) => number;

/** Compares two entries as they are sorted. */
export function compareEntries(a: Entry, b: Entry, order: Order): number {
  return comparator(order)(keyed(a, order), keyed(b, order));
}

/** Directories first; what is equal in its column is sorted by name. */
function comparator({ column, isDescending }: Order): Compare {
  const sign = isDescending ? -1 : 1;
  const nameSign = column === "name" ? sign : 1;
  return (a, b) =>
    Number(b.entry.isDirectory) - Number(a.entry.isDirectory) ||
    (a.value - b.value) * sign ||
    compareTexts(a.name, b.name) * nameSign ||
    compareTexts(a.entry.name, b.entry.name) * nameSign;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

async function merge(
  [a, b]: readonly [readonly Keyed[], readonly Keyed[]],
  compare: Compare,
  pacer: Pacer,
): Promise<Keyed[]> {
  const merged: Keyed[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    const isFromA = j === b.length ||
      i < a.length && compare(a[i]!, b[j]!) <= 0;
    merged.push(isFromA ? a[i++]! : b[j++]!);
    if (merged.length % BATCH === 0) await pacer.pause();
  }
  return merged;
}
