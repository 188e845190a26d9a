import type { Url } from "../../url/url.ts";
import type { Client } from "../client.ts";
import { CommandError } from "./error.ts";
import type { Console } from "./console.ts";
import type { Options } from "./flags.ts";
import type { Meter, Progress } from "./progress.ts";
import { Report } from "./report.ts";
import type { Target } from "./target.ts";
import { drawTimings } from "./timing.ts";
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
export interface Session {
  /** Makes the requests. */
  readonly client: Client;
  /** What the user asked for. */
  readonly options: Options;
  /** Stops all. */
  readonly signal: AbortSignal;
  /** How often to try again. */
  readonly retries: number;
  /** Where to write. */
  readonly console: Console;
  /** Shows how far it is. */
  readonly progress: Progress;
}

/** One URL and where its body goes. */
export interface Job {
  /** What is asked for. */
  readonly url: Url;
  /** How it is asked for. */
  readonly request: RequestOptions;
  /** Where the body goes. */
  readonly target: Target;
}

/**
 * Makes one transfer: asks, writes what comes, and goes on after a cut as often
 * as it may.
 *
 * @throws {CommandError} If it fails on this side, or by `-f`.
 * @throws {ClientError} If the network or the other side fails.
 */
export async function transfer(job: Job, session: Session): Promise<void> {
  await new Transfer(job, session).run();
}

class Transfer {
  readonly #job: Job;
  readonly #session: Session;
  readonly #report: Report | null;
  readonly #meter: Meter;
  readonly #showsProgress: boolean;
  readonly #retries: Retries;
  #heads = "";

  constructor(job: Job, session: Session) {
    const { options, console, progress, retries } = session;
    this.#job = job;
    this.#session = session;
    this.#report = options.explain || options.verbose
      ? new Report(console, options.explain)
      : null;
    this.#retries = new Retries(retries);
    this.#meter = progress.begin();
    this.#showsProgress = !options.silent && !job.target.isShown;
  }

  async run(): Promise<void> {
    try {
      while (!await this.#attempt());
    } catch (error) {
      const hint = await this.#job.target.abandon(this.#heads);
      const { silent } = this.#session.options;
      if (hint !== null && !silent) this.#session.console.note(hint);
      throw error;
    }
  }

  /** Asks once; false if it has to be asked once more. */
  async #attempt(): Promise<boolean> {
    const { target } = this.#job;
    await using response = await this.#ask();
    const verdict = await target.begin(response);
    if (verdict === "again") return false;
    const { offset } = target;
    this.#meter.already = offset;
    const heads = this.#heads;
    this.#heads = "";
    if (heads !== "") await target.writeHead(heads);
    try {
      if (verdict === "write") await this.#copyBody(response);
    } catch (error) {
      if (target.offset > offset) this.#retries.progress();
      if (await this.#mayGoOn(error)) return false;
      throw error;
    }
    await target.end();
    if (this.#session.options.timing) {
      drawTimings(response).forEach((line) => this.#session.console.note(line));
    }
    return true;
  }

  /** Waits before the next attempt, if there is one. */
  async #mayGoOn(error: unknown): Promise<boolean> {
    const { request: { method = "GET" }, target } = this.#job;
    if (!target.canRestart || this.#isOver(error)) return false;
    const retry = this.#retries.afterError(error, method);
    if (retry === null) return false;
    this.#take({ type: "retry", at: 0, ...retry });
    await pause(retry.delay, this.#session.signal);
    return true;
  }

  /**
   * Whether the time of `-m` has passed: no other wait in a body is as short.
   */
  #isOver(error: unknown): boolean {
    const seconds = Number(this.#session.options["max-time"] ?? 0);
    return seconds > 0 && error instanceof ClientError &&
      error.code === "timeout";
  }

  async #ask(): Promise<HttpClientResponse> {
    const { client, options, console, signal } = this.#session;
    const { url, request, target } = this.#job;
    const response = await client.request(url, {
      ...request,
      headers: [...request.headers as [string, string][], ...target.fields],
      retry: this.#retries,
      signal,
      trace: (event) => this.#take(event),
    });
    if (response.hint !== null && !options.silent) {
      console.note(`knock: ${response.hint}`);
    }
    // To a request for the rest, 416 may say that there is none
    const isAboutRest = response.status === 416 && target.fields.length > 0;
    if (options.fail && response.status >= 400 && !isAboutRest) {
      await response[Symbol.asyncDispose]();
      throw new CommandError(
        22,
        `Cannot get ${response.url}: the server answered ${response.status} ${response.statusText}`,
      );
    }
    return response;
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
      await this.#job.target.write(value);
      block = new Uint8Array(value.buffer);
    }
  }

  #take(event: TraceEvent): void {
    const { options, progress, console } = this.#session;
    if (event.type === "body" && this.#showsProgress) {
      progress.update(this.#meter, event.received, event.total);
    }
    const isHead = event.type === "response-head" || event.type === "interim";
    if (isHead && (options.include || options.head)) this.#heads += event.text;
    if (
      event.type === "retry" && this.#report === null && !options.silent
    ) {
      console.note(
        `knock: ${event.reason}; once more in ${event.delay / 1000} s`,
      );
    }
    this.#report?.tell(event);
  }
}
