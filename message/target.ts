// Whom a request is for: its target and its Host field.

import { parseIpv6 } from "../url/ip_address.ts";
import { quote } from "./_octets.ts";
import { MessageError } from "./error.ts";

/** What the second word of a request line says (RFC 9112 section 3.2). */
export interface RequestTarget {
  /** Its shape: `/a?b`, `http://host/a?b`, or the `*` of `OPTIONS`. */
  readonly form: "origin-form" | "absolute-form" | "asterisk-form";
  /** The protocol of an absolute-form, null in the other forms. */
  readonly protocol: "http" | "https" | null;
  /** Host and port of an absolute-form, null in the other forms. */
  readonly host: string | null;
  /** The path, still percent-encoded; `*` in asterisk-form. */
  readonly path: string;
  /** What follows the `?`, without it; null when there is no `?`. */
  readonly params: string | null;
}

// absolute-path [ "?" query ] with the characters of RFC 3986, and those that
// browsers send unencoded: [ ] { } | ^ `
const PATH_AND_PARAMS_REGEXP = /^\/(?:[!$&-;=?-[\]^-~]|%[0-9A-Fa-f]{2})*$/;
const ABSOLUTE_FORM_REGEXP = /^(https?):\/\/([^/?]*)(.*)$/i;

/**
 * Reads a request target.
 *
 * @param method The method, which decides about `*`.
 * @param target The target as sent.
 * @returns Its form and parts.
 * @throws {MessageError} If a character or a percent-encoding is invalid, or no
 *   form fits.
 *
 * @example Usage
 * ```ts
 * import { parseTarget } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseTarget("GET", "/a%20b?c=d").path, "/a%20b");
 * assertEquals(parseTarget("GET", "http://example.org").host, "example.org");
 * ```
 */
export function parseTarget(method: string, target: string): RequestTarget {
  if (target.charCodeAt(0) === 0x2f) {
    return originForm(target, target, null, null);
  }
  if (target === "*" && method === "OPTIONS") {
    return {
      form: "asterisk-form",
      protocol: null,
      host: null,
      path: "*",
      params: null,
    };
  }
  const [, protocol, host, rest] = ABSOLUTE_FORM_REGEXP.exec(target) ?? [];
  if (protocol === undefined || host === undefined || rest === undefined) {
    throw faultyTarget(target, "neither a path nor an http URL");
  }
  // RFC 9110 sections 4.2.1 and 4.2.4: no empty host, no user and password
  if (host === "" || !isValidHost(host)) {
    throw faultyTarget(target, `host ${quote(host)} is invalid`);
  }
  const path = rest.startsWith("/") ? rest : "/" + rest;
  return originForm(
    target,
    path,
    protocol.toLowerCase() as "http" | "https",
    host,
  );
}

function originForm(
  target: string,
  pathAndParams: string,
  protocol: "http" | "https" | null,
  host: string | null,
): RequestTarget {
  if (!PATH_AND_PARAMS_REGEXP.test(pathAndParams)) {
    throw faultyTarget(
      target,
      "has a character or percent-encoding that no URL has",
    );
  }
  const question = pathAndParams.indexOf("?");
  return {
    form: host === null ? "origin-form" : "absolute-form",
    protocol,
    host,
    path: question < 0 ? pathAndParams : pathAndParams.slice(0, question),
    params: question < 0 ? null : pathAndParams.slice(question + 1),
  };
}

function faultyTarget(target: string, why: string): MessageError {
  return new MessageError(
    "target",
    `Cannot parse request target ${quote(target)}: ${why}`,
  );
}

// Host = uri-host [ ":" port ] (RFC 9110 section 7.2, RFC 3986 section 3.2.2);
// reg-name without the comma, which would make a list of two Host lines that
// were joined
const NAME = "(?:[A-Za-z0-9\\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})*";
const LITERAL = "\\[[0-9A-Fa-f:.]+\\]";
const HOST_REGEXP = new RegExp(`^(${NAME}|${LITERAL})(?::(\\d{0,5}))?$`);
const MAX_PORT = 65_535;

/**
 * Takes the name out of the value of a `Host` field: a domain, an IPv4 address,
 * or an IPv6 address in brackets, without the port; null when the value is
 * invalid.
 */
export function hostName(value: string): string | null {
  const [, name, port] = HOST_REGEXP.exec(value) ?? [];
  if (name === undefined || Number(port ?? 0) > MAX_PORT) return null;
  const isValid = !name.startsWith("[") ||
    parseIpv6(name.slice(1, -1)) !== null;
  return isValid ? name : null;
}

/**
 * Tells whether a value is right for the `Host` field: a name, an IPv4 address
 * or an IPv6 address in brackets, with or without a port; or nothing.
 *
 * @param value The value, without white space around it.
 * @returns True when it is valid.
 *
 * @example Usage
 * ```ts
 * import { isValidHost } from "@knock/http/message";
 * import { assert } from "@std/assert";
 *
 * assert(isValidHost("example.org:8000"));
 * assert(isValidHost("[::1]"));
 * assert(!isValidHost("a, b"));
 * ```
 */
export function isValidHost(value: string): boolean {
  return hostName(value) !== null;
}
