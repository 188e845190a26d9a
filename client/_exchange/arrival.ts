import { persistence } from "../../message/persistence.ts";
import {
  type BodyEnd,
  BodyReader,
  type GoodEnd,
  type Source,
} from "./body_reader.ts";
import type { Connection } from "../_connect/connection.ts";
import type { Context } from "../_connect/context.ts";
import { codingsOf, DecodedSource } from "./decode.ts";
import type { Answer } from "./exchange.ts";
import type { Plan } from "./plan.ts";
import type { Pool } from "../_connect/pool.ts";
import { ClientResponse } from "./response.ts";
import type { Route } from "../_connect/route.ts";
import type { Hop, HttpClientResponse } from "../response.ts";

/**
 * A final head that has arrived, and all that is needed to go on from there.
 */
export interface Arrival extends Answer {
  readonly plan: Plan;
  readonly route: Route;
  readonly connection: Connection;
  readonly context: Context;
  readonly pool: Pool | null;
}

/** Hands out the body; when it has ended the connection is kept or closed. */
export async function openBody(
  arrival: Arrival,
  hops: readonly Hop[],
): Promise<HttpClientResponse> {
  const { head, plan, connection, framing, context } = arrival;
  const { decode, maxBodyBytes } = context.options;
  const hasCodings = decode && framing.kind !== "none";
  const codings = hasCodings ? codingsOf(head.headers) : [];
  const decoded = codings.length > 0;
  const reader = readerFor(arrival, true);
  const held = await reader.readHeld();
  const options = {
    limit: maxBodyBytes,
    mayBeEmpty: framing.kind !== "close",
  };
  const raw = held === null ? reader : new HeldSource(held);
  return new ClientResponse({
    url: plan.url,
    head,
    end: framing.kind,
    remoteAddr: connection.socket.remoteAddr,
    timings: context.clock,
    hops,
    source: decoded ? new DecodedSource(raw, codings, options) : raw,
    length: decoded ? null : held?.length ?? reader.left,
    decoded,
    maxBodyBytes,
  });
}

/**
 * Passes over a body, and keeps its connection if it has come already; else
 * that costs more than a new connection.
 */
export async function skipBody(arrival: Arrival): Promise<void> {
  const reader = readerFor(arrival, false);
  if (await reader.readHeld() === null) reader.cancel();
}

function readerFor(arrival: Arrival, isLast: boolean): BodyReader {
  const { connection, framing, context } = arrival;
  const end = new Ending(arrival, isLast);
  return new BodyReader(connection, framing, { context, end });
}

/** Gives out bytes that are held. */
class HeldSource implements Source {
  #bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  takeAll(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes;
    this.cancel();
    return bytes;
  }

  read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const piece = this.#bytes.subarray(0, view.length);
    this.#bytes = this.#bytes.subarray(piece.length);
    view.set(piece);
    return Promise.resolve(piece.length === 0 ? null : piece.length);
  }

  cancel(): void {
    this.#bytes = this.#bytes.subarray(0, 0);
  }
}

/** Step 5: what becomes of a connection when its body has ended. */
class Ending implements BodyEnd {
  readonly #arrival: Arrival;
  /** Whether no other exchange of the same request follows. */
  readonly #isLast: boolean;

  constructor(arrival: Arrival, isLast: boolean) {
    this.#arrival = arrival;
    this.#isLast = isLast;
  }

  onEnd(end: GoodEnd): Promise<void> | void {
    const { context, framing, head, upload } = this.#arrival;
    const { received, reason, clean } = end;
    context.clock.mark("ended");
    context.emit?.({ type: "body-end", received, end: framing.kind, reason });
    if (upload.finished === null || head.status >= 300) this.#free(clean);
    else return upload.rest().then(() => this.#free(clean));
  }

  onBreak(reason: string): void {
    this.#close(reason);
  }

  #free(clean: boolean): void {
    const { connection, context, pool, route } = this.#arrival;
    const why = clean
      ? whyClose(this.#arrival)
      : "something came behind the body";
    if (why !== null || !pool?.put(route.key, connection)) {
      return this.#close(why ?? "enough are kept");
    }
    const reason = "both sides agreed to keep it";
    context.emit?.({ type: "kept", remote: connection.remote, reason });
    this.#release();
  }

  #close(reason: string): void {
    const { connection, context } = this.#arrival;
    const by = connection.ended === null ? "client" : "server";
    connection.close();
    context.emit?.({ type: "closed", remote: connection.remote, by, reason });
    this.#release();
  }

  #release(): void {
    const { deadline } = this.#arrival.context;
    deadline.pending = null;
    if (this.#isLast) deadline[Symbol.dispose]();
  }
}

/** Why a connection cannot be kept; null when it can (RFC 9112 section 9.3). */
function whyClose(
  { context, framing, head, pool, upload }: Arrival,
): string | null {
  if (pool === null || pool.isClosed || !context.options.keepAlive) {
    return "no other request will need it";
  }
  if (framing.kind === "close") return "that is how this body ends";
  if (head.headers.has("transfer-encoding")) {
    return "chunks are not of HTTP/1.0, so where they end is doubtful"; // RFC 9112 section 6.1
  }
  if (!upload.complete) return "the request was not sent whole";
  return persistence(head.headers) === "keep-alive"
    ? null
    : "the server did not offer to keep it";
}
