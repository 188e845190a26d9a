/**
 * The client's five steps, as the lecture counts them: find the address and
 * port, create a socket, connect (with TLS and a proxy's tunnel, where there
 * are any), read and write, close.
 *
 * @category Fetch
 */
export type ClientStep =
  | "resolve"
  | "create"
  | "connect"
  | "exchange"
  | "close";

/** curl's exit code for each {@linkcode ClientErrorCode}. */
const EXIT_CODES: Readonly<Record<ClientErrorCode, number>> = {
  "location-protocol": 1,
  "location": 3,
  "proxy-not-found": 5,
  "proxy-invalid": 5,
  "host-not-found": 6,
  "refused": 7,
  "unreachable": 7,
  "proxy-refused": 7,
  "malformed": 8,
  "truncated": 18,
  "timeout": 28,
  "tls": 35,
  "too-many-redirects": 47,
  "redirect": 47,
  "empty-reply": 52,
  "reset": 56,
  "head-too-large": 56,
  "client-certificate": 58,
  "certificate": 60,
  "coding": 61,
  "too-large": 63,
};

/**
 * What went wrong.
 *
 * - `"host-not-found"`, `"proxy-not-found"`: no address has that name
 * - `"proxy-invalid"`: what the proxy is said to be is no URL of http
 * - `"refused"`, `"unreachable"`: none of the addresses let itself be connected
 *   to
 * - `"tls"`, `"certificate"`, `"client-certificate"`: the handshake failed, or
 *   one side's certificate is not good
 * - `"proxy-refused"`: the proxy gave no tunnel
 * - `"timeout"`: a deadline passed, in the step that `step` names
 * - `"empty-reply"`: the connection ended before a byte of a response
 * - `"malformed"`, `"head-too-large"`: the response is not HTTP, or its head is
 *   over a limit
 * - `"truncated"`: the response ended too early; the message names what was
 *   missing
 * - `"reset"`: the connection broke
 * - `"coding"`: the content coding is wrong, cut, or there are too many
 * - `"too-large"`: the body goes over `maxBodyBytes`
 * - `"redirect"`, `"too-many-redirects"`: a redirect came where none was
 *   wanted, or one more than allowed
 * - `"location"`, `"location-protocol"`: a redirect leads to no URL, or to one
 *   that is neither http nor https
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
 * What a {@linkcode ClientError} knows besides its message.
 *
 * @category Fetch
 */
export interface ClientErrorOptions {
  /** What went wrong. */
  readonly code: ClientErrorCode;
  /** Which step failed. */
  readonly step: ClientStep;
  /** The host of the URL, or of the proxy. */
  readonly host?: string | null;
  /** The IP address, where one was known. */
  readonly address?: string | null;
  /** The port. */
  readonly port?: number | null;
  /** What caused it. */
  readonly cause?: unknown;
}

/**
 * A request failed at the network or through the other side.
 *
 * The mistakes of the caller are `TypeError`s (among them `UrlError`), and an
 * aborted signal rejects with its own reason.
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
  /** The exit code that curl has for it. */
  readonly exitCode: number;
  /** The host of the URL, or of the proxy; null when it is not known. */
  readonly host: string | null;
  /** The IP address; null when it is not known. */
  readonly address: string | null;
  /** The port; null when it is not known. */
  readonly port: number | null;

  /**
   * Makes an error.
   *
   * @param message What was tried, the quoted value, and its state.
   * @param options Code, step and place.
   */
  constructor(message: string, options: ClientErrorOptions) {
    super(message, "cause" in options ? { cause: options.cause } : {});
    this.code = options.code;
    this.step = options.step;
    this.exitCode = EXIT_CODES[options.code];
    this.host = options.host ?? null;
    this.address = options.address ?? null;
    this.port = options.port ?? null;
  }
}

/** The words of what was thrown, which can be anything. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The system's codes, and what they mean. */
const CONNECT_FAULTS: Readonly<Record<string, string>> = {
  EHOSTUNREACH: "unreachable: the host is down, or there is no way to it",
  ENETUNREACH: "unreachable: this machine has no way to its network",
  EADDRNOTAVAIL: "unreachable: this machine has no way to its network",
  ETIMEDOUT:
    "no answer: the host is down, or something on the way drops what is sent",
  ECONNRESET: "reset before the connection was made",
};

/** Says in words why an address could not be connected to. */
export function describeConnectError(error: unknown, port: number): string {
  const { code = "", message } = error as { code?: string; message: string };
  return code === "ECONNREFUSED"
    ? `refused: the host is up, nothing listens on port ${port}`
    : CONNECT_FAULTS[code] ?? message;
}

/** Says in words why a connection broke while it was used. */
export function describeIoError(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionReset) {
    return "the other side reset the connection";
  }
  if (error instanceof Deno.errors.BrokenPipe) {
    return "the other side has closed the connection";
  }
  const { message } = error as Error;
  // With TLS 1.3 this comes only after the handshake
  return message.includes("CertificateRequired")
    ? "the other side wants a client certificate: give cert and key"
    : message;
}
