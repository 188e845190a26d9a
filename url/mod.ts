/**
 * Parses and writes http and https URLs by the rules of the WHATWG URL
 * standard.
 *
 * ```ts
 * import { parseUrl } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * const url = parseUrl("http://example.com/docs/intro.html?lang=en");
 * assertEquals(url.protocol, "http");
 * assertEquals(url.host, "example.com");
 * assertEquals(url.path, "/docs/intro.html");
 * assertEquals(url.params, "lang=en");
 * ```
 *
 * All edge cases follow the standard. The platform's own `URL` departs from it
 * in these:
 *
 * - Section 1.3: `^` in a path is percent-encoded; the platform leaves it.
 * - Section 3.3: a domain in ASCII is only lowercased, even if a label such as
 *   `xn--a` is invalid Punycode; the platform rejects it.
 * - Section 3.3, UTS #46: characters that Unicode 16 ignores or maps, such as
 *   U+180E, are ignored or mapped; the platform rejects them. Both reject
 *   characters that were added in Unicode 16 or later.
 * - Section 4.2, "shorten a URL's path": `..` removes a segment such as `C:` or
 *   `C|`, which is special in `file:` only; the platform keeps it.
 * - Section 4.4, "special authority ignore slashes state": in a reference such
 *   as `///host/path` any number of slashes may come before the host; the
 *   platform rejects more than two.
 *
 * @module
 */

export {
  drawUrlError,
  UrlError,
  type UrlErrorCode,
  type UrlErrorOptions,
} from "./error.ts";
export { defaultPort, parseHost, type Protocol } from "./host.ts";
export { percentDecode } from "./percent.ts";
export { parseUrl, Url, type UrlChanges } from "./url.ts";
