/**
 * Reads and writes http and https URLs by the WHATWG URL standard, without
 * any I/O.
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
 * The standard decides every edge, and this is where the platform's own `URL`
 * decides otherwise:
 *
 * - Section 1.3: `^` in a path is percent-encoded; the platform leaves it.
 * - Section 3.3: a domain in ASCII is lowered only, even if a label such as
 *   `xn--a` is wrong Punycode; the platform refuses it.
 * - Section 3.3, UTS #46: characters that are dropped or mapped since Unicode
 *   16, such as U+180E, are here too; the platform refuses them. Both refuse
 *   characters that are new in Unicode 16 and later.
 * - Section 4.2, "shorten a URL's path": `..` takes off a segment such as `C:`
 *   or `C|`, too, which means something in `file:` only; the platform keeps it.
 * - Section 4.4, "special authority ignore slashes state": in `///host/path`
 *   relative to a base any number of slashes may stand before the host; the
 *   platform refuses more than two.
 *
 * @module
 */
export { drawUrlError, type DrawUrlErrorOptions } from "./caret.ts";
export { UrlError, type UrlErrorCode, type UrlErrorOptions } from "./error.ts";
export { parseHost } from "./host.ts";
export { percentDecode } from "./percent.ts";
export { defaultPort, type Protocol } from "./protocol.ts";
export { parseUrl, Url, type UrlChanges } from "./url.ts";
