import { Wire } from "../message/wire.ts";
import { addBrackets } from "../url/ip_address.ts";
import { Context } from "./_connect/context.ts";
import { dial } from "./_connect/dial.ts";
import type { ReachOptions } from "./options.ts";

/** Where {@linkcode connect} connects to, and how. */
export interface ConnectOptions extends ReachOptions {
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
  /** The longest line, in bytes. */
  readonly maxLineBytes?: number;
  /** The most bytes that are held at once. */
  readonly maxBytes?: number;
}

/**
 * Connects to a server of one's own protocol: a client's first three steps,
 * find the address and port, create a socket, connect.
 *
 * @param options Where to; `idleTimeout` is the time for each later call of the
 *   wire.
 * @returns What reads and writes lines and bytes.
 * @throws {ClientError} If there is no such host, or none of its addresses
 *   answers.
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
 */
export async function connect(options: ConnectOptions): Promise<Wire> {
  const { hostname = "127.0.0.1", port, secure = false } = options;
  const host = addBrackets(hostname);
  const route = { secure, host, port, proxy: null, key: "" };
  const context = new Context(options);
  using _ = context.deadline;
  const { socket } = await dial(route, context);
  const { maxLineBytes, maxBytes } = options;
  return new Wire(socket, {
    timeout: context.idleTimeout,
    startTimer,
    ...maxLineBytes === undefined ? {} : { maxLineBytes },
    ...maxBytes === undefined ? {} : { maxBytes },
  });
}

function startTimer(callback: () => void, milliseconds: number): Disposable {
  const timer = setTimeout(callback, milliseconds);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
