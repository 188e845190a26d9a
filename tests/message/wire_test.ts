import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "npm:fast-check@^4.10.2";
import {
  type Duplex,
  Wire,
  WireError,
  type WireOptions,
} from "../../message/mod.ts";

/**
 * A duplex whose other side sends these pieces and then ends, or stays silent.
 */
class Script implements Duplex {
  readonly #pieces: Uint8Array[];
  readonly #ends: boolean;
  readonly #closed = Promise.withResolvers<never>();
  sent = "";
  closes = 0;

  constructor(pieces: readonly (string | Uint8Array)[], ends = true) {
    const encoder = new TextEncoder();
    this.#pieces = pieces.map((piece) =>
      typeof piece === "string" ? encoder.encode(piece) : piece
    );
    this.#ends = ends;
    this.#closed.promise.catch(() => {});
  }

  read(view: Uint8Array): Promise<number | null> {
    const piece = this.#pieces[0];
    if (piece === undefined) {
      return this.#ends ? Promise.resolve(null) : this.#closed.promise;
    }
    const count = Math.min(piece.length, view.length);
    view.set(piece.subarray(0, count));
    if (count < piece.length) this.#pieces[0] = piece.subarray(count);
    else this.#pieces.shift();
    return Promise.resolve(count);
  }

  write(bytes: Uint8Array): Promise<number> {
    if (bytes.length > 100_000) return this.#closed.promise; // stuck
    const count = Math.min(bytes.length, 3);
    this.sent += new TextDecoder("latin1").decode(bytes.subarray(0, count));
    return Promise.resolve(count);
  }

  close(): void {
    this.closes++;
    this.#closed.reject(new Error("closed"));
  }
}

function wire(
  pieces: readonly (string | Uint8Array)[],
  options?: WireOptions,
  ends = true,
): Wire {
  return new Wire(new Script(pieces, ends), options);
}

function startTimer(callback: () => void, milliseconds: number): Disposable {
  const timer = setTimeout(callback, milliseconds);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

async function allLines(wire: Wire): Promise<string[]> {
  const lines: string[] = [];
  for (
    let line = await wire.readLine();
    line !== null;
    line = await wire.readLine()
  ) lines.push(line);
  return lines;
}

// [what arrives, the lines]
const LINES: [string[], string[]][] = [
  [[], []],
  [["a\n"], ["a"]],
  [["a\r\nb\n\r\n\n"], ["a", "b", "", ""]],
  [["a", "b\r", "\nc", "\n"], ["ab", "c"]],
  [["a\rb\n"], ["a\rb"]],
  [["é\n"], ["é"]],
  [["\ufeffa\n\ufeff\n"], ["\ufeffa", "\ufeff"]],
];

for (const [pieces, lines] of LINES) {
  Deno.test(`Wire.readLine() reads ${JSON.stringify(pieces)}`, async () => {
    assertEquals(await allLines(wire(pieces)), lines);
    const octets = [...new TextEncoder().encode(pieces.join(""))];
    assertEquals(
      await allLines(wire(octets.map((octet) => new Uint8Array([octet])))),
      lines,
    );
  });
}

Deno.test("Wire.readLine() returns all lines, however they arrive", async () => {
  const line = fc.string({ maxLength: 50, unit: "grapheme" }).filter((text) =>
    !/[\r\n]/.test(text)
  );
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(fc.array(line), sizes, async (lines, sizes) => {
      const bytes = new TextEncoder().encode(
        lines.map((text) => text + "\n").join(""),
      );
      const pieces: Uint8Array[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i % sizes.length]!;
        pieces.push(bytes.subarray(at, at + size));
        at += size;
      }
      const read = await allLines(wire(pieces));
      assertEquals(read, lines);
    }),
  );
});

Deno.test("Wire.readLine() rejects if the data ends within a line", async () => {
  const error = await assertRejects(
    () => wire(["half"]).readLine(),
    WireError,
    '"half"',
  );
  assertEquals(error.code, "cut");
});

Deno.test("Wire.readLine() rejects a line over maxLineBytes, with or without an end", async () => {
  const options = { maxLineBytes: 5 };
  assertEquals(await wire(["1234\n"], options).readLine(), "1234");
  for (
    const pieces of [["12345\n"], ["1", "2", "3", "4", "5", "\n"], ["123456"]]
  ) {
    const error = await assertRejects(
      () => wire(pieces, options).readLine(),
      WireError,
      "over 5 bytes",
    );
    assertEquals(error.code, "too-long");
  }
});

Deno.test("Wire.readLine() reads lines longer than its buffer", async () => {
  const long = "x".repeat(50_000);
  assertEquals(await allLines(wire([`${long}\nb\n`])), [long, "b"]);
});

Deno.test("Wire.read() reads exactly as many bytes, and leaves the next ones", async () => {
  const mixed = wire(["ab", "cd\nrest"]);
  assertEquals(await mixed.read(3), new Uint8Array([97, 98, 99]));
  assertEquals(await mixed.readLine(), "d");
  assertEquals(await mixed.read(0), new Uint8Array(0));
  assertEquals(await mixed.read(4), new TextEncoder().encode("rest"));
  assertEquals(await mixed.read(1), null);
});

Deno.test("Wire.read() fails on too few or too many bytes, and on an invalid count", async () => {
  assertEquals(
    (await assertRejects(
      () => wire(["ab"]).read(3),
      WireError,
      "ended after 2",
    )).code,
    "cut",
  );
  assertEquals(
    (await assertRejects(
      () => wire(["ab"], { maxBytes: 1 }).read(2),
      WireError,
    )).code,
    "too-long",
  );
  for (const count of [-1, 1.5, NaN, Infinity]) {
    assertThrows(() => wire([]).read(count), RangeError);
  }
});

Deno.test("Wire.readAll() reads to the end, up to maxBytes", async () => {
  assertEquals(
    await wire(["ab", "c"]).readAll(),
    new TextEncoder().encode("abc"),
  );
  assertEquals(await wire([]).readAll(), new Uint8Array(0));
  const error = await assertRejects(
    () => wire(["ab", "c"], { maxBytes: 2 }).readAll(),
    WireError,
  );
  assertEquals(error.code, "too-long");
});

Deno.test("Wire.write() writes text as UTF-8, and bytes as they are", async () => {
  const script = new Script([]);
  const out = new Wire(script);
  await out.write("Knock é\n");
  await out.write(new Uint8Array([255, 0]));
  assertEquals(script.sent, "Knock \xc3\xa9\n\xff\0");
});

// [line, what is sent, or null if it would be read back as something else]
const WRITTEN_LINES: [string, string | null][] = [
  ["", "\n"],
  ["Knock \xe9", "Knock \xc3\xa9\n"],
  ["a\rb", "a\rb\n"],
  ["a\n", null],
  ["a\nb", null],
  ["\n", null],
  ["a\r", null],
  ["a\r\n", null],
];

for (const [line, sent] of WRITTEN_LINES) {
  const what = sent === null ? "refuses" : "writes";
  Deno.test(`Wire.writeLine() ${what} ${JSON.stringify(line)}`, async () => {
    const script = new Script([]);
    const out = new Wire(script);
    if (sent === null) {
      assertThrows(
        () => out.writeLine(line),
        TypeError,
        "a line end of its own",
      );
    } else await out.writeLine(line);
    assertEquals(script.sent, sent ?? "");
    const bytes = Uint8Array.from(script.sent, (char) => char.charCodeAt(0));
    assertEquals(await wire([bytes]).readLine(), sent === null ? null : line);
  });
}

Deno.test("Wire runs concurrent calls one after the other", async () => {
  const script = new Script(["one\ntwo\n12", "3", "three\n", "rest"]);
  const both = new Wire(script);
  const reads = [
    both.readLine(),
    both.readLine(),
    both.read(3),
    both.readLine(),
    both.readAll(),
  ];
  const words = ["first", "second", "third"];
  await Promise.all(words.map((word) => both.writeLine(word)));
  assertEquals(script.sent, "first\nsecond\nthird\n");
  const encoder = new TextEncoder();
  assertEquals<unknown>(await Promise.all(reads), [
    "one",
    "two",
    encoder.encode("123"),
    "three",
    encoder.encode("rest"),
  ]);
});

Deno.test("Wire runs the next call after one that failed", async () => {
  const options = { maxBytes: 2 };
  const both = wire(["123\n"], options);
  const [failed, line] = await Promise.allSettled([
    both.read(3),
    both.readLine(),
  ]);
  assertEquals(failed.status, "rejected");
  assertEquals(line, { status: "fulfilled", value: "123" });
});

Deno.test("Wire.close() rejects pending and later calls, and says why", async () => {
  const calls: [string, (silent: Wire) => Promise<unknown>][] = [
    ["read line", (silent) => silent.readLine()],
    ["read 1 bytes", (silent) => silent.read(1)],
    ["read all", (silent) => silent.readAll()],
    ["write", (silent) => silent.write(new Uint8Array(200_000))],
  ];
  for (const [name, start] of calls) {
    const silent = wire([], {}, false);
    const waiting = start(silent);
    await Promise.resolve();
    silent.close();
    for (const call of [waiting, start(silent)]) {
      const error = await assertRejects(
        () => call,
        WireError,
        `Cannot ${name}: the wire is closed`,
      );
      assertEquals(error.code, "closed");
    }
  }
});

Deno.test("Wire closes after its timeout", async () => {
  for (
    const start of [
      (silent: Wire) => silent.readLine(),
      (silent: Wire) => silent.read(1),
      (silent: Wire) => silent.readAll(),
      (silent: Wire) => silent.write(new Uint8Array(200_000)),
    ]
  ) {
    const script = new Script(["a"], false);
    const silent = new Wire(script, { timeout: 30, startTimer });
    if (String(start).includes("read(1)")) await silent.read(1);
    const error = await assertRejects(
      () => start(silent) as Promise<unknown>,
      WireError,
      "within 30 ms",
    );
    assertEquals([error.code, script.closes], ["timeout", 1]);
  }
});

Deno.test("Wire starts no timer for a timeout of Infinity", async () => {
  const options = {
    timeout: Infinity,
    startTimer: () => {
      throw new Error("started");
    },
  };
  assertEquals(await wire(["line\n"], options).readLine(), "line");
});

for (const timeout of [Infinity, 2 ** 31]) {
  Deno.test(`Wire waits for data with a timeout of ${timeout}`, async () => {
    const script = new Script(["line\n"]);
    const slow: Duplex = {
      read: async (view) => {
        await new Promise((done) => setTimeout(done, 20));
        return script.read(view);
      },
      write: (bytes) => script.write(bytes),
      close: () => script.close(),
    };
    await using wire = new Wire(slow, { timeout, startTimer });
    assertEquals([await wire.readLine(), script.closes], ["line", 0]);
  });
}

Deno.test("Wire refuses a timeout without startTimer", () => {
  assertThrows(
    () => wire([], { timeout: 30 }),
    TypeError,
    "startTimer is missing",
  );
});

Deno.test("Wire.close() closes once, even if `await using` closes again", async () => {
  const script = new Script([]);
  {
    await using closing = new Wire(script);
    closing.close();
  }
  assertEquals(script.closes, 1);
});
