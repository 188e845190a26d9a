import { HeaderFields } from "../../message/header_fields.ts";
import { writeRequestHead } from "../../message/request_head.ts";
import {
  type ResponseHead,
  ResponseHeadParser,
} from "../../message/response_head.ts";
import type { Connection } from "./connection.ts";
import type { Attempt } from "./deadline.ts";
import type { Route } from "./route.ts";

/** Asks a proxy for a tunnel to the origin (RFC 9110 section 9.3.6). */
export async function openTunnel(
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
