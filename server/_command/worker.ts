// A further thread of the command. It serves by the options that it is sent
// until it is told to stop; then it reports how many responses are under way.

import type { Options } from "./options.ts";
import { stdout } from "./output.ts";
import { start } from "./start.ts";

const scope = globalThis as unknown as MessagePort;

scope.onmessage = async ({ data: options }: MessageEvent<Options>) => {
  try {
    const server = await start(options);
    // Each further message says to stop; there may be two
    scope.onmessage = () => {
      scope.postMessage(String(server.pending));
      void server.shutdown();
    };
    scope.postMessage("listening");
    await server.finished;
    await stdout.flush();
    scope.postMessage("finished");
  } catch (error) {
    scope.postMessage((error as Error).message);
  }
};
