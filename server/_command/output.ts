// What the command prints: where it serves, and what that exposes.

import { usageError } from "../../command/errors.ts";
import { quote } from "../../command/quote.ts";
import { isLoopback } from "../_connection/admit.ts";
import { isInside } from "../_files/file_system.ts";
import { writeRequestPath } from "../_files/resolve.ts";
import { LineWriter, warn } from "../_line_writer.ts";
import type { HttpServer } from "../serve.ts";
import { secretFiles } from "./files.ts";
import type { Options } from "./options.ts";

/** The writer of all output: the addresses, the log, and what happens. */
export const stdout = new LineWriter(Deno.stdout, "to stdout");

/**
 * Writes what is printed at the start: what is served, where, and what is
 * exposed beyond the defaults.
 *
 * @throws {CommandError} If a QR code is asked for and nobody could use it.
 */
export async function bannerOf(server: HttpServer, options: Options) {
  const names = (options["url-root"] ?? "").split("/").filter(Boolean);
  const path = writeRequestPath(names, true);
  const urls = urlsOf(server).map((url) => url.replace(/\/$/, path));
  return [
    `Serving ${quote(options.root)} at`,
    ...urls.map((url) => `  ${url}`),
    ...names.length > 0 ? [`Listening on ${server.url}`] : [],
    ...withheldFrom(options).map((file) => `Not served: ${file}`),
    ...exposedBy(server, options).map((risk) => `Exposed: ${risk}`),
    ...options.qr ? await drawQrCode(server, urls) : [],
  ].join("\n");
}

function urlsOf({ addr, url }: HttpServer): string[] {
  if (!("hostname" in addr) || !isAnyAddress(addr.hostname)) return [url];
  const { hostname, port } = addr;
  const protocol = url.slice(0, url.indexOf("/"));
  const urlAt = (host: string) => `${protocol}//${host}:${port}/`;
  const local = urlAt(hostname === "::" ? "[::1]" : "127.0.0.1");
  const network = networkHosts(hostname)?.map(urlAt);
  return [local, ...network ?? ["(--allow-sys=networkInterfaces shows more)"]];
}

function isAnyAddress(hostname: string): boolean {
  return hostname === "0.0.0.0" || hostname === "::";
}

/**
 * Returns the addresses at which others on the network reach this machine; null
 * without the permission to ask. Link-local ones are left out: they mean
 * something only together with an interface, which no URL can name.
 */
function networkHosts(hostname: string): string[] | null {
  const permission = { name: "sys", kind: "networkInterfaces" } as const;
  if (Deno.permissions.querySync(permission).state !== "granted") return null;
  return Deno.networkInterfaces()
    .filter(({ address }) => !isLoopback(address) && !/^fe80:/i.test(address))
    .filter(({ family }) => family === "IPv4" || hostname === "::")
    .map(({ family, address }) => family === "IPv4" ? address : `[${address}]`);
}

/** Returns the secret files in the root, which are not served. */
function withheldFrom(options: Options): string[] {
  const root = Deno.realPathSync(options.root);
  return secretFiles(options)
    .filter(({ path }) => isInside(Deno.realPathSync(path), root))
    .map(({ flag, path }) => `${quote(path)}, the file of --${flag}`);
}

function exposedBy({ addr }: HttpServer, options: Options): string[] {
  const { cert, cors } = options;
  const isPublic = "hostname" in addr && !isLoopback(addr.hostname);
  const isPlain = options["auth-file"] !== undefined && cert === undefined;
  const origin = cors === "*" ? "any origin" : quote(cors ?? "");
  return [
    isPublic && "to everyone who can reach this machine",
    isPublic && isPlain && "passwords, which are sent without TLS",
    options.dotfiles && "files whose names start with a dot",
    options["follow-symlinks"] && "files outside the directory, through links",
    cors !== undefined && `to web pages of ${origin}`,
    options["allowed-hosts"] === "*" && "under any host name",
  ].filter((risk) => risk !== false);
}

/** In a variable, so that it is fetched only if somebody wants a code. */
const PACKAGE: string = "npm:uqr@~0.1.3";
/** White on black, whatever the colours of the terminal. */
const COLOR = "\x1b[97;40m";
const NO_COLOR = "\x1b[0m";

/**
 * Draws the URL of the server for others on the network as a QR code of half
 * blocks, if it is known and somebody can see it.
 *
 * @returns The lines of the picture.
 * @throws {CommandError} If others cannot reach the server.
 */
async function drawQrCode({ addr }: HttpServer, urls: readonly string[]) {
  if (!("hostname" in addr) || isLoopback(addr.hostname)) {
    const act =
      "Cannot draw a QR code of an address that only this machine can reach";
    throw usageError(`${act}: --host 0.0.0.0 serves the network`);
  }
  const url = urls[isAnyAddress(addr.hostname) ? 1 : 0];
  if (!url?.startsWith("http")) {
    warn("Cannot draw a QR code: no address on the network is known");
    return [];
  }
  if (!Deno.stdout.isTerminal()) return [];
  try {
    const { renderUnicodeCompact } = await import(PACKAGE);
    const picture: string = renderUnicodeCompact(url, { border: 2 });
    const lines = picture.split("\n");
    return Deno.noColor ? lines : lines.map((line) => COLOR + line + NO_COLOR);
  } catch (error) {
    const [reason] = (error as Error).message.split("\n");
    warn(`Cannot draw a QR code with ${PACKAGE}: ${reason}`);
    return [];
  }
}
