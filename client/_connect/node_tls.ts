import { once } from "node:events";
import { Duplex } from "node:stream";
import { connect, createSecureContext, type TLSSocket } from "node:tls";
import type { ClientOptions } from "../options.ts";

/**
 * Sets up TLS over a socket with Deno's `node:tls`, which has options that
 * `Deno.startTls` lacks: the versions to speak, to accept any certificate, and
 * to present one.
 *
 * @param socket The socket, which it takes over.
 * @param host The name or address that the certificate must be for.
 */
export function startNodeTls(
  socket: Deno.TcpConn,
  host: string,
  { tls: { insecure = false, ...versions } = {}, ...options }: ClientOptions,
): Deno.TlsConn {
  const { caCerts = [], cert, key } = options;
  // Node would connect, and present no certificate
  if (key?.includes("PRIVATE KEY-----") === false) {
    throw new Error("no private key");
  }
  const secureContext = createSecureContext({ cert, key, ...versions });
  // Unlike the option `ca`, this keeps those of the platform
  for (const pem of caCerts) secureContext.context.addCACert(pem);
  const received = { end: "" };
  const readable = ReadableStream.from(follow(socket.readable, received));
  const tls = connect({
    // In Deno 2.8 the types of Node's streams are not those of the web's
    socket: Duplex.fromWeb({ readable, writable: socket.writable } as never),
    host,
    // Always given, because otherwise an environment variable decides
    rejectUnauthorized: !insecure,
    secureContext,
  });
  return toConn(tls, socket, received);
}

/**
 * A TLS record that holds one alert, in hexadecimal: type, version, length and
 * data (RFC 8446 section 5.2, RFC 5288, RFC 7905). In TLS 1.3 all records have
 * the same type, and only one with two octets of data has this length.
 */
const ALERT_REGEXP = /(?:1703030013.{38}|150303001a.{52}|1503030012.{36})$/;
/** The number of digits in the longest one. */
const MAX_ALERT_DIGITS = 62;

/**
 * Passes on the bytes of a socket, and remembers the last ones: a TLS stream
 * that is cut ends without the alert close_notify, and Node does not report
 * that.
 */
async function* follow(
  chunks: AsyncIterable<Uint8Array>,
  received: { end: string },
): AsyncGenerator<Uint8Array> {
  for await (const bytes of chunks) {
    const end = received.end + bytes.slice(-MAX_ALERT_DIGITS / 2).toHex();
    received.end = end.slice(-MAX_ALERT_DIGITS);
    yield bytes;
  }
}

/** Wraps a socket of Node in the parts of `Deno.TlsConn` that are used. */
function toConn(
  tls: TLSSocket,
  socket: Deno.TcpConn,
  received: { readonly end: string },
): Deno.TlsConn {
  const secured = once(tls, "secureConnect");
  const iterator = tls[Symbol.asyncIterator]();
  let pending: Uint8Array = new Uint8Array(0);
  // Pending calls report these errors, so they need no handling here
  secured.catch(() => {});
  tls.on("error", () => {});
  return {
    localAddr: socket.localAddr,
    remoteAddr: socket.remoteAddr,
    ref: () => socket.ref(),
    unref: () => socket.unref(),
    // With an error, so that pending calls reject
    close: () => void tls.destroy(new Deno.errors.BadResource("closed")),
    handshake: (): Promise<unknown> => secured,
    async read(view: Uint8Array): Promise<number | null> {
      if (pending.length === 0) {
        const { value, done } = await iterator.next();
        if (done && ALERT_REGEXP.test(received.end)) return null;
        if (done) throw new Deno.errors.UnexpectedEof();
        pending = value;
      }
      const count = Math.min(view.length, pending.length);
      view.set(pending.subarray(0, count));
      pending = pending.subarray(count);
      return count;
    },
    write: (bytes: Uint8Array): Promise<number> =>
      new Promise((resolve, reject) => {
        const done = () => resolve(bytes.length);
        tls.write(bytes, (error) => error ? reject(error) : done());
      }),
  } as Deno.TlsConn;
}
