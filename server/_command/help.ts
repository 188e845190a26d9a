import { FLAGS } from "./flags.ts";

const INTRODUCTION = `Serves a directory, or one file, over HTTP/1.0.

Usage: serve [FLAGS] [DIR | FILE]     (the current directory if there is none)
`;

const CLOSING = `
Permissions: --allow-net --allow-read. With --allow-sys=networkInterfaces it
prints the addresses on the network, too; --unix PATH needs --allow-write=PATH.

Examples:
  serve ./public                              this machine only, port 8000
  serve --host 0.0.0.0 -p 8080 slides.pdf     one file, for the whole network
  serve --fallback index.html --cors ./dist   an app with its own routes
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
