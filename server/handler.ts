import type { HttpRequest } from "./http_request.ts";
import { type HttpResponse, plainResponse } from "./http_response.ts";

/**
 * What a handler returns: an {@linkcode HttpResponse} or the web's `Response`.
 * The response of a client can be passed on as it is.
 *
 * @example Either kind of response
 * ```ts
 * import { get, type HandlerResult, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * function greet(name: string | null): HandlerResult {
 *   if (name === null) return { status: 400, body: "Who's there?" };
 *   return Response.json({ hello: name });
 * }
 * await using server = serve(({ searchParams }) => {
 *   return greet(searchParams.get("name"));
 * }, { port: 0 });
 * assertEquals((await get(server.url)).status, 400);
 * assertEquals((await get(server.url + "?name=Boo")).status, 200);
 * ```
 *
 * @category Serve
 */
export type HandlerResult = HttpResponse | Response;

/**
 * Responds to one request; what it throws becomes a 500, and goes to `onError`.
 *
 * @example A handler around another
 * ```ts
 * import { type Handler, serve } from "@knock/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * function counted(handler: Handler, count: () => void): Handler {
 *   return (request) => {
 *     count();
 *     return handler(request);
 *   };
 * }
 *
 * let requests = 0;
 * const hello: Handler = () => ({ status: 200, body: "hello" });
 * await using server = serve(counted(hello, () => requests++), { port: 0 });
 *
 * await (await fetch(server.url)).text();
 * assertEquals(requests, 1);
 * ```
 *
 * @category Serve
 */
export type Handler = (
  request: HttpRequest,
) => HandlerResult | Promise<HandlerResult>;

/**
 * Turns a web-standard handler, such as the `fetch` of any framework, into one
 * for {@linkcode serve}.
 *
 * @param handler Takes a `Request`, returns a `Response`.
 * @returns The handler.
 *
 * @example Usage
 * ```ts
 * import { serve, webHandler } from "@knock/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * const handler = webHandler((request) =>
 *   Response.json({ path: new URL(request.url).pathname })
 * );
 * await using server = serve(handler, { port: 0 });
 *
 * const response = await fetch(server.url + "who");
 * assertEquals(await response.json(), { path: "/who" });
 * ```
 *
 * @category Serve
 */
export function webHandler(
  handler: (request: Request) => Response | Promise<Response>,
): Handler {
  return (request) => {
    let webRequest: Request;
    try {
      webRequest = request.toWeb();
    } catch {
      // A Host may be valid in HTTP (RFC 9110 section 7.2) but not in a URL.
      // Otherwise it is a method, such as TRACE, that no Request may have
      return URL.canParse(request.url)
        ? plainResponse(501)
        : plainResponse(400, {}, "a Host that can stand in a URL");
    }
    return handler(webRequest);
  };
}
