import { Connection } from "./connection.ts";
import type { Context } from "./context.ts";
import { connectFirst, whyRefused } from "./race.ts";
import type { Route } from "./route.ts";
import { connectWithCertificate, startTls } from "./tls.ts";
import { openTunnel } from "./tunnel.ts";
import { ClientError } from "../error.ts";
import { knownAddresses, resolveHost } from "../resolve.ts";

/**
 * Goes the first three of the five steps: finds the addresses, creates a socket
 * and connects it.
 */
export async function dial(
  route: Route,
  context: Context,
): Promise<Connection> {
  const { deadline, connectTimeout, options } = context;
  const { host, port } = route.proxy ?? route;
  const text = `Cannot connect to ${host}:${port}`;
  const act = { text, step: "connect", host, port } as const;
  checkOptions(route, context);
  deadline.start(connectTimeout, act);
  try {
    return options.unixSocket === undefined
      ? await dialHost(route, context)
      : await dialUnix(options.unixSocket, route, context);
  } catch (error) {
    throw deadline.explain(error);
  } finally {
    deadline.stop(act);
  }
}

async function dialHost(route: Route, context: Context): Promise<Connection> {
  const { clock, deadline, options, emit } = context;
  const { host, port } = route.proxy ?? route;
  emit?.({ type: "resolve", host, port });
  const found = knownAddresses(host, port, options) ??
    await resolveHost(host, port, { ...options, signal: deadline.signal })
      .catch((error) => rethrow(error, route));
  emit?.({ type: "resolved", host, port, ...found });
  clock.mark("resolved");
  if (route.secure && options.cert !== undefined) {
    const socket = await connectWithCertificate(route, context);
    return secured(socket, route, context);
  }
  const { addresses } = found;
  const socket = await connectFirst({ host, port, addresses }, context);
  const connection = connected(new Connection(socket, host, port), context);
  if (!route.secure) return connection;
  if (route.proxy !== null) await openTunnel(connection, route, context);
  return secured(await startTls(socket, route, context), route, context);
}

function connected(connection: Connection, context: Context): Connection {
  const { clock, emit } = context;
  clock.mark("connected");
  try {
    emit?.({
      type: "connected",
      local: connection.local,
      remote: connection.remote,
    });
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function secured(
  socket: Deno.TlsConn,
  { host, port }: Route,
  { clock }: Context,
): Connection {
  clock.mark("secured");
  clock.connected ??= clock.secured;
  return new Connection(socket, host, port);
}

/** A proxy that has no address is told from a host that has none. */
function rethrow(error: unknown, { proxy }: Route): never {
  if (proxy === null || !(error instanceof ClientError)) throw error;
  const { message, step, host, port, cause } = error;
  const options = { code: "proxy-not-found", step, host, port, cause } as const;
  throw new ClientError(`${message} (it is the proxy)`, options);
}

async function dialUnix(
  path: string,
  { host, port }: Route,
  context: Context,
): Promise<Connection> {
  const { emit } = context;
  emit?.({ type: "connecting", address: path });
  let socket: Deno.UnixConn;
  try {
    socket = await Deno.connect({ transport: "unix", path });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const reason = error instanceof Deno.errors.ConnectionRefused
      ? "nothing listens on it"
      : whyRefused(error, port);
    emit?.({ type: "connect-failed", address: path, reason });
    throw new ClientError(
      `Cannot connect to unix socket ${JSON.stringify(path)}: ${reason}`,
      { code: "refused", step: "connect", address: path, cause: error },
    );
  }
  return connected(new Connection(socket, host, port), context);
}

/** What Deno cannot do is told before anything is sent. */
function checkOptions({ secure, proxy }: Route, { options }: Context): void {
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
