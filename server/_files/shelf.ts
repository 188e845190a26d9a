/** Something that can be held in memory, or made again. */
export interface Shelved {
  /** How many bytes it takes, the same for as long as it is held. */
  readonly weight: number;
  /** Set by whoever uses it. */
  isUsed: boolean;
  /** Called when it must go. */
  drop(): void;
}

/**
 * What is held in memory, up to a number of bytes: when it is too much, what
 * was not used of late goes.
 *
 * What was used since it was last looked at gets a second chance. That keeps
 * almost what an order by last use would keep, and costs a use no more than
 * setting a mark.
 */
export class Shelf<Item extends Shelved> {
  readonly #maxBytes: number;
  readonly #items = new Set<Item>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Holds an item from now on. */
  add(item: Item): void {
    if (this.#items.has(item)) return;
    this.#items.add(item);
    this.#bytes += item.weight;
    if (this.#bytes > this.#maxBytes) this.#makeRoom();
  }

  /** Holds an item no longer. */
  remove(item: Item): void {
    if (!this.#items.delete(item)) return;
    this.#bytes -= item.weight;
    item.drop();
  }

  /** Ends: each round clears all marks, and the second drops what has none. */
  #makeRoom(): void {
    for (const item of this.#items) {
      if (this.#bytes <= this.#maxBytes) return;
      if (item.isUsed) {
        item.isUsed = false;
        this.#items.delete(item);
        this.#items.add(item);
      } else this.remove(item);
    }
  }
}
