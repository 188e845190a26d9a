import { assertEquals, assertThrows } from "@std/assert";
import { CommandError } from "../../command/errors.ts";
import { parseOptions } from "../../server/_command/options.ts";

Deno.test("parseOptions() reads the values of flags, in their units", () => {
  type Name = keyof ReturnType<typeof parseOptions>;
  const cases: readonly (readonly [Name, string, unknown])[] = [
    ["cache-size", "0", 0],
    ["cache-size", "7", 7],
    ["cache-size", "67108864", 67_108_864],
    ["cache-size", "2K", 2_048],
    ["cache-size", "3m", 3_145_728],
    ["cache-size", "64B", 64],
    ["cache-size", "1T", 2 ** 40],
    ["cache-size", "999999999999", 999_999_999_999],
    ["cache-size", "9999G", 9_999 * 2 ** 30],
    ["allowed-hosts", "*", "*"],
    ["allowed-hosts", "a.example", ["a.example"]],
    ["allowed-hosts", "a.example, b.example", ["a.example", "b.example"]],
    ["cors", "*", "*"],
    ["cors", "https://a.example", "https://a.example"],
    ["port", "0", 0],
    ["cache-ttl", "0", 0],
    ["cache-ttl", "86400", 86_400],
    ["max-age", "0", 0],
    ["max-age", "31536000", 31_536_000],
    ["max-connections", "1", 1],
    ["max-connections", "1000000", 1_000_000],
    ["workers", "1", 1],
    ["workers", "256", 256],
    ["port", "65535", 65_535],
    ["type", ".Own=model/own", [["Own", "model/own"]]],
    ["header", "A:  b ", [["A", "b"]]],
    ["trusted-proxies", "unix,10.0.0.0/8", ["unix", "400001010"]],
    ["trusted-proxies", "UNIX, FE80::/10", ["unix", "61111111010"]],
  ];
  for (const [name, text, value] of cases) {
    const options = parseOptions([`--${name}=${text}`]);
    assertEquals(options[name], value, `${name} ${text}`);
  }
});

Deno.test("parseOptions() refuses values out of range, or without effect", () => {
  const cases = {
    "allowed-hosts": ["*.example", ".example", "a.example,.b.example", "a,,b"],
    "trusted-proxies": [
      ...["10.0.0.0/33", "::1/129", "1.2.3", "10.0.0.0/8,", "127.0.0.1:80"],
      ...["10.0.0.0/8/9", "10.0.0.0/255.0.0.0", "10.0.0.0/-1", "[::1]", "*"],
    ],
    "port": ["65536", "-1", "1.5", ""],
    "cache-ttl": ["86401"],
    "max-age": ["31536001"],
    "max-connections": ["0", "1000001"],
    "workers": ["0", "257"],
    "cache-size": ["1P", "1000000000000", "64MB", ""],
  };
  for (const [name, texts] of Object.entries(cases)) {
    for (const text of texts) {
      assertThrows(() => parseOptions([`--${name}=${text}`]), CommandError);
    }
  }
});
