// Run in place of the worker of the command: serves as that does, and fails
// when the process gets a signal.

import "../../server/_command/worker.ts";

Deno.addSignalListener("SIGUSR2", () => {
  throw new Error("out of luck");
});
