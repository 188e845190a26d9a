/**
 * Those of the client's five steps that can fail: find the address and port,
 * connect (with TLS and a proxy's tunnel, if any), read and write. Deno creates
 * a socket when it connects it, and closing one does not fail.
 *
 * @example Check whether the server may have seen the request
 * ```ts
 * import { ClientError, type ClientStep, get, listen } from "@knock/http";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const before: ClientStep[] = ["resolve", "connect"];
 * using listener = listen(); // and never accept
 * const { port } = listener.addr as Deno.NetAddr;
 * const getIt = () => get(`http://127.0.0.1:${port}/`, { idleTimeout: 10 });
 * const { step } = await assertRejects(getIt, ClientError);
 * assertEquals(before.includes(step), false);
 * ```
 *
 * @category Fetch
 */
export type ClientStep = "resolve" | "connect" | "exchange";

const OPENSSL = "openssl s_client -connect HOST:PORT";
const NETCAT = "nc NAME PORT, and type GET / HTTP/1.0 and an empty line";
/** For each code: curl's exit code, the likely cause, and what to try next. */
const FAILURES: Readonly<Record<ClientErrorCode, [number, string, string]>> = {
  "location-protocol": [1, "it leads away from http", "without redirects"],
  "location": [3, "its Location is not valid", "without redirects"],
  "proxy-not-found": [5, "a typo in the proxy's name", "getent hosts NAME"],
  "proxy-invalid": [5, "a typo in the proxy's URL", "env | grep -i proxy"],
  "host-not-found": [6, "a typo, or DNS has no such name", "getent hosts NAME"],
  "refused": [7, "no server runs there, or on another port", "ss -ltn there"],
  "unreachable": [7, "the host is off, or there is no network", "ping NAME"],
  "proxy-refused": [7, "it wants a password, or allows no tunnel", NETCAT],
  "malformed": [8, "it is not an HTTP server", NETCAT],
  "truncated": [18, "it crashed, or the connection broke", "the same again"],
  "timeout": [28, "it is slow, or a firewall drops packets", "ping NAME"],
  "tls": [35, "it has no TLS there, or only an old one", OPENSSL],
  "too-many-redirects": [47, "they form a loop", "without redirects"],
  "redirect": [47, "the resource has moved", "with redirects"],
  "empty-reply": [52, "it crashed, or speaks another protocol", NETCAT],
  "reset": [56, "it crashed, or a firewall cut it off", "the same again"],
  "head-too-large": [56, "it is not an HTTP server", NETCAT],
  "client-certificate": [58, "the key is not its own", "openssl x509"],
  "certificate": [60, "its signer, name or date is wrong", OPENSSL],
  "coding": [61, "the body was cut or damaged", "without compression"],
  "too-large": [63, "the body is longer than allowed", "a higher limit"],
};

/**
 * What went wrong.
 *
 * - `"host-not-found"`, `"proxy-not-found"`: the name has no address
 * - `"proxy-invalid"`: the URL of the proxy is not an http URL
 * - `"refused"`, `"unreachable"`: no address accepted a connection
 * - `"tls"`, `"certificate"`, `"client-certificate"`: the handshake failed, or
 *   one side's certificate was not accepted
 * - `"proxy-refused"`: the proxy did not open a tunnel
 * - `"timeout"`: a deadline passed, in the step that `step` names
 * - `"empty-reply"`: the connection ended before the first byte of a response
 * - `"malformed"`, `"head-too-large"`: the response is not HTTP, or its head is
 *   over a limit
 * - `"truncated"`: the response ended too early; the message names what was
 *   missing
 * - `"reset"`: the connection broke
 * - `"coding"`: a content coding is wrong or cut, there are too many, or the
 *   transfer coding is unknown
 * - `"too-large"`: the body is over `maxBodyBytes`
 * - `"redirect"`, `"too-many-redirects"`: a redirect arrived although none was
 *   allowed, or one more than allowed
 * - `"location"`, `"location-protocol"`: a redirect does not lead to a URL, or
 *   leads to one whose protocol is not http or https, or not allowed
 *
 * @example Use your own wording
 * ```ts
 * import { ClientError, type ClientErrorCode, get } from "@knock/http";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const words: Partial<Record<ClientErrorCode, string>> = {
 *   "host-not-found": "Is the name spelled right?",
 * };
 * const resolve = { "knock.example:80": [] }; // no address
 * const getIt = () => get("http://knock.example/", { resolve });
 * const { code } = await assertRejects(getIt, ClientError);
 * assertEquals(words[code], "Is the name spelled right?");
 * ```
 *
 * @category Fetch
 */
export type ClientErrorCode =
  | "host-not-found"
  | "proxy-not-found"
  | "proxy-invalid"
  | "refused"
  | "unreachable"
  | "tls"
  | "certificate"
  | "client-certificate"
  | "proxy-refused"
  | "timeout"
  | "empty-reply"
  | "malformed"
  | "head-too-large"
  | "truncated"
  | "reset"
  | "coding"
  | "too-large"
  | "redirect"
  | "too-many-redirects"
  | "location"
  | "location-protocol";

/**
 * The fields of a {@linkcode ClientError} besides its message.
 *
 * @example Create an error for a test
 * ```ts
 * import { ClientError, type ClientErrorOptions } from "@knock/http/client";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const options: ClientErrorOptions = {
 *   code: "host-not-found",
 *   step: "resolve",
 *   host: "knock.example",
 * };
 * const error = new ClientError('Cannot find host "knock.example"', options);
 * assertStringIncludes(error.hint, "getent hosts knock.example");
 * ```
 *
 * @category Fetch
 */
export type ClientErrorOptions =
  & Pick<ClientError, "code" | "step" | "cause">
  & Partial<Pick<ClientError, "host" | "address" | "port">>;

/**
 * Thrown when a request fails because of the network or the other side.
 *
 * A mistake of the caller is a `TypeError`, such as `UrlError`; an aborted
 * signal rejects with its own reason.
 *
 * @example Usage
 * ```ts
 * import { ClientError } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new ClientError("Cannot connect to 192.0.2.1:81: refused", {
 *   code: "refused",
 *   step: "connect",
 * });
 * assertEquals(error.exitCode, 7);
 * ```
 *
 * @category Fetch
 */
export class ClientError extends Error {
  /** The name of this class of errors. */
  override readonly name = "ClientError";
  /** What went wrong. */
  readonly code: ClientErrorCode;
  /** Which of the client's five steps failed. */
  readonly step: ClientStep;
  /** The exit code that curl has for this failure. */
  readonly exitCode: number;
  /** The host of the URL, or of the proxy; null when it is not known. */
  readonly host: string | null;
  /** The IP address; null when it is not known. */
  readonly address: string | null;
  /** The port; null when it is not known. */
  readonly port: number | null;

  /**
   * Creates an error.
   *
   * @param message What was tried, the quoted value, and what is wrong.
   * @param options The code, the step and the place.
   */
  constructor(message: string, options: ClientErrorOptions) {
    super(message, options);
    this.code = options.code;
    this.step = options.step;
    this.exitCode = FAILURES[options.code][0];
    this.host = options.host ?? null;
    this.address = options.address ?? null;
    this.port = options.port ?? null;
  }

  /** The likely cause, and what to try next. */
  get hint(): string {
    const [, cause, next] = FAILURES[this.code];
    const name = this.host?.replace(/[[\]]/g, "") ?? "";
    const command = next.replace("NAME", name)
      .replace("HOST", this.host ?? "").replace("PORT", String(this.port));
    return `likely cause: ${cause}; try next: ${command}`;
  }
}

/** Writes a status in one short line: a reason phrase can have 64 KB. */
export function describeStatus(status: number, reason: string): string {
  return `${status} ${reason.slice(0, 60)}`;
}

/** The system's error codes, and what they mean. */
const SOCKET_FAULTS: Readonly<Record<string, string>> = {
  EHOSTUNREACH: "unreachable: the host is down, or no route leads there",
  ENETUNREACH: "unreachable: this machine has no route to its network",
  EADDRNOTAVAIL: "unreachable: this machine has no route to its network",
  ETIMEDOUT:
    "no answer: the host is down, or something on the way drops packets",
  ECONNRESET: "the other side reset the connection",
  EPIPE: "the other side has closed the connection",
};

/** Describes why a connection could not be made, or broke. */
export function describeIoError(error: unknown): string {
  const { code = "", message } = error as { code?: string; message: string };
  // With TLS 1.3 this error arrives only after the handshake
  return message.includes("CertificateRequired")
    ? "the other side wants a client certificate: give cert and key"
    : SOCKET_FAULTS[code] ?? message;
}

/**
 * Describes why connecting to an address failed.
 *
 * @param port The port; null for a unix socket.
 */
export function describeConnectError(error: unknown, port: number | null) {
  if (Object(error).code !== "ECONNREFUSED") return describeIoError(error);
  return port === null
    ? "refused: nothing listens on it"
    : `refused: the host is up, but nothing listens on port ${port}`;
}
