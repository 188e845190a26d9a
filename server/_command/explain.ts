// Describes the seven steps of a server as they happen.

import { escapeControls, maskedHead, maskedUrl } from "../../command/quote.ts";
import type { ServerTraceEvent } from "../trace.ts";

/** Functions that describe each type of event, in lines. */
const FORMATTERS: {
  readonly [type in ServerTraceEvent["type"]]: (
    event: Extract<ServerTraceEvent, { readonly type: type }>,
  ) => string;
} = {
  "listening": ({ asked, address }) =>
    `1. Find the address and port: ${address} (asked for: ${asked})
2. Create a socket, 3. bind it, 4. listen: all three in one Deno call
   up to ${address.includes(":") ? 511 : 1_024} may wait to be accepted`,
  "accepted": ({ local, remote }) => `5. Accept: ${remote} to ${local}`,
  "waiting": ({ remote, ahead }) =>
    `   ${remote} waits: it is accepted, but ${ahead} came before it`,
  "turn": ({ waited }) => `   its turn has come, after ${waited.toFixed()} ms`,
  "read": ({ bytes }) =>
    bytes === null
      ? "6. Read: the end, the client sends nothing more"
      : `6. Read: ${bytes} bytes`,
  "request-head": ({ text }) => quoteHead(">", text),
  "decision": ({ step, finding }) => `   ${step}: ${finding}`,
  "refused": ({ status, reason, expected }) =>
    `   refused with ${status}: ${reason}` +
    (expected === "" ? "" : `\n   expected: ${expected}`),
  "response-head": ({ text }) => quoteHead("<", text),
  "write": ({ bytes }) => `6. Write: ${bytes} bytes`,
  "kept": () => "   kept open: the next request may come",
  "half-closed": () => "7. Close our side, and discard what still arrives",
  "closed": ({ by, how }) => `7. Close: the ${by} was first (${how})`,
};

/** Shows a head with its line ends, and with its secrets masked. */
function quoteHead(mark: ">" | "<", head: string): string {
  return maskedHead(head).split(/(?<=\n)/).map((line) =>
    `   ${mark} ${line.replace("\r", "\\r").replace("\n", "\\n")}`
  ).join("\n");
}

/** Describes an event in lines that begin with its connection and time. */
export function explainEvent(event: ServerTraceEvent): string {
  const { type, connection, at } = event;
  const number = connection === 0 ? "" : `#${connection}`;
  const prefix = `${number.padEnd(5)}${at.toFixed(1).padStart(9)} ms  `;
  const format = FORMATTERS[type] as (event: ServerTraceEvent) => string;
  return maskedUrl(format(event)).split("\n")
    .map((line) => prefix + escapeControls(line)).join("\n");
}
