// A further thread of the command. It serves by the options that it is sent
// until it is told to stop; then it reports how many responses are under way.

import type { HttpServer } from "../serve.ts";
import type { Options } from "./options.ts";
import { stdout } from "./output.ts";
import { start } from "./start.ts";

/** A message to a worker: first its options, then to stop, maybe twice. */
export type ToWorker = Options | "stop";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<ToWorker>) => void;
  postMessage(message: string): void;
};

let server: HttpServer | null = null;

scope.onmessage = ({ data }) => {
  if (data !== "stop") return void serveUntilStopped(data);
  scope.postMessage(String(server?.pending));
  void server?.shutdown();
};

async function serveUntilStopped(options: Options): Promise<void> {
  try {
    server = await start(options);
  } catch (error) {
    scope.postMessage((error as Error).message);
    return;
  }
  scope.postMessage("listening");
  await server.finished;
  await stdout.flush();
  scope.postMessage("finished");
}
