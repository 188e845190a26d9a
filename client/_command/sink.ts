import { CommandError, EXIT } from "../../command/errors.ts";
import { escapeControls } from "../../command/quote.ts";
import { decoderFor } from "../_exchange/body.ts";
import type { Writer } from "./output.ts";
import type { ResumeDecision } from "./check_response.ts";
import type { HttpClientResponse } from "../response.ts";

/** What a sink needs to know before a body. */
export interface BodyStart {
  /** What to do with the response. */
  readonly decision: ResumeDecision;
  /** The heads to write before the body. */
  readonly heads: string;
}

/** Writes a body as it arrives: to a terminal as text, otherwise unchanged. */
export class StreamSink {
  /** What is written cannot be taken back. */
  readonly isFile = false;
  /** The name of the device or pipe; null for stdout. */
  readonly path: string | null;
  /** A body has to start over. */
  readonly resumePoint = null;
  readonly #writer: Writer;
  readonly #turn: Promise<unknown>;
  readonly #showsText: boolean;
  /** Decodes the body for a terminal; null if its bytes stay unchanged. */
  #decoder: TextDecoder | null = null;
  /** A CR that may be the first half of a CRLF. */
  #heldCr = "";

  /**
   * Prepares for one body.
   *
   * @param writer Where it goes.
   * @param turn Resolves when this body may be written to stdout.
   * @param isRaw Whether even a terminal gets the bytes unchanged.
   */
  constructor(writer: Writer, turn: Promise<unknown>, isRaw: boolean) {
    this.path = writer.path;
    this.#writer = writer;
    this.#turn = turn;
    this.#showsText = writer.isTerminal && !isRaw;
  }

  /** Prepares for the body of this response, and writes the heads. */
  async begin({ headers }: HttpClientResponse, { heads }: BodyStart) {
    const type = headers.get("content-type") ?? "";
    if (this.#showsText) this.#decoder = decoderFor(type);
    await this.#writeHeads(heads);
  }

  async #writeHeads(heads: string): Promise<void> {
    if (this.path === null) await this.#turn; // nothing else is shared
    await this.#writer.printOctets(heads);
  }

  /** Writes the next bytes of the body. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#decoder === null) await this.#writer.write(chunk);
    else await this.#show(this.#decoder.decode(chunk, { stream: true }));
  }

  /**
   * Shows a part of the body, with control characters escaped.
   *
   * @throws {CommandError} If the body is not text.
   */
  async #show(part: string): Promise<void> {
    if (part.includes("\0")) {
      throw new CommandError(
        EXIT.writeError,
        "Cannot show the body in a terminal: it is not text; -o FILE saves it, -o - shows it anyway",
      );
    }
    const text = this.#heldCr + part;
    this.#heldCr = text.endsWith("\r") ? "\r" : "";
    await this.#writer.print(escapeControls(text.replace(/\r$/, "")));
  }

  /** Completes the body. */
  async end(): Promise<void> {
    const rest = this.#heldCr + (this.#decoder?.decode() ?? "");
    await this.#writer.print(escapeControls(rest));
    this.#writer.close();
  }

  /**
   * Gives up.
   *
   * @param heads The heads to write, if the body has not begun.
   */
  async abort(heads: string): Promise<null> {
    try {
      if (heads !== "") await this.#writeHeads(heads);
      return null;
    } finally {
      this.#writer.close();
    }
  }
}
