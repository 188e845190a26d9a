import { assertEquals } from "@std/assert";
import { Shelf, type Shelved } from "../../server/_files/shelf.ts";

/** Something of 10 bytes that notes when it must go. */
class Item implements Shelved {
  readonly weight = 10;
  isUsed = false;
  readonly #name: string;
  readonly #gone: string[];

  constructor(name: string, gone: string[]) {
    this.#name = name;
    this.#gone = gone;
  }

  drop(): void {
    this.#gone.push(this.#name);
  }
}

Deno.test("Shelf drops what was not used of late, the oldest first", () => {
  const gone: string[] = [];
  const shelf = new Shelf<Item>(30);
  const [a, b, c, d, e] = [..."abcde"].map((name) => new Item(name, gone));
  for (const item of [a!, b!, c!]) shelf.add(item);
  a!.isUsed = true;
  shelf.add(d!);
  assertEquals(gone, ["b"]);
  shelf.add(e!);
  assertEquals(gone, ["b", "c"]);
});

Deno.test("Shelf drops the oldest when all are in use", () => {
  const gone: string[] = [];
  const shelf = new Shelf<Item>(20);
  for (const name of "abc") {
    const item = new Item(name, gone);
    item.isUsed = true;
    shelf.add(item);
  }
  assertEquals(gone, ["a"]);
});

Deno.test("Shelf holds nothing that weighs more than all it may hold", () => {
  const gone: string[] = [];
  const shelf = new Shelf<Item>(5);
  shelf.add(new Item("a", gone));
  assertEquals(gone, ["a"]);
});

Deno.test("Shelf counts what is added twice, or removed twice, once", () => {
  const gone: string[] = [];
  const shelf = new Shelf<Item>(20);
  const [a, b, c] = [..."abc"].map((name) => new Item(name, gone));
  shelf.add(a!);
  shelf.add(a!);
  shelf.add(b!);
  assertEquals(gone, []);
  shelf.remove(a!);
  shelf.remove(a!);
  shelf.add(c!);
  assertEquals(gone, ["a"]);
});
