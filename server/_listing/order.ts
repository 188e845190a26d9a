import type { Entry } from "./entries.ts";
import { SLICE, type Turns } from "./turns.ts";

/** What a listing is sorted by. */
export interface Order {
  /** The column. */
  readonly column: Column;
  /** Whether the greatest comes first. */
  readonly isDescending: boolean;
}

/** The columns of a listing. */
export const COLUMNS = ["name", "size", "modified"] as const;

/** One of {@linkcode COLUMNS}. */
export type Column = typeof COLUMNS[number];

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

/** An entry with what it is sorted by. */
interface Keyed {
  readonly entry: Entry;
  readonly name: string;
  readonly value: number;
}

/**
 * Sorts entries, directories first: runs of them on their own, which are then
 * merged.
 */
export async function sortEntries(
  entries: readonly Entry[],
  order: Order,
  turns: Turns,
): Promise<Entry[]> {
  const compare = comparator(order);
  let runs: Keyed[][] = [];
  for (let start = 0; start < entries.length; start += SLICE) {
    const slice = entries.slice(start, start + SLICE);
    runs.push(slice.map((entry) => keyed(entry, order)).sort(compare));
    await turns.give();
  }
  while (runs.length > 1) {
    const merged: Keyed[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      merged.push(await merge(runs[i]!, runs[i + 1] ?? [], { compare, turns }));
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

/** Directories first; what is equal in its column is sorted by name. */
function comparator({ column, isDescending }: Order): Compare {
  const sign = isDescending ? -1 : 1;
  const nameSign = column === "name" ? sign : 1;
  return (a, b) => {
    if (a.entry.isDirectory !== b.entry.isDirectory) {
      return a.entry.isDirectory ? -1 : 1;
    }
    if (a.value !== b.value) return (a.value - b.value) * sign;
    if (a.name !== b.name) return a.name < b.name ? -nameSign : nameSign;
    return a.entry.name < b.entry.name ? -nameSign : nameSign;
  };
}

async function merge(
  a: readonly Keyed[],
  b: readonly Keyed[],
  { compare, turns }: { readonly compare: Compare; readonly turns: Turns },
): Promise<Keyed[]> {
  const merged: Keyed[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    const isFromA = j === b.length ||
      i < a.length && compare(a[i]!, b[j]!) <= 0;
    merged.push(isFromA ? a[i++]! : b[j++]!);
    if (merged.length % SLICE === 0) await turns.give();
  }
  return merged;
}
