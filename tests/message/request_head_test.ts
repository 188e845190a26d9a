import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "npm:fast-check@^4.10.2";
import {
  HeaderFields,
  type HeaderFieldsInit,
  MessageError,
  parseRequestHead,
  parseResponseHead,
  parseTarget,
  requestFraming,
  type RequestHead,
  RequestHeadParser,
  writeRequestHead,
} from "../../message/mod.ts";
import { octets } from "../_octets.ts";

interface Case {
  readonly name: string;
  readonly raw: string;
  readonly level: "message" | "semantics";
  readonly expect: "accept" | "reject" | "either";
  readonly status: readonly number[];
  readonly parsed?: {
    readonly method?: string;
    readonly target?: string;
    readonly version?: string;
  };
}

const CASES: Case[] = Deno.readTextFileSync(
  new URL("../cases/requests.jsonl", import.meta.url),
)
  .trim().split("\n").map((line) => JSON.parse(line));

/**
 * Parses bytes in pieces that end at `cuts`. Returns the head with status 200,
 * the status of the error, or status 0 if the head is incomplete.
 */
function outcome(
  bytes: Uint8Array,
  cuts: Iterable<number>,
): { head: RequestHead | null; status: number } {
  const parser = new RequestHeadParser();
  try {
    for (const cut of [...cuts, bytes.length]) {
      const head = parser.parse(bytes, 0, cut);
      if (head === null) continue;
      parseTarget(head.method, head.target);
      requestFraming(head);
      return { head, status: 200 };
    }
    return { head: null, status: 0 };
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    return { head: null, status: error.status };
  }
}

function plain(result: ReturnType<typeof outcome>): unknown {
  const { head, status } = result;
  return {
    status,
    head: head === null ? null : { ...head, headers: [...head.headers] },
  };
}

Deno.test("RequestHeadParser parses each case the same way whole, byte by byte, and cut within CRLF", () => {
  for (const { name, raw } of CASES) {
    const bytes = octets(raw);
    const whole = plain(outcome(bytes, []));
    if (bytes.length < 20_000) {
      assertEquals(
        plain(outcome(bytes, Array.from(bytes, (_, i) => i))),
        whole,
        `${name} byte by byte`,
      );
    }
    const inCrlf = [...raw.matchAll(/\r(?=\n)/g)].map(({ index }) => index + 1);
    assertEquals(
      plain(outcome(bytes, inCrlf)),
      whole,
      `${name} cut within CRLF`,
    );
  }
});

Deno.test("RequestHeadParser, parseTarget() and requestFraming() accept and refuse the message-level cases", () => {
  for (const { name, raw, level, expect, status, parsed } of CASES) {
    if (
      level !== "message" || name.startsWith("host-") ||
      name === "method-connect-path"
    ) continue; // the server's part
    const result = outcome(octets(raw), []);
    if (expect === "accept") {
      assertEquals(result.status, 200, name);
      if (parsed?.method !== undefined) {
        assertEquals(result.head?.method, parsed.method, name);
      }
      if (parsed?.target !== undefined) {
        assertEquals(result.head?.target, parsed.target, name);
      }
      if (parsed?.version !== undefined) {
        assertEquals(result.head?.version, parsed.version, name);
      }
    } else if (expect === "reject") {
      assert(
        status.includes(result.status),
        `${name}: ${result.status}, not one of ${status}`,
      );
    }
  }
});

Deno.test("parseRequestHead() keeps names as sent, trims values, and counts the size of the head", () => {
  const text =
    "GET /a?b HTTP/1.1\r\nhOsT:example.org\r\nX-Empty: \r\nX:\t\xa0v \xe9 \t\r\n\r\nbody";
  const head = parseRequestHead(octets(text));
  assert(head !== null);
  assertEquals([...head.headers], [["hOsT", "example.org"], ["X-Empty", ""], [
    "X",
    "\xa0v \xe9",
  ]]);
  assertEquals(text.slice(head.size), "body");
  assertEquals([head.method, head.target, head.version, head.bareLf], [
    "GET",
    "/a?b",
    "1.1",
    false,
  ]);
});

Deno.test("RequestHeadParser parses one head after another", () => {
  const bytes = octets("\r\nGET /1 HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\nA: b\n\n");
  const parser = new RequestHeadParser();
  const first = parser.parse(bytes, 0);
  assertEquals(first?.target, "/1");
  const second = parser.parse(bytes, first?.size);
  assertEquals(second?.target, "/2");
  assertEquals(second?.bareLf, true);
});

const REFUSED: [raw: string, status: number, message: string][] = [
  [
    "GET / HTTP/1.0\r\nA b: c\r\n\r\n",
    400,
    'Cannot parse field line "A b: c": name is not a token',
  ],
  [
    "GET / HTTP/1.0\r\nA : c\r\n\r\n",
    400,
    'Cannot parse field line "A : c": space before the colon',
  ],
  ["GET / HTTP/1.0\r\nA\r\n\r\n", 400, 'Cannot parse field line "A": no colon'],
  [
    "GET / HTTP/1.0\r\n: c\r\n\r\n",
    400,
    'Cannot parse field line ": c": name is empty',
  ],
  [
    "GET / HTTP/1.0\r\nA: b\r\n c\r\n\r\n",
    400,
    'Cannot parse field line " c": begins with white space',
  ],
  [
    "GET / HTTP/2.0\r\n",
    505,
    'Cannot parse request line "GET / HTTP/2.0": version is not HTTP/1.x',
  ],
  [
    "GET / HTTP/2.0\r\nA: \0",
    505,
    'Cannot parse request line "GET / HTTP/2.0": version is not HTTP/1.x',
  ],
  [
    "GET /\r\n",
    400,
    'Cannot parse request line "GET /": expected a method, a target and an HTTP version, with one space between',
  ],
  [
    "\x16\x03\x01",
    400,
    'Cannot read line "\\u0016": control character at its end',
  ],
  [
    "GET / HTTP/1.0\rX",
    400,
    'Cannot read line "GET / HTTP/1.0\\r": CR without LF at its end',
  ],
  [
    "\r\n\r\n\r\n\r\n\r\n",
    400,
    "Cannot read head: empty line in place of a first line",
  ],
  [
    "\n\n\r\n\n\n",
    400,
    "Cannot read head: empty line in place of a first line",
  ],
  ["G".repeat(8_193), 414, "Cannot read head: first line over 8192 bytes"],
  [
    `GET / HTTP/1.0\r\nX: ${"a".repeat(16_384)}`,
    431,
    "Cannot read head: over 16384 bytes",
  ],
  [
    "GET / HTTP/1.0\r\n" + "A: b\r\n".repeat(101) + "\r\n",
    431,
    "Cannot read head: more than 100 fields",
  ],
];

Deno.test("parseRequestHead() says what is wrong, and which status fits", () => {
  for (const [raw, status, message] of REFUSED) {
    const error = assertThrows(
      () => parseRequestHead(octets(raw)),
      MessageError,
    );
    assertEquals([error.status, error.message], [status, message]);
  }
});

Deno.test("parseRequestHead() enforces the limits in its options", () => {
  const bytes = octets("GET /1234567890 HTTP/1.0\r\nA: b\r\nC: d\r\n\r\n");
  assertEquals(
    parseRequestHead(bytes, {
      maxLineBytes: 24,
      maxHeadBytes: bytes.length,
      maxFields: 2,
    })?.method,
    "GET",
  );
  for (
    const limits of [{ maxLineBytes: 23 }, { maxHeadBytes: bytes.length - 1 }, {
      maxFields: 1,
    }]
  ) {
    assertThrows(() => parseRequestHead(bytes, limits), MessageError);
  }
});

Deno.test("RequestHeadParser uses the default for a limit that is undefined", () => {
  // JavaScript code may pass undefined, which must not mean no limit
  const limits: object = {
    maxLineBytes: undefined,
    maxHeadBytes: undefined,
    maxFields: undefined,
  };
  const heads = [
    `GET /${"a".repeat(9_000)} HTTP/1.0\r\n\r\n`,
    `GET / HTTP/1.0\r\nA: ${"b".repeat(17_000)}\r\n\r\n`,
    `GET / HTTP/1.0\r\n${"A: b\r\n".repeat(101)}\r\n`,
  ];
  for (const head of heads) {
    const parser = new RequestHeadParser(limits);
    assertThrows(() => parser.parse(octets(head)), MessageError);
  }
});

Deno.test("RequestHeadParser takes linear time, even byte by byte", () => {
  const bytes = octets(
    `GET /${"a".repeat(99_000)} HTTP/1.0\r\n` +
      `A: ${"b ".repeat(450_000)}\r\n\r\n`,
  );
  const limits = { maxLineBytes: 1e6, maxHeadBytes: 1e6 };
  const parser = new RequestHeadParser(limits);
  const started = performance.now();
  let head: RequestHead | null = null;
  for (let end = 1; end <= bytes.length; end++) {
    head = parser.parse(bytes, 0, end);
  }
  assert(head !== null);
  assert(
    performance.now() - started < 10_000,
    "1 MB byte by byte takes more than 10 s",
  ); // quadratic: minutes
});

Deno.test("writeRequestHead() refuses a head that would split the message", () => {
  const good = { method: "GET", target: "/", headers: { A: "b" } };
  const bad = [
    { ...good, method: "GET /" },
    { ...good, method: "" },
    { ...good, target: "" },
    { ...good, target: "/ HTTP/1.0\r\nX: y\r\n\r\n" },
    { ...good, target: "/\xe9" },
    { ...good, headers: { "A: b\r\nC": "d" } },
    { ...good, headers: { "": "d" } },
    { ...good, headers: { A: "b\r\nC: d" } },
    { ...good, headers: { A: "b\nC: d" } },
    { ...good, headers: { A: "b\0" } },
    { ...good, headers: { A: "€" } },
  ];
  assertEquals(
    new TextDecoder().decode(writeRequestHead(good)),
    "GET / HTTP/1.0\r\nA: b\r\n\r\n",
  );
  for (const head of bad) {
    assertThrows(() => writeRequestHead(head), TypeError, "Cannot write");
  }
});

const token = fc.string({
  unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ"),
  minLength: 1,
  maxLength: 20,
});
const value = fc.string({
  unit: fc.constantFrom(...'ab \t:,;"\\\x7e\x80\xff'),
  maxLength: 40,
});

Deno.test("writeRequestHead() writes what parseRequestHead() reads back", () => {
  const path = fc.string({
    unit: fc.constantFrom(..."/a?=&%41~"),
    maxLength: 40,
  }).map((text) => "/" + text);
  fc.assert(
    fc.property(
      token,
      path,
      fc.array(fc.tuple(token, value), { maxLength: 20 }),
      (method, target, fields) => {
        const head = parseRequestHead(
          writeRequestHead({ method, target, headers: fields }),
        );
        assert(head !== null);
        assertEquals([head.method, head.target], [method, target]);
        assertEquals(
          [...head.headers],
          fields.map((
            [name, text],
          ) => [name, text.replace(/^[ \t]+|[ \t]+$/g, "")]),
        );
      },
    ),
    { verbose: 1 },
  );
});

Deno.test("parseRequestHead() throws nothing but MessageError, whatever the bytes", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "GET ",
      "/",
      " HTTP/1.0",
      "\r\n",
      "\n",
      "\r",
      "Host: a",
      ":",
      " ",
      "\t",
      "\0",
      "\xff",
    ),
    fc.string({ unit: "binary", maxLength: 8 }).map((text) =>
      text.replace(/[^\0-\xff]/g, "?")
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const bytes = octets(pieces.join(""));
      const whole = plain(outcome(bytes, []));
      assertEquals(
        plain(outcome(bytes, Array.from(bytes, (_, i) => i))),
        whole,
      );
    }),
    { numRuns: 2_000, verbose: 1 },
  );
});

Deno.test("HeaderFields finds names in any case, and keeps their order and case", () => {
  const headers = new HeaderFields([["A", "1"], ["b", "2"], ["a", "3"]]);
  assertEquals(headers.get("a"), "1, 3");
  assertEquals(headers.getAll("A"), ["1", "3"]);
  assertEquals([
    headers.has("B"),
    headers.has("c"),
    headers.get("c"),
    [...headers].length,
  ], [true, false, null, 3]);
  headers.set("a", "4");
  headers.set("C", "5");
  assertEquals([...headers], [["a", "4"], ["b", "2"], ["C", "5"]]);
  headers.delete("B");
  assertEquals(String(headers), "a: 4\r\nC: 5\r\n");
  assertEquals([...headers.toWeb()], [["a", "4"], ["c", "5"]]);
});

Deno.test("HeaderFields copies records, pairs, Headers and other HeaderFields", () => {
  const original = new HeaderFields({ A: "1", B: ["2", "3"] });
  const copy = new HeaderFields(original);
  copy.append("C", "4");
  assertEquals([...original], [["A", "1"], ["B", "2"], ["B", "3"]]);
  assertEquals([...new HeaderFields(new Headers({ X: "y" }))], [["x", "y"]]);
  assertEquals(
    new HeaderFields({ __proto__x: "1", constructor: "2" }).get("constructor"),
    "2",
  );
});

// [fields, name, its values as one, for HeaderFields and Headers alike]
const JOINED: [[string, string][], string, string | null][] = [
  [[["X", "1"]], "x", "1"],
  [[["X", "1"], ["Y", "2"]], "z", null],
  [[["X", "1"], ["Y", "2"], ["x", ""], ["X", "3"]], "X", "1, , 3"],
  [[["Cookie", "a=1"]], "cookie", "a=1"],
  [[["Cookie", "a=1"], ["cookie", "b=2; c=3"]], "COOKIE", "a=1; b=2; c=3"],
  [[["Cookie2", "a=1"], ["Cookie2", "b=2"]], "Cookie2", "a=1, b=2"],
];

for (const [fields, name, expected] of JOINED) {
  Deno.test(`HeaderFields joins the values of ${name} to ${expected}`, () => {
    const headers = new HeaderFields(fields);
    assertEquals(headers.get(name), expected);
    assertEquals(headers.toWeb().get(name), expected);
  });
}

// [fields, the object that shows them]
const SHOWN: [HeaderFieldsInit, Record<string, unknown>][] = [
  [{}, {}],
  [{ "Content-Type": "text/html" }, { "Content-Type": "text/html" }],
  [[["b", "1"], ["A", "2"]], { b: "1", A: "2" }],
  [
    [["Set-Cookie", "a=1"], ["X", "é"], ["set-cookie", "b=2"]],
    { "Set-Cookie": ["a=1", "b=2"], X: "é" },
  ],
  [[["constructor", "1"], ["toString", "2"]], {
    constructor: "1",
    toString: "2",
  }],
  [[["__proto__", "1"]], JSON.parse('{ "__proto__": "1" }')],
  [{ A: undefined, B: "1" }, { B: "1" }],
];

for (const [init, object] of SHOWN) {
  const json = JSON.stringify(object);
  Deno.test(`HeaderFields shows ${json} in JSON and on the console`, () => {
    const headers = new HeaderFields(init);
    assertEquals(JSON.stringify(headers), json);
    assertEquals(
      Deno.inspect(headers),
      `HeaderFields ${Deno.inspect(object)}`,
    );
    assertEquals(JSON.stringify(new HeaderFields(headers.toJSON())), json);
  });
}

// What JavaScript code may pass; each message says what is wrong
const WRONG_INITS: [unknown, string][] = [
  [null, "Cannot make header fields of null: expected an object of names"],
  ["a: b", "Cannot make header fields of a: b"],
  [5, "Cannot make header fields of 5"],
  [{ a: 5 }, 'Cannot set field "a" to 5: not a string'],
  [{ a: null }, 'Cannot set field "a" to null: not a string'],
  [{ a: ["1", 2] }, 'Cannot set field "a" to 2: not a string'],
  [[["a", 5]], 'Cannot set field "a" to 5: not a string'],
  [[["a"]], 'Cannot set field "a" to undefined: not a string'],
  [[[5, "a"]], 'Cannot set field "5" to a: not a string'],
  [new Map([["a", 5]]), 'Cannot set field "a" to 5: not a string'],
];

for (const [init, message] of WRONG_INITS) {
  Deno.test(`HeaderFields refuses ${Deno.inspect(init)}`, () => {
    assertThrows(
      () => new HeaderFields(init as HeaderFieldsInit),
      TypeError,
      message,
    );
  });
}

Deno.test("HeaderFields.set() and append() refuse a value that is not a string", () => {
  const headers = new HeaderFields({ a: "1" });
  const value = 5 as unknown as string;
  assertThrows(() => headers.set("a", value), TypeError, "5: not a string");
  assertThrows(() => headers.append("b", value), TypeError, "5: not a string");
  assertEquals([...headers], [["a", "1"]]);
});

Deno.test("HeaderFields behaves the same whether it was received or made, in any order of calls", () => {
  const name = fc.constantFrom("A", "a", "Bb", "bB", "C-c", "d");
  const value = fc.constantFrom("", "1", "2, 3", "\xe9");
  const call = fc.record({
    kind: fc.constantFrom(
      "get",
      "getAll",
      "has",
      "size",
      "set",
      "append",
      "delete",
      "text",
      "copy",
    ),
    name,
    value,
  });
  type Call = { kind: string; name: string; value: string };
  const perform = (headers: HeaderFields, { kind, name, value }: Call) => {
    if (kind === "get") return headers.get(name);
    if (kind === "getAll") return headers.getAll(name);
    if (kind === "has") return headers.has(name);
    if (kind === "size") return [...headers].length;
    if (kind === "set") return headers.set(name, value);
    if (kind === "append") return headers.append(name, value);
    if (kind === "delete") return headers.delete(name);
    if (kind === "text") return headers.toString();
    return [...new HeaderFields(headers)];
  };
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, value), { maxLength: 8 }),
      fc.array(call, { maxLength: 6 }),
      (fields, calls) => {
        const made = new HeaderFields(fields);
        const request = { method: "GET", target: "/", headers: fields };
        const received = parseRequestHead(writeRequestHead(request))!.headers;
        const response = octets(`HTTP/1.0 200 OK\r\n${made}\r\n`);
        const returned = parseResponseHead(response)!.headers;
        for (const call of calls) {
          const want = perform(made, call);
          assertEquals(perform(received, call), want);
          assertEquals(perform(returned, call), want);
        }
        assertEquals([...received], [...made]);
        assertEquals([...returned], [...made]);
      },
    ),
    { numRuns: 2_000, verbose: 1 },
  );
});

Deno.test("RequestHeadParser carries nothing over from one head to the next, however they are cut", () => {
  const heads = [
    "\n\r\n\n\nGET /1 HTTP/1.0\nA: b\nC: d\n\n",
    "\r\n\r\n\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /3 HTTP/1.0\r\n\r\n",
  ];
  const bytes = octets(heads.join(""));
  for (let piece = 1; piece <= bytes.length; piece++) {
    const parser = new RequestHeadParser();
    const found: unknown[] = [];
    let start = 0;
    for (let end = 0; end < bytes.length;) {
      end = Math.min(bytes.length, end + piece);
      for (let head; (head = parser.parse(bytes, start, end)) !== null;) {
        start += head.size;
        const { method, target, headers, size, bareLf } = head;
        const count = [...headers].length;
        found.push([method, target, count, size, bareLf]);
        assertEquals(parser.started, false);
      }
    }
    assertEquals(found, [
      ["GET", "/1", 2, heads[0]!.length, true],
      ["POST", "/2", 1, heads[1]!.length, false],
      ["GET", "/3", 0, heads[2]!.length, false],
    ], `pieces of ${piece}`);
  }
});
