import { splitList } from "../../message/_octets.ts";
import { ReadBuffer } from "../../message/_read_buffer.ts";
import type { HeaderFields } from "../../message/header_fields.ts";
import { ClientError } from "../error.ts";
import type { BodySource } from "./body_reader.ts";

/**
 * How many codings may lie on top of each other; each can multiply what comes
 * out.
 */
const MAX_CODINGS = 5;
const BLOCK_BYTES = 65_536;
const CODINGS_REGEXP = /^(?:(?:x-)?gzip|deflate|br)$/;
/**
 * As servers write it, with more blanks and fewer quotes than the grammar has.
 */
const CHARSET_REGEXP = /;\s*charset\s*=\s*"?([\w.:-]+)/i;

/**
 * Names the content codings to remove, the outermost first.
 *
 * @returns None where one of them is not known: the body is then handed out as
 *   it is, with its field.
 * @throws {ClientError} If there are too many.
 */
export function codingsOf(headers: HeaderFields): string[] {
  const value = headers.get("content-encoding")?.toLowerCase() ?? "";
  const codings = splitList(value).filter((coding) => coding !== "identity")
    .reverse();
  if (codings.length > MAX_CODINGS) {
    throw new ClientError(
      `Cannot decode body: ${codings.length} codings, ${MAX_CODINGS} are allowed`,
      { code: "coding", step: "exchange" },
    );
  }
  return codings.every((coding) => CODINGS_REGEXP.test(coding)) ? codings : [];
}

/** How far a coded body is trusted. */
export interface DecodeOptions {
  /** The most bytes that may come out. */
  readonly limit: number | undefined;
  /**
   * Whether no bytes at all can be a whole body: servers send nothing as the
   * coding of nothing.
   */
  readonly mayBeEmpty: boolean;
}

/** Removes one coding from a body while it is read. */
export class DecodedBody implements BodySource {
  readonly #raw: BodySource;
  readonly #limit: number;
  readonly #chunks: AsyncGenerator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #decoded = 0;

  constructor(
    raw: BodySource,
    coding: string,
    { limit = Infinity, mayBeEmpty }: DecodeOptions,
  ) {
    this.#raw = raw;
    this.#limit = limit;
    this.#chunks = decode(raw, coding, mayBeEmpty);
  }

  async read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    try {
      while (this.#chunk.length === 0) {
        const { value, done } = await this.#chunks.next();
        if (done) return null;
        this.#chunk = value;
      }
      const piece = this.#chunk.subarray(0, view.length);
      view.set(piece);
      this.#chunk = this.#chunk.subarray(piece.length);
      this.#decoded += piece.length;
      if (this.#decoded <= this.#limit) return piece.length;
      throw new ClientError(
        `Cannot read body: decoded it is over ${this.#limit} bytes`,
        { code: "too-large", step: "exchange" },
      );
    } catch (error) {
      this.cancel();
      throw error;
    }
  }

  cancel(): void {
    this.#raw.cancel();
    // It ends with the error of the cancelled source
    this.#chunks.return(undefined).catch(() => {});
  }
}

async function* decode(
  raw: BodySource,
  coding: string,
  mayBeEmpty: boolean,
): AsyncGenerator<Uint8Array> {
  const input = new ReadBuffer(raw, new Uint8Array(BLOCK_BYTES));
  if (!await input.fill() && mayBeEmpty) return;
  // Node's decoders are slow to load, with what comes along
  const { decodeCoding } = await import("./zlib.ts");
  yield* decodeCoding(input, coding);
}

/**
 * A decoder for the charset that a media type names; unknown ones are read as
 * UTF-8.
 */
export function decoderFor(type: string | null): TextDecoder {
  const charset = CHARSET_REGEXP.exec(type ?? "")?.[1];
  try {
    return new TextDecoder(charset);
  } catch (error) {
    if (error instanceof RangeError) return new TextDecoder();
    throw error;
  }
}
