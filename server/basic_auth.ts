import { type Credentials, parseBasicCredentials } from "../message/mod.ts";
import type { Handler } from "./handler.ts";
import { plainResponse } from "./http_response.ts";

const CHALLENGE = 'Basic realm="files", charset="UTF-8"';

/**
 * Asks for a name and a password before a handler is called: the Basic scheme
 * of RFC 7617.
 *
 * The time of a check tells nothing about the users or their passwords. The
 * scheme itself hides nothing: use it with TLS.
 *
 * @param handler The handler.
 * @param users Who is let in.
 * @returns A handler that responds to all others with a 401.
 *
 * @example Usage
 * ```ts
 * import { serve, withBasicAuth } from "@knock/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const users = [{ username: "ada", password: "1815" }];
 * await using server = serve(
 *   withBasicAuth(() => ({ status: 200, body: "hi" }), users),
 *   { port: 0 },
 * );
 *
 * const refused = await fetch(server.url);
 * assertEquals(refused.status, 401);
 * await refused.body?.cancel();
 *
 * const headers = { authorization: `Basic ${btoa("ada:1815")}` };
 * assertEquals(await (await fetch(server.url, { headers })).text(), "hi");
 * ```
 */
export function withBasicAuth(
  handler: Handler,
  users: readonly Credentials[],
): Handler {
  const known = users.map(octetsOf);
  const isKnown = (credentials: Credentials | null): boolean => {
    const given = octetsOf(credentials ?? { username: "", password: "" });
    // All are compared, also after a match, so that the time depends on nothing
    // but their number
    const matches = known.map((octets) => isEqual(given, octets));
    return credentials !== null && matches.includes(true);
  };
  return (request) => {
    const value = request.headers.get("authorization") ?? "";
    return isKnown(parseBasicCredentials(value))
      ? handler(request)
      : plainResponse(401, { "WWW-Authenticate": CHALLENGE });
  };
}

function octetsOf({ username, password }: Credentials): Uint8Array {
  return new TextEncoder().encode(`${username}:${password}`);
}

/**
 * Compares in a time that depends on the length of what was given, and not on
 * how much of it is right.
 */
function isEqual(given: Uint8Array, known: Uint8Array): boolean {
  let difference = given.length ^ known.length;
  for (let i = 0; i < given.length; i++) {
    difference |= given[i]! ^ known[i % known.length]!;
  }
  return difference === 0;
}
