import type { Output } from "./output.ts";
import type { Hop, HttpClientResponse, Timings } from "../response.ts";
import type { TraceEvent } from "../trace.ts";

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
  dns: "DNS",
  system: "the hosts file or DNS",
} as const;

/**
 * One line about an event: `step` counts from 1, 0 is none of them; `mark` is
 * curl's.
 */
interface Line {
  readonly step: number;
  readonly mark: "*" | ">" | "<";
  readonly text: string;
}

/**
 * Tells what happens on the way of a request: as curl's `-v`, or step by step.
 */
export class TraceReporter {
  readonly #output: Output;
  readonly #explains: boolean;
  #step = 0;

  /** Makes a report that goes to stderr. */
  constructor(output: Output, explains: boolean) {
    this.#output = output;
    this.#explains = explains;
  }

  /** Takes the next event. */
  tell(event: TraceEvent): void {
    if (event.type === "resolve" || event.type === "reused") this.#step = 0;
    const describe = FORMATTERS[event.type] as (event: TraceEvent) => Line[];
    for (const { step, mark, text } of describe(event)) {
      if (this.#explains && step > this.#step) {
        this.#step = step;
        this.#output.note(`${step}. ${STEPS[step - 1]}`);
      }
      const lead = this.#explains
        ? (mark === "*" ? "  " : `  ${mark} `)
        : `${mark} `;
      this.#output.note(lead + text);
    }
  }
}

type Formatters = {
  readonly [type in TraceEvent["type"]]: (
    event: Extract<TraceEvent, { readonly type: type }>,
  ) => Line[];
};

const FORMATTERS: Formatters = {
  "resolve": ({ host, port }) =>
    note(1, `which addresses has ${host}? The port is ${port}`),
  "resolved": ({ addresses, source }) =>
    note(1, `${addresses.join(", ")}, says ${SOURCES[source]}`),
  "connecting": ({ address }) => [
    ...note(2, describeSocket(address)),
    ...note(3, `to ${address} ...`),
  ],
  "connect-failed": ({ address, reason }) =>
    note(3, `not to ${address}: ${reason}`),
  "connected": ({ local, remote }) =>
    note(3, `connected: ${local} to ${remote}`),
  "tunnel": ({ proxy, status, target }) =>
    note(3, `the proxy ${proxy} says ${status} to a tunnel to ${target}`),
  "secured": ({ hostname }) =>
    note(3, `TLS: the certificate is good for ${hostname}`),
  "reused": ({ local, remote, uses }) =>
    note(4, `${local} to ${remote} is used again, for request ${uses}`),
  "request-head": ({ method, url, text, bytes }) => [
    ...note(4, `${method} ${url}: ${bytes} bytes written`),
    ...quote(">", text),
  ],
  "request-body": ({ sent, total }) =>
    sent < total ? [] : note(4, `body written: ${total} bytes`),
  "send-stopped": ({ sent, total, reason }) =>
    note(4, `stopped after ${sent} of ${total} bytes: ${reason}`),
  "interim": ({ text }) => quote("<", text),
  "response-head": ({ bytes, text }) => [
    ...note(4, `head read: ${bytes} bytes`),
    ...quote("<", text),
  ],
  "body": () => [],
  "body-end": ({ received, reason }) =>
    note(4, `body read: ${received} bytes; ${reason}`),
  "redirect": ({ status, to, method, methodReason, dropped }) => [
    ...note(0, `${status} leads to ${to}`),
    ...methodReason === null
      ? []
      : note(0, `the method is now ${method}: ${methodReason}`),
    ...dropped.flatMap(({ name, reason }) =>
      note(0, `${name} is not sent again: ${reason}`)
    ),
  ],
  "cookie": ({ text, error }) =>
    note(
      4,
      error === null
        ? `cookie kept: ${text}`
        : `cookie refused: ${text}: ${error}`,
    ),
  "retry": ({ delay, reason }) =>
    note(0, `once more in ${delay / 1000} s: ${reason}`),
  "kept": ({ reason }) => note(5, `kept open: ${reason}`),
  "closed": ({ by, reason }) => note(5, `closed by the ${by}: ${reason}`),
};

function describeSocket(address: string): string {
  if (address.startsWith("/")) {
    return "a unix socket, for processes on this machine";
  }
  return `a socket for TCP over IPv${address.startsWith("[") ? 6 : 4}`;
}

function note(step: number, text: string): Line[] {
  return [{ step, mark: "*", text }];
}

/** The lines of a head, the empty one at its end included. */
function quote(mark: ">" | "<", head: string): Line[] {
  const lines = head.split(/\r?\n/).slice(0, -1);
  return lines.map((text) => ({ step: 4, mark, text }));
}

const WIDTH = 40;

/** The phases, each with what it ends with. */
const PHASES: readonly (readonly [string, keyof Timings])[] = [
  ["find", "resolved"],
  ["connect", "connected"],
  ["TLS", "secured"],
  ["write", "sent"],
  ["wait", "answered"],
  ["read", "ended"],
];

/**
 * Draws how long each phase of each exchange took, on one time scale.
 *
 * @param response The last answer, whose body has been read.
 * @returns Several lines.
 */
export function drawTimings(response: HttpClientResponse): string[] {
  const hops: readonly Pick<Hop, "url" | "status" | "timings">[] = [
    ...response.hops,
    response,
  ];
  const ends = hops.map(({ timings }) =>
    Math.max(...PHASES.map(([, key]) => timings[key] ?? 0))
  );
  const whole = ends.reduce((sum, end) => sum + end, 0);
  let begin = 0;
  return hops.flatMap(({ url, status, timings }, index) => {
    const lines = drawHop(timings, begin, whole);
    begin += ends[index]!;
    return [`${status} ${url}`, ...lines];
  }).concat(`  whole   ${milliseconds(whole)}`);
}

function drawHop(timings: Timings, begin: number, whole: number): string[] {
  const lines: string[] = [];
  let last = 0;
  for (const [name, key] of PHASES) {
    const end = timings[key];
    if (end === null) continue;
    const from = Math.floor((begin + last) / whole * WIDTH);
    const length = Math.max(1, Math.round((end - last) / whole * WIDTH));
    const bar = " ".repeat(Math.min(from, WIDTH - 1)) + "=".repeat(length);
    lines.push(`  ${name.padEnd(7)} ${milliseconds(end - last)}  ${bar}`);
    last = end;
  }
  return lines;
}

function milliseconds(value: number): string {
  return `${value.toFixed(1).padStart(8)} ms`;
}
