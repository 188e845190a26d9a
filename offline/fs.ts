/**
 * A stand-in for `@std/fs`: the part that this project uses.
 *
 * @module
 */

/**
 * Makes sure that a directory exists, with all the directories above it.
 *
 * @param dir The path of the directory.
 */
export async function ensureDir(dir: string | URL): Promise<void> {
  const found = await Deno.stat(dir).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  });
  if (found?.isFile) throw new Deno.errors.NotADirectory();
  await Deno.mkdir(dir, { recursive: true });
}
