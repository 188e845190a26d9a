/**
 * A stand-in for `@std/fs`: the part that this project uses, over `node:fs`.
 *
 * @module
 */

import { mkdir } from "node:fs/promises";

/**
 * Makes sure that a directory exists, with all the directories above it.
 *
 * @param dir The path of the directory.
 */
export async function ensureDir(dir: string | URL): Promise<void> {
  await mkdir(dir, { recursive: true });
}
