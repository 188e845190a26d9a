// What the command prints: where it serves, and what is decided about each request.

import { quote } from "../../command/quote.ts";
import { statusReason } from "../../message/mod.ts";
import { isLoopback } from "../_connection/admit.ts";
import type { Handler } from "../handler.ts";
import type { HttpServer } from "../serve.ts";
import type { Options } from "./options.ts";

/**
 * What is printed at the start: what is served, where, and what of it is open
 * beyond the defaults.
 */
export function bannerOf(server: HttpServer, options: Options): string {
  const urls = urlsOf(server).map((url) => `  ${url}`);
  const exposed = exposedBy(options);
  return [
    `Serving ${quote(options.root)} at`,
    ...urls,
    ...(exposed.length === 0 ? [] : [`Exposed: ${exposed.join("; ")}`]),
  ].join("\n");
}

function urlsOf({ addr, url }: HttpServer): string[] {
  if (!("hostname" in addr)) return [url];
  const { hostname, port } = addr;
  if (hostname !== "0.0.0.0" && hostname !== "::") return [url];
  const protocol = url.slice(0, url.indexOf("/"));
  const at = (host: string) => `${protocol}//${host}:${port}/`;
  const local = at(hostname === "::" ? "[::1]" : "127.0.0.1");
  const network = networkHosts(hostname)?.map(at);
  return [local, ...network ?? ["(--allow-sys=networkInterfaces shows more)"]];
}

/**
 * The addresses that others on the network reach this machine at; null if the
 * permissions do not let them be known.
 */
function networkHosts(hostname: string): string[] | null {
  const sys = { name: "sys", kind: "networkInterfaces" } as const;
  if (Deno.permissions.querySync(sys).state !== "granted") return null;
  return Deno.networkInterfaces()
    .filter(({ address }) => !isLoopback(address) && !isLinkLocal(address))
    .filter(({ family }) => family === "IPv4" || hostname === "::")
    .map(({ family, address }) => family === "IPv4" ? address : `[${address}]`);
}

/**
 * Such an address means something only together with an interface, which no URL
 * can name.
 */
function isLinkLocal(address: string): boolean {
  return address.toLowerCase().startsWith("fe80:");
}

function exposedBy(options: Options): string[] {
  const { unix, host = "127.0.0.1", cert, cors } = options;
  const isPublic = unix === undefined && !isLoopback(host);
  const isPlain = options["auth-file"] !== undefined && cert === undefined;
  const origin = cors === "*" ? "any origin" : quote(cors ?? "");
  const exposures: readonly (readonly [boolean, string])[] = [
    [isPublic, "to everyone who can reach this machine"],
    [isPublic && isPlain, "passwords, which are sent without TLS"],
    [options.dotfiles, "files whose names start with a dot"],
    [options["follow-symlinks"], "what links lead to elsewhere"],
    [cors !== undefined, `to web pages of ${origin}`],
    [options["allowed-hosts"] === "*", "under any host name"],
  ];
  return exposures.filter(([isExposed]) => isExposed).map(([, what]) => what);
}

/** Prints one decision about a request. */
export function printStep(step: string, finding: string): void {
  console.log(`  ${step.padEnd(11)}${finding}`);
}

/** Prints each request, and what came of it below the decisions about it. */
export function withExplanation(handler: Handler): Handler {
  return async (request) => {
    console.log(`${request.method} ${request.target} HTTP/${request.version}`);
    const result = await handler(request);
    const { status } = result;
    printStep("status", `${status} ${statusReason(status)}`);
    return result;
  };
}
