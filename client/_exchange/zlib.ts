// Node's decoders, in a file of their own, which is loaded when they are needed

import { pipeline, Readable, type Transform } from "node:stream";
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
} from "node:zlib";
import { ClientError } from "../error.ts";

/**
 * Removes one coding, and checks that the coded data ends just where the body
 * does.
 */
export async function* decodeCoding(
  input: AsyncGenerator<Uint8Array>,
  coding: string,
): AsyncGenerator<Uint8Array> {
  const first = await input.next();
  if (first.done) throw codingError(`the ${coding} data is cut short`);
  // Deno's brotli does not report that it was cut, but then takes one byte more
  const probe = coding === "br" ? 1 : 0;
  let size = first.value.length;
  /** What the input failed with: not a fault of this coding. */
  let failure: { readonly error: unknown } | null = null;
  const coded = (async function* () {
    yield first.value;
    try {
      for await (const chunk of input) {
        size += chunk.length;
        yield chunk;
      }
    } catch (error) {
      failure = { error };
      throw error;
    }
    if (probe > 0) yield new Uint8Array(probe);
  })();
  const decoder = decoderFor(coding, first.value[0]!);
  // Whoever reads from the decoder gets its error
  pipeline(Readable.from(coded, { objectMode: false }), decoder, () => {});
  try {
    yield* decoder;
  } catch (error) {
    const inputFailure = failure as { readonly error: unknown } | null;
    if (inputFailure !== null) throw inputFailure.error;
    const isCut = (error as { code?: string }).code === "Z_BUF_ERROR";
    const why = isCut ? "it is cut short" : (error as Error).message;
    throw codingError(`the ${coding} data is not right: ${why}`, error);
  }
  if (decoder.bytesWritten > size) {
    throw codingError(`the ${coding} data is cut short`);
  }
  // What follows the last member of gzip is ignored, as by everybody
  if (decoder.bytesWritten < size && !coding.endsWith("gzip")) {
    throw codingError(`something follows the ${coding} data`);
  }
}

function decoderFor(
  coding: string,
  firstOctet: number,
): Transform & { readonly bytesWritten: number } {
  switch (coding) {
    case "br":
      return createBrotliDecompress();
    case "deflate":
      // zlib format (RFC 9110 section 8.4.1.2), but some servers send it bare;
      // a zlib header begins with method 8
      return (firstOctet & 0x0f) === 8 ? createInflate() : createInflateRaw();
    default:
      return createGunzip();
  }
}

function codingError(why: string, cause?: unknown): ClientError {
  const options = { code: "coding", step: "exchange", cause } as const;
  return new ClientError(`Cannot decode body: ${why}`, options);
}
