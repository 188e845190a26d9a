import type { Context } from "./context.ts";
import { untilAborted } from "./deadline.ts";
import { whyRefused } from "./race.ts";
import { ClientError, type ClientErrorCode } from "../error.ts";
import { bareHost } from "../resolve.ts";

/** Where TLS leads. */
export interface TlsPeer {
  /** The host whose name the certificate must have, IPv6 in brackets. */
  readonly host: string;
  /** The port, for messages. */
  readonly port: number;
}

/** Sets up TLS on a connected socket, which is closed when that fails. */
export async function startTls(
  socket: Deno.TcpConn,
  peer: TlsPeer,
  context: Context,
): Promise<Deno.TlsConn> {
  const { deadline, options, emit } = context;
  const hostname = bareHost(peer.host);
  const caCerts = [...options.caCerts ?? []];
  let open: Deno.Conn = socket;
  try {
    const secure = await Deno.startTls(socket, { hostname, caCerts });
    open = secure;
    deadline.pending = secure;
    deadline.throwIfOver();
    await secure.handshake();
    deadline.throwIfOver();
    emit?.({ type: "secured", hostname });
    return secure;
  } catch (error) {
    closeQuietly(open);
    throw deadline.explain(tlsError(error, peer));
  } finally {
    deadline.pending = null;
  }
}

/**
 * Connects with a client certificate. Deno takes one only where it also looks
 * up the name and connects, so there is no racing of our own here, and no
 * signal: a late socket is closed when it comes.
 */
export async function connectWithCertificate(
  peer: TlsPeer,
  context: Context,
): Promise<Deno.TlsConn> {
  const { options, deadline, emit } = context;
  const { cert = "", key = "", caCerts = [] } = options;
  const hostname = bareHost(peer.host);
  const connecting = (async () => {
    const secure = await Deno.connectTls({
      hostname,
      port: peer.port,
      caCerts: [...caCerts],
      cert,
      key,
    });
    try {
      await secure.handshake();
      return secure;
    } catch (error) {
      closeQuietly(secure);
      throw error;
    }
  })();
  try {
    const secure = await untilAborted(connecting, deadline.signal);
    emit?.({ type: "secured", hostname });
    return secure;
  } catch (error) {
    connecting.then(closeQuietly, () => {}); // already told, or told by the deadline
    throw deadline.explain(tlsError(error, peer));
  }
}

function closeQuietly(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // startTls took it over and closed it
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

function tlsError(error: unknown, { host, port }: TlsPeer): unknown {
  if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) {
    return error;
  }
  const fail = (code: ClientErrorCode, why: string): ClientError =>
    new ClientError(
      `Cannot set up TLS with ${host}:${port}: ${why} (${error.message})`,
      { code, step: "connect", host, port, cause: error },
    );
  if (error instanceof Deno.errors.ConnectionRefused) {
    return fail("refused", whyRefused(error, port));
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
