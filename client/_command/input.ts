import { attempt, CommandError, EXIT, readFile } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { untilAborted } from "../_connect/deadline.ts";
import type { CommandIo } from "./output.ts";

/** How much of a file to read at once. */
const BLOCK_BYTES = 65_536;

/** Content that can be read each time it is sent, such as a `Blob`. */
export type Source = Pick<Blob, "size" | "stream">;

/** Where the command reads from, and the signal that ends the wait for it. */
export type Input = Required<Pick<CommandIo, "stdin" | "signal">>;

/**
 * Reads a file that the user named, or stdin for `-`. When stdin is read again,
 * it is empty.
 *
 * @throws {CommandError} If it cannot be read.
 */
export async function readInput(path: string, { stdin, signal }: Input) {
  if (path !== "-") return untilAborted(readFile(path), signal);
  const chunks = stdin.readable.values({ preventCancel: true });
  const parts = await untilAborted(Array.fromAsync(chunks), signal);
  return new Blob(parts as BlobPart[]).bytes();
}

/**
 * Reads the same as text.
 *
 * @throws {CommandError} If it cannot be read, or is not UTF-8.
 */
export async function readInputText(path: string, input: Input) {
  const bytes = await readInput(path, input);
  const decode = () => new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  return attempt(`Cannot read ${quote(path)} as UTF-8`, decode, EXIT.readError);
}

/**
 * Opens a file that is read while it is sent, up to the size that it has now.
 * A small one is read at once, and so is what has no size, such as a pipe.
 *
 * @throws {CommandError} If it cannot be read.
 */
export async function openFile(path: string, input: Input): Promise<Source> {
  const act = `Cannot read ${quote(path)}`;
  const { size, isFile } = path === "-"
    ? { size: 0, isFile: false }
    : attempt(act, () => Deno.statSync(path), EXIT.readError);
  // The sizes of files in /proc and /sys are wrong
  const isSmall = size <= BLOCK_BYTES;
  if (!isFile || isSmall) return new Blob([await readInput(path, input)]);
  // Fails here, not in mid-request
  attempt(act, () => Deno.openSync(path).close(), EXIT.readError);
  return { size, stream: () => ReadableStream.from(readBlocks(path, size)) };
}

/** Reads the first bytes of a file, which may be a log that grows meanwhile. */
async function* readBlocks(path: string, size: number) {
  using file = Deno.openSync(path);
  for (let left = size, count: number | null; left > 0; left -= count) {
    const block = new Uint8Array(Math.min(left, BLOCK_BYTES));
    count = await file.read(block);
    if (count === null) {
      const problem = `Cannot read ${quote(path)}: it has shrunk`;
      throw new CommandError(EXIT.readError, problem);
    }
    yield block.subarray(0, count);
  }
}
