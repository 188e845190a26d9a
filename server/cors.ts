import { HeaderFields } from "../message/mod.ts";
import type { Handler } from "./handler.ts";
import { withHeaders } from "./headers.ts";
import type { HttpRequest } from "./http_request.ts";

/** Options of {@linkcode withCors}. */
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

const ALLOWED_HEADERS = "Accept, Authorization, Content-Type, If-Match, " +
  "If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Origin, " +
  "Range, X-Requested-With";
/** A list of field names; nothing else of a request goes into a response. */
const FIELD_NAMES_REGEXP = /^[\w!#$%&'*+.^`|~, \t-]+$/;
const EXPOSED_HEADERS = "Accept-Ranges, Content-Encoding, Content-Range, ETag";
/** How long a browser may keep the response to a preflight, in seconds. */
const MAX_AGE = "600";

/**
 * Lets web pages of other origins read the responses of a handler: the CORS
 * protocol of the Fetch standard, without credentials.
 *
 * @param handler The handler.
 * @param options Who may, and with which methods.
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
 */
export function withCors(handler: Handler, options: CorsOptions = {}): Handler {
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
    ["Vary", "Access-Control-Request-Headers"],
  ]);
  const shared = withHeaders(handler, fields);
  return (request) =>
    request.method === "OPTIONS" &&
      request.headers.has("access-control-request-method")
      ? { status: 204, headers: allowAsked(preflight, request) }
      : shared(request);
}

/** Allows the fields that a page wants to send, whatever they are. */
function allowAsked(
  preflight: HeaderFields,
  { headers }: HttpRequest,
): HeaderFields {
  const asked = headers.get("access-control-request-headers") ?? "";
  if (!FIELD_NAMES_REGEXP.test(asked)) return preflight;
  const fields = new HeaderFields(preflight);
  fields.set("Access-Control-Allow-Headers", asked);
  return fields;
}
