import { ClientError, type ClientErrorCode } from "../error.ts";
import { bareHost } from "../resolve.ts";
import { Connection } from "./connection.ts";
import { type Attempt, untilAborted } from "./deadline.ts";
import { describeConnectError } from "./happy_eyeballs.ts";
import type { Route } from "./route.ts";

/** Sets up TLS over a connection, in whose place the new one is used. */
export async function startTls(
  { socket }: Connection,
  { route, deadline }: Attempt,
): Promise<Connection> {
  const { caCerts = [] } = route.options;
  const options = { hostname: bareHost(route.host), caCerts: [...caCerts] };
  deadline.closes = null; // TLS takes the socket over
  try {
    const secure = await Deno.startTls(socket as Deno.TcpConn, options);
    const connection = deadline.closes = new Connection(secure, route);
    deadline.signal.throwIfAborted();
    await secure.handshake();
    return connection;
  } catch (error) {
    closeQuietly(socket);
    throw tlsError(error, route);
  }
}

/**
 * Connects with a client certificate. Deno takes one only where it also looks
 * up the name and connects, so there is no racing of our own here, and the
 * signal only ends the wait: a late socket is closed when it comes.
 */
export async function connectWithCertificate(
  { route, deadline }: Attempt,
): Promise<Connection> {
  const connecting = connectTls(route);
  try {
    const secure = await untilAborted(connecting, deadline.signal);
    return new Connection(secure, route);
  } catch (error) {
    // Its own error is thrown here, or that of the deadline in its place
    connecting.then(closeQuietly, () => {});
    throw error;
  }
}

async function connectTls(route: Route): Promise<Deno.TlsConn> {
  const { host, port, options } = route;
  const { cert = "", key = "", caCerts = [] } = options;
  const hostname = bareHost(host);
  const certificates = { caCerts: [...caCerts], cert, key };
  let socket: Deno.TlsConn | null = null;
  try {
    socket = await Deno.connectTls({ hostname, port, ...certificates });
    await socket.handshake();
    return socket;
  } catch (error) {
    socket?.close();
    throw tlsError(error, route);
  }
}

/** Closes a socket that may have been taken over already. */
function closeQuietly(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/**
 * What the TLS library says of the other side's certificate, and what it means.
 */
const CERTIFICATE_FAULTS: Readonly<Record<string, string>> = {
  UnknownIssuer:
    "is signed by nobody trusted here: name the signer's certificate with caCerts",
  CaUsedAsEndEntity:
    "is a signer's own (CA): make a CA and a certificate signed by it",
  "not valid for name": "is for another name",
  Expired: "has expired, or this machine's clock is wrong",
  NotValidYet: "is not valid yet, or this machine's clock is wrong",
  Revoked: "was revoked",
  BadEncoding: "is damaged, or one in caCerts is",
  "invalid peer certificate": "is not valid",
};

/** What it says of the handshake. */
const HANDSHAKE_FAULTS: Readonly<Record<string, string>> = {
  "corrupt message":
    "it does not speak TLS on this port: maybe the URL begins with http:",
  HandshakeFailure: "no version of TLS or cipher is known to both sides",
  ProtocolVersion: "no version of TLS is known to both sides",
  "unexpected end of file": "it closed the connection during the handshake",
  "reset by peer": "it reset the connection during the handshake",
};

/** What it says of what the caller gave. */
const OWN_FAULT_REGEXP = /No certificates found|No keys found|KeyMismatch/;

function tlsError(error: unknown, { host, port }: Route): unknown {
  if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) {
    return error;
  }
  const fail = (code: ClientErrorCode, why: string): ClientError =>
    new ClientError(
      `Cannot set up TLS with ${host}:${port}: ${why} (${error.message})`,
      { code, step: "connect", host, port, cause: error },
    );
  if (error instanceof Deno.errors.ConnectionRefused) {
    return fail("refused", describeConnectError(error, port));
  }
  if (OWN_FAULT_REGEXP.test(error.message)) {
    return fail("client-certificate", "cert and key are no pair of PEM texts");
  }
  const why = meaningOf(CERTIFICATE_FAULTS, error);
  return why === undefined
    ? fail("tls", meaningOf(HANDSHAKE_FAULTS, error) ?? "the handshake failed")
    : fail("certificate", `its certificate ${why}`);
}

function meaningOf(
  faults: Readonly<Record<string, string>>,
  { message }: Error,
): string | undefined {
  return Object.entries(faults).find(([said]) => message.includes(said))?.[1];
}
