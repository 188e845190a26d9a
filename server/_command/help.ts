import { FLAGS } from "./flags.ts";

const INTRODUCTION = `Serves a directory, or one file, over HTTP/1.0.

Usage: deno task serve [FLAG...] [DIR | FILE]   (the current directory if none)
`;

const CLOSING = `
Least permissions (deno run ...):
  --allow-net --allow-read        for everything but
  --allow-write=PATH              for --unix PATH
  --allow-sys=networkInterfaces   to print the addresses on the network, too
  --unstable-net                  for --workers, which is for Linux

Examples:
  deno task serve ./public                    this machine only, port 8000
  deno task serve --host 0.0.0.0 slides.pdf   one file, for the whole network
  deno task serve --fallback index.html dist  an app with its own routes
`;

/** The help: every flag, the least permissions, three examples. */
export function helpText(): string {
  const rows = FLAGS.map(([letter, name, value, purpose]) => {
    const short = letter === "" ? "    " : `-${letter}, `;
    const separator = value === "" ? "" : value.startsWith("[") ? "" : " ";
    const shown = value.startsWith("[") ? `[=${value.slice(1)}` : value;
    return `  ${`${short}--${name}${separator}${shown}`.padEnd(28)}${purpose}`;
  });
  return `${INTRODUCTION}\n${rows.join("\n")}\n${CLOSING}`;
}
