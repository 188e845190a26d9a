import {
  BYTES,
  collectValues,
  type Flag,
  listTokens,
  missingValue,
  value,
  type Values,
  writeHelpRows,
} from "../../command/flags.ts";
import { usageError } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { isValidHost } from "../../message/mod.ts";
import { rangeBits } from "../../url/host.ts";
import type { AccessLogFormat } from "../access_log.ts";

const PORT = wholeNumber("PORT", 0, 65_535);
const MAX_AGE = wholeNumber("SECONDS", 0, 31_536_000);
const TTL = wholeNumber("SECONDS", 0, 86_400);
const CONNECTIONS = wholeNumber("COUNT", 1, 1_000_000);
/** More would be a typing mistake. */
const WORKERS = wholeNumber("COUNT", 1, 256);
/** An origin as browsers send it: in lower case, without the default port. */
const ORIGIN = value(
  "[=ORIGIN]",
  "an origin such as https://a.example, or *",
  /^(?:\*?|(?!http:.*:80$|https:.*:443$)[a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?)$/,
  (text) => text || "*",
);
const HOSTS = value(
  "NAMES",
  "names such as a.example, separated by commas, or *",
  /^(?:\*|[^*]+)$/,
  (text) => {
    if (text === "*") return text;
    const names = text.split(/ ?, ?/);
    const isWrong = names.some((it) => /^\.|^$/.test(it) || !isValidHost(it));
    return isWrong ? null : names;
  },
);
const FORMAT = value(
  "FORMAT",
  "none, common, combined, json",
  /^(?:none|common|combined|json)$/,
  (text) => text as "none" | AccessLogFormat,
);
const LINES = value(
  "LINE...",
  '"Name: value"',
  /^([^:]*):[ \t]*(.*?)[ \t]*$/s,
  (_, name, value) => [name, value] as const,
);

const TYPES = value(
  "EXT=TYPE...",
  "an extension and a media type, such as glb=model/gltf-binary",
  /^\.?([^.=\s]+)=([\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:; *[\w-]+=[\w-]+)*)$/,
  (_, extension, type) => [extension, type] as const,
);

/** As the bits that the addresses of each range begin with, or `unix`. */
const RANGES = value(
  "RANGES",
  "addresses such as 10.0.0.0/8, or unix, separated by commas",
  /^.*$/s,
  (text) => {
    const starts = text.toLowerCase().split(/ ?, ?/)
      .map((range) => range === "unix" ? range : rangeBits(range));
    return starts.every((start) => start !== null) ? starts : null;
  },
);

/** Every flag of the command, in the order of the help. */
const FLAGS = [
  ["p", "port", PORT, "listen on this port (8000, or the next free one)"],
  ["", "host", "ADDRESS", "listen on this address (127.0.0.1); 0.0.0.0: all"],
  ["", "unix", "PATH", "listen on this Unix socket instead"],
  ["", "cert", "FILE", "use TLS with this certificate chain (PEM)"],
  ["", "key", "FILE", "use this private key with --cert (PEM)"],
  ["", "allowed-hosts", HOSTS, "accept these names in Host too; *: any"],
  ["", "url-root", "PATH", "serve the directory under this URL path (/)"],
  ["", "no-dir-listing", "", "show no directory lists"],
  ["", "dotfiles", "", "serve files whose names start with a dot"],
  ["", "follow-symlinks", "", "follow links that lead out of the directory"],
  ["", "clean-urls", "", "serve page.html for /page"],
  ["", "fallback", "FILE", "serve FILE for missing paths without extension"],
  ["", "cors", ORIGIN, "let pages from ORIGIN (any) read everything"],
  ["H", "header", LINES, 'send "Name: value" with everything; repeatable'],
  ["", "max-age", MAX_AGE, "let clients cache files for this long (0)"],
  ["", "type", TYPES, "send .EXT files as this type; repeatable"],
  ["", "cache-ttl", TTL, "check a file again after this long; 0: always"],
  ["", "cache-size", BYTES, "keep at most this much of files in memory (64M)"],
  ["", "auth-file", "FILE", "ask for a password; FILE has user:password lines"],
  ["", "max-connections", CONNECTIONS, "serve up to this many at once (1024)"],
  ["", "workers", WORKERS, "serve with this many threads, one per core (1)"],
  ["", "qr", "", "show the network address as a QR code"],
  ["", "log", FORMAT, "log as common (default), combined, json or none"],
  ["", "trusted-proxies", RANGES, "log the clients they report (CIDR, unix)"],
  ["q", "quiet", "", "print only errors"],
  ["", "explain", "", "show the seven steps and every decision"],
  ["", "one-at-a-time", "", "serve one connection at a time; others wait"],
  ["h", "help", "", "show this help"],
  ["V", "version", "", "show the version"],
] as const satisfies readonly Flag[];

/** What the user asked for: the flags by name, and what to serve. */
export type Options = Values<typeof FLAGS> & { readonly root: string };

/**
 * Parses the arguments of the command.
 *
 * @throws {CommandError} If a flag is unknown, a value is invalid, or there are
 *   two roots.
 */
export function parseOptions(args: readonly string[]): Options {
  // Some people write -p=8080
  const normalized = args.map((arg) => arg.replace(/^-([pH])=/, "-$1"));
  const tokens = [...listTokens(FLAGS, normalized)];
  const empty = tokens.find(({ text }) => text === "");
  if (empty !== undefined) throw missingValue(empty);
  const values = collectValues(FLAGS, tokens);
  const [root = ".", ...more] = values.operands;
  if (more.length === 0) return { ...values, root };
  const roots = values.operands.map(quote).join(" and ");
  throw usageError(`Cannot serve ${roots}: one at a time`);
}

function wholeNumber(name: string, min: number, max: number) {
  const expected = `a whole number from ${min} to ${max}`;
  return value(name, expected, /^\d{1,9}$/, (text) => {
    const number = Number(text);
    return number >= min && number <= max ? number : null;
  });
}

/** Writes the help: every flag, the least permissions, and three examples. */
export function writeHelp(): string {
  return `Serve a directory, or one file, over HTTP/1.0.

Usage: knock-serve [FLAG...] [DIR | FILE]   (default: current directory)

${writeHelpRows(FLAGS, 31)}

Least permissions (deno run ...):
  --allow-net --allow-read        always; besides that,
  --allow-write=PATH              for --unix PATH
  --allow-sys=networkInterfaces   to show the network addresses
  --unstable-net                  for --workers (Linux only)

Examples:
  knock-serve ./public                    this machine only, port 8000
  knock-serve --host 0.0.0.0 slides.pdf   one file, for the whole network
  knock-serve --fallback index.html dist  an app with its own routes
`;
}
