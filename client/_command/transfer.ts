import type { Url } from "../../url/url.ts";
import type { Client } from "../client.ts";
import { CommandError, EXIT } from "../../command/errors.ts";
import type { Options } from "./flags.ts";
import type { BodySink, Output } from "./output.ts";
import type { Meter, Progress } from "./progress.ts";
import { TraceReporter } from "./report.ts";
import { resumeFields, type ResumePoint } from "./resume.ts";
import { pause, Retries } from "../_retry.ts";
import { ClientError } from "../error.ts";
import type { RequestOptions } from "../options.ts";
import type { HttpClientResponse } from "../response.ts";
import type { TraceEvent } from "../trace.ts";

/**
 * Half of that costs a quarter to a half more CPU for a large download; twice
 * as much gains little.
 */
const BLOCK_BYTES = 262_144;

/** What all transfers of a run share. */
export interface TransferContext {
  /** Makes the requests. */
  readonly client: Client;
  /** What the user asked for. */
  readonly options: Options;
  /** Stops all. */
  readonly signal: AbortSignal;
  /** How often to try again. */
  readonly retries: number;
  /** Where to write. */
  readonly output: Output;
  /** Shows how far it is. */
  readonly progress: Progress;
}

/** One URL and where its body goes. */
export interface Transfer {
  /** What is asked for. */
  readonly url: Url;
  /** How it is asked for. */
  readonly request: RequestOptions;
  /** Where the body goes. */
  readonly sink: BodySink;
}

/**
 * Makes one transfer: asks, writes what comes, and goes on after a cut as often
 * as it may.
 *
 * @returns The response whose body was written.
 * @throws {CommandError} If it fails on this side, or by `-f`.
 * @throws {ClientError} If the network or the other side fails.
 */
export async function performTransfer(
  transfer: Transfer,
  context: TransferContext,
): Promise<HttpClientResponse> {
  return await new Attempts(transfer, context).run();
}

/** The attempts at one transfer. */
class Attempts {
  readonly #transfer: Transfer;
  readonly #context: TransferContext;
  readonly #reporter: TraceReporter | null;
  readonly #meter: Meter;
  readonly #showsProgress: boolean;
  readonly #retries: Retries;
  /** The heads that `-i` and `-I` show, until they are written. */
  #heads = "";
  /** How many bytes of the body came in this attempt. */
  #received = 0;

  constructor(transfer: Transfer, context: TransferContext) {
    const { options, output, progress, retries } = context;
    this.#transfer = transfer;
    this.#context = context;
    this.#reporter = options.explain || options.verbose
      ? new TraceReporter(output, options.explain)
      : null;
    this.#retries = new Retries(retries);
    this.#meter = progress.begin();
    this.#showsProgress = !options.silent && !transfer.sink.isTerminal;
  }

  async run(): Promise<HttpClientResponse> {
    const { sink } = this.#transfer;
    const { options, output } = this.#context;
    let response: HttpClientResponse | null = null;
    try {
      while (response === null) response = await this.#attempt();
    } catch (error) {
      const hint = await sink.abort(this.#heads);
      if (hint !== null && !options.silent) output.note(hint);
      throw error;
    }
    await sink.end();
    return response;
  }

  /** Asks once; null if it has to be asked once more. */
  async #attempt(): Promise<HttpClientResponse | null> {
    const { sink } = this.#transfer;
    const point = sink.resumePoint;
    this.#received = 0;
    await using response = await this.#ask(point);
    this.#checkStatus(response, point);
    const decision = await sink.begin(response);
    if (decision === "restart") return null;
    this.#meter.already = sink.resumePoint?.offset ?? 0;
    const heads = this.#heads;
    this.#heads = "";
    if (heads !== "") await sink.writeHead(heads);
    try {
      if (decision !== "complete") await this.#copyBody(response);
      return response;
    } catch (error) {
      if (this.#received > 0) this.#retries.progress();
      if (await this.#mayGoOn(error)) return null;
      throw error;
    }
  }

  /** Waits before the next attempt, if there is one. */
  async #mayGoOn(error: unknown): Promise<boolean> {
    const { request: { method = "GET" }, sink } = this.#transfer;
    if (!sink.canRestart || this.#isOver(error)) return false;
    const retry = this.#retries.afterError(error, method);
    if (retry === null) return false;
    this.#take({ type: "retry", at: 0, ...retry });
    await pause(retry.delay, this.#context.signal);
    return true;
  }

  /**
   * Whether the time of `-m` has passed: no other wait in a body is as short.
   */
  #isOver(error: unknown): boolean {
    const seconds = Number(this.#context.options["max-time"] ?? 0);
    return seconds > 0 && error instanceof ClientError &&
      error.code === "timeout";
  }

  async #ask(point: ResumePoint | null): Promise<HttpClientResponse> {
    const { client, options, output, signal } = this.#context;
    const { url, request } = this.#transfer;
    const fields = point === null ? [] : resumeFields(point);
    const response = await client.request(url, {
      ...request,
      headers: [...request.headers as [string, string][], ...fields],
      retry: this.#retries,
      signal,
      trace: (event) => this.#take(event),
    });
    if (response.hint !== null && !options.silent) {
      output.note(`knock: ${response.hint}`);
    }
    return response;
  }

  #checkStatus(
    { status, statusText, url }: HttpClientResponse,
    point: ResumePoint | null,
  ): void {
    // To a request for the rest, 416 may say that there is none
    const isAboutRest = status === 416 && point !== null;
    if (this.#context.options.fail && status >= 400 && !isAboutRest) {
      throw new CommandError(
        EXIT.httpError,
        `Cannot get ${url}: the server answered ${status} ${statusText}`,
      );
    }
  }

  /**
   * Reads into one block over and over, so that the longest body needs no more
   * memory.
   */
  async #copyBody({ body }: HttpClientResponse): Promise<void> {
    const reader = body.getReader({ mode: "byob" });
    let block = new Uint8Array(BLOCK_BYTES);
    for (;;) {
      const { value, done } = await reader.read(block);
      if (done) return;
      await this.#transfer.sink.write(value);
      block = new Uint8Array(value.buffer);
    }
  }

  #take(event: TraceEvent): void {
    const { options, progress, output } = this.#context;
    if (event.type === "body") {
      this.#received = event.received;
      if (this.#showsProgress) {
        progress.update(this.#meter, event.received, event.total);
      }
    }
    const isHead = event.type === "response-head" || event.type === "interim";
    if (isHead && (options.include || options.head)) this.#heads += event.text;
    if (
      event.type === "retry" && this.#reporter === null && !options.silent
    ) {
      output.note(
        `knock: ${event.reason}; once more in ${event.delay / 1000} s`,
      );
    }
    this.#reporter?.tell(event);
  }
}
