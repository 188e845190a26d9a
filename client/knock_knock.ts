/**
 * The lecture's joke, over a protocol of its own: this side knocks and tells
 * it. The server, `server/knock_knock.ts`, shows the whole conversation.
 *
 * Start it with `deno run --allow-net=127.0.0.1:1414 client/knock_knock.ts`, or
 * with the name and the end of a joke of your own.
 *
 * @module
 */

import type { Wire } from "../message/wire.ts";
import { connect } from "./connect.ts";

const PORT = 1414;

/** A joke: who is there, and how it ends. */
export interface Joke {
  /** Who is there. */
  readonly who: string;
  /** What is said once the other side has asked back. */
  readonly end: string;
}

/**
 * Tells one joke.
 *
 * @param wire The connection to the side that listens.
 * @param joke What to tell.
 * @returns What both sides said, line by line.
 * @throws {Error} If the other side does not keep to the protocol.
 */
export async function tellJoke(
  wire: Wire,
  { who, end }: Joke,
): Promise<string[]> {
  const dialogue = [
    ["Knock knock", "Who's there?"],
    [who, `${who} who?`],
  ] as const;
  for (const [line, reply] of dialogue) {
    await wire.writeLine(line);
    const heard = await wire.readLine();
    if (heard === reply) continue;
    throw new Error(
      `Cannot tell joke: expected ${JSON.stringify(reply)}, ` +
        `not ${JSON.stringify(heard)}`,
    );
  }
  await wire.writeLine(end);
  return [...dialogue.flat(), end];
}

async function knock(): Promise<void> {
  const [who = "Boo", end = "Don't cry, it's only a joke"] = Deno.args;
  await using wire = await connect({ port: PORT });
  const lines = await tellJoke(wire, { who, end });
  for (const [i, line] of lines.entries()) {
    console.log(`${i % 2 === 0 ? "client" : "server"}: ${line}`);
  }
}

if (import.meta.main) {
  await knock().catch((error: Error) => {
    console.error(error.message);
    Deno.exit(1);
  });
}
