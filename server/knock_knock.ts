/**
 * The lecture's joke, over a protocol of its own: this side opens the door and
 * asks back. The client is `client/knock_knock.ts`.
 *
 * ```text
 * client: Knock knock
 * server: Who's there?
 * client: Boo
 * server: Boo who?
 * client: Don't cry, it's only a joke
 * ```
 *
 * Start it with `deno run --allow-net=127.0.0.1:1414 server/knock_knock.ts`.
 *
 * @module
 */

import { EXIT, systemError } from "../command/errors.ts";
import type { Wire } from "../message/wire.ts";
import { listen } from "./listen.ts";

const PORT = 1414;
/** Longer than any name, and than the end of any joke. */
const MAX_LINE_BYTES = 1_000;
const CONTROL_REGEXP = /\p{Cc}/gu;

/**
 * Listens to one joke.
 *
 * @param wire The connection to the side that tells it.
 * @returns The end of the joke; null if the other side does not keep to the
 *   protocol.
 */
export async function hearJoke(wire: Wire): Promise<string | null> {
  if (await wire.readLine() !== "Knock knock") {
    await wire.writeLine("Please knock first");
    return null;
  }
  await wire.writeLine("Who's there?");
  const who = await wire.readLine();
  if (who === null) return null;
  await wire.writeLine(`${who} who?`);
  return await wire.readLine();
}

async function openDoor(wire: Wire): Promise<void> {
  await using _ = wire; // closes the connection at the end
  try {
    const end = await hearJoke(wire);
    // A terminal would do what control characters tell it
    const text = end?.replace(CONTROL_REGEXP, "?");
    console.log(
      text === undefined
        ? "Somebody did not know how to knock"
        : `client: ${text}`,
    );
  } catch (error) {
    console.error((error as Error).message);
  }
}

if (import.meta.main) {
  try {
    using listener = listen({ port: PORT, maxLineBytes: MAX_LINE_BYTES });
    console.log(`Waiting for a knock on port ${PORT}`);
    for await (const wire of listener) openDoor(wire);
  } catch (error) {
    const act = `Cannot listen on port ${PORT}`;
    console.error(systemError(EXIT.failure, act, error).message);
    Deno.exit(EXIT.failure);
  }
}
