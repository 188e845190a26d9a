import {
  collectValues,
  type Flag,
  listTokens,
  missingValue,
  type Token,
  value,
  type Values,
  writeHelpRows,
} from "../../command/flags.ts";
import { parseFormPart } from "./form.ts";

const UNITS = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

const COUNT = value("COUNT", "a whole number", /^\d{1,9}$/, Number);
/** In milliseconds. */
const SECONDS = value(
  "SECONDS",
  "seconds, such as 2.5",
  /^(?=.*[1-9])\d{1,9}(?:\.\d{1,6})?$/,
  (text) => Number(text) * 1000,
);
const BYTES = value(
  "BYTES",
  "bytes, such as 10M",
  /^(\d{1,12})([KMGT]?)$/i,
  (_, digits, unit) =>
    Number(digits) * UNITS[unit.toUpperCase() as keyof typeof UNITS],
);
/** As the value of `Range`. */
const RANGE = value(
  "FROM-TO",
  "bytes, such as 0-499 or -500",
  /^\d*-\d*(?:,\d*-\d*)*$/,
  (text) => `bytes=${text}`,
);
/** Name and value of a field; null as its value leaves one out. */
const LINES = value(
  "LINE...",
  '"Name: value"',
  /^([^:;]+)(?::[ \t]*(.*)|;)$/s,
  (_, name, value) => [name, value === "" ? null : value ?? ""] as const,
);
const USER = value(
  "NAME:PASSWORD",
  "NAME:PASSWORD, where either may be empty",
  /^([^:]*):(.*)$/s,
  (_, username, password) => ({ username, password }),
);
/** Host with port, and its addresses. */
const ADDRESSES = value(
  "HOST:PORT:IP...",
  "HOST:PORT:IP",
  /^\+?((?:\[[^\]]+\]|[^:[]+):\d{1,5}):(.+)$/,
  (_, host, addresses) => [host.toLowerCase(), addresses.split(",")] as const,
);
/** A part of a form. */
const PARTS = value(
  "PART...",
  "NAME=TEXT or NAME=@FILE",
  /^([^=]+)=(.*)$/s,
  (_, name, text) => parseFormPart(name, text),
);
const DATA = value("DATA...", "data", /^.*$/s, String);

/**
 * Every flag of the command, in the order of the help. Letters and names are
 * curl's where curl has them.
 */
export const FLAGS = [
  ["X", "request", "METHOD", "use this method"],
  ["H", "header", LINES, 'send "Name: value"; "Name:" leaves one out'],
  ["d", "data", DATA, "post as a form; @FILE reads it, @- reads stdin"],
  ["", "data-raw", DATA, "the same, but @ means nothing"],
  ["", "data-binary", DATA, "the same, but a file's line ends are kept"],
  ["", "json", DATA, "the same, as application/json"],
  ["F", "form", PARTS, "post as multipart: NAME=TEXT or NAME=@FILE"],
  [
    "T",
    "upload-file",
    "FILE...",
    "put a file; - reads stdin; one for each URL",
  ],
  ["G", "get", "", "get, with the data of -d in the URL"],
  ["o", "output", "FILE...", "write the body there once it is whole; - stdout"],
  ["O", "remote-name", "", "the same, named as in the URL; never overwrites"],
  ["i", "include", "", "show the head of the answer too"],
  ["I", "head", "", "ask for the head only, and show it"],
  ["v", "verbose", "", "show both heads as they are on the wire, and why"],
  ["L", "location", "", "follow redirects"],
  ["", "max-redirs", COUNT, "follow so many at most (20)"],
  ["u", "user", USER, "sign in by Basic"],
  ["n", "netrc", "", "sign in with what ~/.netrc says for the host"],
  ["A", "user-agent", "TEXT", "send this as User-Agent"],
  ["x", "proxy", "URL", "ask this HTTP proxy ($http_proxy, $https_proxy)"],
  ["", "noproxy", "HOSTS", "ask no proxy for these ($no_proxy); * is all"],
  ["", "cacert", "FILE", "trust the certificates of this PEM file"],
  ["E", "cert", "FILE", "show the server this certificate"],
  ["", "key", "FILE", "the private key of that certificate"],
  ["k", "insecure", "", "is refused, and says what to do instead"],
  ["m", "max-time", SECONDS, "give up a transfer after so long"],
  ["", "connect-timeout", SECONDS, "give up connecting after so long (10)"],
  ["", "retry", COUNT, "try again when the failure may pass"],
  ["C", "continue-at", "-", "go on with a cut download, if nothing changed"],
  ["r", "range", RANGE, "ask for these bytes only"],
  ["f", "fail", "", "exit with 22, without a body, from status 400 on"],
  ["s", "silent", "", "no progress bar and no error message"],
  ["S", "show-error", "", "an error message even with -s"],
  ["4", "ipv4", "", "use IPv4 addresses only"],
  ["6", "ipv6", "", "use IPv6 addresses only"],
  ["", "resolve", ADDRESSES, "use this address for that host"],
  ["", "unix-socket", "PATH", "connect to this socket"],
  ["", "compressed", "", "ask for a compressed body, and unpack it"],
  ["b", "cookie", "DATA...", 'send "name=value", or the cookies of a file'],
  ["c", "cookie-jar", "FILE", "write the cookies to this file at the end"],
  ["", "max-filesize", BYTES, "refuse a longer body; K, M, G are understood"],
  ["", "stderr", "FILE", "write there what would go to stderr"],
  ["Z", "parallel", "", "fetch all URLs at once"],
  ["", "explain", "", "show the five steps of a client as they happen"],
  ["", "timing", "", "show how long each step took"],
  ["", "anatomy", "", "draw the URL, and where each part of it goes"],
  ["h", "help", "", "show this text"],
  ["V", "version", "", "show the version"],
] as const satisfies readonly Flag[];

const OUTPUT = FLAGS.find(([, name]) => name === "output")!;

/**
 * What the user asked for: the flags by name, those of the data once more as
 * names and values in their order, and the URLs.
 */
export type Options = Values<typeof FLAGS> & {
  readonly parts: readonly (readonly [name: string, value: string])[];
  readonly urls: readonly string[];
};

/**
 * Reads the arguments of the command.
 *
 * @throws {CommandError} If a flag is unknown or makes no sense.
 */
export function parseOptions(args: readonly string[]): Options {
  const tokens = [...listTokens(FLAGS, args)].map(joinOutputs);
  const values = collectValues(FLAGS, tokens);
  const parts = tokens.flatMap(({ flag, text }) =>
    flag?.[2] === DATA ? [[flag[1], text!] as const] : []
  );
  return { ...values, parts, urls: values.operands };
}

/** One list keeps the order in which -o and -O stand: each is for one URL. */
function joinOutputs(token: Token): Token {
  const name = token.flag?.[1];
  if (name === "remote-name") return { ...token, flag: OUTPUT, text: "" };
  if (name === "output" && token.text === "") throw missingValue(token);
  return token;
}

/** Writes the text of `--help`. */
export function writeHelp(): string {
  return `Fetch URLs over HTTP/1.0, and see what goes over the wire.

Usage: deno task get [FLAG...] URL...

${writeHelpRows(FLAGS, 32)}

A URL without a protocol gets http://. The body goes to stdout, all else to
stderr. --name=value and letters together (-sSfLo FILE) are understood.

Least permissions (deno run ...):
  --allow-net              for everything; --anatomy needs none
  --allow-read=DIR --allow-write=DIR
                           for -o, -O, -C and -c; FILE.knock is written first
  --allow-write=FILE       for --stderr
  --allow-read=FILE        for -T, -b, --cacert, --cert, --key and @FILE
  --allow-env=http_proxy,https_proxy,all_proxy,no_proxy
                           for proxies; without it there is none but -x
  --allow-env=HOME --allow-read=.netrc
                           for -n

Examples:
  deno task get -i http://localhost:8000/
  deno task get -L -C - --retry 5 -O https://example.com/big.iso
  deno task get --json '{"name": "Ada"}' http://localhost:8000/people

Exit codes are curl's: 0 all is well, 2 wrong use, 3 malformed URL, 6 no such
host, 7 cannot connect, 8 malformed answer, 18 cut short, 22 error status with
-f, 23 cannot write, 26 cannot read, 28 too slow, 33 cannot resume, 35 TLS
failed, 47 too many redirects, 52 empty answer, 56 connection broke, 60
certificate not trusted, 61 wrong coding, 63 too large. Of several URLs, the
last one that failed decides.
`;
}
