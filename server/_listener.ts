import type { ServeOptions } from "./serve.ts";

/**
 * Find the address and port, create a socket, bind it, listen: a server's first
 * four steps.
 */
export function openListener(options: ServeOptions): Deno.Listener {
  const { cert, key, path, hostname = "127.0.0.1", port = 8000 } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("Cannot serve: TLS needs both cert and key");
  }
  if (path !== undefined) {
    if (cert !== undefined) {
      throw new TypeError(
        "Cannot serve: TLS goes with a port, not with a unix socket",
      );
    }
    removeStaleSocket(path);
    return Deno.listen({ transport: "unix", path });
  }
  const address = {
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port,
    ...(options.reusePort ? { reusePort: true } : {}),
  };
  return cert === undefined || key === undefined
    ? Deno.listen(address)
    : Deno.listenTls({ ...address, cert, key });
}

/**
 * A server that was killed leaves its socket behind, and binding to it fails;
 * other files are left alone.
 */
function removeStaleSocket(path: string): void {
  try {
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Host and port for a URL, without the port that goes without saying. */
export function authorityOf(
  addr: Deno.Addr,
  protocol: "http" | "https",
): string {
  if (!("hostname" in addr)) return "localhost";
  const host = addr.hostname.includes(":")
    ? `[${addr.hostname}]`
    : addr.hostname;
  return addr.port === (protocol === "https" ? 443 : 80)
    ? host
    : `${host}:${addr.port}`;
}
