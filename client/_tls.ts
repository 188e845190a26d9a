import type { Context } from "./_context.ts";
import { untilAborted } from "./_deadline.ts";
import { whyRefused } from "./_race.ts";
import { ClientError, type ClientErrorCode } from "./error.ts";

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
    deadline.onOver = () => secure.close();
    deadline.throwIfOver();
    await secure.handshake();
    deadline.throwIfOver();
    emit?.({ type: "secured", hostname });
    return secure;
  } catch (error) {
    closeQuietly(open);
    throw deadline.explain(tlsError(error, peer));
  } finally {
    deadline.onOver = null;
  }
}

/**
 * Connects with a client certificate. Deno takes one only where it also looks up the name and connects, so there is no
 * racing of our own here, and no signal: a late socket is closed when it comes.
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

function bareHost(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

function closeQuietly(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // startTls took it over and closed it
  }
}

/** What the TLS library says, and what it means. */
const MEANINGS: readonly (readonly [RegExp, ClientErrorCode, string])[] = [
  [
    /UnknownIssuer/,
    "certificate",
    "its certificate is signed by nobody trusted here: name the signer's certificate with caCerts",
  ],
  [
    /CaUsedAsEndEntity/,
    "certificate",
    "it shows a signer's certificate (CA) as its own: make a CA and a certificate signed by it",
  ],
  [
    /not valid for name|NotValidForName/,
    "certificate",
    "its certificate is for another name",
  ],
  [
    /Expired/,
    "certificate",
    "its certificate has expired, or this machine's clock is wrong",
  ],
  [
    /NotValidYet/,
    "certificate",
    "its certificate is not valid yet, or this machine's clock is wrong",
  ],
  [/Revoked/, "certificate", "its certificate was revoked"],
  [
    /BadEncoding/,
    "certificate",
    "its certificate, or one in caCerts, is damaged",
  ],
  [/invalid peer certificate/, "certificate", "its certificate is not valid"],
  [
    /No certificates found|No keys found|KeyMismatch/,
    "client-certificate",
    "cert and key are no pair of PEM texts",
  ],
  [
    /InvalidContentType|InvalidMessage|corrupt message/,
    "tls",
    "it does not speak TLS on this port: maybe the URL begins with http:",
  ],
  [
    /HandshakeFailure|ProtocolVersion|PeerIncompatible/,
    "tls",
    "no version of TLS or cipher is known to both sides",
  ],
  [
    /unexpected end of file|reset by peer/i,
    "tls",
    "it closed the connection during the handshake",
  ],
];

function tlsError(error: unknown, { host, port }: TlsPeer): unknown {
  if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) {
    return error;
  }
  if (error instanceof Deno.errors.ConnectionRefused) {
    const message = `Cannot connect to ${host}:${port}: ${
      whyRefused(error, port)
    }`;
    return new ClientError(message, {
      code: "refused",
      step: "connect",
      host,
      port,
      cause: error,
    });
  }
  const [, code, meaning] =
    MEANINGS.find(([pattern]) => pattern.test(error.message)) ??
      [null, "tls", "the handshake failed"] as const;
  return new ClientError(
    `Cannot set up TLS with ${host}:${port}: ${meaning} (${error.message})`,
    { code, step: "connect", host, port, cause: error },
  );
}
