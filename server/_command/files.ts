// The files that the user names, and how they are checked at the start.

import { failure, ifExists } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import type { Credentials } from "../../message/mod.ts";
import { FileSystem } from "../_files/file_system.ts";
import type { Options } from "./options.ts";

/**
 * The faults that a line can have; the first match is reported. A line that is
 * read differently than it was meant would lock its user out, or let somebody
 * else in.
 */
const FAULTS = [
  [/\ufffd/, "has bytes that are not UTF-8"],
  // deno-lint-ignore no-control-regex
  [/[\0-\x1f\x7f]/, "has a control character"],
  [/^:|^[^:]*$/, 'is not "user:password"'],
  [/^ |^[^:]* :|^[^:]*: | $/, "has a space around its user or password"],
  [
    /^[^:]*:(?:\$(?:apr1|\d[abxy]?|g?y|(?:argon2|bcrypt|pbkdf2|sc?rypt|sha1)[\w-]*)\$|\{[A-Z\d-]+\})/,
    "has a hash instead of a password in plain text",
  ],
] as const;

/**
 * Parses lines of `user:password`; empty lines and those that start with `#`
 * are skipped.
 *
 * @param path The file that the lines are from, for errors.
 * @param text The lines.
 * @throws {CommandError} If a line is wrong, or there is none.
 */
export function parseUsers(path: string, text: string): Credentials[] {
  const act = `Cannot read ${quote(path)}`;
  const users = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    const username = line.slice(0, colon);
    const [, malformed] = FAULTS.find(([pattern]) => pattern.test(line)) ?? [];
    const fault = malformed ?? (users.has(username) ? "repeats a user" : null);
    if (fault !== null) throw failure(`${act}: line ${index + 1} ${fault}`);
    users.set(username, line.slice(colon + 1));
  }
  if (users.size === 0) throw failure(`${act}: it names no user`);
  return [...users].map(([username, password]) => ({ username, password }));
}

/** Returns the files that only the server itself may read. */
export function secretFiles(options: Options) {
  const flags = ["cert", "key", "auth-file"] as const;
  return flags.flatMap((flag) => {
    const path = options[flag];
    // What is not a file, such as <(pass show key), cannot be requested
    const isFile = path !== undefined && Deno.statSync(path).isFile;
    return isFile ? [{ flag, path }] : [];
  });
}

/**
 * Makes sure that a file or directory can be read, and a directory entered.
 *
 * @throws The error of the system.
 */
export function checkReadable(root: string): void {
  // Windows cannot open directories
  if (Deno.build.os !== "windows") Deno.openSync(root).close();
  if (!Deno.statSync(root).isDirectory) return;
  ifExists(() => Deno.lstatSync(`${root}/index.html`)); // as a request would
}

/**
 * Makes sure that the fallback is a file that is served.
 *
 * @throws {CommandError} If it is not.
 */
export function checkFallback(fallback: string, options: Options): void {
  const { root } = options;
  const secrets = secretFiles(options).map(({ path }) => path);
  const files = new FileSystem(root, options["follow-symlinks"], secrets);
  if (files.findFile(fallback.split(/[\\/]/)) !== null) return;
  const expected = `expected a file in ${quote(root)} that is served`;
  throw failure(`Cannot serve ${quote(fallback)}: ${expected}`);
}
