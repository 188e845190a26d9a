import { HeaderFields } from "../../message/header_fields.ts";
import { writeRequestHead } from "../../message/request_head.ts";
import {
  type ResponseHead,
  ResponseHeadParser,
} from "../../message/response_head.ts";
import type { Connection } from "./connection.ts";
import type { Context } from "./context.ts";
import { readHead } from "../_exchange/head_reader.ts";
import type { Route } from "./route.ts";

/**
 * Asks a proxy for a tunnel to the origin (RFC 9110 section 9.3.6); closes the
 * connection when there is none.
 */
export async function openTunnel(
  connection: Connection,
  route: Route,
  context: Context,
): Promise<void> {
  const { deadline, emit } = context;
  const target = `${route.host}:${route.port}`;
  connection.step = "connect";
  deadline.pending = connection;
  try {
    const { status, reason } = await askForTunnel(connection, route, context);
    const proxy = connection.remote;
    emit?.({ type: "tunnel", proxy, target, status });
    const why = status < 200 || status > 299
      ? `the proxy answered ${status} ${reason}${hintFor(status)}`
      : connection.start !== connection.end
      ? "bytes came before TLS"
      : null;
    if (why !== null) {
      const text = `Cannot open tunnel to ${target} through ${proxy}: ${why}`;
      throw connection.error("proxy-refused", text);
    }
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    deadline.pending = null;
  }
}

async function askForTunnel(
  connection: Connection,
  { host, port, proxy }: Route,
  { options, maxHeadBytes }: Context,
): Promise<ResponseHead> {
  const target = `${host}:${port}`;
  const headers = new HeaderFields({ Host: target });
  const authorization =
    new HeaderFields(options.headers).get("proxy-authorization") ??
      proxy?.authorization;
  if (authorization) headers.append("Proxy-Authorization", authorization);
  const head = writeRequestHead({ method: "CONNECT", target, headers });
  const parser = new ResponseHeadParser({ maxHeadBytes });
  await connection.write(head).catch(() => {}); // what comes back, or does not, tells more
  const answer = await readHead(connection, parser);
  if (answer !== null) return answer;
  throw connection.error(
    "proxy-refused",
    "Cannot open tunnel: the proxy closed the connection",
  );
}

function hintFor(status: number): string {
  return status === 407 ? ": give the proxy's user and password" : "";
}
