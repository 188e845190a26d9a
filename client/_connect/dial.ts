import { HeaderFields } from "../../message/header_fields.ts";
import { writeRequestHead } from "../../message/request_head.ts";
import {
  type ResponseHead,
  ResponseHeadParser,
} from "../../message/response_head.ts";
import { ClientError } from "../error.ts";
import { bareHost, resolveHost } from "../resolve.ts";
import { Connection } from "./connection.ts";
import type { Attempt, Operation } from "./deadline.ts";
import { connectFirst, describeConnectError } from "./happy_eyeballs.ts";
import type { Route } from "./route.ts";
import { connectWithCertificate, startTls } from "./tls.ts";

/** Default of {@linkcode ReachOptions.connectTimeout}. */
const CONNECT_TIMEOUT = 10_000;

/**
 * The first three of the five steps: finds the addresses, creates a socket and
 * connects it, all within one limit of time. When one of them fails, what was
 * opened is closed, and the deadline is disposed of.
 */
export async function dial(attempt: Attempt): Promise<Connection> {
  const { route, deadline } = attempt;
  const { connectTimeout = CONNECT_TIMEOUT } = route.options;
  const { host, port } = route.proxy ?? route;
  const text = `Cannot connect to ${host}:${port}`;
  const operation: Operation = { text, step: "connect", host, port };
  try {
    checkRoute(route);
    deadline.start(operation, connectTimeout);
    const connection = await connect(attempt);
    deadline.signal.throwIfAborted();
    if (route.secure) emitSecured(attempt);
    return connection;
  } catch (error) {
    deadline.closes?.close();
    deadline[Symbol.dispose]();
    throw deadline.explain(error);
  } finally {
    deadline.stop(operation);
  }
}

async function connect(attempt: Attempt): Promise<Connection> {
  const { route, deadline, stopwatch, emit } = attempt;
  const { secure, proxy, options: { cert, unixSocket } } = route;
  const addresses = unixSocket === undefined
    ? await findAddresses(attempt)
    : [];
  if (secure && cert !== undefined) {
    return deadline.closes = await connectWithCertificate(attempt);
  }
  const socket = unixSocket === undefined
    ? await connectFirst(addresses, attempt)
    : await connectUnix(unixSocket, attempt);
  const step = secure ? "connect" : "exchange";
  const connection = new Connection(socket, proxy ?? route, step);
  deadline.closes = connection;
  stopwatch.mark("connected");
  emit?.({ type: "connected", ...connection.ends });
  if (!secure) return connection;
  if (proxy !== null) await openTunnel(connection, attempt);
  return await startTls(connection, attempt);
}

function emitSecured({ route, stopwatch, emit }: Attempt): void {
  stopwatch.mark("secured");
  stopwatch.connected ??= stopwatch.secured;
  emit?.({ type: "secured", hostname: bareHost(route.host) });
}

async function findAddresses(
  { route, deadline, stopwatch, emit }: Attempt,
): Promise<readonly string[]> {
  const { proxy, options } = route;
  const { host, port } = proxy ?? route;
  emit?.({ type: "resolve", host, port });
  try {
    const { signal } = deadline;
    const found = await resolveHost(host, port, { ...options, signal });
    stopwatch.mark("resolved");
    emit?.({ type: "resolved", host, port, ...found });
    return found.addresses;
  } catch (error) {
    throw proxy !== null && error instanceof ClientError
      ? proxyNotFound(error)
      : error;
  }
}

/** A proxy without an address has an error code of its own. */
function proxyNotFound(error: ClientError): ClientError {
  const { message, step, host, port, cause } = error;
  const options = { code: "proxy-not-found", step, host, port, cause } as const;
  return new ClientError(`${message} (it is the proxy)`, options);
}

async function connectUnix(
  path: string,
  { route, emit }: Attempt,
): Promise<Deno.UnixConn> {
  emit?.({ type: "connecting", address: path });
  try {
    return await Deno.connect({ transport: "unix", path });
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
}

/** Asks a proxy for a tunnel to the origin (RFC 9110 section 9.3.6). */
async function openTunnel(
  connection: Connection,
  { route, emit }: Attempt,
): Promise<void> {
  const target = `${route.host}:${route.port}`;
  const proxy = connection.remote;
  const { status, reason } = await connectThrough(connection, target, route);
  emit?.({ type: "tunnel", proxy, target, status });
  const hint = status === 407 ? ": give the proxy's user and password" : "";
  const why = status < 200 || status > 299
    ? `the proxy answered ${status} ${reason}${hint}`
    : connection.buffer.length > 0
    ? "bytes came before TLS"
    : null;
  if (why !== null) {
    const text = `Cannot open tunnel to ${target} through ${proxy}: ${why}`;
    throw connection.error("proxy-refused", text);
  }
}

async function connectThrough(
  connection: Connection,
  target: string,
  { proxy, options }: Route,
): Promise<ResponseHead> {
  const headers = new HeaderFields({ Host: target });
  const authorization =
    new HeaderFields(options.headers).get("proxy-authorization") ??
      proxy?.authorization;
  if (authorization) headers.append("Proxy-Authorization", authorization);
  const head = writeRequestHead({ method: "CONNECT", target, headers });
  // When this fails, the response, or its absence, says more
  await connection.write(head).catch(() => {});
  const parser = new ResponseHeadParser(options);
  const response = await connection.readHead(parser).catch((error) => {
    throw connection.explain(error, null);
  });
  if (response !== null) return response;
  throw connection.error(
    "proxy-refused",
    "Cannot open tunnel: the proxy closed the connection",
  );
}

/** Refuses what Deno cannot do, before anything is sent. */
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
