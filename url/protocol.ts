/** The two protocols of HTTP. */
export type Protocol = "http" | "https";

/**
 * Returns the port of URLs that give none (RFC 9110 sections 4.2.1 and 4.2.2).
 *
 * @param protocol `"http"` or `"https"`.
 * @returns 80 or 443.
 *
 * @example Usage
 * ```ts
 * import { defaultPort } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(defaultPort("http"), 80);
 * assertEquals(defaultPort("https"), 443);
 * ```
 */
export function defaultPort(protocol: Protocol): number {
  return protocol === "https" ? 443 : 80;
}
