import type { TraceEvent } from "../trace.ts";

type EventType = TraceEvent["type"];

/** An event of this type. */
export type EventOf<Type> = Extract<TraceEvent, { readonly type: Type }>;

/** What happened in a transfer; of several attempts the last one counts. */
export class TransferLog {
  /** The file that the body goes to; null for stdout. */
  filename: string | null = null;
  /** How many attempts were made after the first. */
  retries = 0;
  /** How many bytes were written to the file or to stdout. */
  delivered = 0;
  /** When the last attempt began, as `performance.now()` tells it. */
  started = performance.now();
  /** The events, from one redirect to the next; each list begins with it. */
  hops: TraceEvent[][] = [[]];

  /** Begins with the first URL again. */
  restart(): void {
    this.started = performance.now();
    this.delivered = 0;
    this.hops = [[]];
  }

  /** Takes the next event. */
  report(event: TraceEvent): void {
    const { type } = event;
    if (type === "read" || type === "write") return; // as many as there are blocks
    if (type === "redirect") this.hops.push([]);
    if (type === "retry") {
      this.retries++;
      this.hops.splice(-1, 1, []);
    }
    // Of a body it counts only how far it has come
    const isBody = type === "body" || type === "request-body";
    const events = this.hops.pop()!
      .filter((other) => !isBody || other.type !== type);
    this.hops.push([...events, event]);
  }

  /** The events of these types, over all redirects. */
  list<Type extends EventType>(...types: readonly Type[]): EventOf<Type>[] {
    return this.hops.flat().filter((event): event is EventOf<Type> =>
      types.some((type) => type === event.type)
    );
  }

  /** All heads that came, as octets. */
  get heads(): string {
    return this.list("interim", "response-head").map(({ text }) => text)
      .join("");
  }

  /** How much of the last response's body has come. */
  get received(): number {
    const body = this.hops.at(-1)!.find((event) => event.type === "body");
    return body?.received ?? 0;
  }

  /** How much of the last request's body was sent. */
  get sent(): number {
    const body = this.hops.at(-1)!.find((event) =>
      event.type === "request-body"
    );
    return body?.sent ?? 0;
  }
}
