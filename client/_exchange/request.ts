import config from "../../deno.json" with { type: "json" };
import {
  type Credentials,
  writeBasicCredentials,
} from "../../message/field_values.ts";
import { parseContentLength } from "../../message/framing.ts";
import { HeaderFields } from "../../message/header_fields.ts";
import type { RequestHeadInit } from "../../message/request_head.ts";
import { parseUrl, Url } from "../../url/url.ts";
import { endOf } from "../_connect/deadline.ts";
import { checkOptions, type RequestOptions } from "../options.ts";
import {
  credentialsOf,
  hrefWithoutSecrets,
  type Route,
  writeTarget,
} from "../route.ts";
import { type Emit, emitTo } from "../trace.ts";
import { discard, type Payload, preparePayload } from "./payload.ts";

const USER_AGENT = `Knock/${config.version}`;
/**
 * The codings that `decode` removes. Deno's zstd is of no use: it does not tell
 * a cut body from a whole one.
 */
const ACCEPT_ENCODING = "gzip, deflate, br";

/** What is asked for: one request, before it is known how it will travel. */
export interface RequestSpec {
  /** What the caller asked for. */
  readonly options: RequestOptions;
  /** When all of it has to be done, by the clock of `performance.now()`. */
  readonly end: number;
  /** Emits an event; undefined where nobody listens. */
  readonly emit: Emit | undefined;
  /** The URL; this and what follows differ after a redirect. */
  readonly url: Url;
  /** It without user, password and fragment: what may be shown and kept. */
  readonly href: string;
  /** What is sent in place of its path and query. */
  readonly target: string | undefined;
  /** The method. */
  readonly method: string;
  /** The caller's fields. */
  readonly headers: HeaderFields;
  /** The body. */
  readonly payload: Payload | null;
  /** User and password for the present origin. */
  readonly credentials: Credentials | null;
}

/** Reads what the caller asked for. */
export async function readSpec(
  url: string | Url | URL,
  options: RequestOptions,
): Promise<RequestSpec> {
  checkOptions(options);
  const { signal, body } = options;
  if (signal?.aborted) {
    const isSized = body instanceof Object && "stream" in body;
    discard(isSized ? body.stream : body, signal.reason);
    throw signal.reason;
  }
  const end = endOf(options);
  const parsed = url instanceof Url ? url : parseUrl(String(url));
  const { method = "GET" } = options;
  const headers = new HeaderFields(options.headers);
  if (headers.has("transfer-encoding")) {
    throw new TypeError("Cannot send Transfer-Encoding: HTTP/1.0 has none");
  }
  if (method === "CONNECT") {
    throw new TypeError("Cannot send CONNECT: use connect() for a socket");
  }
  // A stream whose length is told need not be held
  const length = headers.get("content-length");
  const sendable = length !== null && body instanceof ReadableStream
    ? { size: parseContentLength(length) ?? NaN, stream: body }
    : body;
  return {
    options,
    end,
    emit: emitTo(options.trace),
    url: parsed,
    href: hrefWithoutSecrets(parsed),
    target: options.target,
    method,
    headers,
    payload: await preparePayload(sendable, options, end),
    credentials: options.credentials ?? options.findCredentials?.(parsed) ??
      credentialsOf(parsed),
  };
}

/**
 * Methods whose request has a body by nature, so that its length is sent even
 * when it is zero (RFC 9110 section 8.6).
 */
const METHODS_WITH_BODY = ["POST", "PUT", "PATCH"];

/** Makes the head of a request, which depends on its route. */
export function headOf(
  spec: RequestSpec,
  route: Route,
  cookie: string | undefined,
): RequestHeadInit {
  const { options, url, method, headers: own, payload, credentials } = spec;
  const headers = new HeaderFields();
  const setDefault = (name: string, value: string | null): void => {
    if (value !== null && !own.has(name)) headers.append(name, value);
  };
  setDefault("Host", url.host);
  setDefault("User-Agent", USER_AGENT);
  setDefault("Accept", "*/*");
  // A part of what is coded cannot be decoded
  const mayBeCoded = options.decode && !own.has("range");
  setDefault("Accept-Encoding", mayBeCoded ? ACCEPT_ENCODING : null);
  const authorization = credentials && writeBasicCredentials(credentials);
  setDefault("Authorization", authorization);
  setDefault("Connection", options.keepAlive ? "keep-alive" : null);
  setDefault("Content-Type", payload && payload.type);
  for (const [name, value] of own) headers.append(name, value);
  if (cookie) {
    headers.set("Cookie", [...own.getAll("cookie"), cookie].join("; "));
  }
  headers.delete("Content-Length"); // the one that is true
  if (payload !== null || METHODS_WITH_BODY.includes(method)) {
    headers.append("Content-Length", String(payload?.size ?? 0));
  }
  setProxyAuthorization(headers, route);
  for (const name of options.omit ?? []) headers.delete(name);
  return { method, target: targetOf(spec, route), headers };
}

/**
 * Only a proxy that takes the request itself may see it: not the origin, with a
 * tunnel or without.
 */
function setProxyAuthorization(headers: HeaderFields, route: Route): void {
  const own = headers.get("proxy-authorization");
  headers.delete("proxy-authorization");
  if (route.proxy === null || route.tunnels) return;
  for (const [name, value] of new HeaderFields(route.options.proxyHeaders)) {
    headers.append(name, value);
  }
  const value = own ?? route.proxy.authorization;
  if (value !== null) headers.append("Proxy-Authorization", value);
}

/**
 * origin-form, or absolute-form for a proxy (RFC 9112 section 3.2), never with
 * user, password or fragment.
 */
function targetOf({ url, ...spec }: RequestSpec, route: Route): string {
  const { target = writeTarget(url.path, url) } = spec;
  return route.proxy !== null && !route.tunnels && target.startsWith("/")
    ? `http://${url.host}${target}`
    : target;
}
