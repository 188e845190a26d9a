import { assertEquals } from "@std/assert";
import { parseOptions } from "../../server/_command/options.ts";

Deno.test("parseOptions() reads the values of flags, in their units", () => {
  type Name = keyof ReturnType<typeof parseOptions>;
  const cases: readonly (readonly [Name, string, unknown])[] = [
    ["cache-size", "0", 0],
    ["cache-size", "7", 7],
    ["cache-size", "2K", 2_048],
    ["cache-size", "3m", 3_145_728],
    ["cache-size", "9999G", 9_999 * 2 ** 30],
    ["allowed-hosts", "*", "*"],
    ["allowed-hosts", "a.example", ["a.example"]],
    ["allowed-hosts", "a.example, b.example", ["a.example", "b.example"]],
    ["cors", "*", "*"],
    ["cors", "https://a.example", "https://a.example"],
    ["port", "0", 0],
    ["port", "65535", 65_535],
    ["type", ".Own=model/own", [["own", "model/own"]]],
    ["header", "A:  b ", [["A", "b"]]],
    ["trusted-proxies", "unix,::1/128", ["unix", "::1/128"]],
  ];
  for (const [name, text, value] of cases) {
    const options = parseOptions([`--${name}=${text}`]);
    assertEquals(options[name], value, `${name} ${text}`);
  }
});
