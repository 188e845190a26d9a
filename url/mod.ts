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
 * @module
 */
export { drawUrlError, type DrawUrlErrorOptions } from "./caret.ts";
export { UrlError, type UrlErrorCode, type UrlErrorOptions } from "./error.ts";
export { parseHost } from "./host.ts";
export { percentDecode } from "./percent.ts";
export { defaultPort, type Protocol } from "./protocol.ts";
export { parseUrl, Url, type UrlChanges } from "./url.ts";
