// One request, once its head has been read, and its answer: how the one is
// judged, and the other sent.

import {
  isValidHost,
  parseTarget,
  persistence,
  requestFraming,
  type RequestHead,
  type RequestTarget,
} from "../../message/mod.ts";
import type { ServerContext } from "./context.ts";
import { invalidHost } from "./host_guard.ts";
import { ConnectionLost, type Output } from "./output.ts";
import { sendResponse } from "./send.ts";
import { HttpError } from "../_http_error.ts";
import type { HandlerResult } from "../handler.ts";
import { HttpRequest, type RequestOrigin } from "../http_request.ts";
import { type HttpResponse, plainResponse } from "../http_response.ts";
import { BodyError, RequestBody } from "../request_body.ts";

/** A request that can be handed to the handler. */
export interface Exchange {
  readonly head: RequestHead;
  readonly request: HttpRequest;
  readonly body: RequestBody | null;
}

/**
 * Judges what the head says of the whole message: its target, its host, and
 * where its body ends.
 *
 * @throws {MessageError | HttpError} With the status to refuse the request with.
 */
export function openExchange(
  head: RequestHead,
  server: ServerContext,
  connection: RequestOrigin & {
    readSome(max: number): Promise<Uint8Array | null>;
  },
): Exchange {
  if (head.method === "CONNECT") {
    throw new HttpError(501, "Cannot connect: that is for proxies");
  }
  const target = parseTarget(head.method, head.target);
  checkHost(head, target, server);
  const framing = requestFraming(head);
  const body = framing.kind === "length" && framing.length > 0
    ? new RequestBody(
      framing.length,
      server.limits.maxBodyBytes,
      (max) => connection.readSome(max),
    )
    : null;
  return {
    head,
    body,
    request: new HttpRequest(head, target, { body, origin: connection }),
  };
}

/**
 * RFC 9112 section 3.2: one valid Host, which HTTP/1.0 may leave out; two come
 * joined with a comma, and so are invalid. An absolute-form outdoes it.
 */
function checkHost(
  head: RequestHead,
  target: RequestTarget,
  server: ServerContext,
): void {
  const host = head.headers.get("host");
  if (host === null && head.version !== "1.0") {
    throw new HttpError(400, "Cannot read Host: it is missing");
  }
  server.guard(target.host ?? host ?? "");
  if (host !== null && target.host !== null && !isValidHost(host)) {
    throw invalidHost(host);
  }
  if (target.protocol !== null && target.protocol !== server.protocol) {
    throw new HttpError(421, "Cannot serve URL: it is of the other protocol");
  }
}

/**
 * What is to become of a connection: kept since the client asked, kept since
 * HTTP/1.1 does unless asked, or closed.
 */
export type Wish = "keep" | "keep-unasked" | "close";

/**
 * What the client wants of the connection after this exchange: nothing said
 * means kept in HTTP/1.1 (RFC 9112 section 9.3).
 */
export function wishOf(head: RequestHead): Wish {
  const said = persistence(head.headers);
  if (said === "close" || head.bareLf) return "close";
  return said === "keep-alive"
    ? "keep"
    : head.version === "1.0"
    ? "close"
    : "keep-unasked";
}

/**
 * The answer for an error: fixed text, since the error may tell what nobody
 * should know.
 */
export function failure(error: unknown, server: ServerContext): HttpResponse {
  if (error instanceof BodyError && error.status < 500) {
    return plainResponse(error.status);
  }
  server.onError(error);
  return plainResponse(500);
}

/** How an answer went out. */
export interface Sent {
  readonly status: number;
  /** Whether the connection can be kept. */
  readonly kept: boolean;
}

/**
 * Sends what a handler gave.
 *
 * @param method The method of the request.
 * @param keepAlive Whether the connection is to be kept if the length of the
 *   answer is known.
 * @throws {ConnectionLost} If the client went, or the answer failed half-way,
 *   so that the connection must be cut.
 */
export async function send(
  result: HandlerResult,
  server: ServerContext,
  to: {
    readonly method: string;
    readonly keepAlive: boolean;
    readonly output: Output;
  },
): Promise<Sent> {
  const { output } = to;
  const writtenBefore = output.written;
  const context = { ...to, date: server.clock.date, blocks: server.blocks };
  try {
    return { status: result.status, kept: await sendResponse(result, context) };
  } catch (error) {
    if (error instanceof ConnectionLost) throw error;
    const response = failure(error, server);
    // Half an answer cannot be mended: cut the connection, so that the client
    // sees that something is missing
    if (output.written > writtenBefore) {
      throw new ConnectionLost("The answer was cut", { cause: error });
    }
    return {
      status: response.status,
      kept: await sendResponse(response, context),
    };
  }
}
