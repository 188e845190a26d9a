import { ensureDir } from "@std/fs/ensure-dir";
import { assertEquals, assertRejects } from "@std/assert";

Deno.test("ensureDir() makes a directory and its parents, and may be called twice", async () => {
  const root = await Deno.makeTempDir();
  try {
    await ensureDir(`${root}/a/b`);
    await ensureDir(`${root}/a/b`);
    assertEquals((await Deno.stat(`${root}/a/b`)).isDirectory, true);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("ensureDir() refuses a file in its place", async () => {
  const file = await Deno.makeTempFile();
  try {
    await assertRejects(() => ensureDir(file), Error);
  } finally {
    await Deno.remove(file);
  }
});
