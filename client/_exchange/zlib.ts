// Node's decoders, in a file of their own that is loaded only when needed

import type { Transform } from "node:stream";
import {
  crc32,
  createBrotliDecompress,
  createInflate,
  createInflateRaw,
} from "node:zlib";
import type { ReadBuffer } from "../../message/_read_buffer.ts";
import { ClientError } from "../error.ts";

type Decoder = Transform & { readonly bytesWritten: number };

/** The flags in a member's header, which say what other fields it has. */
const HEADER_CRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16;
const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;
const CUT_SHORT = "it is cut short";

/**
 * Removes one coding. Except for gzip, it checks that the coded data ends
 * exactly where the input does.
 */
export async function* decodeCoding(
  input: ReadBuffer,
  coding: string,
): AsyncGenerator<Uint8Array> {
  if (coding.endsWith("gzip")) return yield* gunzip(input);
  yield* decodeFrom(input, decoderFor(coding, input.arrived[0]), coding);
  if (await fillTo(input, 1)) throw codingError(coding, "something follows it");
}

/**
 * Decodes one member after another, and ignores what follows the last. Node's
 * own gzip decoder loses the end of a member if anything but zeros follows it.
 */
async function* gunzip(input: ReadBuffer): AsyncGenerator<Uint8Array> {
  do {
    await skipGzipHeader(input);
    let sum = 0;
    let size = 0;
    for await (const chunk of decodeFrom(input, createInflateRaw(), "gzip")) {
      sum = crc32(chunk, sum);
      size += chunk.length;
      yield chunk;
    }
    const { buffer } = await readExactly(input, GZIP_TRAILER_BYTES);
    const trailer = new DataView(buffer);
    if (trailer.getUint32(0, true) !== sum) {
      throw codingError("gzip", "incorrect data check");
    }
    if (trailer.getUint32(4, true) !== size % 2 ** 32) {
      throw codingError("gzip", "incorrect length check");
    }
  } while (await fillTo(input, 2) && isGzip(input.arrived));
  do input.consume(input.length); while (await input.fill());
}

async function skipGzipHeader(input: ReadBuffer): Promise<void> {
  const header = await readExactly(input, GZIP_HEADER_BYTES);
  if (!isGzip(header)) throw codingError("gzip", "incorrect header check");
  const flags = header[3]!;
  if (flags & EXTRA) {
    const [low = 0, high = 0] = await readExactly(input, 2);
    await readExactly(input, low + 256 * high);
  }
  for (const field of [NAME, COMMENT]) {
    while (flags & field && (await readExactly(input, 1))[0] !== 0);
  }
  if (flags & HEADER_CRC) await readExactly(input, 2);
}

/** Whether a gzip member begins with these octets (RFC 1952 section 2.3.1). */
function isGzip([first, second]: Uint8Array): boolean {
  return first === 0x1f && second === 0x8b;
}

/** Waits for a number of bytes; returns false if the input ends first. */
async function fillTo(input: ReadBuffer, count: number): Promise<boolean> {
  while (input.length < count) {
    if (!await input.fill()) return false;
  }
  return true;
}

async function readExactly(input: ReadBuffer, count: number) {
  if (await fillTo(input, count)) return input.take(count);
  throw codingError("gzip", CUT_SHORT);
}

/** Decodes up to the end that the coding marks, and consumes no more. */
async function* decodeFrom(
  input: ReadBuffer,
  decoder: Decoder,
  coding: string,
): AsyncGenerator<Uint8Array> {
  const feeding = feed(input, decoder, coding);
  feeding.catch(() => {}); // awaited below, but not after a cancel
  try {
    yield* decoder;
  } catch (error) {
    await feeding; // throws an error of the input, if that is the cause
    const { code, message } = error as { code?: string; message: string };
    const reason = code === "Z_BUF_ERROR" ? CUT_SHORT : message;
    throw codingError(coding, reason, error);
  }
  await feeding;
}

/** Feeds the input to a decoder until the decoder consumes no more. */
async function feed(input: ReadBuffer, decoder: Decoder, coding: string) {
  try {
    while (await fillTo(input, 1)) {
      input.consume(await write(decoder, input.arrived));
      if (input.length > 0) return;
    }
    if (coding === "br" && await isCutShort(decoder)) {
      throw codingError(coding, CUT_SHORT);
    }
    decoder.end();
  } catch (error) {
    decoder.destroy();
    throw error;
  }
}

/**
 * Whether a brotli body is cut short: Deno's decoder does not report that, but
 * it then consumes another byte. Its output for that byte is not used.
 */
async function isCutShort(decoder: Decoder): Promise<boolean> {
  const { push } = decoder;
  decoder.push = () => true;
  const consumed = await write(decoder, new Uint8Array(1));
  decoder.push = push;
  return consumed > 0;
}

/** Writes bytes to a decoder, and returns how many it has consumed. */
async function write(decoder: Decoder, bytes: Uint8Array): Promise<number> {
  const before = decoder.bytesWritten;
  await new Promise((resolve) => decoder.write(bytes, resolve));
  return decoder.bytesWritten - before;
}

function decoderFor(coding: string, firstOctet = 0): Decoder {
  if (coding === "br") return createBrotliDecompress();
  // "deflate" is the zlib format (RFC 9110 section 8.4.1.2), but some servers
  // send bare deflate data; a zlib header begins with method 8
  return (firstOctet & 0x0f) === 8 ? createInflate() : createInflateRaw();
}

function codingError(coding: string, reason: string, cause?: unknown) {
  const message = `Cannot decode body: the ${coding} data is wrong: ${reason}`;
  return new ClientError(message, { code: "coding", step: "exchange", cause });
}
