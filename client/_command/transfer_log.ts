import type { TraceEvent } from "../trace.ts";

/** An event of this type. */
export type EventOf<Type> = Extract<TraceEvent, { readonly type: Type }>;

/** What happened in a transfer; of several attempts, the last one counts. */
export class TransferLog {
  /** The file that the body goes to; null for stdout. */
  filename: string | null = null;
  /** How many attempts were made after the first. */
  retries = 0;
  /** How many bytes were written to the file or to stdout. */
  delivered = 0;
  /** When the request was made, by `performance.now()`. */
  started = performance.now();
  /** How many bytes of the last response's body were received. */
  received = 0;
  /** How many bytes of the last request's body were sent. */
  sent = 0;
  /**
   * The events, in a list for each hop. A redirect begins the next list. Of the
   * events of a body, only the last is kept, which has the count of bytes.
   */
  hops: TraceEvent[][] = [[]];

  /** Starts over with the first URL. */
  restart(): void {
    this.started = performance.now();
    this.delivered = 0;
    this.hops = [[]];
  }

  /** Records the next event. */
  report(event: TraceEvent): void {
    const { type } = event;
    if (type === "redirect") this.hops.push([]);
    if (type === "retry") this.hops.splice(-1, 1, []);
    if (type === "retry") this.retries++;
    // The body of a redirect is skipped after it has been followed
    if (type === "request") this.received = this.sent = 0;
    if (type === "body") this.received = event.received;
    if (type === "request-body") this.sent = event.sent;
    if (type === "read" || type === "write" || type === "retry") return;
    const events = this.hops.at(-1)!;
    const isBody = type === "body" || type === "request-body";
    if (isBody && events.at(-1)?.type === type) events.pop();
    events.push(event);
  }

  /** How long the last attempt has taken, in milliseconds. */
  get elapsed(): number {
    return performance.now() - this.started - (this.hops[0]![0]?.at ?? 0);
  }

  /** Returns the events of these types, from all hops. */
  list<Type extends TraceEvent["type"]>(...types: readonly Type[]) {
    return this.hops.flat().filter((event): event is EventOf<Type> =>
      types.some((type) => type === event.type)
    );
  }

  /** All heads that were received, as octets. */
  get heads(): string {
    return this.list("tunnel", "interim", "response-head")
      .map(({ text }) => text).join("");
  }
}
