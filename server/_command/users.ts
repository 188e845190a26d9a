import { CommandError, EXIT } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import type { Credentials } from "../../message/mod.ts";

/**
 * What is wrong with a line; the first that matches is told. A line that was
 * read in another way than it was meant would lock its user out, or let
 * somebody else in.
 */
const FAULTS = [
  [/\ufffd/, "has bytes that are no UTF-8"],
  // deno-lint-ignore no-control-regex
  [/[\0-\x1f\x7f]/, "has a control character"],
  [/^:|^[^:]*$/, 'is not "user:password"'],
  [/^ |^[^:]* :|^[^:]*: | $/, "has a blank around its user or password"],
  [
    /^[^:]*:(?:\$(?:apr1|\d[abxy]?|g?y|argon2\w*|scrypt)\$|\{[A-Z0-9]+\})/,
    "has a hash in place of a password, which must stand there as it is",
  ],
] as const;

/**
 * Reads lines of `user:password`; empty lines and those that start with `#`
 * are left out.
 *
 * @param path Where the lines are from, for the error.
 * @param bytes The lines.
 * @throws {CommandError} If a line is wrong, or there is none.
 */
export function parseUsers(path: string, bytes: Uint8Array): Credentials[] {
  const users = new Map<string, string>();
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const fail = (fault: string) => refuse(path, `line ${index + 1} ${fault}`);
    const fault = FAULTS.find(([pattern]) => pattern.test(line));
    if (fault !== undefined) throw fail(fault[1]);
    const colon = line.indexOf(":");
    const username = line.slice(0, colon);
    if (users.has(username)) throw fail("names a user for the second time");
    users.set(username, line.slice(colon + 1));
  }
  if (users.size === 0) throw refuse(path, "it names no user");
  return [...users].map(([username, password]) => ({ username, password }));
}

function refuse(path: string, state: string): CommandError {
  return new CommandError(EXIT.failure, `Cannot read ${quote(path)}: ${state}`);
}
