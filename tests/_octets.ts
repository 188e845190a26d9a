// Octets as text, with a character for each octet.

import { Buffer } from "node:buffer";

/** Encodes a text as ISO-8859-1. */
export function octets(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Decodes ISO-8859-1. */
export function latin1(bytes: Uint8Array): string {
  const { buffer, byteOffset, length } = bytes;
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}
