import { maskedHead, maskedUrl } from "../../command/quote.ts";
import { parseUrl } from "../../url/url.ts";
import { ClientError } from "../error.ts";
import type { TraceEvent } from "../trace.ts";
import { explainReading } from "./anatomy.ts";
import { FORMATTERS } from "./explain.ts";
import type { Transfer } from "./operation.ts";

/** The names of the steps of a client, from 1 on. */
const STEP_NAMES = [
  "",
  "Find the address and port",
  "Create a socket",
  "Connect",
  "Write and read",
  "Close",
];
/** The numbers of the steps, by the names that a `ClientError` has for them. */
const STEPS = { resolve: 1, create: 2, connect: 3, exchange: 4, close: 5 };
/** Up to this many reads of an exchange are reported, and as many writes. */
const MAX_MOVES = 10;
const MORE_MOVES = "4+ more follow, and this is the last one shown:";
const NESTING =
  "0+ each packet is [ Ethernet 14 [ IP 20 or 40 [ TCP 20 [ data ] ] ] Ethernet 4 ]";

/**
 * Reports the events of a transfer on stderr: like curl's `-v`, or under the
 * five steps of a client. Without these flags it reports only retries.
 */
export class TraceReporter {
  readonly #transfer: Transfer;
  readonly #started = performance.now();
  /** From earlier events, for the lines of later ones. */
  #facts = { url: "", remote: "", from: "" };
  #step = 0;
  #requests = 0;
  #moves = { write: 0, read: 0 };
  /** Lines held back until the body before them has been written. */
  #lines: string[] = [];
  #isHeld = false;

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
      return output.note(`knock: ${reason}; retrying in ${delay / 1000} s`);
    }
    // The body before these events is discarded, so nothing waits for it
    if (event.type === "request" || event.type === "retry") this.flush();
    if (explain !== undefined && event.type === "request") this.#begin(event);
    const { url, remote, from } = { ...this.#facts, ...event };
    this.#facts = { url, remote, from };
    this.#format(event);
    const isFin = event.type === "read" && event.bytes === null;
    this.#isHeld ||= isFin || event.type === "body-end";
    if (!this.#isHeld) this.flush();
  }

  /** Prints the held lines, since the body before them has been written. */
  flush(): void {
    const { output, options, ordinal } = this.#transfer;
    const prefix = options.parallel ? `[${ordinal}] ` : "";
    output.note(...this.#lines.splice(0).map((line) => prefix + line));
    this.#isHeld = false;
  }

  /** Explains what a failure means. */
  fail(error: unknown): void {
    if (error instanceof ClientError) {
      this.#addLine(`0+ step ${STEPS[error.step]} failed; ${error.hint}`);
    }
    if (this.#step < STEPS.close) this.#addLine("5+ nothing is left open");
    this.flush();
  }

  #begin({ method, url }: { method: string; url: string }): void {
    const { typedUrl, options } = this.#transfer;
    const { from } = this.#facts;
    const suffix = from && ` (after a redirect from ${from})`;
    this.#lines.push(`Request ${++this.#requests}: ${method} ${url}${suffix}`);
    this.#facts.from = "";
    this.#step = 0;
    this.#moves = { write: 0, read: 0 };
    if (this.#requests > 1) return;
    for (const reason of explainReading(typedUrl, parseUrl(url))) {
      this.#addLine(`0+ ${reason}`);
    }
    if (options.explain === "packets") this.#addLine(NESTING);
  }

  #format(event: TraceEvent): void {
    const isMove = "encrypted" in event && event.bytes !== null;
    const count = isMove ? ++this.#moves[event.type] : 0;
    if (count > MAX_MOVES) return;
    if (count === MAX_MOVES) this.#addLine(MORE_MOVES);
    const text = "text" in event ? maskedHead(event.text) : "";
    const { explain } = this.#transfer.options;
    const shown = explain === undefined ? event : { ...event, text };
    const lines = FORMATTERS[event.type]?.(shown as never, this.#facts) ?? [];
    for (const line of [lines].flat()) this.#addLine(line);
  }

  /** Adds a line, after the number and name of its step if that is new. */
  #addLine(line: string): void {
    const step = Number(line[0]);
    const mark = line[1]!;
    if (this.#transfer.options.explain === undefined) {
      if (mark !== "+") this.#lines.push(line.slice(1).replace(/\r?\n$/, ""));
      return;
    }
    if (step > 0 && step !== this.#step) {
      this.#lines.push(`${step}. ${STEP_NAMES[step]}`);
    }
    this.#step = step || this.#step;
    const time = (performance.now() - this.#started).toFixed(1).padStart(8);
    const margin = "*+".includes(mark) ? `${time} ms` : mark.padStart(12);
    const text = line.slice(2).replace("\r", "\\r").replace("\n", "\\n");
    this.#lines.push(`${margin} ${maskedUrl(text)}`);
  }
}
