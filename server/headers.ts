import { HeaderFields, type HeaderFieldsInit } from "../message/mod.ts";
import { PreparedResponse } from "./_prepared_response.ts";
import type { Handler, HandlerResult } from "./handler.ts";
import { fromWeb, type HttpResponse } from "./http_response.ts";

/**
 * Adds header fields to all responses of a handler: in place of those of the
 * same name, except that a `Vary` is added to the response's own.
 *
 * What the server itself sends, such as a 400 for a malformed request or a 500
 * for a handler that throws, is no response of the handler; the option
 * `headers` of `serve` goes to that too.
 *
 * @param handler The handler, whose responses are copied and not changed.
 * @param fields The fields.
 * @returns A handler with the same responses and these fields.
 * @throws {TypeError} If a field cannot be sent: its name is no token, or its
 *   value has a control character or one above U+00FF.
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
 */
export function withHeaders(
  handler: Handler,
  fields: HeaderFieldsInit,
): Handler {
  const added = new HeaderFields(fields);
  added.toString(); // throws here and now, and not at each request
  // A prepared response is sent many times, so its copy is prepared as well
  const copies = new WeakMap<PreparedResponse, PreparedResponse>();
  const add = (result: HandlerResult): HttpResponse => {
    if (result instanceof Response) return addFields(fromWeb(result), added);
    if (!(result instanceof PreparedResponse)) return addFields(result, added);
    let copy = copies.get(result);
    if (copy === undefined) {
      const { body } = result;
      copy = new PreparedResponse({ ...addFields(result, added), body });
      copies.set(result, copy);
    }
    return copy;
  };
  return (request) => {
    const result = handler(request);
    return result instanceof Promise ? result.then(add) : add(result);
  };
}

/**
 * Copies a response, with fields in place of its own; a `Vary` is added to it.
 */
export function addFields(
  response: HttpResponse,
  added: HeaderFields,
): HttpResponse & { readonly headers: HeaderFields } {
  const headers = new HeaderFields(response.headers);
  for (const [name] of added) {
    if (name.toLowerCase() !== "vary") headers.delete(name);
  }
  for (const [name, value] of added) headers.append(name, value);
  return { ...response, headers };
}
