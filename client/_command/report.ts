import { maskedHead, maskedUrl } from "../../command/mask.ts";
import { parseUrl } from "../../url/url.ts";
import { ClientError } from "../error.ts";
import type { HttpClientResponse } from "../response.ts";
import type { Timings, TraceEvent } from "../trace.ts";
import { explainReading } from "./anatomy.ts";
import { FORMATTERS } from "./explain.ts";
import type { Transfer } from "./operation.ts";

const STEPS =
  ",Find the address and port,Create a socket,Connect,Write and read,Close"
    .split(",");
const NUMBERS = { resolve: 1, create: 2, connect: 3, exchange: 4, close: 5 };
/** This many reads of an exchange, and writes, are told one by one. */
const MAX_MOVES = 10;
const MORE_MOVES = "4+ and the last of these that is told:";
const NESTING =
  "0+ each packet is [ Ethernet 14 [ IP 20 or 40 [ TCP 20 [ data ] ] ] Ethernet 4 ]";

/**
 * Reports the events of a transfer on stderr: as curl's `-v`, or by the five
 * steps of a client. Without these flags it reports only retries.
 */
export class TraceReporter {
  readonly #transfer: Transfer;
  readonly #started = performance.now();
  readonly #facts = { url: "", remote: "", from: "" };
  #step = 0;
  #requests = 0;
  #moves = { write: 0, read: 0 };
  /** The lines that wait until the bytes before them have been written. */
  #lines: string[] = [];
  #waits = false;

  /** Prepares for one transfer. */
  constructor(transfer: Transfer) {
    this.#transfer = transfer;
  }

  /** Reports the next event. */
  report(event: TraceEvent): void {
    const { output, options: { explain, verbose, silent } } = this.#transfer;
    if (explain === undefined && !verbose) {
      if (event.type !== "retry" || silent) return;
      const { reason, delay } = event;
      return output.note(`knock: ${reason}; once more in ${delay / 1000} s`);
    }
    // The body before these was not wanted, so nobody writes it
    if (event.type === "request" || event.type === "retry") this.flush();
    if (explain !== undefined && event.type === "request") this.#begin(event);
    Object.assign(this.#facts, event);
    this.#format(event);
    const isFin = event.type === "read" && event.bytes === null;
    this.#waits ||= isFin || event.type === "body-end";
    if (!this.#waits) this.flush();
  }

  /** The bytes that came before the last event have been written. */
  flush(): void {
    const { output, options, ordinal } = this.#transfer;
    const mark = options.parallel ? `[${ordinal}] ` : "";
    const lines = this.#lines.splice(0).map((line) => mark + line);
    if (lines.length > 0) output.note(...lines);
    this.#waits = false;
  }

  /** Tells what a failure means. */
  fail(error: unknown): void {
    if (error instanceof ClientError) {
      this.#tell(`0+ step ${NUMBERS[error.step]} failed; ${error.hint}`);
    }
    if (this.#step < 5) this.#tell("5+ nothing is open any more");
    this.flush();
  }

  #begin({ method, url }: { method: string; url: string }): void {
    const { text, options } = this.#transfer;
    const { from } = this.#facts;
    const why = from && ` (after a redirect from ${from})`;
    this.#lines.push(`Request ${++this.#requests}: ${method} ${url}${why}`);
    this.#facts.from = "";
    this.#step = 0;
    this.#moves = { write: 0, read: 0 };
    if (this.#requests > 1) return;
    explainReading(text, parseUrl(url)).forEach(this.#tell);
    if (options.explain === "packets") this.#tell(NESTING);
  }

  #format(event: TraceEvent): void {
    const isMove = "encrypted" in event && event.bytes !== null;
    const count = isMove ? ++this.#moves[event.type] : 0;
    if (count > MAX_MOVES) return;
    if (count === MAX_MOVES) this.#tell(MORE_MOVES);
    const text = "text" in event ? maskedHead(event.text) : "";
    const { explain } = this.#transfer.options;
    const told = explain === undefined ? event : { ...event, text };
    const lines = FORMATTERS[event.type]?.(told as never, this.#facts) ?? [];
    [lines].flat().forEach(this.#tell);
  }

  readonly #tell = (line: string): void => {
    const [step, mark] = [Number(line[0]), line[1]!];
    if (this.#transfer.options.explain === undefined) {
      const shown = line.slice(1).replace(/\r?\n$/, "");
      if (mark !== "+") this.#lines.push(shown);
      return;
    }
    if (step > 0 && step !== this.#step) {
      this.#lines.push(`${step}. ${STEPS[step]}`);
    }
    this.#step = step || this.#step;
    const time = (performance.now() - this.#started).toFixed(1).padStart(8);
    const before = "*+".includes(mark) ? `${time} ms` : mark.padStart(12);
    const text = line.slice(2).replace("\r", "\\r").replace("\n", "\\n");
    this.#lines.push(`${before} ${maskedUrl(text)}`);
  };
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
 * @param how `json` for a line for programs.
 * @returns The lines.
 */
export function drawTimings(response: HttpClientResponse, how = ""): string[] {
  const hops = [...response.hops, response];
  const keys = ["url", "status", "timings", ...PHASES.map(([, key]) => key)];
  if (how === "json") return [JSON.stringify(hops, keys)];
  const whole = hops.reduce((sum, { timings }) => sum + duration(timings), 0);
  const lines: string[] = [];
  let begin = 0;
  for (const { url, status, timings } of hops) {
    const start = begin;
    lines.push(`${status} ${url}`);
    for (const [name, key] of PHASES) {
      if (timings[key] === null) continue;
      const time = start + timings[key] - begin;
      const from = Math.floor(begin / whole * WIDTH);
      const length = Math.max(1, Math.round(time / whole * WIDTH));
      const bar = " ".repeat(Math.min(from, WIDTH - 1)) + "=".repeat(length);
      lines.push(`${drawPhase(name, time)}  ${bar}`);
      begin += time;
    }
  }
  return [...lines, drawPhase("whole", whole)];
}

function duration(timings: Timings): number {
  return Math.max(...PHASES.map(([, key]) => timings[key] ?? 0));
}

function drawPhase(name: string, time: number): string {
  return `  ${name.padEnd(7)} ${time.toFixed(1).padStart(8)} ms`;
}
