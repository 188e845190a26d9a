import { ClientError, describeConnectError } from "../error.ts";
import { sendAtOnce } from "../../message/_socket.ts";
import { bareHost, resolveHost } from "../resolve.ts";
import type { Route } from "../route.ts";
import { Connection, writeAddress } from "./connection.ts";
import { type Attempt, type Operation, waitAtMost } from "./deadline.ts";
import { openTunnel, startTls } from "./tls.ts";

/** The default of {@linkcode ReachOptions.connectTimeout}. */
const CONNECT_TIMEOUT = 10_000;
/**
 * The time after which the client tries the next address as well, in
 * milliseconds (RFC 8305 section 5).
 */
const ATTEMPT_DELAY = 250;

type Socket = Deno.TcpConn | Deno.UnixConn;

/**
 * Takes the first three of the five steps: finds the addresses, creates a
 * socket and connects it, all within one time limit. If one of them fails, it
 * closes what was opened and disposes of the deadline.
 */
export async function dial(attempt: Attempt): Promise<Connection> {
  const { route, deadline } = attempt;
  const { connectTimeout = CONNECT_TIMEOUT } = route.options;
  const { host, port } = route.proxy ?? route.server;
  const text = "Cannot connect to";
  const operation: Operation = { text, step: "connect", host, port };
  try {
    checkCertificates(route);
    deadline.start(operation, connectTimeout);
    const connection = await connect(attempt);
    deadline.signal.throwIfAborted();
    deadline.stop(operation);
    return connection;
  } catch (error) {
    const reason = deadline.reasonFor(error);
    const { toClose } = deadline;
    deadline[Symbol.dispose]();
    if (toClose instanceof Connection) {
      toClose.recordFailure(Object(error).cause); // the error of a handshake
      toClose.end(reason instanceof Error ? reason.message : String(reason));
    } else toClose?.close();
    throw reason;
  }
}

async function connect(attempt: Attempt): Promise<Connection> {
  const { route, deadline, stopwatch, emit } = attempt;
  const { secure, proxy, tunnels, options: { unixSocket: path } } = route;
  const addresses = path === undefined ? await findAddresses(attempt) : [path];
  const socket = await connectFirst(addresses, attempt);
  const { host, port } = proxy ?? route.server;
  const step = secure ? "connect" : "exchange";
  const connection = new Connection(socket, { host, port, step });
  deadline.toClose = connection;
  connection.emit = emit;
  stopwatch.mark("connected");
  emit?.({ type: "connected", ...connection.addresses });
  if (tunnels) await openTunnel(connection, attempt);
  return secure ? await startTls(connection, attempt) : connection;
}

async function findAddresses({ route, deadline, stopwatch, emit }: Attempt) {
  const { proxy, options } = route;
  const { host, port } = proxy ?? route.server;
  emit?.({ type: "resolve", host, port });
  try {
    const { signal } = deadline;
    const found = await resolveHost(host, port, { ...options, signal });
    stopwatch.mark("resolved");
    emit?.({ type: "resolved", host, port, ...found });
    return found.addresses;
  } catch (error) {
    if (proxy === null || !(error instanceof ClientError)) throw error;
    // A proxy that is not found has an error code of its own
    const { cause } = error;
    const fields = { ...error, cause, code: "proxy-not-found" } as const;
    throw new ClientError(`${error.message} (this is the proxy)`, fields);
  }
}

/**
 * Connects to the fastest address (Happy Eyeballs, RFC 8305): tries the next
 * one when one fails or takes too long, and closes the losers.
 *
 * @param addresses The addresses in the order in which to try them.
 */
async function connectFirst(addresses: readonly string[], attempt: Attempt) {
  const controller = new AbortController();
  attempt.deadline.toClose = { close: () => giveUp(controller, "given up") };
  const race = { controller, hasLosers: addresses.length > 1 };
  const pending: Promise<Socket | Error>[] = [];
  for (const address of addresses) {
    const connecting = connectTo(address, race, attempt);
    pending.push(connecting);
    // Wait until this one fails, any address wins, or the next one may begin
    if (race.hasLosers) await waitAtMost(ATTEMPT_DELAY, connecting);
    if (controller.signal.aborted) break;
  }
  const results = await Promise.all(pending); // the winner aborts the others
  const socket = results.find((it): it is Socket => !(it instanceof Error));
  if (socket !== undefined) return socket;
  attempt.deadline.signal.throwIfAborted();
  throw connectError(addresses, results as Error[], attempt);
}

/**
 * Aborts `Deno.connect`. That calls `throwIfAborted` last, and if this throws,
 * leaks the socket that it has just connected: so the abort is hidden, and
 * `connectTo` closes the late socket.
 */
function giveUp(controller: AbortController, reason: string): void {
  controller.signal.throwIfAborted = () => {};
  controller.abort(reason);
}

/** Connects to one address, or returns an error that says why that failed. */
async function connectTo(
  hostname: string,
  race: { readonly controller: AbortController; readonly hasLosers: boolean },
  { emit, route }: Attempt,
): Promise<Socket | Error> {
  const { port } = route.proxy ?? route.server;
  const { controller, controller: { signal }, hasLosers } = race;
  const { unixSocket: path } = route.options;
  const address = path ?? writeAddress(hostname, port);
  emit?.({ type: "connecting", address });
  try {
    const socket = path === undefined
      ? await Deno.connect({ hostname, port, signal })
      : await Deno.connect({ transport: "unix", path });
    if (!signal.aborted) {
      sendAtOnce(socket);
      // Aborting costs a large part of what connecting costs
      if (hasLosers) giveUp(controller, "another address was faster");
      return socket;
    }
    socket.close();
    throw signal.reason;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    const reason = signal.aborted
      ? signal.reason
      : describeConnectError(cause, path === undefined ? port : null);
    emit?.({ type: "connect-failed", address, reason });
    return new Error(reason, { cause });
  }
}

function connectError(
  addresses: readonly string[],
  errors: readonly Error[],
  { route }: Attempt,
): ClientError {
  const { host, port } = route.proxy ?? route.server;
  const { unixSocket: path } = route.options;
  const address = addresses.length === 1 ? addresses[0]! : null;
  const target = path !== undefined
    ? `unix socket ${JSON.stringify(path)}`
    : address === bareHost(host)
    ? `${host}:${port}`
    : `${host}:${port} (${addresses.join(", ")})`;
  const reasons = errors.map(({ message }, i) =>
    `${writeAddress(addresses[i]!, port)} ${message}`
  );
  const isSameReason = new Set(errors.map(({ message }) => message)).size === 1;
  const reason = isSameReason ? errors[0]!.message : reasons.join("; ");
  const causes = errors.map(({ cause }) => cause);
  const isRefused = causes.some((cause) =>
    cause instanceof Deno.errors.ConnectionRefused
  );
  const code = isRefused || path !== undefined ? "refused" : "unreachable";
  const cause = address === null ? new AggregateError(causes) : causes[0];
  const fields = { code, step: "connect", host, port, address, cause } as const;
  return new ClientError(`Cannot connect to ${target}: ${reason}`, fields);
}

/** Rejects certificates that cannot work, before anything is sent. */
function checkCertificates({ secure, options }: Route): void {
  const { cert, key, caCerts = [] } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot use certificate: cert and key go together");
  }
  const isPem = (text: string) => text.includes("-----BEGIN CERTIFICATE-----");
  if (secure && !caCerts.every(isPem)) {
    throw new TypeError("Cannot use caCerts: not in PEM");
  }
}
