// The files that the user names: what must be right with them at the start.

import { attempt, CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { FileSystem } from "../_files/file_system.ts";
import type { Options } from "./options.ts";

/** Reads a file, whole. */
export function readBytes(path: string): Uint8Array {
  return attempt(`Cannot read ${quote(path)}`, () => Deno.readFileSync(path));
}

/** What the files of `--cert` and `--key` begin with, and what that is. */
const PEM = {
  cert: [/^-----BEGIN CERTIFICATE-----/m, "a certificate"],
  key: [
    /^-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/m,
    "a private key, not encrypted,",
  ],
} as const;

/** Reads the file of `--cert` or `--key`. */
export function readPem(flag: keyof typeof PEM, path: string): string {
  const text = new TextDecoder().decode(readBytes(path));
  const [pattern, wanted] = PEM[flag];
  if (pattern.test(text)) return text;
  const act = `Cannot use --${flag} ${quote(path)}`;
  throw new CommandError(EXIT.failure, `${act}: expected ${wanted} in PEM`);
}

/** The files that only the server itself is to read. */
export function secretFiles(
  options: Options,
): { readonly flag: string; readonly path: string }[] {
  const flags = ["cert", "key", "auth-file"] as const;
  return flags.flatMap((flag) => {
    const path = options[flag];
    return path === undefined ? [] : [{ flag, path }];
  });
}

/**
 * Makes sure that a file or directory can be read, and a directory entered.
 *
 * @throws The error of the system.
 */
export function checkReadable(root: string): void {
  // Windows opens no directories
  if (Deno.build.os !== "windows") Deno.openSync(root).close();
  if (!Deno.statSync(root).isDirectory) return;
  try {
    Deno.lstatSync(`${root}/index.html`); // as a request would
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Makes sure that the fallback is a file that is served.
 *
 * @throws {CommandError} If it is not.
 */
export function checkFallback(fallback: string, options: Options): void {
  const { root } = options;
  const act = `Cannot serve ${quote(fallback)}`;
  const info = attempt(act, () => Deno.statSync(`${root}/${fallback}`));
  const files = new FileSystem(
    root,
    options["follow-symlinks"],
    secretFiles(options).map(({ path }) => path),
  );
  if (files.findFile(fallback.split(/[\\/]/)) !== null) return;
  const state = info.isDirectory
    ? "it is a folder"
    : info.isFile
    ? `it is not served, or outside ${quote(root)}`
    : "it is no file";
  throw new CommandError(EXIT.failure, `${act}: ${state}`);
}
