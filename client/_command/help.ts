import { FLAGS } from "./flags.ts";

const WIDTH = 32;

const FOOT = `
A URL without a protocol gets http://. The body goes to stdout, all else to
stderr. --name=value and letters together (-sSfLo FILE) are understood.

Least permissions (deno run ...):
  --allow-net              for everything; --anatomy needs none
  --allow-read=DIR --allow-write=DIR
                           for -o, -O and -C, which write to FILE.knock first
  --allow-write=FILE       for -c and --stderr
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

/** Writes the text of `--help`. */
export function writeHelp(): string {
  const lines = FLAGS.map(([letter, name, value, help]) => {
    const letters = letter === "" ? "    " : `-${letter}, `;
    const flag = `  ${letters}--${name} ${value.replace("...", "")}`;
    const gap = flag.length < WIDTH
      ? " ".repeat(WIDTH - flag.length)
      : "\n" + " ".repeat(WIDTH);
    return flag + gap + help;
  });
  return `Fetch URLs over HTTP/1.0, and see what goes over the wire.

Usage: deno task get [FLAG...] URL...

${lines.join("\n")}
${FOOT}`;
}

/** Writes the text of `--version`. */
export async function writeVersion(): Promise<string> {
  const config = await import("../../deno.json", { with: { type: "json" } });
  return `${config.default.name} ${config.default.version}\n`;
}
