import { defaultPort, parseHost, type Protocol } from "./host.ts";
import {
  normalEnd,
  normalizeParts,
  parseParts,
  rareUrl,
  splitParts,
  type UrlParts,
  writeHost,
  writeParts,
} from "./_parts.ts";

const SPACE = 0x20;
const TABS_AND_NEWLINES_REGEXP = /[\t\n\r]+/g;

/**
 * The parts that {@linkcode Url.with} changes; those left out stay.
 *
 * @example From development to production
 * ```ts
 * import { parseUrl, type UrlChanges } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * const live: UrlChanges = { hostname: "a.example", port: null };
 * const url = parseUrl("http://localhost:8000/docs?lang=en");
 * assertEquals(url.with(live).href, "http://a.example/docs?lang=en");
 * ```
 *
 * @category URLs
 */
export interface UrlChanges {
  /** The new protocol; a default port becomes that of this protocol. */
  readonly protocol?: Protocol;
  /** The new username; empty for none. */
  readonly username?: string;
  /** The new password; empty for none. */
  readonly password?: string;
  /** The new domain or address, without a port. */
  readonly hostname?: string;
  /** The new port, from 0 to 65535; null for the protocol's default. */
  readonly port?: number | null;
  /** The new path; dot segments are resolved, `?` and `#` are encoded. */
  readonly path?: string;
  /** The new params, without the `?`; null for none. */
  readonly params?: string | URLSearchParams | null;
  /** The new fragment, without the `#`; null for none. */
  readonly fragment?: string | null;
}

/**
 * An immutable http or https URL, parsed and normalized by the rules of the
 * WHATWG URL standard.
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
 *
 * @category URLs
 */
export class Url {
  readonly #href: string;
  // If the text was in normal form, null until a part is needed
  #parts: UrlParts | null = null;
  #searchParams: URLSearchParams | null = null;

  /**
   * Parses a URL, as {@linkcode parseUrl} does.
   *
   * @param text The URL, or a reference relative to `base`.
   * @param base The URL that a relative reference is resolved against.
   * @throws {UrlError} If the text or the base is not an http or https URL.
   */
  constructor(text: string, base?: string | Url) {
    const baseUrl = typeof base === "string" ? new Url(base) : base;
    const end = normalEnd(text);
    const normal = end === text.length ? text : rareUrl(text, end);
    if (normal === null) {
      const baseParts = baseUrl === undefined ? null : baseUrl.#split();
      this.#parts = parseParts(clean(text), baseParts, end);
    }
    this.#href = normal ?? writeParts(this.#split());
  }

  #split(): UrlParts {
    return this.#parts ??= splitParts(this.#href);
  }

  /** The whole URL, normalized. */
  get href(): string {
    return this.#href;
  }

  /** The protocol, without a colon. */
  get protocol(): Protocol {
    return this.#split().protocol;
  }

  /** The username, percent-encoded; empty when absent. */
  get username(): string {
    return this.#split().username;
  }

  /** The password, percent-encoded; empty when absent. */
  get password(): string {
    return this.#split().password;
  }

  /** The hostname, with `:port` when that is not the protocol's default. */
  get host(): string {
    return writeHost(this.#split());
  }

  /** A domain, an IPv4 address, or an IPv6 address in brackets. */
  get hostname(): string {
    return this.#split().hostname;
  }

  /** The port; 80 or 443 when the URL gives none. */
  get port(): number {
    return this.#split().port ?? defaultPort(this.protocol);
  }

  /** The path, percent-encoded; `"/"` when the URL gives none. */
  get path(): string {
    return this.#split().path;
  }

  /** The last segment of the path; empty when the path ends with a slash. */
  get filename(): string {
    return this.path.slice(this.path.lastIndexOf("/") + 1);
  }

  /** What follows `?`, percent-encoded; null when there is no `?`. */
  get params(): string | null {
    return this.#split().params;
  }

  /**
   * The params, decoded; created on first use.
   *
   * They are read-only: change a copy and pass it to {@linkcode Url.with}.
   */
  get searchParams(): URLSearchParams {
    return this.#searchParams ??= readonlySearchParams(this.params ?? "");
  }

  /**
   * What follows `#`, percent-encoded; null when there is no `#`. Never sent.
   */
  get fragment(): string | null {
    return this.#split().fragment;
  }

  /**
   * Returns a copy with some parts changed.
   *
   * Characters that are not allowed in a part are percent-encoded, so no text
   * can spill into the next part; a `%` stays.
   *
   * @param changes The parts to change.
   * @returns The changed copy.
   * @throws {UrlError} If the host or the port is invalid.
   *
   * @example Usage
   * ```ts
   * import { parseUrl } from "@knock/http/url";
   * import { assertEquals } from "@std/assert";
   *
   * const url = parseUrl("http://example.com/a.html?lang=en#top");
   * assertEquals(
   *   url.with({ path: "/what now?", fragment: null }).href,
   *   "http://example.com/what%20now%3F?lang=en",
   * );
   * ```
   */
  with(changes: UrlChanges): Url {
    const entries = Object.entries(changes).filter(([, v]) => v !== undefined);
    const given = Object.fromEntries(entries) as UrlChanges;
    const parts = { ...this.#split(), ...given };
    const path = parts.path.replaceAll("\\", "/");
    const params = parts.params?.toString() ?? null;
    const hostname = parseHost(parts.hostname);
    const normal = normalizeParts({ ...parts, path, params }, hostname);
    return new Url(writeParts(normal));
  }

  /** Returns {@linkcode href}. */
  toString(): string {
    return this.#href;
  }

  /** Returns {@linkcode href}; `JSON.stringify` calls this. */
  toJSON(): string {
    return this.#href;
  }

  /** Returns the text that `console.log` shows. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Url(${this.#href})`;
  }
}

/**
 * Removes what people paste along with a URL: control characters and spaces at
 * both ends, tabs and line ends anywhere (URL standard 4.4).
 */
function clean(input: string): string {
  let start = 0;
  let end = input.length;
  while (start < end && input.charCodeAt(start) <= SPACE) start++;
  while (start < end && input.charCodeAt(end - 1) <= SPACE) end--;
  const trimmed = input.slice(start, end);
  if (trimmed.search(TABS_AND_NEWLINES_REGEXP) === -1) return trimmed;
  // First make it well-formed: two lone surrogates with a tab between them must
  // not become one character.
  return trimmed.toWellFormed().replace(TABS_AND_NEWLINES_REGEXP, "");
}

/** Creates params that are immutable, as the {@linkcode Url} they belong to. */
function readonlySearchParams(params: string): URLSearchParams {
  // URLSearchParams drops a leading "?", so add one: the params may start with
  // a "?" of their own
  return Object.assign(new URLSearchParams(`?${params}`), refusals);
}

const refuse = (): never => {
  throw new TypeError(
    "Cannot change searchParams: a Url never changes, and url.with({ params }) makes another",
  );
};
const refusals = { append: refuse, delete: refuse, set: refuse, sort: refuse };

/**
 * Parses an http or https URL by the WHATWG URL standard (section 4.4).
 *
 * @param text The URL, or a reference relative to `base`.
 * @param base The URL that a relative reference is resolved against.
 * @returns The URL, normalized.
 * @throws {UrlError} If the text or the base is not an http or https URL.
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
 *
 * @category URLs
 */
export function parseUrl(text: string, base?: string | Url): Url {
  return new Url(text, base);
}
