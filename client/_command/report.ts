import type { Options } from "./options.ts";
import { type Output, readOctets } from "./output.ts";
import type { HttpClientResponse } from "../response.ts";
import type { Timings, TraceEvent } from "../trace.ts";

const STEPS = [
  "Find the address and port",
  "Create a socket",
  "Connect",
  "Write and read",
  "Close",
] as const;

const SOURCES = {
  literal: "the URL itself",
  override: "--resolve",
  localhost: "the standard, which fixes localhost",
  hosts: "the hosts file",
  system: "the system's resolver",
} as const;

/**
 * A line about an event, starting with curl's mark, and the step it belongs to:
 * 1 to 5, or 0 for none.
 */
type Line = readonly [step: number, text: string];

/**
 * Reports the events of a request on stderr: as curl's `-v`, or by the five
 * steps of a client. Without these flags it reports only retries.
 */
export class TraceReporter {
  readonly #output: Output;
  readonly #options: Options;
  #step = 0;

  /** Prepares for one transfer. */
  constructor(output: Output, options: Options) {
    this.#output = output;
    this.#options = options;
  }

  /** Reports the next event. */
  report(event: TraceEvent): void {
    const { explain, verbose, silent } = this.#options;
    if (explain || verbose) this.#reportAll(event, explain);
    else if (event.type === "retry" && !silent) {
      const { reason, delay } = event;
      this.#output.note(`knock: ${reason}; once more in ${delay / 1000} s`);
    }
  }

  #reportAll(event: TraceEvent, explains: boolean): void {
    if (event.type === "resolve" || event.type === "reused") this.#step = 0;
    const format = FORMATTERS[event.type] as (event: TraceEvent) => Line[];
    for (const [step, text] of format(event)) {
      if (explains && step > this.#step) {
        this.#step = step;
        this.#output.note(`${step}. ${STEPS[step - 1]}`);
      }
      const explained = `  ${text.replace(/^\* /, "")}`;
      this.#output.note(explains ? explained : text);
    }
  }
}

type Formatters = {
  readonly [type in TraceEvent["type"]]: (
    event: Extract<TraceEvent, { readonly type: type }>,
  ) => Line[];
};

const FORMATTERS: Formatters = {
  "request": () => [],
  "write": () => [],
  "read": () => [],
  "resolve": ({ host, port }) =>
    line(1, `which addresses has ${host}? The port is ${port}`),
  "resolved": ({ addresses, source }) =>
    line(1, `${addresses.join(", ")}, from ${SOURCES[source]}`),
  "connecting": ({ address }) => [
    ...line(2, describeSocket(address)),
    ...line(3, `to ${address} ...`),
  ],
  "connect-failed": ({ address, reason }) =>
    line(3, `not to ${address}: ${reason}`),
  "connected": ({ local, remote }) =>
    line(3, `connected: ${local} to ${remote}`),
  "tunnel": ({ proxy, status, target }) =>
    line(3, `the proxy ${proxy} says ${status} to a tunnel to ${target}`),
  "secured": ({ hostname }) =>
    line(3, `TLS: the certificate is good for ${hostname}`),
  "reused": ({ local, remote, uses }) =>
    line(4, `${local} to ${remote} is used again, for request ${uses}`),
  "request-head": ({ method, url, text, bytes }) => [
    ...line(4, `${method} ${url}: ${bytes} bytes written`),
    ...quoteHead(">", text),
  ],
  "request-body": ({ sent, total }) =>
    sent < total ? [] : line(4, `body written: ${total} bytes`),
  "send-stopped": ({ sent, total, reason }) =>
    line(4, `stopped after ${sent} of ${total} bytes: ${reason}`),
  "interim": ({ text }) => quoteHead("<", text),
  "response-head": ({ bytes, text }) => [
    ...line(4, `head read: ${bytes} bytes`),
    ...quoteHead("<", text),
  ],
  "body": () => [],
  "body-end": ({ received, reason }) =>
    line(4, `body read: ${received} bytes; ${reason}`),
  "redirect": ({ status, to, method, methodReason, dropped }) => [
    ...line(0, `${status} leads to ${to}`),
    ...methodReason === null
      ? []
      : line(0, `the method is now ${method}: ${methodReason}`),
    ...dropped.flatMap(({ name, reason }) =>
      line(0, `${name} is not sent again: ${reason}`)
    ),
  ],
  "cookie": ({ text, error }) =>
    error === null
      ? line(4, `cookie kept: ${text}`)
      : line(4, `cookie refused: ${text}: ${error}`),
  "retry": ({ delay, reason }) =>
    line(0, `once more in ${delay / 1000} s: ${reason}`),
  "kept": ({ reason }) => line(5, `kept open: ${reason}`),
  "closed": ({ by, reason }) => line(5, `closed by the ${by}: ${reason}`),
};

function describeSocket(address: string): string {
  if (address.startsWith("/")) {
    return "a unix socket, for processes on this machine";
  }
  return `a socket for TCP over IPv${address.startsWith("[") ? 6 : 4}`;
}

function line(step: number, text: string): Line[] {
  return [[step, `* ${text}`]];
}

/** The lines of a head, with the empty one at its end. */
function quoteHead(mark: ">" | "<", head: string): Line[] {
  const lines = readOctets(head).split(/\r?\n/).slice(0, -1);
  return lines.map((text) => [4, `${mark} ${text}`]);
}

const WIDTH = 40;

/** The phases, each with the moment at which it ends. */
const PHASES = [
  ["find", "resolved"],
  ["connect", "connected"],
  ["TLS", "secured"],
  ["write", "sent"],
  ["wait", "answered"],
  ["read", "ended"],
] as const;

/**
 * Draws how long each phase of each exchange took, on a common time scale.
 *
 * @param response The last response, whose body has been read.
 * @returns The lines.
 */
export function drawTimings(response: HttpClientResponse): string[] {
  const hops = [...response.hops, response];
  const whole = hops.reduce((sum, { timings }) => sum + duration(timings), 0);
  const lines: string[] = [];
  let begin = 0;
  for (const { url, status, timings } of hops) {
    lines.push(`${status} ${url}`);
    let last = 0;
    for (const [name, key] of PHASES) {
      const time = (timings[key] ?? last) - last;
      const from = Math.floor((begin + last) / whole * WIDTH);
      const length = Math.max(1, Math.round(time / whole * WIDTH));
      const bar = " ".repeat(Math.min(from, WIDTH - 1)) + "=".repeat(length);
      if (timings[key] !== null) lines.push(drawPhase(name, time) + `  ${bar}`);
      last += time;
    }
    begin += duration(timings);
  }
  return [...lines, drawPhase("whole", whole)];
}

function duration(timings: Timings): number {
  return Math.max(...PHASES.map(([, key]) => timings[key] ?? 0));
}

function drawPhase(name: string, time: number): string {
  return `  ${name.padEnd(7)} ${time.toFixed(1).padStart(8)} ms`;
}
