import { Connection } from "./_connection.ts";
import type { Context } from "./_context.ts";
import { connectFirst, whyRefused } from "./_race.ts";
import type { Route } from "./_route.ts";
import { connectWithCertificate, startTls } from "./_tls.ts";
import { openTunnel } from "./_tunnel.ts";
import { ClientError } from "./error.ts";
import { type ResolvedHost, resolveHost } from "./resolve.ts";

/** Goes the first three of the five steps: finds the addresses, creates a socket and connects it. */
export async function dial(
  route: Route,
  context: Context,
): Promise<Connection> {
  const { deadline, connectTimeout } = context;
  const { host, port } = route.proxy ?? route;
  const act = {
    text: `Cannot connect to ${host}:${port}`,
    step: "connect",
    host,
    port,
  } as const;
  checkOptions(route, context);
  deadline.start(connectTimeout, act);
  try {
    return await open(route, context);
  } catch (error) {
    throw deadline.explain(error);
  } finally {
    deadline.stop(act);
  }
}

async function open(route: Route, context: Context): Promise<Connection> {
  const { options, clock } = context;
  const { host, port, proxy, secure } = route;
  if (options.unixSocket !== undefined) {
    return await openUnix(options.unixSocket, route, context);
  }
  const via = proxy ?? route;
  const { addresses } = await findAddresses(route, context);
  clock.mark("resolved");
  if (secure && options.cert !== undefined) {
    const socket = await connectWithCertificate(route, context);
    clock.mark("connected");
    clock.mark("secured");
    return new Connection(socket, host, port);
  }
  const socket = await connectFirst(
    { host: via.host, port: via.port, addresses },
    context,
  );
  clock.mark("connected");
  const connection = new Connection(socket, via.host, via.port);
  const { local, remote } = connection;
  context.emit?.({ type: "connected", local, remote });
  if (!secure) return connection;
  return await secured(connection, route, context);
}

async function secured(
  connection: Connection,
  route: Route,
  context: Context,
): Promise<Connection> {
  const { deadline, clock } = context;
  if (route.proxy !== null) {
    deadline.onOver = () => connection.close();
    try {
      await openTunnel(connection, route, context);
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      deadline.onOver = null;
    }
  }
  const socket = connection.socket as Deno.TcpConn;
  const secure = await startTls(socket, route, context);
  clock.mark("secured");
  return new Connection(secure, route.host, route.port);
}

async function findAddresses(
  route: Route,
  context: Context,
): Promise<ResolvedHost> {
  const { options, deadline, emit } = context;
  const { host, port } = route.proxy ?? route;
  emit?.({ type: "resolve", host, port });
  try {
    const { family, resolve } = options;
    const { signal } = deadline;
    const found = await resolveHost(host, port, { family, resolve, signal });
    emit?.({ type: "resolved", host, port, ...found });
    return found;
  } catch (error) {
    const isProxy = route.proxy !== null && error instanceof ClientError;
    if (!isProxy) throw error;
    const { message, step, cause } = error;
    const code = "proxy-not-found";
    throw new ClientError(`${message} (it is the proxy)`, {
      code,
      step,
      host,
      port,
      cause,
    });
  }
}

async function openUnix(
  path: string,
  { host, port }: Route,
  context: Context,
): Promise<Connection> {
  try {
    context.emit?.({ type: "connecting", address: path });
    const socket = await Deno.connect({ transport: "unix", path });
    context.clock.mark("connected");
    context.emit?.({ type: "connected", local: "", remote: path });
    return new Connection(socket, host, port);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const why = error instanceof Deno.errors.ConnectionRefused
      ? "nothing listens on it"
      : whyRefused(error, port);
    context.emit?.({ type: "connect-failed", address: path, reason: why });
    const options = { code: "refused", step: "connect", cause: error } as const;
    throw new ClientError(
      `Cannot connect to unix socket ${JSON.stringify(path)}: ${why}`,
      { ...options, host, port, address: path },
    );
  }
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
  const hasOwnWay = proxy !== null || resolve !== undefined ||
    family !== undefined;
  if (cert !== undefined && hasOwnWay) {
    throw new TypeError(
      "Cannot use client certificate together with proxy, resolve or family: Deno takes one only where it looks up the name itself",
    );
  }
}
