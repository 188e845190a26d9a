/**
 * The lecture's joke: this side asks back, `server/knock_knock.ts` tells it.
 * `deno run --allow-net client/knock_knock.ts` takes a port, and `--explain`.
 * @module
 */

import { escapeControls, quote } from "../command/quote.ts";
import type { Wire } from "../message/wire.ts";
import { connect } from "./connect.ts";

/** Hears a joke, and yields each line with its speaker. */
export async function* hearJoke(wire: Wire) {
  for (let count = 0;; count++) {
    const heard = await wire.readLine();
    if (heard === null && count > 2) return; // the server closes at the end
    if (heard === null || count === 0 && heard !== "Knock! Knock!") {
      throw new Error(`Cannot hear a joke: ${quote(heard ?? "")} is not one`);
    }
    yield `server> ${escapeControls(heard)}`;
    if (count > 1) continue;
    const reply = count === 0 ? "Who's there?" : `${heard} who?`;
    await wire.writeLine(reply);
    yield `client> ${escapeControls(reply)}`;
  }
}

if (import.meta.main) {
  const port = Number(Deno.args.find((arg) => arg !== "--explain") ?? 1414);
  const explain = Deno.args.includes("--explain") ? console.log : () => {};
  try {
    explain(`1. Find the address and port: 127.0.0.1, port ${port}`);
    await using wire = await connect({ port });
    explain("2. Create a socket, 3. connect it: done\n4. Read and write:");
    for await (const line of hearJoke(wire)) console.log(line);
    explain("5. Close: first the server, now this side");
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
