import { assertEquals, assertThrows } from "@std/assert";
import {
  type BodyFraming,
  HeaderFields,
  MessageError,
  type MessageErrorCode,
  persistence,
  requestFraming,
  responseFraming,
} from "../../message/mod.ts";

type Fields = [name: string, value: string][];

const REQUESTS: [
  version: string,
  fields: Fields,
  want: BodyFraming | MessageErrorCode,
][] = [
  ["1.0", [], { kind: "none" }],
  ["1.0", [["content-LENGTH", "5"]], { kind: "length", length: 5 }],
  ["1.0", [["Content-Length", "010"]], { kind: "length", length: 10 }],
  ["1.0", [["Content-Length", "0"]], { kind: "length", length: 0 }],
  ["1.0", [["Content-Length", "999999999999999"]], {
    kind: "length",
    length: 999999999999999,
  }],
  ["1.0", [["Content-Length", "1000000000000000"]], "content-length"],
  ["1.0", [["Content-Length", ""]], "content-length"],
  ["1.0", [["Content-Length", "+5"]], "content-length"],
  ["1.0", [["Content-Length", "-0"]], "content-length"],
  ["1.0", [["Content-Length", "0x5"]], "content-length"],
  ["1.0", [["Content-Length", "5e0"]], "content-length"],
  ["1.0", [["Content-Length", "5, 5"]], "content-length"],
  ["1.0", [["Content-Length", "\xa05"]], "content-length"],
  ["1.0", [["Content-Length", "5"], ["Content-Length", "5"]], "content-length"],
  ["1.1", [["Transfer-Encoding", "chunked"]], "length-required"],
  ["1.1", [["Transfer-Encoding", "cHuNkEd"]], "length-required"],
  [
    "1.1",
    [["Transfer-Encoding", "chunked"], ["Content-Length", "5"]],
    "transfer-encoding",
  ],
  ["1.0", [["Transfer-Encoding", "chunked"]], "transfer-encoding"],
  ["1.1", [["Transfer-Encoding", "gzip, chunked"]], "transfer-encoding"],
  ["1.1", [["Transfer-Encoding", "identity"]], "transfer-encoding"],
  ["1.1", [["Transfer-Encoding", ""]], "transfer-encoding"],
  [
    "1.1",
    [["Transfer-Encoding", "chunked"], ["Transfer-Encoding", "chunked"]],
    "transfer-encoding",
  ],
];

Deno.test("requestFraming() uses Content-Length alone", () => {
  for (const [version, fields, want] of REQUESTS) {
    const frame = () =>
      requestFraming({ version, headers: new HeaderFields(fields) });
    if (typeof want === "string") {
      assertEquals(
        assertThrows(frame, MessageError).code,
        want,
        String(fields),
      );
    } else assertEquals(frame(), want, String(fields));
  }
});

const RESPONSES: [
  method: string,
  status: number,
  fields: Fields,
  want: BodyFraming | MessageErrorCode,
][] = [
  ["GET", 200, [], { kind: "close" }],
  ["GET", 200, [["Content-Length", "5"]], { kind: "length", length: 5 }],
  ["GET", 200, [["Content-Length", "5"], ["Content-Length", "5"]], {
    kind: "length",
    length: 5,
  }],
  ["GET", 200, [["Content-Length", "5, 5"]], { kind: "length", length: 5 }],
  ["GET", 200, [["Content-Length", "5, 3"]], "content-length"],
  [
    "GET",
    200,
    [["Content-Length", "5"], ["Content-Length", "3"]],
    "content-length",
  ],
  ["GET", 200, [["Content-Length", ""]], "content-length"],
  ["GET", 200, [["Content-Length", "5,"]], "content-length"],
  [
    "GET",
    200,
    [["Content-Length", "5"], ["Content-Length", ""]],
    "content-length",
  ],
  ["GET", 200, [["Content-Length", "-5"]], "content-length"],
  ["GET", 200, [["Content-Length", "5abc"]], "content-length"],
  ["GET", 200, [["Content-Length", "18446744073709551621"]], "content-length"],
  ["HEAD", 200, [["Content-Length", "5"]], { kind: "none" }],
  ["HEAD", 200, [["Transfer-Encoding", "chunked"]], { kind: "none" }],
  ["GET", 204, [["Content-Length", "5"]], { kind: "none" }],
  ["GET", 304, [["Content-Length", "5"]], { kind: "none" }],
  ["GET", 100, [["Content-Length", "5"]], { kind: "none" }],
  ["GET", 200, [["Transfer-Encoding", "Chunked"]], { kind: "chunked" }],
  ["GET", 200, [["Transfer-Encoding", "chunked"], ["Content-Length", "3"]], {
    kind: "chunked",
  }],
  ["GET", 200, [["Transfer-Encoding", "identity"], ["Content-Length", "3"]], {
    kind: "length",
    length: 3,
  }],
  ["GET", 200, [["Transfer-Encoding", "gzip, chunked"]], "transfer-encoding"],
  ["GET", 200, [["Transfer-Encoding", "chunkedchunked"]], "transfer-encoding"],
];

Deno.test("responseFraming() looks at method, status, Transfer-Encoding and Content-Length, in this order", () => {
  for (const [method, status, fields, want] of RESPONSES) {
    const frame = () =>
      responseFraming(method, { status, headers: new HeaderFields(fields) });
    if (typeof want === "string") {
      assertEquals(
        assertThrows(frame, MessageError).code,
        want,
        String(fields),
      );
    } else assertEquals(frame(), want, String(fields));
  }
});

Deno.test("persistence() compares whole options in any case, and lets close win", () => {
  const rows: [string | null, string][] = [
    [null, "implicit"],
    ["", "implicit"],
    ["keep-alive", "keep-alive"],
    ["TE,,Keep-Alive", "keep-alive"],
    ["foo, keep-alive ,bar", "keep-alive"],
    ["keep-alive, close", "close"],
    ["Close", "close"],
    [",close", "close"],
    ["keepalive", "implicit"],
    ["keep-alivex", "implicit"],
    ["x,".repeat(4_000) + "close", "close"],
    [String.raw`x="a, close, b"`, "implicit"],
    [String.raw`x="a\", close, b"`, "implicit"],
    [String.raw`x="a\\", close, b=""`, "close"],
    ['close, x="\\', "close"],
  ];
  for (const [value, want] of rows) {
    assertEquals(
      persistence(
        new HeaderFields(value === null ? {} : { Connection: value }),
      ),
      want,
      String(value),
    );
  }
});
