// Node's decoders, in a file of their own, which is loaded when they are
// needed: with what comes along they take 10 ms.

import { pipeline, Readable, type Transform } from "node:stream";
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
} from "node:zlib";

/**
 * A decoder at work: gives out what is decoded, and fails if the data is not
 * right.
 */
export interface Decoder extends AsyncIterable<Uint8Array> {
  /** How many bytes of its input it has used. */
  readonly bytesWritten: number;
}

/** Starts to decode coded data whose first octet is known. */
export function startDecoder(
  coding: string,
  firstOctet: number,
  coded: AsyncIterable<Uint8Array>,
): Decoder {
  const source = Readable.from(coded, { objectMode: false });
  // Who goes through the decoder gets its error
  return pipeline(source, decoderFor(coding, firstOctet), () => {});
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
