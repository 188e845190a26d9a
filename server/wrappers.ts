// Handlers around handlers: they add fields to responses, let pages of other
// origins read them, or ask for a password first.

import {
  type Credentials,
  HeaderFields,
  type HeaderFieldsInit,
  parseBasicCredentials,
  writeBasicCredentials,
} from "../message/mod.ts";
import { PreparedResponse } from "./_prepared_response.ts";
import type { Handler, HandlerResult } from "./handler.ts";
import { type HttpResponse, plainResponse, toPlain } from "./http_response.ts";

/**
 * Adds header fields to all responses of a handler. They replace those of the
 * same name, except that a `Vary` is added to the existing one.
 *
 * What the server itself sends, such as a 400 for a malformed request or a 500
 * for a handler that throws, is not a response of the handler. The option
 * `headers` of `serve` covers that too.
 *
 * @param handler The handler, whose responses are copied, not changed.
 * @param fields The fields.
 * @returns A handler with the same responses and these fields.
 * @throws {TypeError} If a field cannot be sent: its name is not a token, or
 *   its value has a control character or one above U+00FF.
 *
 * @example Usage
 * ```ts
 * import { serve, withHeaders } from "@knock/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const hello = () => ({ status: 200, body: "hi" });
 * const handler = withHeaders(hello, { "Referrer-Policy": "no-referrer" });
 * await using server = serve(handler, { port: 0 });
 *
 * const response = await fetch(server.url);
 * assertEquals(response.headers.get("referrer-policy"), "no-referrer");
 * assertEquals(await response.text(), "hi");
 * ```
 *
 * @category Serve
 */
export function withHeaders(
  handler: Handler,
  fields: HeaderFieldsInit,
): Handler {
  const added = new HeaderFields(fields);
  added.toString(); // throws now, not at each request
  // A prepared response is sent many times, so its copy is prepared too, unless
  // it has fields that are otherwise those of each sending
  const canPrepare = !added.has("connection") && !added.has("date");
  const copies = new WeakMap<HandlerResult, PreparedResponse>();
  const add = (result: HandlerResult): HttpResponse => {
    const known = copies.get(result);
    if (known !== undefined) return known;
    const copy = addFields(toPlain(result), added);
    if (!(result instanceof PreparedResponse && canPrepare)) return copy;
    const prepared = new PreparedResponse({ ...copy, body: result.body });
    copies.set(result, prepared);
    return prepared;
  };
  return (request) => {
    const result = handler(request);
    return result instanceof Promise ? result.then(add) : add(result);
  };
}

/**
 * Copies a response with other fields in place of its own; a `Vary` is added.
 * The body is named, because that of a class may be a getter.
 */
export function addFields(response: HttpResponse, added: HeaderFields) {
  const headers = new HeaderFields(response.headers);
  for (const [name] of added) {
    if (name.toLowerCase() !== "vary") headers.delete(name);
  }
  for (const [name, value] of added) headers.append(name, value);
  return { ...response, body: response.body ?? null, headers };
}

/**
 * Options of {@linkcode withCors}.
 *
 * @example For the pages of one origin
 * ```ts
 * import { type CorsOptions, get, serve, withCors } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const options: CorsOptions = { origin: "https://app.example" };
 * const handler = withCors(() => ({ status: 204 }), options);
 * await using server = serve(handler, { port: 0 });
 *
 * const { headers } = await get(server.url);
 * const name = "Access-Control-Allow-Origin";
 * assertEquals(headers.get(name), "https://app.example");
 * ```
 *
 * @category Serve
 */
export interface CorsOptions {
  /**
   * The origin whose pages may read the responses, such as
   * `https://example.org`; `*` for all.
   *
   * @default {"*"}
   */
  readonly origin?: string;
  /**
   * The methods they may use.
   *
   * @default {"GET, HEAD"}
   */
  readonly methods?: string;
}

const EXPOSED_HEADERS = "Accept-Ranges, Content-Encoding, Content-Range, ETag";

/**
 * Lets web pages of other origins read the responses of a handler: the CORS
 * protocol of the Fetch standard, without credentials.
 *
 * @param handler The handler.
 * @param options Whose pages may read them, and with which methods.
 * @returns A handler that responds to preflights itself, and adds the fields to
 *   all other responses.
 *
 * @example Usage
 * ```ts
 * import { serve, withCors } from "@knock/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(withCors(() => ({ status: 200, body: "hi" })), {
 *   port: 0,
 * });
 *
 * const response = await fetch(server.url);
 * assertEquals(response.headers.get("access-control-allow-origin"), "*");
 * assertEquals(await response.text(), "hi");
 * ```
 *
 * @category Serve
 */
export function withCors(handler: Handler, options: CorsOptions = {}): Handler {
  const { origin = "*", methods = "GET, HEAD" } = options;
  const fields = {
    "Access-Control-Allow-Origin": origin,
    // The wildcard of the Fetch standard covers all names but this one
    "Access-Control-Allow-Headers": "*, Authorization",
    "Access-Control-Expose-Headers": EXPOSED_HEADERS,
  };
  const allowed = { ...fields, "Access-Control-Allow-Methods": methods };
  const handleWithFields = withHeaders(handler, fields);
  return (request) =>
    request.method === "OPTIONS" &&
      request.headers.has("access-control-request-method")
      ? { status: 204, headers: allowed }
      : handleWithFields(request);
}

const CHALLENGE = 'Basic realm="files", charset="UTF-8"';

/**
 * Asks for a name and a password before a handler is called: the Basic scheme
 * of RFC 7617.
 *
 * The time that a check takes reveals nothing about the users or their
 * passwords. The scheme itself hides nothing: use it with TLS.
 *
 * @param handler The handler.
 * @param users The users who are let in.
 * @returns A handler that responds to everybody else with a 401.
 * @throws {TypeError} If a name or password is missing, is not a string or has
 *   a control character, or a name has a colon.
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
 *
 * @category Serve
 */
export function withBasicAuth(
  handler: Handler,
  users: readonly Credentials[],
): Handler {
  // Throws if nobody could sign in so, or everybody with the word "undefined"
  for (const user of users) writeBasicCredentials(user);
  const knownOctets = users.map(octetsOf);
  return (request) => {
    const value = request.headers.get("authorization") ?? "";
    const sent = parseBasicCredentials(value);
    const sentOctets = octetsOf(sent ?? { username: "", password: "" });
    // Compare all of them, even after a match, so that the time depends on
    // nothing but their number
    const matches = knownOctets.map((octets) => isEqual(sentOctets, octets));
    if (sent !== null && matches.includes(true)) return handler(request);
    request.decide?.("password", "missing or wrong");
    return plainResponse(401, { "WWW-Authenticate": CHALLENGE });
  };
}

function octetsOf({ username, password }: Credentials): Uint8Array {
  return new TextEncoder().encode(`${username}:${password}`);
}

/**
 * Compares in a time that depends on the length of what was given, not on how
 * much of it is right.
 */
function isEqual(sentOctets: Uint8Array, expected: Uint8Array): boolean {
  let difference = sentOctets.length ^ expected.length;
  for (let i = 0; i < sentOctets.length; i++) {
    difference |= sentOctets[i]! ^ expected[i % expected.length]!;
  }
  return difference === 0;
}
