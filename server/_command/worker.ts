// A further thread of the command: serves by the flags it is sent, until it is
// told to stop.

import type { HttpServer } from "../serve.ts";
import { start } from "./start.ts";
import type { ToWorker } from "./workers.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<ToWorker>) => void;
  postMessage(message: string): void;
};

let server: HttpServer | null = null;

scope.onmessage = ({ data }) => {
  if (data === "stop") void server?.shutdown();
  else serveUntilStopped(data);
};

async function serveUntilStopped(
  flags: Exclude<ToWorker, "stop">,
): Promise<void> {
  try {
    server = start(flags, { reusePort: true });
  } catch (error) {
    scope.postMessage(error instanceof Error ? error.message : String(error));
    return;
  }
  scope.postMessage("listening");
  await server.finished;
  scope.postMessage("finished");
}
