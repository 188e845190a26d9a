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
  const recordEnd = new RecordEnd();
  const readable = ReadableStream.from(recordEnd.follow(socket.readable));
  const tls = connect({
    // In Deno 2.8 the types of Node's streams are not those of the web's
    socket: Duplex.fromWeb({ readable, writable: socket.writable } as never),
    host,
    // Always given, because otherwise an environment variable decides
    rejectUnauthorized: !insecure,
    secureContext,
  });
  return toConn(tls, socket, recordEnd);
}

/**
 * The first octets of a TLS record that holds one alert: type, version and
 * length (RFC 8446 section 5.2, RFC 5288, RFC 7905). In TLS 1.3 all records
 * have the same type, and only one with two octets of data has this length.
 */
const ALERT_HEADERS = ["1703030013", "150303001a", "1503030012"];
const MAX_ALERT_BYTES = 5 + 0x1a;

/**
 * Watches how a TLS stream ends. A stream that is cut ends without the alert
 * close_notify, and Node does not report that.
 */
class RecordEnd {
  #last: Uint8Array = new Uint8Array(0);

  /** Passes on the bytes of a socket, and remembers the last ones. */
  async *follow(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of chunks) {
      const last = [...this.#last, ...bytes.slice(-MAX_ALERT_BYTES)];
      this.#last = Uint8Array.from(last.slice(-MAX_ALERT_BYTES));
      yield bytes;
    }
  }

  /** Whether the last record is an alert. */
  get isAlert(): boolean {
    const octets = this.#last.toHex();
    return ALERT_HEADERS.some((header) => {
      const length = header.length + 2 * parseInt(header.slice(6), 16);
      return octets.slice(-length).startsWith(header);
    });
  }
}

/** Wraps a socket of Node in the parts of `Deno.TlsConn` that are used. */
function toConn(
  tls: TLSSocket,
  socket: Deno.TcpConn,
  recordEnd: RecordEnd,
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
        if (done && !recordEnd.isAlert) throw new Deno.errors.UnexpectedEof();
        if (done) return null;
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
