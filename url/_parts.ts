// Splits a URL into its parts and normalizes each of them. Nearly all URLs are
// in normal form already: a regular expression recognizes those.

import { mismatch, UrlError } from "./error.ts";
import {
  defaultPort,
  NORMAL_HOST,
  parseHostAt,
  type Protocol,
} from "./host.ts";
import { FRAGMENT_SET, PARAMS_SET, PATH_SET, USERINFO_SET } from "./percent.ts";

// Patterns for the parts of a URL in normal form, in order
const USER = `[^${USERINFO_SET.characters}]+`;
const PORT = "(?!(?:80|443)(?:/|$))(?:[1-5][0-9]{4}|[1-9][0-9]{0,3})";
const ORIGIN = `(?:${NORMAL_HOST})(?::${PORT})?`;
const DOT_SEGMENT = String.raw`(?:\.|%2[Ee]){1,2}(?:[/?#]|$)`;
const SEGMENT = String.raw`(?!${DOT_SEGMENT})[^/\\${PATH_SET.characters}]*`;
const PARAMS = `[^${PARAMS_SET.characters}]*`;
const FRAGMENT = `[^${FRAGMENT_SET.characters}]*`;
const TAIL = String.raw`(?:/${SEGMENT})+(?:\?${PARAMS})?(?:#${FRAGMENT})?`;

// Matches what is in normal form of any text, but never all of one that ends
// after the host. With "$" it would fail after going back over the text
const COMMON_REGEXP = new RegExp(`https?://${ORIGIN}(?:${TAIL}|(?!$))`, "y");
const RARE_REGEXP = new RegExp(
  `^https?://(?:${USER}(?::${USER})?@)?${ORIGIN}(?:${TAIL})?$`,
);
const HOST_START = "https://".length;
// Bounds the stack: the regular expression uses some for each segment.
const MAX_LENGTH = 4096;

/**
 * Returns how far a text is a URL in normal form: its length if all of it is.
 * This is the fast path.
 *
 * It may return less for a URL in normal form, but never more.
 */
export function normalEnd(text: string): number {
  if (text === "" || text.length > MAX_LENGTH) return -1;
  COMMON_REGEXP.lastIndex = 0;
  return COMMON_REGEXP.test(text) ? COMMON_REGEXP.lastIndex : 0;
}

/**
 * Returns the URL if it is in normal form with a userinfo, or lacks only the
 * slash after the host, which is added; null for any other text.
 *
 * @param end What {@linkcode normalEnd} returns for it.
 */
export function rareUrl(text: string, end: number): string | null {
  // Without a path, all but the last character are in normal form
  if (end < text.length - 1 && !text.includes("@")) return null;
  if (text.length > MAX_LENGTH || !RARE_REGEXP.test(text)) return null;
  return text.includes("/", HOST_START) ? text : `${text}/`;
}

/** The parts of a URL, in order, as {@linkcode split} finds them. */
export type UrlParts = Readonly<Omit<ReturnType<typeof split>, "hostStart">>;

const SCHEME_REGEXP = /^[a-z][a-z0-9+.-]*(?=:)/i;
const PERCENT = 0x25;
const DOT = 0x2e;
const SLASH = 0x2f;
const OPENING_BRACKET = 0x5b;
const DOT_SEGMENT_REGEXP = /\/(?:\.|%2[Ee])/;
const ENCODED_DOTS_REGEXP = /^(?:\.|%2e)(\.|%2e)?$/i;
const RELATIVE_PATH_REGEXP = /^[^/?#]/;
const PATH_END_REGEXP = /[?#]|$/;
const AUTHORITY_END_REGEXP = /[/\\?#]/;
const NO_DIGIT_REGEXP = /[^0-9]/;
const MAX_PORT = 65_535;

/**
 * Parses a URL. A relative reference inherits from the base the parts that it
 * omits (URL standard 4.4).
 *
 * @param end What {@linkcode normalEnd} returns for it, perhaps before tabs and
 *   line ends were removed: there are none in what is in normal form.
 */
export function parseParts(input: string, base: UrlParts | null, end: number) {
  const text = input.includes("\\") ? withSlashes(input) : input;
  const scheme = findScheme(text);
  const protocol = parseProtocol(scheme, base, input);
  const start = scheme === undefined ? 0 : scheme.length + 1;
  let authorityStart = start;
  while (text.charCodeAt(authorityStart) === SLASH) authorityStart++;
  // "http:a" is relative if the base has the same protocol; otherwise it means
  // "http://a".
  if (protocol === base?.protocol && authorityStart < start + 2) {
    return normalizeParts(resolve(text.slice(start), base), base.hostname);
  }
  const raw = split(text, authorityStart, protocol);
  const isNormal = raw.hostStart + raw.hostname.length <= end;
  const hostname = isNormal
    ? raw.hostname
    : parseHostAt(raw.hostname, input, raw.hostStart);
  if (raw.port !== null && !(raw.port <= MAX_PORT)) throw portError(input, raw);
  return normalizeParts(raw, hostname);
}

/** Normalizes all parts but the hostname, which is given in normal form. */
export function normalizeParts(parts: UrlParts, hostname: string): UrlParts {
  const { protocol, username, password, port, path, params, fragment } = parts;
  return {
    protocol,
    username: USERINFO_SET.encode(username),
    password: USERINFO_SET.encode(password),
    hostname,
    port,
    path: normalizePath(path),
    params: params === null ? null : PARAMS_SET.encode(params),
    fragment: fragment === null ? null : FRAGMENT_SET.encode(fragment),
  };
}

function findScheme(text: string): string | undefined {
  if (text.startsWith("http:")) return "http";
  if (text.startsWith("https:")) return "https";
  return SCHEME_REGEXP.exec(text)?.[0].toLowerCase();
}

/** Makes slashes of the backslashes before the params and the fragment. */
function withSlashes(text: string): string {
  const end = text.search(PATH_END_REGEXP);
  return text.slice(0, end).replaceAll("\\", "/") + text.slice(end);
}

function parseProtocol(
  scheme: string | undefined,
  base: UrlParts | null,
  input: string,
): Protocol {
  const protocol = scheme ?? base?.protocol;
  if (protocol === "http" || protocol === "https") return protocol;
  const isMissing = scheme === undefined;
  const message = isMissing
    ? mismatch("URL", input, '"http" or "https" and a colon at its start')
    : mismatch("protocol", input.slice(0, scheme.length), '"http" or "https"');
  const code = isMissing ? "missing-protocol" : "unknown-protocol";
  throw new UrlError(message, { code, input, index: 0 });
}

/** Parses a port: null is the protocol's default, NaN not a number at all. */
function parsePort(text: string, protocol: Protocol): number | null {
  if (text === "") return null;
  const port = NO_DIGIT_REGEXP.test(text) ? NaN : Number(text);
  return port === defaultPort(protocol) ? null : port;
}

function portError(input: string, raw: ReturnType<typeof split>): UrlError {
  const start = raw.hostStart + raw.hostname.length + 1;
  const port = input.slice(start).split(AUTHORITY_END_REGEXP, 1).join();
  const message = mismatch("port", port, `a number from 0 to ${MAX_PORT}`);
  const index = start + Math.max(port.search(NO_DIGIT_REGEXP), 0);
  return new UrlError(message, { code: "invalid-port", input, index });
}

/** Resolves a reference that has no host against the base. */
function resolve(reference: string, base: UrlParts): UrlParts {
  const directory = RELATIVE_PATH_REGEXP.test(reference)
    ? base.path.slice(0, base.path.lastIndexOf("/") + 1)
    : "";
  const text = directory + reference;
  const { path, params, fragment } = split(text, 0, base.protocol);
  if (path === "") return { ...base, params: params ?? base.params, fragment };
  return { ...base, path, params, fragment };
}

/**
 * Normalizes a path: dot segments are resolved, and characters that are not
 * allowed in a path are percent-encoded (URL standard 4.4, "path state").
 */
function normalizePath(text: string): string {
  const path = text.charCodeAt(0) === SLASH ? text : `/${text}`;
  const hasDots = DOT_SEGMENT_REGEXP.test(path);
  return PATH_SET.encode(hasDots ? removeDotSegments(path) : path);
}

/** Removes dot segments from the end on, so ".." precedes what it removes. */
function removeDotSegments(path: string): string {
  let kept = "";
  // The segments from `end` to `keptEnd` stay, too
  let keptEnd = path.length;
  let parents = 0;
  for (let end = path.length; end > 0;) {
    // A loop, since lastIndexOf() is slow on short texts
    let slash = end - 1;
    while (path.charCodeAt(slash) !== SLASH) slash--;
    const dots = countDots(path, slash + 1, end);
    if (dots > 0 || parents > 0) {
      // "/a/." and "/a/b/.." name the directory "/a/".
      kept = end === path.length ? "/" : path.slice(end, keptEnd) + kept;
      if (dots === 2) parents++;
      else if (dots === 0) parents--;
      keptEnd = slash;
    }
    end = slash;
  }
  return path.slice(0, keptEnd) + kept;
}

/** Returns 1 for ".", 2 for "..", percent-encoded or not; 0 for the rest. */
function countDots(path: string, start: number, end: number): number {
  const first = path.charCodeAt(start);
  if (first !== DOT && first !== PERCENT) return 0;
  const segment = path.slice(start, end);
  // Nearly all of them; the expression alone costs a URL a tenth of its time
  if (segment === "." || segment === "..") return segment.length;
  const match = ENCODED_DOTS_REGEXP.exec(segment);
  return match === null ? 0 : match[1] === undefined ? 1 : 2;
}

/** Splits a URL that is in normal form into its parts. */
export function splitParts(href: string): UrlParts {
  const protocol = href.startsWith("https:") ? "https" : "http";
  return split(href, protocol.length + "://".length, protocol);
}

/**
 * Splits any text into parts by searching for the delimiters. The parts are as
 * they are written: nothing is validated yet.
 *
 * The last "@" ends the userinfo: the host of
 * "http://example.com@evil.example/" is evil.example.
 *
 * @param start Where the userinfo or the host begins.
 */
function split(text: string, start: number, protocol: Protocol) {
  const hash = text.indexOf("#", start);
  const paramsEnd = hash === -1 ? text.length : hash;
  // A "?" in the fragment does not start the params.
  const mark = text.indexOf("?", start);
  const pathEnd = mark === -1 ? paramsEnd : Math.min(mark, paramsEnd);
  const slash = text.indexOf("/", start);
  const end = slash === -1 ? pathEnd : Math.min(slash, pathEnd);
  const at = text.includes("@", start) ? text.lastIndexOf("@", end) : -1;
  const hostStart = Math.max(at + 1, start);
  const userinfo = text.slice(start, Math.max(at, start));
  const colon = at === -1 ? -1 : userinfo.indexOf(":");
  // The colons of an IPv6 address come before its closing bracket
  const isIpv6 = text.charCodeAt(hostStart) === OPENING_BRACKET;
  const bracket = isIpv6 ? text.indexOf("]", hostStart) : hostStart;
  const portColon = bracket === -1 ? -1 : text.indexOf(":", bracket);
  const hostEnd = portColon === -1 ? end : Math.min(portColon, end);
  return {
    protocol,
    username: colon === -1 ? userinfo : userinfo.slice(0, colon),
    password: colon === -1 ? "" : userinfo.slice(colon + 1),
    hostname: text.slice(hostStart, hostEnd),
    /** The port; null if it is the default of the protocol. */
    port: parsePort(text.slice(hostEnd + 1, end), protocol),
    path: text.slice(end, pathEnd),
    params: pathEnd < paramsEnd ? text.slice(pathEnd + 1, paramsEnd) : null,
    fragment: hash === -1 ? null : text.slice(hash + 1),
    /** The index of the hostname. */
    hostStart,
  };
}

/** Joins the parts into a URL (URL standard 4.5). */
export function writeParts(parts: UrlParts): string {
  const { protocol, username, password, path, params, fragment } = parts;
  const secret = password === "" ? "" : `:${password}`;
  const userinfo = username + secret === "" ? "" : `${username}${secret}@`;
  const query = params === null ? "" : `?${params}`;
  const hash = fragment === null ? "" : `#${fragment}`;
  return `${protocol}://${userinfo}${writeHost(parts)}${path}${query}${hash}`;
}

/** Returns `hostname[:port]`, without the protocol's default port. */
export function writeHost({ hostname, port }: UrlParts): string {
  return port === null ? hostname : `${hostname}:${port}`;
}
