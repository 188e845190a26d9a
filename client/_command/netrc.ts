import type { Credentials } from "../../message/credentials.ts";

/** A word, or a text in quotes where `\"` stands for a quote. */
const TOKEN_REGEXP = /"((?:\\.|[^"\\])*)"|(\S+)/gs;
/** `macdef` names a macro, which goes to the next empty line. */
const MACRO_REGEXP = /^[ \t]*macdef\b.*?(?:\n[ \t]*\r?\n|$(?![\s\S]))/gms;
const COMMENT_REGEXP = /^[ \t]*#.*$/gm;

/**
 * Finds the user and password for a host in a netrc file. The host is the one
 * of the parsed URL, compared whole; `default` is for all that have no entry.
 *
 * @param text The file.
 * @param hostname The host.
 * @returns User and password, or null if the file has none for this host.
 */
export function findInNetrc(
  text: string,
  hostname: string,
): Credentials | null {
  const bare = text.replace(MACRO_REGEXP, "").replace(COMMENT_REGEXP, "");
  const tokens = [...bare.matchAll(TOKEN_REGEXP)].map(([, quoted, plain]) =>
    plain ?? quoted!.replace(/\\(.)/gs, "$1")
  );
  let machine: string | null = null;
  const entry = new Map<string, string>();
  const words = tokens.values();
  for (const word of words) {
    if (word === "machine" || word === "default") {
      if (entry.size > 0) break;
      machine = word === "default" ? hostname : words.next().value ?? null;
    } else if (word === "login" || word === "password" || word === "account") {
      const value = words.next().value ?? "";
      if (machine?.toLowerCase() === hostname) entry.set(word, value);
    }
  }
  if (entry.size === 0) return null;
  return {
    username: entry.get("login") ?? "",
    password: entry.get("password") ?? "",
  };
}
