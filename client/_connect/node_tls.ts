import { once } from "node:events";
import { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import type { ClientOptions } from "../options.ts";

/**
 * Sets up TLS over a socket by Node's part of Deno, which can be told what
 * `Deno.startTls` cannot: which versions to speak, and to take any certificate.
 *
 * @param socket The socket, which it takes over.
 * @param host The name or address that the certificate has to be for.
 */
export function startNodeTls(
  socket: Deno.TcpConn,
  host: string,
  { tls: { insecure = false, ...versions } = {}, ...options }: ClientOptions,
): Deno.TlsConn {
  const { caCerts: ca = [], cert, key } = options;
  const tls = connect({
    socket: Duplex.fromWeb(socket),
    host,
    // Said in any case: else a variable of the environment decides
    rejectUnauthorized: !insecure,
    // Together with those of the platform it would need --allow-sys
    ca: ca.length > 0 ? [...ca] : undefined,
    cert,
    key,
    ...versions,
  });
  return asConn(tls, socket);
}

/**
 * A socket of Node in the form of Deno's, or what is used of it. An end without
 * the close_notify of TLS looks like any other here.
 */
function asConn(tls: TLSSocket, socket: Deno.TcpConn): Deno.TlsConn {
  const secured = once(tls, "secureConnect");
  const chunks = tls[Symbol.asyncIterator]();
  let left: Uint8Array = new Uint8Array(0);
  // Whoever waits is told
  secured.catch(() => {});
  tls.on("error", () => {});
  return {
    localAddr: socket.localAddr,
    remoteAddr: socket.remoteAddr,
    ref: () => socket.ref(),
    unref: () => socket.unref(),
    // With an error, so that whoever waits is told
    close: () => void tls.destroy(new Deno.errors.BadResource("closed")),
    handshake: (): Promise<unknown> => secured,
    async read(view: Uint8Array): Promise<number | null> {
      if (left.length === 0) {
        const { value, done } = await chunks.next();
        if (done) return null;
        left = value;
      }
      const count = Math.min(view.length, left.length);
      view.set(left.subarray(0, count));
      left = left.subarray(count);
      return count;
    },
    write: (bytes: Uint8Array): Promise<number> =>
      new Promise((resolve, reject) => {
        const done = () => resolve(bytes.length);
        tls.write(bytes, (error) => error ? reject(error) : done());
      }),
  } as Deno.TlsConn;
}
