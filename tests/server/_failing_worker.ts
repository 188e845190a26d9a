// Replaces the worker of the command: it serves in the same way, but fails when
// the process gets a signal.

import "../../server/_command/worker.ts";

Deno.addSignalListener("SIGUSR2", () => {
  throw new Error("out of luck");
});
