import { writeHelpRows, writeVersion } from "../../command/flags.ts";
import { ACCEPTED } from "./curl_flags.ts";
import { FLAGS, GROUPS } from "./flag_table.ts";

const WIDTH = 34;
const COMMON = GROUPS[0];

/** Writes the text of `--help`, which fits on one screen. */
export function writeHelp(): string {
  return `Usage: knock-get [FLAG...] URL...            (--help all has every flag)

${writeRows(COMMON)}

Least permissions (deno run ...): --allow-net, for -o and -O also
--allow-read=DIR --allow-write=DIR, for @FILE --allow-read=FILE. Examples:
  knock-get -i http://localhost:8000/
  knock-get -L -C - --retry 5 -O https://example.com/big.iso
  knock-get --json '{"name": "Ada"}' http://localhost:8000/people
`;
}

/** Writes the text of `--help all`. */
export function writeWholeHelp(): string {
  const groups = GROUPS.map((group) => `${group}:\n${writeRows(group)}\n`);
  return `Fetch URLs over HTTP/1.0, and see what goes over the wire.

Usage: knock-get [FLAG...] URL...

${groups.join("\n")}
Accepted, for it is so already:
${writeHelpRows(ACCEPTED, WIDTH)}

A URL without a protocol gets http://; {a,b}, [1-9] and [a-z:2] in it stand for
several, @FILE for those in a file. #1 in -o is what the first of them became.
The body goes to stdout, all else to stderr. --name=value, --no-name and letters
together (-sSfLo FILE) are understood. Other flags of curl say why they are not
here.

Least permissions (deno run ...): --allow-net, but for --anatomy; --allow-read
and --allow-write for the files named, and for the folders of -o, -O and -c, as
FILE.knock is written first; --allow-env=HOME --allow-read=.netrc for -n; and
--allow-env=http_proxy,https_proxy,all_proxy,no_proxy for proxies but -x.

Exit codes are curl's: 0 all is well, 2 wrong use, 3 malformed URL, 6 no such
host, 7 cannot connect, 8 malformed response, 18 cut short, 22 error status with
-f, 23 cannot write, 26 cannot read, 28 too slow, 33 wrong range, 35 TLS
failed, 47 too many redirects, 52 empty response, 56 connection broke, 60
certificate not trusted, 61 wrong coding, 63 too large. Of several URLs, the
last one that failed decides.
`;
}

/** Writes the text of `--version`, in the words of curl's. */
export function writeClientVersion(): string {
  return `${writeVersion()}
Protocols: http https
Features: brotli cookies gzip HTTP/1.0 IDN IPv6 netrc proxy PSL SSL UnixSockets
`;
}

function writeRows(group: string): string {
  return writeHelpRows(FLAGS.filter((flag) => flag[4] === group), WIDTH);
}
