import {
  type Credentials,
  writeBasicCredentials,
} from "../../message/field_values.ts";
import type { Url } from "../../url/url.ts";
import { percentDecode } from "../../url/percent.ts";
import type { ClientOptions } from "../options.ts";
import { isProxyExempt, parseProxy } from "../proxy_rules.ts";

/** The way to an origin. */
export interface Route {
  /** Whether TLS leads there. */
  readonly secure: boolean;
  /** The host, IPv6 in brackets. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** The proxy on the way. */
  readonly proxy: Proxy | null;
  /** What else the caller asked for on the way. */
  readonly options: ClientOptions;
}

/** An HTTP proxy. */
export interface Proxy {
  /** The host, IPv6 in brackets. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** The value of `Proxy-Authorization`; null when it wants none. */
  readonly authorization: string | null;
}

/** Finds the way to a URL. */
export function routeTo(url: Url, options: ClientOptions): Route {
  return {
    secure: url.protocol === "https",
    host: url.hostname,
    port: url.port,
    proxy: options.unixSocket === undefined ? chooseProxy(url, options) : null,
    options,
  };
}

/** Equal for routes that the same connection can serve. */
export function keyOf({ secure, host, port, proxy, options }: Route): string {
  const { unixSocket, resolve, family, caCerts, cert, key } = options;
  // A proxy takes requests for any http origin over one connection
  const origin = proxy === null || secure ? [secure, host, port] : [];
  const way = { unixSocket, resolve, family, caCerts, cert, key };
  return JSON.stringify([...origin, proxy, way]);
}

function chooseProxy(url: Url, options: ClientOptions): Proxy | null {
  const { proxy, noProxy = "" } = options;
  const text = typeof proxy === "function" ? proxy(url) : proxy ?? null;
  if (text === null || text === "" || isProxyExempt(url, noProxy)) return null;
  const proxyUrl = parseProxy(text);
  const { hostname: host, port } = proxyUrl;
  const credentials = credentialsOf(proxyUrl);
  const authorization = credentials && writeBasicCredentials(credentials);
  return { host, port, authorization };
}

/** User and password of a URL, percent-encoded UTF-8 there; null for none. */
export function credentialsOf({ username, password }: Url): Credentials | null {
  if (username === "" && password === "") return null;
  const decode = (text: string): string =>
    new TextDecoder().decode(percentDecode(text));
  return { username: decode(username), password: decode(password) };
}

/** A URL without user, password and fragment: what may be shown and kept. */
export function hrefWithoutSecrets(
  { protocol, host, path, params }: Url,
): string {
  return `${protocol}://${host}${path}${params === null ? "" : `?${params}`}`;
}
