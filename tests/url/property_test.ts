import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@^4.10.2";
import {
  parseHost,
  parseUrl,
  percentDecode,
  type Url,
  UrlError,
} from "../../url/mod.ts";
import {
  normalEnd,
  parseParts,
  rareUrl,
  writeParts,
} from "../../url/_parts.ts";
import {
  anything,
  base,
  host,
  partText,
  soup,
  structured,
} from "./_arbitraries.ts";

// The platform's URL is the reference. Where it departs from the URL standard,
// its result is corrected here, or the input is skipped:
//
// - 1.3: the path percent-encode set has U+005E (^), which the platform leaves.
// - 3.3: a domain in ASCII is only lower-cased. The platform refuses wrong
//   Punycode.
// - 3.3: UTS #46 drops and maps more characters since Unicode 16. The platform's
//   tables are older (and ours too, for what is new in Unicode 16 and 17).
// - 4.2, "shorten a URL's path": only file: URLs keep a segment such as C: or
//   C|. The platform keeps it in all URLs.
// - 4.4, "special authority ignore slashes state": a relative reference may have
//   more than two slashes before its host. The platform refuses it.

/** The parts of a URL that are compared, or null if it is refused. */
type Reading = Record<string, string | null> | null;

function readByPlatform(text: string, from: string | undefined): Reading {
  const url = URL.parse(withTwoSlashes(text, from), from);
  if (url === null || !/^https?:$/.test(url.protocol)) return null;
  const path = url.pathname.replaceAll("^", "%5E");
  const start = url.href.indexOf("/", "https://".length);
  const end = start + url.pathname.length;
  return {
    href: url.href.slice(0, start) + path + url.href.slice(end),
    protocol: url.protocol,
    username: url.username,
    password: url.password,
    host: url.host,
    hostname: url.hostname,
    path,
    search: url.search,
    hash: url.hash,
  };
}

/** Removes the additional slashes that the platform refuses. */
function withTwoSlashes(text: string, from: string | undefined): string {
  if (from === undefined) return text;
  // Well-formed first, so that no surrogate halves join.
  const cleaned = text.toWellFormed().replace(/^[\0- ]+/, "")
    .replace(/[\t\n\r]/g, "");
  return cleaned.replace(/^[/\\]{3,}/, "//");
}

function read(text: string, from: string | undefined): Reading {
  const url = tryParse(text, from);
  if (url === null) return null;
  return {
    href: url.href,
    protocol: `${url.protocol}:`,
    username: url.username,
    password: url.password,
    host: url.host,
    hostname: url.hostname,
    path: url.path,
    search: url.params ? `?${url.params}` : "",
    hash: url.fragment ? `#${url.fragment}` : "",
  };
}

function tryParse(text: string, from?: string): Url | null {
  try {
    return parseUrl(text, from);
  } catch (error) {
    if (error instanceof UrlError) return null;
    throw error;
  }
}

/**
 * Whether the platform refuses what the standard allows (3.3), or keeps a drive
 * letter that ".." removes (4.2).
 */
function isKnownFault(ours: Reading, theirs: Reading): boolean {
  if (theirs === null) return /(?:^|\.)xn--/.test(ours?.hostname ?? "");
  return ours !== null && ours.path !== theirs.path &&
    DRIVE_REGEXP.test(theirs.path ?? "");
}

const DRIVE_REGEXP = /\/[A-Za-z](?:[:|]|%7C)(?:\/|$)/i;

function checkAgainstPlatform(
  texts: fc.Arbitrary<string>,
  options: { numRuns: number; minAccepted: number },
): void {
  let accepted = 0;
  let skipped = 0;
  fc.assert(
    fc.property(texts, base, (text, from) => {
      const ours = read(text, from);
      const theirs = readByPlatform(text, from);
      if (isKnownFault(ours, theirs)) skipped++;
      else assertEquals(ours, theirs);
      if (ours !== null) accepted++;
    }),
    { numRuns: options.numRuns },
  );
  assert(skipped < options.numRuns / 10, `${skipped} skipped`);
  assert(accepted >= options.minAccepted, `only ${accepted} accepted`);
}

Deno.test("parseUrl() parses 20,000 random mixtures of parts as the platform does", () => {
  checkAgainstPlatform(soup, { numRuns: 20_000, minAccepted: 4_000 });
});

Deno.test("parseUrl() parses 20,000 URLs with random parts as the platform does", () => {
  checkAgainstPlatform(structured, { numRuns: 20_000, minAccepted: 4_000 });
});

Deno.test("parseUrl() parses 3,000 texts of any kind as the platform does", () => {
  checkAgainstPlatform(anything, { numRuns: 3_000, minAccepted: 500 });
});

Deno.test("parseHost() parses 5,000 hosts as the platform does", () => {
  // These characters end the host in a URL, but are invalid in a host alone.
  const alone = host.filter((text) =>
    !/[\0- /\\?#@\t\n\r]|:(?!.*\])/.test(text)
  );
  fc.assert(
    fc.property(alone, (text) => {
      const theirs = readByPlatform(`http://${text}/`, undefined);
      const ours = read(`http://${text}/`, undefined);
      if (!isKnownFault(ours, theirs)) assertEquals(ours, theirs);
      if (ours !== null) assertEquals(parseHost(text), ours.hostname);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("Url stays the same when its href is parsed again", () => {
  fc.assert(
    fc.property(fc.oneof(soup, structured, anything), base, (text, from) => {
      const url = tryParse(text, from);
      fc.pre(url !== null);
      assert(/^[!-~]+$/.test(url.href));
      const reading = read(text, from);
      assertEquals(read(url.href, undefined), reading);
      // Url finds its path in another way if it is read first.
      assertEquals(parseUrl(url.href).path, reading?.path);
      assertEquals(url.with({}).href, url.href);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("normalEnd() and rareUrl() return the same URL as parsing its parts does", () => {
  const common = fc.tuple(fc.webUrl({ withQueryParameters: true }), partText)
    .map(([url, text]) => url + text);
  fc.assert(
    fc.property(fc.oneof(structured, common), (text) => {
      const end = normalEnd(text);
      const href = end === text.length ? text : rareUrl(text, end);
      fc.pre(href !== null);
      assertEquals(writeParts(parseParts(text, null, 0)), href);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("Url.with() lets no text spill into another part", () => {
  const url = parseUrl("https://user:pass@example.org:8443/a?b#c");
  const changes = fc.record({
    username: partText,
    password: partText,
    path: partText,
    params: fc.oneof(partText, fc.constant(null)),
    fragment: fc.oneof(partText, fc.constant(null)),
  }, { requiredKeys: [] });
  fc.assert(
    fc.property(changes, (parts) => {
      const changed = url.with(parts);
      assertEquals(changed.host, "example.org:8443");
      assertEquals(changed.protocol, "https");
      assertEquals(parseUrl(changed.href).href, changed.href);
      for (const part of ["username", "params", "fragment"] as const) {
        const wanted = part in parts ? parts[part] : url[part];
        assertEquals(decode(changed[part]), decode(wanted ?? null));
      }
    }),
    { numRuns: 3_000 },
  );
});

function decode(text: string | null): string | null {
  if (text === null) return null;
  return new TextDecoder().decode(percentDecode(text));
}
