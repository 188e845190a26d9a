import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "npm:fast-check@^4.10.2";
import { type ByteSource, ReadBuffer } from "../../message/_read_buffer.ts";

/** Makes a source of bytes in pieces of these sizes, which then ends. */
function pieces(bytes: Uint8Array, sizes: readonly number[]): ByteSource {
  let at = 0;
  let i = 0;
  return {
    read(view) {
      if (at === bytes.length) return Promise.resolve(null);
      const size = Math.min(sizes[i++ % sizes.length]!, view.length);
      const piece = bytes.subarray(at, at + size);
      view.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
  };
}

Deno.test("ReadBuffer returns each byte once and in order, however they arrive and are taken", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      sizes,
      sizes,
      async (bytes, reads, uses) => {
        const buffer = new ReadBuffer(pieces(bytes, reads), new Uint8Array(4));
        const used: number[] = [];
        for (let i = 0; await buffer.fill(); i++) {
          const use = uses[i % uses.length]!;
          if (buffer.length < use) continue; // waits for more
          used.push(...buffer.take(use));
        }
        used.push(...buffer.arrived);
        assertEquals(used, [...bytes]);
      },
    ),
  );
});

Deno.test("ReadBuffer.fill() reads once for two calls at the same time", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  let reads = 0;
  const source = { read: () => (reads++, promise) };
  const buffer = new ReadBuffer(source, new Uint8Array(8));
  const waits = [buffer.fill(), buffer.fill()];
  assert(buffer.isFilling);
  resolve(3);
  assertEquals(await Promise.all(waits), [true, true]);
  assertEquals([reads, buffer.length, buffer.isFilling], [1, 3, false]);
});

Deno.test("ReadBuffer.fill() appends correctly when bytes are consumed while it reads", async () => {
  const second = Promise.withResolvers<number>();
  const results = [Promise.resolve(4), second.promise];
  let view = new Uint8Array(0);
  const buffer = new ReadBuffer({
    read(room) {
      view = room;
      return results.shift()!;
    },
  }, new Uint8Array(8));
  await buffer.fill();
  const filling = buffer.fill();
  buffer.consume(4);
  view.set([7, 8]);
  second.resolve(2);
  await filling;
  assertEquals([...buffer.arrived], [7, 8]);
});

Deno.test("ReadBuffer.fill() rejects when its source does, and can be called again", async () => {
  const results = [Promise.reject(new Error("cut")), Promise.resolve(1)];
  const buffer = new ReadBuffer(
    { read: () => results.shift()! },
    new Uint8Array(8),
  );
  await assertRejects(() => buffer.fill(), Error, "cut");
  assertEquals(await buffer.fill(), true);
});

Deno.test("ReadBuffer.replace() moves the bytes that have arrived, and returns the old memory", async () => {
  const first = new Uint8Array(4);
  const bytes = new Uint8Array([1, 2, 3, 4, 5, 6]);
  const buffer = new ReadBuffer(pieces(bytes, [4]), first);
  await buffer.fill();
  buffer.consume(1);
  assert(buffer.replace(new Uint8Array(8)) === first);
  await buffer.fill();
  assertEquals([...buffer.arrived], [2, 3, 4, 5, 6]);
  assertEquals([buffer.start, buffer.bytes.length], [0, 8]);
});
