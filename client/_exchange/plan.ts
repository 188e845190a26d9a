import config from "../../deno.json" with { type: "json" };
import {
  type Credentials,
  writeBasicCredentials,
} from "../../message/credentials.ts";
import { HeaderFields } from "../../message/header_fields.ts";
import type { RequestHeadInit } from "../../message/request_head.ts";
import { parseUrl, Url } from "../../url/url.ts";
import type { RequestOptions } from "../options.ts";
import type { Deadline } from "../_connect/deadline.ts";
import { type Payload, preparePayload } from "./payload.ts";
import { decode, type Route } from "../_connect/route.ts";

const USER_AGENT = `Knock/${config.version}`;
/**
 * What `decode` takes off. Deno's zstd is of no use: it does not tell a cut
 * body from a whole one.
 */
const ACCEPT_ENCODING = "gzip, deflate, br";

/** What is asked for: one request, before it is known how it will travel. */
export interface Plan {
  /** The URL. */
  readonly url: Url;
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
export async function planRequest(
  url: string | Url | URL,
  options: RequestOptions,
  deadline: Deadline,
): Promise<Plan> {
  const parsed = url instanceof Url ? url : parseUrl(String(url));
  const { method = "GET", body } = options;
  const headers = new HeaderFields(options.headers);
  if (headers.has("transfer-encoding")) {
    throw new TypeError("Cannot send Transfer-Encoding: HTTP/1.0 has none");
  }
  if (method === "CONNECT") {
    throw new TypeError("Cannot send CONNECT: use connect() for a socket");
  }
  return {
    url: parsed,
    method,
    headers,
    payload: body === undefined ? null : await preparePayload(body, deadline),
    credentials: options.credentials ?? credentialsOf(parsed),
  };
}

function credentialsOf({ username, password }: Url): Credentials | null {
  return username === "" && password === ""
    ? null
    : { username: decode(username), password: decode(password) };
}

/**
 * Methods whose request has a body by nature, so that its length is told even
 * when it is zero (RFC 9110 section 8.6).
 */
const METHODS_WITH_BODY = ["POST", "PUT", "PATCH"];

/** Makes the head of a request for the way it takes. */
export function headOf(
  plan: Plan,
  route: Route,
  { options, cookie }: {
    readonly options: RequestOptions;
    readonly cookie: string | undefined;
  },
): RequestHeadInit {
  const { url, method, headers: own, payload, credentials } = plan;
  const headers = new HeaderFields();
  const offer = (name: string, value: string | null): void => {
    if (value !== null && !own.has(name)) headers.append(name, value);
  };
  offer("Host", url.host);
  offer("User-Agent", USER_AGENT);
  offer("Accept", "*/*");
  offer("Accept-Encoding", options.decode ? ACCEPT_ENCODING : null);
  offer("Authorization", credentials && writeBasicCredentials(credentials));
  offer("Connection", options.keepAlive ? "keep-alive" : null);
  offer("Content-Type", payload && payload.type);
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
  return { method, target: targetOf(url, route), headers };
}

/**
 * Only a proxy that takes the request itself may see it: not the origin, and
 * not the origin behind a tunnel.
 */
function setProxyAuthorization(headers: HeaderFields, route: Route): void {
  const own = headers.get("proxy-authorization");
  headers.delete("proxy-authorization");
  if (route.proxy === null || route.secure) return;
  const value = own ?? route.proxy.authorization;
  if (value !== null) headers.append("Proxy-Authorization", value);
}

/**
 * origin-form, or absolute-form for a proxy (RFC 9112 section 3.2), never with
 * user, password or fragment.
 */
function targetOf(url: Url, route: Route): string {
  const { path, params } = url;
  const target = params === null ? path : `${path}?${params}`;
  return route.proxy !== null && !route.secure
    ? `http://${url.host}${target}`
    : target;
}
