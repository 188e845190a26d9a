import type { Cookie, CookieJar } from "tough-cookie";
import { EXIT, systemError } from "../../command/errors.ts";
import { escapeControls, quote } from "../../command/quote.ts";
import type { Options } from "./options.ts";
import { type Output, writeError } from "./output.ts";

const HEADER = "# Netscape HTTP Cookie File\n\n";
const HTTP_ONLY = "#HttpOnly_";

/**
 * Makes a cookie jar that follows RFC 6265, with the cookies of those files of
 * `-b` that exist.
 *
 * @param options What the user asked for.
 * @returns The jar; null if neither `-b` nor `-c` names a file.
 * @throws {CommandError} If a file cannot be read.
 */
export async function openCookies(options: Options): Promise<CookieJar | null> {
  const paths = options.cookie.filter((value) => !value.includes("="));
  if (paths.length === 0 && options["cookie-jar"] === undefined) return null;
  const cookies = await import("tough-cookie");
  const jar = new cookies.CookieJar();
  for (const path of paths) {
    for (const line of (await readCookieFile(path)).split(/\r?\n/)) {
      const read = readLine(line);
      if (read === null) continue;
      const cookie = new cookies.Cookie(read);
      const scheme = read.secure ? "https" : "http";
      const url = `${scheme}://${read.host}${read.path}`;
      await jar.setCookie(cookie, url, { ignoreError: true });
    }
  }
  return jar;
}

/**
 * Writes the cookies of a jar to the file of `-c`, or to stdout for `-`.
 *
 * @param jar The cookies.
 * @param options What the user asked for.
 * @param output The owner of stdout.
 * @throws {CommandError} If they cannot be written.
 */
export async function saveCookies(
  jar: CookieJar,
  { "cookie-jar": path }: Options,
  output: Output,
): Promise<void> {
  if (path === undefined) return;
  const cookies = await jar.store.getAllCookies();
  const text = HEADER + cookies.filter(isAlive).map(writeLine).join("");
  if (path === "-") {
    return await output.print(output.isTerminal ? escapeControls(text) : text);
  }
  try {
    // Whoever can read a session's cookie can use the session
    await Deno.writeTextFile(path, text, { mode: 0o600 });
  } catch (error) {
    throw writeError(path, error);
  }
}

async function readCookieFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw systemError(EXIT.readError, `Cannot read ${quote(path)}`, error);
  }
}

/** Parses a line: seven fields, separated by tabs. */
function readLine(line: string) {
  const httpOnly = line.startsWith(HTTP_ONLY);
  if (line.startsWith("#") && !httpOnly) return null;
  const fields = line.slice(httpOnly ? HTTP_ONLY.length : 0).split("\t");
  if (fields.length !== 7) return null;
  const [domain = "", subdomains, path = "", secure, expires = ""] = fields;
  const [key = "", value = ""] = fields.slice(5);
  const host = domain.replace(/^\./, "");
  return {
    key,
    value,
    path,
    host,
    httpOnly,
    secure: secure === "TRUE",
    domain: subdomains === "TRUE" ? host : null,
    expires: /^[1-9]\d{0,14}$/.test(expires)
      ? new Date(Number(expires) * 1000)
      : "Infinity" as const,
  };
}

function writeLine(cookie: Cookie): string {
  const expires = cookie.expiryTime() ?? Infinity;
  return (cookie.httpOnly ? HTTP_ONLY : "") + [
    cookie.hostOnly ? cookie.domain : `.${cookie.domain}`,
    cookie.hostOnly ? "FALSE" : "TRUE",
    cookie.path,
    cookie.secure ? "TRUE" : "FALSE",
    Number.isFinite(expires) ? Math.floor(expires / 1000) : 0,
    cookie.key,
    cookie.value,
  ].join("\t") + "\n";
}

function isAlive(cookie: Cookie): boolean {
  return (cookie.expiryTime() ?? Infinity) > Date.now();
}
