/**
 * The lecture's joke, told over a protocol of its own: this side tells it. The
 * server is `server/knock_knock.ts`.
 *
 * Start it with `deno run --allow-net=127.0.0.1:1414 client/knock_knock.ts`, or
 * with the name and the end of a joke of your own.
 *
 * @module
 */

import type { Wire } from "../message/wire.ts";
import { connect } from "./connect.ts";

const PORT = 1414;

/** A joke: who is there, and what comes of it. */
export interface Joke {
  /** Who is there. */
  readonly who: string;
  /** What comes of asking. */
  readonly end: string;
}

/**
 * Tells one joke.
 *
 * @param wire The connection to who listens.
 * @param joke What to tell.
 * @returns What both sides said, line by line.
 * @throws {Error} If the other side does not keep to the protocol.
 */
export async function tellJoke(wire: Wire, joke: Joke): Promise<string[]> {
  const said: string[] = [];
  const say = async (line: string): Promise<void> => {
    await wire.write(`${line}\n`);
    said.push(line);
  };
  const expect = async (line: string): Promise<void> => {
    const answer = await wire.readLine();
    if (answer !== line) {
      throw new Error(
        `Cannot tell joke: expected ${JSON.stringify(line)}, not ${
          JSON.stringify(answer)
        }`,
      );
    }
    said.push(line);
  };
  await say("Knock knock");
  await expect("Who's there?");
  await say(joke.who);
  await expect(`${joke.who} who?`);
  await say(joke.end);
  return said;
}

if (import.meta.main) {
  const [who = "Boo", end = "Don't cry, it's only a joke"] = Deno.args;
  await using wire = await connect({ port: PORT });
  for (const line of await tellJoke(wire, { who, end })) console.log(line);
}
