import { assertEquals, assertThrows } from "@std/assert";
import { CommandError, readText } from "../../command/errors.ts";
import { parseUsers, secretFiles } from "../../server/_command/files.ts";
import { parseOptions } from "../../server/_command/options.ts";
import { octets } from "./_raw.ts";

Deno.test("parseUsers() reads users whatever the editor, and refuses what it could misread", async () => {
  const path = await Deno.makeTempFile();
  const cases: readonly (readonly [string, [string, string][] | string])[] = [
    ["ada:1815\n", [["ada", "1815"]]],
    ["ada:1815", [["ada", "1815"]]],
    ["ada:1815\r\ngrace:cobol\r\n", [["ada", "1815"], ["grace", "cobol"]]],
    ["\xef\xbb\xbfada:1815\n", [["ada", "1815"]]],
    ["# people\n\nada:18:15\n", [["ada", "18:15"]]],
    ["ada:\n", [["ada", ""]]],
    ["ada:a b{}$c\n", [["ada", "a b{}$c"]]],
    ["J\xc3\xbcrgen:gr\xc3\xbc\xc3\x9f\n", [["J\xfcrgen", "gr\xfc\xdf"]]],
    ["", "it names no user"],
    ["# nobody\n", "it names no user"],
    ["\xef\xbb\xbf", "it names no user"],
    ["ada\n", 'line 1 is not "user:password"'],
    ["a:b\n\nada\n", 'line 3 is not "user:password"'],
    [":1815\n", 'line 1 is not "user:password"'],
    ["a:b\nada:\xff\n", "line 2 has bytes that are not UTF-8"],
    ["J\xfcrgen:x\n", "line 1 has bytes that are not UTF-8"],
    ["\xff\xfea\0:\0b\0", "line 1 has bytes that are not UTF-8"],
    ["a:b\rc:d\r", "line 1 has a control character"],
    ["ada:18\t15\n", "line 1 has a control character"],
    ["ada:1815 \n", "line 1 has a space around its user or password"],
    [" ada:1815\n", "line 1 has a space around its user or password"],
    ["ada: 1815\n", "line 1 has a space around its user or password"],
    ["ada :1815\n", "line 1 has a space around its user or password"],
    ["a:1\nb:2\na:3\n", "line 3 repeats a user"],
    ...[
      "$apr1$salt$hash",
      "$2y$05$abcdefghijklmnopqrstuu",
      "$1$a$b",
      "$5$a$b",
      "$6$rounds=5000$a$b",
      "$y$j9T$a$b",
      "$argon2id$v=19$m=1",
      "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
      "{SSHA}abc",
      "{BLF-CRYPT}$2y$05$a",
      "$pbkdf2-sha256$29000$a",
      "$sha1$40000$a",
    ].map((hash) =>
      [
        `ada:${hash}\n`,
        "line 1 has a hash instead of a password in plain text",
      ] as const
    ),
  ];
  for (const [bytes, expected] of cases) {
    await Deno.writeFile(path, octets(bytes));
    const text = await readText(path, 1);
    if (typeof expected === "string") {
      const error = assertThrows(() => parseUsers("u", text), CommandError);
      assertEquals(error.message, `Cannot read "u": ${expected}`);
      continue;
    }
    const users = parseUsers("u", text);
    assertEquals(
      users.map(({ username, password }) => [username, password]),
      expected,
      text,
    );
  }
  await Deno.remove(path);
});

Deno.test("secretFiles() leaves out what is not a file, because it cannot be served", () => {
  for (const [path, count] of [["/dev/null", 0], ["deno.json", 1]] as const) {
    const found = secretFiles(parseOptions(["--auth-file", path]));
    assertEquals([path, found.length], [path, count]);
  }
});
