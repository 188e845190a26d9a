// What the command prints at the start, without a process.

import { assertEquals, assertRejects } from "@std/assert";
import * as uqr from "npm:uqr@~0.1.3";
import { CommandError } from "../../command/errors.ts";
import { parseOptions } from "../../server/_command/options.ts";
import { bannerOf } from "../../server/_command/output.ts";
import type { HttpServer } from "../../server/mod.ts";

/** Returns the banner of a server that listens on an address. */
function banner(
  hostname: string,
  args: readonly string[] = [],
  protocol = "http",
): Promise<string> {
  const addr = { transport: "tcp", hostname, port: 8000 } as const;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const server = { addr, url: `${protocol}://${host}:8000/` } as HttpServer;
  return bannerOf(server, parseOptions([...args, "."]));
}

/** Returns what it says is exposed beyond the defaults. */
async function exposed(hostname: string, args: readonly string[]) {
  const lines = (await banner(hostname, args)).split("\n");
  return lines.filter((line) => line.startsWith("Exposed: "))
    .map((line) => line.slice("Exposed: ".length));
}

/** Fakes the addresses of the machine, and a terminal, for a while. */
function pretend(
  addresses:
    readonly (readonly [Deno.NetworkInterfaceInfo["family"], string])[],
): Disposable {
  const { networkInterfaces, stdout } = Deno;
  const { isTerminal } = stdout;
  Deno.networkInterfaces = () =>
    addresses.map(([family, address]) =>
      ({ family, address }) as Deno.NetworkInterfaceInfo
    );
  stdout.isTerminal = () => true;
  return {
    [Symbol.dispose]() {
      Deno.networkInterfaces = networkInterfaces;
      stdout.isTerminal = isTerminal;
    },
  };
}

const INTERFACES = [
  ["IPv4", "127.0.0.1"],
  ["IPv6", "::1"],
  ["IPv6", "FE80::1"],
  ["IPv4", "192.0.2.7"],
  ["IPv6", "2001:db8::7"],
] as const;

Deno.test("bannerOf() names the addresses that this machine and others reach", async () => {
  using _ = pretend(INTERFACES);
  const cases: Record<string, readonly string[]> = {
    "127.0.0.1": ["http://127.0.0.1:8000/"],
    "192.0.2.7": ["http://192.0.2.7:8000/"],
    "::1": ["http://[::1]:8000/"],
    "0.0.0.0": ["http://127.0.0.1:8000/", "http://192.0.2.7:8000/"],
    "::": [
      "http://[::1]:8000/",
      "http://192.0.2.7:8000/",
      "http://[2001:db8::7]:8000/",
    ],
  };
  for (const [host, urls] of Object.entries(cases)) {
    const lines = (await banner(host)).split("\n");
    const isPublic = !/^(?:127|::1)/.test(host);
    assertEquals(lines, [
      'Serving "." at',
      ...urls.map((url) => `  ${url}`),
      ...isPublic ? ["Exposed: to everyone who can reach this machine"] : [],
    ]);
  }
  const [, local] = (await banner("0.0.0.0", [], "https")).split("\n");
  assertEquals(local, "  https://127.0.0.1:8000/");
});

Deno.test("bannerOf() says that there may be more addresses if it is not allowed to look", async () => {
  using _ = pretend(INTERFACES);
  const { querySync } = Deno.permissions;
  Deno.permissions.querySync = () =>
    ({ state: "prompt" }) as Deno.PermissionStatus;
  try {
    assertEquals((await banner("0.0.0.0")).split("\n").slice(1, 3), [
      "  http://127.0.0.1:8000/",
      "  (--allow-sys=networkInterfaces shows more)",
    ]);
  } finally {
    Deno.permissions.querySync = querySync;
  }
});

Deno.test("bannerOf() says what is exposed beyond the defaults", async () => {
  const everyone = "to everyone who can reach this machine";
  const passwords = "passwords, which are sent without TLS";
  const file = new URL("../../deno.json", import.meta.url).pathname;
  const cases: [string, string[], string[]][] = [
    ["127.0.0.1", [], []],
    ["127.0.0.1", ["--auth-file", file], []],
    ["192.0.2.7", [], [everyone]],
    ["192.0.2.7", ["--auth-file", file], [everyone, passwords]],
    ["192.0.2.7", ["--auth-file", file, "--cert", file], [everyone]],
    ["127.0.0.1", ["--cors"], ["to web pages of any origin"]],
    [
      "127.0.0.1",
      ["--cors=https://a.example"],
      ['to web pages of "https://a.example"'],
    ],
    ["127.0.0.1", ["--allowed-hosts", "a.example"], []],
    ["127.0.0.1", ["--allowed-hosts", "*"], ["under any host name"]],
    ["127.0.0.1", ["--dotfiles"], ["files whose names start with a dot"]],
    ["127.0.0.1", ["--follow-symlinks"], [
      "files outside the directory, through links",
    ]],
  ];
  for (const [host, args, expected] of cases) {
    assertEquals(await exposed(host, args), expected, args.join(" "));
  }
});

Deno.test("bannerOf() draws the address on the network as a QR code, white on black", async () => {
  using _ = pretend(INTERFACES);
  for (const host of ["0.0.0.0", "192.0.2.7"]) {
    const lines = (await banner(host, ["--qr"])).split("\n");
    const picture = uqr.renderUnicodeCompact("http://192.0.2.7:8000/", {
      border: 2,
    }).split("\n");
    assertEquals(
      lines.slice(-picture.length),
      Deno.noColor
        ? picture
        : picture.map((line) => `\x1b[97;40m${line}\x1b[0m`),
    );
  }
});

Deno.test("bannerOf() draws no QR code that nobody could use", async () => {
  const { error } = console;
  const told: unknown[] = [];
  console.error = (text) => told.push(text);
  try {
    using _ = pretend([]);
    const plain = await banner("0.0.0.0");
    assertEquals(await banner("0.0.0.0", ["--qr"]), plain);
    assertEquals(told, [
      "Cannot draw a QR code: no address on the network is known",
    ]);
    await assertRejects(() => banner("127.0.0.1", ["--qr"]), CommandError);
    Deno.stdout.isTerminal = () => false;
    const shown = await banner("192.0.2.7");
    assertEquals(await banner("192.0.2.7", ["--qr"]), shown);
    assertEquals(told.length, 1);
  } finally {
    console.error = error;
  }
});
