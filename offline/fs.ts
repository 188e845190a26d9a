/**
 * A stand-in for `@std/fs`: what this project uses of it, over `node:fs`.
 *
 * @module
 */

import { mkdir, stat } from "node:fs/promises";

/**
 * Makes sure that a directory exists, with all the directories above it.
 *
 * @param dir The path of the directory.
 */
export async function ensureDir(dir: string | URL): Promise<void> {
  await mkdir(dir, { recursive: true });
}

/** What {@linkcode exists} asks beyond being there. */
export interface ExistsOptions {
  /** Whether it must be a directory. */
  readonly isDirectory?: boolean;
  /** Whether it must be a file. */
  readonly isFile?: boolean;
}

/**
 * Says whether a path leads to something.
 *
 * @param path The path.
 * @param options What it must be.
 * @returns Whether it is there, and is what it must be.
 */
export async function exists(
  path: string | URL,
  options: ExistsOptions = {},
): Promise<boolean> {
  try {
    const info = await stat(path);
    return (!options.isDirectory || info.isDirectory()) &&
      (!options.isFile || info.isFile());
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return false;
    }
    throw error;
  }
}
