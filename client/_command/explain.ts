import { parseUrl } from "../../url/url.ts";
import type { TraceEvent } from "../trace.ts";
import { nameFlags } from "./failure.ts";
import { readOctets } from "./output.ts";
import type { EventOf } from "./transfer_log.ts";

/** From earlier events: the URL of the exchange, and the peer's address. */
export type Facts = Readonly<Record<"url" | "remote", string>>;

/** Where addresses come from, and in which order. */
export const SOURCES = {
  literal: "already an address, so nobody is asked",
  override: "from --resolve, so nobody is asked",
  localhost: "by RFC 6761, so nobody is asked",
  hosts: "from the hosts file, in the order of getaddrinfo",
  system: "from the system's resolver, in the order of getaddrinfo",
} as const;

/**
 * Formats the lines for each type of event. A line begins with its step, 0 for
 * none, and curl's mark: `*`, `>` or `<`; or `+` if only `--explain` shows it.
 */
export const FORMATTERS: {
  readonly [type in TraceEvent["type"]]?: (
    event: EventOf<type>,
    facts: Facts,
  ) => string | string[];
} = {
  "resolve": ({ host, port }, { url }) => [
    `1* which addresses does ${host} have?`,
    `1* the port is ${port}, ${sourceOfPort(host, port, url)}`,
  ],
  "resolved": (e) => `1* ${e.addresses.join(", then ")}: ${SOURCES[e.source]}`,
  "connecting": ({ address }) => [
    address.startsWith("/")
      ? "2* a unix socket, for processes on this machine"
      : `2* a socket for TCP over IPv${address.startsWith("[") ? 6 : 4}`,
    "2+ only this machine knows of it: nothing is on the network yet",
    `3* connecting to ${address} ...`,
  ],
  "connect-failed": (e) => `3* not connected to ${e.address}: ${e.reason}`,
  "connected": (e) => `3* connected: ${e.local} to ${e.remote}`,
  "tunnel": (e) => `3* the proxy says ${e.status} to CONNECT ${e.target}`,
  "secured": ({ hostname: name, checked }) =>
    `3* TLS: the certificate of ${name} is ${checked ? "good" : "not checked"}`,
  "reused": (e) =>
    `4* reusing ${e.local} to ${e.remote}, for request ${e.uses}`,
  "write": describeMove,
  "read": describeMove,
  "request-head": (e) => quoteHead(">", e),
  "request-body": ({ sent, total }) =>
    sent < total ? [] : `4* body written: ${total} bytes`,
  "send-stopped": (e) =>
    `4* stopped after ${e.sent} of ${e.total} bytes: ${e.reason}`,
  "interim": (e) => quoteHead("<", e),
  "response-head": (e) => quoteHead("<", e),
  "body-end": (e) => `4* body read: ${e.received} bytes; ${e.reason}`,
  "redirect": ({ status, to, method, methodReason, dropped }) => [
    `0* ${status} leads to ${to}`,
    ...methodReason ? [`0* the method is now ${method}: ${methodReason}`] : [],
    ...dropped.map((e) => `0* ${e.name} is not sent again: ${e.reason}`),
  ],
  "cookie": ({ text, error }) => {
    const [name] = text.split("="); // the value may be a secret
    return error
      ? `4* cookie refused: ${name}: ${error}`
      : `4* cookie kept: ${name}`;
  },
  "retry": (e) => `0* retrying in ${e.delay / 1000} s: ${e.reason}`,
  "kept": (e) => `5* kept open: ${e.reason}; closed at the end if unused`,
  "closed": (e) => `5* closed by the ${e.by}: ${nameFlags(e.reason)}`,
};

/** Returns where a port comes from, in words. */
export function sourceOfPort(host: string, port: number, url: string): string {
  const { hostname, host: authority, port: urlPort, protocol } = parseUrl(url);
  if (hostname !== host || urlPort !== port) return "the proxy's";
  return authority === hostname ? `the default of ${protocol}` : "from the URL";
}

/** The sizes in plain Ethernet: of the largest packet, and of two headers. */
const [MTU, TCP, ETHERNET] = [1_500, 20, 18];

/**
 * Describes a write or a read, and calculates how plain Ethernet would carry
 * it: in frames of 1,500 bytes, with headers that have no options. A program
 * cannot see the real packets.
 */
function describeMove(
  { type, bytes, encrypted }: EventOf<"write" | "read">,
  { url, remote }: Facts,
): string {
  if (bytes === null) {
    return "4+ read: the end, the other side sends nothing more";
  }
  // With https, bytes that are not encrypted are for the proxy
  const step = url.startsWith("https:") && !encrypted ? 3 : 4;
  const line = `${step}+ ${type}: ${bytes} bytes`;
  if (encrypted) return `${line}, plus what TLS adds`;
  if (remote.startsWith("/")) return `${line}, without packets`;
  const ip = remote.startsWith("[") ? 40 : 20;
  const packets = Math.ceil(bytes / (MTU - ip - TCP));
  const total = bytes + packets * (TCP + ip + ETHERNET);
  const caveat = /^127\.|^\[::1\]/.test(remote) ? ", but this is loopback" : "";
  return `${line}; estimated packets: ${packets} x (${TCP} TCP + ${ip} IP + ${ETHERNET} Ethernet) + ${bytes} = ${total}${caveat}`;
}

/** Returns the lines of a head, each with its line end. */
function quoteHead(mark: ">" | "<", e: { text: string; bytes: number }) {
  const lines = readOctets(e.text).split(/(?<=\n)/);
  const quoted = lines.map((line) => `4${mark} ${line}`);
  return [`4+ a head of ${e.bytes} bytes:`, ...quoted];
}
