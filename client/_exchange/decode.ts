import type { HeaderFields } from "../../message/header_fields.ts";
import type { BodySource } from "./body_reader.ts";
import { ClientError } from "../error.ts";

/**
 * How many codings may lie on top of each other; each can multiply what comes
 * out.
 */
const MAX_CODINGS = 5;
const BLOCK_BYTES = 65_536;
const CODINGS_REGEXP = /^(?:(?:x-)?gzip|deflate|br)$/;

/**
 * Names the content codings to remove, the outermost first.
 *
 * @returns None where one of them is not known: the body is then handed out as
 *   it is, with its field.
 * @throws {ClientError} If there are too many.
 */
export function codingsOf(headers: HeaderFields): string[] {
  const value = headers.get("content-encoding")?.toLowerCase() ?? "";
  const codings = value.split(",").map((coding) =>
    coding.replace(/^[ \t]+|[ \t]+$/g, "")
  )
    .filter((coding) => coding !== "" && coding !== "identity").reverse();
  if (codings.length > MAX_CODINGS) {
    throw codingError(`${codings.length} codings, ${MAX_CODINGS} are allowed`);
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

/** Removes codings from a body while it is read. */
export class DecodedBody implements BodySource {
  readonly #raw: BodySource;
  readonly #limit: number;
  readonly #chunks: AsyncGenerator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #decoded = 0;

  constructor(
    raw: BodySource,
    codings: readonly string[],
    { limit = Infinity, mayBeEmpty }: DecodeOptions,
  ) {
    this.#raw = raw;
    this.#limit = limit;
    this.#chunks = decode(chunksOf(raw), codings, mayBeEmpty);
  }

  async read(view: Uint8Array<ArrayBuffer>): Promise<number | null> {
    while (this.#chunk.length === 0) {
      const { value, done } = await this.#next();
      if (done) return null;
      this.#chunk = value;
    }
    const piece = this.#chunk.subarray(0, view.length);
    view.set(piece);
    this.#chunk = this.#chunk.subarray(piece.length);
    this.#decoded += piece.length;
    if (this.#decoded > this.#limit) {
      this.cancel();
      throw new ClientError(
        `Cannot read body: decoded it is over ${this.#limit} bytes`,
        { code: "too-large", step: "exchange" },
      );
    }
    return piece.length;
  }

  cancel(): void {
    this.#raw.cancel();
    // It ends with the error of the cancelled source
    this.#chunks.return(undefined).catch(() => {});
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#chunks.next();
    } catch (error) {
      this.#raw.cancel();
      throw error;
    }
  }
}

async function* chunksOf(source: BodySource): AsyncGenerator<Uint8Array> {
  for (;;) {
    const block = new Uint8Array(BLOCK_BYTES);
    const count = await source.read(block);
    if (count === null) return;
    yield block.subarray(0, count);
  }
}

async function* decode(
  input: AsyncGenerator<Uint8Array>,
  codings: readonly string[],
  mayBeEmpty: boolean,
): AsyncGenerator<Uint8Array> {
  const first = await input.next();
  if (first.done && mayBeEmpty) return;
  yield* codings.reduce(decodeCoding, startWith(first, input));
}

async function* startWith(
  first: IteratorResult<Uint8Array>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

/**
 * Removes one coding, and checks that the coded data ends just where the body
 * does.
 */
async function* decodeCoding(
  input: AsyncGenerator<Uint8Array>,
  coding: string,
): AsyncGenerator<Uint8Array> {
  const first = await input.next();
  if (first.done) throw codingError(`the ${coding} data is cut short`);
  // Deno's brotli does not report that it was cut, but then takes one byte more
  const probe = coding === "br" ? 1 : 0;
  let size = 0;
  const coded = (async function* () {
    for await (const chunk of startWith(first, input)) {
      size += chunk.length;
      yield chunk;
    }
    if (probe > 0) yield new Uint8Array(probe);
  })();
  const { startDecoder } = await import("./zlib.ts");
  const decoder = startDecoder(coding, first.value[0]!, coded);
  try {
    for await (const chunk of decoder) yield chunk;
  } catch (error) {
    if (error instanceof ClientError) throw error;
    const isCut = (error as { code?: string }).code === "Z_BUF_ERROR";
    const why = isCut ? "it is cut short" : (error as Error).message;
    throw codingError(`the ${coding} data is not right: ${why}`, error);
  }
  if (decoder.bytesWritten > size) {
    throw codingError(`the ${coding} data is cut short`);
  }
  if (decoder.bytesWritten < size) {
    throw codingError(`something follows the ${coding} data`);
  }
}

function codingError(why: string, cause?: unknown): ClientError {
  const options = { code: "coding", step: "exchange", cause } as const;
  return new ClientError(`Cannot decode body: ${why}`, options);
}
