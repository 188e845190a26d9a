import { escapeOctets } from "../message/_octets.ts";
import { writeBasicCredentials } from "../message/field_values.ts";
import { HeaderFields } from "../message/header_fields.ts";
import type { ResponseHead } from "../message/response_head.ts";
import { parseUrl, type Url } from "../url/url.ts";
import { UrlError } from "../url/error.ts";
import type { Exchange } from "./_exchange/exchange.ts";
import type { RequestSpec } from "./_exchange/request.ts";
import { ClientError } from "./error.ts";
import { credentialsOf, hrefWithoutSecrets } from "./route.ts";
import type { DroppedField, Hop } from "./trace.ts";

const REDIRECT_STATUSES = [301, 302, 303, 307, 308];
/**
 * The fields that describe a body (Fetch standard, "request-body-header name").
 */
const BODY_FIELDS = [
  "Content-Encoding",
  "Content-Language",
  "Content-Location",
  "Content-Type",
  "Content-Length",
];
/** The fields that are meant for one origin only. */
const ORIGIN_FIELDS = ["Authorization", "Cookie", "Proxy-Authorization"];

/**
 * Returns the request that a redirect leads to, and adds this exchange to the
 * hops; null if there is no redirect to follow.
 */
export function nextRequest(
  exchange: Exchange,
  hops: Hop[],
): RequestSpec | null {
  const { spec, head: { status, headers }, attempt, connection } = exchange;
  const { redirect, maxRedirects = 20 } = spec.options;
  if (redirect === "manual" || !REDIRECT_STATUSES.includes(status)) return null;
  const location = locationOf(exchange.head);
  const target = JSON.stringify(location?.slice(0, 100) ?? "");
  if (redirect === "error") {
    const message = `Cannot accept redirect to ${target}: none is allowed`;
    throw connection.error("redirect", message);
  }
  if (location === null) return null;
  if (hops.length >= maxRedirects) {
    const state = `${maxRedirects} were followed already`;
    const message = `Cannot follow redirect to ${target}: ${state}`;
    throw connection.error("too-many-redirects", message);
  }
  const { spec: next, ...change } = followRedirect(spec, status, location);
  const { href: from, emit } = spec;
  const { remoteAddr } = connection.socket;
  const hop = { url: from, method: spec.method, status, headers, remoteAddr };
  hops.push({ ...hop, timings: attempt.stopwatch });
  const { href: to, method } = next;
  emit?.({ type: "redirect", status, from, to, method, ...change });
  return next;
}

/**
 * Returns the `Location` of a redirect; null if the response is not a redirect
 * or has no `Location`.
 */
export function locationOf(
  { status, headers }: Pick<ResponseHead, "status" | "headers">,
): string | null {
  if (!REDIRECT_STATUSES.includes(status)) return null;
  const [location = null, ...others] = new Set(headers.getAll("location"));
  if (others.length === 0) return location;
  const locations = [location, ...others].join('" and "');
  throw locationError(locations, new Error("there is more than one"));
}

/**
 * Derives the request that a redirect leads to, by the rules of the Fetch
 * standard ("HTTP-redirect fetch").
 *
 * @returns The request, why its method changed (null if it did not), and which
 *   fields are not sent again.
 * @throws {ClientError} If the location is not an http or https URL.
 */
export function followRedirect(
  spec: RequestSpec,
  status: number,
  location: string,
) {
  const { options, method } = spec;
  const { redirectProtocols: protocols, autoReferer } = options;
  const url = resolveLocation(location, spec.url);
  const crossOrigin = originChange(spec.url, url);
  // Only within their origin do the caller's own come before those in a URL
  const keepsUser = crossOrigin === null &&
    (spec.credentials === options.credentials || credentialsOf(url) === null);
  const isGet = becomesGet(spec, status);
  const dropped = listDropped(spec, crossOrigin, isGet);
  const headers = new HeaderFields(spec.headers);
  for (const { name } of dropped) headers.delete(name);
  // RFC 9110 section 10.1.3: never from https to http
  const isExposed = url.protocol === "http" && spec.url.protocol === "https";
  if (autoReferer && isExposed) headers.delete("Referer");
  else if (autoReferer) headers.set("Referer", spec.href);
  return {
    spec: {
      ...spec,
      options: protocols ? { ...options, protocols } : options,
      url,
      href: hrefWithoutSecrets(url),
      target: undefined,
      method: isGet ? "GET" : method,
      headers,
      payload: isGet ? null : spec.payload,
      credentials: keepsUser
        ? spec.credentials
        : options.trustRedirects && options.credentials ||
          (options.findCredentials?.(url) ?? credentialsOf(url)),
    },
    methodReason: isGet ? `${status} turns ${method} into GET` : null,
    dropped,
  };
}

function becomesGet({ method, options }: RequestSpec, status: number): boolean {
  if (method === "GET" || method === "HEAD") return false;
  if (method !== "POST") return status === 303;
  return status <= 303 && !options.keepPost?.some((kept) => kept === status);
}

/** Lists the fields that are not sent again, and why. */
function listDropped(
  { headers, credentials, options }: RequestSpec,
  crossOrigin: string | null,
  isGet: boolean,
): DroppedField[] {
  const rules = [
    [BODY_FIELDS, isGet ? "the method is now GET" : null],
    [ORIGIN_FIELDS, options.trustRedirects ? null : crossOrigin],
    [["Host"], crossOrigin],
  ] as const;
  const isSent = (name: string) =>
    headers.has(name) || name === "Authorization" && credentials !== null;
  return rules.flatMap(([names, reason]) =>
    reason === null
      ? []
      : names.filter(isSent).map((name) => ({ name, reason }))
  );
}

/** Resolves a `Location` against the URL of the request. */
export function resolveLocation(location: string, base: Url): Url {
  try {
    // The octets are usually UTF-8. Percent-encoded one by one, they give the
    // same URL in any case (Fetch standard, "location URL")
    const url = parseUrl(escapeOctets(location, /[\x80-\xff]/g), base);
    const own = credentialsOf(url);
    if (own !== null) writeBasicCredentials(own); // throws if HTTP has no way
    return url.with({ fragment: url.fragment ?? base.fragment });
  } catch (error) {
    throw locationError(location, error as Error);
  }
}

/** Describes how two origins differ; returns null if they are the same. */
function originChange(from: Url, to: Url): string | null {
  const parts = ["protocol", "hostname", "port"] as const;
  const part = parts.find((part) => from[part] !== to[part]);
  return part === undefined ? null : `${part} ${to[part]} is not ${from[part]}`;
}

function locationError(location: string, cause: Error): ClientError {
  const isUnknown = cause instanceof UrlError &&
    cause.code === "unknown-protocol";
  const code = isUnknown ? "location-protocol" : "location";
  const quoted = JSON.stringify(location.slice(0, 100));
  const text = `Cannot follow redirect to ${quoted}: ${cause.message}`;
  return new ClientError(text, { code, step: "exchange", cause });
}
