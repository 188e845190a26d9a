import { octetsToText } from "../../message/_octets.ts";
import { HeaderFields } from "../../message/header_fields.ts";
import { writeRequestHead } from "../../message/request_head.ts";
import { ClientError, type ClientErrorCode, describeStatus } from "../error.ts";
import { bareHost } from "../resolve.ts";
import { type Route, tunnelFields } from "../route.ts";
import { Connection, MAX_INTERIM } from "./connection.ts";
import type { Attempt } from "./deadline.ts";

/** Asks a proxy for a tunnel to the origin (RFC 9110 section 9.3.6). */
export async function openTunnel(
  connection: Connection,
  { route, emit }: Attempt,
): Promise<void> {
  const target = `${route.server.host}:${route.server.port}`;
  const act = `Cannot open tunnel to ${target} through ${connection.remote}`;
  const refused = (state: string) =>
    connection.error("proxy-refused", `${act}: the proxy ${state}`);
  const headers = new HeaderFields([["Host", target], ...tunnelFields(route)]);
  const request = writeRequestHead({ method: "CONNECT", target, headers });
  // If this fails, the response, or its absence, says more
  await connection.write(request);
  for (let count = 0; count <= MAX_INTERIM; count++) {
    const head = await connection.readHead(route.options).catch((error) => {
      throw connection.toClientError(error, null);
    });
    if (head === null) throw refused("closed the connection");
    const { status, reason, size } = head;
    if (status < 200) continue; // interim (RFC 9110 section 15.2)
    const { bytes, start, length } = connection.buffer;
    const text = octetsToText(bytes, start - size, start);
    emit?.({ type: "tunnel", target, status, text });
    const state = `answered ${describeStatus(status, reason)}`;
    if (status > 299) throw refused(state);
    if (length > 0) throw refused(`${state}, but bytes came before TLS`);
    return;
  }
  throw refused(`sent more than ${MAX_INTERIM} interim responses`);
}

/**
 * Sets up TLS over a connection, as Deno does, or as Node does with options
 * that Deno lacks.
 *
 * @returns The connection to use instead.
 */
export async function startTls(
  connection: Connection,
  { route, deadline, stopwatch, emit }: Attempt,
): Promise<Connection> {
  const { host, port, options } = route;
  const { caCerts = [], tls, cert, unixSocket } = options;
  const hostname = bareHost(host);
  const tcp = connection.socket as Deno.TcpConn;
  const needsNode = (tls ?? cert ?? unixSocket) !== undefined;
  try {
    const socket = needsNode
      ? (await import("./node_tls.ts")).startNodeTls(tcp, hostname, options)
      : await Deno.startTls(tcp, { hostname, caCerts: [...caCerts] });
    const secured = new Connection(socket, { host, port, step: "exchange" });
    deadline.toClose = secured;
    secured.emit = emit;
    deadline.signal.throwIfAborted(); // it may have been too early to close
    await socket.handshake();
    stopwatch.mark("secured");
    emit?.({ type: "secured", hostname, checked: tls?.insecure !== true });
    return secured;
  } catch (error) {
    throw tlsError(error, route);
  }
}

/**
 * What the TLS library says about the other side's certificate, and what that
 * means.
 */
const CERTIFICATE_FAULTS: Readonly<Record<string, string>> = {
  UnknownIssuer:
    "has no trusted signer: name the signer's certificate with caCerts",
  CaUsedAsEndEntity:
    "is that of a CA itself: make a CA and a certificate signed by it",
  UnsupportedCertVersion: "is of version 1, which names no host",
  "not valid for name": "is for another name",
  "self-signed certificate": "has no trusted signer",
  "unable to verify": "has no trusted signer",
  "altnames": "is for another name",
  "xpired": "has expired, or this machine's clock is wrong",
  NotValidYet: "is not valid yet, or this machine's clock is wrong",
  BadEncoding: "is damaged, or one in caCerts is",
  "invalid peer certificate": "is not valid",
};

/** What it says about the handshake, and what that means. */
const HANDSHAKE_FAULTS: Readonly<Record<string, string>> = {
  "corrupt message":
    "it does not speak TLS on this port: maybe the URL should begin with http:",
  HandshakeFailure: "the two sides share no TLS version or cipher",
  ProtocolVersion: "the two sides share no TLS version",
  "unexpected end of file": "it closed the connection during the handshake",
  "reset by peer": "it reset the connection during the handshake",
};

/** What is said about the caller's certificate and key; the first by Node. */
const CLIENT_FAULTS = ["unsupported protocol", "no private key"];

function tlsError(error: unknown, { host, port }: Route): unknown {
  if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) {
    return error;
  }
  const [code, reason] = explain(error.message);
  const text = `Cannot set up TLS with ${host}:${port}: ${reason}`;
  const fields = { code, step: "connect", host, port, cause: error } as const;
  return new ClientError(`${text} (${error.message})`, fields);
}

function explain(message: string): [ClientErrorCode, reason: string] {
  const find = (faults: Readonly<Record<string, string>>) =>
    Object.entries(faults).find(([part]) => message.includes(part))?.[1];
  if (CLIENT_FAULTS.includes(message)) {
    return ["client-certificate", "cert and key are not a pair in PEM"];
  }
  const fault = find(CERTIFICATE_FAULTS);
  return fault === undefined
    ? ["tls", find(HANDSHAKE_FAULTS) ?? "the handshake failed"]
    : ["certificate", `its certificate ${fault}`];
}
