import type { HttpRequest } from "./http_request.ts";
import type { HttpResponse } from "./http_response.ts";

/**
 * What a handler gives: an {@linkcode HttpResponse} or the web's `Response`.
 */
export type HandlerResult = HttpResponse | Response;

/** Answers one request; what it throws becomes a 500, and goes to `onError`. */
export type Handler = (
  request: HttpRequest,
) => HandlerResult | Promise<HandlerResult>;
