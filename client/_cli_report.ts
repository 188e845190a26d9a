import type { Console } from "./_cli_console.ts";
import type { TraceEvent } from "./trace.ts";
import { writeBytes } from "./_cli_progress.ts";

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

/** One line about an event: `step` counts from 1, 0 is between the steps; `mark` is curl's. */
interface Line {
  readonly step: number;
  readonly mark: "*" | ">" | "<";
  readonly text: string;
}

/** Tells what happens on the way of a request: as curl's `-v`, or step by step. */
export class Report {
  readonly #console: Console;
  readonly #explains: boolean;
  #step = 0;

  /** Makes a report that goes to stderr. */
  constructor(console: Console, explains: boolean) {
    this.#console = console;
    this.#explains = explains;
  }

  /** Takes the next event. */
  tell(event: TraceEvent): void {
    if (event.type === "resolve" || event.type === "reused") this.#step = 0;
    for (const { step, mark, text } of describe(event)) {
      if (this.#explains && step > this.#step) {
        this.#step = step;
        this.#console.note(`${step}. ${STEPS[step - 1]}`);
      }
      const lead = !this.#explains
        ? `${mark} `
        : mark === "*"
        ? "  "
        : `  ${mark} `;
      this.#console.note(lead + text);
    }
  }
}

function describe(event: TraceEvent): Line[] {
  switch (event.type) {
    case "request-head":
      return [
        note(4, `${event.method} ${event.url}: ${event.bytes} bytes written`),
        ...quote(">", event.text),
      ];
    case "interim":
      return quote("<", event.text);
    case "response-head":
      return [
        note(4, `head read: ${event.bytes} bytes`),
        ...quote("<", event.text),
      ];
    case "redirect":
      return describeRedirect(event);
    default:
      return describeConnection(event) ?? describeBody(event) ?? [];
  }
}

function describeConnection(event: TraceEvent): Line[] | null {
  switch (event.type) {
    case "resolve":
      return [
        note(1, `which addresses has ${event.host}? The port is ${event.port}`),
      ];
    case "resolved":
      return [
        note(1, `${event.addresses.join(", ")}, says ${SOURCES[event.source]}`),
      ];
    case "connecting": {
      const kind = describeSocket(event.address);
      return [note(2, kind), note(3, `to ${event.address} ...`)];
    }
    case "connect-failed":
      return [note(3, `not to ${event.address}: ${event.reason}`)];
    case "connected":
      return [note(3, `connected: ${event.local} to ${event.remote}`)];
    case "tunnel":
      return [
        note(
          3,
          `the proxy ${event.proxy} says ${event.status} to a tunnel to ${event.target}`,
        ),
      ];
    case "secured":
      return [note(3, `TLS: the certificate is good for ${event.hostname}`)];
    case "reused":
      return [
        note(
          4,
          `${event.local} to ${event.remote} is used again, for request ${event.uses}`,
        ),
      ];
    case "kept":
      return [note(5, `kept open: ${event.reason}`)];
    case "closed":
      return [note(5, `closed by the ${event.by}: ${event.reason}`)];
    default:
      return null;
  }
}

function describeBody(event: TraceEvent): Line[] | null {
  switch (event.type) {
    case "request-body":
      if (event.sent < event.total) return [];
      return [note(4, `body written: ${writeBytes(event.total)}`)];
    case "send-stopped":
      return [
        note(
          4,
          `stopped after ${event.sent} of ${event.total} bytes: ${event.reason}`,
        ),
      ];
    case "body-end":
      return [
        note(4, `body read: ${event.received} bytes; ${event.reason}`),
      ];
    case "cookie":
      if (event.error === null) return [note(4, `cookie kept: ${event.text}`)];
      return [note(4, `cookie refused: ${event.text}: ${event.error}`)];
    case "retry":
      return [
        note(0, `once more in ${event.delay / 1000} s: ${event.reason}`),
      ];
    default:
      return null;
  }
}

function describeRedirect(
  event: Extract<TraceEvent, { type: "redirect" }>,
): Line[] {
  const lines = [note(0, `${event.status} leads to ${event.to}`)];
  if (event.methodReason !== null) {
    lines.push(
      note(0, `the method is now ${event.method}: ${event.methodReason}`),
    );
  }
  for (const { name, reason } of event.dropped) {
    lines.push(note(0, `${name} is not sent again: ${reason}`));
  }
  return lines;
}

function describeSocket(address: string): string {
  if (address.startsWith("/")) {
    return "a unix socket, for processes on this machine";
  }
  return address.startsWith("[")
    ? "a socket for TCP over IPv6"
    : "a socket for TCP over IPv4";
}

function note(step: number, text: string): Line {
  return { step, mark: "*", text };
}

/** The lines of a head, the empty one at its end included. */
function quote(mark: ">" | "<", head: string): Line[] {
  return head.split(/\r?\n/).slice(0, -1).map((text) => ({
    step: 4,
    mark,
    text,
  }));
}
