import { writeHelpRows, writeVersion } from "../../command/flags.ts";
import { ACCEPTED } from "./curl_flags.ts";
import { COMMON, FLAGS } from "./flag_table.ts";

const WIDTH = 34;

/** Writes the text of `--help`, which fits on one screen, or `--help all`. */
export function writeHelp(topic?: string): string {
  if (topic === "all") return writeWholeHelp();
  const common = FLAGS.filter((flag) => flag[4] === COMMON);
  return `Usage: knock-get [FLAG...] URL...          (--help all lists every flag)

${writeHelpRows(common, WIDTH)}

Least permissions (deno run ...): --allow-net; -o and -O also need
--allow-read=DIR --allow-write=DIR, @FILE needs --allow-read=FILE. Examples:
  knock-get -i http://localhost:8000/
  knock-get -L -C - --retry 5 -O https://example.com/big.iso
  knock-get --json '{"name": "Ada"}' http://localhost:8000/people
`;
}

function writeWholeHelp(): string {
  const groups = Object.entries(Object.groupBy(FLAGS, (flag) => flag[4]))
    .map(([title, flags]) => `${title}:\n${writeHelpRows(flags, WIDTH)}\n`);
  return `Fetch URLs over HTTP/1.0, and see what goes over the wire.

Usage: knock-get [FLAG...] URL...

${groups.join("\n")}
Accepted, but without effect:
${writeHelpRows(ACCEPTED, WIDTH)}

A URL without a protocol gets http://. In URLs, {a,b}, [1-9] and [a-z:2] stand
for several values; #1 in -o stands for the first of them. @FILE reads URLs from
a file. The body goes to stdout, everything else to stderr. --name=value,
--no-name and joined letters (-sSfLo FILE) work. Other flags of curl say why
they are not supported.

Least permissions (deno run ...): --allow-net, except for --anatomy;
--allow-read and --allow-write for the files you name, and for the folders of
-o, -O and -c, because FILE.knock is written first; --allow-env=HOME
--allow-read=.netrc for -n; and for proxies other than that of -x,
--allow-env=http_proxy,https_proxy,all_proxy,no_proxy.

Exit codes are curl's: 0 success, 2 wrong usage, 3 malformed URL, 6 no such
host, 7 cannot connect, 8 malformed response, 18 cut short, 22 error status with
-f, 23 cannot write, 26 cannot read, 28 too slow, 33 wrong range, 35 TLS
failed, 47 too many redirects, 52 empty response, 56 connection broke, 60
certificate not trusted, 61 wrong coding, 63 too large; the last failure counts.
`;
}

/** Writes the text of `--version`, in the format of curl's. */
export function writeClientVersion(): string {
  return `${writeVersion()}
Protocols: http https
Features: brotli cookies gzip HTTP/1.0 IDN IPv6 netrc proxy PSL SSL UnixSockets
`;
}
