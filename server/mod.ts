/**
 * The server: it listens, reads requests, hands them to a handler, and sends
 * the responses.
 *
 * @example Usage
 * ```ts
 * import { serve } from "@knock/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(() => ({ status: 200, body: "Who's there?" }), {
 *   port: 0,
 * });
 *
 * const response = await fetch(server.url);
 * assertEquals(await response.text(), "Who's there?");
 * ```
 *
 * @module
 */

export {
  accessLog,
  type AccessLogEntry,
  type AccessLogFormat,
} from "./access_log.ts";
export {
  type CorsOptions,
  withBasicAuth,
  withCors,
  withHeaders,
} from "./wrappers.ts";
export { type Handler, type HandlerResult, webHandler } from "./handler.ts";
export { HttpRequest } from "./http_request.ts";
export type {
  FilePart,
  FileReader,
  HttpBody,
  HttpResponse,
} from "./http_response.ts";
export type { ServerLimits } from "./limits.ts";
export { listen, type Listener, type ListenOptions } from "./listen.ts";
export { BodyError, type BodyErrorCode } from "./request_body.ts";
export { type HttpServer, serve, type ServeOptions } from "./serve.ts";
export type { EndReason, ServerEvent, ServerTraceEvent } from "./trace.ts";
export { serveDir, type ServeDirOptions } from "./serve_dir.ts";
