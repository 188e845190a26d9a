import { textToOctets } from "../../message/_octets.ts";
import { HeaderFields } from "../../message/header_fields.ts";
import type { Url } from "../../url/url.ts";
import { quote } from "../../command/quote.ts";
import type { Download } from "./download.ts";
import { replaceFile } from "./part_file.ts";
import { openWriter, writeError } from "./output.ts";
import type { Meter } from "./progress.ts";
import { TraceReporter } from "./report.ts";
import {
  asksForBasic,
  checkPart,
  checkRange,
  checkSize,
  checkSpeed,
  checkStatus,
  decideResume,
  isUnwanted,
  lastModifiedOf,
  lengthOf,
  type ResumePoint,
} from "./check_response.ts";
import { StreamSink } from "./sink.ts";
import type { Transfer } from "./operation.ts";
import { pause } from "../_connect/deadline.ts";
import { Retries } from "../_retry.ts";
import type { RequestOptions } from "../options.ts";
import type { HttpClientResponse } from "../response.ts";
import type { TraceEvent } from "../trace.ts";

/**
 * The size of the block that bodies are read into. With half of it, a large
 * download takes noticeably more CPU time, and with twice as much, hardly less.
 */
const BLOCK_BYTES = 262_144;

/** A transfer whose URL, request and sink are ready. */
export interface Task extends Transfer {
  /** The URL to request. */
  readonly url: Url;
  /** The method, fields and body to send. */
  readonly request: RequestOptions;
  /** Where the body of the response goes. */
  readonly sink: StreamSink | Download;
  /** Resolves when this transfer may write to stdout. */
  readonly turn: Promise<unknown>;
}

/** The attempts at one transfer; each may resume the one before. */
export class Attempts {
  readonly #task: Task;
  readonly #retries: Retries;
  readonly #meter: Meter;
  #uploadMeter: Meter | null = null;
  readonly #reporter: TraceReporter;
  /** Whether the rest of a partial file was asked for. */
  #resumes = false;

  /** Prepares the first attempt. */
  constructor(task: Task) {
    this.#task = task;
    const { retry: count = 0, "retry-delay": delay, ...options } = task.options;
    const { "retry-max-time": maxTime = Infinity } = options;
    const { "retry-all-errors": anyError } = options;
    const anyStatus = anyError && (options.fail || options["fail-with-body"]);
    const pauses = delay === undefined ? {} : { delay, factor: 1 };
    // curl pauses for ten minutes at most
    const limits = { count, anyError, anyStatus, maxTime, maxDelay: 600_000 };
    this.#retries = new Retries({ ...pauses, ...limits });
    this.#meter = task.progress.begin();
    this.#reporter = new TraceReporter(task);
  }

  /**
   * Makes attempts until the body is complete.
   *
   * @returns The response to the last attempt.
   */
  async run(): Promise<HttpClientResponse> {
    const { sink, log } = this.#task;
    let response: HttpClientResponse | null = null;
    try {
      while (response === null) response = await this.#attempt();
    } catch (error) {
      const hint = await sink.abort(log.delivered === 0 ? this.#heads : "");
      this.#reporter.fail(error);
      if (hint !== null) this.#hint(hint);
      throw error;
    }
    if (isUnwanted(response, this.#task.options)) await sink.abort("");
    else await sink.end();
    this.#reporter.flush();
    await this.#saveValidators(response);
    this.#reportEnd(response);
    if (this.#task.options["fail-with-body"]) checkStatus(response);
    return response;
  }

  /** Prints a message that is not an error, unless `-s` is given. */
  #hint(text: string): void {
    if (!this.#task.options.silent) this.#task.output.note(text);
  }

  /** The heads, if `-i` or `-I` shows them. */
  get #heads(): string {
    const { options: { include, head }, log } = this.#task;
    return include || head ? log.heads : "";
  }

  /** Writes the heads to the file of `-D`. */
  async #dumpHeads(): Promise<void> {
    const { options, log, output, signal, turn } = this.#task;
    const { "dump-header": path } = options;
    if (path === undefined) return;
    const isStdout = path === "-";
    const writer = isStdout ? output : await openWriter(path, false, signal);
    // No body begins, so this writes only the heads
    await new StreamSink(writer, turn, false).abort(log.heads);
  }

  get #showsProgress(): boolean {
    const { options, output, sink } = this.#task;
    const isShown = sink.path === null && output.isTerminal;
    return !options.silent && !options["no-progress-meter"] && !isShown;
  }

  /** Saves the date for `-R`, and the ETag for `--etag-save`. */
  async #saveValidators({ status, headers }: HttpClientResponse) {
    const { options, sink, output } = this.#task;
    const seconds = lastModifiedOf(headers) / 1000;
    if (options["remote-time"] && sink.isFile && !Number.isNaN(seconds)) {
      // As in curl, a file with another time is not a failure
      await Deno.utime(sink.path!, seconds, seconds).catch((error) =>
        this.#hint(`knock: ${writeError(sink.path!, error).message}`)
      );
    }
    const { "etag-save": path } = options;
    const etag = headers.get("etag");
    if (status >= 400 || status === 304 || !etag || path === undefined) return;
    const line = textToOctets(`${etag}\n`);
    if (path === "-") await output.write(line);
    else await replaceFile(path, line, 0o666);
  }

  #reportEnd({ end, decoded, url, headers }: HttpClientResponse): void {
    const { options, output, progress, sink } = this.#task;
    const coding = headers.get("content-encoding") || "identity";
    const isPlain = decoded || end === "none" || /^identity$/i.test(coding);
    if (options.compressed && !isPlain) {
      const reason = `its coding is ${quote(coding)}`;
      this.#hint(`knock: the body was not decoded: ${reason}`);
    }
    const verbose = options.verbose || options.explain !== undefined;
    // A content coding marks its own end, and so does TLS
    const isChecked = end !== "close" || decoded || url.startsWith("https:");
    if (!isChecked && (verbose || sink.isFile && !options.silent)) {
      output.note(
        "knock: the body ended with the connection, as HTTP/1.0 allows; a cut one looks the same, so it may not be whole",
      );
    }
    if (!this.#showsProgress) return;
    if (this.#uploadMeter !== null) progress.finish(this.#uploadMeter);
    if (sink.isFile) progress.finish(this.#meter);
  }

  /** Sends the request and writes the body. Returns null to try once more. */
  async #attempt(): Promise<HttpClientResponse | null> {
    const { sink, log, request, signal } = this.#task;
    const point = sink.resumePoint;
    log.restart();
    await using response = await this.#send(point)
      .finally(() => this.#dumpHeads());
    const decision = this.#decide(response, point);
    const heads = this.#heads;
    log.delivered = heads.length;
    await sink.begin(response, { decision, heads });
    if (decision === "restart") return null;
    this.#meter.offset = sink.resumePoint?.offset ?? 0;
    const isWanted = decision !== "complete" && !this.#task.options.head;
    try {
      if (isWanted) await this.#copyBody(response);
      return response;
    } catch (error) {
      const retry = sink.isFile || log.delivered === 0
        ? this.#retries.afterError(error, request.method!)
        : null;
      if (retry === null) throw error;
      this.#onEvent({ type: "retry", at: 0, ...retry });
      await pause(retry.delay, signal);
      Object.assign(this.#meter, { started: performance.now(), received: 0 });
      return null;
    }
  }

  /**
   * Sends the request. With `--anyauth`, it sends credentials only after a 401
   * has asked for them.
   */
  async #send(
    point: ResumePoint | null,
    signsIn = !this.#task.options.anyauth,
  ): Promise<HttpClientResponse> {
    const { client, reach, url, request, log } = this.#task;
    const { credentials: _, findCredentials: _find, ...anonymous } = reach;
    const anonymousUrl = url.with({ username: "", password: "" });
    const headers = new HeaderFields(request.headers);
    if (point !== null) {
      headers.append("Range", `bytes=${point.offset}-`);
      // If the resource has changed, the server sends all of it
      headers.append("If-Range", point.validator);
    }
    const response = await client.request(signsIn ? url : anonymousUrl, {
      ...signsIn ? reach : anonymous,
      timeout: Math.max(0, reach.timeout! - Math.floor(log.elapsed)),
      ...request,
      headers,
      retry: this.#retries,
      trace: (event) => this.#onEvent(event),
    });
    if (response.hint !== null) this.#hint(`knock: ${response.hint}`);
    if (signsIn || !asksForBasic(response)) return response;
    await response[Symbol.asyncDispose]();
    return await this.#send(point, true);
  }

  #onEvent(event: TraceEvent): void {
    const { options, progress, log } = this.#task;
    log.report(event);
    if (event.type === "secured" && options.insecure) {
      const text = `the certificate of ${event.hostname} is not checked`;
      this.#task.output.note(`warning: -k: ${text}`);
    }
    this.#reporter.report(event);
    if (!this.#showsProgress) return;
    if (event.type === "body") {
      progress.update(this.#meter, event.received, event.total);
    }
    const isUpload = options["upload-file"].length + options.form.length > 0;
    if (event.type === "request-body" && isUpload) {
      this.#uploadMeter ??= progress.begin();
      progress.update(this.#uploadMeter, event.sent, event.total);
    }
  }

  /** Checks a response, and decides what to do with it. */
  #decide(response: HttpClientResponse, point: ResumePoint | null) {
    const { options, request } = this.#task;
    // An error page must not replace the partial file, even if the request for
    // the rest was repeated without a range
    this.#resumes ||= point !== null;
    const mayBeComplete = point !== null && response.status === 416;
    if (this.#resumes ? !mayBeComplete : options.fail) checkStatus(response);
    checkRange(response, new HeaderFields(request.headers).get("range") ?? "");
    if (isUnwanted(response, options)) return "complete";
    const decision = decideResume(response, point);
    if (point !== null && (decision === "write" || decision === "restart")) {
      this.#hint(
        "knock: the server starts over instead of resuming: the file has changed, or it sends no parts; the old part is kept until the new one is longer",
      );
    }
    return decision;
  }

  /**
   * Copies the body to the sink. It reuses one block, so that a long body needs
   * no more memory than a short one.
   */
  async #copyBody(response: HttpClientResponse): Promise<void> {
    const { sink, log, options } = this.#task;
    let size = this.#meter.offset;
    let last = [performance.now(), size] as const;
    const length = response.decoded ? null : lengthOf(response);
    checkSize(size + (length ?? 0), options);
    const block = new Uint8Array(BLOCK_BYTES);
    let count: number | null;
    while ((count = await response.read(block)) !== null) {
      size += count;
      checkSize(size, options);
      last = checkSpeed(size, last, options);
      await sink.write(block.subarray(0, count));
      log.delivered += count;
    }
    checkPart(response, size - this.#meter.offset);
  }
}
