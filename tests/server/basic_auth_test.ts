import { assert, assertEquals, assertThrows } from "@std/assert";
import { serve, withBasicAuth } from "../../server/mod.ts";
import { ask } from "./_files.ts";

const USERS = [
  { username: "ada", password: "18:15" },
  { username: "grace", password: "" },
  { username: "J\u00fcrgen", password: "gr\u00fc\u00df" },
];

/** The bytes of UTF-8, each as a character, in base64. */
function utf8(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

Deno.test("withBasicAuth() lets in users with the right password, and asks all others", async () => {
  await using server = serve(
    withBasicAuth(() => ({ status: 200, body: "in" }), USERS),
    { port: 0 },
  );
  const cases: readonly (readonly [string, number])[] = [
    [`Basic ${btoa("ada:18:15")}`, 200],
    [`basic  ${btoa("ada:18:15")}`, 200],
    [`Basic ${btoa("grace:")}`, 200],
    [`Basic ${utf8("J\u00fcrgen:gr\u00fc\u00df")}`, 200],
    [`Basic ${btoa("ada:18")}`, 401],
    [`Basic ${btoa("ada:18:15:")}`, 401],
    [`Basic ${btoa("ada:18:15 ")}`, 401],
    [`Basic ${btoa("Ada:18:15")}`, 401],
    [`Basic ${btoa("nobody:18:15")}`, 401],
    [`Basic ${btoa("ada")}`, 401],
    [`Basic ${btoa(":")}`, 401],
    [`Basic ${btoa("\xff\xfe:\xff")}`, 401],
    ["Basic", 401],
    ["Basic !", 401],
    [`Basic ${"A".repeat(6_000)}`, 401],
    [`Bearer ${btoa("ada:18:15")}`, 401],
    [btoa("ada:18:15"), 401],
  ];
  for (const [value, status] of cases) {
    const answer = await ask(server, "/", { Authorization: value });
    assertEquals(answer.status, status, value);
    assertEquals(
      answer.body,
      status === 200 ? "in" : "401 Unauthorized\n",
      value,
    );
  }
  const { field } = await ask(server, "/");
  assertEquals(
    field("www-authenticate"),
    'Basic realm="files", charset="UTF-8"',
  );
});

Deno.test("withBasicAuth() lets nobody in without users", async () => {
  await using server = serve(withBasicAuth(() => ({ status: 200 }), []), {
    port: 0,
  });
  assertEquals(
    (await ask(server, "/", { Authorization: `Basic ${btoa(":")}` })).status,
    401,
  );
});

Deno.test("withBasicAuth() refuses users whom the word undefined would let in", () => {
  const cases: readonly (readonly [user: unknown, fault: string])[] = [
    [{ username: "ada" }, "not a string"],
    [{ username: "ada", password: undefined }, "not a string"],
    [{ username: "ada", password: null }, "not a string"],
    [{ username: "ada", password: 1815 }, "not a string"],
    [{ user: "ada", pass: "1815" }, "not a string"],
    ["ada:1815", "not a string"],
    [{ username: "a:da", password: "1815" }, "has a colon"],
    [{ username: "ada", password: "18\n15" }, "has a control character"],
  ];
  for (const [user, fault] of cases) {
    const users = [USERS[0], user] as typeof USERS;
    assertThrows(
      () => withBasicAuth(() => ({ status: 200 }), users),
      TypeError,
      fault,
      Deno.inspect(user),
    );
  }
});

Deno.test("withBasicAuth() does not call its handler for those it refuses", async () => {
  let calls = 0;
  const handler = () => {
    calls++;
    return { status: 200 };
  };
  await using server = serve(withBasicAuth(handler, USERS), { port: 0 });
  await ask(server, "/", { Authorization: `Basic ${btoa("ada:x")}` });
  assert(calls === 0);
});
