// A chat for netcat or telnet: deno run --allow-net chat.ts 8000
import { listen, type Wire } from "@knock/http";

const TEN_MINUTES = 600_000;
const members = new Set<Wire>();

function tell(text: string): void {
  for (const wire of members) wire.writeLine(text).catch(() => wire.close());
}

async function talk(wire: Wire): Promise<void> {
  await using _ = wire; // closes it at the end
  await wire.writeLine("What is your name?");
  const name = await wire.readLine();
  members.add(wire);
  tell(`* ${name} is here`);
  try {
    let line: string | null;
    while ((line = await wire.readLine()) !== null) tell(`${name}: ${line}`);
  } finally {
    members.delete(wire);
    tell(`* ${name} has gone`);
  }
}

const port = Number(Deno.args[0] ?? 8000);
const listener = listen({ port, timeout: TEN_MINUTES });
console.log(`on port ${(listener.addr as Deno.NetAddr).port}`);
for await (const wire of listener) talk(wire).catch(console.error);
