import type { CommandIo, OutputStream } from "../../client/main.ts";
import { main } from "../../client/main.ts";

/** The most bytes that one write takes. */
const MAX_WRITE_BYTES = 100_000;

/** An output that keeps what is written. */
export class MemoryOutput implements OutputStream {
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];
  readonly #isTerminal: boolean;
  #isClosed = false;

  constructor(isTerminal: boolean) {
    this.#isTerminal = isTerminal;
  }

  get bytes(): Uint8Array {
    const bytes = new Uint8Array(
      this.#parts.reduce((sum, { length }) => sum + length, 0),
    );
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  /** Writes like a slow pipe: after a moment, and not all bytes. */
  async write(bytes: Uint8Array): Promise<number> {
    await new Promise((done) => setImmediate(done));
    return this.writeSync(bytes.subarray(0, MAX_WRITE_BYTES));
  }

  writeSync(bytes: Uint8Array): number {
    if (this.#isClosed) throw new Error("it is closed");
    this.#parts.push(bytes.slice());
    return bytes.length;
  }

  /** Makes later writes fail: stdout and stderr must stay open. */
  close(): void {
    this.#isClosed = true;
  }

  isTerminal(): boolean {
    return this.#isTerminal;
  }
}

/** The result of a run of the command. */
export interface CommandRun {
  readonly code: number;
  readonly stdout: Uint8Array;
  readonly out: string;
  readonly err: string;
}

/** Runs the command in this process, and keeps its output. */
export async function run(
  args: readonly string[],
  options: {
    readonly stdin?: string;
    readonly isTerminal?: boolean;
    readonly showsNotes?: boolean;
    readonly signal?: AbortSignal;
  } = {},
): Promise<CommandRun> {
  const stdout = new MemoryOutput(options.isTerminal ?? false);
  const stderr = new MemoryOutput(options.showsNotes ?? false);
  const readable = new Blob([options.stdin ?? ""]).stream();
  const { signal = new AbortController().signal } = options;
  const io: CommandIo = { stdin: { readable }, stdout, stderr, signal };
  const code = await main(args, io);
  return { code, stdout: stdout.bytes, out: stdout.text, err: stderr.text };
}
