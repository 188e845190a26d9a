import { writeBasicCredentials } from "../../message/credentials.ts";
import { parseUrl, type Url } from "../../url/url.ts";
import { percentDecode } from "../../url/percent.ts";
import type { ClientOptions } from "../options.ts";
import { isProxyExempt } from "../proxy_rules.ts";

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
  /** Equal for URLs and options that the same connection can serve. */
  readonly key: string;
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
  const { protocol, hostname: host, port } = url;
  const proxy = options.unixSocket === undefined
    ? chooseProxy(url, options)
    : null;
  const secure = protocol === "https";
  // A proxy takes requests for any http origin over one connection
  const place = proxy !== null && !secure
    ? ""
    : `${protocol}://${host}:${port}`;
  const via = proxy === null
    ? ""
    : `${proxy.host}:${proxy.port} ${proxy.authorization}`;
  const { unixSocket, resolve, family, caCerts, cert, key } = options;
  const way = { unixSocket, resolve, family, caCerts, cert, key };
  return {
    secure,
    host,
    port,
    proxy,
    get key() { // certificates can be long, and only a pool asks
      return `${place} ${via} ${JSON.stringify(way)}`;
    },
  };
}

function chooseProxy(url: Url, options: ClientOptions): Proxy | null {
  const { proxy, noProxy = "" } = options;
  const text = typeof proxy === "function" ? proxy(url) : proxy ?? null;
  if (text === null || text === "" || isProxyExempt(url, noProxy)) return null;
  const { protocol, hostname, port, username, password } = parseUrl(
    text.includes("://") ? text : `http://${text}`,
  );
  if (protocol === "https") {
    throw new TypeError(
      `Cannot use proxy ${hostname}:${port}: Deno cannot set up TLS inside of TLS, so it must be reached by http`,
    );
  }
  const credentials = {
    username: decode(username),
    password: decode(password),
  };
  const authorization = username === "" && password === ""
    ? null
    : writeBasicCredentials(credentials);
  return { host: hostname, port, authorization };
}

/** Reads user or password of a URL, which are percent-encoded UTF-8. */
export function decode(text: string): string {
  return new TextDecoder().decode(percentDecode(text));
}

/** A URL without user, password and fragment: what may be shown and kept. */
export function publicHref({ protocol, host, path, params }: Url): string {
  return `${protocol}://${host}${path}${params === null ? "" : `?${params}`}`;
}
