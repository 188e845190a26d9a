import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "npm:fast-check@^4.10.2";
import { ChunkedDecoder, MessageError } from "../../message/mod.ts";
import { octets } from "../_octets.ts";

/**
 * Decodes bytes in pieces of one size. Returns the data, whether its end was
 * found, and what follows the end.
 */
function decode(
  raw: string,
  size: number,
): { data: string; done: boolean; rest: string } {
  const decoder = new ChunkedDecoder();
  let data = "";
  let at = 0;
  while (at < raw.length && !decoder.done) {
    const piece = octets(raw.slice(at, at + size));
    for (const part of decoder.push(piece)) {
      data += String.fromCharCode(...part);
    }
    at += decoder.used;
    if (!decoder.done) assertEquals(decoder.used, piece.length);
  }
  return { data, done: decoder.done, rest: raw.slice(at) };
}

const GOOD: [raw: string, data: string, rest: string][] = [
  ["0\r\n\r\n", "", ""],
  ["5\r\nhello\r\n0\r\n\r\n", "hello", ""],
  [
    "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\nHTTP/1.0",
    "01234567890123456789",
    "HTTP/1.0",
  ],
  ["0005\r\nhello\r\n000\r\n\r\n", "hello", ""],
  ['5;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n', "hello", ""],
  ["5 \t;a\r\nhello\r\n0\r\nX-T: 1\r\nY: 2\r\n\r\nz", "hello", "z"],
  ["2\r\n\r\n\r\n0\r\n\r\n", "\r\n", ""],
];

Deno.test("ChunkedDecoder decodes pieces of any size, and leaves what follows the body", () => {
  for (const [raw, data, rest] of GOOD) {
    for (const size of [1, 2, 3, 7, raw.length]) {
      assertEquals(
        decode(raw, size),
        { data, done: true, rest },
        `${JSON.stringify(raw)} by ${size}`,
      );
    }
  }
});

Deno.test("ChunkedDecoder is not done before the last chunk", () => {
  for (const [raw, , rest] of GOOD) {
    const whole = raw.slice(0, raw.length - rest.length);
    for (let end = 0; end < whole.length; end++) {
      assertEquals(decode(whole.slice(0, end), 4).done, false);
    }
  }
});

const BAD = [
  "zz\r\n",
  "-5\r\nhello\r\n",
  "+5\r\nhello\r\n",
  "0x5\r\nhello\r\n",
  " 5\r\nhello\r\n",
  "\r\n",
  ";a\r\n",
  "5\x00\r\n",
  "5\nhello\r\n0\r\n\r\n",
  "5\r\nhello\n0\r\n\r\n",
  "5\r\nhelloX\r\n",
  "3\r\nhello\r\n",
  "1000000000000\r\n",
  "100000000000000005\r\n",
  "5;" + "a".repeat(4_095),
  "0\r\n" + "X: y\r\n".repeat(11_000),
];

Deno.test("ChunkedDecoder refuses an invalid chunked body", () => {
  for (const raw of BAD) {
    for (const size of [1, raw.length]) {
      assertThrows(() => decode(raw, size), MessageError, "Cannot read chunk");
    }
  }
});

Deno.test("ChunkedDecoder throws nothing but MessageError, whatever the bytes", () => {
  const piece = fc.oneof(
    fc.constantFrom("0", "5", "a", "\r\n", "\n", ";", "hello"),
    fc.string({ maxLength: 3 }),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }),
      fc.integer({ min: 1, max: 9 }),
      (pieces, size) => {
        try {
          decode(pieces.join("").replace(/[^\0-\xff]/g, "?"), size);
        } catch (error) {
          assert(error instanceof MessageError, String(error));
        }
      },
    ),
    { numRuns: 2_000, verbose: 1 },
  );
});

Deno.test("ChunkedDecoder allows chunk lines of 4096 bytes and trailers of 65536", () => {
  const line = (length: number) => `1;${"x".repeat(length - 4)}\r\na\r\n`;
  const fields = `x:${"y".repeat(96)}\r\n`.repeat(656);
  const trailer = (length: number) =>
    `0\r\n${fields.slice(0, length - 4)}\r\n\r\n`;
  for (const [write, limit] of [[line, 4_096], [trailer, 65_536]] as const) {
    new ChunkedDecoder().push(octets(write(limit)));
    assertThrows(
      () => new ChunkedDecoder().push(octets(write(limit + 1))),
      MessageError,
      `is over ${limit} bytes`,
    );
  }
});
