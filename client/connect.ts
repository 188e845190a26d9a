import { checkOptions } from "../message/_options.ts";
import { Wire, type WireOptions } from "../message/wire.ts";
import { addBrackets } from "../url/host.ts";
import { Deadline, IDLE_TIMEOUT, Stopwatch } from "./_connect/deadline.ts";
import { dial } from "./_connect/dial.ts";
import type { ReachOptions } from "./options.ts";
import { createEmitter } from "./trace.ts";

/**
 * Where {@linkcode connect} connects to, and how.
 *
 * @example Limit the length of lines
 * ```ts
 * import { connect, type ConnectOptions, listen } from "@knock/http";
 * import { assertRejects } from "@std/assert";
 *
 * using listener = listen();
 * const { port } = listener.addr as Deno.NetAddr;
 * const options: ConnectOptions = { port, maxLineBytes: 5 };
 * await using wire = await connect(options);
 * await using accepted = await listener.accept();
 * await accepted.writeLine("Who's there?");
 * await assertRejects(() => wire.readLine(), Error, "over 5 bytes");
 * ```
 *
 * @category Sockets
 */
export interface ConnectOptions
  extends ReachOptions, Pick<WireOptions, "maxLineBytes" | "maxBytes"> {
  /**
   * The host: a name, an IPv4 address, or an IPv6 address with or without
   * brackets.
   *
   * @default {"127.0.0.1"}
   */
  readonly hostname?: string;
  /** The port. */
  readonly port: number;
  /** Whether to set up TLS. */
  readonly secure?: boolean;
}

/**
 * Connects to a server for a protocol of your own. These are a client's first
 * three steps: find the address and port, create a socket, connect.
 *
 * @param options Where to connect. `idleTimeout` limits each later call of the
 *   wire; `signal` does not end these calls, but the wire's `close()` does.
 * @returns A wire that reads and writes lines and bytes.
 * @throws {ClientError} If there is no such host, or none of its addresses
 *   accepts a connection.
 * @throws {RangeError} If an option is a number that makes no sense.
 * @throws {TypeError} If an option is not of its type.
 *
 * @example Usage
 * ```ts
 * import { connect } from "@knock/http/client";
 * import { listen } from "@knock/http/server";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = listen({ port: 0 });
 * const { port } = listener.addr as Deno.NetAddr;
 * await using wire = await connect({ hostname: "localhost", port });
 * await using accepted = await listener.accept();
 * await accepted.write("Who's there?\n");
 * assertEquals(await wire.readLine(), "Who's there?");
 * ```
 *
 * @category Sockets
 */
export async function connect(options: ConnectOptions): Promise<Wire> {
  checkOptions(options);
  const { hostname = "127.0.0.1", port, secure = false } = options;
  const { idleTimeout: timeout = IDLE_TIMEOUT } = options;
  const host = addBrackets(hostname);
  using deadline = new Deadline(options);
  const server = { host, port };
  const { socket } = await dial({
    route: { secure, ...server, server, proxy: null, tunnels: false, options },
    deadline,
    stopwatch: new Stopwatch(),
    emit: createEmitter(options.trace),
  });
  return new Wire(socket, { ...options, timeout, startTimer });
}

function startTimer(callback: () => void, milliseconds: number): Disposable {
  const timer = setTimeout(callback, milliseconds);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
