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
  let [username, password] = ["", ""];
  let isFound = false;
  for (let index = 0; index < tokens.length; index++) {
    const word = tokens[index]!;
    const begins = word === "machine" || word === "default";
    if (begins && isFound) break;
    if (word === "machine") machine = tokens[++index] ?? null;
    else if (word === "default") machine = hostname;
    else if (word === "login" || word === "password" || word === "account") {
      const value = tokens[++index] ?? "";
      if (machine?.toLowerCase() !== hostname) continue;
      isFound = true;
      if (word === "login") username = value;
      if (word === "password") password = value;
    }
  }
  return isFound ? { username, password } : null;
}
