import { quote } from "../../command/quote.ts";
import { isLoopback } from "../_connection/host_guard.ts";
import type { HttpServer } from "../serve.ts";
import type { Flags } from "./flags.ts";

/**
 * What is printed at the start: what is served, where, and what of it is open
 * beyond the defaults.
 */
export function bannerOf(server: HttpServer, flags: Flags): string {
  const urls = urlsOf(server).map((url) => `  ${url}`);
  const exposed = exposedBy(flags);
  return [
    `Serving ${quote(flags.root)} at`,
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

function exposedBy(flags: Flags): string[] {
  const isPublic = flags.unix === undefined &&
    !isLoopback(flags.host ?? "127.0.0.1");
  const isPlain = flags["auth-file"] !== undefined && flags.cert === undefined;
  const exposures: readonly (readonly [boolean, string])[] = [
    [isPublic, "to everyone who can reach this machine"],
    [isPublic && isPlain, "passwords, which are sent without TLS"],
    [flags.dotfiles, "files whose names start with a dot"],
    [flags["follow-symlinks"], "what links lead to elsewhere"],
    [flags.cors !== undefined, `to web pages of ${corsName(flags.cors)}`],
    [flags["allowed-hosts"] === "*", "under any host name"],
  ];
  return exposures.filter(([isExposed]) => isExposed).map(([, what]) => what);
}

function corsName(origin: string | undefined): string {
  return origin === "*" ? "any origin" : quote(origin ?? "");
}
