// Basic credentials (RFC 7617): base64 of user-id ":" password, in UTF-8

/** A user and a password. */
export interface Credentials {
  /** The user, without a colon. */
  readonly username: string;
  /** The password. */
  readonly password: string;
}

const BASIC_REGEXP = /^Basic +([A-Za-z0-9+/]+={0,2})$/i;

/**
 * Reads the value of an `Authorization` field of the Basic scheme.
 *
 * @param value The field value.
 * @returns User and password, or null when it is another scheme or not
 *   well-formed.
 *
 * @example Usage
 * ```ts
 * import { parseBasicCredentials } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseBasicCredentials("Basic YTpi"), {
 *   username: "a",
 *   password: "b",
 * });
 * assertEquals(parseBasicCredentials("Bearer x"), null);
 * ```
 */
export function parseBasicCredentials(value: string): Credentials | null {
  const encoded = BASIC_REGEXP.exec(value)?.[1];
  if (encoded === undefined || encoded.length % 4 === 1) return null;
  const octets = Uint8Array.from(
    atobOrEmpty(encoded),
    (char) => char.charCodeAt(0),
  );
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(octets);
  const colon = text.indexOf(":");
  return colon < 0
    ? null
    : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * `atob` throws on a wrong number of `=`; nothing decoded means no colon, which
 * is refused.
 */
function atobOrEmpty(encoded: string): string {
  const padding = encoded.length - encoded.replaceAll("=", "").length;
  return padding > 0 && encoded.length % 4 !== 0 ? "" : atob(encoded);
}

/**
 * Writes the value of an `Authorization` field of the Basic scheme.
 *
 * @param credentials User and password.
 * @returns The field value.
 * @throws {TypeError} If the user has a colon, or either has a control
 *   character (RFC 7617 section 2).
 *
 * @example Usage
 * ```ts
 * import { writeBasicCredentials } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   writeBasicCredentials({ username: "a", password: "b" }),
 *   "Basic YTpi",
 * );
 * ```
 */
export function writeBasicCredentials(credentials: Credentials): string {
  const { username, password } = credentials;
  if (username.includes(":")) {
    throw new TypeError("Cannot write credentials: the user has a colon");
  }
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f]/.test(username + password)) {
    throw new TypeError(
      "Cannot write credentials: the user or password has a control character",
    );
  }
  const octets = new TextEncoder().encode(`${username}:${password}`);
  return "Basic " +
    btoa(Array.from(octets, (octet) => String.fromCharCode(octet)).join(""));
}
