import fc from "npm:fast-check@^4.10.2";

/** Pieces with a meaning in some part of a URL, valid or not. */
const PIECES: readonly string[] = [
  ..."\0\t\n\r\x1f\x7f !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
  ...["//", "///", "\\\\", "://", "..", "/./", "/../", "%2e", "/%2E%2e/"],
  ...["http:", "HTTPS:", "ftp:", "foo:", "user", "u:p@", "a", "Z", "0", "9"],
  ...["localhost", "example.com", "EXAMPLE.com", "www.", "index.html"],
  ...[":80", ":443", ":8080", ":0", ":0080", ":65535", ":65536", ":"],
  ...["127.0.0.1", "0x7f", "0177", "0x", "08", "256", "4294967295", "1.2.3"],
  ...["[::1]", "[1::2:3]", "[0:0:1::1.2.3.4]", "[::1%25a]", "1::2", "[v1]"],
  ...["%41", "%00", "%20", "%25", "%zz", "%C3%9F", "%c3", "%EF%BC%85"],
  ...["\x80", "\xad", "\xa0", "ß", "ü", "İ", "Σ", "ς", "ẞ", "ﬁ", "א", "\u0661"],
  ...["１２", "。", "．", "：", "／", "＠", "①", "\u0338", "\u200b", "\u200d"],
  ...["\u3000", "\u202e", "\ufeff", "\ufffd", "\ud800", "\udc00", "💩", "𝟏"],
  ...["xn--", "xn--fa-hia", "XN--a"],
];

const piece = fc.constantFrom(...PIECES);

/** Random characters and pieces. */
export const soup: fc.Arbitrary<string> = fc.tuple(
  fc.constantFrom(
    "",
    "http://",
    "https://",
    "http:",
    "//",
    "///",
    "https:\\\\",
  ),
  fc.array(piece, { maxLength: 8 }),
).map(([start, pieces]) => start + pieces.join(""));

const number = fc.tuple(
  fc.oneof(fc.nat(300), fc.nat(0xffff_ffff), fc.constant(2 ** 32)),
  fc.constantFrom(10, 16, 8),
).map(([value, radix]) =>
  ({ 10: "", 16: "0x", 8: "0" })[radix] + value.toString(radix)
);
const ipv4 = fc.array(number, { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join("."));
const ipv6 = fc.tuple(
  fc.array(
    fc.oneof(fc.constant("0"), fc.nat(0xffff).map((n) => n.toString(16))),
    {
      maxLength: 8,
    },
  ),
  fc.array(
    fc.oneof(fc.constant("0"), fc.nat(0xffff).map((n) => n.toString(16))),
    {
      maxLength: 5,
    },
  ),
  fc.constantFrom("::", ":"),
).map(([head, tail, middle]) =>
  `[${head.join(":")}${middle}${tail.join(":")}]`
);
const label = fc.string({ minLength: 1, maxLength: 6 });
const domain = fc.array(fc.oneof(label, piece, fc.constant("example")), {
  minLength: 1,
  maxLength: 4,
}).map((labels) => labels.join("."));

/** Texts that could be a host. */
export const host: fc.Arbitrary<string> = fc.oneof(
  ipv4,
  ipv6,
  domain,
  fc.domain(),
);

const text = fc.oneof(
  fc.string({ maxLength: 10 }),
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join("")),
);

/** URLs with their parts in the right places, valid or not. */
export const structured: fc.Arbitrary<string> = fc.record({
  protocol: fc.constantFrom("http://", "https://", "HtTp:/\\", "//"),
  userinfo: fc.oneof(fc.constant(""), text.map((value) => `${value}@`)),
  host,
  port: fc.oneof(fc.constant(""), fc.nat(70_000).map((port) => `:${port}`)),
  path: fc.oneof(
    fc.constant(""),
    fc.webPath(),
    text.map((value) => `/${value}`),
  ),
  params: fc.oneof(fc.constant(""), text.map((value) => `?${value}`)),
  fragment: fc.oneof(fc.constant(""), text.map((value) => `#${value}`)),
}).map((parts) => Object.values(parts).join(""));

/** Any text, mostly invalid. */
export const anything: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
);

/** A base URL in normal form, or none. */
export const base: fc.Arbitrary<string | undefined> = fc.constantFrom(
  undefined,
  undefined,
  "http://example.org/a/b?q#f",
  "https://user:pass@example.org:8443/a/",
  "http://h/",
  "https://example.org//x/../y?",
);

/** Any text for one part of a URL. */
export { text as partText };
