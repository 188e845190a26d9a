import { type Blocks, PIECE_BYTES } from "./blocks.ts";
import type { Output } from "./output.ts";
import { putOctets } from "../../message/_octets.ts";
import type { FilePart } from "../http_response.ts";

/**
 * Sends a head and a part of a file: exactly as many bytes as announced, or an
 * error.
 *
 * The head goes out in one write with what comes behind it. Reading does not
 * wait: a block from the page cache takes less time than a turn through the
 * thread pool. A download that never has to wait for its client takes turns
 * with the others.
 */
export async function sendFile(
  head: string,
  { file, start, length }: FilePart,
  { output, blocks }: { readonly output: Output; readonly blocks: Blocks },
): Promise<void> {
  const { pieces, downloads } = blocks;
  const total = head.length + length;
  const lender = total <= PIECE_BYTES ? pieces : downloads;
  const block = lender.lend(total);
  try {
    if (start > 0) file.seekSync(start, Deno.SeekMode.Start);
    putOctets(head, block);
    let filled = head.length;
    let left = length;
    let sinceTurn = 0;
    while (left > 0) {
      if (lender === downloads && sinceTurn >= downloads.turnBytes) {
        sinceTurn = 0;
        await downloads.turns.wait();
      }
      const count = file.readSync(block.subarray(filled, filled + left));
      if (count === null) {
        throw new Error(
          `Cannot send file: it lost its last ${left} bytes while it was sent`,
        );
      }
      await output.write(block.subarray(0, filled + count));
      left -= count;
      sinceTurn += count;
      filled = 0;
    }
    if (filled > 0) await output.write(block.subarray(0, filled));
  } finally {
    lender.giveBack(block);
  }
}
