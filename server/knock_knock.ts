/**
 * The lecture's joke: this side tells it, `client/knock_knock.ts` asks back.
 * `deno run --allow-net server/knock_knock.ts` takes a port, and `--explain`.
 * @module
 */

import { systemError } from "../command/errors.ts";
import { escapeControls } from "../command/quote.ts";
import type { Wire } from "../message/wire.ts";
import { listen } from "./listen.ts";

const JOKES: readonly (readonly [who: string, end: string])[] = [
  ["Boo", "Don't cry, it's only a joke"],
  ["Ack", "Bless you"],
  ["Header", "Header this one before, have you?"],
  ["Port", "Port 1414, where else would I knock?"],
];

/** Tells a client one of the jokes, and yields who says what. */
export async function* tellJoke(wire: Wire, number: number) {
  let [who, end] = JOKES[(number - 1) % JOKES.length]!;
  for (const line of ["Knock! Knock!", who]) {
    await wire.writeLine(line);
    yield `server> ${line}`;
    const reply = await wire.readLine();
    yield `client> ${escapeControls(reply ?? "(nothing)")}`;
    const expected = line === who ? `${who} who?` : "Who's there?";
    if (reply === expected) continue;
    end = `No joke without "${expected}"`;
    break;
  }
  await wire.writeLine(end);
  yield `server> ${end}`;
}

if (import.meta.main) {
  const port = Number(Deno.args.find((arg) => arg !== "--explain") ?? 1414);
  const tell = Deno.args.includes("--explain") ? console.log : () => {};
  const serve = async (wire: Wire, n: number) => {
    await using _ = wire; // closes it at the end, whatever happens
    tell(`#${n} 5. Accept: a client; 6. Read and write:`);
    for await (const line of tellJoke(wire, n)) console.log(`#${n} ${line}`);
    tell(`#${n} 7. Close`);
  };
  try {
    tell(`1. Find the address and port: 127.0.0.1, port ${port}`);
    using listener = listen({ port, maxLineBytes: 1_000 });
    tell("2. Create a socket, 3. bind it, 4. listen");
    let count = 0;
    for await (const wire of listener) {
      // With `await`, the next client would have to wait until this one is done
      serve(wire, ++count).catch(({ message }) => console.error(message));
    }
  } catch (error) {
    const { message } = systemError(1, `Cannot listen on port ${port}`, error);
    console.error(message);
    Deno.exit(1);
  }
}
