// Compares parseUrl() with the platform's URL, in one run:
// deno bench tests/bench/url.ts
//
// Each iteration parses a URL and reads its href. The last groups also
// read its parts, and parse URLs that must be normalized.
import { parseUrl } from "../../url/mod.ts";

const USUAL = {
  "a host": "http://example.com/",
  "protocol, host, path, params":
    "http://www.example.com/docs/index.html?lang=en&page=2",
  "an address and a port": "http://127.0.0.1:8080/images/logo.png",
  "every part":
    "https://user:secret@example.com:8443/docs/index.html?lang=en#top",
};

const UNUSUAL = {
  "no slash after the host": "http://example.com",
  "upper case": "HTTP://EXAMPLE.COM/Docs/",
  "default port and dot segments": "http://example.com:80/a/../b",
  "characters to encode": "http://example.com/my file?q=ü",
  "an IPv6 address": "http://[2001:db8::1]:8080/",
  "a domain beyond ASCII": "http://bücher.example/",
};

for (const [group, text] of Object.entries({ ...USUAL, ...UNUSUAL })) {
  Deno.bench("platform", { group, baseline: true }, () => {
    new URL(text).href;
  });
  Deno.bench("parseUrl()", { group }, () => {
    parseUrl(text).href;
  });
}

for (const [name, text] of Object.entries(USUAL)) {
  const group = `${name}; host and path too`;
  Deno.bench("platform", { group, baseline: true }, () => {
    const url = new URL(text);
    url.href + url.host + url.pathname;
  });
  Deno.bench("parseUrl()", { group }, () => {
    const url = parseUrl(text);
    url.href + url.host + url.path;
  });
}

for (const size of [250_000, 1_000_000]) {
  const group = `${size.toLocaleString("en")} characters`;
  const text = `http://example.com/${"a/../ü".repeat(size / 6)}`;
  Deno.bench("platform", { group, baseline: true }, () => {
    new URL(text).href;
  });
  Deno.bench("parseUrl()", { group }, () => {
    parseUrl(text).href;
  });
}
