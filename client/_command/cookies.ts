import type { Cookie, CookieJar } from "tough-cookie";
import { EXIT, systemError } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";

const HEADER = "# Netscape HTTP Cookie File\n\n";
const HTTP_ONLY = "#HttpOnly_";

/**
 * Makes a cookie jar that keeps the rules of RFC 6265, with the cookies of
 * files in the format of Netscape. A file that is not there yet counts as
 * empty.
 *
 * @param paths The files.
 * @returns The jar.
 * @throws {CommandError} If a file cannot be read.
 */
export async function openJar(paths: readonly string[]): Promise<CookieJar> {
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
 * Writes the cookies of a jar to a file in the format of Netscape; `-` is
 * stdout.
 *
 * @param jar The cookies.
 * @returns The content of the file.
 */
export async function writeJar(jar: CookieJar): Promise<string> {
  const cookies = await jar.store.getAllCookies();
  return HEADER + cookies.filter(isAlive).map(writeLine).join("");
}

async function readCookieFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw systemError(EXIT.readError, `Cannot read ${quote(path)}`, error);
  }
}

/** What a line tells: seven fields with tabs between them. */
function readLine(line: string) {
  const httpOnly = line.startsWith(HTTP_ONLY);
  if (line.startsWith("#") && !httpOnly) return null;
  const fields = line.slice(httpOnly ? HTTP_ONLY.length : 0).split("\t");
  if (fields.length !== 7) return null;
  const [domain, subdomains, path, secure, expires, key, value] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
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
