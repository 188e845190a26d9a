// Stands in for the servers of curl's suite: HTTP over IPv4, IPv6, TLS and a
// unix socket, and a proxy. It responds as the test says.

import { octetsToText, textToOctets } from "../../message/_octets.ts";
import { closedPort } from "../client/_server.ts";
import type { Case } from "./_curl_case.ts";

type Kind = "http" | "http6" | "https" | "proxy" | "unix";

const TIMEOUT_MS = 15_000;
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** A server for one test. */
export class CurlServer {
  /** Set once the ports are known, because the test contains them. */
  case: Case | null = null;
  /** What was received: whole requests, and a remainder. */
  readonly requests: { readonly kind: Kind; readonly text: string }[] = [];
  readonly #listeners: ReadonlyMap<Kind, Deno.Listener>;
  readonly #conns = new Set<Deno.Conn>();
  #previous: number | null = null;
  #bounces = false;
  #isClosed = false;

  constructor(socketPath: string, tls: { cert: string; key: string }) {
    const here = { hostname: "127.0.0.1", port: 0 } as const;
    this.#listeners = new Map<Kind, Deno.Listener>([
      ["http", Deno.listen(here)],
      ["http6", Deno.listen({ hostname: "::1", port: 0 })],
      ["https", Deno.listenTls({ ...here, ...tls })],
      ["proxy", Deno.listen(here)],
      ["unix", Deno.listen({ transport: "unix", path: socketPath })],
    ]);
    for (const [kind, listener] of this.#listeners) {
      this.#accept(kind, listener).catch(() => {});
    }
  }

  /** The suite's variables for the ports. */
  get ports(): Record<string, string> {
    const port = (kind: Kind) =>
      String((this.#listeners.get(kind)!.addr as Deno.NetAddr).port);
    const [HTTPPORT, HTTP6PORT] = [port("http"), port("http6")];
    const [HTTPSPORT, PROXYPORT] = [port("https"), port("proxy")];
    const NOLISTENPORT = String(closedPort());
    return { HTTPPORT, HTTP6PORT, HTTPSPORT, PROXYPORT, NOLISTENPORT };
  }

  /** Waits for all connections to end, for up to a second. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (let i = 0; i < 100 && this.#conns.size > 0; i++) await pause(10);
    for (const listener of this.#listeners.values()) listener.close();
    for (const conn of this.#conns) closeQuietly(conn);
  }

  async #accept(kind: Kind, listener: Deno.Listener): Promise<void> {
    for await (const conn of listener) {
      this.#conns.add(conn);
      const timer = setTimeout(() => closeQuietly(conn), TIMEOUT_MS);
      this.#serve(kind, conn).catch(() => {}).finally(() => {
        clearTimeout(timer);
        if (this.#conns.delete(conn)) closeQuietly(conn);
      });
    }
  }

  async #serve(kind: Kind, conn: Deno.Conn): Promise<void> {
    const delay = this.#command("delay");
    if (delay) await pause(Number(delay));
    const buffer = { text: "" };
    let isOpen = true;
    while (isOpen) {
      const request = await this.#readRequest(conn, buffer);
      const text = request ?? buffer.text;
      if (text !== "") this.requests.push({ kind, text });
      if (request === null) return;
      isOpen = await this.#respond(request, { kind, conn, buffer });
    }
    await conn.closeWrite().catch(() => {});
    const end = pause(300).then(() => closeQuietly(conn));
    while (await more(conn, buffer).catch(() => false));
    await end;
  }

  #command(name: string): string | null {
    const line = this.case!.lines("reply/servercmd")
      .find((line) => line.startsWith(name));
    return line?.slice(name.length).replace(/^[: ]+|\s+$/g, "") ?? null;
  }

  /** Reads a request with its body; null if the connection ends first. */
  async #readRequest(conn: Deno.Conn, buffer: { text: string }) {
    const until = async (isThere: () => boolean) => {
      while (!isThere()) if (!await more(conn, buffer)) return false;
      return true;
    };
    const end = () => buffer.text.indexOf("\r\n\r\n") + 4;
    if (!await until(() => end() >= 4).catch(() => false)) return null;
    const head = buffer.text.slice(0, end());
    const isRefused = this.#command("auth_required") !== null &&
      !/^Authorization:/m.test(head);
    const [, announced = 0] = /^Content-Length:[ \t]*(\d+)/im.exec(head) ?? [];
    const body = Number(announced) - Number(this.#command("skip") ?? 0);
    const length = head.length + (isRefused ? 0 : Math.max(0, body));
    if (!await until(() => buffer.text.length >= length)) return null;
    const request = buffer.text.slice(0, length);
    buffer.text = buffer.text.slice(length);
    return request;
  }

  /** Sends the response of the test; returns whether to stay open. */
  async #respond(
    request: string,
    { kind, conn, buffer }: {
      readonly kind: Kind;
      readonly conn: Deno.Conn;
      readonly buffer: { text: string };
    },
  ): Promise<boolean> {
    if (this.#command("idle") !== null) return true;
    const send = (text: string) => writeAll(conn, textToOctets(text));
    while (this.#command("stream") !== null) await send("endless ".repeat(99));
    const [, method = "", target = ""] = /^(\S*) (.*) HTTP\/\d/.exec(request) ??
      [];
    const isTunnel = method === "CONNECT";
    const number = this.#numberOf(target, request, isTunnel);
    this.#previous = number;
    const name = isTunnel ? "reply/connect" : "reply/data";
    const reply = this.case!.text(name + (number || ""));
    this.#bounces = reply.includes("swsbounce");
    const gap = Number(this.#command("writedelay") ?? 0);
    const step = reply.length <= 20_000 || gap > 0 ? 20 : 4_000;
    for (let at = 0; at < reply.length; at += step) {
      await send(reply.slice(at, at + step));
      await pause(gap);
    }
    for (const line of this.case!.lines("reply/postcmd")) {
      await pause(1000 * Number(/^wait (\d+)/.exec(line)?.[1] ?? 0));
    }
    const closes = this.#command("swsclose") !== null || reply === "" ||
      reply.includes("swsclose");
    if (closes) return false;
    if (isTunnel && kind === "proxy" && /^HTTP\/1\.\d 2/.test(reply)) {
      await tunnel(conn, Number(target.split(":").at(-1)), buffer.text);
      return false;
    }
    return isTunnel || hasEnd(reply, method);
  }

  /** Returns the number of the reply for a request. */
  #numberOf(target: string, head: string, isTunnel: boolean): number {
    if (this.#bounces) {
      this.#bounces = false;
      return this.#previous! + 1;
    }
    const digits = /\/(\d+)[^/]*$/.exec(target)?.[1] ?? "0";
    const long = Number(digits) > 10_000 && !isTunnel;
    const number = long ? Number(digits) % 10_000 : 0;
    if (/^Authorization: Digest/m.test(head)) return number + 1000;
    const isBasic = /^Authorization: Basic/m.test(head);
    return number >= 1000 && isBasic ? number + 1 : number;
  }
}

/** Whether a client can find the end while the connection is open. */
function hasEnd(reply: string, method: string): boolean {
  const final = reply.replace(/^(?:HTTP\/\S+ 1(?!01)\d\d.*?\r?\n\r?\n)+/s, "");
  const [head = ""] = final.split(/\r?\n\r?\n/);
  return method === "HEAD" || /^\S+ (?:204|304)/.test(head) ||
    /^(?:Content-Length|Transfer-Encoding):/im.test(head);
}

async function more(conn: Deno.Conn, buffer: { text: string }) {
  const block = new Uint8Array(65_536);
  const count = await conn.read(block);
  buffer.text += octetsToText(block.subarray(0, count ?? 0));
  return count !== null;
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  while (bytes.length > 0) bytes = bytes.subarray(await conn.write(bytes));
}

async function tunnel(conn: Deno.Conn, port: number, first: string) {
  const other = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(other, textToOctets(first));
  const relay = async (from: Deno.Conn, to: Deno.Conn) => {
    await from.readable.pipeTo(to.writable, { preventClose: true })
      .catch(() => {});
    await to.closeWrite().catch(() => {});
  };
  await Promise.race([
    Promise.all([relay(conn, other), relay(other, conn)]),
    pause(TIMEOUT_MS),
  ]);
  closeQuietly(other);
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // it is closed
  }
}
