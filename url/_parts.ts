import { quote, UrlError } from "./error.ts";
import { parseHost } from "./host.ts";
import { encodeFragment, encodeParams, encodeUserinfo } from "./percent.ts";
import { defaultPort, type Protocol } from "./protocol.ts";
import { normalizePath } from "./_path.ts";

/** The parts of a URL in the order in which they stand in it. */
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

type Authority = Pick<UrlParts, "username" | "password" | "hostname" | "port">;

const PLAIN_REGEXP = /^[!-~]*$/;
const REMOVED_REGEXP = /[\t\n\r]/g;
const SCHEME_REGEXP = /^[a-z][a-z0-9+.-]*$/i;
const AUTHORITY_END_REGEXP = /[/\\?#]/g;
const PORT_REGEXP = /^[0-9]*$/;
const MAX_PORT = 65_535;
const SPACE = 0x20;

/** Reads a URL part by part; a base gives what a relative reference leaves out (URL standard 4.4). */
export function parseParts(input: string, base: UrlParts | null): UrlParts {
  if (PLAIN_REGEXP.test(input)) return readParts(input, base);
  const { text, locate } = clean(input);
  try {
    return readParts(text, base);
  } catch (error) {
    if (!(error instanceof UrlError)) throw error;
    throw new UrlError(error.message, {
      code: error.code,
      input,
      index: locate(error.index),
    });
  }
}

/** Drops controls and spaces at both ends, tabs and line ends anywhere, and lone surrogates. */
function clean(
  input: string,
): { text: string; locate: (index: number) => number } {
  let start = 0;
  let end = input.length;
  while (start < end && input.charCodeAt(start) <= SPACE) start++;
  while (start < end && input.charCodeAt(end - 1) <= SPACE) end--;
  const text = input.slice(start, end).replace(REMOVED_REGEXP, "")
    .toWellFormed();
  const locate = (index: number): number => {
    let at = start;
    for (let left = index; at < end; at++) {
      if (
        input.slice(at, at + 1).search(REMOVED_REGEXP) === -1 && left-- === 0
      ) break;
    }
    return at;
  };
  return { text, locate };
}

function readParts(text: string, base: UrlParts | null): UrlParts {
  const scheme = readProtocol(text);
  const protocol = scheme ?? base?.protocol;
  if (protocol === undefined) {
    const message = `Cannot parse URL ${
      quote(text)
    }: expected "http:" or "https:" at its start`;
    throw new UrlError(message, {
      code: "missing-protocol",
      input: text,
      index: 0,
    });
  }
  const start = scheme === null ? 0 : scheme.length + 1;
  const slashesEnd = skipSlashes(text, start);
  // "http:foo" is relative to a base of the same protocol, and absolute otherwise.
  if (base !== null && base.protocol === protocol && slashesEnd - start < 2) {
    return readRelative(text, start, base);
  }
  const end = authorityEnd(text, slashesEnd);
  const authority = readAuthority(text, slashesEnd, end, protocol);
  return { protocol, ...authority, ...readTail(text, end) };
}

/** Reads `http:` or `https:`; null when the text begins with no scheme at all. */
function readProtocol(text: string): Protocol | null {
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

/** Any number of slashes and backslashes may stand between the protocol and the host. */
function skipSlashes(text: string, start: number): number {
  let end = start;
  while (text[end] === "/" || text[end] === "\\") end++;
  return end;
}

function authorityEnd(text: string, start: number): number {
  AUTHORITY_END_REGEXP.lastIndex = start;
  return AUTHORITY_END_REGEXP.exec(text)?.index ?? text.length;
}

/** `[username[:password]@]host[:port]` */
function readAuthority(
  text: string,
  start: number,
  end: number,
  protocol: Protocol,
): Authority {
  const authority = text.slice(start, end);
  // The last "@" counts: what a reader takes for the host may be a username.
  const at = authority.lastIndexOf("@");
  const userinfo = authority.slice(0, Math.max(at, 0));
  const colon = userinfo.indexOf(":");
  const nameEnd = colon === -1 ? userinfo.length : colon;
  const hostStart = start + at + 1;
  const hostEnd = hostStart + hostLength(authority.slice(at + 1));
  return {
    username: encodeUserinfo(userinfo.slice(0, nameEnd)),
    password: encodeUserinfo(userinfo.slice(nameEnd + 1)),
    hostname: readHost(text, hostStart, hostEnd),
    port: readPort(text, hostEnd + 1, end, protocol),
  };
}

/** The host ends at a colon, but not at one within the brackets of an IPv6 address. */
function hostLength(text: string): number {
  const bracket = text.startsWith("[") ? text.indexOf("]") : 0;
  const colon = bracket === -1 ? -1 : text.indexOf(":", bracket);
  return colon === -1 ? text.length : colon;
}

function readHost(text: string, start: number, end: number): string {
  try {
    return parseHost(text.slice(start, end));
  } catch (error) {
    if (!(error instanceof UrlError)) throw error;
    const index = start + error.index;
    throw new UrlError(error.message, { code: error.code, input: text, index });
  }
}

function readPort(
  text: string,
  start: number,
  end: number,
  protocol: Protocol,
): number {
  if (start >= end) return defaultPort(protocol);
  const digits = text.slice(start, end);
  const port = PORT_REGEXP.test(digits) ? Number(digits) : NaN;
  if (port <= MAX_PORT) return port;
  const message = `Cannot parse port ${
    quote(digits)
  }: expected a number from 0 to ${MAX_PORT}`;
  throw new UrlError(message, {
    code: "invalid-port",
    input: text,
    index: start,
  });
}

/** What follows the authority: `path[?params][#fragment]` */
function readTail(
  text: string,
  start: number,
): Pick<UrlParts, "path" | "params" | "fragment"> {
  const hash = text.indexOf("#", start);
  const end = hash === -1 ? text.length : hash;
  const mark = text.indexOf("?", start);
  const pathEnd = mark === -1 || mark > end ? end : mark;
  return {
    path: normalizePath(text.slice(start, pathEnd)),
    params: pathEnd === end ? null : encodeParams(text.slice(pathEnd + 1, end)),
    fragment: hash === -1 ? null : encodeFragment(text.slice(hash + 1)),
  };
}

/** A reference without a host: what it leaves out at its start is the base's. */
function readRelative(text: string, start: number, base: UrlParts): UrlParts {
  const { protocol, username, password, hostname, port } = base;
  const authority = { protocol, username, password, hostname, port };
  const tail = readTail(text, start);
  const first = text.slice(start, start + 1);
  if (first === "/" || first === "\\") return { ...authority, ...tail };
  if (first === "" || first === "#") {
    return {
      ...authority,
      path: base.path,
      params: base.params,
      fragment: tail.fragment,
    };
  }
  if (first === "?") return { ...authority, ...tail, path: base.path };
  const directory = base.path.slice(0, base.path.lastIndexOf("/") + 1);
  const path = normalizePath(directory + text.slice(start).split(/[?#]/, 1)[0]);
  return { ...authority, ...tail, path };
}
