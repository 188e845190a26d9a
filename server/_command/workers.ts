// One listener a core: the system shares out new connections among sockets that
// are bound to the same port (SO_REUSEPORT).

import { CommandError, EXIT } from "../../command/errors.ts";
import type { HttpServer } from "../serve.ts";
import type { Flags } from "./flags.ts";
import { checkUnixSocket, start, wholeNumber } from "./start.ts";

/** More would be a slip of the finger. */
const MAX_WORKERS = 256;

/**
 * What a worker is told: first its flags, then to stop, and to stop at once.
 */
export type ToWorker = Flags | "stop";

/**
 * Starts the server in as many threads as the flags ask for; the first is this
 * one.
 *
 * @throws {CommandError} If the number makes no sense, or goes with a unix
 *   socket.
 * @throws {CommandError} If Deno was not told to allow it, or a thread cannot
 *   listen.
 */
export async function startWorkers(flags: Flags): Promise<HttpServer> {
  const count = wholeNumber(flags, "workers", MAX_WORKERS) ?? 1;
  if (count === 1) {
    if (flags.unix !== undefined) await checkUnixSocket(flags.unix);
    return start(flags);
  }
  if (flags.unix !== undefined) {
    throw new CommandError(
      EXIT.usage,
      "Cannot serve: --workers goes with a port, not with --unix",
    );
  }
  // The functions behind --unstable-net are not there without it; asking for a
  // shared port would end the process
  if (!("listenDatagram" in Deno)) {
    throw new CommandError(
      EXIT.failure,
      "Cannot serve with --workers: several listeners on one port need deno run --unstable-net",
    );
  }
  const first = start(flags, { reusePort: true });
  const port = String((first.addr as Deno.NetAddr).port);
  try {
    const others = Array.from(
      { length: count - 1 },
      () => startWorker({ ...flags, port }),
    );
    return new WorkerGroup(first, await Promise.all(others));
  } catch (error) {
    await first.shutdown();
    throw error;
  }
}

/** A thread that serves. */
interface ServingWorker {
  readonly finished: Promise<void>;
  stop(): void;
}

async function startWorker(flags: Flags): Promise<ServingWorker> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    type: "module",
  });
  const finished = Promise.withResolvers<void>();
  const listening = Promise.withResolvers<void>();
  worker.onmessage = ({ data }: MessageEvent<string>) => {
    if (data === "listening") listening.resolve();
    else if (data === "finished") finished.resolve();
    else listening.reject(new CommandError(EXIT.failure, data));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    listening.reject(
      new CommandError(EXIT.failure, `Cannot start a worker: ${event.message}`),
    );
    finished.resolve();
  };
  worker.postMessage(flags satisfies ToWorker);
  try {
    await listening.promise;
  } catch (error) {
    worker.terminate();
    throw error;
  }
  return {
    finished: finished.promise.then(() => worker.terminate()),
    stop: () => worker.postMessage("stop" satisfies ToWorker),
  };
}

/** Several servers on one port, as one. */
class WorkerGroup implements HttpServer {
  readonly #first: HttpServer;
  readonly #others: readonly ServingWorker[];
  readonly addr: Deno.Addr;
  readonly url: string;
  readonly finished: Promise<void>;

  constructor(first: HttpServer, others: readonly ServingWorker[]) {
    this.#first = first;
    this.#others = others;
    this.addr = first.addr;
    this.url = first.url;
    this.finished = Promise.all([
      first.finished,
      ...others.map((worker) => worker.finished),
    ]).then(() => {});
  }

  async shutdown(): Promise<void> {
    for (const worker of this.#others) worker.stop();
    await this.#first.shutdown();
    await this.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}
