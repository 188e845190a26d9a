import { parseParts, type UrlParts } from "./_parts.ts";
import { defaultPort, type Protocol } from "./protocol.ts";

/**
 * One http or https URL, read and normalized by the WHATWG URL standard; it
 * cannot be changed.
 *
 * ```text
 *   https://user:secret@example.com:8080/docs/a.html?lang=en#top
 *   \___/   \__/ \____/ \______________/\__________/ \_____/ \_/
 *  protocol   |  password     host          path     params fragment
 *          username
 * ```
 *
 * @example Usage
 * ```ts
 * import { Url } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * const url = new Url("http://example.com/docs/../a.html?lang=en");
 * assertEquals(url.host, "example.com");
 * assertEquals(url.path, "/a.html");
 * assertEquals(String(url), "http://example.com/a.html?lang=en");
 * ```
 */
export class Url {
  /** The whole URL, normalized. */
  readonly href: string;
  /** What both sides speak: `"http"` or `"https"`. */
  readonly protocol: Protocol;
  /** The username, percent-encoded; empty when absent. */
  readonly username: string;
  /** The password, percent-encoded; empty when absent. */
  readonly password: string;
  /** The hostname, with `:port` when that is not the protocol's default. */
  readonly host: string;
  /** A domain, an IPv4 address, or an IPv6 address in brackets. */
  readonly hostname: string;
  /** The port; 80 or 443 when the URL gives none. */
  readonly port: number;
  /** The path, percent-encoded; `"/"` when the URL gives none. */
  readonly path: string;
  /** What follows `?`, percent-encoded; null when there is no `?`. */
  readonly params: string | null;
  /** What follows `#`, percent-encoded; null when there is no `#`. Never sent. */
  readonly fragment: string | null;

  /**
   * Reads a URL, as {@linkcode parseUrl} does.
   *
   * @param text The URL, or a reference relative to `base`.
   * @param base The URL that a relative reference starts from.
   * @throws {UrlError} If the text or the base is no http or https URL.
   */
  constructor(text: string, base?: string | Url) {
    const from = typeof base === "string"
      ? parseParts(base, null)
      : base ?? null;
    const parts = parseParts(text, from);
    this.protocol = parts.protocol;
    this.username = parts.username;
    this.password = parts.password;
    this.hostname = parts.hostname;
    this.port = parts.port;
    this.path = parts.path;
    this.params = parts.params;
    this.fragment = parts.fragment;
    this.host = writeHost(parts);
    this.href = `${this.protocol}://${writeUserinfo(parts)}${this.host}${
      writeTail(parts)
    }`;
    Object.freeze(this);
  }

  /** The last segment of the path; empty when the path ends with a slash. */
  get filename(): string {
    return this.path.slice(this.path.lastIndexOf("/") + 1);
  }

  /** Returns {@linkcode href}. */
  toString(): string {
    return this.href;
  }
}

function writeUserinfo({ username, password }: UrlParts): string {
  if (username === "" && password === "") return "";
  return password === "" ? `${username}@` : `${username}:${password}@`;
}

function writeHost({ protocol, hostname, port }: UrlParts): string {
  return port === defaultPort(protocol) ? hostname : `${hostname}:${port}`;
}

function writeTail({ path, params, fragment }: UrlParts): string {
  const withParams = params === null ? path : `${path}?${params}`;
  return fragment === null ? withParams : `${withParams}#${fragment}`;
}

/**
 * Reads an http or https URL as the WHATWG URL standard says (section 4.4).
 *
 * @param text The URL, or a reference relative to `base`.
 * @param base The URL that a relative reference starts from.
 * @returns The URL, normalized.
 * @throws {UrlError} If the text or the base is no http or https URL.
 *
 * @example An absolute URL
 * ```ts
 * import { parseUrl } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * const url = parseUrl("http://example.com:8080/index.html?a=1#top");
 * assertEquals(url.protocol, "http");
 * assertEquals(url.host, "example.com:8080");
 * assertEquals(url.path, "/index.html");
 * assertEquals(url.params, "a=1");
 * assertEquals(url.fragment, "top");
 * ```
 *
 * @example A relative reference
 * ```ts
 * import { parseUrl } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * const url = parseUrl("../logo.png", "http://example.com/docs/intro/");
 * assertEquals(url.href, "http://example.com/docs/logo.png");
 * ```
 */
export function parseUrl(text: string, base?: string | Url): Url {
  return new Url(text, base);
}
