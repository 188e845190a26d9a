// Basic credentials (RFC 7617): base64 of user-id ":" password, in UTF-8

/** A user and a password. */
export interface Credentials {
  /** The user, without a colon. */
  readonly username: string;
  /** The password. */
  readonly password: string;
}

// base64: groups of four characters; the last may lack its padding
const BASIC_REGEXP =
  /^Basic +((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?)$/i;

/**
 * Parses the value of an `Authorization` field with the Basic scheme.
 *
 * @param value The field value.
 * @returns User and password, or null if the scheme is another one or the value
 *   is invalid.
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
  if (encoded === undefined) return null;
  const text = new TextDecoder("utf-8", { ignoreBOM: true })
    .decode(Uint8Array.fromBase64(encoded));
  const colon = text.indexOf(":");
  return colon < 0
    ? null
    : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * Writes the value of an `Authorization` field with the Basic scheme.
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
  return `Basic ${octets.toBase64()}`;
}
