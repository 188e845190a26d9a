import { assertEquals, assertThrows } from "@std/assert";
import { parseUrl, UrlError } from "../../url/mod.ts";

interface Case {
  readonly input: string;
  readonly base: string | null;
  readonly failure?: true;
  readonly [part: string]: unknown;
}

const text = await Deno.readTextFile(
  new URL("../cases/urls.jsonl", import.meta.url),
);
const CASES: readonly Case[] = text.trim().split("\n").map((line) =>
  JSON.parse(line)
);

/** The parts of a URL as the cases name them. */
function partsOf(input: string, base?: string): Record<string, unknown> {
  const url = parseUrl(input, base);
  const hasDefault = url.port === (url.protocol === "https" ? 443 : 80);
  return {
    href: url.href,
    protocol: `${url.protocol}:`,
    username: url.username,
    password: url.password,
    host: url.host,
    hostname: url.hostname,
    port: hasDefault ? "" : String(url.port),
    pathname: url.path,
    search: url.params ? `?${url.params}` : "",
    hash: url.fragment ? `#${url.fragment}` : "",
  };
}

Deno.test("parseUrl() parses every URL in the table as the URL standard says", () => {
  const accepted = CASES.filter((entry) => !entry.failure);
  assertEquals(accepted.length, 247);
  for (const { input, base, ...parts } of accepted) {
    assertEquals(partsOf(input, base ?? undefined), parts, `${input} ${base}`);
  }
});

Deno.test("parseUrl() refuses every invalid URL in the table", () => {
  const refused = CASES.filter((entry) => entry.failure);
  assertEquals(refused.length, 198);
  for (const { input, base } of refused) {
    assertThrows(
      () => parseUrl(input, base ?? undefined),
      UrlError,
      "Cannot parse ",
      `${input} ${base}`,
    );
  }
});

Deno.test("parseUrl() has no rule for drive letters, which only file: URLs have", () => {
  const rows: [input: string, base: string | undefined, href: string][] = [
    ["Z|/%2E%2e/", "https://example.org//x/../y?", "https://example.org//"],
    ["http://a/Z|/..", undefined, "http://a/"],
    ["http://a/b/C:/../q", undefined, "http://a/b/q"],
  ];
  for (const [input, base, href] of rows) {
    assertEquals(parseUrl(input, base).href, href, input);
  }
});
