import type { HeaderFields } from "../../message/header_fields.ts";
import { locationOf, resolveLocation } from "../_redirect.ts";
import { ClientError } from "../error.ts";
import type { TraceEvent } from "../trace.ts";
import { findUrl } from "./request.ts";

const REFERER_REGEXP = /^referer: (.*?)\r$/im;
/** Of a request that a proxy sends on. */
const ABSOLUTE_FORM_REGEXP = /^\S+ http:/i;
/** An address as the events write it; one of a unix socket has no port. */
const ADDRESS_REGEXP = /^\[?([^\]/]*)\]?:(\d+)$/;

type Variables = ReturnType<typeof newVariables>;
type Phase = Extract<keyof Variables, `time_${string}`>;

/** What happened in a transfer, for `-w`. */
export class TransferRecord {
  /** curl's variables; of several attempts the last one counts. */
  readonly variables: Variables;
  /** The fields of each response, over all redirects. */
  readonly heads: HeaderFields[] = [];
  #started = performance.now();
  /** When the last request began, and what the times were then. */
  #requested = this.#started;
  #before: Variables;

  /**
   * Starts the clock.
   *
   * @param url The URL as the user wrote it.
   * @param number Its place among the URLs of the operation, from 0.
   */
  constructor(url: string, number: number) {
    this.variables = newVariables(url, number);
    this.#before = { ...this.variables };
  }

  /** Begins with the first URL again. */
  restart(): void {
    const { url, urlnum, num_retries, filename_effective } = this.variables;
    const kept = { num_retries, filename_effective };
    Object.assign(this.variables, newVariables(url, urlnum), kept);
    this.#before = { ...this.variables };
    this.#started = this.#requested = performance.now();
    this.heads.length = 0;
  }

  /** Takes the next event. */
  report(event: TraceEvent): void {
    const { variables } = this;
    switch (event.type) {
      case "resolved":
        return this.#mark("time_namelookup");
      case "connected":
        variables.num_connects++;
        return this.#connect(event);
      case "reused":
        this.#mark("time_namelookup");
        return this.#connect(event);
      case "tunnel":
        variables.http_connect = event.status;
        variables.proxy_used = 1;
        return;
      case "secured":
        return this.#mark("time_appconnect");
      case "request-head":
        variables.url_effective = event.url;
        variables.scheme = event.url.startsWith("https:") ? "https" : "http";
        variables.method = event.method;
        variables.referer = REFERER_REGEXP.exec(event.text)?.[1] ?? null;
        if (ABSOLUTE_FORM_REGEXP.test(event.text)) variables.proxy_used = 1;
        variables.size_request += event.bytes;
        this.#mark("time_pretransfer");
        return this.#mark("time_posttransfer");
      case "request-body":
        variables.size_request += event.sent - variables.size_upload;
        variables.size_upload = event.sent;
        return this.#mark("time_posttransfer");
      case "interim":
        variables.size_header += event.bytes;
        return;
      case "response-head":
        return this.#answer(event);
      case "body":
        variables.size_download = event.received;
        return;
      case "redirect":
        variables.num_redirects++;
        variables.size_download = variables.size_upload = 0;
        this.#requested = performance.now();
        variables.time_redirect = (this.#requested - this.#started) / 1000;
        this.#before = { ...variables };
        return;
      case "retry":
        Object.assign(variables, this.#before, {
          num_retries: variables.num_retries + 1,
        });
        this.heads.length = variables.num_redirects;
        this.#requested = performance.now();
    }
  }

  /** The body goes to this file. */
  name(filename: string): void {
    this.variables.filename_effective = filename;
  }

  /** So many bytes were written. */
  deliver(bytes: number): void {
    this.variables.size_delivered += bytes;
  }

  /** The transfer is over. */
  end(exitCode: number, problem: string | null): void {
    const { variables } = this;
    const seconds = (performance.now() - this.#started) / 1000;
    variables.exitcode = exitCode;
    variables.errormsg = problem;
    variables.time_total = seconds;
    variables.speed_download = Math.floor(variables.size_download / seconds);
    variables.speed_upload = Math.floor(variables.size_upload / seconds);
  }

  #mark(phase: Phase): void {
    const passed = (performance.now() - this.#requested) / 1000;
    this.variables[phase] = this.#before[phase] + passed;
  }

  #connect({ local, remote }: { local: string; remote: string }): void {
    const { variables } = this;
    const [, localIp = "", localPort = 0] = ADDRESS_REGEXP.exec(local) ?? [];
    const [, remoteIp = "", port = 0] = ADDRESS_REGEXP.exec(remote) ?? [];
    [variables.local_ip, variables.local_port] = [localIp, Number(localPort)];
    [variables.remote_ip, variables.remote_port] = [remoteIp, Number(port)];
    this.#mark("time_connect");
  }

  #answer(event: Extract<TraceEvent, { type: "response-head" }>): void {
    const { variables } = this;
    const { status, headers, version, bytes } = event;
    this.heads.push(headers);
    variables.http_code = variables.response_code = status;
    variables.http_version = version;
    variables.content_type = headers.get("content-type");
    variables.num_headers = [...headers].length;
    variables.size_header += bytes;
    variables.redirect_url = redirectUrl(event);
    this.#mark("time_starttransfer");
  }
}

/** Where a redirect would lead. */
function redirectUrl(
  { status, headers, url }: {
    status: number;
    headers: HeaderFields;
    url: string;
  },
): string | null {
  const location = headers.get("location");
  try {
    return locationOf({ status, headers }) &&
      resolveLocation(location!, findUrl(url)!).href;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return error.code === "location-protocol" ? location : null;
  }
}

function newVariables(url: string, urlnum: number) {
  return {
    content_type: null as string | null,
    errormsg: null as string | null,
    exitcode: 0,
    filename_effective: null as string | null,
    http_code: 0,
    http_connect: 0,
    http_version: "0",
    local_ip: "",
    local_port: 0,
    method: "GET",
    num_connects: 0,
    num_headers: 0,
    num_redirects: 0,
    num_retries: 0,
    proxy_used: 0,
    redirect_url: null as string | null,
    referer: null as string | null,
    remote_ip: "",
    remote_port: 0,
    response_code: 0,
    scheme: findUrl(url)?.protocol ?? null,
    size_delivered: 0,
    size_download: 0,
    size_header: 0,
    size_request: 0,
    size_upload: 0,
    speed_download: 0,
    speed_upload: 0,
    ssl_verify_result: 0,
    time_appconnect: 0,
    time_connect: 0,
    time_namelookup: 0,
    time_posttransfer: 0,
    time_pretransfer: 0,
    time_redirect: 0,
    time_starttransfer: 0,
    time_total: 0,
    url,
    url_effective: findUrl(url)?.href ?? url,
    urlnum,
  };
}
