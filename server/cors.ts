import { HeaderFields } from "../message/mod.ts";
import type { Handler, HandlerResult } from "./handler.ts";
import { fromWeb } from "./http_response.ts";
import { PreparedResponse } from "./_prepared_response.ts";

/** Options of {@linkcode withCors}. */
export interface CorsOptions {
  /**
   * The origin whose pages may read the answers, such as `https://example.org`;
   * `*` for all.
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

const ALLOWED_HEADERS = "Accept, Authorization, Content-Type, If-Match, " +
  "If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Origin, " +
  "Range, X-Requested-With";
const EXPOSED_HEADERS = "Accept-Ranges, Content-Encoding, Content-Range, ETag";
/** How long a browser need not ask again, in seconds. */
const MAX_AGE = "600";

/**
 * Lets web pages of other origins read what a handler answers: the CORS
 * protocol of the Fetch standard, without credentials.
 *
 * @param handler The handler.
 * @param options Who may, and with which methods.
 * @returns A handler that answers preflights itself, and adds the fields to all
 *   other answers.
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
 */
export function withCors(
  handler: Handler,
  options: CorsOptions = {},
): Handler {
  const { origin = "*", methods = "GET, HEAD" } = options;
  const fields: [string, string][] = [
    ["Access-Control-Allow-Origin", origin],
    ["Access-Control-Allow-Headers", ALLOWED_HEADERS],
    ["Access-Control-Expose-Headers", EXPOSED_HEADERS],
  ];
  const preflight = new HeaderFields([
    ...fields,
    ["Access-Control-Allow-Methods", methods],
    ["Access-Control-Max-Age", MAX_AGE],
  ]);
  const prepared = new WeakMap<PreparedResponse, PreparedResponse>();
  const add = (result: HandlerResult): HandlerResult => {
    if (!(result instanceof PreparedResponse)) return addFields(result, fields);
    const known = prepared.get(result);
    if (known !== undefined) return known;
    const made = addToPrepared(result, fields);
    prepared.set(result, made);
    return made;
  };
  return (request) => {
    if (
      request.method === "OPTIONS" &&
      request.headers.has("access-control-request-method")
    ) return { status: 204, headers: preflight };
    const result = handler(request);
    return result instanceof Promise ? result.then(add) : add(result);
  };
}

type Fields = readonly (readonly [string, string])[];

function addFields(result: HandlerResult, fields: Fields): HandlerResult {
  const headers = withFields(new HeaderFields(result.headers), fields);
  return { ...result instanceof Response ? fromWeb(result) : result, headers };
}

/** A ready answer stays ready. */
function addToPrepared(
  { status, headers, body }: PreparedResponse,
  fields: Fields,
): PreparedResponse {
  return new PreparedResponse({
    status,
    headers: withFields(new HeaderFields(headers), fields),
    body,
    contentLength: status === 304 ? null : body.length,
  });
}

function withFields(headers: HeaderFields, fields: Fields): HeaderFields {
  for (const [name, value] of fields) headers.set(name, value);
  return headers;
}
