const encoder = new TextEncoder();

/** Puts a head at the start of a block, each character as the octet of its number (RFC 9112 section 2.2). */
export function putHead(head: string, block: Uint8Array): void {
  const { read, written } = encoder.encodeInto(head, block);
  if (read === head.length && written === read) return; // ASCII, as nearly all heads are
  for (let i = 0; i < head.length; i++) block[i] = head.charCodeAt(i);
}
