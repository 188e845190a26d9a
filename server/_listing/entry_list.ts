// Sorted lists of large directories. As objects, 100,000 entries would take a
// quarter of a heap of 64 MB: so one list is made at a time, lists are kept
// packed, outside the heap, and few of them. Clients hold nothing but the place
// where they are, so that it does not matter how many of them read slowly.

import { compareEntries, type Entry, type Order } from "./entries.ts";

/** What a directory holds, counted. */
export interface Totals {
  readonly folders: number;
  readonly files: number;
  /** The size of all files. */
  readonly bytes: number;
}

/** Counts entries. */
export function countEntries(entries: readonly Entry[]): Totals {
  const folders = entries.filter(({ isDirectory }) => isDirectory).length;
  const bytes = entries.reduce((sum, { size }) => sum + (size ?? 0), 0);
  return { folders, files: entries.length - folders, bytes };
}

/** How many entries are written in one piece. */
const PAGE = 250;

/** Sorted entries, packed as pages of JSON. */
export class EntryList {
  readonly #pages: readonly Uint8Array[];
  /** The last entry of each page. */
  readonly #lasts: readonly Entry[];
  readonly #order: Order;
  /** What the directory holds. */
  readonly totals: Totals;
  /** How much memory it takes. */
  readonly byteLength: number;

  /** Packs entries that are in an order. */
  constructor(entries: readonly Entry[], order: Order) {
    const encoder = new TextEncoder();
    const count = Math.ceil(entries.length / PAGE);
    const pages = Array.from(
      { length: count },
      (_, index) => entries.slice(index * PAGE, (index + 1) * PAGE),
    );
    this.#lasts = pages.map((page) => page.at(-1)!);
    this.#pages = pages.map((page) => encoder.encode(JSON.stringify(page)));
    this.#order = order;
    this.totals = countEntries(entries);
    this.byteLength = this.#pages.reduce(
      (sum, { length }) => sum + length,
      0,
    );
  }

  /**
   * Gives the entries of a page that come after another entry, which may be of
   * a list that was made before this one; none at the end.
   */
  after(last: Entry | null): Entry[] {
    if (last === null) return this.#page(0);
    let [low, high] = [0, this.#pages.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const end = this.#lasts[middle]!;
      if (compareEntries(end, last, this.#order) > 0) high = middle;
      else low = middle + 1;
    }
    const page = this.#page(low);
    return page.slice(
      page.findIndex((entry) => compareEntries(entry, last, this.#order) > 0),
    );
  }

  #page(index: number): Entry[] {
    const page = this.#pages[index];
    return page === undefined ? [] : JSON.parse(new TextDecoder().decode(page));
  }
}

/** How much memory lists take that are kept, though one always is. */
const MAX_KEPT_BYTES = 67_108_864;

/** Makes lists, one at a time, and keeps the last ones. */
export class ListCache {
  /** Those that were used last come last. */
  readonly #lists = new Map<string, EntryList>();
  readonly #waiting = new Map<string, Promise<EntryList>>();
  #queue: Promise<void> = Promise.resolve();

  /** Gives a list as it is kept, or else makes it. */
  get(
    key: string,
    make: () => Promise<EntryList>,
  ): EntryList | Promise<EntryList> {
    const list = this.#lists.get(key);
    if (list === undefined) return this.make(key, make);
    this.#lists.delete(key);
    this.#lists.set(key, list);
    return list;
  }

  /** Makes a list, once for all who wait for it to be begun. */
  make(key: string, make: () => Promise<EntryList>): Promise<EntryList> {
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) return waiting;
    const list = this.#queue.then(() => {
      this.#waiting.delete(key);
      return make();
    });
    this.#waiting.set(key, list);
    this.#queue = list.then((made) => this.#keep(key, made), () => {});
    return list;
  }

  #keep(key: string, list: EntryList): void {
    this.#lists.delete(key);
    this.#lists.set(key, list);
    const kept = [...this.#lists];
    let total = kept.reduce((sum, [, { byteLength }]) => sum + byteLength, 0);
    for (const [oldest, { byteLength }] of kept.slice(0, -1)) {
      if (total <= MAX_KEPT_BYTES) return;
      this.#lists.delete(oldest);
      total -= byteLength;
    }
  }
}
