import { checkOptions } from "../message/_options.ts";
import { sendAtOnce } from "../message/_socket.ts";
import { Wire, type WireOptions } from "../message/wire.ts";

/**
 * Where {@linkcode listen} listens, and the limits of its wires.
 *
 * @example Wait for a short time only
 * ```ts
 * import { connect, listen, type ListenOptions } from "@knock/http";
 * import { assertRejects } from "@std/assert";
 *
 * const options: ListenOptions = { port: 0, timeout: 10 };
 * using listener = listen(options);
 * const { port } = listener.addr as Deno.NetAddr;
 * await using _silent = await connect({ port });
 * await using wire = await listener.accept();
 * await assertRejects(() => wire.readLine(), Error, "within 10 ms");
 * ```
 *
 * @category Sockets
 */
export interface ListenOptions extends Omit<WireOptions, "startTimer"> {
  /**
   * The address to bind to.
   *
   * @default {"127.0.0.1"}
   */
  readonly hostname?: string;
  /**
   * The port; 0 picks a free one.
   *
   * @default {0}
   */
  readonly port?: number;
  /** The path of a unix socket to bind to in place of an address. */
  readonly path?: string;
  /** The certificate chain in PEM for TLS; needs `key`. */
  readonly cert?: string;
  /** The private key in PEM for TLS; needs `cert`. */
  readonly key?: string;
}

/**
 * A listener, which accepts connections one after the other.
 *
 * @example Talk to every client
 * ```ts
 * import { connect, listen } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = listen({ port: 0 });
 * const { port } = listener.addr as Deno.NetAddr;
 * await using caller = await connect({ port });
 *
 * for await (const wire of listener) {
 *   await wire.writeLine("Who's there?");
 *   wire.close();
 *   break;
 * }
 * assertEquals(await caller.readLine(), "Who's there?");
 * ```
 *
 * @category Sockets
 */
export interface Listener extends AsyncIterable<Wire>, Disposable {
  /** The address that it is bound to. */
  readonly addr: Deno.Addr;
  /** Waits for the next connection; rejects once the listener is closed. */
  accept(): Promise<Wire>;
  /** Stops listening; open wires stay open. */
  close(): void;
}

/**
 * Listens for a protocol of your own, in a server's first four steps: find the
 * address and port, create a socket, bind it, listen.
 *
 * @param options Where to listen.
 * @returns The listener.
 * @throws {TypeError} If only one of `cert` and `key` is given, or both with a
 *   `path`; if an option is not of its type.
 * @throws {RangeError} If a number makes no sense.
 * @throws {Deno.errors.AddrInUse} If something else listens there. What else
 *   can go wrong with the address is the same as for `serve`.
 *
 * @example Usage
 * ```ts
 * import { listen } from "@knock/http/server";
 * import { connect } from "@knock/http/client";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = listen({ port: 0 });
 * const { port } = listener.addr as Deno.NetAddr;
 * await using wire = await connect({ hostname: "127.0.0.1", port });
 * await wire.write("Knock knock\n");
 * await using accepted = await listener.accept();
 * assertEquals(await accepted.readLine(), "Knock knock");
 * ```
 *
 * @category Sockets
 */
export function listen(options: ListenOptions = {}): Listener {
  const listener = openListener(options);
  let isClosed = false;
  const accept = async () => {
    const conn = await listener.accept();
    sendAtOnce(conn);
    return new Wire(conn, { ...options, startTimer });
  };
  const close = () => {
    if (!isClosed) listener.close();
    isClosed = true;
  };
  return {
    addr: listener.addr,
    accept,
    close,
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) yield await accept();
      } catch (error) {
        if (!isClosed) throw error;
      }
    },
    [Symbol.dispose]: close,
  };
}

function startTimer(callback: () => void, milliseconds: number): Disposable {
  const timer = setTimeout(callback, milliseconds);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/**
 * Opens a listener in a server's first four steps: find the address and port,
 * create a socket, bind it, listen.
 */
export function openListener(
  options: ListenOptions & { readonly reusePort?: boolean },
): Deno.Listener {
  checkOptions(options);
  const { cert, key, path, hostname = "127.0.0.1", port = 0 } = options;
  const { reusePort = false } = options;
  // Without that flag a function is missing, and listening ends the process
  if (reusePort && !("listenDatagram" in Deno)) {
    const state = "several listeners on one port need deno run --unstable-net";
    throw new Deno.errors.NotCapable(`Cannot share a port: ${state}`);
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot serve: TLS needs both cert and key");
  }
  if (path !== undefined) {
    const state = "TLS goes with a port, not with a unix socket";
    if (cert !== undefined) throw new TypeError(`Cannot serve: ${state}`);
    removeStaleSocket(path);
    return Deno.listen({ transport: "unix", path });
  }
  const name = hostname.replace(/^\[|\]$/g, "");
  const address = { hostname: name, port, reusePort };
  return cert === undefined || key === undefined
    ? Deno.listen(address)
    : Deno.listenTls({ ...address, cert, key });
}

/**
 * Removes the socket of a server that was killed, because binding to it fails;
 * other files are left alone.
 */
function removeStaleSocket(path: string): void {
  try {
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  } catch {
    // Nothing is there, or listening will report what is wrong
  }
}
