import { readAuthority } from "./authority.ts";
import { quote, UrlError } from "./error.ts";
import { normalizePath } from "./_path.ts";
import { FRAGMENT_SET, PARAMS_SET } from "./percent.ts";
import { defaultPort, type Protocol } from "./protocol.ts";

/** The parts of a URL, normalized, in the order in which they stand in it. */
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

const SCHEME_REGEXP = /^[a-z][a-z0-9+.-]*$/;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const QUESTION_MARK = 0x3f;
const HASH = 0x23;

/**
 * Reads `[protocol:][//authority][path][?params][#fragment]`; what a relative
 * reference leaves out at its start is the base's (URL standard 4.4).
 */
export function readParts(text: string, base: UrlParts | null): UrlParts {
  const scheme = readScheme(text);
  const start = scheme === null ? 0 : scheme.length + 1;
  const authorityStart = skipSlashes(text, start);
  const protocol = scheme ?? base?.protocol ?? refuseRelative(text);
  // "http:a" is relative to a base of the same protocol; else it means "http://a".
  if (protocol === base?.protocol && authorityStart < start + 2) {
    return readRelative(text, start, base);
  }
  const authorityEnd = findAuthorityEnd(text, authorityStart);
  const authority = readAuthority(text, authorityStart, authorityEnd, protocol);
  const { path, params, fragment } = readTail(text, authorityEnd);
  return {
    protocol,
    username: authority.username,
    password: authority.password,
    hostname: authority.hostname,
    port: authority.port,
    path: normalizePath(path),
    params,
    fragment,
  };
}

/** `protocol:`, or null when the text begins with no scheme at all. */
function readScheme(text: string): Protocol | null {
  const colon = text.indexOf(":");
  if (colon === -1) return null;
  const scheme = text.slice(0, colon).toLowerCase();
  if (scheme === "http" || scheme === "https") return scheme;
  if (!SCHEME_REGEXP.test(scheme)) return null;
  const message = `Cannot parse protocol ${
    quote(scheme)
  }: expected "http" or "https"`;
  throw new UrlError(message, {
    code: "unknown-protocol",
    input: text,
    index: 0,
  });
}

function refuseRelative(text: string): never {
  const message = `Cannot parse URL ${
    quote(text)
  }: expected "http:" or "https:" at its start`;
  throw new UrlError(message, {
    code: "missing-protocol",
    input: text,
    index: 0,
  });
}

/** `//`, or any number of slashes and backslashes. */
function skipSlashes(text: string, start: number): number {
  let end = start;
  while (isSlash(text.charCodeAt(end))) end++;
  return end;
}

function isSlash(code: number): boolean {
  return code === SLASH || code === BACKSLASH;
}

function findAuthorityEnd(text: string, start: number): number {
  let end = start;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (isSlash(code) || code === QUESTION_MARK || code === HASH) break;
  }
  return end;
}

/** `path[?params][#fragment]`; the path is as it was in the text. */
function readTail(
  text: string,
  start: number,
): Pick<UrlParts, "path" | "params" | "fragment"> {
  const hash = text.indexOf("#", start);
  const end = hash === -1 ? text.length : hash;
  const mark = text.indexOf("?", start);
  const pathEnd = mark === -1 || mark > end ? end : mark;
  return {
    path: text.slice(start, pathEnd),
    params: pathEnd === end
      ? null
      : PARAMS_SET.encode(text.slice(pathEnd + 1, end)),
    fragment: hash === -1 ? null : FRAGMENT_SET.encode(text.slice(hash + 1)),
  };
}

/** A reference without an authority. */
function readRelative(text: string, start: number, base: UrlParts): UrlParts {
  const { path, params, fragment } = readTail(text, start);
  if (path !== "") {
    const directory = base.path.slice(0, base.path.lastIndexOf("/") + 1);
    const whole = isSlash(path.charCodeAt(0)) ? path : directory + path;
    return { ...base, path: normalizePath(whole), params, fragment };
  }
  return { ...base, params: params ?? base.params, fragment };
}

/** Puts the parts together again (URL standard 4.5). */
export function writeParts(parts: UrlParts): string {
  const { protocol, username, password, path, params, fragment } = parts;
  const secret = password === "" ? "" : `:${password}`;
  const userinfo = username === "" && secret === ""
    ? ""
    : `${username}${secret}@`;
  const query = params === null ? "" : `?${params}`;
  const end = fragment === null ? "" : `#${fragment}`;
  return `${protocol}://${userinfo}${writeHost(parts)}${path}${query}${end}`;
}

/** `hostname[:port]`, without the protocol's own port. */
export function writeHost({ protocol, hostname, port }: UrlParts): string {
  return port === defaultPort(protocol) ? hostname : `${hostname}:${port}`;
}
