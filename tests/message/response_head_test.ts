import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "npm:fast-check@^4.10.2";
import {
  MessageError,
  parseResponseHead,
  parseStatusLine,
  ResponseHeadParser,
  STATUS_REASONS,
  statusReason,
  writeResponseHead,
} from "../../message/mod.ts";
import { octets } from "../_octets.ts";

const STATUS_LINES: [line: string, want: [number, string] | string][] = [
  ["HTTP/1.0 200 OK", [200, "OK"]],
  ["HTTP/1.1 200 ", [200, ""]],
  ["HTTP/1.1 200", [200, ""]],
  ["HTTP/1.0 404 Not  Found ", [404, "Not  Found "]],
  ["HTTP/1.2 999 X", [999, "X"]],
  ["HTTP/1.0 200\tOK", "first-line"],
  ["HTTP/1.0  200 OK", "first-line"],
  ["HTTP/1.0 20 OK", "first-line"],
  ["HTTP/1.0 2000 OK", "first-line"],
  ["HTTP/1.0 099 X", "first-line"],
  ["http/1.0 200 OK", "first-line"],
  ["ICY 200 OK", "first-line"],
  ["HTTP/1 200 OK", "first-line"],
  ["HTTP/1.10 200 OK", "first-line"],
  ["HTTP/2.0 200 OK", "version"],
  ["HTTP/0.9 200 OK", "version"],
];

Deno.test("parseStatusLine() reads version, status and reason, and nothing else", () => {
  for (const [line, want] of STATUS_LINES) {
    if (typeof want === "string") {
      assertEquals(
        assertThrows(() => parseStatusLine(line), MessageError).code,
        want,
        line,
      );
    } else {
      const { status, reason } = parseStatusLine(line);
      assertEquals([status, reason], want, line);
    }
  }
});

Deno.test("parseResponseHead() joins folded lines with a space", () => {
  const cases: [string, [string, string][]][] = [
    ["A: b\r\n  c\r\n\td\r\nE: f\n g\n\n", [["A", "b c d"], ["E", "f g"]]],
    ["A: b \t\r\n c \r\nE: f\r\n\r\n", [["A", "b c"], ["E", "f"]]],
    ["A:\r\n b\r\n \r\n\r\n", [["A", "b"]]],
    ["A: " + "\r\n b".repeat(300) + "\r\n\r\n", [[
      "A",
      "b ".repeat(300).trim(),
    ]]],
  ];
  for (const [fields, want] of cases) {
    const raw = octets("HTTP/1.0 200 OK\r\n" + fields);
    const { headers } = parseResponseHead(raw)!;
    assertEquals(headers.has(""), false, fields); // a fold has no name
    assertEquals([...headers], want, fields);
  }
});

Deno.test("parseResponseHead() unfolds a field in linear time", () => {
  const time = (folds: number): number => {
    const raw = octets(`HTTP/1.0 200 OK\nA: b${"\n a".repeat(folds)}\n\n`);
    const started = performance.now();
    const length = parseResponseHead(raw)?.headers.get("a")?.length;
    assertEquals(length, 1 + 2 * folds);
    return performance.now() - started;
  };
  // In quadratic time, ten times the folds would take a hundred times as long.
  // A busy machine interrupts most runs, so the fastest of many counts
  const runs = Array.from({ length: 40 }, () => [time(2_100), time(21_000)]);
  const [few, many] = [0, 1].map((i) =>
    Math.min(...runs.map((times) => times[i]!))
  );
  assert(many! < few! * 50, `${few} ms, ${many} ms`);
});

Deno.test("parseResponseHead() refuses a fold before any field, control characters, and too much data", () => {
  const bad = [
    "HTTP/1.0 200 OK\r\n X: a\r\n\r\n",
    "HTTP/1.0 200 OK\r\nX: a\0\r\n\r\n",
    "HTTP/1.0 200 OK\r\nX: \x1b[31m\r\n\r\n",
    "HTTP/1.0 200 O\0K\r\n\r\n",
    "HTTP/1.0 200 OK\r\n" + "A: b\r\n".repeat(257) + "\r\n",
    "HTTP/1.0 200 " + "a".repeat(65_536),
  ];
  for (const raw of bad) {
    assertThrows(() => parseResponseHead(octets(raw)), MessageError);
  }
});

Deno.test("ResponseHeadParser refuses a wrong status line before the head is complete", () => {
  const parser = new ResponseHeadParser();
  assertThrows(
    () => parser.parse(octets("SSH-2.0-OpenSSH_9.6\r\n")),
    MessageError,
    "Cannot parse status line",
  );
});

Deno.test("writeResponseHead() refuses a head that would split the message", () => {
  assertThrows(
    () => writeResponseHead({ status: 99 }),
    RangeError,
    "99 is not a whole number from 100 to 999",
  );
  assertThrows(() => writeResponseHead({ status: 200.5 }), RangeError);
  assertThrows(
    () => writeResponseHead({ status: 200, reason: "OK\r\nX: y" }),
    TypeError,
    "reason",
  );
  assertThrows(
    () => writeResponseHead({ status: 200, headers: { A: "b\r\n\r\n" } }),
    TypeError,
    "value",
  );
});

Deno.test("writeResponseHead() writes what parseResponseHead() reads back", () => {
  const reason = fc.string({
    unit: fc.constantFrom(..."aZ \t:\xe9"),
    maxLength: 20,
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 999 }),
      reason,
      (status, reason) => {
        const head = parseResponseHead(
          writeResponseHead({ status, reason, headers: { A: "b" } }),
        );
        assert(head !== null);
        assertEquals([head.status, head.reason, head.headers.get("a")], [
          status,
          reason,
          "b",
        ]);
      },
    ),
    { verbose: 1 },
  );
});

Deno.test("parseResponseHead() throws nothing but MessageError, whatever the bytes", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "HTTP/1.0 ",
      "200",
      " OK",
      "\r\n",
      "\n",
      "\r",
      "A: b",
      ":",
      " ",
      "\t",
      "\0",
      "\xff",
    ),
    fc.uint8Array({ maxLength: 4 }).map((bytes) =>
      String.fromCharCode(...bytes)
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      try {
        parseResponseHead(octets(pieces.join("")));
      } catch (error) {
        assert(error instanceof MessageError);
      }
    }),
    { numRuns: 2_000, verbose: 1 },
  );
});

Deno.test("statusReason() returns the registered phrases", () => {
  assertEquals(statusReason(421), "Misdirected Request");
  assertEquals(statusReason(418), ""); // unused in the registry
  assertEquals(Object.keys(STATUS_REASONS).length, 60);
});
