import { HeaderFields } from "../message/header_fields.ts";
import { writeRequestHead } from "../message/request_head.ts";
import { ResponseHeadParser } from "../message/response_head.ts";
import type { Connection } from "./_connection.ts";
import type { Context } from "./_context.ts";
import { readHead } from "./_head_reader.ts";
import type { Route } from "./_route.ts";

/** Asks a proxy for a tunnel to the origin (RFC 9110 section 9.3.6). */
export async function openTunnel(
  connection: Connection,
  route: Route,
  context: Context,
): Promise<void> {
  const target = `${route.host}:${route.port}`;
  const own = new HeaderFields(context.options.headers);
  const authorization = own.get("proxy-authorization") ??
    route.proxy?.authorization ?? null;
  const headers = new HeaderFields({ Host: target });
  if (authorization !== null) {
    headers.append("Proxy-Authorization", authorization);
  }
  await connection.write(
    writeRequestHead({ method: "CONNECT", target, headers }),
  );
  const { maxHeadBytes } = context;
  const parser = new ResponseHeadParser({ maxHeadBytes });
  const head = await readHead(connection, parser);
  const proxy = connection.remote;
  const place = `Cannot open tunnel to ${target} through ${proxy}`;
  if (head === null) {
    throw connection.error(
      "proxy-refused",
      `${place}: the proxy closed the connection`,
    );
  }
  const { status, reason } = head;
  context.emit?.({ type: "tunnel", proxy, target, status });
  if (status < 200 || status > 299) {
    const hint = status === 407 ? ": give the proxy's user and password" : "";
    throw connection.error(
      "proxy-refused",
      `${place}: the proxy answered ${status} ${reason}${hint}`,
    );
  }
  if (connection.start !== connection.end) {
    throw connection.error("malformed", `${place}: bytes came before TLS`);
  }
}
