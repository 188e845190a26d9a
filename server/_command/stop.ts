import type { HttpServer } from "../serve.ts";

/**
 * Waits until the user stops the server: the first signal lets answers that are
 * under way finish, the second one does not.
 */
export async function untilStopped(server: HttpServer): Promise<void> {
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  const stop = () => void server.shutdown();
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  await server.finished;
  for (const signal of signals) Deno.removeSignalListener(signal, stop);
}
