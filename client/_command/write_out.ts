// What `-w` writes: a format with variables, which have curl's names.

import { escapeControls, quote } from "../../command/quote.ts";
import { locationOf, resolveLocation } from "../_redirect.ts";
import type { TraceEvent } from "../trace.ts";
import { isUnwanted } from "./check_response.ts";
import { type Failure, messageOf } from "./failure.ts";
import type { Transfer } from "./operation.ts";
import { type Output, readOctets, writeError } from "./output.ts";
import { tryReadUrl } from "./request.ts";
import type { EventOf, TransferLog } from "./transfer_log.ts";

/** A variable, `%header{...}`, `%output{...}`, or an escape or other text. */
const TOKEN_REGEXP =
  /%\{([^}]*)\}|%(header|output)\{((?:\\.|[^}\\])*)\}|([%\\].|[^%\\]+|.)/gs;
const ESCAPES = { "%%": "%", "\\n": "\n", "\\r": "\r", "\\t": "\t" };

const REFERER_REGEXP = /^referer: (.*?)\r$/im;
/** An address as events have it; the path of a unix socket does not match. */
const ADDRESS_REGEXP = /^\[?([^\]/]*)\]?:(\d+)$/;
const STATUS_NAMES = ["http_code", "response_code", "http_connect"];

/** A transfer that is over. */
interface Outcome extends Failure {
  /** What was asked for. */
  readonly transfer: Transfer;
  /** How long the last attempt took. */
  readonly seconds: number;
}

/**
 * Writes what `-w` asks for after a transfer, and reports unknown variables.
 *
 * @throws {CommandError} If stdout or a file cannot be written.
 */
export async function writeOut(outcome: Outcome): Promise<void> {
  const { exitCode, transfer: { log, output, format } } = outcome;
  const head = log.list("response-head").at(-1);
  const variables = readVariables(outcome, head);
  let [target, text] = ["stdout", ""];
  for (const match of format.matchAll(TOKEN_REGEXP)) {
    const [token, name = "", kind, argument = "", plain] = match;
    const literal = ESCAPES[token as keyof typeof ESCAPES] ?? plain;
    const value = kind === "header"
      ? readOctets(head?.headers.getAll(argument)[0] ?? "")
      : variables.get(name);
    if (literal !== undefined) text += literal;
    else if (kind === "output" || name === "stdout" || name === "stderr") {
      await writeTo(target, text, output);
      [target, text] = [kind === "output" ? `>${argument}` : name, ""];
    } else if (name === "onerror") {
      if (exitCode === 0) break;
    } else if (value !== undefined) {
      // The server must not control the terminal
      text += output.isTerminal ? escapeControls(value) : value;
    } else {
      const variable = `${quote(name)} of -w`;
      output.note(`knock: Cannot write ${variable}: no such variable`);
    }
  }
  await writeTo(target, text, output);
}

/** Writes a text to `stdout`, to `stderr`, or to a file after `>`. */
async function writeTo(target: string, text: string, output: Output) {
  if (target === "stderr") return output.printError(text);
  if (target === "stdout") return await output.print(text);
  const [, append, path = ""] = /^>(>>)?(.*)$/s.exec(target)!;
  await Deno.writeTextFile(path, text, { append: append !== undefined })
    .catch((error) => {
      throw writeError(path, error);
    });
}

/** Returns the texts of the variables of `-w`, by their names. */
function readVariables(outcome: Outcome, head?: EventOf<"response-head">) {
  const values = listValues(outcome, head);
  const texts = Object.entries(values).map(([name, value]) =>
    [name, writeValue(name, value ?? "")] as const
  );
  const fields = writeFields(head?.headers);
  const json = JSON.stringify(values);
  return new Map([...texts, ["json", json], ["header_json", fields]]);
}

function writeValue(name: string, value: string | number): string {
  if (name.startsWith("time_")) return Number(value).toFixed(6);
  return String(value).padStart(STATUS_NAMES.includes(name) ? 3 : 0, "0");
}

/** Returns the values of curl's variables, in their order. */
function listValues(outcome: Outcome, head?: EventOf<"response-head">) {
  const { transfer, seconds, exitCode } = outcome;
  const { log, log: { hops, received, sent } } = transfer;
  // As if the server itself had found that -z is not met
  const isSkipped = head && isUnwanted(head, transfer.options);
  const request = log.list("request").at(-1);
  const requestHeads = log.list("request-head");
  const effectiveUrl = tryReadUrl(request?.url ?? transfer.typedUrl);
  const bodies = log.list("request-body");
  const tunnel = log.list("tunnel").at(-1);
  const connection = log.list("connected", "reused").at(-1);
  const [localIp, localPort] = splitAddress(connection?.local);
  const [remoteIp, remotePort] = splitAddress(connection?.remote);
  const [, referer = ""] =
    REFERER_REGEXP.exec(requestHeads.at(-1)?.text ?? "") ?? [];
  return {
    content_type: readOctets(head?.headers.get("content-type") ?? "") || null,
    errormsg: exitCode === 0 ? null : messageOf(outcome),
    exitcode: exitCode,
    filename_effective: log.filename,
    http_code: isSkipped ? 304 : head?.status ?? 0,
    http_connect: tunnel?.status ?? 0,
    http_version: head?.version ?? "0",
    local_ip: localIp,
    local_port: localPort,
    method: request?.method ?? "GET",
    num_connects: log.list("connected").length,
    num_headers: [...head?.headers ?? []].length,
    num_redirects: hops.length - 1,
    num_retries: log.retries,
    redirect_url: head === undefined ? null : redirectUrl(head),
    referer: readOctets(referer) || null,
    remote_ip: remoteIp,
    remote_port: remotePort,
    response_code: isSkipped ? 304 : head?.status ?? 0,
    scheme: effectiveUrl?.protocol ?? null,
    size_delivered: log.delivered,
    size_download: received,
    size_header: log.heads.length,
    size_request: sumOf(requestHeads.map(({ bytes }) => bytes)) +
      sumOf(bodies.map(({ sent }) => sent)),
    size_upload: sent,
    speed_download: Math.floor(received / seconds),
    speed_upload: Math.floor(sent / seconds),
    time_appconnect: timeTo(hops, "secured"),
    time_connect: timeTo(hops, "connected", "reused"),
    time_namelookup: timeTo(hops, "resolved", "reused"),
    time_posttransfer: timeTo(hops, "request-head", "request-body"),
    time_pretransfer: timeTo(hops, "request-head"),
    time_redirect: toSeconds(beginOf(hops.at(-1)!) - beginOf(hops[0]!)),
    time_starttransfer: timeTo(hops, "response-head"),
    time_total: toSeconds(seconds * 1000),
    url: transfer.typedUrl,
    url_effective: effectiveUrl?.href ?? transfer.typedUrl,
    urlnum: transfer.urlIndex,
  };
}

/** Adds up the time of each hop until its last such event, in seconds. */
function timeTo(hops: TransferLog["hops"], ...types: TraceEvent["type"][]) {
  const times = hops.map((events) => {
    const last = events.findLast(({ type }) => types.includes(type));
    return last === undefined ? 0 : last.at - beginOf(events);
  });
  return toSeconds(sumOf(times));
}

function beginOf([first]: readonly TraceEvent[]): number {
  return first?.at ?? 0;
}

/** Rounds to microseconds, as curl does. */
function toSeconds(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1e6;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

function splitAddress(address = ""): readonly [ip: string, port: number] {
  const [, ip = "", port = 0] = ADDRESS_REGEXP.exec(address) ?? [];
  return [ip, Number(port)];
}

/** Returns the URL that a redirect would lead to; as in curl, even if wrong. */
function redirectUrl(head: EventOf<"response-head">): string | null {
  const location = head.headers.get("location");
  try {
    return locationOf(head) &&
      resolveLocation(location!, tryReadUrl(head.url)!).href;
  } catch {
    return location;
  }
}

/** Writes fields as JSON: for each name, in lowercase, a list of values. */
function writeFields(fields: Iterable<[string, string]> = []): string {
  const groups = Object.groupBy(fields, ([name]) => name.toLowerCase());
  const lines = Object.entries(groups).map(([name, group]) => {
    const texts = group!.map(([, text]) => readOctets(text));
    return `${JSON.stringify(name)}:${JSON.stringify(texts)}`;
  });
  return `{${lines.join(",\n")}\n}`;
}
