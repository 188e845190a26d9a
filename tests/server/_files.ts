// Directories to serve, and requests for their files.

import { ensureDir } from "@std/fs/ensure-dir";
import { parseResponseHead } from "../../message/mod.ts";
import {
  type HttpServer,
  serve,
  serveDir,
  type ServeDirOptions,
} from "../../server/mod.ts";
import { exchange, octets } from "./_raw.ts";

/**
 * What is at a path: the content of a file, the target of a link, or a special
 * file. A path that ends in a slash is a directory.
 */
export type Content =
  | string
  | Uint8Array
  | { readonly link: string }
  | { readonly special: "fifo" | "socket" };

/** A directory that is removed at the end of its scope. */
export interface Tree extends AsyncDisposable {
  readonly path: string;
  /** Creates something, in place of what was there. */
  put(path: string, content: Content): Promise<void>;
}

/** Makes a directory. */
export async function makeTree(
  contents: Readonly<Record<string, Content>> = {},
): Promise<Tree> {
  const path = await Deno.makeTempDir({ prefix: "knock-" });
  const sockets = new DisposableStack();
  const tree: Tree = {
    path,
    put: (name, content) => put(`${path}/${name}`, content, sockets),
    async [Symbol.asyncDispose]() {
      sockets.dispose();
      await Deno.remove(path, { recursive: true });
    },
  };
  for (const [name, content] of Object.entries(contents)) {
    await tree.put(name, content);
  }
  return tree;
}

async function put(
  path: string,
  content: Content,
  sockets: DisposableStack,
): Promise<void> {
  await ensureDir(path.slice(0, path.lastIndexOf("/")));
  if (path.endsWith("/")) return;
  if (typeof content === "string") await Deno.writeTextFile(path, content);
  else if (content instanceof Uint8Array) await Deno.writeFile(path, content);
  else if ("link" in content) await Deno.symlink(content.link, path);
  else if (content.special === "fifo") await makeFifo(path);
  // Its file is removed when the listener is closed
  else sockets.use(Deno.listen({ transport: "unix", path }));
}

/** Makes a FIFO. */
async function makeFifo(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] })
    .output();
  if (!success) throw new Error(`Cannot make FIFO ${JSON.stringify(path)}`);
}

/** Serves a directory on a free port, and collects errors in `errors`. */
export function serveTree(
  root: string,
  options: ServeDirOptions = {},
): HttpServer & { readonly errors: unknown[] } {
  const errors: unknown[] = [];
  const server = serve(serveDir(root, options), {
    port: 0,
    onError: (error) => errors.push(error),
  });
  return Object.assign(server, { errors });
}

/** A response. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** Returns a field; null if it is missing. */
  field(name: string): string | null;
  /** The fields, one per line. */
  readonly fields: string;
}

/**
 * Requests a target as it is, and reads the response; its body has a character
 * for each byte.
 */
export async function ask(
  server: HttpServer,
  target: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
): Promise<Answer> {
  // HTTP/1.0 requires a length for these, even without a body
  const length = /^P/.test(method) ? { "Content-Length": "0" } : {};
  const fields = Object.entries({ Host: "localhost", ...length, ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const { text } = await exchange(
    server,
    `${method} ${target} HTTP/1.0\r\n${fields}\r\n`,
    { patience: 10_000 },
  );
  const head = parseResponseHead(
    octets(text.slice(0, text.indexOf("\r\n\r\n") + 4)),
  );
  if (head === null) throw new Error(`No answer to ${method} ${target}`);
  return {
    status: head.status,
    body: text.slice(head.size),
    field: (name) => head.headers.get(name),
    fields: head.headers.toString(),
  };
}
