// One listener per core: the system distributes new connections among sockets
// that are bound to the same port (SO_REUSEPORT).

import { failure, usageError } from "../../command/errors.ts";
import type { HttpServer } from "../serve.ts";
import type { Options } from "./options.ts";
import { findPort, start } from "./start.ts";

/**
 * Starts the server in as many threads as the user asked for; this one is the
 * first.
 *
 * @throws {CommandError} If Deno was not started with the flag for it, or a
 *   thread cannot listen.
 */
export async function startWorkers(options: Options): Promise<HttpServer> {
  const { workers: count = 1 } = options;
  if (count === 1) return start(options);
  const excluded = ["unix", "explain", "one-at-a-time"] as const;
  const flag = excluded.find((flag) => options[flag]);
  if (flag !== undefined) {
    throw usageError(`Cannot serve: --workers does not go with --${flag}`);
  }
  // No other server with threads may share the port, so listen alone first
  const shared = { ...options, port: findPort(options) };
  const first = await start(shared);
  try {
    const others = Array.from({ length: count - 1 }, () => startWorker(shared));
    return joinServers(first, await Promise.all(others));
  } catch (error) {
    await first.shutdown();
    throw error;
  }
}

async function startWorker(options: Options): Promise<Worker> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    type: "module",
  });
  worker.postMessage(options);
  const state = await nextMessage(worker, "start");
  if (state === "listening") return worker;
  worker.terminate();
  throw failure(state);
}

/**
 * Waits for the next message of a worker: its state, the number of responses
 * under way, or why it cannot go on.
 *
 * @param act What cannot be done with the worker, for the error.
 */
function nextMessage(worker: Worker, act: string): Promise<string> {
  return new Promise((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<string>) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      resolve(`Cannot ${act} a worker: ${event.message}`);
    };
  });
}

/** Makes one server out of those of all threads. */
function joinServers(first: HttpServer, workers: readonly Worker[]) {
  const counts = new Map<Worker, number>();
  const ended = workers.map(async (worker) => {
    let state: string;
    do {
      state = await nextMessage(worker, "keep");
      counts.set(worker, Number(state) || 0);
    } while (!isNaN(Number(state)));
    worker.terminate();
    if (state !== "finished") throw failure(state);
  });
  // If one fails, all end, rather than silently serve more slowly
  const finished = Promise.all([first.finished, ...ended]).then(() => {});
  const shutdown = async () => {
    for (const worker of workers) worker.postMessage("stop");
    await first.shutdown();
    await Promise.allSettled(ended);
  };
  return {
    addr: first.addr,
    url: first.url,
    get pending() {
      return counts.values().reduce((sum, count) => sum + count, first.pending);
    },
    finished,
    shutdown,
    [Symbol.asyncDispose]: shutdown,
  };
}
