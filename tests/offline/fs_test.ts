import { ensureDir, exists } from "@std/fs";
import { assertEquals, assertRejects } from "@std/assert";

Deno.test("ensureDir() makes a directory and those above it, once", async () => {
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

Deno.test("exists() tells files, directories and nothing apart", async () => {
  const root = await Deno.makeTempDir();
  try {
    const file = `${root}/file`;
    await Deno.writeTextFile(file, "");
    assertEquals(await exists(file), true);
    assertEquals(await exists(file, { isFile: true }), true);
    assertEquals(await exists(file, { isDirectory: true }), false);
    assertEquals(await exists(root, { isDirectory: true }), true);
    assertEquals(await exists(root, { isFile: true }), false);
    assertEquals(await exists(`${root}/none`), false);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("exists() passes on what is no answer", async () => {
  await assertRejects(() => exists("a\0b"));
});
