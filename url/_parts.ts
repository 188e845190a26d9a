import { mismatch, UrlError } from "./error.ts";
import { parseHostAt } from "./host.ts";
import { FRAGMENT_SET, PARAMS_SET, PATH_SET, USERINFO_SET } from "./percent.ts";
import { defaultPort, type Protocol } from "./protocol.ts";

/** The parts of a URL, in order and each in its normal form. */
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

// Splits any text into parts, as in RFC 3986 appendix B; they are validated
// later. The last "@" ends the userinfo: the host of
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
 * Parses a URL; a relative reference gets the parts that it omits from the base
 * (URL standard 4.4).
 */
export function parseParts(input: string, base: UrlParts | null): UrlParts {
  const [, scheme, slashes, login, user, pass, host, port, path, query, hash] =
    URL_REGEXP.exec(input)!;
  const protocol = parseProtocol(scheme, base, input);
  const params = query === undefined ? null : PARAMS_SET.encode(query);
  const fragment = hash === undefined ? null : FRAGMENT_SET.encode(hash);
  // "http:a" is relative if the base has the same protocol; otherwise it means
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
    hostname: parseHostAt(host!, input, hostStart),
    port: port ? parsePort(port, input, portStart) : defaultPort(protocol),
    path: normalizePath(path!),
    params,
    fragment,
  };
}

function parseProtocol(
  scheme: string | undefined,
  base: UrlParts | null,
  input: string,
): Protocol {
  const protocol = scheme?.toLowerCase() ?? base?.protocol;
  if (protocol === "http" || protocol === "https") return protocol;
  if (scheme !== undefined) {
    const message = mismatch("protocol", scheme, '"http" or "https"');
    throw new UrlError(message, { code: "unknown-protocol", input, index: 0 });
  }
  const expected = '"http" or "https" and a colon at its start';
  const message = mismatch("URL", input, expected);
  throw new UrlError(message, { code: "missing-protocol", input, index: 0 });
}

function parsePort(port: string, input: string, start: number): number {
  const number = DIGITS_REGEXP.test(port) ? Number(port) : NaN;
  if (number <= MAX_PORT) return number;
  const message = mismatch("port", port, `a number from 0 to ${MAX_PORT}`);
  const index = start + Math.max(port.search(NO_DIGIT_REGEXP), 0);
  throw new UrlError(message, { code: "invalid-port", input, index });
}

/** Resolves the path and the params of a reference without a host. */
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
 * Normalizes a path: backslashes become slashes, dot segments are resolved, and
 * characters that are not allowed in a path are percent-encoded (URL standard
 * 4.4, "path state").
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
 * Splits a URL that is in normal form into its parts: searching for delimiters
 * is faster than URL_REGEXP, which has to cope with any text.
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
  const colon = userinfo.indexOf(":");
  // The colons of an IPv6 address come before its closing bracket.
  const portColon = host.indexOf(":", host.indexOf("]") + 1);
  return {
    protocol,
    username: colon === -1 ? userinfo : userinfo.slice(0, colon),
    password: colon === -1 ? "" : userinfo.slice(colon + 1),
    hostname: portColon === -1 ? host : host.slice(0, portColon),
    port: portColon === -1
      ? defaultPort(protocol)
      : Number(host.slice(portColon + 1)),
    path: href.slice(pathStart, pathEnd),
    params: pathEnd < paramsEnd ? href.slice(pathEnd + 1, paramsEnd) : null,
    fragment: hash === -1 ? null : href.slice(hash + 1),
  };
}

/** The path of a URL that is in normal form, found without the other parts. */
export function splitPath(href: string): string {
  // A host has at least one character, so this is right for "http://" too.
  const start = href.indexOf("/", "https://".length);
  return href.slice(start, findPathEnd(href, start));
}

function findPathEnd(href: string, start: number): number {
  const mark = href.indexOf("?", start);
  const hash = href.indexOf("#", start);
  // A "?" in the fragment does not start the params.
  const hasParams = mark !== -1 && (hash === -1 || mark < hash);
  const end = hasParams ? mark : hash;
  return end === -1 ? href.length : end;
}

/** Joins the parts to a URL (URL standard 4.5). */
export function writeParts(parts: UrlParts): string {
  const { protocol, username, password, path, params, fragment } = parts;
  const secret = password === "" ? "" : `:${password}`;
  const userinfo = username + secret === "" ? "" : `${username}${secret}@`;
  const query = params === null ? "" : `?${params}`;
  const hash = fragment === null ? "" : `#${fragment}`;
  return `${protocol}://${userinfo}${writeHost(parts)}${path}${query}${hash}`;
}

/** `hostname[:port]`, without the default port of the protocol. */
export function writeHost({ protocol, hostname, port }: UrlParts): string {
  return port === defaultPort(protocol) ? hostname : `${hostname}:${port}`;
}
