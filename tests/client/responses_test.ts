import { assert, assertEquals } from "@std/assert";
import { ClientError, request } from "../../client/mod.ts";
import { latin1, octets } from "./_server.ts";

/**
 * One line of `tests/cases/responses.jsonl`; each character of a text is one
 * octet.
 */
interface Case {
  name: string;
  raw: string;
  method: string;
  eof: boolean;
  expect: "accept" | "reject" | "either";
  status?: number;
  headers?: Record<string, string | string[]>;
  body?: string;
  decoded?: string;
  end?: string;
  fold_sp?: boolean;
}

const cases: Case[] = Deno.readTextFileSync(
  new URL("../cases/responses.jsonl", import.meta.url),
).trim().split("\n").map((line) => JSON.parse(line));

/** Responds once with the bytes of a case, in pieces of one size. */
async function respondOnce(
  listener: Deno.Listener,
  { raw, eof }: Case,
  size: number,
): Promise<void> {
  using conn = await listener.accept() as Deno.TcpConn;
  const block = new Uint8Array(65_536);
  try {
    await conn.read(block);
    const bytes = octets(raw);
    for (let at = 0; at < bytes.length; at += size) {
      let rest = bytes.subarray(at, at + size);
      while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
    }
    if (eof) await conn.closeWrite();
    while (await conn.read(block) !== null);
  } catch (error) {
    // the client may close as soon as it knows enough
    if (
      !(error instanceof Deno.errors.BrokenPipe ||
        error instanceof Deno.errors.ConnectionReset)
    ) throw error;
  }
}

async function ask(one: Case, size: number): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const responding = respondOnce(listener, one, size);
  const { port } = listener.addr as Deno.NetAddr;
  try {
    await using response = await request(`http://127.0.0.1:${port}/`, {
      method: one.method,
      redirect: "manual",
      decode: true,
      idleTimeout: 2_000,
    });
    const body = latin1(await response.bytes());
    assert(one.expect !== "reject", `accepted, must be refused: ${one.end}`);
    check(one, response.status, response.end, body);
    for (const [name, value] of Object.entries(one.headers ?? {})) {
      const found = Array.isArray(value)
        ? response.headers.getAll(name)
        : response.headers.get(name);
      const alike = (text: unknown) =>
        one.fold_sp ? String(text).replace(/ +/g, " ") : text;
      assertEquals(alike(found), alike(value), name);
    }
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    assert(one.expect !== "accept", error.message);
    if (one.expect === "reject") {
      assertEquals(
        error.code,
        CODES[one.end!]?.find((code) => code === error.code),
        error.message,
      );
    }
  }
  await responding;
}

function check(one: Case, status: number, end: string, body: string): void {
  if (one.expect !== "accept") return;
  assertEquals(status, one.status);
  assertEquals(end, one.end);
  assertEquals(body, one.decoded ?? one.body);
}

/** The codes that an error may have, for each reason in the cases. */
const CODES: Record<string, string[]> = {
  malformed: ["malformed"],
  truncated: ["truncated", "malformed"],
  limit: ["head-too-large", "malformed", "too-large"],
  empty: ["empty-reply", "truncated"],
  coding: ["coding"],
};

for (const one of cases) {
  if (one.name.startsWith("redir-")) continue; // redirect_test.ts
  Deno.test(`request() reads case ${one.name}`, async () => {
    await ask(one, Infinity);
    if (one.raw.length <= 300) await ask(one, 1);
  });
}
