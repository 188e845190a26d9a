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
import type { Pool } from "../_connect/pool.ts";
import type { RequestOptions } from "../options.ts";
import {
  credentialsOf,
  hrefWithoutSecrets,
  type Route,
  writeTarget,
} from "../route.ts";
import { createEmitter, type Emit } from "../trace.ts";
import { discard, type Payload, preparePayload } from "./payload.ts";

const USER_AGENT = `Knock/${config.version}`;
/**
 * The codings that `decode` removes. Deno's zstd is not among them, because it
 * cannot tell a cut body from a complete one.
 */
const ACCEPT_ENCODING = "gzip, deflate, br";

/** What one request asks for, before its route is known. */
export interface RequestSpec {
  /** The caller's options. */
  readonly options: RequestOptions;
  /** When the whole request must be done, by `performance.now()`. */
  readonly end: number;
  /** The kept connections, to take one and to give it back; null for none. */
  readonly pool: Pool | null;
  /** Emits an event; undefined if nobody listens. */
  readonly emit: Emit | undefined;
  /** The URL. This and the fields below can change with a redirect. */
  readonly url: Url;
  /** The URL without username, password and fragment, to show or store. */
  readonly href: string;
  /** The target to send instead of the path and query of the URL. */
  readonly target: string | undefined;
  /** The method. */
  readonly method: string;
  /** The caller's fields. */
  readonly headers: HeaderFields;
  /** The body; null for none. */
  readonly payload: Payload | null;
  /** Username and password for the current origin; null for none. */
  readonly credentials: Credentials | null;
}

/** Checks the caller's URL and options, and prepares the body. */
export async function makeSpec(
  url: string | Url | URL,
  options: RequestOptions,
  pool: Pool | null,
): Promise<RequestSpec> {
  const { signal, body, method = "GET" } = options;
  if (signal?.aborted) {
    const isSized = body instanceof Object && "stream" in body;
    discard(isSized ? body.stream : body, signal.reason);
    throw signal.reason;
  }
  const requestUrl = url instanceof Url ? url : parseUrl(String(url));
  const headers = new HeaderFields(options.headers);
  if (headers.has("transfer-encoding")) {
    throw new TypeError("Cannot send Transfer-Encoding: HTTP/1.0 has none");
  }
  if (method === "CONNECT") {
    throw new TypeError("Cannot send CONNECT: use connect() for a socket");
  }
  // A stream whose length is given need not be held in memory
  const length = headers.get("content-length");
  const bodyInit = length !== null && body instanceof ReadableStream
    ? { size: parseContentLength(length) ?? NaN, stream: body }
    : body;
  return {
    options,
    end: endOf(options),
    pool,
    emit: createEmitter(options.trace),
    url: requestUrl,
    href: hrefWithoutSecrets(requestUrl),
    target: options.target,
    method,
    headers,
    payload: bodyInit === undefined
      ? null
      : await preparePayload(bodyInit, options),
    credentials: options.credentials ?? options.findCredentials?.(requestUrl) ??
      credentialsOf(requestUrl),
  };
}

/**
 * The methods whose requests normally have a body, so that the length is sent
 * even if it is zero (RFC 9110 section 8.6).
 */
const METHODS_WITH_BODY = ["POST", "PUT", "PATCH"];

/** Creates the head of a request, which depends on its route. */
export function headOf(
  spec: RequestSpec,
  route: Route,
  cookie: string | undefined,
): RequestHeadInit {
  const { options, url, method, headers: fields, payload, credentials } = spec;
  const headers = new HeaderFields();
  const setDefault = (name: string, value: string | null): void => {
    if (value !== null && !fields.has(name)) headers.append(name, value);
  };
  setDefault("Host", url.host);
  setDefault("User-Agent", USER_AGENT);
  setDefault("Accept", "*/*");
  // A range of a coded body cannot be decoded
  const mayBeCoded = options.decode && !fields.has("range");
  setDefault("Accept-Encoding", mayBeCoded ? ACCEPT_ENCODING : null);
  const authorization = credentials && writeBasicCredentials(credentials);
  setDefault("Authorization", authorization);
  setDefault("Proxy-Authorization", route.proxy && route.proxy.authorization);
  setDefault("Connection", options.keepAlive ? "keep-alive" : null);
  setDefault("Content-Type", payload && payload.type);
  for (const [name, value] of fields) headers.append(name, value);
  if (cookie) {
    headers.set("Cookie", [...fields.getAll("cookie"), cookie].join("; "));
  }
  setProxyFields(headers, route);
  headers.delete("Content-Length"); // replaced by the true one
  if (payload !== null || METHODS_WITH_BODY.includes(method)) {
    headers.append("Content-Length", String(payload?.size ?? 0));
  }
  for (const name of options.omit ?? []) headers.delete(name);
  return { method, target: targetOf(spec, route), headers };
}

/**
 * Sets the fields for a proxy that receives the request itself. The origin must
 * not see `Proxy-Authorization`, through a tunnel or directly.
 */
function setProxyFields(headers: HeaderFields, route: Route): void {
  const { proxy, tunnels, options } = route;
  if (proxy === null || tunnels) return headers.delete("Proxy-Authorization");
  const fields = new HeaderFields(options.proxyHeaders);
  fields.delete("Host"); // it has to be that of the target
  for (const [name] of fields) headers.delete(name);
  for (const [name, value] of fields) headers.append(name, value);
}

/**
 * Returns the target in origin-form, or in absolute-form for a proxy (RFC 9112
 * section 3.2); never with username, password or fragment.
 */
function targetOf(spec: RequestSpec, route: Route): string {
  const { url, target = writeTarget(url.path, url) } = spec;
  return route.proxy !== null && !route.tunnels && target.startsWith("/")
    ? `http://${url.host}${target}`
    : target;
}
