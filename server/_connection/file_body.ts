import { putOctets } from "../../message/_octets.ts";
import type { FilePart } from "../http_response.ts";
import { DOWNLOAD_BYTES, WRITE_BYTES } from "./buffer_pool.ts";
import type { ConnectionIo } from "./connection_io.ts";

/** Each download gets at least this much memory, however many there are. */
const LEAST_BYTES = 65_536;
const NO_BYTES = new Uint8Array(0);
/** Up to this many downloads run without taking turns. */
const MAX_WITHOUT_TURNS = 64;
/** If there are more, they share this many bytes between two turns. */
const TURN_BYTES = 8_388_608;

/**
 * Sends a head and a part of a file: exactly as many bytes as announced, or an
 * error.
 *
 * The head goes out in one write with the first bytes. Files are read
 * synchronously, because a block from the page cache takes less time than the
 * way through the thread pool. So a download whose client takes everything at
 * once never waits, and has to take turns with the others.
 */
export async function sendFile(
  io: ConnectionIo,
  head: string,
  { file, start, length }: FilePart,
): Promise<void> {
  if (head.length >= LEAST_BYTES) {
    await io.writeJoined(head, NO_BYTES);
    return sendFile(io, "", { file, start, length });
  }
  const { writes, downloads } = io.server.buffers;
  const total = head.length + length;
  const isDownload = total > WRITE_BYTES;
  const pool = isDownload ? downloads : writes;
  const chunk = isDownload
    ? downloads.acquire(Math.min(total, DOWNLOAD_BYTES), LEAST_BYTES)
    : writes.acquire(WRITE_BYTES, total);
  try {
    if (start > 0) file.seekSync(start, Deno.SeekMode.Start);
    putOctets(head, chunk);
    let filled = head.length;
    let left = length;
    let sinceTurn = 0;
    while (left > 0) {
      const isCrowded = isDownload && downloads.lent > MAX_WITHOUT_TURNS;
      if (isCrowded && sinceTurn >= TURN_BYTES / downloads.lent) {
        sinceTurn = 0;
        await io.server.turns.wait();
      }
      const count = file.readSync(chunk.subarray(filled, filled + left));
      if (count === null) {
        throw new Error(
          `Cannot send file: it lost its last ${left} bytes while it was sent`,
        );
      }
      await io.write(chunk.subarray(0, filled + count));
      left -= count;
      sinceTurn += count;
      filled = 0;
    }
    if (filled > 0) await io.write(chunk.subarray(0, filled));
  } finally {
    pool.release(chunk);
  }
}
