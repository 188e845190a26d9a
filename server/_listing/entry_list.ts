// Sorted lists of large directories. As objects, 100,000 entries would take a
// quarter of a heap of 64 MB: so one list is made at a time, lists are kept
// packed, outside the heap, and few of them. Clients hold nothing but the place
// where they are, so that it does not matter how many of them read slowly.

/** What a directory holds, counted. */
export interface Totals {
  readonly folders: number;
  readonly files: number;
  /** The size of all files. */
  readonly bytes: number;
}

/** How many entries are handled before others have a turn. */
export const BATCH = 500;

/** The lines of some entries, packed, and the last of them. */
interface Page {
  readonly last: string;
  readonly json: Uint8Array;
}

/** Sorted entries, packed as pages of JSON. */
export class EntryList {
  readonly #pages: Page[] = [];
  /** What the directory holds. */
  readonly totals: Totals;
  /** How much memory it takes. */
  readonly byteLength: number;

  /** Packs the lines of entries, which are in order. */
  constructor(lines: readonly string[], totals: Totals) {
    const encoder = new TextEncoder();
    let byteLength = 0;
    for (let start = 0; start < lines.length; start += BATCH) {
      const page = lines.slice(start, start + BATCH);
      const json = encoder.encode(JSON.stringify(page));
      this.#pages.push({ last: page.at(-1)!, json });
      byteLength += json.length;
    }
    this.totals = totals;
    this.byteLength = byteLength;
  }

  /**
   * Gives the lines of a page that come after another line, which may be of a
   * list that was made before this one; none at the end.
   */
  after(line: string): string[] {
    const page = this.#pages.find(({ last }) => last > line);
    if (page === undefined) return [];
    const lines: string[] = JSON.parse(new TextDecoder().decode(page.json));
    return lines.filter((other) => other > line);
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
    this.#keep(key, list);
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
    let room = MAX_KEPT_BYTES - list.byteLength;
    for (const [other, { byteLength }] of [...this.#lists].reverse().slice(1)) {
      room -= byteLength;
      if (room < 0) this.#lists.delete(other);
    }
  }
}
