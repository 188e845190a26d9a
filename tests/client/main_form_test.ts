import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { CommandError } from "../../command/errors.ts";
import { openFile } from "../../client/_command/input.ts";
import { closedPort, latin1, octets, ok, serveRaw } from "./_server.ts";
import { run } from "./_memory_io.ts";

/** Runs a test in a new folder with some files, as the working directory. */
async function withFiles(test: () => Promise<void>): Promise<void> {
  const cwd = Deno.cwd();
  const folder = await Deno.makeTempDir();
  Deno.chdir(folder);
  try {
    await Deno.writeTextFile("photo.jpg", "JPEG\nDATA\n");
    await Deno.writeTextFile("a;b,c.txt", "AB");
    await Deno.writeTextFile('q"\\.txt', "Q");
    await Deno.writeFile("latin1", octets("caf\xe9\n"));
    await Deno.writeTextFile("empty.png", "");
    await test();
  } finally {
    Deno.chdir(cwd);
    await Deno.remove(folder, { recursive: true });
  }
}

/** A value of `-F`, and its part after `form-data; name="f"`. */
const PARTS: readonly (readonly [value: string, part: string])[] = [
  ["f=text", "\r\n\r\ntext"],
  ["f=", "\r\n\r\n"],
  ["f=two\nlines", "\r\n\r\ntwo\nlines"],
  ["f=a;b=c; d", "\r\n\r\na;b=c; d"],
  ["f=a=b", "\r\n\r\na=b"],
  ["f=é€", "\r\n\r\n\xc3\xa9\xe2\x82\xac"],
  ['f="red; green"', "\r\n\r\nred; green"],
  ['f="a\\"b\\\\c\\d"', '\r\n\r\na"b\\c\\d'],
  ['f="a" and b', '\r\n\r\n"a" and b'],
  ["f=(draft)", "\r\n\r\n(draft)"],
  ["f=x;type=text/html", "\r\nContent-Type: text/html\r\n\r\nx"],
  [
    'f="a;b" ; type=text/x; q="1;2"',
    '\r\nContent-Type: text/x; q="1;2"\r\n\r\na;b',
  ],
  [
    'f={"a":1};type=application/json',
    '\r\nContent-Type: application/json\r\n\r\n{"a":1}',
  ],
  [
    "f=x;filename=a.txt",
    '; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nx',
  ],
  [
    "f=css;filename=html",
    '; filename="html"\r\nContent-Type: application/octet-stream\r\n\r\ncss',
  ],
  [
    "f=@photo.jpg;filename=x",
    '; filename="x"\r\nContent-Type: image/jpeg\r\n\r\nJPEG\nDATA\n',
  ],
  ['f=x;headers="X-A: b"', "\r\nX-A: b\r\n\r\nx"],
  [
    "f=@photo.jpg",
    '; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\nJPEG\nDATA\n',
  ],
  [
    "f=@photo.jpg ; type=image/png ; filename= n.png",
    '; filename="n.png"\r\nContent-Type: image/png\r\n\r\nJPEG\nDATA\n',
  ],
  [
    "f=@photo.jpg;type=text/plain;charset=utf-8",
    '; filename="photo.jpg"\r\nContent-Type: text/plain;charset=utf-8\r\n\r\nJPEG\nDATA\n',
  ],
  [
    'f=@photo.jpg;filename="my \\"photo;1\\".jpg"',
    '; filename="my %22photo;1%22.jpg"\r\nContent-Type: image/jpeg\r\n\r\nJPEG\nDATA\n',
  ],
  [
    "f=@photo.jpg;filename=x=y.png",
    '; filename="x=y.png"\r\nContent-Type: image/png\r\n\r\nJPEG\nDATA\n',
  ],
  [
    'f=@photo.jpg;headers="X-A: b; c";headers=X-D: é',
    '; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\nX-A: b; c\r\nX-D: \xc3\xa9\r\n\r\nJPEG\nDATA\n',
  ],
  [
    'f=@"a;b,c.txt"',
    '; filename="a;b,c.txt"\r\nContent-Type: text/plain\r\n\r\nAB',
  ],
  [
    'f=@"q\\"\\\\.txt";type=a/b',
    '; filename="q%22\\.txt"\r\nContent-Type: a/b\r\n\r\nQ',
  ],
  ["f=<latin1", "\r\n\r\ncaf\xe9\n"],
  [
    "f=<latin1;type=text/plain",
    "\r\nContent-Type: text/plain\r\n\r\ncaf\xe9\n",
  ],
  [
    "f=@empty.png",
    '; filename="empty.png"\r\nContent-Type: image/png\r\n\r\n',
  ],
  [
    "f=@-;type=a/b",
    '; filename="-"\r\nContent-Type: a/b\r\n\r\nfrom stdin\n',
  ],
];

for (const [value, part] of PARTS) {
  Deno.test(`main() sends -F ${JSON.stringify(value)} as curl does`, async () => {
    await withFiles(async () => {
      await using server = serveRaw(() => ({ raw: ok("") }));
      const stdin = "from stdin\n";
      const result = await run(["-F", value, server.url], { stdin });
      assertEquals([result.code, result.err], [0, ""]);
      const [head, ...rest] = server.requests[0]!.split("\r\n\r\n");
      const boundary = /boundary=(\S+)$/m.exec(head!)![1];
      assertEquals(
        rest.join("\r\n\r\n"),
        `--${boundary}\r\nContent-Disposition: form-data; name="f"${part}\r\n--${boundary}--\r\n`,
      );
    });
  });
}

/** Values that would be sent literally, or not as they were meant. */
const REFUSED: readonly (readonly [value: string, code: number])[] = [
  ["f=@photo.jpg;bogus=1", 2],
  ["f=@photo.jpg;", 2],
  ["f=@photo.jpg;type=", 2],
  ["f=@photo.jpg;type=png", 2],
  ["f=@photo.jpg;encoder=base64", 2],
  ["f=text;encoder=quoted-printable", 2],
  ["f=@photo.jpg;headers=no colon", 2],
  ['f=@photo.jpg;headers="A: b\r\nC: d"', 2],
  ["f=@photo.jpg;type=a/b\r\nX: y", 2],
  ["f=@photo.jpg,latin1", 2],
  ["f=@a;b,c.txt", 2],
  ['f=@"photo.jpg', 26],
  ["f=@none.jpg", 26],
  ["f=@", 26],
  ["f=@.", 26],
  ["f=(;type=multipart/mixed", 2],
  ["=text", 2],
];

for (const [value, code] of REFUSED) {
  Deno.test(`main() refuses -F ${JSON.stringify(value)}`, async () => {
    await withFiles(async () => {
      const url = `http://127.0.0.1:${closedPort()}/`;
      const result = await run(["-F", value, url]);
      assertEquals(result.code, code, result.err);
      assertMatch(result.err, /^knock: Cannot read "[^\n]*\n$/);
    });
  });
}

Deno.test("main() quotes what it cannot read in a part of -F", async () => {
  await withFiles(async () => {
    for (const rest of [";bogus=1", ";type=png", ";filename=a;type="]) {
      const args = ["-F", `f=@photo.jpg${rest}`, "http://a.test/"];
      const { err } = await run(args);
      const start = `knock: Cannot read ${JSON.stringify(rest)} in a part of`;
      assertEquals(err.slice(0, start.length), start);
    }
  });
});

const TYPES: readonly (readonly [given: string, sent: RegExp])[] = [
  ["multipart/form-data", /^multipart\/form-data; boundary=(knock-\w+)$/],
  ["multipart/mixed; a=b", /^multipart\/mixed; a=b; boundary=(knock-\w+)$/],
  [
    "multipart/form-data; boundary=mine",
    /^multipart\/form-data; boundary=(knock-\w+)$/,
  ],
  [
    'multipart/form-data; boundary="my-own"; a=b',
    /^multipart\/form-data; a=b; boundary=(knock-\w+)$/,
  ],
];

for (const [given, sent] of TYPES) {
  Deno.test(`main() -F adds its boundary to ${given}`, async () => {
    await using server = serveRaw(() => ({ raw: ok("") }));
    await run(["-F", "a=b", "-H", `Content-Type: ${given}`, server.url]);
    const [head, body] = server.requests[0]!.split("\r\n\r\n");
    const types = [...head!.matchAll(/^Content-Type: (.*)\r?$/gm)];
    assertEquals(types.length, 1);
    assertMatch(types[0]![1]!, sent);
    assertEquals(
      body!.startsWith(`--${sent.exec(types[0]![1]!)![1]}\r\n`),
      true,
    );
  });
}

Deno.test("main() reads the files of -F while it sends them", async () => {
  await withFiles(async () => {
    await using server = serveRaw(() => ({ raw: ok("") }));
    const bytes = new Uint8Array(200_000).map((_, index) => index * 7 >> 2);
    await Deno.writeFile("big", bytes);
    const args = ["-F", "a=@big", "-F", "b=c", "-F", "d=@big", server.url];
    assertEquals((await run(args)).code, 0);
    const request = server.requests[0]!;
    assertEquals(request.split(latin1(bytes)).length, 3);
  });
});

Deno.test("openFile() reads a file whose size is wrong, as in /sys", async () => {
  const path = "/sys/devices/system/cpu/online";
  const text = await Deno.readTextFile(path).catch(() => null);
  if (text === null) return; // this system has no such files
  const { signal } = new AbortController();
  const { size, stream } = await openFile(path, { stdin: Deno.stdin, signal });
  assertEquals(size, text.length);
  assertEquals(await new Response(stream()).text(), text);
});

/** How a file of 500,000 bytes changes, its new size, and the bytes sent. */
const CHANGES: readonly (readonly [how: string, size: number, sent: number])[] =
  [["grows", 600_000, 500_000], ["shrinks", 400_000, NaN]];

for (const [how, newSize, sent] of CHANGES) {
  Deno.test(`openFile() keeps to the first size of a file that ${how} before it is sent`, async () => {
    await withFiles(async () => {
      await Deno.writeFile("log", new Uint8Array(500_000));
      const { stdin } = Deno;
      const { signal } = new AbortController();
      const { size, stream } = await openFile("log", { stdin, signal });
      assertEquals(size, 500_000);
      await Deno.truncate("log", newSize);
      const sending = new Response(stream()).bytes();
      if (sent > 0) return assertEquals((await sending).length, sent);
      const problem = 'Cannot read "log": it has shrunk';
      const error = await assertRejects(() => sending, CommandError, problem);
      assertEquals(error.exitCode, 26);
    });
  });
}
