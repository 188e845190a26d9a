import { writeBasicCredentials } from "../message/field_values.ts";
import { HeaderFields } from "../message/header_fields.ts";
import type { UrlError } from "../url/error.ts";
import { addBrackets, addressBits, parseHost, rangeBits } from "../url/host.ts";
import { percentDecode } from "../url/percent.ts";
import { parseUrl, type Url } from "../url/url.ts";
import { ClientError } from "./error.ts";
import type { ClientOptions } from "./options.ts";

/** The way to an origin. */
export interface Route {
  /** Whether the origin needs TLS. */
  readonly secure: boolean;
  /** The host, IPv6 in brackets. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** The host and port to connect to, which `connectTo` can change. */
  readonly server: { readonly host: string; readonly port: number };
  /** The HTTP proxy on the way; null for none. */
  readonly proxy:
    | Route["server"] & {
      /** The value of `Proxy-Authorization`; null for none. */
      readonly authorization: string | null;
    }
    | null;
  /** Whether the client asks the proxy for a tunnel. */
  readonly tunnels: boolean;
  /** The caller's options, some of which also affect the connection. */
  readonly options: ClientOptions;
}

/** Chooses the route to the origin of a URL. */
export function routeTo(url: Url, options: ClientOptions): Route {
  const { hostname: host, port } = url;
  const { protocols = [url.protocol] } = options;
  if (!protocols.includes(url.protocol)) {
    const allowed = protocols.length > 0 ? `only ${protocols}` : "none";
    const message = `Cannot use ${url.protocol}: ${allowed} is allowed`;
    const code = "location-protocol";
    throw new ClientError(message, { code, step: "resolve", host, port });
  }
  const secure = url.protocol === "https";
  const proxy = chooseProxy(url, options);
  // The first rule that matches applies
  const rule = options.connectTo?.find((rule) =>
    toAsciiName(rule.from || host) === host && (rule.port || port) === port
  );
  const server = { host: rule?.to || host, port: rule?.toPort || port };
  const isRerouted = server.host !== host || server.port !== port;
  const tunnels = proxy !== null &&
    (secure || isRerouted || options.proxyTunnel === true);
  return { secure, host, port, server, proxy, tunnels, options };
}

/** Returns a key; routes that one connection can serve have the same key. */
export function poolKeyOf(route: Route): string {
  const { secure, host, port, server, proxy, tunnels, options } = route;
  const { unixSocket, resolve, family, caCerts, cert, key, tls } = options;
  // A proxy accepts requests for any http origin over one connection
  const origin = proxy === null || tunnels ? [secure, host, port, server] : [];
  const settings = { unixSocket, resolve, family, caCerts, cert, key, tls };
  const proxyFields = tunnels ? tunnelFields(route) : null;
  return JSON.stringify([...origin, proxy, proxyFields, settings]);
}

/** Returns the fields by which a proxy decides whether to open a tunnel. */
export function tunnelFields({ proxy, options }: Route): HeaderFields {
  const headers = new HeaderFields(options.proxyHeaders);
  headers.delete("Host"); // it has to be that of the target
  const authorization = headers.get("proxy-authorization") ??
    new HeaderFields(options.headers).get("proxy-authorization") ??
    proxy?.authorization;
  if (authorization) headers.set("Proxy-Authorization", authorization);
  return headers;
}

function chooseProxy(url: Url, options: ClientOptions): Route["proxy"] {
  const { proxy, noProxy = "", unixSocket } = options;
  if (proxy === undefined || unixSocket !== undefined) return null;
  // An invalid proxy matters only for the hosts that it is used for
  if (isProxyExempt(url, noProxy)) return null;
  const text = typeof proxy === "function" ? proxy(url) : proxy;
  if (!text) return null;
  const proxyUrl = parseProxy(text);
  const { hostname: host, port } = proxyUrl;
  const credentials = options.proxyCredentials ?? credentialsOf(proxyUrl);
  const authorization = credentials && writeBasicCredentials(credentials);
  return { host, port, authorization };
}

/**
 * Reads the proxies from environment variables: `http_proxy`, `https_proxy` or
 * `HTTPS_PROXY`, then `all_proxy` or `ALL_PROXY`, except for the hosts in
 * `no_proxy` or `NO_PROXY`.
 *
 * `HTTP_PROXY` is not read, because in a CGI program any client can set it by
 * sending a `Proxy` header.
 *
 * @param get Returns the value of a variable.
 * @returns A function for the `proxy` option: it returns the proxy for a URL,
 *   or null for none. If the value of a variable is not the URL of a proxy, it
 *   throws a {@linkcode ClientError} that names the variable.
 *
 * @example Usage
 * ```ts
 * import { proxyFromEnvironment } from "@knock/http/client";
 * import { parseUrl } from "@knock/http/url";
 * import { assertEquals } from "@std/assert";
 *
 * const variables = new Map([["http_proxy", "http://192.0.2.1:3128"], [
 *   "no_proxy",
 *   "example.org",
 * ]]);
 * const proxy = proxyFromEnvironment((name) => variables.get(name));
 * assertEquals(
 *   proxy(parseUrl("http://example.com/")),
 *   "http://192.0.2.1:3128",
 * );
 * assertEquals(proxy(parseUrl("http://www.example.org/")), null);
 * ```
 *
 * @category Fetch
 */
export function proxyFromEnvironment(
  get: (name: string) => string | undefined,
): (url: Url) => string | null {
  const first = (...names: string[]) =>
    names.values().map((name) => ({ name, value: get(name) }))
      .find(({ value }) => value !== undefined);
  const http = first("http_proxy", "all_proxy", "ALL_PROXY");
  const https = first("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY");
  const exempt = first("no_proxy", "NO_PROXY")?.value ?? "";
  return (url) => {
    const found = url.protocol === "http" ? http : https;
    // "" means no proxy
    if (!found?.value || isProxyExempt(url, exempt)) return null;
    parseProxy(found.value, ` from the variable ${found.name}`);
    return found.value;
  };
}

// One slash is enough for http, as in browsers; "http:80" is a host and a port
const PROTOCOL_REGEXP = /^(?:https?:[/\\]|[a-z][a-z\d+.-]*:\/\/)/i;

/** Parses a URL as a user may type it; `http://` is added if it is missing. */
export function parseTypedUrl(text: string): Url {
  return parseUrl(addProtocol(text, "http"));
}

/** Adds a protocol to a text that has none. */
export function addProtocol(text: string, protocol: string): string {
  // The URL standard ignores them, too
  const clean = text.replace(/^\s+|[\t\n\r]+/g, "");
  return PROTOCOL_REGEXP.test(clean) ? clean : `${protocol}://${clean}`;
}

/**
 * Parses the URL of a proxy. Errors do not quote or keep the whole of it, since
 * it may hold a password.
 *
 * @param source Where the URL comes from, for the error message.
 */
function parseProxy(text: string, source = ""): Url {
  let reason = "Deno cannot set up TLS inside TLS, so it must use plain http";
  try {
    const url = parseTypedUrl(text);
    if (url.protocol === "http") return url;
  } catch (error) {
    const { code, message } = error as UrlError;
    // In "http://user:password" without a host, the password is in its place
    reason = code === "invalid-port"
      ? "its port is not a number, or there is no @ after a password"
      : message;
  }
  const message = `Cannot use proxy${source}: ${reason}`;
  throw new ClientError(message, { code: "proxy-invalid", step: "resolve" });
}

/** Decodes the username and password of a URL; returns null for none. */
export function credentialsOf({ username, password }: Url) {
  if (username === "" && password === "") return null;
  const decode = (text: string): string =>
    new TextDecoder().decode(percentDecode(text));
  return { username: decode(username), password: decode(password) };
}

/** Writes a URL without username, password and fragment, to show or store. */
export function hrefWithoutSecrets(url: Url): string {
  return `${url.protocol}://${url.host}${writeTarget(url.path, url)}`;
}

/** Writes a path with the query of a URL. */
export function writeTarget(path: string, { params }: Url): string {
  return params === null ? path : `${path}?${params}`;
}

/**
 * Tells whether a list such as `no_proxy` names a host.
 *
 * Its members, separated by commas or spaces, are `*`, a domain (which includes
 * all names below it, with or without `.` or `*.` before it), an IP address, or
 * a range of addresses such as `192.0.2.0/24`. Each may end in a port.
 *
 * @param url The URL whose host to look for.
 * @param list The list.
 * @returns True if the host is to be reached without a proxy.
 *
 * @example Usage
 * ```ts
 * import { isProxyExempt } from "@knock/http/client";
 * import { parseUrl } from "@knock/http/url";
 * import { assert } from "@std/assert";
 *
 * assert(
 *   isProxyExempt(parseUrl("http://192.0.2.7/"), "localhost, 192.0.2.0/24"),
 * );
 * assert(!isProxyExempt(parseUrl("http://notexample.org/"), "example.org"));
 * ```
 *
 * @category Fetch
 */
export function isProxyExempt(url: Url, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$|\.$/g, "");
  return list.toLowerCase().split(/[\s,]+/).some((member) =>
    matches(host, url.port, member)
  );
}

// A port may follow a name, an IPv4 address or a bracket; a bare IPv6 address
// has colons of its own
const MEMBER_REGEXP =
  /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:]+)|(?<bare>[^\]:]*:[^\]:]*:[^\]]*))(?::(?<port>\d+))?$/;

function matches(host: string, port: number, member: string): boolean {
  if (member === "*") return true;
  const groups = MEMBER_REGEXP.exec(member)?.groups ?? {};
  const { v6, name = "", bare, port: ownPort } = groups;
  const domain = v6 ?? bare ?? toAsciiName(name.replace(/^\*?\.|\.$/g, ""));
  if (domain === "" || (ownPort && Number(ownPort) !== port)) return false;
  const address = addressBits(host);
  if (address === null) return host === domain || host.endsWith(`.${domain}`);
  return address.startsWith(rangeBits(domain) ?? "none");
}

/** Converts a host to its form in a URL; an IPv6 address needs no brackets. */
export function toAsciiName(host: string): string {
  try {
    return parseHost(addBrackets(host));
  } catch {
    return host; // no URL has this host
  }
}
