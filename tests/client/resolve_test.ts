import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  ClientError,
  resolveHost,
  type ResolveOptions,
} from "../../client/mod.ts";

/** Hosts that need no resolver, their addresses, and where these are from. */
const LITERALS = [
  ["127.0.0.1", "127.0.0.1", "literal"],
  ["[::1]", "::1", "literal"],
  ["[2001:db8::1]", "2001:db8::1", "literal"],
  ["localhost", "127.0.0.1 ::1", "localhost"],
  ["A.Localhost", "127.0.0.1 ::1", "localhost"],
] as const;

for (const [host, addresses, source] of LITERALS) {
  Deno.test(`resolveHost() finds ${addresses} for ${host}`, async () => {
    const found = await resolveHost(host, 80);
    assertEquals(found, { addresses: addresses.split(" "), source });
  });
}

Deno.test("resolveHost() says of which family a name has no address", async () => {
  const offline = "DNS does not answer: maybe there is no network";
  for (
    const [options, reason] of [
      [{}, "this name has no address"],
      [{ family: 4 }, "this name has no IPv4 address"],
      [{ family: 6 }, "this name has no IPv6 address"],
    ] as const
  ) {
    const { message } = await assertRejects(
      () => resolveHost("no-such-host.invalid", 80, options),
      ClientError,
    );
    const act = 'Cannot find host "no-such-host.invalid"';
    const isOffline = message === `${act}: ${offline}`;
    if (!isOffline) assertEquals(message, `${act}: ${reason}`);
  }
});

/** A name in the hosts file that has an IPv4 address only, and that address. */
function nameInHostsFile(): readonly [address: string, name: string] | null {
  const lines = Deno.readTextFileSync("/etc/hosts").split("\n")
    .map((line) => line.split("#")[0]!.trim().split(/\s+/));
  const namesOfIpv6 = lines.filter(([ip]) => ip?.includes(":")).flat();
  for (const [ip = "", ...names] of lines) {
    const name = names.find((one) =>
      !/localhost/.test(one) && !namesOfIpv6.includes(one)
    );
    if (/^[\d.]+$/.test(ip) && name !== undefined) return [ip, name];
  }
  return null;
}

const HOST = nameInHostsFile();

Deno.test(
  "resolveHost() asks the system for one family only, if one is given",
  {
    ignore: HOST === null,
  },
  async () => {
    const [address, name] = HOST!;
    const { addresses } = await resolveHost(name, 80, { family: 4 });
    assertEquals(addresses[0], address);
    const looking = () => resolveHost(name, 80, { family: 6 });
    await assertRejects(looking, ClientError);
  },
);

Deno.test("resolveHost() rejects with the reason of its signal", async () => {
  const reason = new Error("no longer needed");
  const options: ResolveOptions = { signal: AbortSignal.abort(reason) };
  for (const name of ["no-such-host.invalid", HOST?.[1] ?? "a.invalid"]) {
    const looking = () => resolveHost(name, 80, options);
    assertEquals(await assertRejects(looking), reason);
  }
});

Deno.test("resolveHost() does not touch a hosts file that it may not read", {
  ignore: HOST === null,
  permissions: { net: true },
}, async () => {
  const { readTextFileSync } = Deno;
  let reads = 0;
  Deno.readTextFileSync = (path) => {
    reads++;
    return readTextFileSync(path);
  };
  try {
    const { source } = await resolveHost(HOST![1], 80);
    assertEquals([source, reads], ["system", 0]);
  } finally {
    Deno.readTextFileSync = readTextFileSync;
  }
});

Deno.test("resolveHost() names the permission that it lacks", {
  permissions: { net: ["127.0.0.1"] },
}, async () => {
  const { message } = await assertRejects(
    () => resolveHost("a.invalid", 80),
    Deno.errors.NotCapable,
  );
  assertMatch(message, /^Requires net access to "a.invalid".* --allow-net /);
});

Deno.test("resolveHost() says whether DNS is silent, or what else the system said", async () => {
  const program = `
    import { resolveHost } from "${import.meta.resolve("../../client/mod.ts")}";
    for (const code of ["EAI_AGAIN", "EAI_FAIL", "ENOTFOUND"]) {
      globalThis.systemError = Object.assign(new Error("as it is"), { code });
      await resolveHost("a.test", 80).catch((error) =>
        console.log(error.message)
      );
    }`;
  const lookup =
    "export const lookup = () => Promise.reject(globalThis.systemError);";
  const script = (text: string) =>
    `data:text/javascript,${encodeURIComponent(text)}`;
  const imports = { "node:dns/promises": script(lookup) };
  const map = `data:application/json,${
    encodeURIComponent(JSON.stringify({ imports }))
  }`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-config", `--import-map=${map}`, script(program)],
    signal: AbortSignal.timeout(20_000),
  }).output();
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(stderr), "");
  assertEquals(decoder.decode(stdout).trimEnd().split("\n"), [
    'Cannot find host "a.test": DNS does not answer: maybe there is no network',
    'Cannot find host "a.test": as it is',
    'Cannot find host "a.test": this name has no address',
  ]);
});
