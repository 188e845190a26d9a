import { ClientError } from "../error.ts";
import { bareHost, knownAddresses, resolveHost } from "../resolve.ts";
import { Connection } from "./connection.ts";
import type { Attempt, Operation } from "./deadline.ts";
import { connectFirst, describeConnectError } from "./happy_eyeballs.ts";
import type { Route } from "./route.ts";
import { connectWithCertificate, shakeHands, startTls } from "./tls.ts";
import { openTunnel } from "./tunnel.ts";

/** Default of {@linkcode ReachOptions.connectTimeout}. */
const CONNECT_TIMEOUT = 10_000;

/**
 * Goes the first three of the five steps: finds the addresses, creates a socket
 * and connects it, all within one limit of time. When that fails nothing stays
 * open, the deadline included.
 */
export async function dial(attempt: Attempt): Promise<Connection> {
  const { route, deadline } = attempt;
  const { connectTimeout = CONNECT_TIMEOUT, unixSocket } = route.options;
  const { host, port } = route.proxy ?? route;
  const operation: Operation = {
    text: `Cannot connect to ${host}:${port}`,
    step: "connect",
    host,
    port,
    closes: null,
  };
  checkRoute(route);
  deadline.start(operation, connectTimeout);
  try {
    const connection = unixSocket === undefined
      ? await dialHost(attempt, operation)
      : await dialUnix(unixSocket, attempt, operation);
    deadline.throwIfOver();
    return connection;
  } catch (error) {
    operation.closes?.close();
    operation.closes = null;
    deadline[Symbol.dispose]();
    throw deadline.explain(error);
  } finally {
    deadline.stop(operation);
  }
}

async function dialHost(
  attempt: Attempt,
  operation: Operation,
): Promise<Connection> {
  const { route, deadline, stopwatch } = attempt;
  const addresses = await findAddresses(attempt);
  stopwatch.mark("resolved");
  if (route.secure && route.options.cert !== undefined) {
    const secure = await connectWithCertificate(route, deadline.signal);
    const connection = operation.closes = new Connection(secure, route);
    tellSecured(attempt);
    return connection;
  }
  const socket = await connectFirst(addresses, attempt);
  const step = route.secure ? "connect" : "exchange";
  const connection = new Connection(socket, route.proxy ?? route, step);
  operation.closes = connection;
  tellConnected(connection, attempt);
  if (!route.secure) return connection;
  if (route.proxy !== null) await openTunnel(connection, attempt);
  operation.closes = null; // TLS takes the socket over
  const secure = await startTls(socket, route);
  const secured = operation.closes = new Connection(secure, route);
  deadline.throwIfOver();
  await shakeHands(secure, route);
  tellSecured(attempt);
  return secured;
}

async function findAddresses(
  { route, deadline: { signal }, emit }: Attempt,
): Promise<readonly string[]> {
  const { options, proxy } = route;
  const { host, port } = proxy ?? route;
  emit?.({ type: "resolve", host, port });
  try {
    const found = knownAddresses(host, port, options) ??
      await resolveHost(host, port, { ...options, signal });
    emit?.({ type: "resolved", host, port, ...found });
    return found.addresses;
  } catch (error) {
    throw proxy !== null && error instanceof ClientError
      ? proxyNotFound(error)
      : error;
  }
}

/** A proxy that has no address is told from a host that has none. */
function proxyNotFound(error: ClientError): ClientError {
  const { message, step, host, port, cause } = error;
  const options = { code: "proxy-not-found", step, host, port, cause } as const;
  return new ClientError(`${message} (it is the proxy)`, options);
}

function tellConnected(
  connection: Connection,
  { stopwatch, emit }: Attempt,
): void {
  stopwatch.mark("connected");
  if (emit === undefined) return;
  const { local, remote } = connection;
  emit({ type: "connected", local, remote });
}

function tellSecured({ route, stopwatch, emit }: Attempt): void {
  stopwatch.mark("secured");
  stopwatch.connected ??= stopwatch.secured;
  emit?.({ type: "secured", hostname: bareHost(route.host) });
}

async function dialUnix(
  path: string,
  attempt: Attempt,
  operation: Operation,
): Promise<Connection> {
  const { route, emit } = attempt;
  emit?.({ type: "connecting", address: path });
  let socket: Deno.UnixConn;
  try {
    socket = await Deno.connect({ transport: "unix", path });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const reason = error instanceof Deno.errors.ConnectionRefused
      ? "nothing listens on it"
      : describeConnectError(error, route.port);
    emit?.({ type: "connect-failed", address: path, reason });
    throw new ClientError(
      `Cannot connect to unix socket ${JSON.stringify(path)}: ${reason}`,
      { code: "refused", step: "connect", address: path, cause: error },
    );
  }
  const connection = operation.closes = new Connection(socket, route);
  tellConnected(connection, attempt);
  return connection;
}

/** What Deno cannot do is told before anything is sent. */
function checkRoute({ secure, proxy, options }: Route): void {
  const { cert, key, unixSocket, resolve, family, caCerts = [] } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError(
      "Cannot use client certificate: cert and key go together",
    );
  }
  if (!secure) return;
  if (unixSocket !== undefined) {
    throw new TypeError("Cannot use unix socket: Deno has no TLS over it");
  }
  if (caCerts.some((pem) => !pem.includes("-----BEGIN CERTIFICATE-----"))) {
    throw new TypeError("Cannot use caCerts: not in PEM");
  }
  if (cert !== undefined && (proxy ?? resolve ?? family ?? null) !== null) {
    throw new TypeError(
      "Cannot use client certificate together with proxy, resolve or family: Deno takes one only where it looks up the name itself",
    );
  }
}
