import type { HeaderFields } from "../../message/header_fields.ts";
import { locationOf, resolveLocation } from "../_redirect.ts";
import { ClientError } from "../error.ts";
import type { TraceEvent } from "../trace.ts";
import { findUrl } from "./request.ts";
import type { Transfer } from "./operation.ts";

const REFERER_REGEXP = /^referer: (.*?)\r$/im;
/** Of a request that a proxy sends on. */
const ABSOLUTE_FORM_REGEXP = /^\S+ http:/i;
/** An address as the events write it; one of a unix socket has no port. */
const ADDRESS_REGEXP = /^\[?([^\]/]*)\]?:(\d+)$/;

type Variables = Readonly<Record<string, string | number | null>>;
type EventType = TraceEvent["type"];
type EventOf<Type> = Extract<TraceEvent, { readonly type: Type }>;

/** What happened from one redirect to the next. */
interface Hop {
  /** When it began, in the time of the events. */
  readonly began: number;
  readonly events: readonly TraceEvent[];
}

/** What happened in a transfer, for `-w`. */
export class TransferRecord {
  /** curl's variables, in their order; none before the end. */
  variables: Variables = {};
  #filename: string | null = null;
  #started = performance.now();
  #retries = 0;
  #delivered = 0;
  /** Of several attempts the last one counts. */
  #hops: Hop[] = [{ began: 0, events: [] }];

  /** The fields of each response, over all redirects. */
  get heads(): HeaderFields[] {
    return listEvents(this.#hops, "response-head").map((head) => head.headers);
  }

  /** Begins with the first URL again. */
  restart(): void {
    this.#started = performance.now();
    this.#delivered = 0;
    this.#hops = [{ began: 0, events: [] }];
  }

  /** Takes the next event. */
  report(event: TraceEvent): void {
    const { type, at } = event;
    const { began, events } = this.#hops.pop()!;
    if (type === "retry") {
      this.#retries++;
      this.#hops.push({ began: at, events: [] });
      return;
    }
    // Of a body it counts only how far it has come
    const isBody = type === "body" || type === "request-body";
    const others = events.filter((other) => !isBody || other.type !== type);
    this.#hops.push({ began, events: [...others, event] });
    if (type === "redirect") this.#hops.push({ began: at, events: [] });
  }

  /** The body goes to this file. */
  name(filename: string): void {
    this.#filename = filename;
  }

  /** So many bytes were written. */
  deliver(bytes: number): void {
    this.#delivered += bytes;
  }

  /** The transfer is over. */
  end(
    { url, number: urlnum }: Transfer,
    exitCode: number,
    errormsg: string | null,
  ): void {
    const hops = this.#hops;
    const seconds = (performance.now() - this.#started) / 1000;
    const head = listEvents(hops, "response-head").at(-1);
    const requests = listEvents(hops, "request-head");
    const request = requests.at(-1);
    const target = findUrl(request?.url ?? url);
    const tunnel = listEvents(hops, "tunnel").at(-1);
    const ends = listEvents(hops, "connected", "reused").at(-1);
    const [localIp, localPort] = splitAddress(ends?.local);
    const [remoteIp, remotePort] = splitAddress(ends?.remote);
    const usesProxy = tunnel !== undefined ||
      requests.some(({ text }) => ABSOLUTE_FORM_REGEXP.test(text));
    const heads = listEvents(hops, "interim", "response-head");
    const bodies = listEvents(hops, "request-body");
    const received = listEvents(hops.slice(-1), "body")[0]?.received ?? 0;
    const sent = listEvents(hops.slice(-1), "request-body")[0]?.sent ?? 0;
    this.variables = {
      content_type: head?.headers.get("content-type") ?? null,
      errormsg,
      exitcode: exitCode,
      filename_effective: this.#filename,
      http_code: head?.status ?? 0,
      http_connect: tunnel?.status ?? 0,
      http_version: head?.version ?? "0",
      local_ip: localIp,
      local_port: localPort,
      method: request?.method ?? "GET",
      num_connects: listEvents(hops, "connected").length,
      num_headers: [...head?.headers ?? []].length,
      num_redirects: hops.length - 1,
      num_retries: this.#retries,
      proxy_used: Number(usesProxy),
      redirect_url: head === undefined ? null : redirectUrl(head),
      referer: REFERER_REGEXP.exec(request?.text ?? "")?.[1] ?? null,
      remote_ip: remoteIp,
      remote_port: remotePort,
      response_code: head?.status ?? 0,
      scheme: target?.protocol ?? null,
      size_delivered: this.#delivered,
      size_download: received,
      size_header: sumOf(heads, ({ bytes }) => bytes),
      size_request: sumOf(requests, ({ bytes }) => bytes) +
        sumOf(bodies, ({ sent }) => sent),
      size_upload: sent,
      speed_download: Math.floor(received / seconds),
      speed_upload: Math.floor(sent / seconds),
      ssl_verify_result: 0,
      time_appconnect: timeTo(hops, "secured"),
      time_connect: timeTo(hops, "connected", "reused"),
      time_namelookup: timeTo(hops, "resolved", "reused"),
      time_posttransfer: timeTo(hops, "request-head", "request-body"),
      time_pretransfer: timeTo(hops, "request-head"),
      time_redirect: (listEvents(hops, "redirect").at(-1)?.at ?? 0) / 1000,
      time_starttransfer: timeTo(hops, "response-head"),
      time_total: seconds,
      url,
      url_effective: target?.href ?? url,
      urlnum,
    };
  }
}

function listEvents<Type extends EventType>(
  hops: readonly Hop[],
  ...types: readonly Type[]
): EventOf<Type>[] {
  return hops.flatMap(({ events }) => events).filter((event) =>
    types.some((type) => type === event.type)
  ) as EventOf<Type>[];
}

/** The time that all hops took up to their last such event, in seconds. */
function timeTo(hops: readonly Hop[], ...types: readonly EventType[]): number {
  return sumOf(hops, ({ began, events }) => {
    const last = events.findLast(({ type }) => types.includes(type));
    return last === undefined ? 0 : (last.at - began) / 1000;
  });
}

function sumOf<T>(all: readonly T[], numberOf: (one: T) => number): number {
  return all.reduce((sum, one) => sum + numberOf(one), 0);
}

function splitAddress(address = ""): readonly [ip: string, port: number] {
  const [, ip = "", port = 0] = ADDRESS_REGEXP.exec(address) ?? [];
  return [ip, Number(port)];
}

/** Where a redirect would lead. */
function redirectUrl(head: EventOf<"response-head">): string | null {
  const location = head.headers.get("location");
  try {
    return locationOf(head) &&
      resolveLocation(location!, findUrl(head.url)!).href;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return error.code === "location-protocol" ? location : null;
  }
}
