import { octetsToText, textToOctets } from "../../message/_octets.ts";
import type { Cookie, CookieJar } from "tough-cookie";
import { parseHost } from "../../url/host.ts";
import { escapeControls } from "../../command/quote.ts";
import type { CookieStore } from "../options.ts";
import { type InputContext, readInput } from "./input.ts";
import type { Options } from "./options.ts";
import { type Output, writeError } from "./output.ts";
import { beside, findTarget, PartFile } from "./part_file.ts";

const HEADER = "# Netscape HTTP Cookie File\n\n";
const HTTP_ONLY = "#HttpOnly_";
const SET_COOKIE_REGEXP = /^set-cookie:/i;
/** Of name and value together (RFC 6265bis section 5.7). */
const MAX_COOKIE_BYTES = 4_096;
/** Whoever can read a session's cookie can use the session. */
const PRIVATE_MODE = 0o600;

/** Keeps cookies by the rules of RFC 6265bis. */
export class Cookies implements CookieStore {
  readonly #module: typeof import("tough-cookie");
  readonly #jar: CookieJar;

  /** Makes an empty jar. */
  constructor(module: typeof import("tough-cookie")) {
    this.#module = module;
    this.#jar = new module.CookieJar();
  }

  getCookieString(url: string): Promise<string> {
    return this.#jar.getCookieString(url);
  }

  async setCookie(given: string | Cookie, url: string): Promise<void> {
    const { Cookie, CookieJar } = this.#module;
    const cookie = typeof given === "string" ? Cookie.parse(given) : given;
    if (!cookie?.key) throw new Error("Cookie failed to parse");
    if (cookie.key.length + cookie.value.length > MAX_COOKIE_BYTES) {
      throw new Error(`Cookie is over ${MAX_COOKIE_BYTES} bytes`);
    }
    // A jar of its own checks it, and fills in domain and path
    const full = await new CookieJar().setCookie(cookie.clone()!, url);
    if (full === undefined) throw new Error("Cookie is not as its prefix says");
    const isExposed = url.startsWith("http:") && !cookie.secure;
    if (isExposed && await this.#hasSecure(full)) {
      throw new Error("Cookie would hide a Secure one, and came without TLS");
    }
    await this.#jar.setCookie(cookie, url);
  }

  /** Whether a Secure cookie would be taken for this one, or the reverse. */
  async #hasSecure({ key, domain, path }: Cookie): Promise<boolean> {
    const { domainMatch, pathMatch } = this.#module;
    const cookies = await this.#jar.store.getAllCookies();
    return cookies.some((other) =>
      other.secure && other.key === key && pathMatch(path!, other.path!) &&
      (domainMatch(domain!, other.domain!) ||
        domainMatch(other.domain!, domain!))
    );
  }

  /** Takes the cookies of a file; odd lines are passed over. */
  async read(text: string): Promise<void> {
    for (const line of text.split(/\r?\n/)) {
      try {
        const cookie = SET_COOKIE_REGEXP.test(line)
          ? this.#module.Cookie.parse(line.replace(SET_COOKIE_REGEXP, ""))
          : this.#readLine(line);
        const host = cookie?.domain ?? "";
        const inUrl = parseHost(host.includes(":") ? `[${host}]` : host);
        if (cookie?.hostOnly) cookie.domain = null;
        await this.setCookie(cookie!, `https://${inUrl}/`);
      } catch {
        // As curl does: other programs write these files, too
      }
    }
  }

  /** Parses a line: seven fields, separated by tabs. */
  #readLine(line: string): Cookie | undefined {
    const httpOnly = line.startsWith(HTTP_ONLY);
    const fields = line.slice(httpOnly ? HTTP_ONLY.length : 0).split("\t");
    const isComment = line.startsWith("#") && !httpOnly;
    if (isComment || fields.length !== 7 || CONTROL_REGEXP.test(line)) return;
    const [domain = "", subdomains, path = "", secure, expires = ""] = fields;
    const [key = "", value = ""] = fields.slice(5);
    return new this.#module.Cookie({
      key,
      value,
      path,
      httpOnly,
      secure: secure === "TRUE",
      domain: domain.replace(/^\./, "").replace(/^\[(.*)\]$/, "$1"),
      hostOnly: subdomains !== "TRUE",
      expires: /^[1-9]\d{0,14}$/.test(expires)
        ? new Date(Number(expires) * 1000)
        : "Infinity",
    });
  }

  /** Writes the cookies as a file for `read`. */
  async write(): Promise<string> {
    const cookies = await this.#jar.store.getAllCookies();
    return HEADER + cookies.filter(isAlive).map(writeLine).join("");
  }
}

// deno-lint-ignore no-control-regex
const CONTROL_REGEXP = /[\0-\x08\x0a-\x1f\x7f]/;

/**
 * Makes a cookie jar, with the cookies of those files of `-b` that exist.
 *
 * @param operations What the user asked for.
 * @param context Where `-` reads from.
 * @returns The jar, which all of them share; null if neither `-b` nor `-c` asks
 *   for one.
 * @throws {CommandError} If a file cannot be read.
 */
export async function openCookies(
  operations: readonly Options[],
  context: InputContext,
): Promise<Cookies | null> {
  if (!operations.some(usesCookies)) return null;
  const paths = operations.flatMap(listFiles);
  const cookies = new Cookies(await import("tough-cookie"));
  for (const path of paths.filter((path) => path !== "")) {
    try {
      await cookies.read(octetsToText(await readInput(path, context)));
    } catch (error) {
      const { cause } = error as Error;
      if (!(cause instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return cookies;
}

/** Whether an operation takes part in the jar. */
export function usesCookies(options: Options): boolean {
  return listFiles(options).length > 0 || options["cookie-jar"] !== undefined;
}

function listFiles({ cookie }: Options): string[] {
  return cookie.filter((value) => !value.includes("="));
}

/**
 * Writes the cookies of a jar to the file of `-c`, or to stdout for `-`.
 *
 * @param cookies The cookies.
 * @param options What the user asked for.
 * @param output The owner of stdout.
 * @throws {CommandError} If they cannot be written.
 */
export async function saveCookies(
  cookies: Cookies,
  { "cookie-jar": path }: Options,
  output: Output,
): Promise<void> {
  if (path === undefined) return;
  const text = await cookies.write();
  if (path === "-" && output.isTerminal) {
    return await output.print(escapeControls(text));
  }
  const bytes = textToOctets(text);
  if (path === "-") return await output.write(bytes);
  try {
    const permission = { name: "write", path } as const;
    const { state } = Deno.permissions.querySync(permission);
    // Names the permission that is missing
    if (state !== "granted") return await Deno.writeFile(path, bytes);
    const { old, path: target } = findTarget(path);
    if (old?.isFile === false) return await Deno.writeFile(path, bytes);
    const mode = old?.mode ?? PRIVATE_MODE;
    const part = new PartFile(beside(target, ".knock"), mode & 0o777);
    part.fill(bytes, target);
  } catch (error) {
    throw writeError(path, error);
  }
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
