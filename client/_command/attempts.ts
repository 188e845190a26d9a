import { HeaderFields } from "../../message/header_fields.ts";
import type { Url } from "../../url/url.ts";
import { CommandError, EXIT } from "../../command/errors.ts";
import type { TransferContext } from "./operation.ts";
import type { Meter } from "./progress.ts";
import type { TransferRecord } from "./record.ts";
import { TraceReporter } from "./report.ts";
import {
  checkRange,
  decideResume,
  resumeFields,
  type ResumePoint,
} from "./resume.ts";
import type { BodySink } from "./sink.ts";
import { pause } from "../_connect/deadline.ts";
import { Retries } from "../_retry.ts";
import { ClientError } from "../error.ts";
import type { RequestOptions } from "../options.ts";
import type { HttpClientResponse } from "../response.ts";
import type { TraceEvent } from "../trace.ts";

/**
 * The size of the block that bodies are read into. A large download takes
 * noticeably more CPU with half of it, and hardly less with twice as much.
 */
const BLOCK_BYTES = 262_144;

/** What one transfer comes to, once everything for it is there. */
export interface Task extends TransferContext {
  /** The URL to request. */
  readonly url: Url;
  /** What is sent there. */
  readonly request: RequestOptions;
  /** Where the body of the response goes. */
  readonly sink: BodySink;
  /** What is noted for `-w`; null without it. */
  readonly record: TransferRecord | null;
}

/** The attempts at one transfer, of which each may resume the last. */
export class Attempts {
  readonly #task: Task;
  readonly #retries: Retries;
  readonly #meter: Meter;
  #upload: Meter | null = null;
  readonly #reporter: TraceReporter;
  /** The heads to show for `-i` and `-I`, until they are written. */
  #heads = "";
  /** Those of them that led to the present URL, which is retried alone. */
  #headsBefore = "";
  /** How many bytes of the body this attempt has received. */
  #received = 0;

  /** Prepares for the first one. */
  constructor(task: Task) {
    this.#task = task;
    this.#retries = new Retries(task.options.retry);
    this.#meter = task.progress.begin();
    this.#reporter = new TraceReporter(task.output, task.options);
  }

  /**
   * Makes attempts until the body is complete.
   *
   * @returns The response to the last of them.
   */
  async run(): Promise<HttpClientResponse> {
    const { sink } = this.#task;
    let response: HttpClientResponse | null = null;
    try {
      while (response === null) response = await this.#attempt();
    } catch (error) {
      const hint = await sink.abort(this.#heads);
      if (hint !== null) this.#hint(hint);
      throw error;
    }
    await sink.end();
    this.#tellEnd(response);
    return response;
  }

  /** Tells what is neither asked for nor an error. */
  #hint(text: string): void {
    if (!this.#task.options.silent) this.#task.output.note(text);
  }

  get #showsProgress(): boolean {
    const { options, sink } = this.#task;
    return !options.silent && !options["no-progress-meter"] && !sink.isTerminal;
  }

  #tellEnd({ end, decoded, url }: HttpClientResponse): void {
    const { options, output, progress, sink } = this.#task;
    const { explain, verbose, silent } = options;
    // TLS and codings tell their end
    const isChecked = end !== "close" || decoded || url.startsWith("https:");
    if (!isChecked && (explain || verbose || sink.isFile && !silent)) {
      output.note(
        "knock: the body ended with the connection, as HTTP/1.0 has it: a cut one looks the same, so that it is whole cannot be checked",
      );
    }
    const meter = sink.isFile ? this.#meter : this.#upload;
    if (meter !== null && this.#showsProgress) progress.finish(meter);
  }

  /**
   * Sends the request and writes the body; null if another attempt is needed.
   */
  async #attempt(): Promise<HttpClientResponse | null> {
    const { sink, record } = this.#task;
    record?.restart();
    const point = sink.resumePoint;
    this.#received = 0;
    this.#heads = this.#headsBefore = "";
    await using response = await this.#send(point);
    this.#check(response, point);
    const decision = decideResume(response, point);
    if (point !== null && (decision === "write" || decision === "restart")) {
      this.#hint(
        "knock: the server does not go on, but begins anew: the file has changed, or it sends no parts; what is there is kept until there is more",
      );
    }
    await sink.begin(response, decision);
    if (decision === "restart") return null;
    this.#meter.already = sink.resumePoint?.offset ?? 0;
    const heads = this.#heads;
    this.#heads = "";
    if (heads !== "") await sink.writeHead(heads);
    record?.deliver(heads.length);
    try {
      if (decision !== "complete") await this.#copyBody(response);
      return response;
    } catch (error) {
      if (this.#received > 0) this.#retries.progress();
      if (!sink.canRestart || !await this.#waitForRetry(error)) throw error;
      return null;
    }
  }

  async #send(point: ResumePoint | null): Promise<HttpClientResponse> {
    const { client, reach, url, request, signal } = this.#task;
    const headers = new HeaderFields(request.headers);
    for (const [name, value] of resumeFields(point)) {
      headers.append(name, value);
    }
    const response = await client.request(url, {
      ...reach,
      ...request,
      headers,
      retry: this.#retries,
      signal,
      trace: (event) => this.#onEvent(event),
    });
    if (response.hint !== null) this.#hint(`knock: ${response.hint}`);
    return response;
  }

  /** Waits before the next attempt; false if there is none. */
  async #waitForRetry(error: unknown): Promise<boolean> {
    const { options, request, signal } = this.#task;
    // A timeout within the body is that of -m: no other is as short
    const isOver = options["max-time"] !== undefined &&
      error instanceof ClientError && error.code === "timeout";
    if (isOver) return false;
    const retry = this.#retries.afterError(error, request.method ?? "GET");
    if (retry === null) return false;
    this.#onEvent({ type: "retry", at: 0, ...retry });
    await pause(retry.delay, signal);
    return true;
  }

  #onEvent(event: TraceEvent): void {
    const { options, progress, record } = this.#task;
    record?.report(event);
    const showsProgress = this.#showsProgress;
    if (event.type === "body") {
      this.#received = event.received;
      if (showsProgress) {
        progress.update(this.#meter, event.received, event.total);
      }
    }
    const isUpload = options["upload-file"].length + options.form.length > 0;
    if (event.type === "request-body" && isUpload && showsProgress) {
      const meter = this.#upload ??= progress.begin();
      progress.update(meter, event.sent, event.total);
    }
    if (event.type === "redirect") this.#headsBefore = this.#heads;
    if (event.type === "retry") this.#heads = this.#headsBefore;
    const isHead = event.type === "response-head" || event.type === "interim";
    if (isHead && (options.include || options.head)) this.#heads += event.text;
    this.#reporter.report(event);
  }

  #check(response: HttpClientResponse, point: ResumePoint | null): void {
    const { options } = this.#task;
    const { status, statusText, url } = response;
    // A 416 to a request that resumes may mean that nothing is missing
    const isError = status >= 400 && (status !== 416 || point === null);
    if (options.fail && isError) {
      throw new CommandError(
        EXIT.httpError,
        `Cannot get ${url}: the server answered ${status} ${statusText}`,
      );
    }
    if (options.range !== undefined) checkRange(response, options.range);
  }

  /**
   * Reads into the same block over and over, so that a long body needs no more
   * memory than a short one.
   */
  async #copyBody(
    { body, headers, end, decoded }: HttpClientResponse,
  ): Promise<void> {
    const isKnown = end === "length" && !decoded;
    let size = this.#meter.already;
    this.#checkSize(
      // The same length may stand there twice (RFC 9110 section 8.6)
      size + (isKnown ? parseInt(headers.get("content-length")!) : 0),
    );
    const reader = body.getReader({ mode: "byob" });
    let block = new Uint8Array(BLOCK_BYTES);
    for (;;) {
      const { value, done } = await reader.read(block);
      if (done) return;
      this.#checkSize(size += value.length);
      await this.#task.sink.write(value);
      this.#task.record?.deliver(value.length);
      block = new Uint8Array(value.buffer);
    }
  }

  #checkSize(size: number): void {
    const limit = this.#task.options["max-filesize"] ?? Infinity;
    if (size <= limit) return;
    throw new CommandError(
      EXIT.tooLarge,
      `Cannot take body: it has ${size} bytes or more, over ${limit}`,
    );
  }
}
