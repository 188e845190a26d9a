import { HeaderFields } from "../../message/header_fields.ts";
import type { Url } from "../../url/url.ts";
import { CommandError, EXIT } from "../../command/errors.ts";
import { type CommandBody, readUpload } from "./body.ts";
import { openDownload } from "./download.ts";
import { explainFailure } from "./failure.ts";
import type { InputContext } from "./input.ts";
import type { Options } from "./options.ts";
import { type BodySink, type Output, StdoutSink } from "./output.ts";
import type { Meter, Progress } from "./progress.ts";
import type { TransferRecord } from "./record.ts";
import { drawTimings, TraceReporter } from "./report.ts";
import { readAddress, readRequest } from "./request.ts";
import {
  checkRange,
  decideResume,
  type ResumeDecision,
  resumeFields,
  type ResumePoint,
} from "./resume.ts";
import { pause, Retries } from "../_retry.ts";
import type { Client } from "../client.ts";
import { ClientError } from "../error.ts";
import type { ClientOptions, RequestOptions } from "../options.ts";
import type { HttpClientResponse } from "../response.ts";
import type { TraceEvent } from "../trace.ts";

/**
 * The size of the block that bodies are read into. A large download takes
 * noticeably more CPU with half of it, and hardly less with twice as much.
 */
const BLOCK_BYTES = 262_144;

/** What the transfers between two `--next` share. */
export interface Operation {
  /** What the user asked for. */
  readonly options: Options;
  /** How to reach hosts. */
  readonly reach: ClientOptions;
  /** What is sent to URLs without a file of `-T`. */
  readonly body: CommandBody;
  /** What is added to the queries of URLs. */
  readonly queries: readonly string[];
  /** What to write after each transfer; null for nothing. */
  readonly format: string | null;
}

/** What the transfers of one command line share, and those of an operation. */
export interface TransferContext extends Operation, InputContext {
  /** Sends the requests. */
  readonly client: Client;
  /** Where to write. */
  readonly output: Output;
  /** Shows how much has been received. */
  readonly progress: Progress;
}

/** The same, with what is noted for `-w`; null without it. */
type AttemptContext = TransferContext & {
  readonly record: TransferRecord | null;
};

/** One URL, what is sent to it, and where the body of the response goes. */
export interface Transfer {
  /** The URL to request, as the user wrote it. */
  readonly url: string;
  /** Which of the URLs of the operation it is, from 0. */
  readonly number: number;
  /** The file of `-T`; `""` for none. */
  readonly upload: string;
  /**
   * The name of a file, `""` for the name in the URL; null for stdout, and `-`
   * for stdout even if it is a terminal and the body is not text.
   */
  readonly output: string | null;
}

/** Whether the body of the response goes to stdout. */
export function usesStdout({ output }: Transfer): boolean {
  return output === null || output === "-";
}

/**
 * Performs one transfer: from the request to the response, from there to the
 * sink, and to the exit code. Says why if it fails.
 *
 * @param transfer What to request, and where the body goes.
 * @param context What it shares with other transfers.
 * @param turn Resolves when this transfer may write to stdout.
 * @returns The exit code.
 */
export async function performTransfer(
  transfer: Transfer,
  context: TransferContext,
  turn: Promise<unknown>,
): Promise<number> {
  const record = await beginRecord(transfer, context);
  const exitCode = await tryTransfer(transfer, { ...context, record }, turn);
  if (record === null) return exitCode;
  if (usesStdout(transfer)) await turn;
  const { output } = context;
  const { writeOut } = await import("./write_out.ts");
  try {
    await writeOut(context.format!, record, output);
  } catch (error) {
    // As for curl, this is no failure of the transfer
    output.note(...explainFailure(error).lines);
  }
  return exitCode;
}

/** Most commands need no record, and start faster without the code for it. */
async function beginRecord(
  { url, number }: Transfer,
  { format }: TransferContext,
): Promise<TransferRecord | null> {
  if (format === null) return null;
  const { TransferRecord } = await import("./record.ts");
  return new TransferRecord(url, number);
}

async function tryTransfer(
  transfer: Transfer,
  context: AttemptContext,
  turn: Promise<unknown>,
): Promise<number> {
  const { options, output, progress, queries, record } = context;
  try {
    const url = readAddress(transfer.url, transfer.upload, queries);
    const body = transfer.upload === ""
      ? context.body
      : await readUpload(transfer.upload, context);
    const request = await readRequest(options, url, body);
    const sink = usesStdout(transfer)
      ? new StdoutSink(output, turn, transfer.output === "-")
      : await openDownload(transfer.output!, url, context);
    if (!usesStdout(transfer)) record?.name(transfer.output || url.filename);
    const response = await new Attempts(url, request, sink, context).run();
    if (options.timing) output.note(...drawTimings(response));
    record?.end(0, null);
    return 0;
  } catch (error) {
    const { exitCode, lines } = explainFailure(error);
    const isQuiet = options.silent && !options["show-error"];
    if (!isQuiet) output.note(...lines);
    record?.end(exitCode, lines[0]?.replace(/^knock: /, "") ?? "");
    return exitCode;
  } finally {
    progress.clear();
  }
}

/** The attempts at one transfer, of which each may resume the last. */
class Attempts {
  readonly #url: Url;
  readonly #request: RequestOptions;
  readonly #sink: BodySink;
  readonly #context: AttemptContext;
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

  constructor(
    url: Url,
    request: RequestOptions,
    sink: BodySink,
    context: AttemptContext,
  ) {
    const { options, output, progress } = context;
    this.#url = url;
    this.#request = request;
    this.#sink = sink;
    this.#context = context;
    this.#retries = new Retries(options.retry);
    this.#meter = progress.begin();
    this.#reporter = new TraceReporter(output, options);
  }

  /**
   * Makes attempts until the body is complete.
   *
   * @returns The response to the last of them.
   */
  async run(): Promise<HttpClientResponse> {
    const { options, output } = this.#context;
    let response: HttpClientResponse | null = null;
    try {
      while (response === null) response = await this.#attempt();
    } catch (error) {
      const hint = await this.#sink.abort(this.#heads);
      if (hint !== null && !options.silent) output.note(hint);
      throw error;
    }
    await this.#sink.end();
    this.#tellEnd(response);
    return response;
  }

  #tellEnd({ end, decoded, url }: HttpClientResponse): void {
    const { options, output, progress } = this.#context;
    const { explain, verbose, silent } = options;
    const isFile = this.#sink.isFile && !silent;
    // TLS and codings tell their end
    const isChecked = end !== "close" || decoded || url.startsWith("https:");
    if (!isChecked && (isFile || explain || verbose)) {
      output.note(
        "knock: the body ended with the connection, as HTTP/1.0 has it: a cut one looks the same, so that it is whole cannot be checked",
      );
    }
    const meter = isFile ? this.#meter : this.#upload;
    if (meter !== null) progress.finish(meter);
  }

  #tellDecision(decision: ResumeDecision): void {
    const { options, output } = this.#context;
    if (options.silent || !["write", "restart"].includes(decision)) return;
    output.note(
      "knock: the server does not go on, but begins anew: the file has changed, or it sends no parts; what is there is kept until there is more",
    );
  }

  /**
   * Sends the request and writes the body; null if another attempt is needed.
   */
  async #attempt(): Promise<HttpClientResponse | null> {
    const sink = this.#sink;
    const { record } = this.#context;
    record?.restart();
    const point = sink.resumePoint;
    this.#received = 0;
    this.#heads = this.#headsBefore = "";
    await using response = await this.#send(point);
    this.#check(response, point);
    const decision = decideResume(response, point);
    if (point !== null) this.#tellDecision(decision);
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
    const { client, reach, options, output, signal } = this.#context;
    const headers = new HeaderFields(this.#request.headers);
    const fields = point === null ? [] : resumeFields(point);
    for (const [name, value] of fields) headers.append(name, value);
    const response = await client.request(this.#url, {
      ...reach,
      ...this.#request,
      headers,
      retry: this.#retries,
      signal,
      trace: (event) => this.#onEvent(event),
    });
    if (response.hint !== null && !options.silent) {
      output.note(`knock: ${response.hint}`);
    }
    return response;
  }

  /** Waits before the next attempt; false if there is none. */
  async #waitForRetry(error: unknown): Promise<boolean> {
    const { options, signal } = this.#context;
    // A timeout within the body is that of -m: no other is as short
    const isOver = options["max-time"] !== undefined &&
      error instanceof ClientError && error.code === "timeout";
    if (isOver) return false;
    const { method = "GET" } = this.#request;
    const retry = this.#retries.afterError(error, method);
    if (retry === null) return false;
    this.#onEvent({ type: "retry", at: 0, ...retry });
    await pause(retry.delay, signal);
    return true;
  }

  #onEvent(event: TraceEvent): void {
    const { options, progress, record } = this.#context;
    record?.report(event);
    const showsProgress = !options.silent && !options["no-progress-meter"] &&
      !this.#sink.isTerminal;
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
    const { options } = this.#context;
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
      await this.#sink.write(value);
      this.#context.record?.deliver(value.length);
      block = new Uint8Array(value.buffer);
    }
  }

  #checkSize(size: number): void {
    const limit = this.#context.options["max-filesize"] ?? Infinity;
    if (size <= limit) return;
    throw new CommandError(
      EXIT.tooLarge,
      `Cannot take body: it has ${size} bytes or more, over ${limit}`,
    );
  }
}
