import { assertEquals } from "@std/assert";
import type { ServerEvent } from "../../server/mod.ts";
import { explainEvent } from "../../server/_command/explain.ts";
import { addressOf } from "../../server/trace.ts";

const TCP = "127.0.0.1:8000";

/** The text for each event, without its time. */
const ROWS: readonly (readonly [ServerEvent, string])[] = [
  [
    { type: "listening", asked: "localhost:0", address: TCP },
    `\
1. Find the address and port: 127.0.0.1:8000 (asked for: localhost:0)
2. Create a socket, 3. bind it, 4. listen: all three in one Deno call
   up to 511 may wait to be accepted`,
  ],
  [
    { type: "listening", asked: "a.sock", address: "a.sock" },
    `\
1. Find the address and port: a.sock (asked for: a.sock)
2. Create a socket, 3. bind it, 4. listen: all three in one Deno call
   up to 1024 may wait to be accepted`,
  ],
  [
    { type: "accepted", local: TCP, remote: "127.0.0.1:1" },
    "5. Accept: 127.0.0.1:1 to 127.0.0.1:8000",
  ],
  [
    { type: "waiting", remote: "127.0.0.1:1", ahead: 2 },
    "   127.0.0.1:1 waits: it is accepted, but 2 came before it",
  ],
  [
    { type: "turn", waited: 1_234.56 },
    "   its turn has come, after 1235 ms",
  ],
  [{ type: "read", bytes: 10 }, "6. Read: 10 bytes"],
  [
    { type: "read", bytes: null },
    "6. Read: the end, the client sends nothing more",
  ],
  [
    {
      type: "request-head",
      text: "GET http://ada:pw@a/ HTTP/1.0\nCookie: a=b\r\nX: \x9b2J\r\n\r\n",
      bytes: 0,
    },
    String.raw`   > GET http://***@a/ HTTP/1.0\n
   > Cookie: ***\r\n
   > X: \u009b2J\r\n
   > \r\n`,
  ],
  [
    { type: "response-head", text: "HTTP/1.0 200 OK\r\n\r\n", bytes: 19 },
    String.raw`   < HTTP/1.0 200 OK\r\n
   < \r\n`,
  ],
  [
    { type: "decision", step: "leads to", finding: "file" },
    "   leads to: file",
  ],
  [
    { type: "refused", status: 400, reason: "no \x1b", expected: "" },
    String.raw`   refused with 400: no \u001b`,
  ],
  [
    { type: "refused", status: 400, reason: "no", expected: "yes" },
    `   refused with 400: no
   expected: yes`,
  ],
  [{ type: "write", bytes: 10 }, "6. Write: 10 bytes"],
  [
    { type: "kept", requests: 1 },
    "   kept open: the next request may come",
  ],
  [
    { type: "half-closed" },
    "7. Close our side, and discard what still arrives",
  ],
  [
    { type: "closed", by: "client", how: "reset" },
    "7. Close: the client was first (reset)",
  ],
];

Deno.test("explainEvent() begins each line with its connection and time", () => {
  for (const [event, expected] of ROWS) {
    const lines = explainEvent({ at: 12.34, connection: 3, ...event });
    const start = "#3        12.3 ms  ";
    assertEquals(lines, start + expected.replaceAll("\n", `\n${start}`));
  }
  assertEquals(
    explainEvent({ at: 123_456, connection: 0, type: "write", bytes: 1 }),
    "      123456.0 ms  6. Write: 1 bytes",
  );
});

Deno.test("addressOf() writes addresses as in a URL", () => {
  const at = (hostname: string) =>
    addressOf({ transport: "tcp", hostname, port: 80 });
  assertEquals(at("192.0.2.1"), "192.0.2.1:80");
  assertEquals(at("::1"), "[::1]:80");
  assertEquals(at("::ffff:192.0.2.1"), "192.0.2.1:80");
  assertEquals(addressOf({ transport: "unix", path: "/a" }), "/a");
  assertEquals(addressOf({ transport: "unix", path: "" }), "-");
});
