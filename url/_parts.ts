import { refusal, UrlError } from "./error.ts";
import { readHost } from "./host.ts";
import { FRAGMENT_SET, PARAMS_SET, PATH_SET, USERINFO_SET } from "./percent.ts";
import { defaultPort, type Protocol } from "./protocol.ts";

/** The parts of a URL in their order, each in its normal form. */
export interface UrlParts {
  readonly protocol: Protocol;
  readonly username: string;
  readonly password: string;
  readonly hostname: string;
  readonly port: number;
  readonly path: string;
  readonly params: string | null;
  readonly fragment: string | null;
}

// Takes any text apart, as RFC 3986 appendix B does; whether the parts are
// right is found out later. The last "@" ends the userinfo: the host of
// "http://example.com@evil.example/" is evil.example.
const PROTOCOL = String.raw`(?:([a-z][a-z0-9+.-]*):)?([/\\]*)`;
const USERINFO = String.raw`(?:(([^:/\\?#]*)(?::([^/\\?#]*))?)@)?`;
const HOST = String.raw`((?:\[[^\]/\\?#]*\]?)?[^:/\\?#]*)(?::([^/\\?#]*))?`;
const TAIL = String.raw`([^?#]*)(?:\?([^#]*))?(?:#(.*))?`;
const URL_REGEXP = new RegExp(`^${PROTOCOL}${USERINFO}${HOST}${TAIL}$`, "is");
const SLASH_REGEXP = /^[/\\]/;
const PATH_END_REGEXP = /[?#]/;
const DOT_SEGMENT_REGEXP = /\/(?:\.|%2[Ee])/;
const DOTS_REGEXP = /^(?:\.|%2e){1,2}$/i;
const UP_REGEXP = /^(?:\.|%2e){2}$/i;
const DIGITS_REGEXP = /^[0-9]+$/;
const NO_DIGIT_REGEXP = /[^0-9]/;
const MAX_PORT = 65_535;

/**
 * Reads a URL; what a relative reference leaves out at its start is the base's
 * (URL standard 4.4).
 */
export function readParts(input: string, base: UrlParts | null): UrlParts {
  const [, scheme, slashes, login, user, pass, host, port, path, query, hash] =
    URL_REGEXP.exec(input)!;
  const protocol = readProtocol(scheme, base, input);
  const params = query === undefined ? null : PARAMS_SET.encode(query);
  const fragment = hash === undefined ? null : FRAGMENT_SET.encode(hash);
  // "http:a" is relative to a base of the same protocol; else it means
  // "http://a".
  const start = scheme === undefined ? 0 : scheme.length + 1;
  if (protocol === base?.protocol && slashes!.length < 2) {
    return { ...base, ...resolve(input.slice(start), params, base), fragment };
  }
  const loginLength = login === undefined ? 0 : login.length + 1;
  const hostStart = start + slashes!.length + loginLength;
  const portStart = hostStart + host!.length + 1;
  return {
    protocol,
    username: user ? USERINFO_SET.encode(user) : "",
    password: pass ? USERINFO_SET.encode(pass) : "",
    hostname: readHost(host!, input, hostStart),
    port: port ? readPort(port, input, portStart) : defaultPort(protocol),
    path: normalizePath(path!),
    params,
    fragment,
  };
}

function readProtocol(
  scheme: string | undefined,
  base: UrlParts | null,
  input: string,
): Protocol {
  const protocol = scheme?.toLowerCase() ?? base?.protocol;
  if (protocol === "http" || protocol === "https") return protocol;
  const expected = '"http" or "https"';
  if (scheme !== undefined) {
    const message = refusal("protocol", scheme, expected);
    throw new UrlError(message, { code: "unknown-protocol", input, index: 0 });
  }
  const message = refusal("URL", input, `${expected} and a colon at its start`);
  throw new UrlError(message, { code: "missing-protocol", input, index: 0 });
}

function readPort(port: string, input: string, start: number): number {
  const number = DIGITS_REGEXP.test(port) ? Number(port) : NaN;
  if (number <= MAX_PORT) return number;
  const message = refusal("port", port, `a number from 0 to ${MAX_PORT}`);
  const index = start + Math.max(port.search(NO_DIGIT_REGEXP), 0);
  throw new UrlError(message, { code: "invalid-port", input, index });
}

/** Finds the path and the params of a reference without a host. */
function resolve(
  reference: string,
  params: string | null,
  base: UrlParts,
): Pick<UrlParts, "path" | "params"> {
  const path = reference.split(PATH_END_REGEXP, 1)[0]!;
  if (path === "") return { path: base.path, params: params ?? base.params };
  if (SLASH_REGEXP.test(path)) return { path: normalizePath(path), params };
  const directory = base.path.slice(0, base.path.lastIndexOf("/") + 1);
  return { path: normalizePath(directory + path), params };
}

/**
 * Normalizes a path: backslashes become slashes, dot segments are followed,
 * and what may not stand in a path is percent-encoded (URL standard 4.4,
 * "path state").
 */
export function normalizePath(text: string): string {
  const slashed = text.includes("\\") ? text.replaceAll("\\", "/") : text;
  const path = PATH_SET.encode(
    slashed.startsWith("/") ? slashed : `/${slashed}`,
  );
  return DOT_SEGMENT_REGEXP.test(path) ? removeDotSegments(path) : path;
}

function removeDotSegments(path: string): string {
  const kept: string[] = [];
  for (let start = 1, end; start <= path.length; start = end + 1) {
    const slash = path.indexOf("/", start);
    end = slash === -1 ? path.length : slash;
    const segment = path.slice(start, end);
    const isDots = DOTS_REGEXP.test(segment);
    if (!isDots) kept.push(segment);
    else if (UP_REGEXP.test(segment)) kept.pop();
    // "/a/." and "/a/b/.." name the directory "/a/".
    if (isDots && slash === -1) kept.push("");
  }
  return `/${kept.join("/")}`;
}

/**
 * Takes apart a URL that is in its normal form.
 *
 * Looking for the marks takes half the time of URL_REGEXP, which must be
 * ready for any text.
 */
export function splitParts(href: string): UrlParts {
  const protocol = href.startsWith("https:") ? "https" : "http";
  const start = protocol.length + "://".length;
  const pathStart = href.indexOf("/", start);
  const pathEnd = findPathEnd(href, pathStart);
  const hash = href.indexOf("#", pathEnd);
  const paramsEnd = hash === -1 ? href.length : hash;
  const authority = href.slice(start, pathStart);
  const at = authority.indexOf("@");
  const userinfo = at === -1 ? "" : authority.slice(0, at);
  const host = at === -1 ? authority : authority.slice(at + 1);
  const passwordMark = userinfo.indexOf(":");
  // The colons of an IPv6 address stand before its bracket.
  const portMark = host.indexOf(":", host.indexOf("]") + 1);
  return {
    protocol,
    username: passwordMark === -1 ? userinfo : userinfo.slice(0, passwordMark),
    password: passwordMark === -1 ? "" : userinfo.slice(passwordMark + 1),
    hostname: portMark === -1 ? host : host.slice(0, portMark),
    port: portMark === -1
      ? defaultPort(protocol)
      : Number(host.slice(portMark + 1)),
    path: href.slice(pathStart, pathEnd),
    params: pathEnd < paramsEnd ? href.slice(pathEnd + 1, paramsEnd) : null,
    fragment: hash === -1 ? null : href.slice(hash + 1),
  };
}

/** Takes only the path out of a URL that is in its normal form. */
export function splitPath(href: string): string {
  // A host has a character at least, so this is right for "http://" as well.
  const start = href.indexOf("/", "https://".length);
  return href.slice(start, findPathEnd(href, start));
}

function findPathEnd(href: string, start: number): number {
  const mark = href.indexOf("?", start);
  const hash = href.indexOf("#", start);
  // A "?" in the fragment is no mark.
  const hasParams = mark !== -1 && (hash === -1 || mark < hash);
  const end = hasParams ? mark : hash;
  return end === -1 ? href.length : end;
}

/** Puts the parts together again (URL standard 4.5). */
export function writeParts(parts: UrlParts): string {
  const { protocol, username, password, path, params, fragment } = parts;
  const secret = password === "" ? "" : `:${password}`;
  const userinfo = username + secret === "" ? "" : `${username}${secret}@`;
  const query = params === null ? "" : `?${params}`;
  const hash = fragment === null ? "" : `#${fragment}`;
  return `${protocol}://${userinfo}${writeHost(parts)}${path}${query}${hash}`;
}

/** `hostname[:port]`, without the protocol's own port. */
export function writeHost({ protocol, hostname, port }: UrlParts): string {
  return port === defaultPort(protocol) ? hostname : `${hostname}:${port}`;
}
