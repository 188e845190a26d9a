import { octetsToText, textToOctets } from "../../message/_octets.ts";
import type * as Tough from "npm:tough-cookie@^6.1.0";
import { addBrackets, parseHost } from "../../url/host.ts";
import { parseUrl } from "../../url/url.ts";
import { ifExists } from "../../command/errors.ts";
import type { CookieStore } from "../options.ts";
import { readInput } from "./input.ts";
import type { Options } from "./options.ts";
import type { Output } from "./output.ts";
import { replaceFile } from "./part_file.ts";

/** In a variable, so that only those who need it fetch it, and look for it. */
const COOKIE_PACKAGE: string = "npm:tough-cookie@^6.1.0";
const HEADER = "# Netscape HTTP Cookie File\n\n";
const HTTP_ONLY = "#HttpOnly_";
const SET_COOKIE_REGEXP = /^set-cookie:\s*/i;
const DOMAIN_REGEXP = /;\s*domain\s*=\s*([^;\s]*)/i;
/** A line with six or seven fields, which is no comment. */
const LINE_REGEXP =
  // deno-lint-ignore no-control-regex
  /^(#HttpOnly_)?((?!#)[^\0-\x1f\x7f]*(?:\t[^\0-\x1f\x7f]*){5,6})$/;
/** The line of a session cookie, which has no time of expiry. */
const SESSION_REGEXP =
  /^(?:(?:[^\t\n]*\t){4}0\t|set-cookie:(?!.*(?:expires|max-age)=)).*$/gim;
/** The limit of name and value together (RFC 6265bis section 5.7). */
const MAX_COOKIE_BYTES = 4_096;
/** Whole cookies, with the limit of curl: servers reject longer heads. */
const SENT_REGEXP = /^.{0,8190}(?=; |$)/s;
/** Private, since whoever can read a session cookie can use the session. */
const PRIVATE_MODE = 0o600;

/** A cookie jar by the rules of RFC 6265bis. */
export class Cookies implements CookieStore {
  readonly #module: typeof Tough;
  readonly #jar: Tough.CookieJar;

  /** Makes an empty jar. */
  constructor(module: typeof Tough) {
    this.#module = module;
    const store = new module.MemoryCookieStore();
    // The jar checks what the store finds, so that may be all cookies. The own
    // search of the store fails for a host such as "test"
    const findCookies = (...args: unknown[]) =>
      store.getAllCookies(args.at(-1) as never); // the callback
    Object.assign(store, { findCookies });
    this.#jar = new module.CookieJar(store);
  }

  async getCookieString(url: string): Promise<string> {
    const text = await this.#jar.getCookieString(url.replaceAll("%", "%25"));
    return SENT_REGEXP.exec(text)?.[0] ?? "";
  }

  async setCookie(header: string, url: string): Promise<void> {
    // The jar decodes a path, but must compare it as it is
    const href = url.replaceAll("%", "%25");
    const { hostname } = parseUrl(url);
    const [, domain = ""] = DOMAIN_REGEXP.exec(header) ?? [];
    const options = { allowSpecialUseDomain: true, ignoreError: true };
    // A public suffix may set cookies for itself only (section 5.7)
    const isOwn = domain.toLowerCase() === hostname &&
      !this.#module.getPublicSuffix(hostname, options);
    const text = isOwn ? header.replace(DOMAIN_REGEXP, "") : header;
    // A separate jar checks the cookie, and fills in its domain and path. It
    // knows the prefixes in this case only (RFC 6265bis section 5.7: in any)
    const checked = text.replace(/^\s*__host-/i, "__Host-")
      .replace(/^\s*__secure-/i, "__Secure-");
    const cookie = await new this.#module.CookieJar().setCookie(checked, href);
    if (!cookie) throw new Error("Cookie does not match its prefix");
    if (cookie.key.length + cookie.value.length > MAX_COOKIE_BYTES) {
      throw new Error(`Cookie is over ${MAX_COOKIE_BYTES} bytes`);
    }
    const isExposed = url.startsWith("http:") && !cookie.secure;
    if (isExposed && await this.#hasSecure(cookie)) {
      throw new Error("Cookie would hide a Secure one, but came without TLS");
    }
    await this.#jar.setCookie(text, href);
  }

  /** Whether this cookie would overlay a Secure one in the jar. */
  async #hasSecure({ key, domain, path }: Tough.Cookie): Promise<boolean> {
    const { domainMatch, pathMatch } = this.#module;
    const cookies = await this.#jar.store.getAllCookies();
    return cookies.some((other) =>
      other.secure && other.key === key && pathMatch(path!, other.path!) &&
      (domainMatch(domain!, other.domain!) ||
        domainMatch(other.domain!, domain!))
    );
  }

  /** Adds the cookies of a file, and skips lines that are not valid. */
  async read(text: string): Promise<void> {
    for (const line of text.split(/\r?\n/)) {
      const isField = SET_COOKIE_REGEXP.test(line);
      await (isField ? this.#readField(line) : this.#readLine(line))
        // Skipped, as in curl: other programs write such files too
        .catch(() => {});
    }
  }

  async #readField(line: string): Promise<void> {
    const [, domain = ""] = DOMAIN_REGEXP.exec(line) ?? [];
    await this.setCookie(line.replace(SET_COOKIE_REGEXP, ""), urlOf(domain));
  }

  /**
   * Adds the cookie of a line with seven fields, separated by tabs. An empty
   * value may be missing together with its tab.
   */
  async #readLine(line: string): Promise<void> {
    // Of any other line no host is left, which is an error below
    const [, httpOnly, rest = ""] = LINE_REGEXP.exec(line) ?? [];
    const [domain = "", subdomains, path, secure, expires, key, value = ""] =
      rest.split("\t");
    const date = new Date(Number(expires) * 1000);
    const attributes = [
      `${key}=${value}; Path=${path}`,
      ...subdomains === "TRUE" ? [`Domain=${domain}`] : [],
      ...secure === "TRUE" ? ["Secure"] : [],
      ...httpOnly ? ["HttpOnly"] : [],
      ...Number(expires) > 0 ? [`Expires=${date.toUTCString()}`] : [],
    ];
    await this.setCookie(attributes.join("; "), urlOf(domain));
  }

  /**
   * Writes the cookies to the file of `-c`, or to stdout for `-`.
   *
   * @throws {CommandError} If they cannot be written.
   */
  async save(path: string, output: Output): Promise<void> {
    const cookies = await this.#jar.store.getAllCookies();
    const now = Date.now();
    const unexpired = cookies.filter((c) => (c.expiryTime() ?? Infinity) > now);
    const lines = unexpired.map(writeLine);
    // A tab in a path or value would shift the fields
    const valid = lines.filter((line) => line.split("\t").length === 7);
    const text = HEADER + valid.join("");
    if (path === "-") return output.printOctets(text);
    await replaceFile(path, textToOctets(text), PRIVATE_MODE);
  }
}

/** Returns a URL for the domain of a cookie. */
function urlOf(domain: string): string {
  return `https://${parseHost(addBrackets(domain.replace(/^\./, "")))}/`;
}

/**
 * Opens a cookie jar, with the cookies from those files of `-b` that exist.
 *
 * @param operations What the user asked for.
 * @returns The jar, which all operations share; null if neither `-b` nor `-c`
 *   asks for one.
 * @throws {CommandError} If a file cannot be read.
 */
export async function openCookies(
  operations: readonly [Options, ...Options[]],
): Promise<Cookies | null> {
  if (!operations.some(usesCookies)) return null;
  const [{ input }] = operations;
  const isNewSession = operations.some((o) => o["junk-session-cookies"]);
  const cookies = new Cookies(await import(COOKIE_PACKAGE));
  for (const path of operations.flatMap(listFiles)) {
    // A missing file, such as "", only turns cookies on
    const exists = path !== "" && ifExists(() => Deno.statSync(path)) !== null;
    if (path !== "-" && !exists) continue;
    const text = octetsToText(await readInput(path, input));
    await cookies.read(isNewSession ? text.replace(SESSION_REGEXP, "") : text);
  }
  return cookies;
}

/** Whether the flags of an operation turn cookies on. */
export function usesCookies(options: Options): boolean {
  return listFiles(options).length > 0 || options["cookie-jar"] !== undefined;
}

function listFiles({ cookie }: Options): string[] {
  return cookie.filter((value) => !value.includes("="));
}

function writeLine(cookie: Tough.Cookie): string {
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
