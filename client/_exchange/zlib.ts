// Node's decoders, in a file of their own, which is loaded when they are needed

import { pipeline, Readable, type Transform } from "node:stream";
import {
  crc32,
  createBrotliDecompress,
  createInflate,
  createInflateRaw,
} from "node:zlib";
import { ClientError } from "../error.ts";
import { CodedInput } from "./coded_input.ts";

type Decoder = Transform & { readonly bytesWritten: number };

/** Two octets that a member of gzip begins with (RFC 1952 section 2.3.1). */
const GZIP_MAGIC = [0x1f, 0x8b];
/** Flags of a member: which fields its header has. */
const HEADER_CRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16;
const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;
const CUT = "it is cut short";

/**
 * Removes one coding, and checks that the coded data ends just where the body
 * does.
 */
export async function* decodeCoding(
  source: AsyncGenerator<Uint8Array>,
  coding: string,
): AsyncGenerator<Uint8Array> {
  const input = new CodedInput(source);
  if (!await input.has(1)) throw codingError(`the ${coding} data is cut short`);
  try {
    if (coding.endsWith("gzip")) return yield* gunzip(input);
    yield* decodeFrom(input, decoderFor(coding, input.octets[0]!), coding);
    if (await input.has(1)) throw new Error("something follows it");
  } catch (error) {
    // What the input failed with is no fault of this coding
    if (input.failure !== null) throw input.failure.error;
    const isCut = (error as { code?: string }).code === "Z_BUF_ERROR";
    const why = isCut ? CUT : (error as Error).message;
    throw codingError(`the ${coding} data is not right: ${why}`, error);
  } finally {
    source.return(undefined).catch(() => {}); // it has told what it failed with
  }
}

/** Decodes member after member; what follows the last is ignored. */
async function* gunzip(input: CodedInput): AsyncGenerator<Uint8Array> {
  do {
    await skipGzipHeader(input);
    let sum = 0;
    let size = 0;
    for await (const chunk of decodeFrom(input, createInflateRaw(), "gzip")) {
      sum = crc32(chunk, sum);
      size += chunk.length;
      yield chunk;
    }
    const { buffer, byteOffset } = await takeOrFail(input, GZIP_TRAILER_BYTES);
    const trailer = new DataView(buffer, byteOffset);
    if (trailer.getUint32(0, true) !== sum) throw new Error("data check");
    if (trailer.getUint32(4, true) !== size % 2 ** 32) {
      throw new Error("length check");
    }
  } while (await input.has(2) && isGzip(input.octets));
  await input.skipRest();
}

async function skipGzipHeader(input: CodedInput): Promise<void> {
  const header = await takeOrFail(input, GZIP_HEADER_BYTES);
  if (!isGzip(header)) throw new Error("incorrect header check");
  const flags = header[3]!;
  if (flags & EXTRA) {
    const [low = 0, high = 0] = await takeOrFail(input, 2);
    await takeOrFail(input, low + 256 * high);
  }
  for (const text of [NAME, COMMENT]) {
    while (flags & text && (await takeOrFail(input, 1))[0] !== 0);
  }
  if (flags & HEADER_CRC) await takeOrFail(input, 2);
}

function isGzip(octets: Uint8Array): boolean {
  return GZIP_MAGIC.every((octet, at) => octets[at] === octet);
}

async function takeOrFail(
  input: CodedInput,
  count: number,
): Promise<Uint8Array> {
  if (await input.has(count)) return input.take(count);
  throw new Error(CUT);
}

/** Decodes up to the end that the coding marks, and takes no more. */
async function* decodeFrom(
  input: CodedInput,
  decoder: Decoder,
  coding: string,
): AsyncGenerator<Uint8Array> {
  // Deno's brotli does not report that it was cut, but then takes one byte more
  const probe = new Uint8Array(coding === "br" ? 1 : 0);
  const lent = input.lend(() => decoder.bytesWritten, probe);
  // Whoever reads from the decoder gets its error
  pipeline(Readable.from(lent, { objectMode: false }), decoder, () => {});
  yield* decoder;
  if (!input.takeBack(decoder.bytesWritten)) throw new Error(CUT);
}

function decoderFor(
  coding: string,
  firstOctet: number,
): Decoder {
  if (coding === "br") return createBrotliDecompress();
  // zlib format (RFC 9110 section 8.4.1.2), but some servers send it bare; a
  // zlib header begins with method 8
  return (firstOctet & 0x0f) === 8 ? createInflate() : createInflateRaw();
}

function codingError(why: string, cause?: unknown): ClientError {
  const options = { code: "coding", step: "exchange", cause } as const;
  return new ClientError(`Cannot decode body: ${why}`, options);
}
