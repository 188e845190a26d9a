import {
  HeaderFields,
  parseBasicCredentials,
  type RequestHead,
  writeHttpDate,
} from "../message/mod.ts";
import type { ConnectionIo } from "./_connection/connection_io.ts";
import { clientAddress } from "./_forwarded.ts";
import { checkOptions } from "../message/_options.ts";
import { LineWriter } from "./_line_writer.ts";

/**
 * One request and its response.
 *
 * @example Count the bytes of bodies that were sent
 * ```ts
 * import { type AccessLogEntry, get, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * let sent = 0;
 * const log = ({ bytes, headBytes = 0 }: AccessLogEntry) => {
 *   sent += bytes - headBytes;
 * };
 * const handler = () => ({ status: 200, body: "12345" });
 * await using server = serve(handler, { port: 0, log });
 *
 * await (await get(server.url)).text();
 * await server.shutdown();
 * assertEquals(sent, 5);
 * ```
 *
 * @category Serve
 */
export interface AccessLogEntry {
  /** When the head was read, in milliseconds since 1970. */
  readonly time: number;
  /** The time from there to the end of the response, in milliseconds. */
  readonly duration: number;
  /**
   * The IP address of the client, or of the one that a trusted proxy forwards
   * for; `-` on a unix socket.
   */
  readonly address: string;
  /**
   * The user of Basic credentials, whether they were right or not; null if
   * there are none.
   */
  readonly user: string | null;
  /** The request line as it was sent; null if it could not be read. */
  readonly request: string | null;
  /** The status of the response. */
  readonly status: number;
  /** The number of bytes that were sent, head and body. */
  readonly bytes: number;
  /** How many of them are the head's; the text formats leave them out. */
  readonly headBytes?: number;
  /** The header field of this name. */
  readonly referer: string | null;
  /** The header field of this name. */
  readonly userAgent: string | null;
}

/** What was sent for a request, and how long that took. */
type Sent = Pick<Required<AccessLogEntry>, "status" | "headBytes" | "duration">;

/** Makes the entry for a request; its head is null if it could not be read. */
export function logEntry(
  head: RequestHead | null,
  { status, headBytes, duration }: Sent,
  { responseBytes: bytes, remoteAddr, server }: ConnectionIo,
): AccessLogEntry {
  const headers = head?.headers ?? new HeaderFields();
  const address = "hostname" in remoteAddr ? remoteAddr.hostname : "-";
  const credentials = headers.get("authorization") ?? "";
  return {
    time: Date.now() - duration,
    address: clientAddress(address, headers, server.isTrustedProxy),
    user: parseBasicCredentials(credentials)?.username ?? null,
    request: head && `${head.method} ${head.target} HTTP/${head.version}`,
    status,
    bytes,
    headBytes: Math.min(headBytes, bytes),
    duration: Math.round(duration * 1_000) / 1_000,
    referer: headers.get("referer"),
    userAgent: headers.get("user-agent"),
  };
}

/**
 * The format of a log line: the Common Log Format, the same with referer and
 * user agent, or a JSON object.
 *
 * @example Lines for programs
 * ```ts
 * import { accessLog, type AccessLogFormat, get, serve } from "@knock/http";
 * import { assertEquals } from "@std/assert";
 *
 * const format: AccessLogFormat = "json";
 * const lines: Uint8Array[] = [];
 * const write = (line: Uint8Array) =>
 *   Promise.resolve((lines.push(line), line.length));
 * const log = accessLog(format, { write });
 * const server = serve(() => ({ status: 204 }), { port: 0, log });
 * await get(server.url);
 * await server.shutdown();
 * const entry = JSON.parse(new TextDecoder().decode(lines[0]));
 * assertEquals(entry.status, 204);
 * ```
 *
 * @category Serve
 */
export type AccessLogFormat = "common" | "combined" | "json";

/**
 * Makes a function that logs requests.
 *
 * Lines are written after the responses, and nothing waits for them. Lines that
 * cannot be written, because the disk is full or the reader too slow, are
 * dropped, which is printed once, and the log goes on as soon as it can.
 *
 * @param format The format of a line.
 * @param sink Where the lines go: `Deno.stdout`, an open file, or anything else
 *   that writes some of the bytes it is given, and returns how many.
 * @returns A function for the `log` option of `serve`.
 * @throws {TypeError} If there is no such format.
 *
 * @example Usage
 * ```ts
 * import { accessLog, serve } from "@knock/http/server";
 *
 * await using _server = serve(() => ({ status: 204 }), {
 *   port: 0,
 *   log: accessLog("common", Deno.stdout),
 * });
 * ```
 *
 * @category Serve
 */
export function accessLog(
  format: AccessLogFormat,
  sink: { write(bytes: Uint8Array): Promise<number> },
): (entry: AccessLogEntry) => void {
  checkOptions({ format: format ?? null });
  const writer = new LineWriter(sink, "log");
  const formatLine = FORMATTERS[format];
  return (entry) => writer.write(formatLine(entry));
}

/** Functions that write an entry as a line, by the name of the format. */
export const FORMATTERS: Readonly<
  Record<AccessLogFormat, (entry: AccessLogEntry) => string>
> = { common: commonLine, combined: combinedLine, json: jsonLine };

/**
 * The last date that was written: most lines have the same one, and writing it
 * again would take two thirds of their time.
 */
const last = { second: NaN, stamp: "" };

function stampOf(time: number): string {
  const second = Math.floor(time / 1000);
  if (second !== last.second) {
    const [, day, month, year, clock] = writeHttpDate(time).split(" ");
    last.second = second;
    last.stamp = `${day}/${month}/${year}:${clock} +0000`;
  }
  return last.stamp;
}

// 192.0.2.1 - alice [06/Nov/1994:08:49:37 +0000] "GET / HTTP/1.0" 200 512
function commonLine(entry: AccessLogEntry): string {
  const user = escape(entry.user || "-").replaceAll(" ", "\\x20");
  const bytes = entry.bytes - (entry.headBytes ?? 0);
  const origin = `${entry.address} - ${user} [${stampOf(entry.time)}]`;
  return `${origin} ${quoted(entry.request)} ${entry.status} ${bytes}`;
}

function combinedLine(entry: AccessLogEntry): string {
  const { referer, userAgent } = entry;
  return `${commonLine(entry)} ${quoted(referer)} ${quoted(userAgent)}`;
}

function jsonLine(entry: AccessLogEntry): string {
  const time = new Date(entry.time);
  const line = JSON.stringify({ ...entry, time });
  return line.replace(NOT_PRINTABLE_REGEXP, (char) => "\\u" + hex(char, 4));
}

function quoted(text: string | null): string {
  return text === null ? '"-"' : `"${escape(text)}"`;
}

// Each byte from the network that is not printable ASCII is shown as \xHH,
// because logs are read in terminals
const NOT_PRINTABLE_REGEXP = /[^\x20-\x7e]/g;
const UNSAFE_REGEXP = /["\\]|[^\x20-\x7e]/;

function escape(text: string): string {
  if (!UNSAFE_REGEXP.test(text)) return text; // most need no escapes
  return text.replace(/["\\]/g, "\\$&").replace(
    NOT_PRINTABLE_REGEXP,
    (char) => char > "\xff" ? `\\u${hex(char, 4)}` : `\\x${hex(char, 2)}`,
  );
}

function hex(char: string, length: number): string {
  return char.charCodeAt(0).toString(16).padStart(length, "0");
}
